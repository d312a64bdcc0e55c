package lntstat

import (
	"math"
	"slices"
)

// Status is what LNT calls the state of a test, or of a value; "" is its None: there was nothing to compare.
type Status string

// LNT's words.
const (
	Regressed  Status = "REGRESSED"
	Improved   Status = "IMPROVED"
	StillFails Status = "UNCHANGED_FAIL"
	StillFine  Status = "UNCHANGED_PASS"
)

// LNT's constants: the normal deviate of 99 %, how precise a value is taken to be, and the least change that counts, relative and in
// the metric's own unit, whatever it is.
const (
	z99         = 2.576
	precision   = 0.0001
	leastChange = 0.01
)

// Side are the samples of a run, or of several.
type Side struct {
	// Values are in LNT's order: the newest run first, of a run as they were reported. They are only read.
	Values []float64
	// Failed says that the linked status of some sample is a failure.
	Failed bool
	// Hash is the one that counts: of the newer side that of the first sample that has one, of the older that of the first sample
	// with a value; "" for none.
	Hash string
}

// Options are those of the metric, and of the question.
type Options struct {
	BiggerIsBetter bool
	// SameHash says that a change does not count while the hash stays.
	SameHash bool
	// SmallDifferences reports what is below a hundredth, too.
	SmallDifferences bool
	// Confidence is the level of the rank test: 0.1, 0.05 or 0.01.
	Confidence float64
}

// Comparison is what LNT says.
type Comparison struct {
	Test, Value Status
	// Current is the best value; Previous the nearest to it on the older side, of equally near ones the last.
	Current, Previous       float64
	HasCurrent, HasPrevious bool
	Delta, Pct              float64
	// Stddev is the population's standard deviation of the newer side; NaN with fewer than two values.
	Stddev float64
}

// Compare judges the newer side against the older one.
func Compare(current, previous Side, o Options) Comparison {
	c := Comparison{Test: testStatus(current.Failed, previous.Failed), Stddev: math.NaN()}
	if len(current.Values) == 0 {
		return c
	}
	c.HasCurrent, c.Current = true, best(current.Values, o.BiggerIsBetter)
	if len(current.Values) > 1 {
		c.Stddev = deviation(current.Values)
	}
	// a best value of zero is compared with nothing
	if c.Current == 0 || len(previous.Values) == 0 {
		return c
	}
	c.HasPrevious, c.Previous = true, nearest(previous.Values, c.Current)
	if c.Delta = c.Current - c.Previous; c.Previous != 0 {
		c.Pct = c.Delta / c.Previous
	}
	c.Value = c.judge(current, previous, o)
	return c
}

func testStatus(fails, failed bool) Status {
	switch {
	case fails && failed:
		return StillFails
	case fails:
		return Regressed
	case failed:
		return Improved
	default:
		return StillFine
	}
}

func best(values []float64, biggerIsBetter bool) float64 {
	if biggerIsBetter {
		return slices.Max(values)
	}
	return slices.Min(values)
}

func nearest(values []float64, to float64) float64 {
	found := values[0]
	for _, v := range values[1:] {
		if math.Abs(to-v) <= math.Abs(to-found) {
			found = v
		}
	}
	return found
}

// judge applies the rules in LNT's order; the first that applies decides. LNT's last, less than 0.2 % of a single sample, is left out:
// nothing gets past the third to it.
func (c *Comparison) judge(current, previous Side, o Options) Status {
	size, many := math.Abs(c.Delta), len(current.Values) > 1
	switch {
	case current.Failed:
		return StillFails
	case previous.Failed,
		o.SameHash && current.Hash != "" && current.Hash == previous.Hash,
		!o.SmallDifferences && math.Min(math.Abs(c.Pct), size) < leastChange,
		size <= 2*precision*z99,
		len(current.Values) >= fewest && len(previous.Values) >= fewest && alike(current.Values, previous.Values, o.Confidence),
		many && size <= c.Stddev*z99:
		return StillFine
	}
	// one sample is judged by the sign of the relative change, several by that of the absolute one
	sign := c.Pct
	if many {
		sign = c.Delta
	}
	if (sign < 0) == o.BiggerIsBetter {
		return Regressed
	}
	return Improved
}

// deviation is the population's.
func deviation(values []float64) float64 {
	mean := 0.0
	for _, v := range values {
		mean += v
	}
	mean /= float64(len(values))
	sum := 0.0
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(values)))
}
