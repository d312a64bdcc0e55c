package detector

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/event"
)

// line is a machine whose orders 1, 2, … stand where their ids say.
func line() *series {
	return &series{
		database: "default", suite: "nts", detectorKey: "steps", machineID: 1,
		stands: func(order uint32) (int, bool) { return int(order), order > 0 },
		judged: func(*known) bool { return true },
	}
}

func foundAt(order uint32, direction string, before, after float64) detect.StoredRow {
	return detect.StoredRow{
		Row:       detect.Row{Direction: direction, Kind: "regression", Before: before, After: after, Effect: after/before - 1, Statistic: 9},
		MachineID: 1, TestID: 2, Metric: "m", OrderID: order, PreviousOrderID: order - 1,
	}
}

// apply is what is known after a reconciliation was told.
func apply(list []known, told []event.Finding) []known {
	out := slices.Clone(list)
	for _, f := range told {
		k := known{
			ID: f.ID, MachineID: f.MachineID, TestID: f.TestID, Metric: f.Metric, OrderID: f.OrderID, PreviousOrderID: f.PreviousOrderID,
			Direction: string(f.Direction), Kind: string(f.Kind), Before: f.Before, After: f.After, Spread: f.Spread, Effect: f.Effect,
			EffectLow: f.EffectLow, EffectHigh: f.EffectHigh, Statistic: f.Statistic, PValue: f.PValue, Cause: f.Cause, Nth: f.Nth,
			Active: lo.Ternary[uint8](f.Active, 1, 0),
		}
		if i := slices.IndexFunc(out, func(o known) bool { return o.ID == f.ID }); i >= 0 {
			out[i] = k
		} else {
			out = append(out, k)
		}
	}
	return out
}

func TestReconcile_AChangeSeenAgain_KeepsItsIDWhenItIsTheSame(t *testing.T) {
	t.Parallel()
	first := foundAt(20, "up", 10, 11)
	for name, c := range map[string]struct {
		again detect.StoredRow
		told  string // per finding: its order, + or -, and whether the id is the first one's
	}{
		"as it was":                 {foundAt(20, "up", 10, 11), "[]"},
		"within rounding":           {foundAt(20, "up", 10*(1+1e-12), 11), "[]"},
		"other numbers":             {foundAt(20, "up", 10, 11.5), "[20+same]"},
		"an order later":            {foundAt(21, "up", 10, 11), "[21+same]"},
		"some orders earlier":       {foundAt(17, "up", 10, 11.8), "[17+same]"},
		"far away":                  {foundAt(30, "up", 10, 11), "[30+other 20-same]"},
		"the other way":             {foundAt(20, "down", 10, 9), "[20+other 20-same]"},
		"beside, much larger":       {foundAt(21, "up", 10, 12.5), "[21+other 20-same]"},
		"at its order, much larger": {foundAt(20, "up", 10, 15), "[20+same]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := line()
			list := apply(nil, s.reconcile(nil, []detect.StoredRow{first}).Changed)
			got := lo.Map(s.reconcile(list, []detect.StoredRow{c.again}).Changed, func(f event.Finding, _ int) string {
				return fmt.Sprint(f.OrderID, lo.Ternary(f.Active, "+", "-"), lo.Ternary(f.ID == list[0].ID, "same", "other"))
			})
			if fmt.Sprint(got) != c.told {
				t.Errorf("told %v, want %s", got, c.told)
			}
		})
	}
}

func TestReconcile_MovedAwayAndANewOneInItsPlace_GetsTheNextNumber(t *testing.T) {
	t.Parallel()
	s := line()
	list := apply(nil, s.reconcile(nil, []detect.StoredRow{foundAt(20, "up", 10, 11)}).Changed)
	list = apply(list, s.reconcile(list, []detect.StoredRow{foundAt(22, "up", 10, 11)}).Changed)
	list = apply(list, s.reconcile(list, []detect.StoredRow{foundAt(20, "up", 10, 10.2), foundAt(22, "up", 10, 11)}).Changed)
	if len(list) != 2 || list[0].OrderID != 22 || list[1].OrderID != 20 || list[1].Nth != 1 || list[0].ID == list[1].ID {
		t.Errorf("known: %+v", list)
	}
}

func TestReconcile_NotJudged_IsLeftAlone(t *testing.T) {
	t.Parallel()
	s := line()
	list := apply(nil, s.reconcile(nil, []detect.StoredRow{foundAt(20, "up", 10, 11)}).Changed)
	s.judged = func(*known) bool { return false }
	if r := s.reconcile(list, nil); len(r.Changed) != 0 || len(r.Standing) != 1 {
		t.Errorf("told %+v, standing %+v", r.Changed, r.Standing)
	}
}

func TestReconcile_MergedMachinesFinding_IsTakenBackAndFoundUnderTheOther(t *testing.T) {
	t.Parallel()
	s := line()
	list := apply(nil, s.reconcile(nil, []detect.StoredRow{foundAt(20, "up", 10, 11)}).Changed)
	list[0].MachineID = 7
	r := s.reconcile(list, []detect.StoredRow{foundAt(20, "up", 10, 11)})
	if len(r.Changed) != 2 || r.Changed[0].MachineID != 1 || !r.Changed[0].Active || r.Changed[1].MachineID != 7 || r.Changed[1].Active {
		t.Errorf("told %+v", r.Changed)
	}
}

// TestReconcile_AnyHistory_StandsWhatWasFoundLast: whatever was found before, what stands in the end is what was found last, each under
// an id of its own, and telling it once more tells nothing.
func TestReconcile_AnyHistory_StandsWhatWasFoundLast(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // reproducible by design
		s := line()
		var list []known
		var found []detect.StoredRow
		for range 6 {
			found = nil
			for order := uint32(3); order < 40; order += 1 + r.Uint32N(12) {
				found = append(found, foundAt(order, lo.Sample([]string{"up", "down"}), 10, 10+r.Float64()))
			}
			list = apply(list, s.reconcile(list, found).Changed)
			standing := lo.Filter(list, func(k known, _ int) bool { return k.Active == 1 })
			orders := lo.Map(standing, func(k known, _ int) uint32 { return k.OrderID })
			slices.Sort(orders)
			if want := lo.Map(found, func(f detect.StoredRow, _ int) uint32 { return f.OrderID }); !slices.Equal(orders, want) {
				t.Fatalf("seed %d: stand %v, found %v", seed, orders, want)
			}
			if ids := lo.UniqBy(list, func(k known) uuid.UUID { return k.ID }); len(ids) != len(list) {
				t.Fatalf("seed %d: an id twice", seed)
			}
			if again := s.reconcile(list, found).Changed; len(again) != 0 {
				t.Fatalf("seed %d: tells %+v again", seed, again)
			}
		}
	}
}
