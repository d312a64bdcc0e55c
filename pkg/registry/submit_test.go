package registry_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/suite"
)

// log feeds one suite, numbering the events.
type log struct {
	t     *testing.T
	state *registry.State
	next  int
}

func setup(t *testing.T) *log {
	t.Helper()
	return &log{t: t, state: registry.New("default", "nts")}
}

func (l *log) decide(e event.Envelope) registry.Decision {
	l.t.Helper()
	if e.ID == uuid.Nil {
		l.next++
		e.ID = numbered(l.next)
	}
	return l.state.Decide(registry.Prepare(e))
}

func (l *log) submit(s submission) registry.Decision { return l.decide(s.envelope(uuid.Nil)) }

// accept submits and insists.
func (l *log) accept(s submission) registry.Decision {
	l.t.Helper()
	d := l.submit(s)
	if d.Status != event.Accepted {
		l.t.Fatalf("%+v is %s: %s", s, d.Status, d.Error)
	}
	return d
}

// refuse submits, insists on the refusal's text, and on nothing having changed.
func (l *log) refuse(e event.Envelope, code int, want string) registry.Decision {
	l.t.Helper()
	before := l.state.Snapshot()
	d := l.decide(e)
	if d.Status != event.Rejected || d.Code != code || d.Error != want {
		l.t.Fatalf("decision is %s %d %q, want rejected %d %q", d.Status, d.Code, d.Error, code, want)
	}
	checkUntouched(l.t, before, l.state.Snapshot(), d)
	return d
}

func run(machine, order string) submission { return submission{Machine: machine, Order: order} }

func (s submission) attrs(pairs ...string) submission {
	s.Attrs = map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		s.Attrs[pairs[i]] = pairs[i+1]
	}
	return s
}

func (s submission) merge(policy string) submission     { s.Merge = policy; return s }
func (s submission) selecting(policy string) submission { s.Select = policy; return s }
func (s submission) with(tests ...testEntry) submission { s.Tests = tests; return s }
func raw(body string) event.Envelope {
	e := run("m", "1").envelope(uuid.Nil)
	e.Body = []byte(body)
	return e
}
func ofType(t event.Type, body string) event.Envelope      { e := raw(body); e.Type = t; return e }
func inSuite(name string, e event.Envelope) event.Envelope { e.Suite = name; return e }

func TestSubmit_FirstOfABuiltInSuite_BringsEverything(t *testing.T) {
	t.Parallel()
	l := setup(t)
	got := l.decide(raw(`{"format_version":"2","machine":{"name":"bench-07","hardware":"aarch64","cores":8,"flags":{"b":1,"a":"<"}},
		"run":{"llvm_project_revision":"501234","start_time":"2026-02-03T04:05:06","end_time":"2026-02-03T05:00:00","git_sha":"0f"},
		"tests":[{"name":"alpha","execution_time":[1.25,1.5],"compile_time":2,"execution_status":[1],"hash":"9b"},{"name":"beta"},
			{"name":"alpha","score":3}]}`))
	nts, _ := suite.BuiltIn("nts")
	want := registry.Decision{
		Seq: 1, Status: event.Accepted, RunID: 1, MachineID: 1, OrderID: 1,
		Added:    registry.Added{Machines: 1, Runs: 1, Tests: 2, Samples: 3},
		Compared: event.Compared{Run: 1},
		Rows: registry.Rows{
			Schema:      &nts,
			MetricNames: []string{"compile_time", "compile_status", "execution_time", "execution_status", "score", "mem_bytes", "hash", "hash_status", "code_size"},
			Machines: []registry.MachineRow{{
				ID: 1, Name: "bench-07", Fields: map[string]string{"hardware": "aarch64"}, Params: `{"cores":8,"flags":{"a":"<","b":1}}`,
			}},
			Orders: []registry.OrderRow{{ID: 1, Values: []string{"501234"}, Name: "501234", SortKey: suite.SortKey("501234")}},
			Tests:  []registry.TestRow{{ID: 1, Name: "alpha"}, {ID: 2, Name: "beta"}},
			Run: &registry.RunRow{
				ID: 1, LoadID: 1, MachineID: 1, OrderID: 1,
				Start: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), End: time.Date(2026, 2, 3, 5, 0, 0, 0, time.UTC),
				Fields: map[string]string{}, Params: `{"git_sha":"0f"}`,
				FirstSampleID: 1, SampleRows: 3, RowTestID: []uint32{1, 1, 1},
				Samples: registry.Samples{
					Row: []uint32{0, 0, 1, 2}, TestID: []uint32{1, 1, 1, 1},
					Metric: []string{"execution_time", "compile_time", "execution_time", "score"}, Value: []float64{1.25, 2, 1.5, 3}, Failed: []uint8{1, 0, 0, 0},
					TextRow: []uint32{0, 0}, TextTestID: []uint32{1, 1}, TextMetric: []string{"execution_status", "hash"}, Text: []string{"1", "9b"},
				},
			},
		},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}

func TestSubmit_Second_BringsOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.accept(run("m", "1").attrs("os", "a").with(testEntry{"t1", "score", []float64{1, 2}}))
	got := l.accept(run("m", "2").attrs("os", "a").with(testEntry{"t1", "score", []float64{1}}, testEntry{"t2", "score", []float64{1}}))
	if got.Rows.Schema != nil || got.Rows.Machines != nil {
		t.Errorf("schema %v and machines %v come again", got.Rows.Schema, got.Rows.Machines)
	}
	if diff := cmp.Diff(got.Rows.Tests, []registry.TestRow{{ID: 2, Name: "t2"}}); diff != "" {
		t.Errorf("tests: got - want +\n%s", diff)
	}
	r := got.Rows.Run
	if r.ID != 2 || r.LoadID != 2 || r.MachineID != 1 || r.OrderID != 2 || r.FirstSampleID != 3 || r.SampleRows != 2 {
		t.Errorf("run %+v", r)
	}
	if diff := cmp.Diff(got.Added, registry.Added{Runs: 1, Tests: 1, Samples: 2}); diff != "" {
		t.Errorf("added: got - want +\n%s", diff)
	}
}

func TestSubmit_NoTests_IsARun(t *testing.T) {
	t.Parallel()
	d := setup(t).accept(run("m", "1"))
	if d.RunID != 1 || d.Added.Samples != 0 || d.Rows.Run.SampleRows != 0 {
		t.Errorf("decision %+v", d)
	}
}

func TestSubmit_NoStartTime_StartsWhenItWasReceived(t *testing.T) {
	t.Parallel()
	d := setup(t).decide(raw(`{"machine":{"name":"m"},"run":{"llvm_project_revision":"1"},"tests":[]}`))
	if d.Status != event.Accepted || !d.Rows.Run.Start.Equal(received) || !d.Rows.Run.End.Equal(received) {
		t.Errorf("%s %q, run %+v", d.Status, d.Error, d.Rows.Run)
	}
}

func TestSubmit_IgnoreRegressions_AnyTextMeansYes(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"": false, "True": true, "0": true} {
		e := run("m", "1").envelope(uuid.Nil)
		e.Params = map[string]string{event.ParamIgnoreRegressions: value}
		if d := setup(t).decide(e); d.Rows.Run.IgnoreRegressions != want {
			t.Errorf("%q gives %v, want %v", value, d.Rows.Run.IgnoreRegressions, want)
		}
	}
}

func TestSubmit_PlaceTaken_MergePolicyDecides(t *testing.T) {
	t.Parallel()
	const duplicate = "import failure: Duplicate submission for '7'"
	for policy, want := range map[string]string{
		"": duplicate, "reject": duplicate, "append": "", "replace": "", "Replace": "import failure: Invalid Run mergeStrategy 'Replace'",
	} {
		t.Run("policy "+policy, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			l.accept(run("m", "7").merge(policy)) // nobody looks at the policy while the place is free
			l.accept(run("other", "7"))
			l.accept(run("m", "8"))
			if want == "" {
				l.accept(run("m", "7").merge(policy))
				return
			}
			l.refuse(run("m", "7").merge(policy).envelope(uuid.Nil), 400, want)
		})
	}
}

func TestSubmit_ReplacingSeveral_KeepsTheLastIDAndDropsTheOthers(t *testing.T) {
	t.Parallel()
	l := setup(t)
	one := testEntry{"t", "score", []float64{1}}
	l.accept(run("m", "1").with(one))
	l.accept(run("m", "1").merge("append").with(one))
	l.accept(run("m", "2").with(one))
	l.accept(run("m", "1").merge("append").with(one))
	d := l.accept(run("m", "1").merge("replace").with(one))
	if d.RunID != 4 || d.Rows.Run.ID != 4 || d.Rows.Run.LoadID != 5 || d.Rows.Run.FirstSampleID != 5 || d.Added.Runs != -2 {
		t.Errorf("run %d, load %d, first sample %d, added %d runs", d.RunID, d.Rows.Run.LoadID, d.Rows.Run.FirstSampleID, d.Added.Runs)
	}
	if diff := cmp.Diff([][]uint32{d.Rows.DeletedRuns, d.Rows.Superseded}, [][]uint32{{1, 2}, {1, 2, 4}}); diff != "" {
		t.Errorf("deleted and superseded: got - want +\n%s", diff)
	}
	again := l.accept(run("m", "1").merge("replace"))
	if again.RunID != 4 || again.Added.Runs != 0 || len(again.Rows.DeletedRuns) != 0 {
		t.Errorf("replaced once more: run %d, added %d, deleted %v", again.RunID, again.Added.Runs, again.Rows.DeletedRuns)
	}
	if next := l.accept(run("m", "3")); next.RunID != 5 {
		t.Errorf("the next run has the id %d, want 5", next.RunID)
	}
}

func TestSubmit_OrdersThatCompareEqual_AreTwoOrders(t *testing.T) {
	t.Parallel()
	l := setup(t)
	a, b := l.accept(run("m", "7")), l.accept(run("m", "r07"))
	if a.OrderID != 1 || b.OrderID != 2 || a.Rows.Orders[0].SortKey != b.Rows.Orders[0].SortKey {
		t.Errorf("orders %d %d", a.OrderID, b.OrderID)
	}
}

func TestSubmit_MachineAttributes_MatchUpdateOrSplit(t *testing.T) {
	t.Parallel()
	type step struct {
		attrs   string // name=value,...
		policy  string
		machine uint32
		added   int
		refused string
		row     string // of the machine, when it changed
	}
	cases := map[string][]step{
		"equal attributes are the same machine": {
			{"os=a,cc=x", "", 1, 1, "", `os=a {"cc":"x"}`},
			{"os=a,cc=x", "", 1, 0, "", ""},
		},
		"absent values are compatible both ways and new ones are merged in": {
			{"os=a", "", 1, 1, "", `os=a {}`},
			{"hardware=h,cc=x", "match", 1, 0, "", `hardware=h,os=a {"cc":"x"}`},
			{"", "", 1, 0, "", ""},
			{"hardware=h,os=a,cc=x", "", 1, 0, "", ""},
		},
		"a declared field that changed is refused": {
			{"os=a", "", 1, 1, "", `os=a {}`},
			{"os=b", "", 0, 0, "os", ""},
			{"os=b", "match", 0, 0, "os", ""},
			{"os=a", "", 1, 0, "", ""},
		},
		"several differences are named, declared ones first": {
			{"os=a,hardware=h,cc=x,aa=1", "", 1, 1, "", `hardware=h,os=a {"aa":"1","cc":"x"}`},
			{"os=b,hardware=i,cc=y,aa=2", "", 0, 0, "hardware, os, aa, cc", ""},
		},
		"many differences are named in order": {
			{"a=1,b=1,c=1,d=1,e=1,f=1,g=1", "", 1, 1, "", ` {"a":"1","b":"1","c":"1","d":"1","e":"1","f":"1","g":"1"}`},
			{"g=2,f=2,e=2,d=2,c=2,b=2,a=2", "", 0, 0, "a, b, c, d, e, f, g", ""},
		},
		"update overwrites key by key": {
			{"os=a,hardware=h,cc=x", "", 1, 1, "", `hardware=h,os=a {"cc":"x"}`},
			{"os=b,cc=y", "update", 1, 0, "", `hardware=h,os=b {"cc":"y"}`},
			{"os=b,hardware=h,cc=y", "", 1, 0, "", ""},
		},
		"a null is kept where there is no value, and contradicts none": {
			{"cc=<null>,os=<null>", "", 1, 1, "", ` {"cc":null}`},
			{"cc=<null>", "", 1, 0, "", ""},
			{"cc=x", "", 1, 0, "", ` {"cc":"x"}`},
			{"cc=<null>", "", 1, 0, "", ""},
			{"cc=<null>,aa=<null>", "update", 1, 0, "", ` {"aa":null,"cc":"x"}`},
			{"cc=y", "", 0, 0, "cc", ""},
		},
		"split makes a namesake, and matching finds the compatible one": {
			{"os=a", "split", 1, 1, "", `os=a {}`},
			{"os=b", "split", 2, 1, "", `os=b {}`},
			{"os=a", "", 1, 0, "", ""},
			{"os=b", "", 2, 0, "", ""},
			{"os=a", "split", 1, 0, "", ""},
		},
		"of several compatible ones the newest is taken": {
			{"os=a", "", 1, 1, "", `os=a {}`},
			{"os=b", "split", 2, 1, "", `os=b {}`},
			{"", "", 2, 0, "", ""},
		},
		"when none is compatible the newest is compared and updated": {
			{"os=a", "", 1, 1, "", `os=a {}`},
			{"os=b,hardware=h", "split", 2, 1, "", `hardware=h,os=b {}`},
			{"os=c,hardware=i", "", 0, 0, "hardware, os", ""},
			{"os=c", "update", 2, 0, "", `hardware=h,os=c {}`},
		},
	}
	for name, steps := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			for i, s := range steps {
				sub := run("m", fmt.Sprint(i)).selecting(s.policy)
				sub.Attrs = map[string]string{}
				for pair := range strings.SplitSeq(s.attrs, ",") {
					if k, v, ok := strings.Cut(pair, "="); ok {
						sub.Attrs[k] = v
					}
				}
				if s.refused != "" {
					l.refuse(sub.envelope(uuid.Nil), 400, "import failure: '"+s.refused+"' on machine 'm' changed.")
					continue
				}
				d := l.accept(sub)
				if d.MachineID != s.machine || d.Rows.Run.MachineID != s.machine || d.Added.Machines != s.added {
					t.Fatalf("step %d: machine %d, added %d; want %d, %d", i, d.MachineID, d.Added.Machines, s.machine, s.added)
				}
				if got := machineText(d.Rows.Machines); got != s.row {
					t.Fatalf("step %d: row %q, want %q", i, got, s.row)
				}
			}
		})
	}
}

func machineText(rows []registry.MachineRow) string {
	if len(rows) == 0 {
		return ""
	}
	var fields []string
	for _, name := range []string{"hardware", "os"} {
		if v, ok := rows[0].Fields[name]; ok {
			fields = append(fields, name+"="+v)
		}
	}
	return strings.Join(fields, ",") + " " + rows[0].Params
}

func TestSubmit_MachineChanged_MessageSaysWhatAndHowToGoOn(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.accept(run("m", "1").attrs("os", "linux 5", "cc", "clang"))
	d := l.refuse(run("m", "2").attrs("os", `linux "6"`, "cc", "gcc").envelope(uuid.Nil), 400, "import failure: 'os, cc' on machine 'm' changed.")
	want := `MachineInfoChanged: 'os, cc' on machine 'm' changed.
os was "linux 5" and is "linux \"6\""
cc was "clang" and is "gcc"
Note: Use --select-machine=update to update the existing machine information.`
	if diff := cmp.Diff(d.Message, want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
	if d.Field != "machine.os" {
		t.Errorf("field %q", d.Field)
	}
}

func TestSubmit_MachineParametersOfOtherTypes_AreDifferent(t *testing.T) {
	t.Parallel()
	body := `{"machine":{"name":"m","cores":%s},"run":{"llvm_project_revision":"%d"},"tests":[]}`
	for i, c := range []struct {
		value string
		same  bool
	}{{"8", true}, {`"8"`, false}, {"9", false}, {"null", true}, {"[8]", false}} {
		l := setup(t)
		l.decide(raw(fmt.Sprintf(body, "8", 0)))
		if d := l.decide(raw(fmt.Sprintf(body, c.value, i+1))); (d.Status == event.Accepted) != c.same {
			t.Errorf("cores 8, then %s: %s %q", c.value, d.Status, d.Error)
		}
	}
}

func TestDecide_WhatCannotBeDecided_IsRefusedWithItsReasonAndNothingChanges(t *testing.T) {
	t.Parallel()
	guess := run("m", "1").selecting("guess").envelope(uuid.Nil)
	version2 := run("m", "9").envelope(uuid.Nil)
	version2.Version = 2
	refusedEvent := func(params map[string]string) event.Envelope {
		e := ofType(event.SubmissionRefused, "x")
		e.Params = params
		return e
	}
	cases := map[string]struct {
		e    event.Envelope
		code int
		want string
	}{
		"select_machine":           {guess, 400, "select_machine must be 'match', 'update' or 'split'"},
		"not a report":             {raw("hello"), 400, "could not parse input format"},
		"no run":                   {raw(`{"format_version":"2"}`), 400, "Invalid input format: No 'run' section in submission"},
		"no order":                 {raw(`{"machine":{"name":"m"},"run":{},"tests":[]}`), 400, "import failure: Supplied run is missing parameter: 'llvm_project_revision'"},
		"unknown metric":           {run("new", "new").with(testEntry{"t", "nope", nil}).envelope(uuid.Nil), 400, "import failure: test t: Metric 'nope' unknown in suite "},
		"other suite's report":     {raw(`{"schema":"compile","machine":{"name":"m"},"run":{"llvm_project_revision":"1"},"tests":[]}`), 400, "Importing 'compile' data into test suite 'nts'"},
		"unknown type":             {ofType("run.painted", "x"), 501, "Unknown event type 'run.painted'"},
		"type not decided yet":     {ofType(event.OrderDescribed, "x"), 501, "Unknown event type 'order.described'"},
		"newer version":            {version2, 501, "Unknown version 2 of event type 'run.submitted'"},
		"another suite's event":    {inSuite("compile", run("m", "1").envelope(uuid.Nil)), 500, "event of default/compile was given to default/nts"},
		"refused by intake":        {refusedEvent(map[string]string{"refused_code": "413", "refused_error": "too large"}), 413, "too large"},
		"refused without a reason": {refusedEvent(nil), 400, "submission refused"},
		"refused with success":     {refusedEvent(map[string]string{"refused_code": "200", "refused_error": "e"}), 400, "e"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			l.refuse(c.e, c.code, c.want)
			l.accept(run("m", "1").with(testEntry{"t", "score", []float64{1}}))
			l.refuse(c.e, c.code, c.want)
			d := l.accept(run("m", "2").with(testEntry{"u", "score", []float64{1}}))
			r := d.Rows.Run
			if d.Seq != 4 || r.ID != 2 || r.LoadID != 2 || r.MachineID != 1 || r.OrderID != 2 || r.FirstSampleID != 2 || r.RowTestID[0] != 2 {
				t.Errorf("a refusal consumed an id: %+v", r)
			}
		})
	}
}

func TestDecide_RefusedByIntake_KeepsItsMessageAndField(t *testing.T) {
	t.Parallel()
	e := ofType(event.SubmissionRefused, "x")
	e.Params = map[string]string{
		event.ParamRefusedCode: "403", event.ParamRefusedError: "short", event.ParamRefusedDetail: "long", event.ParamRefusedField: "token",
	}
	d := setup(t).refuse(e, 403, "short")
	if d.Message != "long" || d.Field != "token" {
		t.Errorf("message %q, field %q", d.Message, d.Field)
	}
}

func TestDecide_UnknownSuite_RefusedUntilDefined(t *testing.T) {
	t.Parallel()
	l := &log{t: t, state: registry.New("default", "libx")}
	e := inSuite("libx", run("m", "1").envelope(uuid.Nil))
	l.refuse(e, 400, "Unknown test suite 'libx'!")
	garbage := e
	garbage.Body = []byte("{")
	l.refuse(garbage, 400, "Unknown test suite 'libx'!")
	l.refuse(inSuite("libx", ofType(event.ChangeFound, `{"detector":"d","version":1,"findings":[]}`)), 400, "Unknown test suite 'libx'!")
}

func TestDecide_NotPrepared_IsRefusedWithoutPanic(t *testing.T) {
	t.Parallel()
	for _, kind := range []event.Type{event.RunSubmitted, event.SuiteDefined, ""} {
		e := ofType(kind, "x")
		e.ID = numbered(1)
		if d := setup(t).state.Decide(registry.Prepared{Envelope: e}); d.Status != event.Rejected || d.Code != 500 {
			t.Errorf("%q: %s %d", kind, d.Status, d.Code)
		}
	}
}

func TestDecide_SameEventAgain_AnswersAsTheFirstTime(t *testing.T) {
	t.Parallel()
	l := setup(t)
	good, bad := run("m", "1").envelope(numbered(100)), raw("{")
	bad.ID = numbered(101)
	first, refusal := l.decide(good), l.decide(bad)
	l.accept(run("m", "1").merge("replace"))

	before := l.state.Snapshot()
	again := l.decide(good)
	want := registry.Decision{Seq: 4, Status: event.Duplicate, DuplicateOf: good.ID, RunID: first.RunID, MachineID: first.MachineID, OrderID: first.OrderID}
	want.Compared.Run = 3 // the run that replaced it, under its id
	if diff := cmp.Diff(again, want); diff != "" {
		t.Errorf("accepted event again: got - want +\n%s", diff)
	}
	again = l.decide(bad)
	want = registry.Decision{
		Seq: 5, Status: event.Duplicate, DuplicateOf: bad.ID, Code: refusal.Code, Error: refusal.Error, Message: refusal.Message, Field: refusal.Field,
	}
	if diff := cmp.Diff(again, want); diff != "" {
		t.Errorf("refused event again: got - want +\n%s", diff)
	}
	if diff := cmp.Diff(l.state.Snapshot(), before, cmpopts.IgnoreFields(registry.Snapshot{}, "LastSeq")); diff != "" {
		t.Errorf("after - before +\n%s", diff)
	}
}

func TestDecide_SameIDOtherBody_ConflictsAndTheFirstAnswerStays(t *testing.T) {
	t.Parallel()
	l := setup(t)
	first := run("m", "1").envelope(numbered(100))
	other := run("m", "2").envelope(numbered(100))
	l.decide(first)
	d := l.refuse(other, 409, "idempotency key was used for a different body")
	if d.Field != "idempotency_key" {
		t.Errorf("field %q", d.Field)
	}
	if again := l.decide(first); again.Status != event.Duplicate || again.RunID != 1 {
		t.Errorf("the first event again: %+v", again)
	}
}

func TestDecide_VeryLongRefusal_IsRememberedByItsEnds(t *testing.T) {
	t.Parallel()
	l := setup(t)
	e := ofType(event.SubmissionRefused, "x")
	for i, ends := range [][2]string{{"begin", "end"}, {"begins", "end"}, {"begin", "ends"}} {
		e.ID = numbered(100 + i)
		e.Params = map[string]string{event.ParamRefusedError: "e", event.ParamRefusedDetail: ends[0] + strings.Repeat("ü", 5000) + ends[1]}
		if d := l.decide(e); d.Message != e.Params[event.ParamRefusedDetail] {
			t.Errorf("the first answer was cut to %d bytes", len(d.Message))
		}
		again := l.decide(e)
		if len(again.Message) > 1024 || !strings.HasPrefix(again.Message, ends[0]+"ü") || !strings.HasSuffix(again.Message, "ü"+ends[1]) {
			t.Errorf("remembered as %d bytes: %q", len(again.Message), again.Message)
		}
		if !utf8.ValidString(again.Message) {
			t.Errorf("a character was cut in two: %q", again.Message)
		}
	}
}

func TestDecide_CallerChangesRows_StateIsUnharmed(t *testing.T) {
	t.Parallel()
	l := setup(t)
	d := l.accept(run("m", "1").attrs("os", "a"))
	d.Rows.Machines[0].Fields["os"] = "b"
	d.Rows.Orders[0].Values[0] = "2"
	d.Rows.Schema.Metrics[0].Name = "x"
	l.accept(run("m", "3").attrs("os", "a").with(testEntry{"t", "compile_time", []float64{1}}))
	if d := l.accept(run("m", "2").attrs("os", "a")); d.OrderID != 3 {
		t.Errorf("order 2 has the id %d", d.OrderID)
	}
}

func TestSubmit_SerialsExhausted_RefusesInsteadOfWrapping(t *testing.T) {
	t.Parallel()
	nts, _ := suite.BuiltIn("nts")
	for _, snap := range map[string]registry.Snapshot{
		"loads":    {LastLoadID: math.MaxUint32},
		"runs":     {LastRunID: math.MaxUint32},
		"machines": {LastMachineID: math.MaxUint32, Machines: []registry.MachineRow{{ID: math.MaxUint32, Name: "x"}}},
		"samples":  {LastSampleID: math.MaxUint64},
	} {
		snap.Schema = &nts
		state, err := registry.Load("default", "nts", snap)
		if err != nil {
			t.Fatal(err)
		}
		l := &log{t: t, state: state}
		l.refuse(run("m", "1").with(testEntry{"t", "score", []float64{1}}).envelope(uuid.Nil), 507, "import failure: the suite has no ids left")
	}
}

// FuzzDecide: whatever the bytes are, the answer is a decision, and a refusal changes nothing.
func FuzzDecide(f *testing.F) {
	f.Add(run("m", "1").attrs("os", "a").with(testEntry{"t", "score", []float64{1, 2}}).body(), "replace", "update", uint8(0))
	f.Add([]byte(`{"machine":{"name":"m","os":"b"},"run":{"llvm_project_revision":"1"},"tests":[{"name":"x","profile":"AgKJ"}]}`), "", "match", uint8(0))
	f.Add([]byte(`{"Machine":{"Name":"m","Info":{}},"Run":{"Info":{"tag":"nts","run_order":"7"}},"Tests":[{"Name":"nts.a.exec","Info":{},"Data":[1]}]}`), "append", "split", uint8(0))
	f.Add([]byte(`<?xml version="1.0"?><plist><dict></dict></plist>`), "x", "", uint8(0))
	f.Add([]byte(``), "", "guess", uint8(0))
	nts, _ := suite.BuiltIn("nts")
	f.Add(nts.Encode(), "", "", uint8(1))
	f.Add(found(f, 1, func(*event.Finding) {}).Body, "", "", uint8(2))
	f.Add([]byte("x"), "", "", uint8(3))
	types := []event.Type{
		event.RunSubmitted, event.SuiteDefined, event.ChangeFound, event.SubmissionRefused, event.RunRetracted, event.MachineUpdated,
		event.MachineRenamed, event.MachineMerged, event.MachineDeleted, event.SuiteSeeded,
	}
	for i, body := range []string{
		`{"run_id":1}`, `{"machine":"m","values":{"os":"b","cores":8}}`, `{"machine":"1","name":"n"}`, `{"machine":"m","into":"2"}`, `{"machine":"m"}`,
		`{"machines":[{"id":7,"name":"n","values":{"os":"c"}}],"orders":[{"id":9,"values":["8"]}],"tests":[{"id":5,"name":"u"}]}`,
	} {
		f.Add([]byte(body), "", "", uint8(4+i))
	}
	f.Fuzz(func(t *testing.T, body []byte, merge, selecting string, kind uint8) {
		l := setup(t)
		l.accept(run("m", "1").attrs("os", "a").with(testEntry{"t", "score", []float64{1}}))
		before := l.state.Snapshot()
		e := run("m", "1").merge(merge).selecting(selecting).envelope(numbered(100))
		e.Body, e.Type = body, types[int(kind)%len(types)]
		d := l.decide(e)
		after := l.state.Snapshot()
		if d.Status == event.Rejected {
			if d.Error == "" || d.Code < 400 || d.Code > 599 {
				t.Fatalf("refused with code %d and error %q", d.Code, d.Error)
			}
			checkUntouched(t, before, after, d)
			return
		}
		if d.Rows.Run != nil {
			checkColumns(t, d)
		}
		loaded, err := registry.Load("default", "nts", after)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(loaded.Snapshot(), after); diff != "" {
			t.Fatalf("loaded - snapshot +\n%s", diff)
		}
	})
}

// checkColumns insists on what the tables rely on.
func checkColumns(t *testing.T, d registry.Decision) {
	t.Helper()
	r := d.Rows.Run
	s := r.Samples
	n, m := len(s.Row), len(s.TextRow)
	if len(s.TestID) != n || len(s.Metric) != n || len(s.Value) != n || len(s.Failed) != n || len(s.TextTestID) != m || len(s.TextMetric) != m || len(s.Text) != m {
		t.Fatalf("columns of different lengths: %+v", s)
	}
	if int(r.SampleRows) != len(r.RowTestID) {
		t.Fatalf("%d rows, %d tests of rows", r.SampleRows, len(r.RowTestID))
	}
	for i, row := range s.Row {
		if row >= r.SampleRows || s.TestID[i] != r.RowTestID[row] || math.IsNaN(s.Value[i]) || math.IsInf(s.Value[i], 0) {
			t.Fatalf("sample %d: row %d, test %d, value %v", i, row, s.TestID[i], s.Value[i])
		}
	}
	params := []string{r.Params}
	for _, machine := range d.Rows.Machines {
		params = append(params, machine.Params)
	}
	for _, object := range params {
		if !json.Valid([]byte(object)) || object[0] != '{' {
			t.Fatalf("params are not a JSON object: %q", object)
		}
	}
}
