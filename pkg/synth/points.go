package synth

import (
	"cmp"
	"iter"
	"slices"
)

// Series is a series as a detector sees it, with what was planted in it.
type Series struct {
	SeriesTruth
	// Values are the samples of the orders at which the series has any, first to last.
	Values [][]float64
	// At says for each of Changes which of Values is the first with the new level;
	// len(Values) when there is none after it.
	At []int
	// Drifts tells that the level also moves slowly.
	Drifts bool
}

// Series yields every series of the truth, in its order: the numbers are those of
// the reports, however those arrive.
func (g *Generator) Series() iter.Seq[Series] {
	return func(yield func(Series) bool) {
		values, places := g.collect()
		for _, truth := range g.Truth().Series {
			key := [3]string{truth.Machine, truth.Test, truth.Metric}
			planted := g.series[truth.Machine][truth.Test][truth.Metric]
			s := Series{SeriesTruth: truth, Values: values[key], Drifts: planted.drift != 0 || planted.ramp.by != 0}
			for _, c := range truth.Changes {
				at, _ := slices.BinarySearch(places[key], slices.Index(g.orders, c.Order))
				s.At = append(s.At, at)
			}
			if !yield(s) {
				return
			}
		}
	}
}

// collect gathers the samples of all runs by series, with the places of their orders.
func (g *Generator) collect() (values map[[3]string][][]float64, places map[[3]string][]int) {
	values, places = map[[3]string][][]float64{}, map[[3]string][]int{}
	arrivals := g.arrivals()
	slices.SortFunc(arrivals, func(a, b arrival) int { return cmp.Compare(a.place, b.place) })
	for _, a := range arrivals {
		r := g.source(a)
		for _, name := range g.tests {
			measured, _ := g.measure(r, a, name)
			for metric, samples := range measured {
				key := [3]string{a.machine, name, metric}
				values[key] = append(values[key], samples)
				places[key] = append(places[key], a.place)
			}
		}
	}
	return values, places
}
