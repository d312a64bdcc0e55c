package registry_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/suite"
)

func custom() suite.Schema {
	return suite.Schema{
		Name:          "libx",
		Metrics:       []suite.Metric{{Name: "time", Type: suite.Real, Status: "state"}, {Name: "state", Type: suite.Status}},
		RunFields:     []suite.Field{{Name: "major", Order: true}, {Name: "minor", Order: true}, {Name: "sha"}},
		MachineFields: []suite.Field{{Name: "os"}},
	}
}

func defining(s suite.Schema) event.Envelope {
	e := ofType(event.SuiteDefined, string(s.Encode()))
	e.Suite = "libx"
	return e
}

func TestDefine_NewSuite_IsKnownFromThenOn(t *testing.T) {
	t.Parallel()
	l := &log{t: t, state: registry.New("default", "libx")}
	if _, known := l.state.Schema(); known {
		t.Fatal("the suite is known before it is defined")
	}
	d := l.decide(defining(custom()))
	if d.Status != event.Accepted || d.Rows.Schema == nil || d.Rows.Run != nil || d.Added != (registry.Added{}) {
		t.Fatalf("decision %+v", d)
	}
	if diff := cmp.Diff([]any{*d.Rows.Schema, d.Rows.MetricNames}, []any{custom(), []string{"time", "state"}}); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
	body := `{"machine":{"name":"m"},"run":{"major":%q,"minor":%q,"sha":"0f"},"tests":[{"name":"t","time":1,"state":1}]}`
	first := l.decide(inSuite("libx", raw(fmt.Sprintf(body, "1", "23"))))
	if first.Status != event.Accepted || first.Rows.Schema != nil || first.RunID != 1 {
		t.Fatalf("first run: %+v", first)
	}
	want := registry.OrderRow{ID: 1, Values: []string{"1", "23"}, Name: "(1, 23)", SortKey: suite.SortKey("1", "23")}
	if diff := cmp.Diff(first.Rows.Orders, []registry.OrderRow{want}); diff != "" {
		t.Errorf("order: got - want +\n%s", diff)
	}
	if second := l.decide(inSuite("libx", raw(fmt.Sprintf(body, "12", "3")))); second.OrderID != 2 {
		t.Errorf("(1, 23) and (12, 3) share the order %d", second.OrderID)
	}
	if third := l.decide(inSuite("libx", raw(fmt.Sprintf(body, "12", "23")))); third.OrderID != 3 {
		t.Errorf("(12, 23) has the order %d, want 3", third.OrderID)
	}
	again := l.refuse(inSuite("libx", raw(fmt.Sprintf(body, "12", "3"))), 400, "import failure: Duplicate submission for '(12, 3)'")
	if again.Field != "run.major" {
		t.Errorf("field %q", again.Field)
	}
}

func TestDefine_SameAgain_AcceptedWithoutRows(t *testing.T) {
	t.Parallel()
	l := &log{t: t, state: registry.New("default", "libx")}
	l.decide(defining(custom()))
	if d := l.decide(defining(custom())); d.Status != event.Accepted || d.Rows.Schema != nil {
		t.Errorf("%s %q, schema %v", d.Status, d.Error, d.Rows.Schema)
	}
}

func TestDefine_Changed_OnlyAdditionsAndDescriptions(t *testing.T) {
	t.Parallel()
	const cannot = "Cannot automatically migrate database: "
	cases := map[string]struct {
		change func(*suite.Schema)
		want   string
	}{
		"metric added":           {func(s *suite.Schema) { s.Metrics = append(s.Metrics, suite.Metric{Name: "size", Type: suite.Real}) }, ""},
		"field added":            {func(s *suite.Schema) { s.RunFields = append(s.RunFields, suite.Field{Name: "bot"}) }, ""},
		"machine field added":    {func(s *suite.Schema) { s.MachineFields = append(s.MachineFields, suite.Field{Name: "cpu"}) }, ""},
		"unit changed":           {func(s *suite.Schema) { s.Metrics[0].Unit = "seconds" }, ""},
		"metric removed":         {func(s *suite.Schema) { s.Metrics = s.Metrics[1:] }, cannot + "Metrics removed: time"},
		"metrics removed":        {func(s *suite.Schema) { s.Metrics = nil }, cannot + "Metrics removed: time, state"},
		"type changed":           {func(s *suite.Schema) { s.Metrics[0] = suite.Metric{Name: "time", Type: suite.Hash} }, cannot + "Type mismatch in metric 'time'"},
		"run field removed":      {func(s *suite.Schema) { s.RunFields = s.RunFields[:2] }, cannot + "Run fields removed: sha"},
		"order field removed":    {func(s *suite.Schema) { s.RunFields = s.RunFields[1:] }, cannot + "Order fields removed: major"},
		"order field added":      {func(s *suite.Schema) { s.RunFields = append(s.RunFields, suite.Field{Name: "patch", Order: true}) }, cannot + "Cannot add order field 'patch'"},
		"field made an order":    {func(s *suite.Schema) { s.RunFields[2].Order = true }, cannot + "Cannot add order field 'sha'"},
		"order made a field":     {func(s *suite.Schema) { s.RunFields[1].Order = false }, cannot + "Order fields removed: minor"},
		"machine field removed":  {func(s *suite.Schema) { s.MachineFields = nil }, cannot + "Machine fields removed: os"},
		"another suite's schema": {func(s *suite.Schema) { s.Name = "liby" }, "Schema name 'liby' does not match URL testsuite 'libx'."},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &log{t: t, state: registry.New("default", "libx")}
			l.decide(defining(custom()))
			next := custom()
			c.change(&next)
			if c.want != "" {
				l.refuse(defining(next), 400, c.want)
				return
			}
			d := l.decide(defining(next))
			if d.Status != event.Accepted || d.Rows.Schema == nil {
				t.Fatalf("%s %q", d.Status, d.Error)
			}
			if diff := cmp.Diff(*d.Rows.Schema, next); diff != "" {
				t.Errorf("got - want +\n%s", diff)
			}
		})
	}
}

// A metric's position is its field index, which URLs and clients hold on to once there is something to hold on to.
func TestDefine_MetricsInAnotherOrder_KeepTheirPlacesOnceSomethingIsStored(t *testing.T) {
	t.Parallel()
	nts, _ := suite.BuiltIn("nts")
	next := nts.Clone()
	slices.Reverse(next.Metrics)
	for i := range next.Metrics {
		next.Metrics[i].Status = "" // as LNT's files say it
	}
	backwards := nts.Clone()
	slices.Reverse(backwards.Metrics)
	for _, c := range []struct {
		name   string
		stored bool
		want   []suite.Metric
	}{{"empty suite", false, backwards.Metrics}, {"suite with a run", true, nts.Metrics}} {
		l := setup(t)
		if c.stored {
			l.accept(run("m", "1"))
		}
		more := next.Clone()
		more.Metrics = append(more.Metrics, suite.Metric{Name: "cycles", Type: suite.Real})
		d := l.decide(ofType(event.SuiteDefined, string(more.Encode())))
		if d.Rows.Schema == nil {
			t.Fatalf("%s: %s %q", c.name, d.Status, d.Error)
		}
		want := append(slices.Clone(c.want), suite.Metric{Name: "cycles", Type: suite.Real})
		if diff := cmp.Diff(d.Rows.Schema.Metrics, want); diff != "" {
			t.Errorf("%s: got - want +\n%s", c.name, diff)
		}
	}
}

func TestDefine_NotASchema_IsRefused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{}", "name: libx", `{"name":"libx","metrics":[{"name":"id","type":"Real"}],"run_fields":[{"name":"r","order":true}]}`} {
		l := &log{t: t, state: registry.New("default", "libx")}
		e := ofType(event.SuiteDefined, body)
		e.Suite = "libx"
		if d := l.decide(e); d.Status != event.Rejected || d.Code != 400 || d.Error == "" {
			t.Errorf("%q: %s %d %q", body, d.Status, d.Code, d.Error)
		}
	}
}

func TestDefine_BuiltIn_MayGrowButNotShrink(t *testing.T) {
	t.Parallel()
	nts, _ := suite.BuiltIn("nts")
	l := setup(t)
	less := nts.Clone()
	less.Metrics = less.Metrics[1:]
	less.Metrics[0].Status = ""
	l.refuse(ofType(event.SuiteDefined, string(less.Encode())), 400, "Cannot automatically migrate database: Metrics removed: compile_time")
	more := nts.Clone()
	more.Metrics = append(more.Metrics, suite.Metric{Name: "cycles", Type: suite.Real})
	if d := l.decide(ofType(event.SuiteDefined, string(more.Encode()))); d.Status != event.Accepted || len(d.Rows.Schema.Metrics) != len(more.Metrics) {
		t.Fatalf("%s %q", d.Status, d.Error)
	}
	l.accept(run("m", "1").with(testEntry{"t", "cycles", []float64{1}}))
}

// failing is what a helper needs of a test, a benchmark or a fuzz target.
type failing interface {
	Helper()
	Fatal(args ...any)
}

// found gives a change.found event with one finding about machine 1, test 1 and order 1, spoiled by the caller.
func found(t failing, previous uint32, spoil func(*event.Finding)) event.Envelope {
	t.Helper()
	f := event.Finding{
		MachineID: 1, TestID: 1, Metric: "score", OrderID: 1, PreviousOrderID: previous, Direction: event.Up, Kind: event.Improvement,
		Before: 1, After: 2, Effect: 1, Active: true,
	}
	f.ID = event.FindingID("default", "nts", f.MachineID, f.TestID, f.Metric, f.OrderID, f.Direction, "step")
	spoil(&f)
	body, err := event.Changes{Detector: "step", Version: 1, DataSeq: 1, Findings: []event.Finding{f}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return ofType(event.ChangeFound, string(body))
}

func changesOf(t testing.TB, e event.Envelope) event.Changes {
	t.Helper()
	changes, err := event.DecodeChanges(e.Body)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func TestFound_AboutKnownThings_PassesThrough(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.accept(run("m", "1").with(testEntry{"t", "score", []float64{1}}))
	e := found(t, 1, func(*event.Finding) {})
	want := registry.Decision{Seq: 2, Status: event.Accepted, Rows: registry.Rows{Findings: lo.Map(changesOf(t, e).Findings, func(f event.Finding, _ int) registry.FindingRow {
		return registry.FindingRow{Finding: f, ChangeID: 1, Detector: changesOf(t, e).Detector, Version: changesOf(t, e).Version, Params: changesOf(t, e).Params, DataSeq: changesOf(t, e).DataSeq}
	})}}
	if diff := cmp.Diff(l.decide(e), want, cmpopts.IgnoreFields(registry.Rows{}, "Regressions")); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
	if d := l.decide(e); d.Status != event.Accepted {
		t.Errorf("the same finding in another event is %s", d.Status)
	}
	withdrawn := found(t, 1, func(f *event.Finding) { f.Active = false })
	if d := l.decide(withdrawn); d.Status != event.Accepted || d.Rows.Findings[0].Active {
		t.Errorf("withdrawal is %s: %+v", d.Status, d.Rows.Findings)
	}
}

func TestFound_AboutUnknownThings_IsRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		spoil func(*event.Finding)
		want  string
	}{
		"machine":        {func(f *event.Finding) { f.MachineID = 2 }, "findings[0].machine_id: no machine has the id 2"},
		"machine zero":   {func(f *event.Finding) { f.MachineID = 0 }, "findings[0].machine_id: no machine has the id 0"},
		"test":           {func(f *event.Finding) { f.TestID = 2 }, "findings[0].test_id: no test has the id 2"},
		"test zero":      {func(f *event.Finding) { f.TestID = 0 }, "findings[0].test_id: no test has the id 0"},
		"order":          {func(f *event.Finding) { f.OrderID = 2 }, "findings[0].order_id: no order has the id 2"},
		"order zero":     {func(f *event.Finding) { f.OrderID = 0 }, "findings[0].order_id: no order has the id 0"},
		"previous order": {func(f *event.Finding) { f.PreviousOrderID = 9 }, "findings[0].previous_order_id: no order has the id 9"},
		"metric":         {func(f *event.Finding) { f.Metric = "nope" }, "findings[0].metric: Metric 'nope' unknown in suite"},
		"id":             {func(f *event.Finding) { f.ID = uuid.Max }, "findings[0].id: is not derived from the finding"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			l.accept(run("m", "1").with(testEntry{"t", "score", []float64{1}}))
			l.refuse(found(t, 1, c.spoil), 400, c.want)
		})
	}
}

func TestFound_SameFindingTwiceInOneEvent_IsRefused(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.accept(run("m", "1").with(testEntry{"t", "score", []float64{1}}))
	e := found(t, 1, func(*event.Finding) {})
	changes := changesOf(t, e)
	changes.Findings = append(changes.Findings, changes.Findings[0])
	var err error
	if e.Body, err = changes.Encode(); err != nil {
		t.Fatal(err)
	}
	l.refuse(e, 400, "findings[1].id: is the id of an earlier finding too")
}

func TestFound_NotChanges_IsRefused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{}", `{"detector":"d","version":1,"findings":[{"before":1e999}]}`} {
		if d := setup(t).decide(ofType(event.ChangeFound, body)); d.Status != event.Rejected || d.Code != 400 {
			t.Errorf("%q: %s %d", body, d.Status, d.Code)
		}
	}
}
