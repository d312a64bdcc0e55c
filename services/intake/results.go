package intake

import (
	"context"

	"tidemark/pkg/event"
)

// TestResult is what LNT tells a submitter of one metric of one test: Name is "<test>.<metric>", TestStatus says whether it
// passes, PerfStatus what became of its value, "" when there is nothing to compare with. The words are LNT's: REGRESSED,
// IMPROVED, UNCHANGED_PASS and UNCHANGED_FAIL.
type TestResult struct{ Name, TestStatus, PerfStatus string }

// ResultsOf compares a run with the one before it on its machine, which the run's outcome names. It returns when ctx ends.
type ResultsOf interface {
	TestResults(ctx context.Context, database, suite string, about event.Compared) ([]TestResult, error)
}

// results are the run's test_results in LNT's form. The run is stored whatever they are: who cannot be told in time, or at
// all, is told nothing, which LNT's client takes for a server that compares later.
func (a *attempt) results(ctx context.Context, out event.Outcome) any {
	nothing := []any{}
	if a.s.results == nil || a.s.cfg.ResultsWait == 0 || out.Compared.Run == 0 {
		return nothing
	}
	from := a.s.now()
	defer func() {
		a.compared = a.s.now().Sub(from)
		a.s.metrics.stage(stageResults, a.compared)
	}()
	ctx, cancel := context.WithTimeout(ctx, a.s.cfg.ResultsWait)
	defer cancel()
	list, err := a.s.results.TestResults(ctx, a.database, a.suite, out.Compared)
	if err != nil {
		a.s.metrics.resultsMissed.Inc()
		a.s.logger.WarnContext(ctx, "test results left out", "request_id", a.requestID, "event_id", a.id,
			"database", a.database, "suite", a.suite, "run_id", out.RunID, "err", err)
		return nothing
	}
	return []any{map[string]any{"pset": []any{}, "results": triples(list)}}
}

// triples are results as LNT writes them: name, test status, perf status or null.
func triples(list []TestResult) [][3]*string {
	out := make([][3]*string, len(list))
	for i := range list {
		r := &list[i]
		out[i] = [3]*string{&r.Name, &r.TestStatus, &r.PerfStatus}
		if r.PerfStatus == "" {
			out[i][2] = nil
		}
	}
	return out
}
