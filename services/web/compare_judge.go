package web

import (
	"cmp"
	"math"
	"slices"

	"tidemark/pkg/lntstat"
	"tidemark/pkg/suite"
)

// level is what one set of runs says about a test and a metric: the median of its values and how far they are from it.
type level struct {
	// Median and Spread, the median distance from it, are NaN without values; the spread of one value is NaN too.
	Median, Spread float64
	Samples        int
}

// judgement compares the values of two sets of runs.
type judgement struct {
	pair
	Before, After level
	Outcome       outcome
	// Change is (After-Before)/Before, NaN when either is missing or Before is 0.
	Change float64
	// Effect is Cliff's delta: 1 when every value after is above every one before, -1 when below; NaN when a side is missing.
	Effect float64
	// P is the chance of as large a difference in ranks when nothing has changed; NaN when a side is missing.
	P float64
	// Undecided says that there are too few values for any difference to be significant.
	Undecided bool
}

// few is how many values a side needs for the rank test to decide; with fewer the spread does.
const few = 4

// judge compares two sets of values by their ranks. Unlike compareSides, which takes the best value against the
// nearest as LNT does for a run, it takes all of them, and no least difference in the metric's own unit.
func judge(at pair, both [2]side, m suite.Metric, significance float64) judgement {
	before, after := slices.Clone(both[0].values), slices.Clone(both[1].values)
	slices.Sort(before)
	slices.Sort(after)
	j := judgement{pair: at, Before: levelOf(before), After: levelOf(after), Change: math.NaN()}
	j.P, j.Effect = lntstat.RankTest(before, after)
	j.Undecided = lntstat.LeastChance(len(before), len(after)) > significance
	if j.Before.Median != 0 {
		j.Change = (j.After.Median - j.Before.Median) / j.Before.Median
	}
	j.Outcome = j.outcome(both, m, significance)
	return j
}

func (j *judgement) outcome(both [2]side, m suite.Metric, significance float64) outcome {
	delta := j.After.Median - j.Before.Median
	switch {
	case both[0].failed && both[1].failed:
		return stillFailing
	case both[1].failed:
		return newFailure
	case j.After.Samples == 0:
		return removed
	case both[0].failed:
		return newPass
	case j.Before.Samples == 0:
		return added
	case math.Abs(delta) < minRatio*math.Abs(j.Before.Median) || delta == 0:
		return unchanged
	case !j.beyondNoise(both, delta, significance):
		return withinNoise
	case (delta > 0) != m.BiggerIsBetter:
		return regressed
	}
	return improved
}

// beyondNoise asks the rank test where there are enough values, else the larger deviation of both sides; a single
// value on each side is believed.
func (j *judgement) beyondNoise(both [2]side, delta, significance float64) bool {
	if j.Before.Samples >= few && j.After.Samples >= few {
		return j.P <= significance
	}
	noise := 0.0
	for _, s := range both {
		if len(s.values) > 1 {
			noise = max(noise, deviation(s.values))
		}
	}
	return math.Abs(delta) > normal99*noise
}

// Significant says that ranks as different as these are unlikely when nothing has changed.
func (j *judgement) Significant(level float64) bool { return j.P <= level }

func levelOf(sorted []float64) level {
	l := level{Median: math.NaN(), Spread: math.NaN(), Samples: len(sorted)}
	if len(sorted) == 0 {
		return l
	}
	l.Median = middle(sorted)
	if len(sorted) > 1 {
		away := make([]float64, len(sorted))
		for i, v := range sorted {
			away[i] = math.Abs(v - l.Median)
		}
		slices.Sort(away)
		l.Spread = middle(away)
	}
	return l
}

// middle is the median of values in rising order.
func middle(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return sorted[n/2-1]/2 + sorted[n/2]/2
}

// The orders in which a comparison may be shown.
const (
	byBucket = "bucket"
	byChange = "change"
	byEffect = "effect"
	byChance = "p"
	byTest   = "test"
)

// larger puts the value further from zero first, and what is not a number last.
func larger(a, b float64) int { return rising(-math.Abs(a), -math.Abs(b)) }

// rising puts the smaller value first, and what is not a number last.
func rising(a, b float64) int {
	if math.IsNaN(a) || math.IsNaN(b) {
		return cmp.Compare(which(math.IsNaN(a)), which(math.IsNaN(b)))
	}
	return cmp.Compare(a, b)
}

// sortJudgements puts the most interesting first by the chosen order; names are needed by byTest alone.
func sortJudgements(all []*judgement, by string, names map[uint32]string) {
	slices.SortFunc(all, func(a, b *judgement) int {
		first := 0
		switch by {
		case byBucket:
			first = cmp.Or(cmp.Compare(a.Outcome, b.Outcome), larger(a.Change, b.Change))
		case byChange:
			first = larger(a.Change, b.Change)
		case byEffect:
			first = cmp.Or(larger(a.Effect, b.Effect), rising(a.P, b.P), larger(a.Change, b.Change))
		case byChance:
			first = cmp.Or(rising(a.P, b.P), larger(a.Change, b.Change))
		case byTest:
			first = cmp.Compare(names[a.test], names[b.test])
		}
		return cmp.Or(first, cmp.Compare(a.test, b.test), cmp.Compare(a.field, b.field))
	})
}

// geomean is LNT's geometric mean of the levels of a metric on both sides, of the tests that both have.
type geomean struct {
	Before, After float64
	Tests         int
	before, after float64
}

func (g *geomean) add(j *judgement) {
	if j.Before.Samples == 0 || j.After.Samples == 0 || j.Before.Median+precision <= 0 || j.After.Median+precision <= 0 {
		return
	}
	g.Tests++
	g.before += math.Log(j.Before.Median + precision)
	g.after += math.Log(j.After.Median + precision)
	g.Before = math.Exp(g.before/float64(g.Tests)) - precision
	g.After = math.Exp(g.after/float64(g.Tests)) - precision
}

// Ratio is the relative change of the mean.
func (g *geomean) Ratio() float64 {
	if g.Tests == 0 || g.Before == 0 {
		return math.NaN()
	}
	return (g.After - g.Before) / g.Before
}
