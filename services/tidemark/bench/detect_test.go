package bench_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/score"
	"tidemark/pkg/store"
	"tidemark/pkg/synth"
	"tidemark/pkg/testkit"
)

const (
	margin     = 2 // orders
	horizon    = 8 // orders after a step within which it must be seen to count for the delay
	silentName = "steady"
	driftName  = "drifting"
	rampName   = "with ramps"
)

// detectSeeds are printed with the figures.
var detectSeeds = []uint64{101, 102, 103}

// kinds are the sets of series a detector is judged on.
var kinds = []struct {
	name string
	set  func(*synth.Config)
}{
	{"steps", func(c *synth.Config) { c.ChangeRate = 0.6 }},
	{silentName, func(c *synth.Config) { c.ChangeRate, c.MachineSwaps, c.DriftRate = 0, 0, 0 }},
	{driftName, func(c *synth.Config) { c.ChangeRate, c.MachineSwaps, c.DriftRate = 0, 0, 1 }},
	{rampName, func(c *synth.Config) { c.ChangeRate, c.MachineSwaps, c.DriftRate, c.RampRate = 0, 0, 0, 1 }},
}

// judged is one series a detector is asked about: a whole one, or one that ends soon after a step.
type judged struct {
	kind string
	synth.Series
	step, after int // for those that end soon: the step's place, and the points from it on
}

// BenchmarkDetect judges every detector on the synthetic set: precision and recall by the size of the
// step, false findings where there is none, the delay and the speed. The bars are those of the default detector.
func BenchmarkDetect(b *testing.B) {
	s := testkit.Store(b)
	all := syntheticSet(b)
	points := fill(b, s, all)
	fmt.Printf("detectors on %d series, %d points, seeds %v, margin %d orders; sigma is the spread of one order's mean\n", len(all), points, detectSeeds, margin)
	list, problems := detect.List()
	for _, p := range problems {
		b.Error(p)
	}
	for _, d := range list {
		b.Run(d.Name, func(b *testing.B) {
			resolved, err := detect.Resolve(d.Name, "", nil)
			if err != nil {
				b.Fatal(err)
			}
			var t tally
			var took time.Duration
			for b.Loop() {
				started := time.Now()
				found := findAll(b, s, resolved)
				took = time.Since(started)
				t = count(all, found)
			}
			b.ReportMetric(float64(points)/took.Seconds(), "points/s")
			t.report(b)
			if d.Name == detect.Default {
				t.hold(b)
			}
		})
	}
}

// syntheticSet has every kind of every seed, and the first clear steps as they are seen order by order.
func syntheticSet(b *testing.B) []judged {
	b.Helper()
	var all []judged
	for _, seed := range detectSeeds {
		for _, kind := range kinds {
			cfg := synth.DefaultConfig()
			cfg.Seed, cfg.Orders, cfg.Tests = seed, 200, 60
			kind.set(&cfg)
			g, err := synth.New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			for s := range g.Series() {
				all = append(all, judged{kind: kind.name, Series: s})
			}
		}
	}
	for _, j := range slices.Clone(all) {
		for i, c := range j.Changes {
			if c.Sigmas < 3 || i > 0 && j.At[i]-j.At[i-1] < 15 {
				continue
			}
			for after := 1; after <= horizon && j.At[i]+after <= len(j.Values); after++ {
				cut := judged{kind: "delay", Series: j.Series, step: j.At[i], after: after}
				cut.Values = j.Values[:j.At[i]+after]
				all = append(all, cut)
			}
		}
	}
	return all
}

// fill stores the points; a series' number is its index.
func fill(b *testing.B, s *store.Store, all []judged) (points int) {
	b.Helper()
	exec := func(text string, p store.Params) {
		if err := s.Exec(b.Context(), text, p); err != nil {
			b.Fatal(err)
		}
	}
	exec("CREATE TABLE synthetic (series UInt64, place UInt32, level Float64, values Array(Float64), bigger UInt8) ENGINE = MergeTree ORDER BY (series, place)", nil)
	for first, chunk := range slices.All(lo.Chunk(all, 50)) {
		var text strings.Builder
		for i, j := range chunk {
			points += len(j.Values)
			for place, values := range j.Values {
				fmt.Fprintf(&text, "%d %d %v\n", first*50+i, place, strings.Join(lo.Map(values, func(v float64, _ int) string { return fmt.Sprint(v) }), ","))
			}
		}
		exec(`INSERT INTO synthetic
			SELECT toUInt64(parts[1]), toUInt32(parts[2]), arrayReduce('median', samples), arrayMap(v -> toFloat64(v), splitByChar(',', parts[3])) AS samples, 0
			FROM (SELECT splitByChar(' ', arrayJoin(arrayPopBack(splitByChar('\n', {text:String})))) AS parts)`, store.Params{"text": text.String()})
	}
	return points
}

func findAll(b *testing.B, s *store.Store, d detect.Detector) map[uint64][]int {
	b.Helper()
	found := map[uint64][]int{}
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
	defer cancel()
	err := detect.Run(ctx, s, d, detect.Source{SQL: "SELECT series, place, level, values, bigger FROM synthetic"}, false, func(r detect.Row) error {
		found[r.Series] = append(found[r.Series], int(r.Place))
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return found
}

// ratio is a share of a number.
type ratio struct{ part, of int }

func (r ratio) value() float64 { return float64(r.part) / float64(max(r.of, 1)) }

// tally is how a detector did.
type tally struct {
	precision ratio
	bySize    map[string]*ratio // recall
	byShape   map[synth.Shape]*ratio
	wrong     map[synth.Shape]int
	falseBy   map[string]*ratio // findings per point, by kind of series
	delays    []int
}

func class(sigmas float64) string {
	switch {
	case sigmas < 2:
		return "below 2"
	case sigmas < 3:
		return "2 to 3"
	case sigmas < 5:
		return "3 to 5"
	}
	return "above 5"
}

func count(all []judged, found map[uint64][]int) tally {
	t := tally{bySize: map[string]*ratio{}, byShape: map[synth.Shape]*ratio{}, wrong: map[synth.Shape]int{}, falseBy: map[string]*ratio{}}
	delay := map[string]int{}
	for i, j := range all {
		at := found[uint64(i)] //nolint:gosec // an index
		switch j.kind {
		case "steps":
			t.steps(j, at)
		case "delay":
			name := fmt.Sprint(j.Machine, j.Test, j.Metric, j.Noise, j.step)
			if _, seen := delay[name]; !seen {
				delay[name] = horizon + 1
			}
			if len(score.Match([]int{j.step}, at, margin)) > 0 {
				delay[name] = min(delay[name], j.after)
			}
		default:
			add(t.falseBy, j.kind, len(at), len(j.Values))
		}
	}
	t.delays = slices.Sorted(maps.Values(delay))
	return t
}

func (t *tally) steps(j judged, found []int) {
	pairs := score.Match(j.At, found, margin)
	t.precision.part += len(pairs)
	t.precision.of += len(found)
	t.wrong[j.Shape] += len(found) - len(pairs)
	hit := lo.SliceToMap(pairs, func(p score.Pair) (int, bool) { return p.Truth, true })
	for i, c := range j.Changes {
		n := lo.Ternary(hit[i], 1, 0)
		add(t.bySize, class(c.Sigmas), n, 1)
		if c.Sigmas >= 2 {
			add(t.byShape, j.Shape, n, 1)
		}
	}
}

func add[K comparable](m map[K]*ratio, key K, part, of int) {
	if m[key] == nil {
		m[key] = &ratio{}
	}
	m[key].part += part
	m[key].of += of
}

func (t *tally) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(t.precision.value(), "precision")
	fmt.Printf("%s\n  precision %.3f of %d findings\n", b.Name(), t.precision.value(), t.precision.of)
	line := func(what string, m map[string]*ratio, unit float64) {
		fmt.Print("  ", what)
		for _, key := range slices.Sorted(maps.Keys(m)) {
			fmt.Printf("  %s: %.3f of %d", key, m[key].value()*unit, m[key].of)
		}
		fmt.Println()
	}
	line("recall by sigmas", t.bySize, 1)
	line("recall from 2 sigmas on by noise", lo.MapKeys(t.byShape, func(_ *ratio, s synth.Shape) string { return string(s) }), 1)
	fmt.Println("  wrong by noise", t.wrong)
	line("false per 10000 points", t.falseBy, 10_000)
	if n := len(t.delays); n > 0 {
		fmt.Printf("  orders until steps from 3 sigmas on are found: median %d, nine of ten %d, of %d\n", t.delays[n/2], t.delays[n*9/10], n)
	}
}

// hold fails when a bar is missed.
func (t *tally) hold(b *testing.B) {
	b.Helper()
	least := func(what string, got, want float64) {
		if cmp.Compare(got, want) < 0 {
			b.Errorf("%s is %.4f, must be at least %v", what, got, want)
		}
	}
	least("precision", t.precision.value(), 0.9)
	least("recall at 2 to 3 sigmas", t.bySize["2 to 3"].value(), 0.92)
	least("recall at 3 to 5 sigmas", t.bySize["3 to 5"].value(), 0.98)
	least("recall above 5 sigmas", t.bySize["above 5"].value(), 0.99)
	least("orders without a false finding, steady", 1-t.falseBy[silentName].value(), 1-1e-4)
	least("orders without a false finding, drifting", 1-t.falseBy[driftName].value(), 1-5e-4)
	least("3 less the median delay", float64(3-t.delays[len(t.delays)/2]), 0)
}
