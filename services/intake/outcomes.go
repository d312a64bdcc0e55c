package intake

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/eventlog"
)

// Tailer follows a topic from its end; eventlog.Log is one.
type Tailer interface {
	Tail(ctx context.Context, topic string, ready func(), handle func(eventlog.Record)) error
}

var (
	// errNoOutcome says that the outcome did not come in time, or that nobody is following the topic any more.
	errNoOutcome = errors.New("no outcome yet")
	// errCrowded says that too many requests are waiting already.
	errCrowded = errors.New("too many requests wait for outcomes")
)

// Outcomes hands what the projector answers to the requests that wait for it. A waiter is registered before its event is
// appended, so an outcome cannot come too early; and it is matched by the event's place in the log, because two requests may
// carry the same event id and still deserve different answers.
type Outcomes struct {
	tail Tailer
	log  *slog.Logger
	max  int

	mu      sync.Mutex
	waiting map[uuid.UUID][]*waiter
	count   int
	ready   chan struct{} // closed while the topic is followed
	open    bool          // ready is closed
	ended   chan struct{} // closed when Run returned
	over    sync.Once
}

// waiter is one request's interest in an event.
type waiter struct {
	of    *Outcomes
	id    uuid.UUID
	at    *eventlog.Position // nil until the append was answered
	early []event.Outcome    // came before at was known
	got   chan event.Outcome // holds one
}

// maxEarly bounds the outcomes of one id that are kept until the place of the event is known.
const maxEarly = 32

// NewOutcomes follows nothing before Run; at most maxWaiters requests wait at once.
func NewOutcomes(tail Tailer, maxWaiters int, log *slog.Logger) *Outcomes {
	return &Outcomes{
		tail: tail, log: log, max: maxWaiters,
		waiting: map[uuid.UUID][]*waiter{}, ready: make(chan struct{}), ended: make(chan struct{}),
	}
}

// Run follows the topic until ctx ends, beginning again when the log fails. It may be called once.
func (o *Outcomes) Run(ctx context.Context) error {
	defer o.over.Do(func() { close(o.ended) })
	const shortest, longest = 100 * time.Millisecond, 5 * time.Second
	pause := shortest
	for ctx.Err() == nil {
		err := o.tail.Tail(ctx, event.TopicOutcomes, o.follow, o.handle)
		if o.lose() {
			pause = shortest
		}
		if ctx.Err() != nil {
			return nil
		}
		o.log.WarnContext(ctx, "outcomes not followed", "err", err, "retry_in", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
	return nil
}

// Ready reports whether the topic is followed now.
func (o *Outcomes) Ready() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open
}

// waitReady waits until the topic is followed, for at most this long.
func (o *Outcomes) waitReady(ctx context.Context, most time.Duration) bool {
	o.mu.Lock()
	ready, open := o.ready, o.open
	o.mu.Unlock()
	if open {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	select {
	case <-ready:
		return true
	case <-o.ended:
	case <-ctx.Done():
	}
	return false
}

func (o *Outcomes) follow() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.open {
		o.open = true
		close(o.ready)
	}
}

// lose reports whether the topic had been followed until now.
func (o *Outcomes) lose() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.open {
		return false
	}
	o.open = false
	o.ready = make(chan struct{})
	return true
}

func (o *Outcomes) handle(r eventlog.Record) {
	out, err := event.DecodeOutcome(r.Value)
	if err != nil {
		o.log.Warn("outcome not understood", "partition", r.Partition, "offset", r.Offset, "err", err)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range o.waiting[out.EventID] {
		if w.at == nil {
			if len(w.early) < maxEarly {
				w.early = append(w.early, out)
			}
			continue
		}
		w.offer(out)
	}
}

// register begins to watch for an event.
func (o *Outcomes) register(id uuid.UUID) (*waiter, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count >= o.max {
		return nil, errCrowded
	}
	w := &waiter{of: o, id: id, got: make(chan event.Outcome, 1)}
	o.waiting[id] = append(o.waiting[id], w)
	o.count++
	return w, nil
}

// Waiters is how many requests wait now.
func (o *Outcomes) Waiters() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count
}

// offer gives the outcome to its waiter if it is about the very record; the caller holds the lock.
func (w *waiter) offer(out event.Outcome) {
	if out.Partition != w.at.Partition || out.Offset != w.at.Offset {
		return
	}
	select {
	case w.got <- out:
	default: // a repeat
	}
}

// wait waits for the outcome of the record at this place, for at most this long.
func (w *waiter) wait(ctx context.Context, at eventlog.Position, most time.Duration) (event.Outcome, error) {
	w.of.mu.Lock()
	w.at = &at
	for _, out := range w.early {
		w.offer(out)
	}
	w.early = nil
	w.of.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	select {
	case out := <-w.got:
		return out, nil
	case <-w.of.ended:
	case <-ctx.Done():
	}
	select {
	case out := <-w.got:
		return out, nil
	default:
		return event.Outcome{}, errNoOutcome
	}
}

// forget ends the interest.
func (w *waiter) forget() {
	o := w.of
	o.mu.Lock()
	defer o.mu.Unlock()
	left := o.waiting[w.id]
	for i, other := range left {
		if other == w {
			left = append(left[:i:i], left[i+1:]...)
			o.count--
			break
		}
	}
	if len(left) == 0 {
		delete(o.waiting, w.id)
	} else {
		o.waiting[w.id] = left
	}
}
