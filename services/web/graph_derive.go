package web

import (
	"math"
	"slices"

	"github.com/samber/lo"
)

// What a chart draws beside the values: the spread of an order, lines that follow the values, levels.

// derived is a line made from a line. Values go with At, positions among the orders.
type derived struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Points are [position, value].
	Points []spot `json:"points"`
}

// spot is a value at a position among the orders. In JSON it is [position, value].
type spot struct {
	Position int
	Value    float64
}

// aggregate makes one value of those of an order, which are in the order of their runs; how is one of aggregates.
func aggregate(values []float64, how string) float64 {
	switch how {
	case "max":
		return slices.Max(values)
	case "mean":
		return meanOf(values)
	case "median":
		return medianOf(values)
	case "geomean":
		return geometricMean(values)
	case "newest":
		return values[len(values)-1]
	}
	return slices.Min(values)
}

// spread is the band around an order's values: all of them, a standard deviation around their mean, or the median of their distances
// from their median around that. There is none of one value.
func spread(values []float64, band string) (low, high float64, ok bool) {
	if band == "" || len(values) < 2 {
		return 0, 0, false
	}
	switch band {
	case "stddev":
		middle, by := meanOf(values), standardDeviation(values)
		return middle - by, middle + by, true
	case "mad":
		middle := medianOf(values)
		by := medianOf(lo.Map(values, func(v float64, _ int) float64 { return math.Abs(v - middle) }))
		return middle - by, middle + by, true
	}
	return slices.Min(values), slices.Max(values), true
}

// derive makes the lines that the address asks for. The window is LNT's: from q.Window values before a value to q.Window-1 after it.
func derive(q graphQuery, bigger bool, values []spot) []derived {
	out := []derived{}
	add := func(on bool, kind, name string, of func(i int) float64) {
		if !on || len(values) == 0 {
			return
		}
		d := derived{Kind: kind, Name: name}
		for i, v := range values {
			d.Points = append(d.Points, spot{v.Position, of(i)})
		}
		out = append(out, d)
	}
	plain := lo.Map(values, func(v spot, _ int) float64 { return v.Value })
	window := func(i int) []float64 { return plain[max(0, i-q.Window):min(len(plain), i+q.Window)] }
	add(q.Average, "average", "Moving average", func(i int) float64 { return meanOf(window(i)) })
	add(q.Median, "median", "Moving median", func(i int) float64 { return medianOf(window(i)) })
	best := slices.Clone(plain)
	for i := 1; i < len(best); i++ {
		best[i] = lo.Ternary(bigger, max(best[i-1], best[i]), min(best[i-1], best[i]))
	}
	add(q.Least, "best", "Best so far", func(i int) float64 { return best[i] })
	slope, intercept, ok := leastSquares(lo.Map(values, func(v spot, _ int) float64 { return float64(v.Position) }), plain)
	add(q.Trend && ok && len(values) > 2, "trend", "Trend", func(i int) float64 { return intercept + slope*float64(values[i].Position) })
	return out
}

// divisor is what becomes 1; false when there is nothing to divide by.
func divisor(q graphQuery, values []spot, levels []chartLevel) (float64, bool) {
	var by float64
	switch q.Normalize {
	case "first":
		if len(values) > 0 {
			by = values[0].Value
		}
	case "median":
		by = medianOf(lo.Map(values, func(v spot, _ int) float64 { return v.Value }))
	case "baseline":
		if len(levels) > 0 {
			by = levels[0].Value
		}
	}
	return by, by != 0 && !math.IsNaN(by) && !math.IsInf(by, 0)
}
