package report

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"tidemark/pkg/suite"
)

func (d *document) v2() (*Submission, error) {
	for _, section := range []string{"run", "machine", "tests"} {
		if _, ok := d.sections[section]; !ok && (section != "tests" || !d.hasTests) {
			return nil, invalid(section, "No '%s' section in submission", section)
		}
	}
	s := &Submission{SourceVersion: 2, Tests: d.tests}
	if err := d.readSchema(s); err != nil {
		return nil, err
	}
	machine, err := d.object("machine")
	if err != nil {
		return nil, err
	}
	if s.Machine, err = d.machine(machine, "machine.name"); err != nil {
		return nil, err
	}
	run, err := d.object("run")
	if err != nil {
		return nil, err
	}
	if s.Run, err = d.run(run); err != nil {
		return nil, err
	}
	if d.testsErr != nil {
		return nil, d.testsErr
	}
	return s, nil
}

func (d *document) readSchema(s *Submission) error {
	v, ok := d.sections["schema"]
	if !ok || v.Kind() == jsontext.KindNull {
		return nil
	}
	if s.SuiteNamed, ok = text(v); ok && s.SuiteNamed == "" {
		return malformed("schema", "is empty, want the name of the suite")
	}
	if !ok {
		return malformed("schema", "is %s, want the name of the suite", describe(v.Kind()))
	}
	return nil
}

// object splits a section that must be an object.
func (d *document) object(section string) ([]member, error) {
	v, ok := d.sections[section]
	if !ok {
		return nil, invalid(section, "No '%s' section in submission", section)
	}
	if v.Kind() != jsontext.KindBeginObject {
		return nil, malformed(section, "is %s, want an object", describe(v.Kind()))
	}
	list, err := members(v, section, d.opts.MaxAttrs)
	if err != nil {
		return nil, err
	}
	return list, nil
}

// machine reads the attributes of the machine. A null is kept, as LNT does, though it neither sets nor contradicts anything.
func (d *document) machine(list []member, namePath string) (Machine, error) {
	name, ok := find(list, "name")
	if !ok {
		return Machine{}, misfit(namePath, "is missing")
	}
	m := Machine{}
	if m.Name, ok = text(name.value); !ok {
		return Machine{}, misfit(namePath, "is %s, want a string", describe(name.value.Kind()))
	}
	var err error
	m.Attrs, err = d.attrs(list, func(m member) bool { return m.name == "name" || m.name == "id" })
	return m, err
}

// ownRunKeys are the keys of a run that are not its attributes: the times, and what LNT's API adds to a
// run, so that a downloaded run can be posted again.
var ownRunKeys = []string{"start_time", "end_time", "id", "order_by", "order_id", "machine_id", "imported_from", "simple_run_id"}

func (d *document) run(list []member) (Run, error) {
	var r Run
	start, startZoned, err := timeOf(list, "start_time")
	if err != nil {
		return Run{}, err
	}
	if start != nil {
		r.StartTime, r.HasStart = *start, true
		end, endZoned, err := timeOf(list, "end_time")
		if err != nil {
			return Run{}, err
		}
		if end != nil {
			r.EndTime, r.HasEnd = *end, true
			if startZoned != endZoned {
				m, _ := find(list, "end_time")
				return Run{}, misfit(m.path, "of start and end time one has a time zone and the other has none")
			}
		}
	}
	r.Attrs, err = d.attrs(list, func(m member) bool { return slices.Contains(ownRunKeys, m.name) })
	return r, err
}

// timeOf reads a time; nil if it is absent or null.
func timeOf(list []member, name string) (t *time.Time, zoned bool, err error) {
	m, ok := find(list, name)
	if !ok || m.value.Kind() == jsontext.KindNull {
		return nil, false, nil
	}
	s, ok := text(m.value)
	if !ok {
		return nil, false, misfit(m.path, "is %s, want a time such as 2026-02-03T04:05:06", describe(m.value.Kind()))
	}
	parsed, zoned, err := parseTime(s)
	if err != nil {
		return nil, false, misfit(m.path, "%s", err)
	}
	return &parsed, zoned, nil
}

func (d *document) attrs(list []member, skip func(member) bool) ([]Attr, error) {
	attrs := make([]Attr, 0, min(len(list), d.opts.MaxAttrs))
	for _, m := range list {
		if skip(m) {
			continue
		}
		if len(attrs) == d.opts.MaxAttrs {
			return nil, malformed(m.path, "there are more than %d attributes", d.opts.MaxAttrs)
		}
		if !suite.FitsName(m.name) {
			return nil, malformed(m.path, "the key has more than %d characters", suite.MaxName)
		}
		v, err := canonical(m.value, m.path, d.opts.MaxDepth)
		if err != nil {
			return nil, err
		}
		attrs = append(attrs, Attr{Name: m.name, Value: v})
	}
	return attrs, nil
}

// testReader reads the tests of version 2 token by token. It is the hot path: a report is nearly all
// tests, and one of them is a handful of short keys and numbers.
type testReader struct {
	dec  *jsontext.Decoder
	opts Options
	// keys remembers what the keys met so far mean, by their quoted text.
	keys map[string]testKey
	// guess has the keys of the entries before, by place: reports repeat one pattern.
	guess []testKey

	size   int // of the body
	values int // read so far, of all tests

	// Values and metrics are cut from blocks: a report has tens of thousands of tiny lists.
	valueBlock  []Value
	metricBlock []MetricValues
	// The entry being read.
	valueScratch  []Value
	metricScratch []MetricValues
	profileData   []byte // its first profile
}

type testKey struct {
	quoted, name string
	role         role
}

type role uint8

const (
	metricRole role = iota
	nameRole
	profileRole
	ignoredRole
)

// roleOf says what a key of a test entry is for. The ids are those LNT's API adds to a sample.
func roleOf(key string) role {
	switch {
	case key == "name":
		return nameRole
	case key == "profile":
		return profileRole
	case key == "id" || strings.HasSuffix(key, "_id"):
		return ignoredRole
	}
	return metricRole
}

func (r *testReader) read() ([]Test, error) {
	k := r.dec.PeekKind()
	if k != jsontext.KindBeginArray && k != jsontext.KindBeginObject {
		if err := r.dec.SkipValue(); err != nil {
			return nil, err
		}
		return nil, malformed("tests", "is %s, want a list", describe(k))
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, err
	}
	if k == jsontext.KindBeginObject { // LNT takes an empty object for an empty list
		if r.dec.PeekKind() != jsontext.KindEndObject {
			return nil, malformed("tests", "is an object, want a list")
		}
		_, err := r.dec.ReadToken()
		return []Test{}, err
	}
	tests := make([]Test, 0, 1)
	start := r.dec.InputOffset()
	for r.dec.PeekKind() != jsontext.KindEndArray {
		if len(tests) == 1 { // entries are alike, so the first tells about how many there are
			const most = 1 << 14
			size := int(max(r.dec.InputOffset()-start, 1))
			tests = slices.Grow(tests, min(r.size/size, r.opts.MaxTests, most))
		}
		if len(tests) == r.opts.MaxTests {
			return nil, malformed("tests", "has more than %d entries", r.opts.MaxTests)
		}
		t, err := r.test(len(tests))
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	_, err := r.dec.ReadToken()
	return tests, err
}

func (r *testReader) test(i int) (Test, error) {
	if k := r.dec.PeekKind(); k != jsontext.KindBeginObject {
		if _, err := r.dec.ReadToken(); err != nil { // says what is wrong with a value that is none
			return Test{}, err
		}
		return Test{}, malformed(index("tests", i), "is %s, want an object", describe(k))
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return Test{}, err
	}
	var t Test
	keys, named, profiled, listed := 0, false, false, false
	r.metricScratch = r.metricScratch[:0]
	for r.dec.PeekKind() != jsontext.KindEndObject {
		key, err := r.key(keys)
		if err != nil {
			return Test{}, err
		}
		keys++
		switch key.role {
		case nameRole:
			named = true
			t.Name, err = r.name(i)
		case profileRole:
			profiled, listed = true, r.dec.PeekKind() == jsontext.KindBeginArray
			t.Profiles, err = r.profiles(i)
		case ignoredRole:
			err = r.dec.SkipValue()
		case metricRole:
			err = r.metric(i, key.name)
		}
		if err != nil {
			return Test{}, err
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return Test{}, err
	}
	if !named {
		return Test{}, misfit(index("tests", i)+".name", "is missing")
	}
	t.Values = room(&r.metricBlock, len(r.metricScratch))
	copy(t.Values, r.metricScratch)
	t.ProfileOnly = keys == 2 && profiled
	if t.ProfileOnly && listed {
		return Test{}, misfit(index("tests", i)+".profile", "is a list, want base64 text")
	}
	if r.opts.take != nil && len(t.Profiles) > 0 {
		r.opts.take(i, t.Name, r.profileData)
	}
	return t, nil
}

// key reads the key at the given place of an entry.
func (r *testReader) key(at int) (testKey, error) {
	quoted, err := r.dec.ReadValue()
	if err != nil {
		return testKey{}, err
	}
	if at < len(r.guess) && r.guess[at].quoted == string(quoted) {
		return r.guess[at], nil
	}
	if key, ok := r.keys[string(quoted)]; ok {
		r.remember(at, key)
		return key, nil
	}
	name := unquote(quoted)
	key := testKey{quoted: string(quoted), name: name, role: roleOf(name)}
	r.keys[key.quoted] = key
	r.remember(at, key)
	return key, nil
}

func (r *testReader) remember(at int, key testKey) {
	if at < len(r.guess) {
		r.guess[at] = key
	} else if at == len(r.guess) {
		r.guess = append(r.guess, key)
	}
}

func (r *testReader) name(i int) (string, error) {
	if k := r.dec.PeekKind(); k != jsontext.KindString {
		return "", r.wrongKind(index("tests", i)+".name", "want a string")
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		return "", err
	}
	return unquote(v), nil
}

// profiles reads one profile, or a list of them.
func (r *testReader) profiles(i int) ([]string, error) {
	path := index("tests", i) + ".profile"
	if r.dec.PeekKind() != jsontext.KindBeginArray {
		p, data, err := r.profile(path)
		r.profileData = data
		return []string{p}, err
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, err
	}
	var list []string
	for r.dec.PeekKind() != jsontext.KindEndArray {
		p, data, err := r.profile(index(path, len(list)))
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			r.profileData = data
		}
		list = append(list, p)
	}
	_, err := r.dec.ReadToken()
	return list, err
}

func (r *testReader) profile(path string) (counters string, data []byte, err error) {
	if r.values++; r.values > r.opts.MaxValues {
		return "", nil, malformed(path, "there are more than %d metric values", r.opts.MaxValues)
	}
	if r.dec.PeekKind() != jsontext.KindString {
		return "", nil, r.wrongKind(path, "want base64 text")
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		return "", nil, err
	}
	return readProfile(quotedBytes(v), path)
}

// wrongKind refuses the next value for what it is. A value that is no JSON at all is the decoder's to refuse.
func (r *testReader) wrongKind(path, want string) error {
	k := r.dec.PeekKind()
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	return misfit(path, "is %s, %s", describe(k), want)
}

func (r *testReader) metric(i int, metric string) error {
	values, err := r.list(i, metric)
	if err != nil {
		return err
	}
	r.metricScratch = append(r.metricScratch, MetricValues{Metric: metric, Values: values})
	return nil
}

func (r *testReader) list(i int, metric string) ([]Value, error) {
	if r.dec.PeekKind() != jsontext.KindBeginArray {
		values := room(&r.valueBlock, 1)
		v, err := r.value(i, metric, -1)
		values[0] = v
		return values, err
	}
	r.valueScratch = r.valueScratch[:0]
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, err
	}
	for r.dec.PeekKind() != jsontext.KindEndArray {
		v, err := r.value(i, metric, len(r.valueScratch))
		if err != nil {
			return nil, err
		}
		r.valueScratch = append(r.valueScratch, v)
	}
	values := room(&r.valueBlock, len(r.valueScratch))
	copy(values, r.valueScratch)
	_, err := r.dec.ReadToken()
	return values, err
}

// value reads one scalar; at is its place in a list, -1 outside one.
func (r *testReader) value(i int, metric string, at int) (Value, error) {
	path := func() string {
		p := join(index("tests", i), metric)
		if at >= 0 {
			p = index(p, at)
		}
		return p
	}
	if r.values++; r.values > r.opts.MaxValues {
		return Value{}, malformed(path(), "there are more than %d metric values", r.opts.MaxValues)
	}
	switch k := r.dec.PeekKind(); k {
	case jsontext.KindNumber, jsontext.KindString, jsontext.KindNull, jsontext.KindTrue, jsontext.KindFalse:
		v, err := r.dec.ReadValue()
		if err != nil {
			return Value{}, err
		}
		value, ok := scalar(v)
		if !ok {
			return Value{}, misfit(path(), "%s is not a finite number", clip(string(v)))
		}
		return value, nil
	default:
		return Value{}, r.wrongKind(path(), "want a number, a string or a list of them")
	}
}

// scalar reads a value that is neither object nor list; not ok is a number beyond the range of a float64.
func scalar(v jsontext.Value) (Value, bool) {
	switch v.Kind() {
	case jsontext.KindNumber:
		f, err := strconv.ParseFloat(string(v), 64)
		return Value{Kind: Number, Num: f}, err == nil
	case jsontext.KindString:
		return Value{Kind: String, Str: unquote(v)}, true
	case jsontext.KindTrue:
		return Value{Kind: Bool, Num: 1}, true
	case jsontext.KindFalse:
		return Value{Kind: Bool}, true
	default:
		return Value{Kind: Null}, true
	}
}

// room takes n elements from the end of a block. Blocks grow, so that small reports stay small.
func room[T any](block *[]T, n int) []T {
	if free := cap(*block) - len(*block); free < n {
		*block = make([]T, 0, max(n, min(2*cap(*block), 8192), 64))
	}
	start := len(*block)
	*block = (*block)[:start+n]
	return (*block)[start : start+n : start+n]
}
