package api

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/testkit"
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
	list, err := NewResults(s).TestResults(t.Context(), "default", "nts", got.RunID)
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
	list, err := NewResults(s).TestResults(t.Context(), "default", "own", got.RunID)
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
	if _, err := r.TestResults(ctx, "default", "nts", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTestResults_OfNoRun_IsAnError(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	if list, err := NewResults(s).TestResults(t.Context(), "default", "nts", 1); !errors.Is(err, errNoRun) || list != nil {
		t.Errorf("%v, %v", list, err)
	}
}
