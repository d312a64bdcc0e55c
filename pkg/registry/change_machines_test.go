package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/suite"
)

func changed(t testing.TB, kind event.Type, body interface{ Encode() ([]byte, error) }) event.Envelope {
	t.Helper()
	text, err := body.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return ofType(kind, string(text))
}

// change decides and insists.
func (l *log) change(kind event.Type, body interface{ Encode() ([]byte, error) }) registry.Decision {
	l.t.Helper()
	d := l.decide(changed(l.t, kind, body))
	if d.Status != event.Accepted {
		l.t.Fatalf("%s %+v is %s: %s", kind, body, d.Status, d.Error)
	}
	return d
}

func TestDelete_MachineSubmittedAgain_IsAnotherMachineAndItsFindingsAreRefused(t *testing.T) {
	t.Parallel()
	l := setup(t)
	one := testEntry{"t1", "score", []float64{1}}
	l.accept(run("m", "1").with(one))
	l.accept(run("m", "2").with(one))
	d := l.change(event.MachineDeleted, event.MachineDeletion{Machine: "m"})
	want := registry.Decision{
		Seq: 3, Status: event.Accepted, MachineID: 1, MachineName: "m", DeletedRuns: []uint32{1, 2},
		Added: registry.Added{Machines: -1, Runs: -2},
		Rows: registry.Rows{
			Machines:    []registry.MachineRow{{ID: 1, Name: "m", Fields: map[string]string{}, Params: "{}", Deleted: true}},
			DeletedRuns: []uint32{1, 2}, Superseded: []uint32{1, 2},
		},
	}
	if diff := cmp.Diff(d, want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
	if d := l.accept(run("m", "2").with(one)); d.MachineID != 2 || d.RunID != 3 || d.OrderID != 2 {
		t.Errorf("machine %d, run %d, order %d, want 2, 3, 2", d.MachineID, d.RunID, d.OrderID)
	}
	l.refuse(found(t, 1, func(*event.Finding) {}), 400, "findings[0].machine_id: no machine has the id 1")
}

func TestMerge_FindingsAboutTheMerged_AreOnlyTakenBack(t *testing.T) {
	t.Parallel()
	l := setup(t)
	one := testEntry{"t1", "score", []float64{1}}
	for _, s := range []submission{run("m", "1"), run("m", "2"), run("n", "1")} {
		l.accept(s.with(one))
	}
	about := func(active bool) event.Envelope {
		return found(t, 1, func(f *event.Finding) {
			f.OrderID, f.PreviousOrderID, f.Active = 2, 1, active
			f.ID = event.FindingID("default", "nts", f.MachineID, f.TestID, f.Metric, f.OrderID, f.Direction, "step")
		})
	}
	if d := l.decide(about(true)); d.Status != event.Accepted {
		t.Fatalf("%s: %s", d.Status, d.Error)
	}
	l.change(event.MachineMerged, event.MachineMerge{Machine: "m", Into: "n"})
	again := about(true)
	again.ID = numbered(500)
	l.refuse(again, 400, "findings[0].machine_id: no machine has the id 1")
	back := about(false)
	back.ID = numbered(501)
	if d := l.decide(back); d.Status != event.Accepted || len(d.Rows.Findings) != 1 {
		t.Errorf("%s: %s", d.Status, d.Error)
	}
}

func TestMerge_ChainOfMachines_OneStepLeadsToTheLast(t *testing.T) {
	t.Parallel()
	l := setup(t)
	for _, name := range []string{"a", "b", "c"} {
		l.accept(run(name, "1"))
	}
	l.change(event.MachineMerged, event.MachineMerge{Machine: "a", Into: "b"})
	d := l.change(event.MachineMerged, event.MachineMerge{Machine: "b", Into: "c"})
	for i, row := range d.Rows.Machines {
		if row.ID != uint32(i+1) || !row.Deleted || row.MergedInto != 3 {
			t.Errorf("row %d is %+v", i, row)
		}
	}
	if len(d.Rows.Machines) != 2 {
		t.Errorf("%d machines changed, want a and b", len(d.Rows.Machines))
	}
	l.refuse(run("c", "1").envelope(uuid.Nil), 400, "import failure: Duplicate submission for '1'")
	if d := l.accept(run("c", "1").merge("replace")); d.RunID != 3 || d.Added.Runs != -2 {
		t.Errorf("run %d, added %d: want the last of the three replaced", d.RunID, d.Added.Runs)
	}
	d = l.change(event.MachineDeleted, event.MachineDeletion{Machine: "3"})
	if diff := cmp.Diff(d.DeletedRuns, []uint32{3}); diff != "" {
		t.Error(diff)
	}
}

func TestRetract_TwoRunsOfOnePlace_TheOtherStays(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.accept(run("m", "1"))
	l.accept(run("m", "1").merge("append"))
	if d := l.change(event.RunRetracted, event.Retraction{RunID: 1}); d.MachineID != 1 || d.OrderID != 1 || len(d.Rows.Superseded) != 1 || d.Rows.Superseded[0] != 1 {
		t.Errorf("%+v", d)
	}
	l.refuse(changed(t, event.RunRetracted, event.Retraction{RunID: 1}), 404, "Did not find run 1")
	if d := l.accept(run("m", "1").merge("replace")); d.RunID != 2 {
		t.Errorf("run %d, want that of the one that stayed", d.RunID)
	}
}

func TestUpdate_FieldThatIsNoText_IsRefused(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.accept(run("m", "1").attrs("os", "a"))
	update := func(values string) event.Envelope {
		return changed(t, event.MachineUpdated, event.MachineUpdate{Machine: "m", Values: []byte(values)})
	}
	l.refuse(update(`{"os":["linux"]}`), 400, "machine.os: is a list, want a string")
	l.refuse(update(`{"name":7}`), 400, "machine.name: is a number, want a string")
	d := l.change(event.MachineUpdated, event.MachineUpdate{Machine: "m", Values: []byte(`{"name":null,"os":7,"flags":[1.0, {"b":1,"a":2}]}`)})
	want := []registry.MachineRow{{ID: 1, Name: "m", Fields: map[string]string{"os": "7"}, Params: `{"flags":[1,{"a":2,"b":1}]}`}}
	if diff := cmp.Diff(d.Rows.Machines, want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}

func TestSeed_SuiteOfTwoOrderFields_KeepsIDsAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	schema := suite.Schema{Name: "libx", Metrics: []suite.Metric{{Name: "t", Type: suite.Real}}, RunFields: []suite.Field{{Name: "a", Order: true}, {Name: "b", Order: true}}}
	l := &log{t: t, state: registry.New("default", "libx")}
	seed := func(s event.Seed) event.Envelope { return inSuite("libx", changed(t, event.SuiteSeeded, s)) }
	l.refuse(seed(event.Seed{}), 400, "Unknown test suite 'libx'!")
	if d := l.decide(inSuite("libx", ofType(event.SuiteDefined, string(schema.Encode())))); d.Status != event.Accepted {
		t.Fatal(d.Error)
	}
	orders := event.Seed{Orders: []event.SeededOrder{{ID: 4, Values: []string{"1", "2"}}, {ID: 9, Values: []string{"12", ""}}}}
	if d := l.decide(seed(orders)); d.Status != event.Accepted || len(d.Rows.Orders) != 2 {
		t.Fatalf("%s: %s", d.Status, d.Error)
	}
	again := seed(orders)
	again.ID = numbered(900)
	if d := l.decide(again); d.Status != event.Accepted || len(d.Rows.Orders) != 0 {
		t.Errorf("the same again: %s, %d orders", d.Status, len(d.Rows.Orders))
	}
	l.refuse(seed(event.Seed{Orders: []event.SeededOrder{{ID: 5, Values: []string{"1"}}}}), 400, "orders[0].values: has 1 values, the suite has 2 order fields")
	l.refuse(seed(event.Seed{Orders: []event.SeededOrder{{ID: 5, Values: []string{"1", "2"}}}}), 409, "orders[0]: '(1, 2)' has the id 4")
	if snap := l.state.Snapshot(); snap.LastOrderID != 9 {
		t.Errorf("the last order has the id %d", snap.LastOrderID)
	}
}

// A machine of 100 000 runs goes, or moves, in the time of a few submissions: nobody waits for it.
func TestDelete_HundredThousandRuns_IsQuick(t *testing.T) {
	t.Parallel()
	const runs = 100_000
	snap := registry.Snapshot{LastLoadID: 2 * runs, LastRunID: 2 * runs, LastMachineID: 2, LastOrderID: runs, LastSeq: 2 * runs}
	nts, _ := suite.BuiltIn("nts")
	snap.Schema = &nts
	snap.Machines = []registry.MachineRow{{ID: 1, Name: "m"}, {ID: 2, Name: "n"}}
	for i := range uint32(runs) {
		snap.Orders = append(snap.Orders, registry.OrderRow{ID: i + 1, Values: []string{fmt.Sprint(i)}})
		snap.Runs = append(snap.Runs, registry.RunKey{ID: i + 1, LoadID: i + 1, MachineID: 1, OrderID: i + 1, Seq: uint64(i + 1)},
			registry.RunKey{ID: runs + i + 1, LoadID: runs + i + 1, MachineID: 2, OrderID: i + 1, Seq: uint64(runs + i + 1)})
	}
	state, err := registry.Load("default", "nts", snap)
	if err != nil {
		t.Fatal(err)
	}
	l := &log{t: t, state: state}
	start := time.Now()
	l.change(event.MachineMerged, event.MachineMerge{Machine: "m", Into: "n"})
	merged := time.Since(start)
	start = time.Now()
	d := l.change(event.MachineDeleted, event.MachineDeletion{Machine: "n"})
	deleted := time.Since(start)
	if len(d.DeletedRuns) != 2*runs || len(d.Rows.Superseded) != 2*runs {
		t.Errorf("%d runs, %d loads, want %d", len(d.DeletedRuns), len(d.Rows.Superseded), 2*runs)
	}
	t.Logf("merged %d runs in %s, deleted %d in %s", runs, merged, 2*runs, deleted)
	if merged+deleted > 5*time.Second {
		t.Errorf("merging took %s, deleting %s", merged, deleted)
	}
	answer, err := event.Outcome{EventID: uuid.Max, Status: event.Accepted, DeletedRuns: d.DeletedRuns}.Encode()
	if err != nil || len(answer) > event.MaxOutcome {
		t.Errorf("the answer has %d bytes (%v)", len(answer), err)
	}
}
