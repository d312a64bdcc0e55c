package registry_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
)

// BenchmarkDecide_30000Findings is about the largest events that detectors and people send.
func BenchmarkDecide_30000Findings(b *testing.B) {
	const tests, orders = 1000, 200
	setup := func() *registry.State {
		state := registry.New("default", "nts")
		for order := range orders {
			s := submission{Machine: "m", Order: fmt.Sprint(order), Tests: lo.Times(lo.Ternary(order == 0, tests, 1), func(i int) testEntry {
				return testEntry{fmt.Sprintf("suite/test%04d", i), "score", []float64{1}}
			})}
			state.Decide(registry.Prepare(s.envelope(numbered(-1 - order))))
		}
		return state
	}
	// thirty findings per test: all at one place, or spread over the whole history
	found := func(spread, gone bool) event.Envelope {
		var all []step
		for test := range tests {
			for i := range 30 {
				s := step{machine: 1, test: uint32(test + 1), metric: "score", from: 5, to: 6, nth: uint8(i), gone: gone}
				if spread {
					s.from = uint32(1 + (i*6+test)%(orders-1))
					s.to = s.from + 1
				}
				all = append(all, s)
			}
		}
		return stepsFound(all...)
	}
	for name, c := range map[string]struct{ before, event event.Envelope }{
		"at one place":       {event: found(false, false)},
		"everywhere":         {event: found(true, false)},
		"everywhere, again":  {found(true, false), found(true, false)},
		"everywhere, gone":   {found(true, false), found(true, true)},
		"at one place, gone": {found(false, false), found(false, true)},
		"dismissed": {found(false, false), lo.Must(encoded(event.ChangeIgnored, event.ChangeDismissal{
			ChangeIDs: lo.Times(30_000, func(i int) uint32 { return uint32(i + 1) }),
		}))},
		"split": {found(false, false), lo.Must(encoded(event.RegressionSplit, event.RegressionSplitting{
			RegressionID: 1, ChangeIDs: lo.Times(15_000, func(i int) uint32 { return uint32(2*i + 1) }),
		}))},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				state := setup()
				if c.before.Body != nil {
					c.before.ID = uuid.UUID{1}
					state.Decide(registry.Prepare(c.before))
				}
				c.event.ID = uuid.UUID{2}
				p := registry.Prepare(c.event)
				b.StartTimer()
				if d := state.Decide(p); d.Status != event.Accepted {
					b.Fatal(d.Error)
				}
			}
		})
	}
}
