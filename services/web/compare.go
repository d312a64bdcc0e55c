package web

import (
	"cmp"
	"math"

	"tidemark/pkg/suite"
)

// The thresholds of LNT's comparison, in its own words: MIN_PERCENTAGE_CHANGE,
// MIN_VALUE_PRECISION and the two-sided 99 % quantile of the normal distribution.
const (
	minRatio     = 0.01
	minDelta     = 0.01
	precision    = 0.0001
	normal99     = 2.576
	minAnyChange = 0.002
)

// outcome sorts the results of a comparison, the worst first. Within noise is only said of sets of runs: of one run
// LNT says unchanged.
type outcome int

const (
	newFailure outcome = iota
	regressed
	improved
	newPass
	stillFailing
	removed
	added
	withinNoise
	unchanged
	outcomes // how many there are
)

// Key is the word for an outcome in addresses.
func (o outcome) Key() string {
	return [...]string{"new_failure", "regressed", "improved", "new_pass", "failing", "removed", "added", "noise", "unchanged"}[o]
}

// Title is the word for an outcome on pages.
func (o outcome) Title() string {
	return [...]string{"New failure", "Regressed", "Improved", "Passes again", "Still failing", "Gone", "New", "Within noise", "Unchanged"}[o]
}

// side is what one of the two compared sides says about a test and a metric.
type side struct {
	values []float64
	failed bool
	hash   string
}

// comparison is the answer to: what did this metric of this test do?
type comparison struct {
	Outcome           outcome
	Current, Previous float64
	// HasCurrent and HasPrevious say whether the numbers exist.
	HasCurrent, HasPrevious bool
	// Ratio is (Current-Previous)/Previous, 0 when either is missing.
	Ratio float64
}

// compareSides follows LNT's rules for one test and one metric: the best current
// value against the nearest previous one, significant when it is large enough in
// every respect. LNT's rank test for four and more values on each side is left out:
// with so many values the spread decides.
func compareSides(now, before side, m suite.Metric) comparison {
	var c comparison
	if len(now.values) > 0 {
		c.Current, c.HasCurrent = best(now.values, m.BiggerIsBetter), true
	}
	if len(before.values) > 0 {
		target := c.Current
		if !c.HasCurrent {
			target = best(before.values, m.BiggerIsBetter)
		}
		c.Previous, c.HasPrevious = nearest(before.values, target), true
	}
	if c.HasCurrent && c.HasPrevious && c.Previous != 0 {
		c.Ratio = (c.Current - c.Previous) / c.Previous
	}
	c.Outcome = classify(c, now, before, m)
	return c
}

func classify(c comparison, now, before side, m suite.Metric) outcome {
	switch {
	case now.failed && before.failed:
		return stillFailing
	case now.failed:
		return newFailure
	case !c.HasCurrent:
		return removed
	case before.failed:
		return newPass
	case !c.HasPrevious:
		return added
	case m.IgnoreSameHash && now.hash != "" && now.hash == before.hash:
		return unchanged
	case !significant(c, now.values):
		return unchanged
	case (c.Current > c.Previous) != m.BiggerIsBetter:
		return regressed
	}
	return improved
}

// significant is the part of the rules that is about size alone.
func significant(c comparison, current []float64) bool {
	delta, ratio := math.Abs(c.Current-c.Previous), math.Abs(c.Ratio)
	if c.Current == 0 || ratio < minRatio || delta < minDelta || delta <= 2*precision*normal99 {
		return false
	}
	if len(current) >= 2 {
		return delta > normal99*deviation(current)
	}
	return ratio >= minAnyChange
}

// best is the least value, or the greatest where more is better.
func best(values []float64, biggerIsBetter bool) float64 {
	found := values[0]
	for _, v := range values[1:] {
		if biggerIsBetter {
			found = max(found, v)
		} else {
			found = min(found, v)
		}
	}
	return found
}

// nearest is the value closest to target, the later one of two that are equally close.
func nearest(values []float64, target float64) float64 {
	found := values[0]
	for _, v := range values[1:] {
		if math.Abs(v-target) <= math.Abs(found-target) {
			found = v
		}
	}
	return found
}

// deviation is the standard deviation of the values themselves, not of what they
// are a sample of.
func deviation(values []float64) float64 {
	mean := 0.0
	for _, v := range values {
		mean += v / float64(len(values))
	}
	sum := 0.0
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(values)))
}

// byInterest puts the worst outcome first and, within one, the largest change.
func byInterest(a, b comparison) int {
	return cmp.Or(cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(math.Abs(b.Ratio), math.Abs(a.Ratio)))
}
