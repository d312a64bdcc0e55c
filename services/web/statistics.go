package web

import (
	"fmt"
	"math"
	"slices"

	"github.com/samber/lo"
)

// The statistics of LNT's charts. They add from the first value to the last, as LNT does, so that the
// last digits are the same.

func meanOf(values []float64) float64 { return lo.Sum(values) / float64(len(values)) }

// medianOf is NaN of no values.
func medianOf(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) * 0.5
}

// standardDeviation is that of the values as a whole population.
func standardDeviation(values []float64) float64 {
	middle := meanOf(values)
	return math.Sqrt(lo.SumBy(values, func(v float64) float64 { return (v - middle) * (v - middle) }) / float64(len(values)))
}

// leastValue is added to what a geometric mean is taken of, so that zeros have one.
const leastValue = 0.0001

func geometricMean(values []float64) float64 {
	product, root := 1.0, 1/float64(len(values))
	for i, v := range values {
		factor := math.Pow(v+leastValue, root)
		if i == 0 {
			product = factor
			continue
		}
		product *= factor
	}
	return product - leastValue
}

// leastSquares fits y = slope·x + intercept. There is no fit where all y are one, or where rounding
// makes the correlation larger than it can be: LNT's own code divides by zero there.
func leastSquares(x, y []float64) (slope, intercept float64, ok bool) {
	n := float64(len(x))
	var sumX, sumY, sumXY, sumXX, sumYY float64
	for i := range x {
		sumX += x[i]
		sumY += y[i]
		sumXY += x[i] * y[i]
		sumXX += x[i] * x[i]
		sumYY += y[i] * y[i]
	}
	above := n*sumXY - sumX*sumY
	below := n*sumXX - sumX*sumX
	correlation := above / math.Sqrt(below*(n*sumYY-sumY*sumY))
	if math.IsNaN(correlation) || math.Abs(correlation) > 1 {
		return 0, 0, false
	}
	slope = above / below
	return slope, sumY/n - slope*(sumX/n), true
}

// darkColor is a strong color of a hue in [0,1), as red, green and blue in [0,1].
func darkColor(hue, brightness float64) [3]float64 {
	hue -= math.Floor(hue)
	const saturation = 0.9 + 0.95*0.1
	sector := math.Floor(hue * 6)
	part := hue*6 - sector
	low := brightness * (1 - saturation)
	falling := brightness * (1 - saturation*part)
	rising := brightness * (1 - saturation*(1-part))
	return [][3]float64{
		{brightness, rising, low},
		{falling, brightness, low},
		{low, brightness, rising},
		{low, falling, brightness},
		{rising, low, brightness},
		{brightness, low, falling},
	}[int(sector)%6]
}

// shaded is a color as pages write it, every part of it times shade.
func shaded(color [3]float64, shade float64) string {
	part := func(v float64) int { return min(max(int(v*shade*255), 0), 255) }
	return fmt.Sprintf("#%02x%02x%02x", part(color[0]), part(color[1]), part(color[2]))
}

// colorItems spreads the colors over the series; a mean is black.
func colorItems(items []chartItem) {
	plots := lo.CountBy(items, func(i chartItem) bool { return i.Test != 0 })
	for i := range items {
		if items[i].Test != 0 {
			items[i].color = darkColor(float64(i)/float64(plots), 0.8)
		}
	}
}
