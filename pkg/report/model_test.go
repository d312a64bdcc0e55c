package report

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"howett.net/plist"
	"pgregory.net/rapid"

	"tidemark/pkg/suite"
)

// The narrow samples of a report, told the simple way: "row test metric value", one per value.
type model struct {
	rows    []string // test of each row
	entries map[string]bool
}

func (m *model) add(row int, test, metric, value string) {
	m.entries[strconv.Itoa(row)+" "+test+" "+metric+" "+value] = true
}

// expand makes rows of tests without any cleverness: value i of every list goes to row i of its entry.
func expand(tests []map[string]any) model {
	m := model{entries: map[string]bool{}}
	for _, test := range tests {
		name := test["name"].(string)
		rows, first := 0, len(m.rows)
		for metric, v := range test {
			if metric == "name" {
				continue
			}
			list, ok := v.([]any)
			if !ok {
				list = []any{v}
			}
			rows = max(rows, len(list))
			for i, value := range list {
				switch value := value.(type) {
				case float64:
					m.add(first+i, name, metric, strconv.FormatFloat(value, 'g', -1, 64))
				case string:
					m.add(first+i, name, metric, value)
				}
			}
		}
		for range rows {
			m.rows = append(m.rows, name)
		}
	}
	return m
}

func read(t *rapid.T, r *Resolved) model {
	names := []string{"compile_time", "compile_status", "execution_time", "execution_status", "score", "mem_bytes", "hash", "hash_status", "code_size"}
	m := model{entries: map[string]bool{}}
	for _, test := range r.Samples.RowTest {
		m.rows = append(m.rows, r.Tests[test])
	}
	last := -1
	for i, v := range r.Samples.Value {
		row := int(r.Samples.Row[i])
		if row < last {
			t.Fatalf("row %d comes after row %d", row, last)
		}
		last = row
		m.add(row, m.rows[row], names[r.Samples.Metric[i]], strconv.FormatFloat(v, 'g', -1, 64))
	}
	for i, v := range r.Samples.Text {
		row := int(r.Samples.TextRow[i])
		m.add(row, m.rows[row], names[r.Samples.TextMetric[i]], v)
	}
	if len(m.entries) != len(r.Samples.Value)+len(r.Samples.Text) {
		t.Fatalf("a value is there twice: %+v", r.Samples)
	}
	return m
}

// drawTests draws tests of version 2, with nulls only if they can be written.
func drawTests(t *rapid.T, nulls bool) []map[string]any {
	scalars := func(inner *rapid.Generator[any]) *rapid.Generator[any] {
		if nulls {
			inner = rapid.OneOf(inner, rapid.Just[any](nil))
		}
		return rapid.OneOf(inner, rapid.Map(rapid.SliceOfN(inner, 0, 4), func(l []any) any { return l }))
	}
	// Plus zero makes -0 positive: the other writer of property lists takes the two for one object.
	reals := scalars(rapid.Map(rapid.Float64Range(-1e9, 1e9), func(f float64) any { return f + 0 }))
	statuses := scalars(rapid.Map(rapid.IntRange(0, 2), func(n int) any { return float64(n) }))
	hashes := scalars(rapid.Map(rapid.StringMatching(`[a-z]{1,4}`), func(s string) any { return s }))
	var tests []map[string]any
	for range rapid.IntRange(0, 6).Draw(t, "tests") {
		test := map[string]any{"name": rapid.SampledFrom([]string{"a", "a.b", "ü/c"}).Draw(t, "name")}
		for _, m := range []struct {
			name   string
			values *rapid.Generator[any]
		}{{"compile_time", reals}, {"execution_time", reals}, {"execution_status", statuses}, {"hash", hashes}} {
			if rapid.Bool().Draw(t, m.name) {
				test[m.name] = m.values.Draw(t, m.name)
			}
		}
		tests = append(tests, test)
	}
	return tests
}

func resolved(t *rapid.T, body []byte) *Resolved {
	s, err := Parse(body, Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	nts, _ := suite.BuiltIn("nts")
	r, err := s.Resolve(nts, arrival)
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	return r
}

func TestResolve_AnyTests_BecomeTheSamplesOfTheSimpleModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tests := drawTests(t, true)
		list := must(json.Marshal(tests))
		if tests == nil {
			list = []byte("[]")
		}
		got, want := read(t, resolved(t, []byte(v2(string(list))))), expand(tests)
		if diff := cmp.Diff(got.rows, want.rows) + cmp.Diff(got.entries, want.entries); diff != "" {
			t.Fatalf("got - want +\n%s\n%s", diff, list)
		}
	})
}

// A report says the same whichever version and container it comes in.
func TestResolve_AnyTests_SameInEveryVersionAndContainer(t *testing.T) {
	t.Parallel()
	suffixes := map[string]string{"compile_time": ".compile", "execution_time": ".exec", "execution_status": ".exec.status", "hash": ".hash"}
	rapid.Check(t, func(t *rapid.T) {
		tests := drawTests(t, false)
		old := []any{}
		seen := map[string]bool{}
		for i, test := range tests {
			// Version 1 merges entries of one name, so here every name is its own.
			name := test["name"].(string) + "/" + strconv.Itoa(i)
			test["name"] = name
			for metric, suffix := range suffixes {
				if v, ok := test[metric]; ok {
					list, isList := v.([]any)
					if !isList {
						list = []any{v}
					}
					old = append(old, map[string]any{"Name": "nts." + name + suffix, "Info": map[string]any{}, "Data": list})
					seen[name] = true
				}
			}
		}
		expected := expand(tests)
		v1 := map[string]any{
			"Machine": map[string]any{"Name": "m", "Info": map[string]any{}},
			"Run":     map[string]any{"Info": map[string]any{"__report_version__": "1", "tag": "nts", "run_order": "7"}},
			"Tests":   old,
		}
		for name, body := range map[string][]byte{
			"json": must(json.Marshal(v1)), "xml": must(plist.Marshal(v1, plist.XMLFormat)), "binary": must(plist.Marshal(v1, plist.BinaryFormat)),
		} {
			r := resolved(t, body)
			if len(r.Tests) != len(seen) {
				t.Fatalf("%s: tests %q, want %d", name, r.Tests, len(seen))
			}
			if diff := cmp.Diff(withoutRows(read(t, r)), withoutRows(expected)); diff != "" {
				t.Fatalf("%s: got - want +\n%s\n%s", name, diff, body)
			}
		}
	})
}

// withoutRows compares values by their row within their test: the order of the tests is up to the writer.
func withoutRows(m model) map[string]bool {
	first := map[string]int{}
	for i, test := range m.rows {
		if _, ok := first[test]; !ok {
			first[test] = i
		}
	}
	out := map[string]bool{}
	for e := range m.entries {
		parts := strings.SplitN(e, " ", 3)
		row, _ := strconv.Atoi(parts[0])
		out[strconv.Itoa(row-first[parts[1]])+" "+parts[1]+" "+parts[2]] = true
	}
	return out
}
