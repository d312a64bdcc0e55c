package main

import (
	"context"

	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/services/api"
	"tidemark/services/intake"
)

// testResults answers intake's question with api's comparison.
type testResults struct{ results *api.Results }

func newTestResults(s *store.Store) testResults { return testResults{api.NewResults(s)} }

// TestResults is LNT's word on a run, metric by metric of each test.
func (r testResults) TestResults(ctx context.Context, database, suite string, runID uint32) ([]intake.TestResult, error) {
	list, err := r.results.TestResults(ctx, database, suite, runID)
	return lo.Map(list, func(t api.TestResult, _ int) intake.TestResult { return intake.TestResult(t) }), err
}
