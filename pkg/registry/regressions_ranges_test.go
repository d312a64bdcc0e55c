package registry_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
)

// step is a finding of detector steps in short. Levels are 100 and, after a step up, 110.
type step struct {
	machine, test uint32
	metric        string
	from, to      uint32
	down          bool
	before, after float64
	cause         string
	gone          bool
	// first is the order that the finding was first seen at, when it has moved since.
	first uint32
	nth   uint8
}

func (s step) finding(detector string) event.Finding {
	if s.before == 0 {
		s.before, s.after = 100, 110
		if s.down {
			s.before, s.after = 110, 100
		}
	}
	f := event.Finding{
		MachineID: s.machine, TestID: s.test, Metric: s.metric, OrderID: s.to, PreviousOrderID: s.from, Direction: event.Up, Kind: event.Regression,
		Before: s.before, After: s.after, Effect: (s.after - s.before) / s.before, PValue: 0.001, Cause: s.cause, Active: !s.gone, Nth: s.nth,
	}
	if s.down {
		f.Direction, f.Kind = event.Down, event.Improvement
	}
	first := f
	if s.first != 0 {
		first.OrderID = s.first
	}
	f.ID = first.IDOf("default", "nts", detector)
	return f
}

func stepsFound(steps ...step) event.Envelope {
	return lo.Must(encoded(event.ChangeFound, event.Changes{
		Detector: "steps", Version: 1, DataSeq: 9, Findings: lo.Map(steps, func(s step, _ int) event.Finding { return s.finding("steps") }),
	}))
}

// grouped are the regressions of a decision in short: id, state, kind, cause, culprit range, changes.
func grouped(d registry.Decision) []string {
	return lo.Map(d.Rows.Regressions, func(r registry.RegressionRow, _ int) string {
		return fmt.Sprintf("%d %d %s %s (%d,%d] %v%s", r.ID, r.State, r.Kind, r.Cause, r.StartOrderID, r.EndOrderID, r.ChangeIDs, lo.Ternary(r.Deleted, " deleted", ""))
	})
}

func wantGroups(t *testing.T, d registry.Decision, want ...string) {
	t.Helper()
	if diff := cmp.Diff(grouped(d), want, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}

const score = "score"

func TestGroups_RangesOverlapOrTouch_JoinAndNarrow(t *testing.T) {
	t.Parallel()
	l := world(t)
	wantGroups(t, l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 2, to: 5})), "1 0 regression code (2,5] [1]")
	wantGroups(t, l.took(stepsFound(step{machine: 2, test: 3, metric: "compile_time", from: 3, to: 6})), "1 0 regression code (3,5] [1 2]")
	// touches: joins, narrows nothing
	wantGroups(t, l.took(stepsFound(step{machine: 3, test: 2, metric: score, from: 5, to: 7})), "1 0 regression code (3,5] [1 2 3]")
	// what the first one alone would have touched no longer does
	wantGroups(t, l.took(stepsFound(step{machine: 1, test: 2, metric: score, from: 1, to: 2})), "2 0 regression code (1,2] [4]")
	wantGroups(t, l.took(stepsFound(step{machine: 1, test: 3, metric: score, from: 2, to: 4, down: true})), "3 0 improvement code (2,4] [5]")
	wantGroups(t, l.took(stepsFound(step{machine: 1, test: 3, metric: score, from: 3, to: 4, cause: "machine"})), "4 0 regression machine (3,4] [6]")
	wantGroups(t, l.took(stepsFound(
		step{machine: 1, test: 2, metric: "compile_time", from: 4, to: 5, cause: "machine"},
		step{machine: 2, test: 2, metric: "compile_time", from: 3, to: 4, cause: "machine"})),
		"4 0 regression machine (3,4] [6 7]", "5 0 regression machine (3,4] [8]")
}

func TestGroups_OnlyOpenOnes_TakeMoreIn(t *testing.T) {
	t.Parallel()
	for _, state := range event.States() {
		l := world(t)
		l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 1, to: 2}))
		l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 1, State: &state})
		d := l.took(stepsFound(step{machine: 1, test: 2, metric: score, from: 1, to: 2}))
		open := state == event.StateDetected || state == event.StateStaged || state == event.StateActive || state == event.StateVerify
		if got := d.Rows.Regressions[0].ID == 1; got != open {
			t.Errorf("state %d: %v", state, grouped(d))
		}
		if state == event.StateVerify && d.Rows.Regressions[0].State != event.StateDetected {
			t.Errorf("a change that is not over left it to be verified: %v", grouped(d))
		}
	}
}

func TestGroups_NeverWithLNTs(t *testing.T) {
	t.Parallel()
	l := world(t)
	l.took(lntFound(change{1, 1, score, 1, 2, false, 0}))
	wantGroups(t, l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 1, to: 2})), "2 0 regression code (1,2] [2]")
	expect(t, l.took(lntFound(change{1, 2, score, 1, 2, false, 0})), "1 0 [1 3] Regression of 2 benchmarks: alpha, beta")
	wantGroups(t, l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 5, to: 6})), "3 0 regression code (5,6] [4]")
	expect(t, l.took(lntFound(change{1, 1, score, 5, 6, false, 0})), "4 0 [5] Regression of 1 benchmarks: alpha")
}

func TestGroups_Titles_SayWhatHowMuchWhereAndWhen(t *testing.T) {
	t.Parallel()
	title := func(d registry.Decision) string { return d.Rows.Regressions[0].Title }
	l := world(t)
	for _, c := range []struct {
		add  step
		want string
	}{
		{step{machine: 1, test: 1, metric: score, from: 1, to: 3}, "score +10.0 % in suite/alpha on a-1 at 10..30"},
		{step{machine: 1, test: 2, metric: score, from: 1, to: 3, before: 1, after: 1.0004}, "score +10.0 % in 2 tests on a-1 at 10..30"},
		{step{machine: 2, test: 2, metric: score, from: 2, to: 3, before: 1, after: 1.0004}, "score +0.04 % in 2 tests on 2 machines at 20..30"},
		{step{machine: 2, test: 3, metric: "compile_time", from: 2, to: 3, before: 1, after: 21}, "2 metrics up to +2000 % in 3 tests on 2 machines at 20..30"},
	} {
		if got := title(l.took(stepsFound(c.add))); got != c.want {
			t.Errorf("title %q, want %q", got, c.want)
		}
	}
	l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 1, Title: lo.ToPtr("mine")})
	if got := title(l.took(stepsFound(step{machine: 3, test: 3, metric: score, from: 2, to: 3}))); got != "mine" {
		t.Errorf("a person's title became %q", got)
	}
	if got := title(l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 1, Title: lo.ToPtr("")})); got != "2 metrics up to +2000 % in 3 tests on 3 machines at 20..30" {
		t.Errorf("without a person's title %q", got)
	}
	if got := title(l.took(stepsFound(step{machine: 3, test: 3, metric: score, from: 7, to: 8, cause: "machine"}))); got != "zzz moved: score +10.0 % in x at 70..80" {
		t.Errorf("title %q", got)
	}
}

func TestGroups_TitleOfTwo_SaysTheLargerWhateverTheDirection(t *testing.T) {
	t.Parallel()
	l := world(t)
	l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 1, to: 3, before: 1, after: 0.84}))
	d := l.took(stepsFound(step{machine: 1, test: 2, metric: score, from: 1, to: 3, before: 1, after: 0.998}))
	if got, want := d.Rows.Regressions[0].Title, "score -16.0 % in 2 tests on a-1 at 10..30"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
}

func TestChanges_SeenAgainElsewhere_MoveAndKeepWhatPeopleSaid(t *testing.T) {
	t.Parallel()
	l := world(t)
	l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 2, to: 5}))
	l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 1, Bug: lo.ToPtr("b"), State: lo.ToPtr[uint8](10)})
	d := l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 3, to: 4, first: 5, before: 100, after: 120}))
	wantGroups(t, d, "1 10 regression code (3,4] [1]")
	if f := d.Rows.Findings[0]; f.ChangeID != 1 || f.OrderID != 4 || d.Rows.Regressions[0].Bug != "b" || d.Rows.Regressions[0].Title != "score +20.0 % in suite/alpha on a-1 at 30..40" {
		t.Errorf("moved to %+v", d.Rows)
	}
	wantGroups(t, l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 3, to: 4, first: 5, before: 100, after: 120})))

	for name, s := range map[string]step{
		"series":    {machine: 1, test: 2, metric: score, from: 3, to: 4},
		"direction": {machine: 1, test: 1, metric: score, from: 3, to: 4, down: true},
	} {
		f := s.finding("steps")
		f.ID = d.Rows.Findings[0].ID
		e := lo.Must(encoded(event.ChangeFound, event.Changes{Detector: "steps", Version: 1, Findings: []event.Finding{f}}))
		l.refuse(e, 400, "findings[0].id: is that of another change")
		if name == "series" {
			f = step{machine: 1, test: 1, metric: score, from: 3, to: 4, first: 5}.finding("steps")
			l.refuse(lo.Must(encoded(event.ChangeFound, event.Changes{Detector: "otava", Version: 1, Findings: []event.Finding{f}})), 400, "findings[0].id: is that of another change")
			l.refuse(lo.Must(encoded(event.ChangeFound, event.Changes{Detector: "steps", Shadow: true, Version: 1, Findings: []event.Finding{f}})), 400, "findings[0].id: is that of another change")
		}
	}
	unknown := step{machine: 1, test: 1, metric: score, from: 7, to: 8, first: 7}
	l.refuse(stepsFound(unknown), 400, "findings[0].id: is not derived from the finding")
}

func TestChanges_TwoAtOneOrder_AreToldApart(t *testing.T) {
	t.Parallel()
	l := world(t)
	d := l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 2, to: 5}, step{machine: 1, test: 1, metric: score, from: 2, to: 5, nth: 1}))
	wantGroups(t, d, "1 0 regression code (2,5] [1 2]")
}

func TestChanges_Dismissed_ReturnOnlyMuchLarger(t *testing.T) {
	t.Parallel()
	l := world(t)
	at := step{machine: 1, test: 1, metric: score, from: 2, to: 3, before: 100, after: 110}
	l.took(stepsFound(at))
	wantGroups(t, l.do(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{1}, Note: "noise"}), "1 0 regression code (2,3] [] deleted")
	at.after = 120
	d := l.took(stepsFound(at))
	wantGroups(t, d)
	if !d.Rows.Findings[0].Dismissed {
		t.Error("twice the effect is not beyond twice the effect")
	}
	at.after = 120.5
	d = l.took(stepsFound(at))
	wantGroups(t, d, "2 0 regression code (2,3] [1]")
	if f := d.Rows.Findings[0]; f.Dismissed || f.DismissedSeq != d.Seq {
		t.Errorf("regrown: %+v", f)
	}
	// dismissed again it is measured by what it is now, and in the other direction as well
	l.do(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{1}})
	at.after = 130
	if d = l.took(stepsFound(at)); !d.Rows.Findings[0].Dismissed {
		t.Error("returned with less than twice what was dismissed last")
	}
}

func TestChanges_DismissalTakenBack_AreFiledAgain(t *testing.T) {
	t.Parallel()
	l := world(t)
	l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 2, to: 3}, step{machine: 1, test: 2, metric: score, from: 2, to: 3}))
	l.took(lntFound(change{1, 1, score, 1, 2, false, 0}))
	d := l.do(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{3, 2}, Note: "n"})
	wantGroups(t, d, "1 0 regression code (2,3] [1]", "2 0 regression code (1,2] [] deleted")
	if d.Rows.Findings[0].Note != "n" || d.Rows.Regressions[0].Note != "n" || d.Rows.Findings[0].DismissedEffect != 1 {
		t.Errorf("%+v", d.Rows)
	}
	l.refuse(lo.Must(encoded(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{1}, Restore: true})), 409, "change 1 is not dismissed")
	d = l.do(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{2, 3}, Restore: true})
	wantGroups(t, d, "1 0 regression code (2,3] [1 2]", "3 0 regression code (1,2] [3]")
}

func TestChanges_OfTheShadow_AreInNoRegression(t *testing.T) {
	t.Parallel()
	l := world(t)
	f := step{machine: 1, test: 1, metric: score, from: 2, to: 3}.finding(event.DetectorKey("steps", true))
	d := l.took(lo.Must(encoded(event.ChangeFound, event.Changes{Detector: "steps", Shadow: true, Version: 1, Findings: []event.Finding{f}})))
	wantGroups(t, d)
	if !d.Rows.Findings[0].Shadow {
		t.Errorf("%+v", d.Rows.Findings)
	}
	l.refuse(lo.Must(encoded(event.RegressionOpened, event.RegressionOpening{ChangeIDs: []uint32{1}})), 400, "no change has the id 1")
	f = change{1, 1, score, 1, 2, false, 0}.finding()
	f.ID = f.IDOf("default", "nts", event.DetectorKey(event.DetectorLNT, true))
	wantGroups(t, l.took(lo.Must(encoded(event.ChangeFound, event.Changes{Detector: event.DetectorLNT, Shadow: true, Version: 1, Findings: []event.Finding{f}}))))
}

func TestGroups_Withdrawn_GoOrAreToBeVerified(t *testing.T) {
	t.Parallel()
	at := step{machine: 1, test: 1, metric: score, from: 2, to: 3}
	gone := at
	gone.gone = true
	l := world(t)
	l.took(stepsFound(at))
	wantGroups(t, l.took(stepsFound(gone)), "1 0 regression code (2,3] [] deleted")
	l.took(stepsFound(at))
	l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 2, Bug: lo.ToPtr("b")})
	wantGroups(t, l.took(stepsFound(gone)), "2 23 regression code (2,3] []")
	wantGroups(t, l.took(stepsFound(at)), "2 0 regression code (2,3] [1]")
	// what takes its place in the same event finds the same regression, whatever the order
	other := step{machine: 1, test: 2, metric: score, from: 2, to: 3}
	l = world(t)
	l.took(stepsFound(at))
	wantGroups(t, l.took(stepsFound(gone, other)), "1 0 regression code (2,3] [2]")
	gone.test, gone.gone = 2, true
	wantGroups(t, l.took(stepsFound(at, gone)), "1 0 regression code (2,3] [1]")
}

func TestGroups_AllRecovered_AreToBeVerified(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		back step
		want bool
	}{
		"all the way":          {step{from: 4, to: 5, down: true, before: 110, after: 100}, true},
		"half the way":         {step{from: 4, to: 5, down: true, before: 110, after: 105}, true},
		"beyond":               {step{from: 4, to: 5, down: true, before: 110, after: 95}, true},
		"far beyond":           {step{from: 4, to: 5, down: true, before: 110, after: 94}, false},
		"not half the way":     {step{from: 4, to: 5, down: true, before: 110, after: 105.1}, false},
		"before":               {step{from: 1, to: 2, down: true, before: 110, after: 100}, false},
		"the same direction":   {step{from: 4, to: 5, before: 90, after: 100}, false},
		"of something else":    {step{test: 2, from: 4, to: 5, down: true}, false},
		"of another detection": {step{from: 4, to: 5, down: true, before: 110, after: 100, cause: "machine"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := world(t)
			l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 2, to: 3}))
			l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 1, State: lo.ToPtr(event.StateActive)})
			c.back.machine, c.back.test, c.back.metric = 1, max(c.back.test, 1), score
			d := l.took(stepsFound(c.back))
			got := d.Rows.Regressions[0]
			if verified := got.ID == 1 && got.State == event.StateVerify; verified != c.want {
				t.Errorf("%v", grouped(d))
			}
		})
	}
	t.Run("not all", func(t *testing.T) {
		t.Parallel()
		l := world(t)
		l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 2, to: 3}, step{machine: 1, test: 2, metric: score, from: 2, to: 3}))
		wantGroups(t, l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 4, to: 5, down: true})), "2 0 improvement code (4,5] [3]")
		wantGroups(t, l.took(stepsFound(step{machine: 1, test: 2, metric: score, from: 2, to: 3, gone: true})), "1 23 regression code (2,3] [1]")
	})
	t.Run("in one event", func(t *testing.T) {
		t.Parallel()
		wantGroups(t, world(t).took(stepsFound(step{machine: 1, test: 1, metric: score, from: 4, to: 5, down: true}, step{machine: 1, test: 1, metric: score, from: 2, to: 3})),
			"1 0 improvement code (4,5] [1]", "2 23 regression code (2,3] [2]")
	})
}

func TestGroups_NotRecoveredAfterAll_AreAgainWhatTheyWere(t *testing.T) {
	t.Parallel()
	back := step{machine: 1, test: 1, metric: score, from: 4, to: 5, down: true, before: 110, after: 100}
	gone, higher := back, back
	gone.gone, higher.after = true, 109
	dismissed := lo.Must(encoded(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{2}, Note: "one noisy day"}))
	for _, former := range []uint8{event.StateDetected, event.StateStaged, event.StateActive} {
		for name, c := range map[string]struct {
			by   event.Envelope
			note string
		}{
			"withdrawn":     {stepsFound(gone), ""},
			"another level": {stepsFound(higher), ""},
			"dismissed":     {dismissed, ": one noisy day"},
		} {
			l := world(t)
			l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 2, to: 3}))
			l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 1, State: &former})
			first := l.took(stepsFound(back)).Rows.Regressions[0]
			if first.State != event.StateVerify || first.Note == "" {
				t.Fatalf("%s: %+v", name, first)
			}
			c.by.ID = uuid.New()
			got := l.took(c.by).Rows.Regressions[0]
			if got.ID != 1 || got.State != former || got.Note != "not over after all: a finding that had shown recovery was withdrawn, dismissed or has another level now"+c.note {
				t.Errorf("%s from %d: %+v", name, former, got)
			}
			// and over again once that finding is back
			if name == "withdrawn" {
				wantGroups(t, l.took(stepsFound(back)), "1 23 regression code (2,3] [1]", "3 0 improvement code (4,5] [2]")
			}
		}
	}
	// what a person wants verified stays so
	l := world(t)
	l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 2, to: 3}))
	l.took(stepsFound(back))
	l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 1, State: lo.ToPtr(event.StateVerify)})
	wantGroups(t, l.took(stepsFound(gone)), "2 0 improvement code (4,5] [] deleted")
}

func TestChanges_CauseKnownLater_MoveToTheMachines(t *testing.T) {
	t.Parallel()
	l := world(t)
	at := step{machine: 1, test: 1, metric: score, from: 2, to: 3}
	l.took(stepsFound(at, step{machine: 1, test: 2, metric: score, from: 2, to: 3}))
	at.cause = "machine"
	wantGroups(t, l.took(stepsFound(at)), "1 0 regression code (2,3] [2]", "2 0 regression machine (2,3] [1]")
	l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 2, Note: "looked"})
	at.cause = ""
	wantGroups(t, l.took(stepsFound(at))) // a person has it in hand: it stays
}

func TestTriage_Bulk_ChangesAllOrNone(t *testing.T) {
	t.Parallel()
	l := world(t)
	l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 2, to: 3}, step{machine: 1, test: 1, metric: score, from: 5, to: 6}))
	before := l.state.Snapshot()
	l.refuse(lo.Must(encoded(event.RegressionTriaged, event.RegressionTriage{RegressionIDs: []uint32{1, 9}, Owner: lo.ToPtr("ada")})), 404, "Did not find regression 9")
	if diff := cmp.Diff(l.state.Snapshot().Regressions, before.Regressions); diff != "" {
		t.Errorf("refused, but\n%s", diff)
	}
	d := l.do(event.RegressionTriaged, event.RegressionTriage{
		RegressionIDs: []uint32{2, 1}, State: lo.ToPtr(event.StateActive), Owner: lo.ToPtr("ada"), AddTags: []string{"x", "a"}, Note: "all of them", Filter: "state=detected",
	})
	for i, r := range d.Rows.Regressions {
		if r.ID != uint32(i+1) || r.State != event.StateActive || r.Owner != "ada" || !cmp.Equal(r.Tags, []string{"a", "x"}) || r.Note != "all of them" || !r.Touched {
			t.Errorf("%+v", r)
		}
	}
	if d.RegressionID != 2 {
		t.Errorf("RegressionID = %d", d.RegressionID)
	}
	d = l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 1, AddTags: []string{"a", "b"}, RemoveTags: []string{"x", "none"}})
	if r := d.Rows.Regressions[0]; !cmp.Equal(r.Tags, []string{"a", "b"}) || r.Note != "" || r.State != event.StateActive {
		t.Errorf("%+v", r)
	}
	many := lo.Times(event.MaxTags-1, func(i int) string { return fmt.Sprint("t", i) })
	l.refuse(lo.Must(encoded(event.RegressionTriaged, event.RegressionTriage{RegressionIDs: []uint32{2, 1}, AddTags: many})), 400, "add_tags: regression 2 would have 33 tags, more than 32")
}

func TestMerge_OfGroups_LeadsToTheNewOne(t *testing.T) {
	t.Parallel()
	l := world(t)
	l.took(stepsFound(step{machine: 1, test: 1, metric: score, from: 2, to: 4}, step{machine: 1, test: 2, metric: score, from: 6, to: 7}))
	l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 2, Owner: lo.ToPtr("ada"), AddTags: []string{"t"}})
	d := l.do(event.RegressionMerged, event.RegressionMerge{RegressionIDs: []uint32{1, 2}, Note: "one commit"})
	wantGroups(t, d, "1 21 regression code (2,4] []", "2 21 regression code (6,7] []", "3 0 regression code (2,4] [1 2]")
	made := d.Rows.Regressions[2]
	if made.Owner != "ada" || !cmp.Equal(made.Tags, []string{"t"}) || made.Title != "score +10.0 % in 2 tests on a-1 at 20..40" || d.Rows.Regressions[0].MergedInto != 3 {
		t.Errorf("%+v", made)
	}
	wantGroups(t, l.do(event.RegressionSplit, event.RegressionSplitting{RegressionID: 3, ChangeIDs: []uint32{2}}),
		"3 0 regression code (2,4] [1]", "4 0 regression code (6,7] [2]")
}

func TestImport_Regressions_KeepTheirNumbers(t *testing.T) {
	t.Parallel()
	l := world(t)
	one, two := change{1, 1, score, 1, 2, false, 0}, change{1, 2, score, 1, 2, false, 0}
	l.took(lntFound(one))
	e := event.RegressionImport{Regressions: []event.ImportedRegression{
		{ID: 40, Title: "kept", Bug: "b", State: event.StateIgnored, Findings: []event.Finding{two.finding(), one.finding()}},
		{ID: 12, State: event.StateDetected, Findings: []event.Finding{two.finding()}},
	}}
	d := l.do(event.RegressionImported, e)
	expect(t, d, "12 0 [2] Regression of 1 benchmarks: beta", "40 21 [2 1] kept <b>")
	if len(d.Rows.Findings) != 1 || d.Rows.Findings[0].ChangeID != 2 || d.RegressionID != 40 {
		t.Errorf("%+v", d.Rows.Findings)
	}
	l.refuse(lo.Must(encoded(event.RegressionImported, e)), 409, "regressions[0].id: another regression has the id 40")
	l.do(event.RegressionDeleted, event.RegressionDeletion{RegressionIDs: []uint32{12}})
	e.Regressions = e.Regressions[1:]
	l.refuse(lo.Must(encoded(event.RegressionImported, e)), 409, "regressions[0].id: another regression has the id 12")
	expect(t, l.do(event.RegressionOpened, event.RegressionOpening{ChangeIDs: []uint32{1}}), "41 0 [1] Regression of 1 benchmarks: alpha")
	wrong := two.finding()
	wrong.ID = uuid.New()
	l.refuse(lo.Must(encoded(event.RegressionImported, event.RegressionImport{Regressions: []event.ImportedRegression{{ID: 50, Findings: []event.Finding{wrong}}}})),
		400, "regressions[0].findings[0].id: is not derived from the finding")
}

// TestGroups_ManyFindings_CostLittle is about the worst that one event may hold: everything at another place, then all of it gone.
func TestGroups_ManyFindings_CostLittle(t *testing.T) {
	t.Parallel()
	l := setup(t)
	for i := range 40 {
		l.accept(run("m", fmt.Sprint(i)).with(lo.Times(1000, func(i int) testEntry { return testEntry{fmt.Sprintf("t%d", i), score, []float64{1}} })...))
	}
	var all []step
	for test := range 1000 {
		for order := range 30 {
			from := uint32(math.Min(float64(order+test%7), 38))
			all = append(all, step{machine: 1, test: uint32(test + 1), metric: score, from: from + 1, to: from + 2, nth: uint8(order)})
		}
	}
	d := l.took(stepsFound(all...))
	if n := lo.SumBy(d.Rows.Regressions, func(r registry.RegressionRow) int { return len(r.ChangeIDs) }); n != len(all) {
		t.Errorf("%d of %d in %d regressions", n, len(all), len(d.Rows.Regressions))
	}
	for i := range all {
		all[i].gone = true
	}
	d = l.took(stepsFound(all...))
	if lo.SomeBy(d.Rows.Regressions, func(r registry.RegressionRow) bool { return !r.Deleted }) {
		t.Error("some stayed")
	}
}
