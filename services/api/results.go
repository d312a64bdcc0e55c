package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/pkg/suite"
	"tidemark/sql"
)

// TestResult is what LNT tells a submitter of one metric of one test: Name is "<test>.<metric>". TestStatus is REGRESSED,
// IMPROVED, UNCHANGED_PASS or UNCHANGED_FAIL; so is PerfStatus, or "" when there is no value to compare.
type TestResult struct{ Name, TestStatus, PerfStatus string }

// Results compares runs with those before them as LNT does, with the two reads of each.
type Results struct {
	store *store.Store
	turns chan struct{}
}

// NewResults opens nothing.
func NewResults(s *store.Store) *Results {
	return &Results{store: s, turns: make(chan struct{}, resultsAtOnce)}
}

var (
	qResultsRuns = sql.MustQuery("results_runs")
	qLNTCompare  = sql.MustDetector("lnt_compare")
)

// What LNT looks at when it reports a submission: ten orders back, at a confidence level of five percent. The bound on runs is
// ours: a machine may have any number of runs of an order.
const (
	resultsOrders     = 10
	resultsRuns       = 64
	resultsConfidence = 0.05
)

// resultsAtOnce is how many runs are compared at once; more wait. So a crowd of submitters leaves reads to others.
const resultsAtOnce = 2

// errNoRun says that there is no such run, or not any more.
var errNoRun = errors.New("no such run")

// TestResults lists the test_results of a run in LNT's order: metric by metric as the suite declares them; within a metric the
// new failures first, then what passes again, regressions, improvements, what is new, old failures and the rest, each by name.
func (r *Results) TestResults(ctx context.Context, database, suiteName string, runID uint32) ([]TestResult, error) {
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to compare run %d of %s/%s: %w", runID, database, suiteName, ctx.Err())
	}
	k := key{database, suiteName}
	runs, err := r.runs(ctx, k, runID)
	if err != nil {
		return nil, fmt.Errorf("runs to compare run %d of %s/%s with: %w", runID, database, suiteName, err)
	}
	metrics, err := realMetrics(suiteName, runs.Schema)
	if err != nil {
		return nil, err
	}
	compared, err := r.compare(ctx, k, metrics, runs)
	if err != nil {
		return nil, fmt.Errorf("compare run %d of %s/%s: %w", runID, database, suiteName, err)
	}
	return inLNTsOrder(metrics, runs, compared), nil
}

// resultsOf are the runs and tests that a run's results are about. Schema is empty for a built-in suite as it was.
type resultsOf struct {
	Schema      string   `ch:"schema"`
	Seq         uint64   `ch:"seq"`
	PreviousSeq uint64   `ch:"previous_seq"`
	TestIDs     []uint32 `ch:"test_ids"`
	TestNames   []string `ch:"test_names"`
}

func (r *Results) runs(ctx context.Context, k key, runID uint32) (resultsOf, error) {
	row, found, err := one[resultsOf](ctx, r.store, qResultsRuns, k.params("run_id", runID, "orders_back", uint16(resultsOrders), "max_runs", uint32(resultsRuns)))
	if err == nil && (!found || row.Seq == 0) {
		err = errNoRun
	}
	return row, err
}

func realMetrics(name, encoded string) ([]suite.Metric, error) {
	schema, ok := suite.BuiltIn(name)
	if encoded != "" {
		var err error
		if schema, err = suite.Decode([]byte(encoded)); err != nil {
			return nil, fmt.Errorf("schema of %s: %w", name, err)
		}
	} else if !ok {
		return nil, errUnknownSuite
	}
	return lo.Filter(schema.Metrics, func(m suite.Metric, _ int) bool { return m.Type == suite.Real }), nil
}

// cellOf is a metric, by its place, of a test.
type cellOf struct {
	metric int
	testID uint32
}

// verdict is what lnt_compare says of it.
type verdict struct {
	test, perf string
	bucket     int
}

// The buckets of LNT's report, in its order. It has one for removed tests, too, which nothing ever gets into.
const (
	bucketNewFailure = iota
	bucketNewPass
	bucketRegression
	bucketImprovement
	bucketAdded
	bucketOldFailure
	bucketRest
	buckets
)

// LNT's words.
const (
	statusRegressed   = "REGRESSED"
	statusImproved    = "IMPROVED"
	statusStillFails  = "UNCHANGED_FAIL"
	statusStillPasses = "UNCHANGED_PASS"
)

func (r *Results) compare(ctx context.Context, k key, metrics []suite.Metric, runs resultsOf) (map[cellOf]verdict, error) {
	flags := func(of func(suite.Metric) bool) []uint8 {
		return lo.Map(metrics, func(m suite.Metric, _ int) uint8 { return lo.Ternary[uint8](of(m), 1, 0) })
	}
	names := lo.Map(metrics, func(m suite.Metric, _ int) string { return m.Name })
	previous := []uint64{}
	if runs.PreviousSeq != 0 {
		previous = append(previous, runs.PreviousSeq)
	}
	place := lo.SliceToMap(metrics, func(m suite.Metric) (string, int) { return m.Name, slices.Index(names, m.Name) })
	out := make(map[cellOf]verdict, len(metrics)*len(runs.TestIDs))
	var row comparison
	err := r.store.Each(ctx, qLNTCompare, k.params(
		"current_seqs", []uint64{runs.Seq}, "previous_seqs", previous, "metrics", names,
		"statuses", lo.Map(metrics, func(m suite.Metric, _ int) string { return m.Status }),
		"bigger", flags(func(m suite.Metric) bool { return m.BiggerIsBetter }),
		"same_hash", flags(func(m suite.Metric) bool { return m.IgnoreSameHash }),
		"confidence", resultsConfidence, "small_differences", uint8(0),
	), func(scan func(...any) error) error {
		if err := scan(row.columns()...); err != nil {
			return err
		}
		out[cellOf{place[row.metric], row.testID}] = row.verdict()
		return nil
	})
	return out, err
}

// comparison is a row of lnt_compare.
type comparison struct {
	metric                  string
	testID                  uint32
	current, previous       *float64
	delta, pct              float64
	stddev, mad             *float64
	failed, prevFailed      uint8
	hash, prevHash          string
	testStatus, valueStatus string
}

func (c *comparison) columns() []any {
	return []any{
		&c.metric, &c.testID, &c.current, &c.previous, &c.delta, &c.pct, &c.stddev, &c.mad, &c.failed, &c.prevFailed,
		&c.hash, &c.prevHash, &c.testStatus, &c.valueStatus,
	}
}

func (c *comparison) verdict() verdict {
	v := verdict{test: c.testStatus, perf: c.valueStatus}
	switch {
	case c.testStatus == statusRegressed:
		v.bucket = bucketNewFailure
	case c.testStatus == statusImproved:
		v.bucket = bucketNewPass
	case c.current != nil && c.previous == nil:
		v.bucket = bucketAdded
	case c.testStatus == statusStillFails:
		v.bucket = bucketOldFailure
	case c.valueStatus == statusRegressed:
		v.bucket = bucketRegression
	case c.valueStatus == statusImproved:
		v.bucket = bucketImprovement
	default:
		v.bucket = bucketRest
	}
	return v
}

// inLNTsOrder lists every metric of every test.
func inLNTsOrder(metrics []suite.Metric, runs resultsOf, compared map[cellOf]verdict) []TestResult {
	out := make([]TestResult, 0, len(metrics)*len(runs.TestIDs))
	for i, m := range metrics {
		var byBucket [buckets][]TestResult
		for j, test := range runs.TestIDs {
			v, ok := compared[cellOf{i, test}]
			if !ok {
				v = verdict{test: statusStillPasses, bucket: bucketRest}
			}
			byBucket[v.bucket] = append(byBucket[v.bucket], TestResult{runs.TestNames[j] + "." + m.Name, v.test, v.perf})
		}
		out = slices.Concat(append([][]TestResult{out}, byBucket[:]...)...)
	}
	return out
}
