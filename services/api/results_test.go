package api

import (
	stdcmp "cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

func TestTestResults_InLNTsOrder_MetricsThenBucketsThenNames(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	f := newFeed(s)
	f.add(t, input{Body: report("m", "1",
		map[string]any{"name": "b", "execution_time": 5}, map[string]any{"name": "c", "execution_time": 5},
		map[string]any{"name": "d", "execution_status": 1}, map[string]any{"name": "gone", "score": 1})})
	got := f.add(t, input{Body: report("m", "2",
		map[string]any{"name": "a", "execution_time": 1}, map[string]any{"name": "b", "execution_time": 9},
		map[string]any{"name": "c", "execution_status": 1}, map[string]any{"name": "d", "execution_time": 2})})
	list, err := NewResults(s).TestResults(t.Context(), "default", "nts", got.Compared)
	if err != nil {
		t.Fatal(err)
	}
	var timed []TestResult
	for _, r := range list {
		if r.TestStatus != "UNCHANGED_PASS" || r.PerfStatus != "" || r.Name == "a.execution_time" || r.Name == "gone.execution_time" {
			timed = append(timed, r)
		}
	}
	want := []TestResult{
		{"c.execution_time", "REGRESSED", ""},
		{"d.execution_time", "IMPROVED", ""},
		{"b.execution_time", "UNCHANGED_PASS", "REGRESSED"},
		{"a.execution_time", "UNCHANGED_PASS", ""},
		{"gone.execution_time", "UNCHANGED_PASS", ""},
	}
	if d := cmp.Diff(want, timed); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if len(list) != 25 || list[0].Name != "a.compile_time" || list[24].Name != "gone.code_size" {
		t.Errorf("%d results from %v to %v", len(list), list[0], list[len(list)-1])
	}
}

func TestTestResults_OfASuiteOfItsOwn_HasItsMetrics(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	f := newFeed(s)
	f.add(t, input{Type: "suite.defined", Suite: "own", Body: json.RawMessage(`{"name":"own","metrics":[` +
		`{"name":"speed","type":"Real","bigger_is_better":true},{"name":"text","type":"Hash"}],"run_fields":[{"name":"rev","order":true}],"machine_fields":[]}`)})
	body := func(rev string, speed float64) json.RawMessage {
		text, _ := json.Marshal(map[string]any{
			"format_version": "2", "machine": map[string]any{"name": "m"},
			"run":   map[string]any{"rev": rev, "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00"},
			"tests": []any{map[string]any{"name": "t", "speed": speed}},
		})
		return text
	}
	f.add(t, input{Suite: "own", Body: body("1", 10)})
	got := f.add(t, input{Suite: "own", Body: body("2", 5)})
	list, err := NewResults(s).TestResults(t.Context(), "default", "own", got.Compared)
	if d := cmp.Diff([]TestResult{{"t.speed", "UNCHANGED_PASS", "REGRESSED"}}, list); err != nil || d != "" {
		t.Errorf("%v, -want +got:\n%s", err, d)
	}
}

func TestTestResults_TooManyAtOnce_WaitUntilTheirTimeIsUp(t *testing.T) {
	t.Parallel()
	r := NewResults(nil)
	for range resultsAtOnce {
		r.turns <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.TestResults(ctx, "default", "nts", event.Compared{Run: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTestResults_OfNoRun_IsAnError(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	if list, err := NewResults(s).TestResults(t.Context(), "default", "nts", event.Compared{Run: 1}); !errors.Is(err, errNoRun) || list != nil {
		t.Errorf("%v, %v", list, err)
	}
}

// One that saw the rows as they were stored and one that reads them say the same, and the same as the statement that the detector
// uses.
func TestTestResults_RandomReports_SayWhatTheStatementSays(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	f := newFeed(s)
	r := rand.New(rand.NewPCG(7, 1)) //nolint:gosec // reproducible by design
	witness, told := NewResults(s), map[string]int{}
	for history := range 12 {
		machine := fmt.Sprintf("m%d", history)
		var last registry.Decision
		for order := range 3 {
			row, d := f.addRow(t, input{Body: report(machine, fmt.Sprint(order+1), randomTests(r)...)})
			witness.Remember([]store.LedgerRow{row})
			last = d
		}
		reader := NewResults(s)
		read, err := reader.TestResults(t.Context(), "default", "nts", last.Compared)
		if err != nil {
			t.Fatal(err)
		}
		again, err := witness.TestResults(t.Context(), "default", "nts", last.Compared)
		if d := cmp.Diff(read, again); err != nil || d != "" {
			t.Fatalf("history %d: %v, read - remembered +\n%s", history, err, d)
		}
		want := statementSays(t, s, last.Compared)
		for _, got := range read {
			told[got.TestStatus+" "+got.PerfStatus]++
			if w, ok := want[got.Name]; got.TestStatus != stdcmp.Or(w.TestStatus, "UNCHANGED_PASS") || ok && got.PerfStatus != w.PerfStatus {
				t.Errorf("history %d: %v, the statement says %v", history, got, w)
			}
			delete(want, got.Name)
		}
		if len(want) > 0 {
			t.Errorf("history %d: nothing said of %v", history, want)
		}
	}
	for _, kind := range []string{
		"REGRESSED ", "IMPROVED UNCHANGED_PASS", "UNCHANGED_PASS REGRESSED", "UNCHANGED_PASS IMPROVED", "UNCHANGED_PASS UNCHANGED_PASS",
		"UNCHANGED_FAIL UNCHANGED_FAIL", "UNCHANGED_PASS ",
	} {
		if told[kind] == 0 {
			t.Errorf("no case of %q: %v", kind, told)
		}
	}
}

// randomTests are a report's: some missing, some failing, with several samples near a level, hashes that change now and then.
func randomTests(r *rand.Rand) []map[string]any {
	var tests []map[string]any
	for i := range 40 {
		if r.IntN(8) == 0 {
			continue
		}
		values := lo.Times([]int{1, 1, 3, 6}[i%4], func(int) float64 {
			return float64(i+1) * (1 + 0.2*float64(r.IntN(5)) + 0.01*float64(r.IntN(3)))
		})
		test := map[string]any{"name": fmt.Sprintf("t/%02d", i), "execution_time": values}
		if r.IntN(2) == 0 {
			test["compile_time"] = values[0]
		}
		if r.IntN(2) == 0 {
			test["hash"] = []string{"a", "b"}[r.IntN(2)]
		}
		if status := r.IntN(8); status < 3 {
			test["execution_status"] = status
		}
		if r.IntN(10) == 0 {
			delete(test, "execution_time")
		}
		tests = append(tests, test)
	}
	r.Shuffle(len(tests), func(i, j int) { tests[i], tests[j] = tests[j], tests[i] })
	return tests
}

// statementSays is what lnt_compare has rows for.
func statementSays(t *testing.T, s *store.Store, about event.Compared) map[string]TestResult {
	t.Helper()
	nts, _ := suite.BuiltIn("nts")
	metrics := lo.Filter(nts.Metrics, func(m suite.Metric, _ int) bool { return m.Type == suite.Real })
	flags := func(of func(suite.Metric) bool) []uint8 {
		return lo.Map(metrics, func(m suite.Metric, _ int) uint8 { return lo.Ternary[uint8](of(m), 1, 0) })
	}
	// Only what is compared here, with the tests' names.
	compare := sql.MustDetector("lnt_compare")
	compare.Text = "SELECT name, metric, test_status, value_status FROM (" + compare.Text + ") AS c INNER JOIN v_tests AS t ON t.test_id = c.test_id"
	rows, err := store.Select[struct {
		Test        string `ch:"name"`
		Metric      string `ch:"metric"`
		TestStatus  string `ch:"test_status"`
		ValueStatus string `ch:"value_status"`
	}](t.Context(), s, compare, store.Params{
		"database": "default", "suite": "nts", "current_seqs": []uint64{about.Run}, "previous_seqs": []uint64{about.Previous},
		"metrics":  lo.Map(metrics, func(m suite.Metric, _ int) string { return m.Name }),
		"statuses": lo.Map(metrics, func(m suite.Metric, _ int) string { return m.Status }),
		"bigger":   flags(func(m suite.Metric) bool { return m.BiggerIsBetter }), "same_hash": flags(func(m suite.Metric) bool { return m.IgnoreSameHash }),
		"confidence": resultsConfidence, "small_differences": uint8(0),
	})
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]TestResult{}
	for _, row := range rows {
		name := row.Test + "." + row.Metric
		said[name] = TestResult{name, row.TestStatus, row.ValueStatus}
	}
	return said
}

// Sets of tests are shared while some run has them, and go with the last: what is remembered stays within its bytes.
func TestRecent_RunsComeAndGo_BytesAndSetsFollow(t *testing.T) {
	t.Parallel()
	r := newRecent()
	run := func(first uint32) *recentRun {
		ids := make([]uint32, 20_000)
		for i := range ids {
			ids[i] = first + uint32(i) //nolint:gosec // small
		}
		return newRecentRun(&store.LedgerRun{RowTestID: ids})
	}
	k := key{"default", "nts"}
	one, two := r.add(runKey{k, 1}, run(1)), r.add(runKey{k, 2}, run(1))
	if one.tests != two.tests || len(r.sets) != 1 {
		t.Errorf("two runs of the same tests have %d sets", len(r.sets))
	}
	for seq := range uint64(100) {
		r.add(runKey{k, seq + 3}, run(uint32(seq+2))) //nolint:gosec // small
		if r.bytes > recentBytes || len(r.sets) > r.runs.Len() {
			t.Fatalf("%d bytes, %d sets of %d runs", r.bytes, len(r.sets), r.runs.Len())
		}
	}
	if _, ok := r.get(runKey{k, 1}); ok || r.runs.Len() < 10 || len(r.sets) != r.runs.Len() {
		t.Errorf("%d sets of %d runs", len(r.sets), r.runs.Len())
	}
}
