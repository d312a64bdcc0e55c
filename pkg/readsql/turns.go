package readsql

import "tidemark/pkg/turns"

// ErrBusy is returned to a statement that found no place among those that run and wait.
// Callers answer 503 with Retry-After.
var ErrBusy = turns.ErrBusy

// turns are those that limits name, or some of their own.
func (l Limits) turns() *turns.Share {
	if l.Turns != nil {
		return l.Turns
	}
	return turns.New(turns.Limits{Most: l.Concurrent, Queue: l.Queue, Wait: l.QueueWait})
}

// NewTurns bounds the statements that run at once, and those that wait for it.
func NewTurns(limits Limits) *turns.Share { return limits.WithDefaults().turns() }
