package intake

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"
)

// errBusy says that there was no room for the request's bytes in time.
var errBusy = errors.New("too many bytes of submissions in flight")

// baseCost is what every request is charged from its start, in bytes: its first buffer, the head of the body kept for a
// refusal, and the buffered reader.
const baseCost = 128 << 10

// budget bounds the bytes of submissions in memory. Requests pay for what they have received, not for what they announce, so a
// client that announces much and sends little keeps nobody else out.
type budget struct {
	room  *semaphore.Weighted
	wait  time.Duration
	gauge prometheus.Gauge
}

func newBudget(limit int64, wait time.Duration, gauge prometheus.Gauge) *budget {
	return &budget{room: semaphore.NewWeighted(limit), wait: wait, gauge: gauge}
}

// lease is one request's share of a budget.
type lease struct {
	from *budget
	held int64
}

// open takes a lease with the base cost paid.
func (b *budget) open(ctx context.Context) (*lease, error) {
	l := &lease{from: b}
	if err := l.grow(ctx, baseCost); err != nil {
		return nil, err
	}
	return l, nil
}

// grow adds n bytes, waiting for room; errBusy when there is none in time.
func (l *lease) grow(ctx context.Context, n int64) error {
	if !l.from.room.TryAcquire(n) {
		ctx, cancel := context.WithTimeout(ctx, l.from.wait)
		defer cancel()
		if err := l.from.room.Acquire(ctx, n); err != nil {
			return errBusy
		}
	}
	l.held += n
	l.from.gauge.Add(float64(n))
	return nil
}

// shrink gives n bytes back.
func (l *lease) shrink(n int64) {
	l.held -= n
	l.from.room.Release(n)
	l.from.gauge.Sub(float64(n))
}

// close gives back what is held; closing again does nothing.
func (l *lease) close() {
	if l.held > 0 {
		l.shrink(l.held)
	}
}
