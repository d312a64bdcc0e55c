package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/samber/lo"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/event"
	"tidemark/pkg/lntstat"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// TestResult is what LNT tells a submitter of one metric of one test: Name is "<test>.<metric>". TestStatus is REGRESSED,
// IMPROVED, UNCHANGED_PASS or UNCHANGED_FAIL; so is PerfStatus, or "" when there is no value to compare.
type TestResult struct{ Name, TestStatus, PerfStatus string }

// Results compares runs with those before them as LNT does.
type Results struct {
	read   storeReads
	turns  chan struct{}
	recent *recent
}

// NewResults opens nothing.
func NewResults(s *store.Store) *Results {
	return &Results{read: storeReads{s}, turns: make(chan struct{}, resultsAtOnce), recent: newRecent()}
}

// resultsConfidence is LNT's level.
const resultsConfidence = 0.05

// resultsAtOnce is how many runs are compared at once; more wait. So a crowd of submitters leaves reads to others.
const resultsAtOnce = 2

// errNoRun says that there is no such run, or not any more.
var errNoRun = errors.New("no such run")

// Remember keeps what was stored just now: runs are asked for right after they came, and as the ones before the next. Without it
// every question reads them.
func (r *Results) Remember(rows []store.LedgerRow) {
	for i := range rows {
		if row := &rows[i]; row.RunID > 0 {
			r.recent.add(runKey{key{row.Database, row.Suite}, row.Seq}, newRecentRun(&row.LedgerRun))
		}
	}
}

// TestResults lists the test_results of a run in LNT's order: metric by metric as the suite declares them; within a metric the
// new failures first, then what passes again, regressions, improvements, what is new, old failures and the rest, each by name.
func (r *Results) TestResults(ctx context.Context, database, suiteName string, about event.Compared) ([]TestResult, error) {
	if about.Run == 0 {
		return nil, errNoRun
	}
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to compare the run at %d of %s/%s: %w", about.Run, database, suiteName, ctx.Err())
	}
	list, err := r.compare(ctx, key{database, suiteName}, about)
	if err != nil {
		return nil, fmt.Errorf("compare the run at %d of %s/%s: %w", about.Run, database, suiteName, err)
	}
	return list, nil
}

func (r *Results) compare(ctx context.Context, k key, about event.Compared) ([]TestResult, error) {
	var metrics []suite.Metric
	var runs map[uint64]*recentRun
	both, part := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		metrics, err = r.realMetrics(part, k)
		return err
	})
	both.Go(func() (err error) {
		runs, err = r.runs(part, k, about)
		return err
	})
	if err := both.Wait(); err != nil {
		return nil, err
	}
	if runs[about.Run] == nil {
		return nil, errNoRun
	}
	tests, err := r.tests(ctx, k, about, runs)
	if err != nil {
		return nil, err
	}
	newer := gather(runs[about.Run], metrics, tests, true)
	older := gather(runs[about.Previous], metrics, tests, false)
	return inLNTsOrder(metrics, tests.names, func(metric, test int) lntstat.Comparison {
		m := metrics[metric]
		return lntstat.Compare(newer.side(metric, test), older.side(metric, test), lntstat.Options{
			BiggerIsBetter: m.BiggerIsBetter, SameHash: m.IgnoreSameHash, Confidence: resultsConfidence,
		})
	}), nil
}

// realMetrics are those of the suite as it is now.
func (r *Results) realMetrics(ctx context.Context, k key) ([]suite.Metric, error) {
	encoded, _, err := r.read.Schema(ctx, k)
	if err != nil {
		return nil, err
	}
	schema, ok := suite.BuiltIn(k.suite)
	if encoded != "" {
		if schema, err = suite.Decode([]byte(encoded)); err != nil {
			return nil, fmt.Errorf("schema of %s: %w", k.suite, err)
		}
	} else if !ok {
		return nil, errUnknownSuite
	}
	return lo.Filter(schema.Metrics, func(m suite.Metric, _ int) bool { return m.Type == suite.Real }), nil
}

// runs are those in question by position, from memory or else from the ledger.
func (r *Results) runs(ctx context.Context, k key, about event.Compared) (map[uint64]*recentRun, error) {
	out := map[uint64]*recentRun{}
	var missing []uint64
	for _, seq := range append([]uint64{about.Run, about.Previous}, about.Beside...) {
		if run, ok := r.recent.get(runKey{k, seq}); ok {
			out[seq] = run
		} else if seq != 0 {
			missing = append(missing, seq)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	err := r.read.RunParts(ctx, k, missing, func(seq uint64, run *store.LedgerRun) error {
		out[seq] = r.recent.add(runKey{k, seq}, newRecentRun(run))
		return nil
	})
	return out, err
}

// testList are the tests of all runs in question in the order of their names, and for each set of tests where its tests are in it.
type testList struct {
	names []string
	at    map[*testSet][]uint32
}

// tests joins the tests of the runs.
func (r *Results) tests(ctx context.Context, k key, about event.Compared, runs map[uint64]*recentRun) (testList, error) {
	list := testList{at: map[*testSet][]uint32{}}
	var parts []namedSet
	for _, seq := range append([]uint64{about.Run, about.Previous}, about.Beside...) {
		run := runs[seq]
		if run == nil || list.at[run.tests] != nil {
			continue
		}
		places, names, err := run.tests.byName(func() (map[uint32]string, error) { return r.names(ctx, k, seq) })
		if err != nil {
			return testList{}, err
		}
		list.at[run.tests] = make([]uint32, len(places))
		parts = append(parts, namedSet{run.tests, places, names})
	}
	list.names = union(parts)
	for _, part := range parts {
		to := 0
		for i, place := range part.places {
			for list.names[to] != part.names[i] {
				to++
			}
			list.at[part.set][place] = uint32(to)
		}
	}
	return list, nil
}

// namedSet is a set of tests by their names: places in the set, and names.
type namedSet struct {
	set    *testSet
	places []uint32
	names  []string
}

func union(parts []namedSet) []string {
	if len(parts) == 1 { // as most often
		return parts[0].names
	}
	var all []string
	for _, part := range parts {
		all = append(all, part.names...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *Results) names(ctx context.Context, k key, seq uint64) (map[uint32]string, error) {
	names := map[uint32]string{}
	err := r.read.RunTests(ctx, k, []uint64{seq}, func(t testRow) error {
		names[t.ID] = t.Name
		return nil
	})
	return names, err
}

// gathered is one run as the metrics of its tests: of the cell of a metric and a test the values, whether it fails, and its hash.
type gathered struct {
	tests  int
	starts []uint32 // per cell, and the end
	values []float64
	fails  []bool
	hashes []string
}

// gather sorts a run's values into cells; no run gives empty ones. Of the newer side's hashes a test's first counts for all its
// metrics, of the older side's that of the row with the cell's first value.
func gather(run *recentRun, metrics []suite.Metric, tests testList, newer bool) gathered {
	g := gathered{tests: len(tests.names), starts: make([]uint32, len(metrics)*len(tests.names)+1)}
	if run == nil {
		return g
	}
	to := tests.at[run.tests]
	number := lo.Map(run.names, func(name string, _ int) int {
		return slices.IndexFunc(metrics, func(m suite.Metric) bool { return m.Name == name })
	})
	cell := func(i int) int { return number[run.metric[i]]*g.tests + int(to[run.at[run.row[i]]]) }
	for i := range run.value {
		if number[run.metric[i]] >= 0 {
			g.starts[cell(i)+1]++
		}
	}
	for i := 1; i < len(g.starts); i++ {
		g.starts[i] += g.starts[i-1]
	}
	g.values = make([]float64, g.starts[len(g.starts)-1])
	next, first := slices.Clone(g.starts), map[int]uint32{}
	for i := range run.value {
		if number[run.metric[i]] < 0 {
			continue
		}
		c := cell(i)
		if len(run.hashes) > 0 && next[c] == g.starts[c] {
			first[c] = run.row[i]
		}
		g.values[next[c]] = run.value[i]
		next[c]++
	}
	g.failures(run, metrics, to)
	g.hash(run, metrics, to, first, newer)
	return g
}

func (g *gathered) failures(run *recentRun, metrics []suite.Metric, to []uint32) {
	if len(run.failed) == 0 {
		return
	}
	g.fails = make([]bool, len(metrics)*g.tests)
	for _, f := range run.failed {
		for i, m := range metrics {
			if m.Status == f.metric {
				g.fails[i*g.tests+int(to[run.at[f.row]])] = true
			}
		}
	}
}

func (g *gathered) hash(run *recentRun, metrics []suite.Metric, to []uint32, first map[int]uint32, newer bool) {
	if len(run.hashes) == 0 {
		return
	}
	g.hashes = make([]string, len(metrics)*g.tests)
	for _, h := range run.hashes {
		for i := range metrics {
			c := i*g.tests + int(to[run.at[h.row]])
			if row, ok := first[c]; g.hashes[c] == "" && (newer || ok && row == h.row) {
				g.hashes[c] = h.hash
			}
		}
	}
}

func (g *gathered) side(metric, test int) lntstat.Side {
	c := metric*g.tests + test
	s := lntstat.Side{Values: g.values[g.starts[c]:g.starts[c+1]]}
	if g.fails != nil {
		s.Failed = g.fails[c]
	}
	if g.hashes != nil {
		s.Hash = g.hashes[c]
	}
	return s
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

func bucketOf(c lntstat.Comparison) int {
	switch {
	case c.Test == lntstat.Regressed:
		return bucketNewFailure
	case c.Test == lntstat.Improved:
		return bucketNewPass
	case c.HasCurrent && !c.HasPrevious:
		return bucketAdded
	case c.Test == lntstat.StillFails:
		return bucketOldFailure
	case c.Value == lntstat.Regressed:
		return bucketRegression
	case c.Value == lntstat.Improved:
		return bucketImprovement
	default:
		return bucketRest
	}
}

// inLNTsOrder lists every metric of every test.
func inLNTsOrder(metrics []suite.Metric, tests []string, compare func(metric, test int) lntstat.Comparison) []TestResult {
	out := make([]TestResult, 0, len(metrics)*len(tests))
	for i, m := range metrics {
		var byBucket [buckets][]TestResult
		for j, test := range tests {
			c := compare(i, j)
			bucket := bucketOf(c)
			byBucket[bucket] = append(byBucket[bucket], TestResult{test + "." + m.Name, string(c.Test), string(c.Value)})
		}
		for _, results := range byBucket {
			out = append(out, results...)
		}
	}
	return out
}
