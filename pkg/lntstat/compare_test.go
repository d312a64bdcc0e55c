package lntstat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tidemark/pkg/lntstat"
)

// What LNT says of random cases and of hand-made ones is recorded and compared in package sql, where the statement is held to the
// same. Here is what follows from the rules whatever the values.

func TestCompare_RulesInTheirOrder_FirstThatAppliesDecides(t *testing.T) {
	t.Parallel()
	steady, doubled := []float64{5}, []float64{10}
	for _, c := range []struct {
		why            string
		newer, older   lntstat.Side
		options        lntstat.Options
		test, perf     lntstat.Status
		with, hasValue bool
	}{
		{"less is better", lntstat.Side{Values: doubled}, lntstat.Side{Values: steady}, lntstat.Options{}, lntstat.StillFine, lntstat.Regressed, true, true},
		{"more is better", lntstat.Side{Values: doubled}, lntstat.Side{Values: steady}, lntstat.Options{BiggerIsBetter: true}, lntstat.StillFine, lntstat.Improved, true, true},
		{"a failure hides its value", lntstat.Side{Values: doubled, Failed: true}, lntstat.Side{Values: steady}, lntstat.Options{}, lntstat.Regressed, lntstat.StillFails, true, true},
		{"what failed before passes", lntstat.Side{Values: doubled}, lntstat.Side{Values: steady, Failed: true}, lntstat.Options{}, lntstat.Improved, lntstat.StillFine, true, true},
		{"fails still", lntstat.Side{Failed: true}, lntstat.Side{Failed: true}, lntstat.Options{}, lntstat.StillFails, "", false, false},
		{"the same binary", lntstat.Side{Values: doubled, Hash: "a"}, lntstat.Side{Values: steady, Hash: "a"}, lntstat.Options{SameHash: true}, lntstat.StillFine, lntstat.StillFine, true, true},
		{"no hash is like no other", lntstat.Side{Values: doubled}, lntstat.Side{Values: steady}, lntstat.Options{SameHash: true}, lntstat.StillFine, lntstat.Regressed, true, true},
		{"nothing before", lntstat.Side{Values: doubled}, lntstat.Side{}, lntstat.Options{}, lntstat.StillFine, "", false, true},
		{"nothing now", lntstat.Side{}, lntstat.Side{Values: steady}, lntstat.Options{}, lntstat.StillFine, "", false, false},
		{"zero is compared with nothing", lntstat.Side{Values: []float64{0}}, lntstat.Side{Values: steady}, lntstat.Options{}, lntstat.StillFine, "", false, true},
	} {
		c.options.Confidence = 0.05
		got := lntstat.Compare(c.newer, c.older, c.options)
		if got.Test != c.test || got.Value != c.perf || got.HasPrevious != c.with || got.HasCurrent != c.hasValue {
			t.Errorf("%s: %+v", c.why, got)
		}
	}
}

// The same samples in another order, or the same question from the other side, get the same answer, or the opposite one.
func TestCompare_TwoRunsExchanged_TheOppositeIsSaid(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 1)) //nolint:gosec // reproducible by design
	opposite := map[lntstat.Status]lntstat.Status{lntstat.Regressed: lntstat.Improved, lntstat.Improved: lntstat.Regressed, lntstat.StillFine: lntstat.StillFine}
	said := map[lntstat.Status]int{}
	for range 2000 {
		a, b := 1+r.Float64(), 1+r.Float64()
		o := lntstat.Options{BiggerIsBetter: r.IntN(2) == 0, SmallDifferences: true, Confidence: 0.05}
		one := lntstat.Compare(lntstat.Side{Values: []float64{a}}, lntstat.Side{Values: []float64{b}}, o)
		other := lntstat.Compare(lntstat.Side{Values: []float64{b}}, lntstat.Side{Values: []float64{a}}, o)
		if said[one.Value]++; other.Value != opposite[one.Value] {
			t.Fatalf("%v against %v: %s and %s", a, b, one.Value, other.Value)
		}
	}
	if len(said) < 2 {
		t.Errorf("only %v", said)
	}
}

func TestCompare_SamplesShuffled_NothingChangesButTies(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 1)) //nolint:gosec // reproducible by design
	for range 500 {
		draw := func() []float64 {
			values := make([]float64, 1+r.IntN(30))
			for i := range values {
				values[i] = 10 + r.NormFloat64()
			}
			return values
		}
		a, b := draw(), draw()
		o := lntstat.Options{Confidence: 0.05}
		before := lntstat.Compare(lntstat.Side{Values: a}, lntstat.Side{Values: b}, o)
		slices.Reverse(a)
		slices.Reverse(b)
		after := lntstat.Compare(lntstat.Side{Values: a}, lntstat.Side{Values: b}, o)
		if fmt.Sprint(before.Test, before.Value, before.Current, before.Previous) != fmt.Sprint(after.Test, after.Value, after.Current, after.Previous) {
			t.Fatalf("%v against %v: %+v, shuffled %+v", a, b, before, after)
		}
	}
}
