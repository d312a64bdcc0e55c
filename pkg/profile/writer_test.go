package profile

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// written is a profile to write.
type written struct {
	counters  []Counter
	functions []writtenFunction
}

type writtenFunction struct {
	name   string
	shares []Share
	lines  []Line
}

// invent makes up a profile. Names of counters are sorted, as in LNT's files.
func invent(r *rand.Rand) written {
	names := []string{"branch-misses", "cycles", "instructions"}[:r.IntN(4)]
	w := written{counters: []Counter{}}
	for _, name := range names {
		w.counters = append(w.counters, Counter{name, r.Uint64() >> r.IntN(64)})
	}
	for i := range r.IntN(6) {
		f := writtenFunction{name: fmt.Sprintf("f%d()", i)}
		for _, name := range names {
			if r.IntN(2) == 0 {
				f.shares = append(f.shares, Share{name, r.Float32() * 100})
			}
		}
		f.lines = make([]Line, r.IntN(30))
		address := r.Uint64() >> (1 + r.IntN(63))
		for at := range f.lines {
			f.lines[at] = Line{Address: address, Text: fmt.Sprintf("\tadd r%d", r.IntN(9))}
			for _, s := range f.shares {
				f.lines[at].Shares = append(f.lines[at].Shares, Share{s.Name, float32(r.IntN(3)) * 12.5})
			}
			address += uint64(r.IntN(5))
		}
		w.functions = append(w.functions, f)
	}
	return w
}

func (w written) bytes(t testing.TB) []byte {
	t.Helper()
	d := draft{}
	for i, c := range w.counters {
		d.names = append(d.names, c.Name)
		d.top = append(d.top, [2]uint64{uint64(i), c.Value})
	}
	pool, places := []byte("\n"), map[string]uint64{}
	var shares, addresses, texts []byte
	functions := uleb(nil, uint64(len(w.functions)))
	for _, f := range w.functions {
		functions = append(functions, f.name+"\n"...)
		functions = uleb(functions, uint64(len(f.lines)), uint64(len(shares)), uint64(len(addresses)), uint64(len(texts)), uint64(len(f.shares)))
		for _, s := range f.shares {
			functions = uleb(functions, uint64(slices.Index(d.names, s.Name)), uint64(math.Float32bits(s.Percent)))
		}
		last := uint64(0)
		for _, line := range f.lines {
			for _, s := range line.Shares {
				shares = uleb(shares, uint64(math.Float32bits(s.Percent)))
			}
			addresses = uleb(addresses, line.Address-last)
			last = line.Address
			if _, ok := places[line.Text]; !ok {
				places[line.Text] = uint64(len(pool))
				pool = append(pool, line.Text+"\n"...)
			}
			texts = uleb(texts, places[line.Text])
		}
		texts = uleb(texts, 0)
	}
	d.sections[functionsSection] = functions
	d.sections[lineCounters], d.sections[lineAddresses] = packed(t, shares), packed(t, addresses)
	d.sections[lineTexts], d.sections[textPool] = packed(t, texts), packed(t, pool)
	return d.bytes(t)
}
