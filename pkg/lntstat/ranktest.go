package lntstat

import (
	"math"
	"sync"
)

// mostExact is up to how many samples a side the chance is counted rather than approximated.
const mostExact = 20

// RankTest is the two-sided test of Mann and Whitney on two sets of values, each in rising order.
//
// p is the chance that two sets drawn from one source differ as much or more: counted exactly up to 20 values a side without ties,
// else by the normal approximation with corrections for ties and for continuity (Hollander and Wolfe, Nonparametric Statistical
// Methods, 4.1). delta is Cliff's delta: the part of all pairs in which the value of b is the larger one, less the part in which it is
// the smaller one, from -1 to 1. Both are NaN when a side is empty.
func RankTest(a, b []float64) (p, delta float64) {
	if len(a) == 0 || len(b) == 0 {
		return math.NaN(), math.NaN()
	}
	balance, tied := merge(a, b)
	n, m := len(a), len(b)
	delta = float64(balance) / float64(n) / float64(m)
	if tied == 0 && n <= mostExact && m <= mostExact {
		return exactChance(n, m, (n*m-max(balance, -balance))/2), delta
	}
	total := float64(n + m)
	variance := float64(n) * float64(m) / 12 * (total + 1 - tied/(total*(total-1)))
	if variance < 1e-9 {
		return 1, delta
	}
	away := math.Max(0, math.Abs(float64(balance))/2-0.5)
	return math.Erfc(away / math.Sqrt(variance) / math.Sqrt2), delta
}

// merge walks both sides at once: in how many more pairs b is larger than smaller, and the sum of t³-t over the groups of t equal
// values.
func merge(a, b []float64) (balance int, tied float64) {
	for i, j := 0, 0; i < len(a) || j < len(b); {
		var v float64
		if j == len(b) || i < len(a) && a[i] <= b[j] {
			v = a[i]
		} else {
			v = b[j]
		}
		fromA, fromB := i, j
		for i < len(a) && a[i] == v {
			i++
		}
		for j < len(b) && b[j] == v {
			j++
		}
		// Each of a's values here is below b's values still to come, and above those gone.
		balance += (i - fromA) * ((len(b) - j) - fromB)
		if t := float64(i - fromA + j - fromB); t > 1 {
			tied += t*t*t - t
		}
	}
	return balance, tied
}

// cumulated keeps, for n and m values, in how many parts of all orderings the smaller U is at most 0, 1, 2 …
var cumulated sync.Map

// exactChance is the chance of a smaller U of at most u.
func exactChance(n, m, u int) float64 {
	key := [2]int{n, m}
	found, ok := cumulated.Load(key)
	if !ok {
		counts := arrangements(n, m)
		all := 0.0
		for _, c := range counts {
			all += c
		}
		sum := 0.0
		for i, c := range counts {
			sum += c
			counts[i] = sum / all
		}
		found, _ = cumulated.LoadOrStore(key, counts)
	}
	return math.Min(1, 2*found.([]float64)[u])
}

// LeastChance is the smallest p that n and m values can give.
func LeastChance(n, m int) float64 {
	switch {
	case n == 0 || m == 0:
		return 1
	case n > mostExact || m > mostExact:
		return 0
	}
	return exactChance(n, m, 0)
}
