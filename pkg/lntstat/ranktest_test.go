package lntstat_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tidemark/pkg/lntstat"
)

// By hand: each of the C(n+m,n) orderings is as likely; with ties the formula of the approximation.
func TestRankTest_KnownCases_HaveTheseChances(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why      string
		a, b     []float64
		p, delta float64
	}{
		{"one each", []float64{1}, []float64{2}, 1, 1},
		{"three apart from three", []float64{1, 2, 3}, []float64{4, 5, 6}, 2.0 / 20, 1},
		{"four apart from four", []float64{1, 2, 3, 4}, []float64{5, 6, 7, 8}, 2.0 / 70, 1},
		{"the other way", []float64{5, 6, 7, 8}, []float64{1, 2, 3, 4}, 2.0 / 70, -1},
		{"one ordering in from the end", []float64{1, 2, 3, 5}, []float64{4, 6, 7, 8}, 4.0 / 70, 14.0 / 16},
		{"interleaved", []float64{1, 4, 5, 8}, []float64{2, 3, 6, 7}, 1, 0},
		{"all the same", []float64{7, 7, 7, 7}, []float64{7, 7, 7, 7}, 1, 0},
		{"ties", []float64{1, 2, 2, 3}, []float64{3, 4, 5, 6}, 0.04083, 15.0 / 16},
	} {
		p, delta := lntstat.RankTest(c.a, c.b)
		if math.Abs(p-c.p) > 1e-4 || math.Abs(delta-c.delta) > 1e-12 {
			t.Errorf("%s: p %v and delta %v, want %v and %v", c.why, p, delta, c.p, c.delta)
		}
	}
	if p, delta := lntstat.RankTest(nil, []float64{1}); !math.IsNaN(p) || !math.IsNaN(delta) {
		t.Errorf("nothing against one: %v %v", p, delta)
	}
}

// Two equal values on one side move no pair, but the chance is then approximated: it has to be nearly the counted one.
func TestRankTest_WhereTheApproximationBegins_StaysClose(t *testing.T) {
	t.Parallel()
	noise := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same numbers every time are wanted
	for range 200 {
		a, b := make([]float64, 20), make([]float64, 20)
		for i := range a {
			a[i], b[i] = noise.NormFloat64(), noise.NormFloat64()+noise.Float64()
		}
		slices.Sort(a)
		slices.Sort(b)
		a[0] = min(a[0], b[0]) - 2
		a[1] = a[0] + 1
		counted, delta := lntstat.RankTest(a, b)
		a[1] = a[0]
		near, same := lntstat.RankTest(a, b)
		if math.Abs(counted-near) > 0.01 || delta != same {
			t.Errorf("counted %v, approximated %v (delta %v and %v)", counted, near, delta, same)
		}
	}
}

func TestLeastChance_SaysHowManySamplesATestNeeds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n, m int
		want float64
	}{{1, 1, 1}, {3, 3, 0.1}, {4, 4, 2.0 / 70}, {0, 9, 1}, {30, 2, 0}} {
		if got := lntstat.LeastChance(c.n, c.m); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%d against %d: %v, want %v", c.n, c.m, got, c.want)
		}
	}
}
