package detect_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

// segment is a stretch of a series: where it begins, how many levels, their mean and mean square deviation.
type segment struct {
	first           int
	n, mean, square float64
}

func segmentOf(first int, levels []float64) segment {
	s := segment{first: first, n: float64(len(levels))}
	for _, x := range levels {
		s.mean += x / s.n
	}
	for _, x := range levels {
		s.square += (x - s.mean) * (x - s.mean) / s.n
	}
	return s
}

// pValue is that of Student's t between two segments, by the integral of its density.
func pValue(a, b segment) float64 {
	freedom := a.n + b.n - 2
	if freedom <= 0 || a.mean == b.mean {
		return 1
	}
	squares := (a.n-1)*a.square + (b.n-1)*b.square
	if squares <= 0 {
		return 0
	}
	return studentP(math.Abs(a.mean-b.mean)/math.Sqrt(squares/freedom*(1/a.n+1/b.n)), freedom, 400)
}

// studentP integrates the tail by Simpson's rule over the angle atan(x/sqrt(n)), where the density is cos^(n-1).
func studentP(t, n float64, steps int) float64 {
	from, to := math.Atan(t/math.Sqrt(n)), math.Pi/2
	h := (to - from) / float64(steps)
	sum := 0.0
	for i := range steps + 1 {
		weight := 4.0
		if i%2 == 0 {
			weight = 2
		}
		if i == 0 || i == steps {
			weight = 1
		}
		sum += weight * math.Pow(math.Cos(from+float64(i)*h), n-1)
	}
	upper, _ := math.Lgamma((n + 1) / 2)
	lower, _ := math.Lgamma(n / 2)
	return 2 * sum * h / 3 * math.Exp(upper-lower) / math.Sqrt(math.Pi)
}

// bestCut is the index with the largest energy statistic, every sum written out.
func bestCut(levels []float64) int {
	between := func(a, b []float64) (sum float64) {
		for _, x := range a {
			for _, y := range b {
				sum += math.Abs(x - y)
			}
		}
		return sum
	}
	best, at := math.Inf(-1), 0
	for i := 1; i < len(levels); i++ {
		n, m := float64(i), float64(len(levels)-i)
		q := 2 / (n + m) * between(levels[:i], levels[i:])
		if n > 1 {
			q -= 2 * m / (n + m) / (n - 1) * between(levels[:i], levels[:i]) / 2
		}
		if m > 1 {
			q -= 2 * n / (n + m) / (m - 1) * between(levels[i:], levels[i:]) / 2
		}
		if q > best {
			best, at = q, i
		}
	}
	return at
}

func weakCuts(first int, levels []float64, loose float64, weak map[int]bool) {
	if len(levels) < 3 {
		return
	}
	at := bestCut(levels)
	if pValue(segmentOf(0, levels[:at]), segmentOf(at, levels[at:])) > loose {
		return
	}
	weak[first+at] = true
	weakCuts(first, levels[:at], loose, weak)
	weakCuts(first+at, levels[at:], loose, weak)
}

// otava is the algorithm as its prose says it.
func otava(levels []float64, window int, p, magnitude float64) []int {
	loose := 2 * p
	if p < 0.05 {
		loose = 10 * p
	}
	weak := map[int]bool{}
	for start := 0; start < len(levels); start += window / 2 {
		weakCuts(start, levels[start:min(start+window, len(levels))], loose, weak)
	}
	cuts := []int{0}
	for i := range levels {
		if weak[i] {
			cuts = append(cuts, i)
		}
	}
	weakness := func(i int) float64 { // of the cut before segment i
		if i < 1 || i >= len(cuts) {
			return 0
		}
		end := len(levels)
		if i+1 < len(cuts) {
			end = cuts[i+1]
		}
		a, b := segmentOf(0, levels[cuts[i-1]:cuts[i]]), segmentOf(0, levels[cuts[i]:end])
		if p0 := pValue(a, b); p0 >= p {
			return 1 + p0
		}
		if change := math.Abs(a.mean-b.mean) / min(math.Abs(a.mean), math.Abs(b.mean)); change <= magnitude {
			return 1 / (1 + change)
		}
		return 0
	}
	for {
		kept := cuts[:1:1]
		for i := 1; i < len(cuts); i++ {
			if w := weakness(i); w == 0 || w <= weakness(i-1) || w < weakness(i+1) {
				kept = append(kept, cuts[i])
			}
		}
		if len(kept) == len(cuts) {
			return cuts[1:]
		}
		cuts = kept
	}
}

func TestOtava_RandomSeries_GivesTheCutsOfThePlainAlgorithm(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	r := rand.New(rand.NewPCG(9, 2026)) //nolint:gosec // reproducible by design
	total := 0
	for number, c := range []struct {
		window       int
		p, magnitude float64
	}{{50, 0.001, 0}, {50, 0.05, 0.02}, {21, 0.01, 0.05}, {10, 0.2, 0}} {
		all := make([][]float64, 40)
		series := make([][][]float64, len(all))
		for i := range all {
			level, n := 50+100*r.Float64(), 1+r.IntN(150)
			for range n {
				if r.IntN(25) == 0 {
					level *= 1 + 0.1*r.NormFloat64()
				}
				x := level * (1 + 0.01*r.NormFloat64())
				all[i], series[i] = append(all[i], x), append(series[i], []float64{x})
			}
		}
		d, err := detect.Resolve("otava", "", map[string]string{
			"window": fmt.Sprint(c.window), "p": fmt.Sprint(c.p), "magnitude": fmt.Sprint(c.magnitude),
		})
		if err != nil {
			t.Fatal(err)
		}
		source := sampledPoints(t, s, fmt.Sprintf("otava_%d", number), series)
		want := lo.Map(all, func(levels []float64, _ int) []int { return otava(levels, c.window, c.p, c.magnitude) })
		total += len(slices.Concat(want...))
		for _, explain := range []bool{false, true} {
			got := make([][]int, len(all))
			places := 0
			if err := detect.Run(t.Context(), s, d, source, explain, func(row detect.Row) error {
				places++
				if row.Finding() {
					got[row.Series-1] = append(got[row.Series-1], int(row.Place))
					if !(row.EffectLow <= row.Effect && row.Effect <= row.EffectHigh) {
						t.Errorf("effect %g is not within [%g, %g]", row.Effect, row.EffectLow, row.EffectHigh)
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			for i := range all {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("%+v, explain %v, series %d: got %v, want %v", c, explain, i, got[i], want[i])
				}
			}
			if every := len(slices.Concat(all...)); explain && places != every {
				t.Errorf("%d places explained of %d", places, every)
			}
		}
	}
	if total < 150 {
		t.Errorf("only %d cuts: the series are too tame", total)
	}
}

// The p-value in the text is an approximation: it is held to the integral.
func TestOtava_PValue_IsThatOfStudent(t *testing.T) {
	t.Parallel()
	d, err := detect.Resolve("otava", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "(t, n) -> ", " AS student_p,"
	from, to := strings.Index(d.Text, begin), strings.Index(d.Text, end)
	if from < 0 || to < from {
		t.Fatal("the text has no student_p")
	}
	ask := sql.File{Name: "student_p", Text: "WITH " + d.Text[from:to] + end[:len(end)-1] +
		" SELECT n, t, student_p(t, n) FROM (SELECT arrayJoin([1., 2, 3, 4, 5, 6, 8, 12, 23, 48, 98, 1000]) AS n, arrayJoin([0.1, 0.7, 1, 2, 3, 4, 6, 9, 14]) AS t)"}
	count := 0
	err = testkit.Store(t).Each(t.Context(), ask, nil, func(scan func(...any) error) error {
		var n, x, got float64
		if err := scan(&n, &x, &got); err != nil {
			return err
		}
		count++
		if want := studentP(x, n, 8000); math.Abs(got-want) > 3e-3*want {
			t.Errorf("t=%g with %g degrees of freedom: p %g, want %g", x, n, got, want)
		}
		return nil
	})
	if err != nil || count != 108 {
		t.Errorf("%d values, %v", count, err)
	}
}
