package sql_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/store"
	"tidemark/pkg/synth"
	"tidemark/pkg/testkit"
)

// stepsOn is what the default detector finds in points.
func stepsOn(t *testing.T, s *store.Store, points []place) []detect.Row {
	t.Helper()
	d, err := detect.Resolve("steps", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, p := range points {
		fmt.Fprintf(&text, "%d %d %s\n", p.series, p.place, strings.Join(lo.Map(p.values, func(v float64, _ int) string { return fmt.Sprint(v) }), ","))
	}
	source := detect.Source{Params: store.Params{"text": text.String()}, SQL: `SELECT toUInt64(parts[1]) AS series, toUInt32(parts[2]) AS place,
		arrayMap(v -> toFloat64(v), splitByChar(',', parts[3])) AS values, arrayReduce('median', values) AS level, 0::UInt8 AS bigger
		FROM (SELECT splitByChar(' ', arrayJoin(arrayPopBack(splitByChar('\n', {text:String})))) AS parts)`}
	found, err := detect.Findings(t.Context(), s, d, source)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// history has the points of some series with steps, numbered from 1.
func history(t *testing.T, orders int) []place {
	t.Helper()
	cfg := synth.DefaultConfig()
	cfg.Seed, cfg.Tests, cfg.Machines, cfg.Orders, cfg.ChangeRate = 5, 8, 2, orders, 0.8
	g, err := synth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var points []place
	series := 0
	for s := range g.Series() {
		series++
		for i, values := range s.Values {
			points = append(points, place{series: series, place: i, values: values})
		}
	}
	return points
}

func TestSteps_WhateverElseThereIs_SameFindings(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	points := history(t, 100)
	want := stepsOn(t, s, points)
	if len(want) < 10 {
		t.Fatalf("%d findings; too few to tell", len(want))
	}
	const others = 1000
	relabelled := lo.Map(points, func(p place, _ int) place { p.series += others; return p })
	shuffled := append([]place(nil), points...)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] }) //nolint:gosec // reproducible by design
	unlike := lo.Map(relabelled, func(p place, _ int) place {
		p.values = lo.Map(p.values, func(v float64, _ int) float64 { return 100 + math.Mod(v*7919, 3) })
		return p
	})
	first := want[0].Series
	alone := lo.Filter(points, func(p place, _ int) bool { return uint64(p.series) == first }) //nolint:gosec // small numbers
	for name, c := range map[string]struct {
		points []place
		by     uint64
		of     func(detect.Row) bool
	}{
		"relabelled":  {relabelled, others, func(detect.Row) bool { return true }},
		"shuffled":    {shuffled, 0, func(detect.Row) bool { return true }},
		"alone":       {alone, 0, func(r detect.Row) bool { return r.Series == first }},
		"with others": {append(unlike, points...), 0, func(r detect.Row) bool { return r.Series < others }},
	} {
		t.Run(name, func(t *testing.T) {
			got := lo.FilterMap(stepsOn(t, s, c.points), func(r detect.Row, _ int) (detect.Row, bool) {
				r.Series -= c.by
				return r, c.of(r)
			})
			if diff := cmp.Diff(lo.Filter(want, func(r detect.Row, _ int) bool { return c.of(r) }), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSteps_InAnotherUnit_SameFindings(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	points := history(t, 100)
	want := stepsOn(t, s, points)
	for _, factor := range []float64{1e-9, 1024, 3.7e12, -1} {
		t.Run(fmt.Sprint(factor), func(t *testing.T) {
			scaled := lo.Map(points, func(p place, _ int) place {
				p.values = lo.Map(p.values, func(v float64, _ int) float64 { return v * factor })
				return p
			})
			got := stepsOn(t, s, scaled)
			flipped := lo.Map(want, func(r detect.Row, _ int) detect.Row {
				if factor < 0 {
					r.Direction = lo.Ternary(r.Direction == "up", "down", "up")
					r.Kind = lo.Ternary(r.Kind == "improvement", "regression", "improvement")
					r.Effect = -r.Effect
				}
				return r
			})
			// the last digits of sums and medians hang on the unit
			same := cmp.Options{
				cmpopts.EquateApprox(1e-6, 1e-9),
				cmpopts.IgnoreFields(detect.Row{}, "Before", "After", "Spread", "EffectLow", "EffectHigh", "Statistic", "PValue", "Checks"),
			}
			if diff := cmp.Diff(flipped, got, same); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What lies beyond the reach changes nothing, so a stretch of a long history gives what the whole gives.
func TestSteps_BeyondTheReach_ChangesNothing(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	points := history(t, 1100)
	const from, to, reach = 500, 560, 256 + 96
	inside := func(rows []detect.Row) []detect.Row {
		return lo.Filter(rows, func(r detect.Row, _ int) bool { return r.Place >= from && r.Place < to })
	}
	want := inside(stepsOn(t, s, points))
	if len(want) == 0 {
		t.Fatal("no findings in the middle; nothing to tell")
	}
	stretch := lo.Filter(points, func(p place, _ int) bool { return p.place >= from-reach && p.place < to+reach })
	if diff := cmp.Diff(want, inside(stepsOn(t, s, stretch))); diff != "" {
		t.Error(diff)
	}
}
