package registry_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/samber/lo"
	"pgregory.net/rapid"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
)

// world is a suite with machines a-1, a-2 and zzz (ids 1 to 3), tests suite/alpha, suite/beta and x (1 to 3) and orders 10, 20, … 90
// (ids 1 to 9).
func world(t *testing.T) *log {
	t.Helper()
	l := setup(t)
	tests := lo.Map([]string{"suite/alpha", "suite/beta", "x"}, func(name string, _ int) testEntry { return testEntry{name, "score", []float64{1}} })
	for i := range 9 {
		l.accept(run([]string{"a-1", "a-2", "zzz"}[i%3], fmt.Sprint(10*(i+1))).with(tests...))
	}
	return l
}

// change is a finding of detector lnt in short: machine, test, metric, first and last order.
type change struct {
	machine, test uint32
	metric        string
	from, to      uint32
	gone          bool
	after         float64
}

func (c change) finding() event.Finding {
	return event.Finding{
		MachineID: c.machine, TestID: c.test, Metric: c.metric, OrderID: c.to, PreviousOrderID: c.from, Direction: event.Up, Kind: event.Regression,
		Before: 1, After: 2 + c.after, Effect: 1, PValue: 1, Active: !c.gone,
		ID: event.SpanID("default", "nts", c.machine, c.test, c.metric, c.from, c.to),
	}
}

func lntFound(changes ...change) event.Envelope {
	return lo.Must(encoded(event.ChangeFound, event.Changes{
		Detector: event.DetectorLNT, Version: 1, DataSeq: 9, Findings: lo.Map(changes, func(c change, _ int) event.Finding { return c.finding() }),
	}))
}

func encoded(t event.Type, body interface{ Encode() ([]byte, error) }) (event.Envelope, error) {
	text, err := body.Encode()
	return ofType(t, string(text)), err
}

// do decides an event of regressions or changes that must be accepted.
func (l *log) do(t event.Type, body interface{ Encode() ([]byte, error) }) registry.Decision {
	l.t.Helper()
	return l.took(lo.Must(encoded(t, body)))
}

func (l *log) took(e event.Envelope) registry.Decision {
	l.t.Helper()
	d := l.decide(e)
	if d.Status != event.Accepted {
		l.t.Fatalf("%s: %s", e.Type, d.Error)
	}
	return d
}

// regressions are those of a decision in short: id, state, changes, title, bug.
func regressions(d registry.Decision) []string {
	return lo.Map(d.Rows.Regressions, func(r registry.RegressionRow, _ int) string {
		text := fmt.Sprintf("%d %d %v %s", r.ID, r.State, r.ChangeIDs, r.Title)
		return text + lo.Ternary(r.Bug == "", "", " <"+r.Bug+">") + lo.Ternary(r.Deleted, " deleted", "")
	})
}

func expect(t *testing.T, d registry.Decision, want ...string) {
	t.Helper()
	if diff := cmp.Diff(regressions(d), want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}

func TestChanges_OfDetectorLNT_AreFiledByItsRule(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first, second change
		together      bool
	}{
		"same machine and metric":                      {change{1, 1, "score", 1, 2, false, 0}, change{1, 3, "score", 1, 2, false, 0}, true},
		"same test and metric, other machine":          {change{1, 1, "score", 1, 2, false, 0}, change{3, 1, "score", 1, 2, false, 0}, true},
		"same machine and test, other metric":          {change{1, 1, "score", 1, 2, false, 0}, change{1, 1, "compile_time", 1, 2, false, 0}, true},
		"same machine, other test and metric":          {change{1, 1, "score", 1, 2, false, 0}, change{1, 2, "compile_time", 1, 2, false, 0}, false},
		"machines and tests of like names":             {change{1, 1, "score", 1, 2, false, 0}, change{2, 2, "score", 1, 2, false, 0}, true},
		"machines and tests of unlike names":           {change{1, 1, "score", 1, 2, false, 0}, change{3, 3, "score", 1, 2, false, 0}, false},
		"orders that overlap":                          {change{1, 1, "score", 1, 3, false, 0}, change{1, 1, "score", 2, 4, false, 0}, true},
		"orders that touch":                            {change{1, 1, "score", 1, 2, false, 0}, change{1, 1, "score", 2, 3, false, 0}, false},
		"orders apart":                                 {change{1, 1, "score", 1, 2, false, 0}, change{1, 1, "score", 5, 6, false, 0}, false},
		"at the machine's first order, nothing before": {change{1, 1, "score", 2, 2, false, 0}, change{3, 1, "score", 2, 2, false, 0}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := world(t)
			one := lntFound(c.first)
			l.took(one)
			d := l.took(lntFound(c.second))
			if got := d.Rows.Regressions[0].ID == 1; len(d.Rows.Regressions) != 1 || got != c.together {
				t.Errorf("filed as %v", regressions(d))
			}
			both := regressions(world(t).took(lntFound(c.first, c.second)))
			if got := len(both) == 1; got != c.together {
				t.Errorf("found in one event, filed as %v", both)
			}
		})
	}
}

func TestChanges_FiledTogether_TitleNamesThem(t *testing.T) {
	t.Parallel()
	l := world(t)
	expect(t, l.took(lntFound(change{1, 2, "score", 1, 2, false, 0}, change{1, 1, "score", 1, 2, false, 0}, change{3, 3, "compile_time", 5, 6, false, 0})),
		"1 0 [1 2] Regression of 2 benchmarks: alpha, beta", "2 0 [3] Regression of 1 benchmarks: x")
	expect(t, l.took(lntFound(change{2, 1, "score", 1, 2, false, 0})), "1 0 [1 2 4] Regression of 3 benchmarks: alpha, beta")
	l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 1, Title: lo.ToPtr("mine")})
	expect(t, l.took(lntFound(change{2, 2, "score", 1, 2, false, 0})), "1 0 [1 2 4 5] mine")
}

func TestChanges_LongTitle_IsCut(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.accept(run("m", "1").with(lo.Times(30, func(i int) testEntry {
		return testEntry{fmt.Sprintf("compile/bänch%02d/phase/(-O%d)", i, i%3), "score", []float64{1}}
	})...))
	d := l.took(lntFound(lo.Times(30, func(i int) change { return change{machine: 1, test: uint32(i + 1), metric: "score", from: 1, to: 1} })...))
	title := []rune(d.Rows.Regressions[0].Title)
	if len(title) != 123 || !strings.HasPrefix(string(title), "Regression of 30 benchmarks: bänch00, bänch01") || !strings.HasSuffix(string(title), "...") {
		t.Errorf("title %q of %d characters", string(title), len(title))
	}
}

func TestChanges_FoundAgain_KeepTheirNumberAndPlace(t *testing.T) {
	t.Parallel()
	l := world(t)
	l.took(lntFound(change{1, 1, "score", 1, 2, false, 0}, change{1, 2, "score", 1, 2, false, 0}))
	d := l.took(lntFound(change{1, 1, "score", 1, 2, false, 7}))
	expect(t, d, []string{}...)
	if f := d.Rows.Findings[0]; f.ChangeID != 1 || f.After != 9 {
		t.Errorf("found again as %+v", f)
	}
	expect(t, l.took(lntFound(change{1, 1, "score", 1, 2, true, 0})), "1 0 [2] Regression of 2 benchmarks: alpha, beta")
	expect(t, l.took(lntFound(change{1, 2, "score", 1, 2, true, 0})), "1 0 [] Regression of 2 benchmarks: alpha, beta deleted")
	d = l.took(lntFound(change{1, 1, "score", 1, 2, false, 0}))
	expect(t, d, "2 0 [1] Regression of 1 benchmarks: alpha")
}

func TestChanges_OfOtherDetectors_AreNumberedWithLNTs(t *testing.T) {
	t.Parallel()
	l := world(t)
	d := l.took(found(t, 1, func(*event.Finding) {}))
	expect(t, d, "1 0 [1] score +100.0 % in suite/alpha on a-1 at 10")
	if d.Rows.Findings[0].ChangeID != 1 {
		t.Errorf("%+v", d.Rows)
	}
	if d = l.took(lntFound(change{1, 1, "score", 1, 2, false, 0})); d.Rows.Findings[0].ChangeID != 2 {
		t.Errorf("%+v", d.Rows)
	}
}

func TestChanges_Dismissed_StayDismissedAndAreFiledNowhere(t *testing.T) {
	t.Parallel()
	l := world(t)
	l.took(lntFound(change{1, 1, "score", 1, 2, false, 0}, change{1, 2, "score", 1, 2, false, 0}))
	d := l.do(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{1}})
	expect(t, d, "1 0 [2] Regression of 2 benchmarks: alpha, beta")
	if f := d.Rows.Findings[0]; !f.Dismissed || f.After != 2 {
		t.Errorf("dismissed %+v", f)
	}
	for _, gone := range []bool{false, true, false} {
		d = l.took(lntFound(change{1, 1, "score", 1, 2, gone, 1}))
		if len(d.Rows.Regressions) != 0 || !d.Rows.Findings[0].Dismissed {
			t.Errorf("found again: %+v", d.Rows)
		}
	}
	l.refuse(lo.Must(encoded(event.RegressionOpened, event.RegressionOpening{ChangeIDs: []uint32{1}})), 400, "no change has the id 1")
	expect(t, l.do(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{2}}), "1 0 [] Regression of 2 benchmarks: alpha, beta deleted")
}

func TestChanges_Withdrawn_AreNotDismissedByWhoMeansStandingOnes(t *testing.T) {
	t.Parallel()
	l := world(t)
	l.took(lntFound(change{1, 1, "score", 1, 2, false, 0}, change{1, 2, "score", 1, 2, false, 0}))
	l.took(lntFound(change{1, 1, "score", 1, 2, true, 0}))
	gone := event.ChangeDismissal{ChangeIDs: []uint32{2, 1}, Standing: true}
	l.refuse(lo.Must(encoded(event.ChangeIgnored, gone)), 409, "change 1 was withdrawn: there is nothing to dismiss")
	gone.Standing = false // as events from before the word have it
	if d := l.do(event.ChangeIgnored, gone); len(d.Rows.Findings) != 2 {
		t.Errorf("%+v", d.Rows)
	}
}

func TestRegressions_OnlyDetectedAndVerify_TakeMoreIn(t *testing.T) {
	t.Parallel()
	for _, state := range event.States() {
		l := world(t)
		l.took(lntFound(change{1, 1, "score", 1, 2, false, 0}))
		l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 1, State: &state})
		d := l.took(lntFound(change{1, 2, "score", 1, 2, false, 0}))
		want := lo.Ternary[uint32](state == event.StateDetected || state == event.StateVerify, 1, 2)
		if got := d.Rows.Regressions[0].ID; got != want {
			t.Errorf("state %d: filed in %d, want %d", state, got, want)
		}
	}
}

func TestRegressions_SeveralMatch_TheChangeAddedFirstDecides(t *testing.T) {
	t.Parallel()
	l := world(t)
	l.took(lntFound(change{1, 1, "score", 1, 2, false, 0}))                                            // regression 1
	l.took(lntFound(change{1, 1, "score", 4, 5, false, 0}))                                            // regression 2
	l.do(event.RegressionExtended, event.RegressionExtension{RegressionID: 1, ChangeIDs: []uint32{2}}) // now in both, in 1 later
	expect(t, l.took(lntFound(change{1, 1, "score", 4, 6, false, 0})), "2 0 [2 3] Regression of 2 benchmarks: alpha")
}

func TestRegressions_OpenedAndTriaged_AsSaid(t *testing.T) {
	t.Parallel()
	l := world(t)
	l.took(lntFound(change{1, 1, "score", 1, 2, false, 0}, change{1, 2, "compile_time", 1, 2, false, 0}))
	d := l.do(event.RegressionOpened, event.RegressionOpening{ChangeIDs: []uint32{2, 1}, Title: "mine", Bug: "b", State: 10})
	expect(t, d, "3 10 [2 1] mine <b>")
	if d.RegressionID != 3 {
		t.Errorf("RegressionID = %d", d.RegressionID)
	}
	expect(t, l.do(event.RegressionOpened, event.RegressionOpening{ChangeIDs: []uint32{2, 1}}), "4 0 [2 1] Regression of 2 benchmarks: alpha, beta")
	expect(t, l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 3, State: lo.ToPtr[uint8](22)}), "3 22 [2 1] mine <b>")
	expect(t, l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 3, Title: lo.ToPtr("t"), Bug: lo.ToPtr("")}), "3 22 [2 1] t")
	for why, e := range map[string]event.Envelope{
		"no change has the id 9":                                          lo.Must(encoded(event.RegressionOpened, event.RegressionOpening{ChangeIDs: []uint32{1, 9}})),
		"change 3 is not in regression 1":                                 lo.Must(encoded(event.RegressionSplit, event.RegressionSplitting{RegressionID: 1, ChangeIDs: []uint32{3}})),
		"no change has the id 8":                                          lo.Must(encoded(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{1, 8}})),
		"decode regression.triaged: title: has more than 1024 characters": ofType(event.RegressionTriaged, `{"regression_id":1,"title":"`+strings.Repeat("x", 1025)+`"}`),
	} {
		l.refuse(e, 400, why)
	}
	for _, e := range []event.Envelope{
		lo.Must(encoded(event.RegressionTriaged, event.RegressionTriage{RegressionID: 9})),
		lo.Must(encoded(event.RegressionExtended, event.RegressionExtension{RegressionID: 9, ChangeIDs: []uint32{1}})),
		lo.Must(encoded(event.RegressionMerged, event.RegressionMerge{RegressionIDs: []uint32{1, 9}})),
		lo.Must(encoded(event.RegressionSplit, event.RegressionSplitting{RegressionID: 9, ChangeIDs: []uint32{1}})),
		lo.Must(encoded(event.RegressionDeleted, event.RegressionDeletion{RegressionIDs: []uint32{9}})),
	} {
		l.refuse(e, 404, "Did not find regression 9")
	}
}

func TestRegressions_MergedSplitAndDeleted_AsInLNT(t *testing.T) {
	t.Parallel()
	l := world(t)
	l.took(lntFound(change{1, 1, "score", 1, 2, false, 0}, change{1, 2, "compile_time", 1, 2, false, 0}, change{3, 3, "score", 5, 6, false, 0}))
	l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 1, Bug: lo.ToPtr("b1")})
	l.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 2, Bug: lo.ToPtr("b2"), State: lo.ToPtr[uint8](10), Title: lo.ToPtr("two")})
	d := l.do(event.RegressionMerged, event.RegressionMerge{RegressionIDs: []uint32{3, 2, 1}})
	expect(t, d,
		"1 21 [] Merged into Regression 4 </db_default/v4/nts/regressions/4>",
		"2 21 [] Merged into Regression 4 </db_default/v4/nts/regressions/4>",
		"3 21 [] Merged into Regression 4 </db_default/v4/nts/regressions/4>",
		"4 10 [1 2 3] two <b1 b2>")
	if d.RegressionID != 4 {
		t.Errorf("RegressionID = %d", d.RegressionID)
	}
	d = l.do(event.RegressionSplit, event.RegressionSplitting{RegressionID: 4, ChangeIDs: []uint32{3, 1}})
	expect(t, d, "4 10 [2] two <b1 b2>", "5 10 [1 3] Regression of 2 benchmarks: alpha, x")
	expect(t, l.do(event.RegressionExtended, event.RegressionExtension{RegressionID: 5, ChangeIDs: []uint32{1, 2}}), "5 10 [1 3 2] Regression of 3 benchmarks: alpha, beta, x")
	expect(t, l.do(event.RegressionDeleted, event.RegressionDeletion{RegressionIDs: []uint32{5, 1}}),
		"1 21 [] Merged into Regression 4 </db_default/v4/nts/regressions/4> deleted",
		"5 10 [] Regression of 3 benchmarks: alpha, beta, x deleted")
	expect(t, l.do(event.RegressionOpened, event.RegressionOpening{ChangeIDs: []uint32{1}}), "6 0 [1] Regression of 1 benchmarks: alpha")
}

// TestRegressions_AnyEvents_SameAfterLoading also holds the state to what must always be true of it.
func TestRegressions_AnyEvents_SameAfterLoading(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		l := world(t)
		ids := rapid.SliceOfNDistinct(rapid.Uint32Range(1, 8), 1, 3, rapid.ID[uint32])
		for range rapid.IntRange(1, 25).Draw(r, "events") {
			var e event.Envelope
			id := rapid.Uint32Range(1, 8).Draw(r, "id")
			switch rapid.IntRange(0, 9).Draw(r, "type") {
			case 0:
				e = lo.Must(encoded(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: ids.Draw(r, "changes")[:1]}))
			case 1:
				e = lo.Must(encoded(event.RegressionOpened, event.RegressionOpening{ChangeIDs: ids.Draw(r, "changes")}))
			case 2:
				e = lo.Must(encoded(event.RegressionExtended, event.RegressionExtension{RegressionID: id, ChangeIDs: ids.Draw(r, "changes")}))
			case 3:
				e = lo.Must(encoded(event.RegressionMerged, event.RegressionMerge{RegressionIDs: ids.Draw(r, "regressions")}))
			case 4:
				e = lo.Must(encoded(event.RegressionSplit, event.RegressionSplitting{RegressionID: id, ChangeIDs: ids.Draw(r, "changes")}))
			case 5:
				e = lo.Must(encoded(event.RegressionDeleted, event.RegressionDeletion{RegressionIDs: ids.Draw(r, "regressions")}))
			case 6:
				e = lo.Must(encoded(event.RegressionTriaged, event.RegressionTriage{RegressionID: id, State: lo.ToPtr(rapid.SampledFrom(event.States()).Draw(r, "state"))}))
			default:
				some := rapid.SliceOfNDistinct(rapid.Custom(drawLNTChange), 1, 4, func(c change) uuid.UUID { return c.finding().ID }).Draw(r, "found")
				e = lntFound(some...)
			}
			e.ID = uuid.New()
			snap := l.state.Snapshot()
			reloaded, err := registry.Load("default", "nts", snap)
			if err != nil {
				r.Fatal(err)
			}
			prepared := registry.Prepare(e)
			got, want := reloaded.Decide(prepared), l.state.Decide(prepared)
			if diff := cmp.Diff(got, want); diff != "" {
				r.Fatalf("after loading - before +\n%s", diff)
			}
			checkRegressions(r, l.state.Snapshot())
		}
	})
}

func drawLNTChange(r *rapid.T) change {
	from := rapid.Uint32Range(1, 4).Draw(r, "from")
	return change{
		machine: rapid.Uint32Range(1, 3).Draw(r, "machine"), test: rapid.Uint32Range(1, 3).Draw(r, "test"),
		metric: rapid.SampledFrom([]string{"score", "compile_time"}).Draw(r, "metric"),
		from:   from, to: from + rapid.Uint32Range(0, 2).Draw(r, "length"), gone: rapid.Bool().Draw(r, "gone"),
	}
}

func checkRegressions(t *rapid.T, snap registry.Snapshot) {
	var last uint64
	for _, r := range snap.Regressions {
		if len(r.ChangeIDs) != len(lo.Uniq(r.ChangeIDs)) || len(r.Added) != len(r.ChangeIDs) {
			t.Fatalf("regression %+v", r)
		}
		for i, id := range r.ChangeIDs {
			f := snap.Findings[id-1]
			if f.ChangeID != id || !f.Active || f.Dismissed {
				t.Fatalf("regression %d has change %+v", r.ID, f)
			}
			if i > 0 && r.Added[i] <= r.Added[i-1] {
				t.Fatalf("regression %d: places %v", r.ID, r.Added)
			}
		}
		last = max(last, uint64(r.ID))
	}
	if last > uint64(snap.LastRegressionID) {
		t.Fatalf("regression %d beyond the last, %d", last, snap.LastRegressionID)
	}
}

func TestChanges_MoreThanTheBounds_AreFiledWithoutEnd(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.accept(run("m", "1").with(lo.Times(5000, func(i int) testEntry { return testEntry{fmt.Sprintf("t%d", i), "score", []float64{1}} })...))
	all := lo.Times(5000, func(i int) change { return change{machine: 1, test: uint32(i + 1), metric: "score", from: 1, to: 1} })
	d := l.took(lntFound(all...))
	if len(d.Rows.Regressions) != 1 || len(d.Rows.Regressions[0].ChangeIDs) != 5000 {
		t.Errorf("%d regressions", len(d.Rows.Regressions))
	}
}

func TestRegressionRow_AsJSON_NamesWhatTheTablesRead(t *testing.T) {
	t.Parallel()
	got := string(lo.Must(json.Marshal(registry.RegressionRow{ID: 3, Title: "t", Bug: "b", State: 10, ChangeIDs: []uint32{2}, Added: []uint64{7}})))
	if want := `{"regression_id":3,"title":"t","bug":"b","state":10,"change_ids":[2],"added":[7]}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
