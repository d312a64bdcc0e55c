package score

import (
	"maps"
	"slices"
)

// Quality is precision, recall and their harmonic mean, each from 0 to 1.
type Quality struct{ Precision, Recall, F1 float64 }

// Annotated scores findings against several annotators of one series. As in van
// den Burg and Williams, "An evaluation of change point detection algorithms"
// (2020): index 0 counts as a change that everybody sees, precision is taken against
// all annotators' changes together, recall is the mean over the annotators.
func Annotated(annotators [][]int, found []int, margin int) Quality {
	if len(annotators) == 0 {
		annotators = [][]int{nil}
	}
	found = withStart(found)
	var q Quality
	var all []int
	for _, changes := range annotators {
		changes = withStart(changes)
		all = append(all, changes...)
		q.Recall += float64(hits(changes, found, margin)) / float64(len(changes)) / float64(len(annotators))
	}
	q.Precision = float64(hits(withStart(all), found, margin)) / float64(len(found))
	if q.Precision+q.Recall > 0 {
		q.F1 = 2 * q.Precision * q.Recall / (q.Precision + q.Recall)
	}
	return q
}

// hits counts known changes that have a finding of their own within the margin:
// in order, each takes the first that is left, which pairs as many as can be.
func hits(truth, found []int, margin int) int {
	n, next := 0, 0
	for _, t := range truth {
		for next < len(found) && found[next] < t-margin {
			next++
		}
		if next < len(found) && found[next] <= t+margin {
			n, next = n+1, next+1
		}
	}
	return n
}

// withStart is the set of changes with index 0, in order.
func withStart(changes []int) []int {
	set := map[int]bool{0: true}
	for _, c := range changes {
		set[c] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// Covering is how well the pieces of a series of n points between findings cover
// those between the annotators' changes: for each annotated piece the best
// overlap (Jaccard index) of a found one, weighted by length, the mean
// over the annotators. The same source as [Annotated].
func Covering(annotators [][]int, found []int, n int) float64 {
	if n <= 0 {
		return 0
	}
	if len(annotators) == 0 {
		annotators = [][]int{nil}
	}
	pieces := cut(found, n)
	sum := 0.0
	for _, changes := range annotators {
		for _, a := range cut(changes, n) {
			best := 0.0
			for _, p := range pieces {
				both := max(0, min(a[1], p[1])-max(a[0], p[0]))
				best = max(best, float64(both)/float64(a[1]-a[0]+p[1]-p[0]-both))
			}
			sum += best * float64(a[1]-a[0]) / float64(n)
		}
	}
	return sum / float64(len(annotators))
}

// cut gives the pieces [from, to) of a series; changes outside of it are left out.
func cut(changes []int, n int) [][2]int {
	edges := slices.DeleteFunc(withStart(changes), func(c int) bool { return c < 0 || c >= n })
	pieces := make([][2]int, 0, len(edges))
	for i, from := range edges {
		to := n
		if i+1 < len(edges) {
			to = edges[i+1]
		}
		pieces = append(pieces, [2]int{from, to})
	}
	return pieces
}
