package detector_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/store"
	"tidemark/pkg/synth"
	"tidemark/sql"
)

// screened is what of one kind of noise the screen lets pass.
type screened struct{ found, missed, flat, flatPassed int }

// TestScreen_StepsTheDetectorFinds_PassByTheirThirdOrder: what the detector itself finds at the third order of a step the screen lets
// pass, whatever the noise, and few of the series without a step. The steps are of 3 to 6 spreads of an order.
func TestScreen_StepsTheDetectorFinds_PassByTheirThirdOrder(t *testing.T) {
	t.Parallel()
	const orders, window = 60, 25
	w := newWorld(t)
	kinds, reports := noisySeries(t, orders)
	w.log.submit("nts", nil, reports...)
	line, err := detect.LineOf(t.Context(), w.log.store, detect.Selection{Database: "default", Suite: "nts"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	last := line[orders-window:]
	var seqs []uint64
	var at []uint32 // the last is touched, a step may be new at the last 17
	for i, o := range last {
		seqs = append(seqs, o.Seqs...)
		at = append(at, uint32(4*(i+1)+lo.Ternary(i == window-1, 1, 0)+lo.Ternary(i >= window-17, 2, 0))) //nolint:gosec // a small number
	}
	type row struct {
		MachineID uint32 `ch:"machine_id"`
		Metric    string `ch:"metric"`
		TestID    uint32 `ch:"test_id"`
		Of        uint64 `ch:"of"`
	}
	passed := map[uint32]bool{}
	list, err := store.Select[row](t.Context(), w.log.store, sql.MustJob("detect_screen"), store.Params{
		"database": "default", "suite": "nts", "machine_ids": []uint32{1}, "partial": []uint32{1}, "seqs": seqs, "at": at,
		"least": 2.7, "min_effect": 0.001, "min_before": uint64(5), "min_after": uint64(3),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		passed[r.TestID] = true
	}
	tally := map[string]*screened{}
	for id, kind := range kinds {
		if tally[kind] == nil {
			tally[kind] = &screened{}
		}
		if id%2 == 1 { // see noisySeries
			tally[kind].flat++
			tally[kind].flatPassed += lo.Ternary(passed[id], 1, 0)
		}
	}
	err = detect.Stored(t.Context(), w.log.store, detect.Selection{Database: "default", Suite: "nts"}, lo.Must(detect.Resolve("steps", "", nil)), false, nil,
		func(r detect.StoredRow) error {
			if r.OrderID == line[orders-3].OrderID {
				tally[kinds[r.TestID]].found++
				tally[kinds[r.TestID]].missed += lo.Ternary(passed[r.TestID], 0, 1)
			}
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	found, missed := 0, 0
	for _, kind := range slices.Sorted(maps.Keys(tally)) {
		s := tally[kind]
		t.Logf("%-10s %d of %d steps that the detector finds pass, %d of %d series without one", kind, s.found-s.missed, s.found, s.flatPassed, s.flat)
		found, missed = found+s.found, missed+s.missed
		if s.found == 0 || s.missed*20 > s.found {
			t.Errorf("%s: %d of the %d steps that the detector finds do not pass the screen", kind, s.missed, s.found)
		}
	}
	if found < len(kinds)/8 || missed*50 > found {
		t.Errorf("%d of the %d steps that the detector finds do not pass the screen", missed, found)
	}
	flat := lo.SumBy(slices.Collect(maps.Values(tally)), func(s *screened) int { return s.flat })
	if of := lo.SumBy(slices.Collect(maps.Values(tally)), func(s *screened) int { return s.flatPassed }); of*6 > flat {
		t.Errorf("%d of %d series without a step pass", of, flat)
	}
}

// noisySeries are the reports of one machine, and the kind of each test's noise by its id: every kind that synth has, and outliers and
// drift on top of them. Every second test steps up at the third order from the end.
func noisySeries(t *testing.T, orders int) (kinds map[uint32]string, reports [][]byte) {
	t.Helper()
	kinds = map[uint32]string{}
	tests := make([][]map[string]any, orders)
	for i, extra := range []struct {
		kind string
		set  func(*synth.Config)
	}{
		{"", func(c *synth.Config) { c.SpikeRate, c.DriftRate, c.Tests = 0, 0, 160 }},
		{"outliers", func(c *synth.Config) { c.SpikeRate, c.DriftRate = 1, 0 }},
		{"drift", func(c *synth.Config) { c.SpikeRate, c.DriftRate = 0, 1 }},
	} {
		cfg := synth.DefaultConfig()
		cfg.Seed, cfg.Machines, cfg.Tests, cfg.Orders, cfg.ChangeRate, cfg.MachineSwaps = uint64(31+i), 1, 50, orders, 0, 0 //nolint:gosec // a small number
		cfg.MissingRate, cfg.FailureRate, cfg.LateRate = 0, 0, 0
		extra.set(&cfg)
		g, err := synth.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for s := range g.Series() {
			if s.Shape == synth.Exact || len(s.Values) != orders {
				continue
			}
			id := uint32(len(kinds) + 1) //nolint:gosec // a small number
			kinds[id] = lo.CoalesceOrEmpty(extra.kind, string(s.Shape))
			for order, samples := range s.Values {
				step := 1.0
				if id%2 == 0 && order >= orders-3 {
					step += s.Noise * (3 + float64(id%8)/2)
				}
				tests[order] = append(tests[order], map[string]any{
					"name": "t" + strconv.Itoa(int(id)), "execution_time": lo.Map(samples, func(v float64, _ int) float64 { return v * step }),
				})
			}
		}
	}
	for order, list := range tests {
		reports = append(reports, lo.Must(json.Marshal(map[string]any{
			"format_version": "2", "machine": map[string]any{"name": "m"}, "tests": list,
			"run": map[string]any{"llvm_project_revision": fmt.Sprint(order + 1), "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00"},
		})))
	}
	return kinds, reports
}
