package suite

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const libraries = `
format_version: '2'
name: libraries
metrics:
  - name: execution_time
    type: Real
    display_name: Execution Time
    unit: seconds
    unit_abbrev: s
    ignore_same_hash: yes
  - {name: throughput, bigger_is_better: true}
  - name: execution_status
    type: Status
  - name: hash
    type: Hash
run_fields:
  - name: revision
    order: true
  - {name: build, order: True}
  - name: git_sha
machine_fields:
  - name: hardware
  - name: os
future_key: {anything: [goes]}
`

func mustRead(t *testing.T, text string, options YAMLOptions) Schema {
	t.Helper()
	s, err := ReadYAML([]byte(text), options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReadYAML_ASchemaFile_IsReadWhole(t *testing.T) {
	t.Parallel()
	want := Schema{
		Name: "libraries",
		Metrics: []Metric{
			{Name: "execution_time", Type: Real, DisplayName: "Execution Time", Unit: "seconds", UnitAbbrev: "s", IgnoreSameHash: true},
			{Name: "throughput", Type: Real, BiggerIsBetter: true},
			{Name: "execution_status", Type: Status},
			{Name: "hash", Type: Hash},
		},
		RunFields:     []Field{{Name: "revision", Order: true}, {Name: "build", Order: true}, {Name: "git_sha"}},
		MachineFields: []Field{{Name: "hardware"}, {Name: "os"}},
	}
	if diff := cmp.Diff(want, mustRead(t, libraries, YAMLOptions{Name: "libraries"})); diff != "" {
		t.Errorf("want, got: %s", diff)
	}
}

func TestReadYAML_AnchorsAndMerges_MeanWhatTheyStandFor(t *testing.T) {
	t.Parallel()
	got := mustRead(t, `
format_version: !!str 2
name: short
run_fields: [{name: rev, order: on}]
metrics:
  - &time {name: a, type: Real, unit: seconds}
  - <<: *time
    name: b
`, YAMLOptions{})
	want := []Metric{{Name: "a", Type: Real, Unit: "seconds"}, {Name: "b", Type: Real, Unit: "seconds"}}
	if diff := cmp.Diff(want, got.Metrics); diff != "" {
		t.Errorf("want, got: %s", diff)
	}
}

func TestReadYAML_WhatTheAPIShows_IsItselfASchemaFile(t *testing.T) {
	t.Parallel()
	for _, s := range BuiltIns() {
		shown, err := json.Marshal(s.LNT())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s.LNT(), mustRead(t, string(shown), YAMLOptions{}).LNT()); diff != "" {
			t.Errorf("%s: want, got: %s", s.Name, diff)
		}
	}
}

func TestReadYAML_BadFiles_AreRefusedInLNTsWordsWithTheirLine(t *testing.T) {
	t.Parallel()
	const head = "format_version: '2'\nname: foo\n"
	const orders = head + "run_fields: [{name: rev, order: true}]\n"
	for name, c := range map[string]struct {
		data string
		text string // LNT's
		line int
	}{
		"nothing":               {"", "No schema data provided.", 0},
		"blanks":                {"  ", "Schema payload must be a YAML object.", 0},
		"a list":                {"- a", "Schema payload must be a YAML object.", 1},
		"null":                  {"null", "Schema payload must be a YAML object.", 1},
		"no name":               {"a: 1", "Schema payload missing 'name'.", 1},
		"empty name":            {"name: ''", "Schema payload missing 'name'.", 1},
		"null name":             {"name:", "Schema payload missing 'name'.", 1},
		"name begins badly":     {"x: 1\nname: 1foo", badName, 2},
		"name is a number":      {"name: 12", badName, 1},
		"name is a list":        {"name: [a]", badName, 1},
		"name has a dash":       {"name: a-b", badName, 1},
		"name of another suite": {"name: bar", "Schema name 'bar' does not match URL testsuite 'foo'.", 1},
		"no version":            {"name: foo", `Expected "format_version": "2" in schema`, 1},
		"version is a number":   {"name: foo\nformat_version: 2", `Expected "format_version": "2" in schema`, 2},
		"no order field":        {head + "metrics: []", "", 1},
		"order not true":        {head + "run_fields: [{name: rev}]\nmetrics: []", "", 1},
		"no metrics":            {orders, "'metrics'", 1},
		"nameless run field":    {head + "run_fields:\n- {nme: rev, order: true}", "'name'", 4},
		"nameless metric":       {orders + "metrics:\n- type: Real", "'name'", 5},
		"nameless machine":      {orders + "machine_fields: [{}]", "'name'", 4},
		"unknown type":          {orders + "metrics:\n- name: a\n- name: b\n  type: Integer", "Unknown metric type 'Integer'", 7},
		"null type":             {orders + "metrics:\n- name: b\n  type:", "Unknown metric type 'None'", 6},
		"reserved metric":       {orders + "metrics: [{name: a}]\n\n" + "machine_fields:\n- {name: os}\n- {name: name}", `machine_fields[1].name: "name" is reserved`, 8},
		"reserved run field":    {head + "run_fields:\n- {name: rev, order: true}\n- {name: start_time}\nmetrics: []", `run_fields[1].name: "start_time" is reserved`, 5},
		"metric twice":          {orders + "metrics:\n- name: a\n- name: a", `metrics[1].name: "a" is declared twice`, 6},
		"two reserved":          {orders + "metrics: [{name: id}, {name: run}]", `metrics[0].name: "id" is reserved; metrics[1].name: "run" is reserved`, 4},
		"metrics an object":     {orders + "metrics: {a: b}", "metrics: is not a list", 4},
		"metric a text":         {orders + "metrics: [a]", "metrics[0]: is not an object", 4},
		"name a number":         {orders + "metrics: [{name: 1}]", "metrics[0].name: is not a text", 4},
		"quoted truth":          {orders + "metrics: [{name: a, bigger_is_better: 'false'}]", "metrics[0].bigger_is_better: is neither true nor false", 4},
		"unit a list":           {orders + "metrics: [{name: a, unit: []}]", "metrics[0].unit: is not a text", 4},
		"link neither":          {orders + "metrics: []\nlink_status: maybe", "link_status: is neither true nor false", 5},
	} {
		_, err := ReadYAML([]byte(c.data), YAMLOptions{Name: "foo"})
		var known *YAMLError
		if !errors.As(err, &known) {
			t.Errorf("%s: got %v, want a YAMLError", name, err)
			continue
		}
		if known.Text() != c.text || known.Problems[0].Line != c.line {
			t.Errorf("%s: got %q at line %d, want %q at %d", name, known.Text(), known.Problems[0].Line, c.text, c.line)
		}
		if known.Error() == "" {
			t.Errorf("%s: nothing for people to read", name)
		}
	}
}

func TestReadYAML_NotYAML_IsRefusedWithoutHarm(t *testing.T) {
	t.Parallel()
	bomb := "a: &a [x, x]\n"
	for i := range 40 {
		bomb += string(rune('b'+i%20)) + strings.Repeat("_", i) + ": &" + string(rune('b'+i%20)) + strings.Repeat("_", i) + " [*a, *a]\n"
	}
	for name, data := range map[string]string{
		"unclosed":        "a: [b",
		"tabs":            "a:\n\tb: c",
		"key twice":       "name: a\nname: b",
		"two documents":   "a: 1\n---\nb: 2",
		"not UTF-8":       "name: \xff",
		"brackets":        "name: " + strings.Repeat("[", 200_000),
		"braces":          strings.Repeat("{a: ", 100_000),
		"dashes":          strings.Repeat("- ", 200_000),
		"question marks":  strings.Repeat("? ", 200_000),
		"tags":            "a: " + strings.Repeat("!!str ", 50_000) + "x",
		"anchors":         "a: " + strings.Repeat("&a ", 50_000) + "x",
		"too large":       "name: " + strings.Repeat("a", MaxYAML),
		"cycle":           "a: &a [*a]",
		"unknown alias":   "a: *b",
		"object as a key": "? {a: b}\n: c",
		"foreign tag":     "a: !!python/object/apply:os.system [ls]",
	} {
		_, err := ReadYAML([]byte(data), YAMLOptions{})
		var known *YAMLError
		if !errors.As(err, &known) || !strings.HasPrefix(known.Text(), "Invalid YAML schema payload: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := ReadYAML([]byte(bomb), YAMLOptions{}); err == nil {
		t.Error("aliases upon aliases make a schema")
	}
}

func TestReadYAML_TheLargestSchema_Fits(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("format_version: '2'\nname: large\nrun_fields: [{name: rev, order: true}]\nmetrics:\n")
	for i := range MaxMetrics {
		b.WriteString("- {name: metric_" + strings.Repeat("x", i%50) + string(rune('a'+i/676)) + string(rune('a'+i/26%26)) + string(rune('a'+i%26)) +
			", type: Real, bigger_is_better: false, ignore_same_hash: false, display_name: Some Metric, unit: bytes, unit_abbrev: b}\n")
	}
	if got := mustRead(t, b.String(), YAMLOptions{}); len(got.Metrics) != MaxMetrics {
		t.Errorf("%d metrics", len(got.Metrics))
	}
	b.WriteString("- {name: one_more}\n")
	if _, err := ReadYAML([]byte(b.String()), YAMLOptions{}); err == nil || !strings.Contains(err.Error(), "at most 1000") {
		t.Errorf("got %v", err)
	}
}

func TestLinkStatus_OnlyWhenAsked_LinksByName(t *testing.T) {
	t.Parallel()
	const text = `
format_version: '2'
name: s
run_fields: [{name: rev, order: true}]
metrics: [{name: run_time}, {name: run_status, type: Status}, {name: run_bytes}, {name: hash, type: Hash}, {name: hash_status, type: Status},
  {name: other_time}, {name: lone_status, type: Status}, {name: size_status}, {name: size_bytes}]
`
	links := func(s Schema) map[string]string {
		out := map[string]string{}
		for _, m := range s.Metrics {
			if m.Status != "" {
				out[m.Name] = m.Status
			}
		}
		return out
	}
	want := map[string]string{"run_time": "run_status", "run_bytes": "run_status", "hash": "hash_status"}
	if got := links(mustRead(t, text, YAMLOptions{})); len(got) != 0 {
		t.Errorf("unasked: %v", got)
	}
	if diff := cmp.Diff(want, links(mustRead(t, text, YAMLOptions{LinkStatus: true}))); diff != "" {
		t.Errorf("option: want, got: %s", diff)
	}
	if diff := cmp.Diff(want, links(mustRead(t, text+"link_status: true\n", YAMLOptions{}))); diff != "" {
		t.Errorf("in the file: want, got: %s", diff)
	}
}

func TestSays_OnlyWhatChangesNothing(t *testing.T) {
	t.Parallel()
	base := mustRead(t, libraries, YAMLOptions{LinkStatus: true})
	if !base.Says(mustRead(t, libraries, YAMLOptions{})) {
		t.Error("a file that does not mention links would be defined again and again")
	}
	shuffled := base.Clone()
	shuffled.Metrics[0], shuffled.Metrics[2] = shuffled.Metrics[2], shuffled.Metrics[0]
	shuffled.RunFields[0], shuffled.RunFields[2] = shuffled.RunFields[2], shuffled.RunFields[0]
	if !base.Says(shuffled) {
		t.Error("another order is taken for a change")
	}
	for name, change := range map[string]func(*Schema){
		"unit":       func(s *Schema) { s.Metrics[0].Unit = "ms" },
		"new metric": func(s *Schema) { s.Metrics = append(s.Metrics, Metric{Name: "x", Type: Real}) },
		"new field":  func(s *Schema) { s.RunFields = append(s.RunFields, Field{Name: "x"}) },
		"less":       func(s *Schema) { s.MachineFields = s.MachineFields[1:] },
		"order":      func(s *Schema) { s.RunFields[1].Order = false },
		"link":       func(s *Schema) { s.Metrics[3].Status = "execution_status" },
		"name":       func(s *Schema) { s.Name = "other" },
	} {
		wanted := base.Clone()
		change(&wanted)
		if base.Says(wanted) {
			t.Errorf("%s: a change is not seen", name)
		}
	}
}

func FuzzReadYAML(f *testing.F) {
	f.Add([]byte(libraries))
	f.Add([]byte("format_version: '2'\nname: a\nrun_fields: [{name: r, order: yes}]\nmetrics: [&a {name: b}, {<<: *a, name: c}]\nlink_status: true"))
	f.Add([]byte("name: |\n  a\n? b\n: !!str c\n--- {}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ReadYAML(data, YAMLOptions{})
		if err != nil {
			var known *YAMLError
			if !errors.As(err, &known) || len(known.Problems) == 0 {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		again, err := Decode(s.Encode())
		if err != nil || !again.Says(s) {
			t.Fatalf("a schema that cannot be stored was read: %v", err)
		}
	})
}
