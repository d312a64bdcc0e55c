package registry_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/suite"
)

func TestLoad_EmptySnapshot_IsANewState(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"nts", "libx"} {
		state, err := registry.Load("default", name, registry.Snapshot{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(state.Snapshot(), registry.New("default", name).Snapshot()); diff != "" {
			t.Errorf("%s: loaded - new +\n%s", name, diff)
		}
		_, loaded := state.Schema()
		if _, want := suite.BuiltIn(name); loaded != want {
			t.Errorf("%s is known: %v, want %v", name, loaded, want)
		}
	}
}

func TestLoad_OnlyRefusalsSoFar_KeepsPositionAndMemory(t *testing.T) {
	t.Parallel()
	l := setup(t)
	bad := raw("{")
	bad.ID = numbered(100)
	first := l.decide(bad)
	snap := l.state.Snapshot()
	if snap.Schema != nil || snap.LastSeq != 1 {
		t.Fatalf("snapshot %+v", snap)
	}
	state, err := registry.Load("default", "nts", snap)
	if err != nil {
		t.Fatal(err)
	}
	l.state = state
	if d := l.decide(bad); d.Seq != 2 || d.Status != event.Duplicate || d.Error != first.Error {
		t.Errorf("decision %+v", d)
	}
	if d := l.accept(run("m", "1")); d.Rows.Schema == nil {
		t.Error("the first accepted event does not bring the schema")
	}
}

func rich(t *testing.T) registry.Snapshot {
	t.Helper()
	l := setup(t)
	one := testEntry{"t1", "score", []float64{1}}
	l.accept(run("m", "1").attrs("os", "a", "cc", "x").with(one))
	l.accept(run("m", "2").attrs("os", "b", "cc", nothing).selecting("split").with(one, testEntry{"t2", "score", nil}))
	l.accept(run("n", "2"))
	l.accept(run("n", "2").merge("append"))
	return l.state.Snapshot()
}

func TestLoad_RowsInAnyOrder_SameState(t *testing.T) {
	t.Parallel()
	snap, shuffled := rich(t), rich(t)
	slices.Reverse(shuffled.Machines)
	slices.Reverse(shuffled.Orders)
	slices.Reverse(shuffled.Tests)
	slices.Reverse(shuffled.Runs)
	slices.Reverse(shuffled.Seen)
	for i := range shuffled.Orders {
		shuffled.Orders[i].Name, shuffled.Orders[i].SortKey = "", ""
	}
	state, err := registry.Load("default", "nts", shuffled)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(state.Snapshot(), snap); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}

func TestLoad_DeletedMachine_IsNotMatchedAndItsIDStaysTaken(t *testing.T) {
	t.Parallel()
	snap := rich(t)
	snap.Machines[2].Deleted = true
	snap.Runs = snap.Runs[:2]
	state, err := registry.Load("default", "nts", snap)
	if err != nil {
		t.Fatal(err)
	}
	l := &log{t: t, state: state, next: 50}
	if d := l.accept(run("n", "2")); d.MachineID != 4 || d.Added.Machines != 1 || d.RunID != 5 {
		t.Errorf("machine %d, added %d, run %d", d.MachineID, d.Added.Machines, d.RunID)
	}
}

func TestLoad_Contradictions_AreReported(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		spoil func(*registry.Snapshot)
		want  string
	}{
		"no schema":              {func(s *registry.Snapshot) { s.Schema = nil }, "there is no schema"},
		"other schema":           {func(s *registry.Snapshot) { s.Schema.Name = "compile" }, `schema is of suite "compile"`},
		"invalid schema":         {func(s *registry.Snapshot) { s.Schema.RunFields = nil }, "run_fields"},
		"machine beyond the end": {func(s *registry.Snapshot) { s.LastMachineID = 2 }, "machine 3 is outside 1..2"},
		"machine zero":           {func(s *registry.Snapshot) { s.Machines[0].ID = 0 }, "machine 0 is outside"},
		"machine twice":          {func(s *registry.Snapshot) { s.Machines[1].ID = 1 }, "machine 1 comes twice"},
		"order missing":          {func(s *registry.Snapshot) { s.Orders = s.Orders[:1] }, "order 2 is missing, which is the last"},
		"order id twice":         {func(s *registry.Snapshot) { s.Orders[1].ID = 1 }, "order 1 comes twice"},
		"order twice":            {func(s *registry.Snapshot) { s.Orders[1].Values = s.Orders[0].Values }, "order 2 comes twice"},
		"test missing":           {func(s *registry.Snapshot) { s.Tests = s.Tests[:1] }, "test 2 is missing, which is the last"},
		"test id twice":          {func(s *registry.Snapshot) { s.Tests[1].ID = 1 }, "test 1 comes twice"},
		"test name twice":        {func(s *registry.Snapshot) { s.Tests[1].Name = "t1" }, "test 2 comes twice"},
		"machine missing":        {func(s *registry.Snapshot) { s.Machines = s.Machines[:2] }, "machine 3 is missing, which is the last"},
		"merged, not deleted":    {func(s *registry.Snapshot) { s.Machines[1].MergedInto = 1 }, "machine 2 is merged into 1"},
		"merged into none": {func(s *registry.Snapshot) {
			s.Machines[1].Deleted, s.Machines[1].MergedInto = true, 9
		}, "machine 2 is merged into 9"},
		"merged in two steps": {func(s *registry.Snapshot) {
			s.Machines[0].Deleted, s.Machines[0].MergedInto = true, 2
			s.Machines[1].Deleted, s.Machines[1].MergedInto = true, 3
		}, "machine 1 is merged into 2"},
		"run of a deleted machine": {func(s *registry.Snapshot) { s.Machines[0].Deleted = true }, "run 1 names machine 1"},
		"run beyond the end":       {func(s *registry.Snapshot) { s.LastRunID = 3 }, "run 4 is outside 1..3"},
		"run twice":                {func(s *registry.Snapshot) { s.Runs[1].ID = 1 }, "run 1 comes twice"},
		"run of no machine":        {func(s *registry.Snapshot) { s.Runs[0].MachineID = 9 }, "run 1 names machine 9"},
		"run of no order":          {func(s *registry.Snapshot) { s.Runs[0].OrderID = 0 }, "run 1 names machine 1, order 0"},
		"run of no load":           {func(s *registry.Snapshot) { s.Runs[0].LoadID = 5 }, "load 5"},
		"event twice":              {func(s *registry.Snapshot) { s.Seen[1].EventID = s.Seen[0].EventID }, "comes twice"},
		"event without status":     {func(s *registry.Snapshot) { s.Seen[0].Status = "" }, `has status ""`},
		"event a duplicate":        {func(s *registry.Snapshot) { s.Seen[0].Status = event.Duplicate }, `has status "duplicate"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			snap := rich(t)
			c.spoil(&snap)
			if _, err := registry.Load("default", "nts", snap); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Load = %v, want %q", err, c.want)
			}
		})
	}
}
