package readsql

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// ErrBusy is returned to a statement that found no place among those that run and wait.
// Callers answer 503 with Retry-After.
var ErrBusy = errors.New("too many statements at once")

// Turns bounds the statements that run at once, and those that wait for it.
type Turns struct {
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64
	wait    time.Duration
}

// NewTurns takes the bounds from limits.
func NewTurns(limits Limits) *Turns {
	limits = limits.WithDefaults()
	return &Turns{slots: make(chan struct{}, limits.Concurrent), queue: int64(limits.Queue), wait: limits.QueueWait}
}

// Enter waits for a turn; leave gives it back. It returns [ErrBusy], or ctx's error.
func (t *Turns) Enter(ctx context.Context) (leave func(), err error) {
	leave = func() { <-t.slots }
	select {
	case t.slots <- struct{}{}:
		return leave, nil
	default:
	}
	if t.waiting.Add(1) > t.queue {
		t.waiting.Add(-1)
		return nil, ErrBusy
	}
	defer t.waiting.Add(-1)
	timer := time.NewTimer(t.wait)
	defer timer.Stop()
	select {
	case t.slots <- struct{}{}:
		return leave, nil
	case <-timer.C:
		return nil, ErrBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Load says how many statements run and how many wait.
func (t *Turns) Load() (running, waiting int) { return len(t.slots), int(t.waiting.Load()) }
