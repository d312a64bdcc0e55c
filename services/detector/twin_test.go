package detector_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/samber/lo"

	"tidemark/services/detector"
)

// twin is detect_steps once more, written as one would on paper: an independent check of the statement, and of
// which orders it is given.
type twin struct{ detector.Steps }

// point is the level of a series at a place among the machine's orders.
type point struct {
	place int
	level float64
}

type twinStep struct {
	place, previous          int
	before, after, statistic float64
}

func (tw twin) steps(series []point) []twinStep {
	var out []twinStep
	for i := range series {
		before, after, t := tw.score(series, i)
		if t == 0 || tw.pValue(series, i, t) > tw.MaxPValue || math.Abs(after-before) < tw.MinEffect*math.Abs(before) {
			continue
		}
		if math.Abs(after-before) < tw.MinSigmas*tw.spread(series, i) || !tw.highest(series, i, t) {
			continue
		}
		out = append(out, twinStep{series[i].place, series[i-1].place, before, after, t})
	}
	return out
}

// sides are the levels before i and from i on that count.
func (tw twin) sides(series []point, i int) (before, after []float64) {
	window, reach := int(tw.Window), int(tw.Window)*int(tw.Gaps)
	for j := max(0, i-window); j < i; j++ {
		if series[i].place-series[j].place <= reach {
			before = append(before, series[j].level)
		}
	}
	for j := i; j < min(len(series), i+window); j++ {
		if series[j].place-series[i].place < reach {
			after = append(after, series[j].level)
		}
	}
	return before, after
}

func mean(v []float64) float64 { return lo.Sum(v) / float64(len(v)) }

func squares(v []float64) float64 {
	return lo.SumBy(v, func(x float64) float64 { return (x - mean(v)) * (x - mean(v)) })
}

func (tw twin) spread(series []point, i int) float64 {
	before, after := tw.sides(series, i)
	pooled := math.Sqrt((squares(before) + squares(after)) / float64(len(before)+len(after)-2))
	return max(pooled, 1e-6*math.Abs(mean(before)))
}

func (tw twin) score(series []point, i int) (before, after, t float64) {
	b, a := tw.sides(series, i)
	if len(b) < int(tw.MinBefore) || len(a) < int(tw.MinAfter) {
		return 0, 0, 0
	}
	return mean(b), mean(a), math.Abs(mean(a)-mean(b)) / (tw.spread(series, i) * math.Sqrt(1/float64(len(b))+1/float64(len(a))))
}

func (tw twin) highest(series []point, i int, t float64) bool {
	peak, reach := int(tw.Peak), int(tw.Peak)*int(tw.Gaps)
	for j := max(0, i-peak); j <= min(len(series)-1, i+peak); j++ {
		_, _, other := tw.score(series, j)
		if abs(series[j].place-series[i].place) <= reach && (j < i && other >= t || j > i && other > t) {
			return false
		}
	}
	return true
}

func abs(n int) int { return max(n, -n) }

func (tw twin) pValue(series []point, i int, t float64) float64 {
	before, after := tw.sides(series, i)
	return tail(t, len(before)+len(after)-2)
}

// tail is the chance that Student's t is beyond ±t, by Simpson's rule on its density in the angle atan(t/√n): there it is a
// power of the cosine.
func tail(t float64, n int) float64 {
	from, steps := math.Atan(t/math.Sqrt(float64(n))), 2000
	f := func(angle float64) float64 { return math.Pow(math.Cos(angle), float64(n-1)) }
	integral := func(a, b float64) float64 {
		h, sum := (b-a)/float64(steps), f(a)+f(b)
		for k := 1; k < steps; k++ {
			sum += f(a+float64(k)*h) * float64(2+2*(k%2))
		}
		return sum * h / 3
	}
	return integral(from, math.Pi/2) / integral(0, math.Pi/2)
}

// TestDetector_RandomSeriesWithGaps_AgreesWithItsTwin: every series is judged beside others, with gaps of its own, in slots that
// cut it anywhere; the twin sees it alone and whole.
func TestDetector_RandomSeriesWithGaps_AgreesWithItsTwin(t *testing.T) {
	t.Parallel()
	const tests, orders = 40, 90
	r := rand.New(rand.NewPCG(11, 12)) //nolint:gosec // reproducible by design
	series := make([][]point, tests)
	reports := make([]map[string]map[string]any, orders)
	for place := range reports {
		reports[place] = map[string]map[string]any{"always": {"compile_time": 1}}
	}
	for i := range series {
		share, noise, steps := 1-0.9*float64(i%4)/4, 0.001+0.02*r.Float64(), []int{20 + r.IntN(30), 55 + r.IntN(30)}
		level := 1 + 100*r.Float64()
		for place := range orders {
			if slices.Contains(steps, place) {
				level *= 0.8 + 0.4*r.Float64()
			}
			v := level * (1 + noise*r.NormFloat64())
			if r.Float64() < share {
				series[i] = append(series[i], point{place, v})
				reports[place]["t"+strconv.Itoa(i)] = map[string]any{"execution_time": v}
			}
		}
	}
	w := newWorld(t)
	for _, some := range lo.Chunk(lo.Range(orders), 17) {
		w.log.submit("nts", nil, lo.Map(some, func(place, _ int) []byte { return report("m", strconv.Itoa(place+1), reports[place]) })...)
		if err := w.slot(); err != nil {
			t.Fatal(err)
		}
	}
	w.settle()
	byTest := lo.GroupBy(w.log.standing(), func(f finding) string { return f.Test })
	expected := 0
	for i := range series {
		want := twin{detector.DefaultConfig().Steps}.steps(series[i])
		got := byTest["t"+strconv.Itoa(i)]
		expected += len(want)
		same := slices.EqualFunc(want, got, func(s twinStep, f finding) bool {
			return f.Order == strconv.Itoa(s.place+1) && f.Previous == strconv.Itoa(s.previous+1) &&
				near(f.Before, s.before, 1e-6) && near(f.After, s.after, 1e-6) && near(f.Statistic, s.statistic, 1e-5)
		})
		if !same {
			t.Errorf("series %d with %d points: twin %+v, found %+v", i, len(series[i]), want, got)
		}
	}
	if expected < tests {
		t.Errorf("only %d steps in %d series: the case is too easy", expected, tests)
	}
}

// The statement's p-value is a formula; the exact one is an integral.
func TestDetector_PValues_AreThoseOfStudentsT(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *detector.Config) { c.Steps.MaxPValue, c.Steps.MinSigmas = 0.2, 0 })
	r := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // reproducible by design
	for i, n := range []int{3, 4, 7, 12} {
		values := append(level(100, 5+i), lo.Times(n, func(int) float64 { return 100 + float64(i) + 2*r.NormFloat64() })...)
		w.log.submit("nts", nil, history("m"+strconv.Itoa(i), "a", values...)...)
	}
	w.settle()
	type row struct {
		Machine   string  `ch:"machine"`
		Order     string  `ch:"order_name"`
		Statistic float64 `ch:"statistic"`
		PValue    float64 `ch:"p_value"`
	}
	list := rows[row](w.log, "SELECT machine, order_name, statistic, p_value FROM v_findings ORDER BY machine, sort_key")
	if len(list) < 3 {
		t.Fatalf("%d findings to look at, want more", len(list))
	}
	for _, f := range list {
		i, _ := strconv.Atoi(f.Machine[1:])
		place, _ := strconv.Atoi(f.Order)
		total := 5 + i + []int{3, 4, 7, 12}[i]
		freedom := min(place-1, 12) + min(total-place+1, 12) - 2
		if exact := tail(f.Statistic, freedom); !near(f.PValue, exact, 0.03) {
			t.Errorf("%s: t %.4g with %d degrees: p %.4g, exactly %.4g", fmt.Sprint(f.Machine, "@", f.Order), f.Statistic, freedom, f.PValue, exact)
		}
	}
	slices.SortFunc(list, func(a, b row) int { return cmp.Compare(a.PValue, b.PValue) })
	if list[0].PValue == list[len(list)-1].PValue {
		t.Error("all p-values are alike")
	}
}
