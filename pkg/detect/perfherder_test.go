package detect_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tidemark/pkg/detect"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

// perfherder is the algorithm as its prose says it, place by place, each sum written out.
type perfherder struct {
	t                      float64
	backMin, backMax, fore int
	minPct                 float64
}

// side are weighted mean, variance around it, plain mean and number of values of orders, nearest first. Weights are n, n-1, …
// instead of shares of n: the mean of equal values is then that value to the last digit.
func side(orders [][]float64) (weighted, variance, mean float64, n int) {
	var sum, weights, plain float64
	for k, values := range orders {
		w := float64(len(orders) - k)
		for _, v := range values {
			sum += v * w
			weights += w
			plain += v
			n++
		}
	}
	weighted, mean = sum/weights, plain/float64(n)
	if n > 1 {
		for _, values := range orders {
			for _, v := range values {
				variance += (v - weighted) * (v - weighted)
			}
		}
		variance /= float64(n - 1)
	}
	return weighted, variance, mean, n
}

func (p perfherder) alerts(series [][]float64) []int {
	type score struct {
		t, before, after float64
		nBefore, nAfter  int
	}
	scores := make([]score, len(series))
	quiet := 0
	for i := 1; i < len(series); i++ {
		var back, fore [][]float64
		nBack, nFore := 0, 0
		width := min(max(quiet, p.backMin), p.backMax)
		for j := i - 1; j >= 0 && nBack < p.backMax && i-j <= width; j-- {
			back = append(back, series[j])
			nBack += len(series[j])
		}
		for j := i; j < len(series) && nFore < p.fore; j++ {
			fore = append(fore, series[j])
			nFore += len(series[j])
		}
		wb, vb, mb, nb := side(back)
		wa, va, ma, na := side(fore)
		s := score{before: mb, after: ma, nBefore: nb, nAfter: na}
		switch {
		case wa == wb:
		case va == 0 && vb == 0:
			s.t = math.Inf(1)
		default:
			s.t = math.Abs(wa-wb) / math.Sqrt(vb/float64(nb)+va/float64(na))
		}
		if s.t > p.t {
			quiet = 0
		} else {
			quiet++
		}
		scores[i] = s
	}
	var out []int
	for i := 1; i < len(scores); i++ {
		s := scores[i]
		pct := 0.0
		if s.before != 0 {
			pct = 100 * math.Abs(s.after-s.before) / math.Abs(s.before)
		}
		if s.nBefore < p.backMin || s.nAfter < p.fore || s.t <= p.t || scores[i-1].t > s.t ||
			i+1 < len(scores) && scores[i+1].t > s.t || pct < p.minPct {
			continue
		}
		out = append(out, i)
	}
	return out
}

// randomSeries has steps, spikes, ties, constants and orders of several samples. Its values are whole, and so
// nothing hangs on the order of a sum.
func randomSeries(r *rand.Rand, n int) [][]float64 {
	level, noise := float64(r.IntN(2000)), float64(r.IntN(40))
	several, steps := r.IntN(3), r.Float64()*0.06
	out := make([][]float64, n)
	for i := range out {
		if r.Float64() < steps {
			level += float64(r.IntN(400) - 200)
			if r.IntN(3) == 0 {
				noise = float64(r.IntN(30))
			}
		}
		k := 1
		if several > 0 {
			k += r.IntN(1 + several*3)
		}
		for range k {
			v := level
			switch r.IntN(10) {
			case 0:
				v += math.Round(r.NormFloat64() * noise * 4)
			case 1, 2, 3, 4, 5, 6:
				v += math.Round(r.NormFloat64() * noise)
			}
			out[i] = append(out[i], v)
		}
	}
	return out
}

// sampledPoints stores the series, numbered from 1, in a table of its own.
func sampledPoints(t *testing.T, s *store.Store, table string, all [][][]float64) detect.Source {
	t.Helper()
	if err := s.Exec(t.Context(), "CREATE TABLE "+table+" (series UInt64, place UInt32, values Array(Float64)) ENGINE = Memory", nil); err != nil {
		t.Fatal(err)
	}
	var series []uint64
	var places []uint32
	var values [][]float64
	for i, orders := range all {
		for place, samples := range orders {
			series, places, values = append(series, uint64(i+1)), append(places, uint32(place)), append(values, samples) //nolint:gosec // small numbers
		}
	}
	if err := s.InsertColumns(t.Context(), table, store.Column{Name: "series", Values: series},
		store.Column{Name: "place", Values: places}, store.Column{Name: "values", Values: values}); err != nil {
		t.Fatal(err)
	}
	return detect.Source{SQL: "SELECT series, place, arrayReduce('median', values)::Float64 AS level, values, 0::UInt8 AS bigger FROM " + table}
}

func TestPerfherder_RandomSeries_GivesTheAlertsOfThePlainAlgorithm(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	r := rand.New(rand.NewPCG(4, 2026)) //nolint:gosec // reproducible by design
	total := 0
	for number, p := range []perfherder{
		{t: 7, backMin: 12, backMax: 24, fore: 12, minPct: 2},
		{t: 7, backMin: 12, backMax: 24, fore: 12},
		{t: 3, backMin: 12, backMax: 24, fore: 12},
		{t: 2, backMin: 3, backMax: 30, fore: 5, minPct: 1},
		{t: 1.53, backMin: 5, backMax: 5, fore: 2},
		{t: 2.5, backMin: 2, backMax: 12, fore: 8},
	} {
		params := map[string]string{
			"t": fmt.Sprint(p.t), "back_min": fmt.Sprint(p.backMin), "back_max": fmt.Sprint(p.backMax),
			"fore": fmt.Sprint(p.fore), "min_pct": fmt.Sprint(p.minPct),
		}
		series := make([][][]float64, 60)
		for i := range series {
			series[i] = randomSeries(r, 1+r.IntN(160))
		}
		if p.t == 3 {
			series[0] = randomSeries(r, 9000) // more than is looked at in one piece
		}
		d, err := detect.Resolve("perfherder", "", params)
		if err != nil {
			t.Fatal(err)
		}
		source := sampledPoints(t, s, fmt.Sprintf("perfherder_%d", number), series)
		for _, explain := range []bool{false, true} {
			got := make([][]int, len(series))
			places := 0
			err = detect.Run(t.Context(), s, d, source, explain, func(row detect.Row) error {
				places++
				if row.Finding() {
					got[row.Series-1] = append(got[row.Series-1], int(row.Place))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, orders := range series {
				want := p.alerts(orders)
				total += len(want)
				if !slices.Equal(got[i], want) {
					t.Errorf("%+v, explain %v, series %d: got %v, want %v\n%v", p, explain, i, got[i], want, orders)
				}
			}
			if all := len(slices.Concat(series...)); explain && places != all {
				t.Errorf("%d places explained of %d", places, all)
			}
		}
	}
	if total < 500 {
		t.Errorf("only %d alerts: the series are too tame", total)
	}
}
