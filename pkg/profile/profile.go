package profile

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of what is read. Profiles of whole compilers stay far below them.
const (
	maxCounters  = 1024
	maxFunctions = 200_000
	// maxLines bounds the instructions of one function.
	maxLines = 1 << 20
	// maxExpanded bounds one compressed section, in bytes once expanded.
	maxExpanded = 32 << 20
	// maxText bounds the texts of one function's instructions together, in bytes: many may name the same one.
	maxText = 32 << 20
	// maxSummary is how much of the counters' text LNT keeps, in characters.
	maxSummary = 512
)

// Counter is what was counted over the whole program, such as cycles; an absolute number.
type Counter struct {
	Name  string
	Value uint64
}

// Share is what part of a counter fell on a function, or on an instruction of it: percent of the whole program, or of the function.
// As a file has it, it may be no number.
type Share struct {
	Name    string
	Percent float32
}

// Function is one function of the program.
type Function struct {
	Name string
	// Length is the number of its instructions.
	Length uint64
	// Shares are in the order of the file.
	Shares []Share
	// Where its first instruction is in the expanded sections, in bytes.
	counters, addresses, texts uint64
}

// Profile is a profile whose index was read. It keeps the bytes it was read from.
type Profile struct {
	// Format is how the texts of instructions are to be read: "raw", or "marked-up-disassembly".
	Format string
	// Counters and Functions are in the order of the file.
	Counters  []Counter
	Functions []Function

	sections [sectionCount][]byte
	places   map[string]int // of functions, by name
}

// Read reads all but the instructions, which [Profile.Code] reads. The data must not change while the profile is used.
func Read(data []byte) (*Profile, error) {
	p := &Profile{places: map[string]int{}}
	_, err := index(data, p)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Summarize checks what [Read] checks and gives the counters of the whole program as LNT stores them: "a=1,b=2", cut at 512
// characters. It keeps nothing.
func Summarize(data []byte) (string, error) {
	counters, err := index(data, nil)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for i, c := range counters {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(c.Name)
		text.WriteByte('=')
		text.WriteString(strconv.FormatUint(c.Value, 10))
		if text.Len() > maxSummary*utf8.UTFMax {
			break
		}
	}
	cut := []rune(text.String())
	return string(cut[:min(len(cut), maxSummary)]), nil
}

// The sections, in the order of their headers.
const (
	headerSection = iota
	namesSection
	topSection
	lineCounters
	lineAddresses
	lineTexts
	textPool
	functionsSection
	sectionCount
)

var sectionNames = [sectionCount]string{
	"header", "counter names", "counters", "counters of instructions", "addresses of instructions", "texts of instructions", "text pool", "functions",
}

var (
	pickled = []byte{0x78, 0x9c}
	perf    = []byte("PERFILE2")
	bzip2   = []byte("BZh")
)

const version = 2

// index reads everything that is not compressed. Functions are kept in p unless it is nil.
func index(data []byte, p *Profile) ([]Counter, error) {
	switch {
	case bytes.HasPrefix(data, pickled):
		return nil, ErrPickled
	case bytes.HasPrefix(data, perf):
		return nil, ErrPerf
	case !bytes.HasPrefix(data, []byte{version}):
		return nil, ErrUnknown
	}
	sections, err := split(data)
	if err != nil {
		return nil, err
	}
	format, err := (&reader{data: sections[headerSection], what: sectionNames[headerSection]}).text()
	if err != nil {
		return nil, err
	}
	names, err := readNames(sections[namesSection])
	if err != nil {
		return nil, err
	}
	top, err := readCounters(sections[topSection], names)
	if err != nil {
		return nil, err
	}
	if p != nil {
		p.Format, p.Counters, p.sections = format, top, sections
	}
	return top, readFunctions(sections[functionsSection], names, p)
}

// split finds the sections: a header for each, offset and size, counted from the end of the last header.
func split(data []byte) (sections [sectionCount][]byte, err error) {
	r := reader{data: data[1:], what: "section headers"}
	var spans [sectionCount]struct{ offset, size uint64 }
	for i := range spans {
		if spans[i].offset, err = r.number(); err != nil {
			return sections, err
		}
		if spans[i].size, err = r.number(); err != nil {
			return sections, err
		}
		if i != textPool {
			continue
		}
		pool, err := r.text()
		if err != nil {
			return sections, err
		}
		if pool != "" {
			return sections, damaged("its text pool is in another file, which is not here")
		}
	}
	body := r.data
	for i, span := range spans {
		if span.offset > uint64(len(body)) || span.size > uint64(len(body))-span.offset {
			return sections, damaged("section %q lies outside the file", sectionNames[i])
		}
		sections[i] = body[span.offset : span.offset+span.size]
		if compressed := i >= lineCounters && i <= textPool; compressed && span.size > 0 && !bytes.HasPrefix(sections[i], bzip2) {
			return sections, damaged("section %q is not compressed by bzip2", sectionNames[i])
		}
	}
	return sections, nil
}

// pool is the names of counters, by the number the rest of the file uses. Two numbers may have one name.
type pool struct {
	names []string
	// first is the first number of the same name.
	first []int
	// place is where the list under way has a number, from 1, or 0; listed are the numbers it has.
	place, listed []int
}

// find gives the place of a number in the list under way; fresh says that it is to be added there.
func (p *pool) find(number int) (at int, fresh bool) {
	if p.place[number] == 0 {
		p.listed = append(p.listed, number)
		p.place[number] = len(p.listed)
		fresh = true
	}
	return p.place[number] - 1, fresh
}

// end ends the list under way.
func (p *pool) end() {
	for _, number := range p.listed {
		p.place[number] = 0
	}
	p.listed = p.listed[:0]
}

func readNames(section []byte) (*pool, error) {
	r := reader{data: section, what: sectionNames[namesSection]}
	n, err := r.count(maxCounters)
	if err != nil {
		return nil, err
	}
	names := &pool{names: make([]string, n), first: make([]int, n), place: make([]int, n)}
	numbers := make(map[string]int, n)
	for i := range n {
		if names.names[i], err = r.text(); err != nil {
			return nil, err
		}
		if _, ok := numbers[names.names[i]]; !ok {
			numbers[names.names[i]] = i
		}
		names.first[i] = numbers[names.names[i]]
	}
	return names, nil
}

func readCounters(section []byte, names *pool) ([]Counter, error) {
	r := reader{data: section, what: sectionNames[topSection]}
	n, err := r.count(maxCounters)
	if err != nil {
		return nil, err
	}
	counters := make([]Counter, 0, n)
	for range n {
		number, err := r.counter(names)
		if err != nil {
			return nil, err
		}
		value, err := r.number()
		if err != nil {
			return nil, err
		}
		at, fresh := names.find(number)
		if fresh {
			counters = append(counters, Counter{Name: names.names[number]})
		}
		counters[at].Value = value
	}
	names.end()
	return counters, nil
}

func readFunctions(section []byte, names *pool, p *Profile) error {
	r := reader{data: section, what: sectionNames[functionsSection]}
	n, err := r.count(maxFunctions)
	if err != nil {
		return err
	}
	for range n {
		f, err := r.function(names, p != nil)
		if err != nil {
			return err
		}
		if p != nil {
			p.keep(f)
		}
	}
	return nil
}

// keep adds a function. Of two of one name the last counts, as LNT has it.
func (p *Profile) keep(f Function) {
	if at, ok := p.places[f.Name]; ok {
		p.Functions[at] = f
		return
	}
	p.places[f.Name] = len(p.Functions)
	p.Functions = append(p.Functions, f)
}

// function reads one entry of the functions; its name and shares only when they are kept.
func (r *reader) function(names *pool, keep bool) (f Function, err error) {
	name, err := r.line()
	if err != nil {
		return f, err
	}
	for _, field := range []*uint64{&f.Length, &f.counters, &f.addresses, &f.texts} {
		if *field, err = r.number(); err != nil {
			return f, err
		}
	}
	if f.Length > maxLines {
		return f, damaged("a function has %d instructions, at most %d are read", f.Length, maxLines)
	}
	n, err := r.count(maxCounters)
	if err != nil {
		return f, err
	}
	if keep {
		f.Name, f.Shares = string(name), make([]Share, 0, n)
	}
	for range n {
		number, err := r.counter(names)
		if err != nil {
			return f, err
		}
		percent, err := r.float()
		if err != nil {
			return f, err
		}
		if keep {
			f.share(names, number, percent)
		}
	}
	names.end()
	return f, nil
}

func (f *Function) share(names *pool, number int, percent float32) {
	at, fresh := names.find(number)
	if fresh {
		f.Shares = append(f.Shares, Share{Name: names.names[number]})
	}
	f.Shares[at].Percent = percent
}
