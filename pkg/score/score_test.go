package score_test

import (
	"math"
	"slices"
	"testing"

	"tidemark/pkg/score"
)

func TestMatch_NearestPairsFirst_EachOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		truth, found []int
		margin       int
		want         []score.Pair
	}{
		"exact":              {[]int{10, 50}, []int{50, 10}, 2, []score.Pair{{Truth: 0, Found: 1}, {Truth: 1, Found: 0}}},
		"at the margin":      {[]int{10}, []int{12}, 2, []score.Pair{{Truth: 0, Found: 0}}},
		"beyond the margin":  {[]int{10}, []int{13}, 2, nil},
		"two for one":        {[]int{10}, []int{9, 10}, 2, []score.Pair{{Truth: 0, Found: 1}}},
		"one for two":        {[]int{10, 12}, []int{11}, 2, []score.Pair{{Truth: 0, Found: 0}}},
		"the nearer is kept": {[]int{10, 14}, []int{12, 10}, 2, []score.Pair{{Truth: 0, Found: 1}, {Truth: 1, Found: 0}}},
		"nothing":            {nil, nil, 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := score.Match(c.truth, c.found, c.margin); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestAnnotated_CountsTheStart_AndEveryAnnotator(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		annotators        [][]int
		found             []int
		precision, recall float64
	}{
		"nobody sees any, none is found":   {[][]int{nil, nil}, nil, 1, 1},
		"nobody sees any, one is found":    {[][]int{nil}, []int{20}, 0.5, 1},
		"one of two sees it, it is found":  {[][]int{{20}, nil}, []int{22}, 1, 1},
		"one of two sees it, it is not":    {[][]int{{20}, nil}, nil, 1, 0.75},
		"both see it, at the margin":       {[][]int{{20}, {21}}, []int{26}, 1, 0.75},
		"a change near the start is extra": {[][]int{{3}}, []int{3}, 1, 1},
		"twice found":                      {[][]int{{20}}, []int{19, 21}, 2. / 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := score.Annotated(c.annotators, c.found, 5)
			f1 := 2 * c.precision * c.recall / (c.precision + c.recall)
			if !near(q.Precision, c.precision) || !near(q.Recall, c.recall) || !near(q.F1, f1) {
				t.Errorf("got %+v, want precision %v, recall %v, F1 %v", q, c.precision, c.recall, f1)
			}
		})
	}
}

func TestCovering_IsTheWeightedBestOverlap(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		annotators [][]int
		found      []int
		want       float64
	}{
		"the same":          {[][]int{{40}}, []int{40}, 1},
		"nothing found":     {[][]int{{40}}, nil, 0.4*0.4 + 0.6*0.6},
		"nothing annotated": {[][]int{nil}, []int{50}, 0.5},
		"moved":             {[][]int{{40}}, []int{50}, 0.4*40/50 + 0.6*50/60},
		"two annotators":    {[][]int{{40}, nil}, nil, (0.4*0.4 + 0.6*0.6 + 1) / 2},
		"outside":           {[][]int{{100, -3}}, []int{100}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := score.Covering(c.annotators, c.found, 100); !near(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if got := score.Covering(nil, nil, 0); got != 0 {
		t.Errorf("an empty series is covered by %v", got)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
