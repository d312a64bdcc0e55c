package report

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/suite"
)

func TestResolve_MetricValues_ByType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		metric, value string
		real          float64
		text          string
		none          bool
		rule          string // part of the error
	}{
		{metric: "compile_time", value: `1.5`, real: 1.5},
		{metric: "compile_time", value: `-0.25e-3`, real: -0.25e-3},
		{metric: "compile_time", value: `"1.5"`, real: 1.5},
		{metric: "compile_time", value: `" 2e3 "`, real: 2000},
		{metric: "compile_time", value: `12345678901234567890`, real: 12345678901234567890},
		{metric: "compile_time", value: `null`, none: true},
		{metric: "compile_time", value: `[]`, none: true},
		{metric: "compile_time", value: `1e-999`, real: 0},
		{metric: "compile_time", value: `"fast"`, rule: "is not a number: 'fast'"},
		{metric: "compile_time", value: `""`, rule: "is not a number"},
		{metric: "compile_time", value: `"0x10"`, rule: "is not a number"},
		{metric: "compile_time", value: `"1e"`, rule: "is not a number"},
		{metric: "compile_time", value: `"1_000"`, rule: "is not a number"},
		{metric: "compile_time", value: `"nan"`, rule: "is not a number"},
		{metric: "compile_time", value: `"inf"`, rule: "is not a number"},
		{metric: "compile_time", value: `"1e999"`, rule: "is not a finite number"},
		{metric: "compile_time", value: `1e999`, rule: "is not a finite number"},
		{metric: "compile_time", value: `NaN`, rule: "is not a finite number"},
		{metric: "compile_time", value: `Infinity`, rule: "is not a finite number"},
		{metric: "compile_time", value: `-Infinity`, rule: "is not a finite number"},
		{metric: "compile_time", value: `true`, rule: "is a boolean, want a number"},
		{metric: "compile_time", value: `{}`, rule: "is an object, want a number"},
		{metric: "compile_status", value: `0`, text: "0"},
		{metric: "compile_status", value: `1.0`, text: "1"},
		{metric: "compile_status", value: `2`, text: "2"},
		{metric: "compile_status", value: `null`, none: true},
		{metric: "compile_status", value: `3`, rule: "is 3, want a status"},
		{metric: "compile_status", value: `0.5`, rule: "is 0.5, want a status"},
		{metric: "compile_status", value: `-1`, rule: "want a status"},
		{metric: "compile_status", value: `" 1"`, text: "1"},
		{metric: "compile_status", value: `"3"`, rule: "is 3, want a status"},
		{metric: "compile_status", value: `"PASS"`, rule: "is a string, want a status"},
		{metric: "compile_status", value: `false`, rule: "is a boolean, want a status"},
		{metric: "hash", value: `"9b1d"`, text: "9b1d"},
		{metric: "hash", value: `"` + strings.Repeat("é", 256) + `"`, text: strings.Repeat("é", 256)},
		{metric: "hash", value: `null`, none: true},
		{metric: "hash", value: `"` + strings.Repeat("a", 257) + `"`, rule: "has more than 256 characters"},
		{metric: "hash", value: `"a\u0000"`, rule: "NUL"},
		{metric: "hash", value: `5`, rule: "is a number, want a string"},
	} {
		t.Run(c.metric+" "+clip(c.value), func(t *testing.T) {
			t.Parallel()
			body := v2(`[{"name":"ok"},{"name":"a","` + c.metric + `":` + c.value + `}]`)
			if c.rule != "" {
				got := refusal(t, body, Options{})
				if !strings.Contains(got.Text, c.rule) || got.Field != "tests[1]."+c.metric {
					t.Errorf("error %q at %q, want %q", got.Text, got.Field, c.rule)
				}
				return
			}
			_, r := accept(t, body)
			wantReal, wantText := []float64{}, []string(nil)
			switch {
			case c.none:
			case c.metric == "compile_time":
				wantReal = append(wantReal, c.real)
			default:
				wantText = append(wantText, c.text)
			}
			if diff := cmp.Diff(r.Samples.Value, wantReal) + cmp.Diff(r.Samples.Text, wantText); diff != "" {
				t.Errorf("got - want +\n%s", diff)
			}
		})
	}
}

func TestResolve_UnknownMetric_SaysLNTsWords(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"1", "null", "[]"} {
		got := refusal(t, v2(`[{"name":"suite/a","speed":`+value+`}]`), Options{})
		if got.Text != "import failure: test suite/a: Metric 'speed' unknown in suite " || got.Field != "tests[0].speed" {
			t.Errorf("%s: error %q at %q", value, got.Text, got.Field)
		}
	}
}

func TestResolve_SamplesFromLists(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tests string
		names []string
		want  Samples
	}{
		"longest list decides, others fill the first": {
			`[{"name":"a","execution_time":[1,2,3],"hash":"x","compile_time":[4,5]}]`,
			[]string{"a"},
			Samples{
				Rows: 3, RowTest: []uint32{0, 0, 0},
				Row: []uint32{0, 0, 1, 1, 2}, Metric: []uint16{2, 0, 2, 0, 2}, Value: []float64{1, 4, 2, 5, 3}, Failed: make([]bool, 5),
				TextRow: []uint32{0}, TextMetric: []uint16{6}, Text: []string{"x"},
			},
		},
		"a name alone or an empty list makes a test without samples": {
			`[{"name":"a"},{"name":"b","execution_time":[]}]`,
			[]string{"a", "b"},
			Samples{RowTest: []uint32{}, Row: []uint32{}, Metric: []uint16{}, Value: []float64{}, Failed: []bool{}},
		},
		"a null makes a row without values": {
			`[{"name":"a","execution_time":[null,7]},{"name":"b","score":null}]`,
			[]string{"a", "b"},
			Samples{Rows: 3, RowTest: []uint32{0, 0, 1}, Row: []uint32{1}, Metric: []uint16{2}, Value: []float64{7}, Failed: []bool{false}},
		},
		"a repeated name makes independent rows of one test": {
			`[{"name":"a","score":1},{"name":"b","score":2},{"name":"a","score":3}]`,
			[]string{"a", "b"},
			Samples{Rows: 3, RowTest: []uint32{0, 1, 0}, Row: []uint32{0, 1, 2}, Metric: []uint16{4, 4, 4}, Value: []float64{1, 2, 3}, Failed: make([]bool, 3)},
		},
		"a failing status marks the values it is linked to, in its row only": {
			`[{"name":"a","execution_time":[1,2,3],"compile_time":[4],"mem_bytes":5,"execution_status":[0,"1",2],"compile_status":0}]`,
			[]string{"a"},
			Samples{
				Rows: 3, RowTest: []uint32{0, 0, 0},
				Row: []uint32{0, 0, 0, 1, 2}, Metric: []uint16{2, 0, 5, 2, 2}, Value: []float64{1, 4, 5, 2, 3}, Failed: []bool{false, false, false, true, false},
				TextRow: []uint32{0, 0, 1, 2}, TextMetric: []uint16{3, 1, 3, 3}, Text: []string{"0", "0", "1", "2"},
			},
		},
		"an empty object stands for no tests": {
			`{}`,
			[]string{},
			Samples{RowTest: []uint32{}, Row: []uint32{}, Metric: []uint16{}, Value: []float64{}, Failed: []bool{}},
		},
		"ids are ignored whatever they hold": {
			`[{"id":[1],"name":"a","run_id":{"x":1},"_id":null}]`,
			[]string{"a"},
			Samples{RowTest: []uint32{}, Row: []uint32{}, Metric: []uint16{}, Value: []float64{}, Failed: []bool{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := accept(t, v2(c.tests))
			if diff := cmp.Diff(r.Samples, c.want) + cmp.Diff(r.Tests, c.names); diff != "" {
				t.Errorf("got - want +\n%s", diff)
			}
		})
	}
}

func TestResolve_SuiteWithoutLinks_FailsNothing(t *testing.T) {
	t.Parallel()
	s, err := Parse([]byte(v2(`[{"name":"a","user_time":1,"user_status":1}]`)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(schema(t, "compile"), arrival)
	if err != nil {
		t.Fatal(err)
	}
	if r.Samples.Failed[0] {
		t.Errorf("a status that is not linked marked a value failed")
	}
}

func TestResolve_Attributes_DeclaredAndFree(t *testing.T) {
	t.Parallel()
	s := suite.Schema{
		Name:          "two",
		RunFields:     []suite.Field{{Name: "minor", Order: true}, {Name: "sha"}, {Name: "major", Order: true}},
		MachineFields: []suite.Field{{Name: "cpu"}, {Name: "cores"}, {Name: "gone"}},
	}
	p, err := Parse([]byte(`{"machine":{"name":"m","id":4,"cpu":"z80","cores":8,"gone":null,"b":{"y":1,"x":[ 1.50 , 9007199254740993 ]},"a":null,"c":true},
		"run":{"major":"1","minor":"2","sha":"feed","id":1,"order_by":"","order_id":2,"machine_id":3,"imported_from":4,"simple_run_id":5,"z":null,"y":"\u00fc\/"},"tests":[]}`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Resolve(s, arrival)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{"order": r.Order, "machine": r.MachineFields, "run": r.RunFields, "params": texts(r.MachineParams), "run params": texts(r.RunParams)}
	want := map[string]any{
		"order":   []string{"2", "1"},
		"machine": map[string]string{"cpu": "z80", "cores": "8"},
		"run":     map[string]string{"sha": "feed"},
		// A null is kept where nothing is declared.
		"params":     []string{`a=null`, `b={"x":[1.5,9007199254740993],"y":1}`, `c=true`},
		"run params": []string{`y="ü/"`, `z=null`},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}

func texts(attrs []Attr) []string {
	var list []string
	for _, a := range attrs {
		list = append(list, a.Name+"="+string(a.Value))
	}
	return list
}

func TestParse_EqualAttributes_AreEqualBytes(t *testing.T) {
	t.Parallel()
	a, _ := accept(t, v2Machine(`,"p":{"a":1,"b":[1.0,2e2,"\u0041"]}`))
	b, _ := accept(t, v2Machine(`,"p": { "b" : [ 1.00, 200.0, "A" ], "a" : 1 }`))
	if x, y := attr(t, a.Machine.Attrs, "p"), attr(t, b.Machine.Attrs, "p"); x != y {
		t.Errorf("%s and %s", x, y)
	}
}

func TestResolve_Version2_Refusals(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 257)
	for name, c := range map[string]struct{ body, text, field string }{
		"other suite":            {`{"schema":"compile",` + v2(`[]`)[1:], "Importing 'compile' data into test suite 'nts'", "schema"},
		"schema that is none":    {`{"schema":5,` + v2(`[]`)[1:], "Invalid input format: schema: is a number", "schema"},
		"no order":               {strings.Replace(v2(`[]`), "llvm_project_revision", "rev", 1), "import failure: Supplied run is missing parameter: 'llvm_project_revision'", "run.llvm_project_revision"},
		"null order":             {strings.Replace(v2(`[]`), `"7"`, "null", 1), "import failure: Supplied run is missing parameter: 'llvm_project_revision'", "run.llvm_project_revision"},
		"number for an order":    {strings.Replace(v2(`[]`), `"7"`, "7", 1), "import failure: run.llvm_project_revision: is a number, want a string", "run.llvm_project_revision"},
		"long order":             {strings.Replace(v2(`[]`), `"7"`, `"`+long+`"`, 1), "import failure: run.llvm_project_revision: has more than 256 characters", "run.llvm_project_revision"},
		"machine without name":   {strings.Replace(v2(`[]`), `"name":"m"`, "", 1), "import failure: machine.name: is missing", "machine.name"},
		"machine name no string": {strings.Replace(v2(`[]`), `"name":"m"`, `"name":5`, 1), "import failure: machine.name: is a number, want a string", "machine.name"},
		"empty machine name":     {strings.Replace(v2(`[]`), `"name":"m"`, `"name":""`, 1), "import failure: machine.name: is empty", "machine.name"},
		"long machine name":      {strings.Replace(v2(`[]`), `"name":"m"`, `"name":"`+long+`"`, 1), "import failure: machine.name: has more than 256 characters", "machine.name"},
		"long machine field":     {v2Machine(`,"os":"` + long + `"`), "import failure: machine.os: has more than 256 characters", "machine.os"},
		"object as a field":      {v2Machine(`,"os":{}`), "import failure: machine.os: is an object, want a string", "machine.os"},
		"infinite attribute":     {v2Machine(`,"p":[1,1e999]`), "import failure: machine.p: 1e999 is not a finite number", "machine.p"},
		"long key":               {v2Machine(`,"` + long + `":1`), "Invalid input format: machine.x", "machine." + clip(long)},
		"machine no object":      {`{"machine":[],"run":{},"tests":[]}`, "Invalid input format: machine: is a list, want an object", "machine"},
		"run no object":          {`{"machine":{"name":"m"},"run":null,"tests":[]}`, "Invalid input format: run: is null, want an object", "run"},
		"tests no list":          {v2(`5`), "Invalid input format: tests: is a number, want a list", "tests"},
		"tests an object":        {v2(`{"a":1}`), "Invalid input format: tests: is an object, want a list", "tests"},
		"test no object":         {v2(`[{"name":"a"},[]]`), "Invalid input format: tests[1]: is a list, want an object", "tests[1]"},
		"test without name":      {v2(`[{"name":"a"},{"score":1}]`), "import failure: tests[1].name: is missing", "tests[1].name"},
		"test name no string":    {v2(`[{"name":null}]`), "import failure: tests[0].name: is null, want a string", "tests[0].name"},
		"long test name":         {v2(`[{"name":"` + long + `"}]`), "import failure: tests[0].name: has more than 256 characters", "tests[0].name"},
		"NUL in test name":       {v2(`[{"name":"a\u0000b"}]`), "import failure: tests[0].name: contains a NUL character", "tests[0].name"},
		"list in list":           {v2(`[{"name":"a","score":[1,[2]]}]`), "import failure: tests[0].score[1]: is a list, want", "tests[0].score[1]"},
		"bad value in list":      {v2(`[{"name":"a","score":[1,"x"]}]`), "import failure: tests[0].score[1]: is not a number: 'x'", "tests[0].score[1]"},
		"duplicate at the top":   {`{"run":{},` + v2(`[]`)[1:], "Invalid input format: run: the key occurs twice", "run"},
		"duplicate in a machine": {v2Machine(`,"a":1,"a":1`), "Invalid input format: machine.a: the key occurs twice", "machine.a"},
		"duplicate in a test":    {v2(`[{"name":"a","score":1,"score":2}]`), "Invalid input format: tests[0].score: the key occurs twice", "tests[0].score"},
		"duplicate deep inside":  {v2Run(`,"p":[{"a":1,"\u0061":2}]`), "Invalid input format: run.p[0].a: the key occurs twice", "run.p[0].a"},
		"invalid UTF-8":          {v2("[{\"name\":\"a\xff\"}]"), "could not parse input format", "tests[0].name"},
		"lone surrogate":         {v2(`[{"name":"\ud800"}]`), "could not parse input format", "tests[0].name"},
		"too deep":               {v2Machine(`,"p":` + nested("[", "1", "]", 65)), "Invalid input format: machine.p: nests deeper than 64", "machine.p"},
		"far too deep":           {v2Machine(`,"p":` + nested("[", "1", "]", 100_000)), "could not parse input format", ""},
		"far too deep, ignored":  {`{"other":` + nested(`{"a":`, "1", "}", 100_000) + `,` + v2(`[]`)[1:], "could not parse input format", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := refusal(t, c.body, Options{})
			if !strings.HasPrefix(got.Text, c.text) || (got.Field != c.field && !strings.HasPrefix(name, "far")) {
				t.Errorf("error %q at %q, want %q at %q", got.Text, got.Field, c.text, c.field)
			}
		})
	}
}

func TestParse_BeyondABound_IsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts   Options
		body   string
		status int
		text   string
	}{
		"bytes":      {Options{MaxBytes: 50}, v2(`[]`), 413, "Invalid input format: the report has"},
		"depth":      {Options{MaxDepth: 2}, v2Machine(`,"p":[[[]]]`), 400, "Invalid input format: machine.p: nests deeper than 2"},
		"tests":      {Options{MaxTests: 2}, v2(`[{"name":"a"},{"name":"b"},{"name":"c"}]`), 400, "Invalid input format: tests: has more than 2 entries"},
		"values":     {Options{MaxValues: 3}, v2(`[{"name":"a","score":[1,2]},{"name":"b","score":[1,2]}]`), 400, "Invalid input format: tests[1].score[1]: there are more than 3 metric values"},
		"attrs":      {Options{MaxAttrs: 2}, v2Machine(`,"a":1,"b":2`), 400, "Invalid input format: machine: has more than 2 entries"},
		"old tests":  {Options{MaxTests: 1}, v1(``, `"tag":"nts"`, entry("nts.a.exec", "[]")+","+entry("nts.a.exec", "[]")), 400, "Invalid input format: Tests: has more than 1 entries"},
		"old values": {Options{MaxValues: 3}, v1(``, `"tag":"nts"`, entry("nts.a.exec", "[1,2]")+","+entry("nts.a.exec", "[1,2]")), 400, "Invalid input format: Tests[1].Data: has more than 1 entries"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := refusal(t, c.body, c.opts)
			if got.Status != c.status || !strings.HasPrefix(got.Text, c.text) {
				t.Errorf("%d %q, want %d %q", got.Status, got.Text, c.status, c.text)
			}
		})
	}
}

func TestResolve_Times(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	now := at("2026-09-01T12:00:00Z")
	for name, c := range map[string]struct {
		run        string
		start, end time.Time
		field      string // of the error
	}{
		"none":                      {``, now, now, ""},
		"null":                      {`,"start_time":null,"end_time":null`, now, now, ""},
		"only an end":               {`,"end_time":"2026-02-03T04:05:06"`, now, now, ""},
		"only an end, and a bad":    {`,"end_time":"whenever"`, now, now, ""},
		"only a start":              {`,"start_time":"2026-02-03T04:05:06"`, at("2026-02-03T04:05:06Z"), at("2026-02-03T04:05:06Z"), ""},
		"blank between":             {`,"start_time":"2026-02-03 04:05:06"`, at("2026-02-03T04:05:06Z"), at("2026-02-03T04:05:06Z"), ""},
		"end before start":          {`,"end_time":"2026-01-01 00:00:00","start_time":"2026-02-03 04:05:06"`, at("2026-02-03T04:05:06Z"), at("2026-01-01T00:00:00Z"), ""},
		"fraction":                  {`,"start_time":"2026-01-01T11:28:23.991076999"`, at("2026-01-01T11:28:23.991076Z"), at("2026-01-01T11:28:23.991076Z"), ""},
		"offset":                    {`,"start_time":"2026-01-01T12:00:00+02:00"`, at("2026-01-01T10:00:00Z"), at("2026-01-01T10:00:00Z"), ""},
		"short offset":              {`,"start_time":"2026-01-01T12:00:00-0130"`, at("2026-01-01T13:30:00Z"), at("2026-01-01T13:30:00Z"), ""},
		"hour offset":               {`,"start_time":"2026-01-01T12:00:00.5+02"`, at("2026-01-01T10:00:00.5Z"), at("2026-01-01T10:00:00.5Z"), ""},
		"both with zones":           {`,"start_time":"2026-01-01T12:00:00Z","end_time":"2026-01-01T12:00:00-01:00"`, at("2026-01-01T12:00:00Z"), at("2026-01-01T13:00:00Z"), ""},
		"basic":                     {`,"start_time":"20260203T040506Z"`, at("2026-02-03T04:05:06Z"), at("2026-02-03T04:05:06Z"), ""},
		"mixed":                     {`,"start_time":"20260203T04:05:06"`, at("2026-02-03T04:05:06Z"), at("2026-02-03T04:05:06Z"), ""},
		"mixed otherwise":           {`,"start_time":"2026-02-03T040506"`, at("2026-02-03T04:05:06Z"), at("2026-02-03T04:05:06Z"), ""},
		"hour":                      {`,"start_time":"2026-02-03T04"`, at("2026-02-03T04:00:00Z"), at("2026-02-03T04:00:00Z"), ""},
		"fraction of a minute":      {`,"start_time":"2026-02-03T04:05.5Z"`, at("2026-02-03T04:05:30Z"), at("2026-02-03T04:05:30Z"), ""},
		"fraction of an hour":       {`,"start_time":"2026-02-03T04.999999999999"`, at("2026-02-03T04:59:59.999996Z"), at("2026-02-03T04:59:59.999996Z"), ""},
		"fraction too fine":         {`,"start_time":"2026-02-03T04:05:06.9999999"`, at("2026-02-03T04:05:06.999999Z"), at("2026-02-03T04:05:06.999999Z"), ""},
		"missing digits":            {`,"start_time":"2026-2-3  4:5:6"`, at("2026-02-03T04:05:06Z"), at("2026-02-03T04:05:06Z"), ""},
		"basic, odd":                {`,"start_time":"2026-02-03T04:0506"`, now, now, "run.start_time"},
		"zone of a day":             {`,"start_time":"2026-02-03T04:05:06+24:00"`, now, now, "run.start_time"},
		"hour 24":                   {`,"start_time":"2026-02-03T24:00:00"`, now, now, "run.start_time"},
		"leap second":               {`,"start_time":"2026-02-03 23:59:60"`, now, now, "run.start_time"},
		"minutes":                   {`,"start_time":"2026-02-03T04:05"`, at("2026-02-03T04:05:00Z"), at("2026-02-03T04:05:00Z"), ""},
		"leap day":                  {`,"start_time":"2028-02-29T04:05:06"`, at("2028-02-29T04:05:06Z"), at("2028-02-29T04:05:06Z"), ""},
		"one with a zone":           {`,"start_time":"2026-01-01T12:00:00","end_time":"2026-01-01T12:00:00Z"`, now, now, "run.end_time"},
		"date only":                 {`,"start_time":"2026-02-03"`, now, now, "run.start_time"},
		"number":                    {`,"start_time":1767225600`, now, now, "run.start_time"},
		"empty":                     {`,"start_time":""`, now, now, "run.start_time"},
		"no such day":               {`,"start_time":"2026-02-30T04:05:06"`, now, now, "run.start_time"},
		"no such hour":              {`,"start_time":"2026-02-03T25:05:06"`, now, now, "run.start_time"},
		"mixed styles":              {`,"start_time":"2026-0203T04:05:06"`, now, now, "run.start_time"},
		"beyond what can be stored": {`,"start_time":"9999-02-03T04:05:06"`, now, now, "run.start_time"},
		"the last that can":         {`,"start_time":"2261-12-31T23:59:59.999999"`, at("2261-12-31T23:59:59.999999Z"), at("2261-12-31T23:59:59.999999Z"), ""},
		"the next":                  {`,"start_time":"2262-01-01T00:00:00"`, now, now, "run.start_time"},
		"the first that can":        {`,"start_time":"1900-01-01T00:00:00"`, at("1900-01-01T00:00:00Z"), at("1900-01-01T00:00:00Z"), ""},
		"very long":                 {`,"start_time":"2026-02-03T04:05:06.` + strings.Repeat("0", 100) + `"`, now, now, "run.start_time"},
		"bad end":                   {`,"start_time":"2026-02-03T04:05:06","end_time":"2026-02-03"`, now, now, "run.end_time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.field != "" {
				got := refusal(t, v2Run(c.run), Options{})
				if !strings.HasPrefix(got.Text, "import failure: ") || got.Field != c.field {
					t.Errorf("error %q at %q, want one at %q", got.Text, got.Field, c.field)
				}
				return
			}
			_, r := accept(t, v2Run(c.run))
			if !r.Start.Equal(c.start) || !r.End.Equal(c.end) {
				t.Errorf("%v to %v, want %v to %v", r.Start, r.End, c.start, c.end)
			}
			if r.Start.Location() != time.UTC || r.End.Location() != time.UTC {
				t.Errorf("not in UTC: %v to %v", r.Start, r.End)
			}
		})
	}
}

func TestParse_OldTimes_NameTheirOwnField(t *testing.T) {
	t.Parallel()
	got := refusal(t, `{"Machine":{"Name":"m","Info":{}},"Run":{"Start Time":5,"Info":{"tag":"nts"}},"Tests":[]}`, Options{})
	if got.Field != `Run["Start Time"]` {
		t.Errorf("field %s", got.Field)
	}
}

func TestParse_Result_SharesNoMemoryWithTheBody(t *testing.T) {
	t.Parallel()
	body := []byte(v2(`[{"name":"abc","hash":"def","compile_time":1}]`))
	s, err := Parse(body, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		body[i] = '#'
	}
	if s.Tests[0].Name != "abc" || s.Tests[0].Values[0].Values[0].Str != "def" || s.Tests[0].Values[1].Metric != "compile_time" || s.Machine.Name != "m" || string(s.Run.Attrs[0].Value) != `"7"` {
		t.Errorf("the submission changed with the body: %+v", s)
	}
}
