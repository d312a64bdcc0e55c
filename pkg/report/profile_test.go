package report

import (
	"encoding/base64"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse_Profiles_AreReadOrRefusedByPlace(t *testing.T) {
	t.Parallel()
	b64 := base64.StdEncoding.EncodeToString
	for name, c := range map[string]struct {
		value, counters, rule, field string
	}{
		"current":        {`"` + profileOf(7) + `"`, "c=7", "", ""},
		"escaped":        {`"` + strings.ReplaceAll(profileOf(63), "=", `\u003d`) + `"`, "c=63", "", ""},
		"broken lines":   {`"` + profileOf(7)[:8] + `\r\n` + profileOf(7)[8:] + `\n"`, "c=7", "", ""},
		"list":           {`["` + profileOf(7) + `"]`, "c=7", "", ""},
		"null":           {`null`, "", "is null, want base64 text", ""},
		"perf":           {`"` + b64([]byte("PERFILE2....")) + `"`, "", "is a perf.data file; run `lnt profile upgrade`", ""},
		"pickle":         {`"` + b64([]byte{0x78, 0x9c, 1}) + `"`, "", "is a pickled profile (version 1)", ""},
		"other":          {`"` + b64([]byte("ELF")) + `"`, "", "is not an LNT profile", ""},
		"empty":          {`""`, "", "is not an LNT profile", ""},
		"damaged":        {`"` + b64(rawProfile(7)[:20]) + `"`, "", "is a damaged LNT profile: section", ""},
		"not base64":     {`"***"`, "", "is not base64", ""},
		"cut base64":     {`"AgA"`, "", "is not base64", ""},
		"number":         {`5`, "", "is a number, want base64 text", ""},
		"number in list": {`["` + profileOf(7) + `",5]`, "", "is a number, want base64 text", "[1]"},
		"list in list":   {`[[]]`, "", "is a list, want base64 text", "[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := v2(`[{"name":"a","score":1,"profile":` + c.value + `}]`)
			if c.rule != "" {
				if got := refusal(t, body, Options{}); !strings.HasPrefix(got.Text, "import failure: "+got.Field+": "+c.rule) || got.Field != "tests[0].profile"+c.field {
					t.Errorf("error %q at %q, want %q", got.Text, got.Field, c.rule)
				}
				return
			}
			s, r := accept(t, body)
			if s.Tests[0].ProfileOnly {
				t.Errorf("read as %+v", s.Tests[0])
			}
			if diff := cmp.Diff(r.Profiles, []Profile{{Counters: c.counters, Rows: []uint32{0}}}); diff != "" {
				t.Errorf("got - want +\n%s", diff)
			}
		})
	}
}

// shared is a report whose profiles are given out in every way there is.
var shared = v2(`[
	{"name":"a","profile":"` + profileOf(1) + `"},
	{"name":"a","score":[1,2]},
	{"name":"a.test:x.test:y","score":3},
	{"name":"a.tests","score":4},
	{"name":"a","score":5,"profile":"` + profileOf(2) + `"},
	{"name":"a.test:x","profile":"` + profileOf(3) + `"},
	{"name":"nobody","profile":"` + profileOf(1) + `"},
	{"name":"only","profile":"` + profileOf(4) + `","id":1},
	{"name":"several","score":1,"profile":["` + profileOf(5) + `","` + profileOf(6) + `"]},
	{"name":"several","profile":"` + profileOf(7) + `"},
	{"name":"late","score":1},
	{"name":"late","profile":"` + profileOf(8) + `","id":1}]`)

func TestResolve_ProfileOnlyEntries_GoToTheSamplesOfTheirTests(t *testing.T) {
	t.Parallel()
	_, r := accept(t, shared)
	want := []Profile{
		{Counters: "c=2", Rows: []uint32{4}},
		{Counters: "c=4", Rows: []uint32{5}}, // three keys, so not profile-only: it has a sample of its own
		{Counters: "c=5", Rows: []uint32{6}},
		{Counters: "c=6", Rows: []uint32{7}},
		{Counters: "c=8", Rows: []uint32{9}},
		{Counters: "c=1", Rows: []uint32{0, 1, 2}},
	}
	if diff := cmp.Diff(r.Profiles, want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
	if !slices.Equal(r.UnmatchedProfiles, []string{"a.test:x", "nobody", "several"}) {
		t.Errorf("unmatched %q", r.UnmatchedProfiles)
	}
	if !slices.Equal(r.Tests, []string{"a", "a.test:x.test:y", "a.tests", "only", "several", "late"}) {
		t.Errorf("tests %q: a profile-only entry is no test", r.Tests)
	}
}

// TestProfileOf_IsThatOfTheFirstSampleWithOne asks for the bytes of what the test above gives out.
func TestProfileOf_IsThatOfTheFirstSampleWithOne(t *testing.T) {
	t.Parallel()
	for test, cycles := range map[string]byte{
		"a": 1, "a.test:x.test:y": 1, "a.tests": 0, "only": 4, "several": 5, "late": 8, "nobody": 0, "a.test:x": 0, "": 0,
	} {
		data, err := ProfileOf([]byte(shared), test, Options{})
		switch {
		case cycles == 0:
			if !errors.Is(err, ErrNoProfile) {
				t.Errorf("%q: %v", test, err)
			}
		case err != nil || !slices.Equal(data, rawProfile(cycles)):
			t.Errorf("%q: %x, %v", test, data, err)
		}
	}
}

func TestProfileOf_OldVersionsAndPlists_IsFound(t *testing.T) {
	t.Parallel()
	old := v1(``, `"run_order":"7","tag":"nts"`, entry("nts.a.profile", `["`+profileOf(1)+`"]`)+`,`+entry("nts.a.exec", `[1]`)+`,`+
		entry("nts.b.profile", `["`+profileOf(2)+`"]`)+`,`+entry("nts.b.test:x.exec", `[1]`))
	for test, cycles := range map[string]byte{"a": 1, "b.test:x": 2} {
		if data, err := ProfileOf([]byte(old), test, Options{}); err != nil || !slices.Equal(data, rawProfile(cycles)) {
			t.Errorf("%q: %x, %v", test, data, err)
		}
	}
	for _, name := range []string{"v1.json", "v1.plist", "v1.bplist"} {
		if data, err := ProfileOf(golden(t, name), "kernels/void", Options{}); err != nil || len(data) == 0 {
			t.Errorf("%s: %x, %v", name, data, err)
		}
	}
}

// TestParse_ReportOfProfiles_KeepsNoneOfTheirBytes reads a report that is nearly all profile.
func TestParse_ReportOfProfiles_KeepsNoneOfTheirBytes(t *testing.T) {
	// Not parallel: it looks at the memory of the whole process.
	large := append(rawProfile(1), make([]byte, 1<<20)...)
	one := base64.StdEncoding.EncodeToString(large)
	body := []byte(v2(`[` + strings.Repeat(`{"name":"a","score":1,"profile":"`+one+`"},`, 15) + `{"name":"b","score":1}]`))
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held()
	s, err := Parse(body, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if kept := int64(held() - before); kept > 1<<20 { //nolint:gosec // may be negative
		t.Errorf("%d bytes of profiles hold %d bytes", len(body), kept)
	}
	runtime.KeepAlive(s)
	if err := frugal(t, body, Options{}, 3*uint64(len(body))); err != nil {
		t.Error(err)
	}
}

func TestResolve_OneProfileOfVeryManySamples_IsBounded(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("x", 100)
	raw := []byte{2, 0, 4, 4, 102, 106, 3, 109, 0, 109, 0, 109, 0, 109, 0, '\n', 109, 1}
	raw = append(raw, "raw\n\x01"+name+"\n\x01\x00\x05\x00"...)
	body := v2(`[{"name":"a","profile":"` + base64.StdEncoding.EncodeToString(raw) + `"},{"name":"a","score":[0` + strings.Repeat(`,0`, 700_000) + `]}]`)
	if got := refusal(t, body, Options{}); got.Field != "tests[0].profile" || !strings.Contains(got.Text, "more than 67108864 bytes") {
		t.Errorf("%+v", got)
	}
}
