package score

import (
	"cmp"
	"slices"
)

// Pair is a known change with the finding that fits it, as indices into the
// lists given to [Match].
type Pair struct{ Truth, Found int }

// Match pairs known changes with findings at most margin points away, each at
// most once, the nearest pairs first. Of equally near pairs the earlier
// known change, then the earlier finding, goes first.
func Match(truth, found []int, margin int) []Pair {
	var near []Pair
	for t, known := range truth {
		for f, at := range found {
			if distance(known, at) <= margin {
				near = append(near, Pair{t, f})
			}
		}
	}
	slices.SortStableFunc(near, func(a, b Pair) int {
		return cmp.Or(
			cmp.Compare(distance(truth[a.Truth], found[a.Found]), distance(truth[b.Truth], found[b.Found])),
			cmp.Compare(truth[a.Truth], truth[b.Truth]),
			cmp.Compare(found[a.Found], found[b.Found]),
		)
	})
	usedTruth, usedFound := map[int]bool{}, map[int]bool{}
	var pairs []Pair
	for _, p := range near {
		if !usedTruth[p.Truth] && !usedFound[p.Found] {
			usedTruth[p.Truth], usedFound[p.Found] = true, true
			pairs = append(pairs, p)
		}
	}
	return pairs
}

func distance(a, b int) int { return max(a-b, b-a) }
