package profile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// want is what LNT's own reader says about a file that LNT's own writer wrote.
type want struct {
	Format    string
	Top       map[string]uint64
	Functions [][2]json.RawMessage
	Code      map[string][][3]json.RawMessage
}

type function struct {
	Length   uint64
	Counters map[string]float64
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode[T any](t testing.TB, data []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func shares(list []Share) map[string]float64 {
	m := map[string]float64{}
	for _, s := range list {
		m[s.Name] = float64(s.Percent)
	}
	return m
}

func TestRead_FilesOfLNT_SayWhatLNTReads(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"small", "functions"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := decode[want](t, file(t, name+".want.json"))
			p, err := Read(file(t, name+".lntprof"))
			if err != nil {
				t.Fatal(err)
			}
			if p.Format != w.Format {
				t.Errorf("format %q, want %q", p.Format, w.Format)
			}
			top := map[string]uint64{}
			for _, c := range p.Counters {
				top[c.Name] = c.Value
			}
			if diff := cmp.Diff(top, w.Top); diff != "" {
				t.Errorf("counters: got - want +\n%s", diff)
			}
			if len(p.Functions) != len(w.Functions) {
				t.Fatalf("%d functions, want %d", len(p.Functions), len(w.Functions))
			}
			for i, pair := range w.Functions {
				f, name := p.Functions[i], decode[string](t, pair[0])
				if diff := cmp.Diff(function{f.Length, shares(f.Shares)}, decode[function](t, pair[1])); diff != "" || f.Name != name {
					t.Errorf("function %q, want %q: got - want +\n%s", f.Name, name, diff)
				}
				sameCode(t, p, name, w.Code[name])
			}
		})
	}
}

func sameCode(t *testing.T, p *Profile, name string, want [][3]json.RawMessage) {
	t.Helper()
	lines, err := p.Code(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != len(want) {
		t.Fatalf("%s: %d lines, want %d", name, len(lines), len(want))
	}
	for i, w := range want {
		if diff := cmp.Diff(shares(lines[i].Shares), decode[map[string]float64](t, w[0])); diff != "" {
			t.Errorf("%s, line %d: got - want +\n%s", name, i, diff)
		}
		if address, text := decode[uint64](t, w[1]), decode[string](t, w[2]); lines[i].Address != address || lines[i].Text != text {
			t.Errorf("%s, line %d: %x %q, want %x %q", name, i, lines[i].Address, lines[i].Text, address, text)
		}
	}
}

func TestSummarize_FilesOfLNT_IsTheTextLNTStores(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"small": "branch-misses=200,cycles=12345", "functions": "cache-misses=0,cycles=9223372036854775808,instructions=17",
	} {
		if got, err := Summarize(file(t, name+".lntprof")); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestSummarize_ManyCounters_IsCutAt512Characters(t *testing.T) {
	t.Parallel()
	d := draft{names: []string{strings.Repeat("é", 300), "b"}, top: [][2]uint64{{0, 1}, {1, 2}}}
	for _, n := range []int{300, 510, 600} {
		d.names[0] = strings.Repeat("é", n)
		whole := []rune(d.names[0] + "=1,b=2")
		want := string(whole[:min(len(whole), 512)])
		if got, err := Summarize(d.bytes(t)); err != nil || got != want {
			t.Errorf("%d: %q, %v", n, got, err)
		}
	}
}

func TestRead_OtherKinds_SaySo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data string
		want error
		says string
	}{
		"pickle": {"\x78\x9c...", ErrPickled, "lnt profile upgrade"},
		"perf":   {"PERFILE2....", ErrPerf, "lnt profile upgrade"},
		"empty":  {"", ErrUnknown, ""},
		"other":  {"\x7fELF", ErrUnknown, ""},
		"stump":  {"\x02", ErrDamaged, "ends early"},
	} {
		if _, err := Summarize([]byte(c.data)); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRead_EveryTruncation_IsRefused(t *testing.T) {
	t.Parallel()
	data := file(t, "small.lntprof")
	for n := range data {
		if _, err := Read(data[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are taken", n, len(data))
		}
	}
}

// TestRead_AnyByteChanged_IsReadOrRefusedAsDamaged changes every byte to some others: no panic, no other error.
func TestRead_AnyByteChanged_IsReadOrRefusedAsDamaged(t *testing.T) {
	t.Parallel()
	data := file(t, "small.lntprof")
	for at := 1; at < len(data); at++ {
		for _, b := range []byte{0, 0xff, data[at] ^ 1} {
			changed := bytes.Clone(data)
			changed[at] = b
			p, err := Read(changed)
			if err != nil {
				if !errors.Is(err, ErrDamaged) {
					t.Fatalf("byte %d = %#x: %v", at, b, err)
				}
				continue
			}
			if _, err := p.Code("main"); err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNoFunction) {
				t.Fatalf("byte %d = %#x: %v", at, b, err)
			}
		}
	}
}

func TestRead_Claims_AreChecked(t *testing.T) {
	t.Parallel()
	huge := uint64(1) << 62
	for name, c := range map[string]struct {
		change func(d *draft)
		says   string
	}{
		"version":               {func(d *draft) { d.version = 3 }, "is not an LNT profile"},
		"section offset":        {func(d *draft) { d.headers[functionsSection][0] = huge }, "lies outside the file"},
		"section size":          {func(d *draft) { d.headers[namesSection][1] = huge }, "lies outside the file"},
		"section sum":           {func(d *draft) { d.headers[topSection] = [2]uint64{1, ^uint64(0)} }, "lies outside the file"},
		"pool elsewhere":        {func(d *draft) { d.poolFile = "pool" }, "another file"},
		"not bzip2":             {func(d *draft) { d.sections[textPool] = []byte("text") }, "not compressed by bzip2"},
		"many counter names":    {func(d *draft) { d.sections[namesSection] = uleb(nil, 1025) }, "1025 entries"},
		"names that are not":    {func(d *draft) { d.sections[namesSection] = uleb(nil, 1000) }, "ends early"},
		"name without end":      {func(d *draft) { d.sections[namesSection] = []byte("\x01abc") }, "within a text"},
		"name not UTF-8":        {func(d *draft) { d.sections[namesSection] = []byte("\x01\xff\n") }, "not UTF-8"},
		"unknown counter":       {func(d *draft) { d.top = [][2]uint64{{7, 1}} }, "names counter 7 of 2"},
		"many functions":        {func(d *draft) { d.sections[functionsSection] = uleb(nil, huge) }, "at most 200000"},
		"functions that aren't": {func(d *draft) { d.sections[functionsSection] = uleb(nil, 1000) }, "ends early"},
		"long function":         {func(d *draft) { d.sections[functionsSection] = uleb([]byte("\x01f\n"), 1<<21, 0, 0, 0, 0) }, "has 2097152 instructions"},
		"huge number":           {func(d *draft) { d.sections[topSection] = append([]byte{1, 0}, bytes.Repeat([]byte{0xff}, 11)...) }, "more than 64 bits"},
		"negative float":        {func(d *draft) { d.sections[functionsSection] = uleb([]byte("\x01f\n"), 0, 0, 0, 0, 1, 0, 1<<31) }, "no float"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := draft{names: []string{"a", "b"}}
			c.change(&d)
			data := d.bytes(t)
			_, short := Summarize(data)
			if _, err := Read(data); err == nil || short == nil || err.Error() != short.Error() || !strings.Contains(err.Error(), c.says) {
				t.Errorf("read %v, summarized %v, want %q", err, short, c.says)
			}
		})
	}
}

// bomb is 40 MiB of newlines.
var bomb = []byte("\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\xb9\x85\xe9\xe8\x01\x41\x41\x40\x80\x80\x10\x00\x01\x00\x08\x20\x00\x30\xcc\x05\x29\xa6\x40\x90\x26\xc5\x02\x40\x9e\x2e\xe4\x8a\x70\xa1\x21\x73\x0b\xd3\xd0")

func TestCode_ClaimsOfInstructions_AreChecked(t *testing.T) {
	t.Parallel()
	f := func(length, counters, addresses, texts uint64) []byte {
		return uleb([]byte("\x01f\n"), length, counters, addresses, texts, 1, 0, 0)
	}
	for name, c := range map[string]struct {
		change func(d *draft)
		says   string
	}{
		"too few shares":   {func(d *draft) { d.sections[functionsSection] = f(9, 0, 0, 0) }, `"counters of instructions" ends early`},
		"offset beyond":    {func(d *draft) { d.sections[functionsSection] = f(1, 99, 0, 0) }, "ends early"},
		"huge offset":      {func(d *draft) { d.sections[functionsSection] = f(1, 0, 1<<60, 0) }, "too many bytes"},
		"text beyond":      {func(d *draft) { d.sections[lineTexts] = packed(t, uleb(nil, 1<<20)) }, "outside the text pool"},
		"text without end": {func(d *draft) { d.sections[textPool] = packed(t, []byte("\nabc")) }, "is none"},
		"address too large": {func(d *draft) {
			d.sections[functionsSection] = f(2, 0, 0, 0)
			d.sections[lineCounters] = packed(t, uleb(nil, 0, 0))
			d.sections[lineAddresses] = packed(t, uleb(nil, ^uint64(0), 1))
		}, "more than 64 bits"},
		"broken bzip2": {func(d *draft) { d.sections[lineAddresses] = []byte("BZh9nonsense") }, "addresses of instructions"},
		"bomb":         {func(d *draft) { d.sections[textPool] = bomb }, "too many bytes"},
		"same long text": {func(d *draft) {
			d.sections[functionsSection] = f(600, 0, 0, 0)
			d.sections[lineCounters] = packed(t, make([]byte, 600))
			d.sections[lineAddresses] = packed(t, make([]byte, 600))
			d.sections[lineTexts] = packed(t, bytes.Repeat([]byte{1}, 600))
			d.sections[textPool] = packed(t, []byte("\n"+strings.Repeat("x", 1<<16)+"\n"))
		}, "more than 33554432 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := draft{names: []string{"a"}}
			d.sections[functionsSection] = f(1, 0, 0, 0)
			d.sections[lineCounters] = packed(t, uleb(nil, 0))
			d.sections[lineAddresses] = packed(t, uleb(nil, 16))
			d.sections[lineTexts] = packed(t, uleb(nil, 1))
			d.sections[textPool] = packed(t, []byte("\nabc\n"))
			before, err := Read(d.bytes(t))
			if err != nil {
				t.Fatal(err)
			}
			if lines, err := before.Code("f"); err != nil || fmt.Sprint(lines) != "[{[{a 0}] 16 abc}]" {
				t.Fatalf("unchanged: %v, %v", lines, err)
			}
			c.change(&d)
			p, err := Read(d.bytes(t))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Code("f"); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}

// TestRead_ACounterTwice_CountsOnce gives the same counter by its number and by its name twice: the last value counts, as in LNT.
func TestRead_ACounterTwice_CountsOnce(t *testing.T) {
	t.Parallel()
	d := draft{names: []string{"a", "b", "a"}, top: [][2]uint64{{0, 1}, {1, 2}, {2, 3}, {1, 4}}}
	d.sections[functionsSection] = uleb([]byte("\x02f\n"), 0, 0, 0, 0, 3, 1, 0, 0, 0, 2, 1)
	d.sections[functionsSection] = uleb(append(d.sections[functionsSection], "g\n"...), 0, 0, 0, 0, 1, 2, 0)
	p, err := Read(d.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	if want := []Counter{{"a", 3}, {"b", 4}}; !slices.Equal(p.Counters, want) {
		t.Errorf("counters %v, want %v", p.Counters, want)
	}
	if f, g := p.Functions[0].Shares, p.Functions[1].Shares; !slices.Equal(f, []Share{{"b", 0}, {"a", math.Float32frombits(1)}}) || !slices.Equal(g, []Share{{"a", 0}}) {
		t.Errorf("shares %v and %v", f, g)
	}
	if text, err := Summarize(d.bytes(t)); err != nil || text != "a=3,b=4" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestCode_UnknownFunction_SaysSo(t *testing.T) {
	t.Parallel()
	p, err := Read(file(t, "small.lntprof"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Code("nobody"); !errors.Is(err, ErrNoFunction) {
		t.Errorf("%v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file(f, "small.lntprof"))
	f.Add([]byte{2})
	d := draft{names: []string{"a"}, top: [][2]uint64{{0, 1}}}
	f.Add(d.bytes(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		summary, short := Summarize(data)
		p, err := Read(data)
		if fmt.Sprint(err) != fmt.Sprint(short) || len([]rune(summary)) > maxSummary {
			t.Fatalf("read %v, summarized %v as %q", err, short, summary)
		}
		if err != nil {
			return
		}
		for _, fn := range p.Functions[:min(len(p.Functions), 4)] {
			lines, err := p.Code(fn.Name)
			if err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			if err == nil && uint64(len(lines)) != fn.Length {
				t.Fatalf("%d lines of %d", len(lines), fn.Length)
			}
		}
	})
}

// TestRead_WhatWasWritten_ComesBack writes profiles at random and reads them.
func TestRead_WhatWasWritten_ComesBack(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test's
		w := invent(r)
		p, err := Read(w.bytes(t))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(p.Counters, w.counters); diff != "" {
			t.Errorf("seed %d: counters: got - want +\n%s", seed, diff)
		}
		for i, f := range w.functions {
			lines, err := p.Code(f.name)
			if err != nil {
				t.Fatalf("seed %d: %s: %v", seed, f.name, err)
			}
			if p.Functions[i].Name != f.name || !slices.Equal(p.Functions[i].Shares, f.shares) {
				t.Errorf("seed %d: function %+v, want %+v", seed, p.Functions[i], f)
			}
			if diff := cmp.Diff(lines, f.lines); diff != "" {
				t.Errorf("seed %d: %s: got - want +\n%s", seed, f.name, diff)
			}
		}
	}
}
