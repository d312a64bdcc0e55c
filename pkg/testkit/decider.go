package testkit

import (
	"testing"
	"time"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/store"
)

// Decider stands in for the projector's loop: it decides events in the order in
// which they come and lays them out by the code that the projector uses.
type Decider struct {
	states map[string]*registry.State
}

// NewDecider knows no suite yet.
func NewDecider() *Decider { return &Decider{states: map[string]*registry.State{}} }

// Decide gives an event's row, stored at the given time, and its decision.
func (d *Decider) Decide(t testing.TB, at store.LogPosition, storedAt time.Time, e event.Envelope) (store.LedgerRow, registry.Decision) {
	t.Helper()
	state := d.states[e.Key()]
	if state == nil {
		state = registry.New(e.Database, e.Suite)
		d.states[e.Key()] = state
	}
	prepared := registry.Prepare(e)
	decision := state.Decide(prepared)
	row, err := store.Decided(at, &prepared, &decision)
	if err != nil {
		t.Fatal(err)
	}
	row.StoredAt = storedAt
	return row, decision
}
