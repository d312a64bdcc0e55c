package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"howett.net/plist"

	"tidemark/pkg/suite"
)

// small keeps each run of a fuzz target cheap, and its bounds within reach.
var small = Options{MaxBytes: 1 << 16, MaxDepth: 8, MaxTests: 100, MaxValues: 1000, MaxAttrs: 50}

func seed(f *testing.F) {
	f.Helper()
	for _, name := range []string{"v0.json", "v1.json", "v1.plist", "v1.bplist", "v2.json"} {
		f.Add(golden(f, name))
	}
	f.Add([]byte(v2(`[{"name":"a","score":[1,null,"2"],"hash":"x"}]`)))
	f.Add([]byte(v2(`{}`)))
	f.Add([]byte(`{"tests":[NaN]}`))
	f.Add(binaryList("\x51a", "\xd1\x00\x00"))
	f.Add([]byte(`<plist><dict><key>Run</key><dict/></dict></plist>`))
}

// checkParse states what holds for every body: an *Error or a submission, the same each time, whose
// samples fit together.
func checkParse(t *testing.T, body []byte) {
	t.Helper()
	s, err := Parse(body, small)
	again, errAgain := Parse(body, small)
	if diff := cmp.Diff(s, again) + cmp.Diff(err, errAgain); diff != "" {
		t.Fatalf("not the same twice:\n%s", diff)
	}
	if err != nil {
		requireError(t, err)
		return
	}
	for _, name := range []string{"nts", "compile"} {
		schema, _ := suite.BuiltIn(name)
		r, err := s.Resolve(schema, arrival)
		rAgain, errAgain := again.Resolve(schema, arrival)
		if diff := cmp.Diff(r, rAgain) + cmp.Diff(err, errAgain); diff != "" {
			t.Fatalf("not resolved the same twice:\n%s", diff)
		}
		if err != nil {
			requireError(t, err)
			continue
		}
		checkSamples(t, r, schema)
	}
}

func requireError(t *testing.T, err error) {
	t.Helper()
	refused, ok := errors.AsType[*Error](err)
	if !ok || refused.Text == "" || refused.Detail == "" || refused.Status < 400 || refused.Status > 499 {
		t.Fatalf("error %+v is not an *Error that says why", err)
	}
}

func checkSamples(t *testing.T, r *Resolved, schema suite.Schema) {
	t.Helper()
	p := r.Samples
	if len(p.RowTest) != p.Rows || len(p.Row) != len(p.Value) || len(p.Metric) != len(p.Value) || len(p.Failed) != len(p.Value) ||
		len(p.TextRow) != len(p.Text) || len(p.TextMetric) != len(p.Text) {
		t.Fatalf("columns of unequal length: %+v", p)
	}
	for _, test := range p.RowTest {
		if int(test) >= len(r.Tests) {
			t.Fatalf("row of test %d of %d", test, len(r.Tests))
		}
	}
	for i := range p.Value {
		if int(p.Row[i]) >= p.Rows || schema.Metrics[p.Metric[i]].Type != suite.Real || p.Value[i]-p.Value[i] != 0 {
			t.Fatalf("entry %d is wrong: %+v", i, p)
		}
	}
	for i := range p.Text {
		if int(p.TextRow[i]) >= p.Rows || schema.Metrics[p.TextMetric[i]].Type == suite.Real {
			t.Fatalf("text entry %d is wrong: %+v", i, p)
		}
	}
}

func FuzzParseJSON(f *testing.F) {
	seed(f)
	f.Fuzz(checkParse)
}

// FuzzParsePlist pushes what comes through each reader of property lists.
func FuzzParsePlist(f *testing.F) {
	seed(f)
	xml, err := plist.Marshal(map[string]any{"machine": map[string]any{"name": "m"}, "tests": []any{}}, plist.XMLFormat)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(xml)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, prefix := range []string{"", "bplist00", "<plist>"} {
			checkParse(t, append([]byte(prefix), body...))
		}
	})
}

func FuzzGuess(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		tag := Guess(body)
		if s, err := Parse(body, small); err != nil || s.SourceVersion == 2 {
			return // there may be a tag, and it means nothing
		}
		var doc map[string]any
		if json.Unmarshal(bytes.TrimPrefix(body, utf8BOM), &doc) != nil {
			return // a property list
		}
		run, _ := doc["Run"].(map[string]any)
		info, _ := run["Info"].(map[string]any)
		if want, _ := info["tag"].(string); tag != want {
			t.Fatalf("guessed %q, want %q", tag, want)
		}
	})
}
