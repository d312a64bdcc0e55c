package turns

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrBusy is returned to work that found no place among what goes on and what waits. Callers answer 503 with Retry-After.
var ErrBusy = errors.New("too much at once")

// Limits bound a share.
type Limits struct {
	// Most is how many places of the pool the share may have.
	Most int
	// Queue is how many wait for a place; more are refused at once.
	Queue int
	// Wait is the longest that one waits before it is refused.
	Wait time.Duration
}

// Load is what a share has seen so far, and sees now.
type Load struct {
	Running, Waiting int
	// Entered counts what got a place, Full what found the queue full, Late what waited too long, Left what gave up by itself.
	Entered, Full, Late, Left uint64
	// Waited is how long all together waited for a place or a refusal.
	Waited time.Duration
}

// Pool is a number of places.
type Pool struct {
	mu     sync.Mutex
	free   int
	shares []*Share
	last   int // of the share that got a place from the queues
}

// NewPool has that many places.
func NewPool(places int) *Pool { return &Pool{free: places} }

// Share is a part of a pool.
type Share struct {
	name   string
	pool   *Pool
	limits Limits
	queue  []*turn
	load   Load
}

// turn is one that waits; given is closed when it has its place.
type turn struct{ given chan struct{} }

// New is a share of a pool of its own.
func New(l Limits) *Share { return NewPool(l.Most).Share("", l) }

// Share adds a share. Shares may have more places together than the pool has.
func (p *Pool) Share(name string, l Limits) *Share {
	s := &Share{name: name, pool: p, limits: l}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shares = append(p.shares, s)
	return s
}

// Shares are the shares in the order in which they were added.
func (p *Pool) Shares() []*Share {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.shares)
}

// Name is what the share was called.
func (s *Share) Name() string { return s.name }

// Load says how the share is doing.
func (s *Share) Load() Load {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	now := s.load
	now.Waiting = len(s.queue)
	return now
}

// Enter waits for a place; leave, which may be called more than once, gives it back. It returns [ErrBusy], or ctx's error.
func (s *Share) Enter(ctx context.Context) (leave func(), err error) {
	mine, err := s.line()
	if err != nil {
		return nil, err
	}
	if mine == nil {
		return s.leave(), nil
	}
	began := time.Now()
	patience := time.NewTimer(s.limits.Wait)
	defer patience.Stop()
	select {
	case <-mine.given:
	case <-patience.C:
		err = ErrBusy
	case <-ctx.Done():
		err = ctx.Err()
	}
	return s.settle(mine, err, time.Since(began))
}

// line takes a place at once, or stands in the queue for one.
func (s *Share) line() (*turn, error) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	if s.pool.free > 0 && s.load.Running < s.limits.Most {
		s.take()
		return nil, nil
	}
	if len(s.queue) >= s.limits.Queue {
		s.load.Full++
		return nil, ErrBusy
	}
	mine := &turn{given: make(chan struct{})}
	s.queue = append(s.queue, mine)
	return mine, nil
}

// settle ends the wait. A place that was given while the wait was given up is taken all the same, unless nobody wants it.
func (s *Share) settle(mine *turn, given error, waited time.Duration) (func(), error) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	s.load.Waited += waited
	at := slices.Index(s.queue, mine)
	switch {
	case at < 0 && (given == nil || errors.Is(given, ErrBusy)):
		return s.leave(), nil
	case at < 0:
		s.giveBack()
		s.load.Left++
	case errors.Is(given, ErrBusy):
		s.queue = slices.Delete(s.queue, at, at+1)
		s.load.Late++
	default:
		s.queue = slices.Delete(s.queue, at, at+1)
		s.load.Left++
	}
	return nil, given
}

func (s *Share) leave() func() {
	return sync.OnceFunc(func() {
		s.pool.mu.Lock()
		defer s.pool.mu.Unlock()
		s.giveBack()
	})
}

// take and giveBack are called with the pool locked.
func (s *Share) take() {
	s.pool.free--
	s.load.Running++
	s.load.Entered++
}

func (s *Share) giveBack() {
	s.pool.free++
	s.load.Running--
	for s.pool.free > 0 {
		next := s.pool.next()
		if next == nil {
			return
		}
		next.take()
		close(next.queue[0].given)
		next.queue = slices.Delete(next.queue, 0, 1)
	}
}

// next is the share that gets a place: of those that wait and may have more, the one that has the fewest; of several the one
// after the last that got one.
func (p *Pool) next() *Share {
	var best *Share
	at := p.last
	for i := range p.shares {
		n := (p.last + 1 + i) % len(p.shares)
		s := p.shares[n]
		if len(s.queue) > 0 && s.load.Running < s.limits.Most && (best == nil || s.load.Running < best.load.Running) {
			best, at = s, n
		}
	}
	p.last = at
	return best
}

type shareKey struct{}

// With is a context whose work belongs to the share.
func With(ctx context.Context, s *Share) context.Context {
	return context.WithValue(ctx, shareKey{}, s)
}

// Of is the share that ctx's work belongs to, or otherwise.
func Of(ctx context.Context, otherwise *Share) *Share {
	if s, ok := ctx.Value(shareKey{}).(*Share); ok {
		return s
	}
	return otherwise
}
