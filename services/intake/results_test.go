package intake

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/event"
)

// resultsFunc is a comparison by a function.
type resultsFunc func(ctx context.Context, database, suite string, about event.Compared) ([]TestResult, error)

func (f resultsFunc) TestResults(ctx context.Context, database, suite string, about event.Compared) ([]TestResult, error) {
	return f(ctx, database, suite, about)
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestResults_OfAStoredRun_AreAnsweredInLNTsForm(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *Config, m *memoryLog) {
		m.results = resultsFunc(func(_ context.Context, database, suite string, about event.Compared) ([]TestResult, error) {
			if database != "perf" || suite != "nts" || about.Run != 1 {
				return nil, errors.New("asked for another run")
			}
			return []TestResult{{"a.score", "UNCHANGED_PASS", ""}, {"b.score", "REGRESSED", "UNCHANGED_FAIL"}}, nil
		})
	})
	want := decoded(t, `[{"pset": [], "results": [["a.score", "UNCHANGED_PASS", null], ["b.score", "REGRESSED", "UNCHANGED_FAIL"]]}]`)
	for path, status := range map[string]int{
		"/db_perf/v4/nts/submitRun":              http.StatusOK,
		"/api/db_perf/v4/nts/runs?merge=replace": http.StatusMovedPermanently,
	} {
		r := b.post(t, path, reportOf("1"), header{"AuthToken", testToken}, header{"Idempotency-Key", "one"})
		if d := cmp.Diff(want, r.body["test_results"]); r.status != status || d != "" {
			t.Errorf("%s: %d, -want +got:\n%s", path, r.status, d)
		}
		if took, ok := r.body["report_time"].(float64); !ok || took <= 0 || took > r.body["total_time"].(float64) {
			t.Errorf("%s: report_time %v of %v", path, r.body["report_time"], r.body["total_time"])
		}
	}
}

func TestResults_OfARunWithoutTests_AreAListWithoutEntries(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *Config, m *memoryLog) {
		m.results = resultsFunc(func(context.Context, string, string, event.Compared) ([]TestResult, error) { return nil, nil })
	})
	r := b.post(t, "/db_default/v4/nts/submitRun", reportOf("1"))
	if d := cmp.Diff(decoded(t, `[{"pset": [], "results": []}]`), r.body["test_results"]); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestResults_NotToBeHad_AreLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	slow := resultsFunc(func(ctx context.Context, _, _ string, _ event.Compared) ([]TestResult, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	for name, c := range map[string]struct {
		change func(*Config, *memoryLog)
		missed float64
	}{
		"too slow": {func(c *Config, m *memoryLog) { c.ResultsWait, m.results = 5*time.Millisecond, slow }, 1},
		"an error": {func(_ *Config, m *memoryLog) {
			m.results = resultsFunc(func(context.Context, string, string, event.Compared) ([]TestResult, error) {
				return []TestResult{{"a.score", "REGRESSED", ""}}, errors.New("no database")
			})
		}, 1},
		"turned off":    {func(c *Config, m *memoryLog) { c.ResultsWait, m.results = 0, slow }, 0},
		"nobody to ask": {func(*Config, *memoryLog) {}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, c.change)
			r := b.post(t, "/db_default/v4/nts/submitRun", reportOf("1"))
			if d := cmp.Diff([]any{}, r.body["test_results"]); r.status != http.StatusOK || r.body["success"] != true || d != "" {
				t.Errorf("%d, %v", r.status, r.body)
			}
			if got := b.metric(t, "tidemark_intake_results_missed_total"); got != c.missed {
				t.Errorf("%v missed, want %v", got, c.missed)
			}
		})
	}
}

func TestResults_OfARefusedReport_AreNotAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *Config, m *memoryLog) {
		m.results = resultsFunc(func(context.Context, string, string, event.Compared) ([]TestResult, error) {
			t.Error("asked")
			return nil, nil
		})
	})
	b.post(t, "/db_default/v4/nts/submitRun", []byte("garbage"))
	b.post(t, "/db_default/v4/none/submitRun", reportOf("1"))
}
