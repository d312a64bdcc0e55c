package lntstat

import (
	"math"
	"slices"
	"sync"
)

// fewest samples on either side take the rank test; up to mostTabled are held against the table.
const (
	fewest     = 4
	mostTabled = 20
)

// alike is LNT's Mann-Whitney test: up to 20 samples a side by a table, beyond by the normal approximation with ties. LNT holds the
// difference of both U, not the smaller one, against the table of the smaller one.
func alike(a, b []float64, confidence float64) bool {
	balance := 0.0 // Ua - Ub, counted in pairs
	for _, x := range a {
		for _, y := range b {
			switch {
			case x < y:
				balance++
			case x > y:
				balance--
			}
		}
	}
	if len(a) <= mostTabled && len(b) <= mostTabled {
		return math.Abs(balance) <= float64(Critical(len(a), len(b), confidence))
	}
	n, m := float64(len(a)), float64(len(b))
	total := n + m
	variance := n * m / 12 * (total + 1 - ties(a, b)/(total*(total-1)))
	if variance < 1e-9 {
		return true
	}
	return math.Erfc(math.Abs(balance)/2/math.Sqrt(variance)/math.Sqrt2) >= confidence
}

// ties sums t³-t over the groups of t equal values.
func ties(a, b []float64) float64 {
	all := slices.Sorted(slices.Values(slices.Concat(a, b)))
	sum := 0.0
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && all[to] == all[from] {
			to++
		}
		t := float64(to - from)
		sum += t*t*t - t
		from = to
	}
	return sum
}

// oddities are the entries in which LNT's tables are not the critical values of the test.
var oddities = map[[2]int]map[float64]int{
	{13, 20}: {0.1: 89}, {4, 20}: {0.05: 13}, {14, 17}: {0.05: 67}, {11, 20}: {0.01: 46}, {13, 19}: {0.01: 56},
}

// oddRow is LNT's row of 4 samples at 0.1.
var oddRow = []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 18}

// Critical is the entry of LNT's table for n and m samples, from 4 to 20 each, at a confidence of 0.1, 0.05 or 0.01: the largest u
// that the smaller U does not exceed with more than half the level's chance, but for some entries that are otherwise in LNT.
func Critical(n, m int, confidence float64) int {
	return tables()[confidence][n-fewest][m-fewest]
}

// table has a row and a column for each number of samples from 4 to 20.
type table [mostTabled - fewest + 1][mostTabled - fewest + 1]int

var tables = sync.OnceValue(func() map[float64]*table {
	all := map[float64]*table{0.1: {}, 0.05: {}, 0.01: {}}
	for confidence, t := range all {
		for i := range t {
			for j := range t[i] {
				t[i][j] = critical(i+fewest, j+fewest, confidence)
			}
		}
	}
	return all
})

func critical(n, m int, confidence float64) int {
	if n == fewest && confidence == 0.1 {
		return oddRow[m-fewest]
	}
	if odd, ok := oddities[[2]int{min(n, m), max(n, m)}][confidence]; ok {
		return odd
	}
	counts := arrangements(n, m)
	all := 0.0
	for _, count := range counts {
		all += count
	}
	below, u := 0.0, 0
	for i, count := range counts {
		if below += count; below > all*confidence/2*(1+1e-12) {
			break
		}
		u = i
	}
	return u
}

// arrangements counts in how many ways n and m distinct values can be ordered so that U is 0, 1, 2 …: the number of partitions of u
// into at most n parts of at most m, a Gaussian binomial coefficient.
func arrangements(n, m int) []float64 {
	counts := make([]float64, n*m+1)
	counts[0] = 1
	for i := 1; i <= n; i++ {
		for u := len(counts) - 1; u >= m+i; u-- {
			counts[u] -= counts[u-m-i]
		}
		for u := i; u < len(counts); u++ {
			counts[u] += counts[u-i]
		}
	}
	return counts
}
