package main

import (
	"context"

	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/services/api"
	"tidemark/services/intake"
	"tidemark/services/projector"
)

// testResults answers intake's question with api's comparison.
type testResults struct{ results *api.Results }

// remembering is a projector's store whose rows the comparison remembers, where both are in one process.
type remembering struct {
	projector.Store
	results *api.Results
}

// Insert stores a batch.
func (r remembering) Insert(ctx context.Context, rows []store.LedgerRow) error {
	if err := r.Store.Insert(ctx, rows); err != nil {
		return err //nolint:wrapcheck // it is the store's
	}
	r.results.Remember(rows)
	return nil
}

// TestResults is LNT's word on a run, metric by metric of each test.
func (r testResults) TestResults(ctx context.Context, database, suite string, about event.Compared) ([]intake.TestResult, error) {
	list, err := r.results.TestResults(ctx, database, suite, about)
	return lo.Map(list, func(t api.TestResult, _ int) intake.TestResult { return intake.TestResult(t) }), err
}
