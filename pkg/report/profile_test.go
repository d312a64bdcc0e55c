package report

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse_Profiles_AreSniffed(t *testing.T) {
	t.Parallel()
	b64 := base64.StdEncoding.EncodeToString
	for name, c := range map[string]struct {
		value string
		kind  ProfileKind
		rule  string
	}{
		"current":     {`"` + b64([]byte{2, 0, 1}) + `"`, ProfileV2, ""},
		"perf":        {`"` + b64([]byte("PERFILE2....")) + `"`, ProfilePerf, ""},
		"null":        {`null`, NoProfile, ""},
		"pickle":      {`"` + b64([]byte{0x78, 0x9c, 1}) + `"`, NoProfile, "pickled"},
		"other":       {`"` + b64([]byte("ELF")) + `"`, NoProfile, "is neither an LNT profile nor perf.data"},
		"empty":       {`""`, NoProfile, "is neither"},
		"not base64":  {`"***"`, NoProfile, "is not base64"},
		"cut base64":  {`"AgA"`, NoProfile, "is not base64"},
		"not a text":  {`["AgAB"]`, NoProfile, "is a list, want base64 text"},
		"not a text2": {`5`, NoProfile, "is a number, want base64 text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := v2(`[{"name":"a","score":1,"profile":` + c.value + `}]`)
			if c.rule != "" {
				if got := refusal(t, body, Options{}); !strings.Contains(got.Text, c.rule) || got.Field != "tests[0].profile" {
					t.Errorf("error %q at %q, want %q", got.Text, got.Field, c.rule)
				}
				return
			}
			s, r := accept(t, body)
			if s.Tests[0].ProfileKind != c.kind || s.Tests[0].ProfileOnly {
				t.Errorf("read as %+v", s.Tests[0])
			}
			if c.kind != NoProfile && (len(r.Profiles) != 1 || !slices.Equal(r.Profiles[0].Rows, []uint32{0})) {
				t.Errorf("profiles %+v", r.Profiles)
			}
		})
	}
}

func TestResolve_ProfileOnlyEntries_GoToTheSamplesOfTheirTests(t *testing.T) {
	t.Parallel()
	_, r := accept(t, v2(`[
		{"name":"a","profile":"AgAB"},
		{"name":"a","score":[1,2]},
		{"name":"a.test:x.test:y","score":3},
		{"name":"a.tests","score":4},
		{"name":"a","score":5,"profile":"AgAC"},
		{"name":"a.test:x","profile":"AgAD"},
		{"name":"nobody","profile":"AgAB"},
		{"name":"only","profile":"AgAE","id":1}]`))
	want := []Profile{
		{Text: "AgAC", Kind: ProfileV2, Rows: []uint32{4}},
		{Text: "AgAE", Kind: ProfileV2, Rows: []uint32{5}}, // three keys, so not profile-only: it has a sample of its own
		{Text: "AgAB", Kind: ProfileV2, Rows: []uint32{0, 1, 2}},
	}
	if diff := cmp.Diff(r.Profiles, want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
	if !slices.Equal(r.UnmatchedProfiles, []string{"a.test:x", "nobody"}) {
		t.Errorf("unmatched %q", r.UnmatchedProfiles)
	}
	if !slices.Equal(r.Tests, []string{"a", "a.test:x.test:y", "a.tests", "only"}) {
		t.Errorf("tests %q: a profile-only entry is no test", r.Tests)
	}
}
