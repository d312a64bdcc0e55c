package web

import (
	"cmp"
	"slices"
	"testing"

	"tidemark/pkg/suite"
)

// The cases are the ones measured on LNT itself.
func TestCompareSides_OnMeasuredCases_AnswersAsLNT(t *testing.T) {
	t.Parallel()
	small, big := suite.Metric{}, suite.Metric{BiggerIsBetter: true}
	sameHash := suite.Metric{IgnoreSameHash: true}
	for _, c := range []struct {
		name        string
		metric      suite.Metric
		now, before side
		want        outcome
		previous    float64
	}{
		{"twice as long", small, side{values: []float64{10}}, side{values: []float64{5}}, regressed, 5},
		{"half as long", small, side{values: []float64{5}}, side{values: []float64{10}}, improved, 10},
		{"half the score", big, side{values: []float64{5}}, side{values: []float64{10}}, regressed, 10},
		{"twice the score", big, side{values: []float64{10}}, side{values: []float64{5}}, improved, 5},
		{"less than one percent", small, side{values: []float64{1.009}}, side{values: []float64{1}}, unchanged, 1},
		{"one percent", small, side{values: []float64{1.01}}, side{values: []float64{1}}, regressed, 1},
		{"ninefold but tiny", small, side{values: []float64{0.009}}, side{values: []float64{0.001}}, unchanged, 0.001},
		{"zero now", small, side{values: []float64{0}}, side{values: []float64{5}}, unchanged, 5},
		{"zero before", small, side{values: []float64{5}}, side{values: []float64{0}}, unchanged, 0},
		{"one earlier value is as large", small, side{values: []float64{10}}, side{values: []float64{5, 5, 5, 10}}, unchanged, 10},
		{"a tie takes the later value", small, side{values: []float64{6}}, side{values: []float64{5, 7}}, improved, 7},
		{"a tie takes the later value, turned", small, side{values: []float64{6}}, side{values: []float64{7, 5}}, regressed, 5},
		{"noisier than it moved", small, side{values: []float64{10, 20}}, side{values: []float64{5}}, unchanged, 5},
		{"moved more than the noise", small, side{values: []float64{10, 10.1}}, side{values: []float64{5}}, regressed, 5},
		{"no noise at all", small, side{values: []float64{10, 10}}, side{values: []float64{5}}, regressed, 5},
		{"four on each side", small, side{values: []float64{10, 10.1, 10.2, 10.3}}, side{values: []float64{5, 5.1, 5.2, 5.3}}, regressed, 5.3},
		{"four noisy ones on each side", small, side{values: []float64{10, 13, 16, 19}}, side{values: []float64{9, 14, 15, 20}}, unchanged, 9},
		{"the same program", sameHash, side{values: []float64{10}, hash: "a"}, side{values: []float64{5}, hash: "a"}, unchanged, 5},
		{"another program", sameHash, side{values: []float64{10}, hash: "a"}, side{values: []float64{5}, hash: "b"}, regressed, 5},
		{"milliseconds", small, side{values: []float64{0.0887, 0.0919, 0.0903}}, side{values: []float64{0.0858}}, unchanged, 0.0858},
		{"fails now", small, side{values: []float64{1}, failed: true}, side{values: []float64{1}}, newFailure, 1},
		{"fails now without a value", small, side{failed: true}, side{values: []float64{1}}, newFailure, 1},
		{"failed before", small, side{values: []float64{9}}, side{values: []float64{1}, failed: true}, newPass, 1},
		{"fails still", small, side{failed: true}, side{failed: true}, stillFailing, 0},
		{"not there before", small, side{values: []float64{1}}, side{}, added, 0},
		{"not there any more", small, side{}, side{values: []float64{3, 2}}, removed, 2},
	} {
		got := compareSides(c.now, c.before, c.metric)
		if got.Outcome != c.want || got.Previous != c.previous {
			t.Errorf("%s: got %s against %v, want %s against %v", c.name, got.Outcome.Key(), got.Previous, c.want.Key(), c.previous)
		}
	}
}

func TestByInterest_PutsFailuresThenTheLargestRegressionFirst(t *testing.T) {
	t.Parallel()
	list := []comparison{
		{Outcome: unchanged, Ratio: 9},
		{Outcome: improved, Ratio: -0.5},
		{Outcome: regressed, Ratio: 0.1},
		{Outcome: regressed, Ratio: 0.4},
		{Outcome: newFailure},
	}
	slices.SortFunc(list, byInterest)
	want := []comparison{
		{Outcome: newFailure},
		{Outcome: regressed, Ratio: 0.4},
		{Outcome: regressed, Ratio: 0.1},
		{Outcome: improved, Ratio: -0.5},
		{Outcome: unchanged, Ratio: 9},
	}
	if !slices.Equal(list, want) {
		t.Errorf("got %v, want %v", list, want)
	}
}

func TestForemost_OfMany_AreTheFirstInOrder(t *testing.T) {
	t.Parallel()
	all := make([]int, 5000)
	for i := range all {
		all[i] = i * 2731 % 4999 // every value, some twice, in no order
	}
	want := slices.Sorted(slices.Values(all))
	for _, n := range []int{0, 1, 2, 100, 624, 625, 626, 5000} {
		if got := foremost(slices.Clone(all), n, cmp.Compare[int]); !slices.Equal(got, want[:n]) {
			t.Errorf("the first %d are %v", n, got)
		}
	}
}
