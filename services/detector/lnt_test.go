package detector_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/services/detector"
)

// lntOnly turns the detector "lnt" on and "steps" off.
func lntOnly(c *detector.Config) { c.StepsIn, c.LNT.In = nil, detector.Suites{"*"} }

// regression is one that was not deleted, in short.
type regression struct {
	ID      uint32   `ch:"regression_id"`
	Title   string   `ch:"title"`
	State   uint8    `ch:"state"`
	Changes []uint32 `ch:"change_ids"`
}

func (l *memoryLog) regressions() []string {
	l.t.Helper()
	return lo.Map(rows[regression](l, "SELECT regression_id, title, state, change_ids FROM v_regressions ORDER BY regression_id"),
		func(r regression, _ int) string { return fmt.Sprintf("%d %d %v %s", r.ID, r.State, r.Changes, r.Title) })
}

// spans are the changes of detector lnt that stand, in short.
func (l *memoryLog) spans() []string {
	l.t.Helper()
	return lo.Map(l.standing(), func(f finding, _ int) string {
		return fmt.Sprintf("%s %s %s %s..%s %v -> %v %s", f.Machine, f.Test, f.Metric, f.Previous, f.Order, f.Before, f.After, f.Kind)
	})
}

func wantText(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}

func TestLNT_StepUp_IsAChangeAndARegression(t *testing.T) {
	t.Parallel()
	w := newWorld(t, lntOnly)
	w.log.submit("nts", nil, history("m", "suite/alpha", 5, 5, 10)...)
	w.lntSettle()
	wantText(t, w.log.spans(), "m suite/alpha execution_time 2..3 5 -> 10 regression")
	wantText(t, w.log.regressions(), "1 0 [1] Regression of 1 benchmarks: alpha")
}

func TestLNT_IgnoredRun_IsNotJudgedButCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, lntOnly)
	h := history("m", "a", 5, 10, 10)
	w.log.submit("nts", nil, h[0])
	w.log.submit("nts", map[string]string{event.ParamIgnoreRegressions: "1"}, h[1])
	w.log.submit("nts", nil, h[2])
	w.lntSettle()
	wantText(t, w.log.spans(), []string{}...)
}

func TestLNT_SecondRunOfTheNewestOrder_RefreshesOrTakesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, lntOnly)
	w.log.submit("nts", nil, history("m", "a", 5, 10)...)
	w.lntSettle()
	again := func(v float64) {
		w.log.submit("nts", map[string]string{event.ParamMerge: "append"}, report("m", "2", map[string]map[string]any{"a": {"execution_time": v}}))
		w.lntSettle()
	}
	again(9.9)
	wantText(t, w.log.spans(), "m a execution_time 1..2 5 -> 9.9 regression")
	wantText(t, w.log.regressions(), "1 0 [1] Regression of 1 benchmarks: a")
	again(5)
	wantText(t, w.log.spans(), []string{}...)
	wantText(t, w.log.regressions(), []string{}...)
}

func TestLNT_BackToNormal_RegressionIsFixed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, lntOnly)
	h := history("m", "a", 5, 10, 5, 10)
	w.log.submit("nts", nil, h[:2]...)
	w.lntSettle()
	w.log.do(event.RegressionTriaged, event.RegressionTriage{RegressionID: 1, State: lo.ToPtr(event.StateActive)})
	w.log.submit("nts", nil, h[2:]...)
	w.lntSettle()
	// 2..3 is nothing to LNT: of 5 and 10 the nearest to 5 is 5.
	wantText(t, w.log.spans(), "m a execution_time 1..2 5 -> 10 regression")
	wantText(t, w.log.regressions(), "1 23 [1] Regression of 1 benchmarks: a [Detected Fixed]")
	if e, _ := lo.Last(w.log.events); e.Type != event.RunSubmitted && e.Actor != "detector:lnt" {
		t.Errorf("changed by %q", e.Actor)
	}
}

func TestLNT_HistoryCutInAnyWay_SameAnswers(t *testing.T) {
	t.Parallel()
	var want [][]string
	for _, cut := range []int{5, 100} {
		w := newWorld(t, lntOnly)
		for i, h := range lo.Chunk(lntHistory(), cut) {
			for _, r := range h {
				w.log.submit("nts", r.params, r.body)
			}
			if i%2 == 0 { // after a crash the position may be an older one
				w.lntSettle()
			}
		}
		w.lntSettle()
		got := [][]string{w.log.spans(), w.log.regressions()}
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%d runs at a time: got - want +\n%s", cut, diff)
		}
	}
	if len(want[0]) < 3 || len(want[1]) < 1 {
		t.Errorf("hardly anything was found: %v", want)
	}
}

func TestLNT_SlotsRepeatedAfterACrash_NothingNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, lntOnly)
	for _, r := range lntHistory() {
		w.log.submit("nts", r.params, r.body)
	}
	w.lntSettle()
	before, events := [][]string{w.log.spans(), w.log.regressions()}, len(w.log.events)
	w.log.exec("TRUNCATE TABLE job_runs")
	again := newDetector(t, w.log, lntOnly)
	again.lntSettle()
	if diff := cmp.Diff([][]string{w.log.spans(), w.log.regressions()}, before); diff != "" || len(w.log.events) != events {
		t.Errorf("%d events more; got - before +\n%s", len(w.log.events)-events, diff)
	}
}

func TestLNT_FindingsNotStored_RunsWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, lntOnly, func(c *detector.Config) { c.LNT.Wait = 1e6 })
	w.log.submit("nts", nil, history("m", "a", 5, 10, 20)...)
	w.log.hold = true
	for range 3 {
		if err := w.slot(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.log.found()); n != 1 {
		t.Errorf("%d events of findings while the first is not stored", n)
	}
	w.log.release()
	w.lntSettle()
	wantText(t, w.log.spans(), "m a execution_time 1..2 5 -> 10 regression", "m a execution_time 2..3 10 -> 20 regression")
}

func TestLNT_OtherSuites_AreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, lntOnly, func(c *detector.Config) { c.LNT.In = detector.Suites{"*/compile", "other/*"} })
	w.log.submit("nts", nil, history("m", "a", 5, 10)...)
	for range 2 {
		if err := w.slot(); err != nil {
			t.Fatal(err)
		}
	}
	wantText(t, w.log.spans(), []string{}...)
}

func TestSuites_Patterns_MatchDatabaseAndSuite(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]bool{
		"*": true, "default/nts": true, "*/nts": true, "default/*": true, "d*/n?s": true, "nts/default": false, "*/compile": false, "perf/nts": false,
	} {
		if got := (detector.Suites{"x/y", pattern}).Has("default", "nts"); got != want {
			t.Errorf("%q matches: %v, want %v", pattern, got, want)
		}
	}
	for _, wrong := range []string{"nts", "a/b/c", "[/x", ""} {
		cfg := detector.DefaultConfig()
		cfg.LNT.In = detector.Suites{wrong}
		if err := cfg.Validate(); err == nil {
			t.Errorf("%q is taken for a pattern", wrong)
		}
	}
}

// lntRun is one submission of a history.
type lntRun struct {
	params map[string]string
	body   []byte
}

// lntHistory has two machines with steps, late orders, second and replaced runs, ignored ones and failures.
func lntHistory() []lntRun {
	var out []lntRun
	for i, order := range []int{10, 20, 30, 25, 40, 40, 50} {
		for m := range 2 {
			level := []float64{5, 8, 5, 11, 5, 12, 12}[(i+m)%7]
			params := map[string]string{event.ParamMerge: []string{"append", "replace"}[(i+m)%2]}
			if i == 2 {
				params[event.ParamIgnoreRegressions] = "yes"
			}
			out = append(out, lntRun{params, report("m-"+strconv.Itoa(m), strconv.Itoa(order), map[string]map[string]any{
				"suite/a": {"execution_time": level, "score": 100 / level, "execution_status": lo.Ternary(i == 5, 1, 0)},
				"suite/b": {"execution_time": []float64{level * 2, level * 2.1}, "hash": fmt.Sprint("h", i/3)},
				"c":       {"compile_time": level + float64(i), "mem_bytes": 1000 * level},
			})})
		}
	}
	return out
}

// lntSettle works slots until all runs are judged.
func (w *world) lntSettle() {
	w.log.t.Helper()
	type row struct {
		Suite string `ch:"suite"`
	}
	for range 1000 {
		if err := w.slot(); err != nil {
			w.log.t.Fatal(err)
		}
		if len(rows[row](w.log, "SELECT p.suite AS suite FROM v_positions AS p LEFT JOIN (SELECT suite, max(to_seq) AS seen FROM v_job_runs WHERE error = '' AND job = 'detect_lnt' GROUP BY suite) AS j ON j.suite = p.suite WHERE p.data_seq > j.seen")) == 0 {
			return
		}
	}
	w.log.t.Fatal("there is always something left")
}

// do decides and stores an event of people.
func (l *memoryLog) do(t event.Type, body interface{ Encode() ([]byte, error) }) {
	l.t.Helper()
	n := len(l.events)
	e := event.Envelope{
		ID: event.IDFromKey("default", "nts", "do "+strconv.Itoa(n)), Type: t, Version: 1, Database: "default", Suite: "nts",
		ReceivedAt: start, Actor: "somebody", Body: json.RawMessage(lo.Must(body.Encode())),
	}
	if err := l.Append(l.t.Context(), e); err != nil {
		l.t.Fatal(err)
	}
}
