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
	// Beside is how many it may have beside what comes first, see [Pool.First]; 0 is as many as ever.
	Beside int
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
	first  int // how much goes on that comes first
}

// NewPool has that many places.
func NewPool(places int) *Pool { return &Pool{free: places} }

// First says that something goes on that takes no place and comes before all that does, until done is called, which may be more than
// once. Shares keep the places they have, and get a further one only below their Beside.
func (p *Pool) First() (done func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.first++
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.first--
		p.handOut()
	})
}

// Share is a part of a pool.
type Share struct {
	name   string
	pool   *Pool
	limits Limits
	queue  []*turn
	load   Load
}

// turn is one that waits; given is closed when it has its place.
type turn struct {
	given chan struct{}
	visit *visit
}

// visit is a piece of work that needs places one after the other, or some at once. Once it had one, it is not refused any more and goes
// before those that had none: else what it did would be for nothing.
type visit struct{ isIn bool } // guarded by the pool's mutex

// goesOn says that the turn belongs to work that had a place. It is called with the pool locked, as all that looks into a visit.
func (t *turn) goesOn() bool { return t.visit != nil && t.visit.isIn }

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

// Enter waits for a place; leave, which may be called more than once, gives it back. It returns [ErrBusy], or ctx's error. Of the work
// that a context of [With] stands for only the first Enter can be refused; the further ones wait for as long as ctx lasts.
func (s *Share) Enter(ctx context.Context) (leave func(), err error) {
	mine, patient, err := s.line(visitOf(ctx))
	if err != nil {
		return nil, err
	}
	if mine == nil {
		return s.leave(), nil
	}
	began := time.Now()
	var late <-chan time.Time
	if !patient {
		patience := time.NewTimer(s.limits.Wait)
		defer patience.Stop()
		late = patience.C
	}
	select {
	case <-mine.given:
	case <-late:
		err = ErrBusy
	case <-ctx.Done():
		err = ctx.Err()
	}
	return s.settle(mine, err, time.Since(began))
}

// line takes a place at once, or stands in the queue for one: patiently, when it had one before.
func (s *Share) line(v *visit) (mine *turn, patient bool, err error) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	mine = &turn{given: make(chan struct{}), visit: v}
	switch {
	case s.pool.free > 0 && s.mayHave():
		s.take(mine)
		return nil, false, nil
	case mine.goesOn():
		behind := slices.IndexFunc(s.queue, func(t *turn) bool { return !t.goesOn() })
		if behind < 0 {
			behind = len(s.queue)
		}
		s.queue = slices.Insert(s.queue, behind, mine)
		return mine, true, nil
	case len(s.queue) >= s.limits.Queue:
		s.load.Full++
		return nil, false, ErrBusy
	}
	s.queue = append(s.queue, mine)
	return mine, false, nil
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

// What follows is called with the pool locked.
func (s *Share) take(t *turn) {
	if t.visit != nil {
		t.visit.isIn = true
	}
	s.pool.free--
	s.load.Running++
	s.load.Entered++
}

func (s *Share) giveBack() {
	s.pool.free++
	s.load.Running--
	s.pool.handOut()
}

// mayHave says that the share has fewer places than it may.
func (s *Share) mayHave() bool {
	if s.pool.first > 0 && s.limits.Beside > 0 {
		return s.load.Running < s.limits.Beside
	}
	return s.load.Running < s.limits.Most
}

// handOut gives the free places to those that wait.
func (p *Pool) handOut() {
	for p.free > 0 {
		next := p.next()
		if next == nil {
			return
		}
		next.take(next.queue[0])
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
		if len(s.queue) > 0 && s.mayHave() && (best == nil || s.load.Running < best.load.Running) {
			best, at = s, n
		}
	}
	p.last = at
	return best
}

type (
	shareKey struct{}
	visitKey struct{}
)

// With is a context whose work belongs to the share, and belongs together.
func With(ctx context.Context, s *Share) context.Context {
	return context.WithValue(context.WithValue(ctx, shareKey{}, s), visitKey{}, &visit{})
}

// Without is a context whose work belongs to no share: a small question whose answer several wait for, one of them in a place.
func Without(ctx context.Context) context.Context {
	return context.WithValue(context.WithValue(ctx, shareKey{}, nil), visitKey{}, nil)
}

// Enter waits for a place in the share of ctx, as [Share.Enter]. Work that belongs to none needs none.
func Enter(ctx context.Context) (leave func(), err error) {
	s := Of(ctx, nil)
	if s == nil {
		return func() {}, nil
	}
	return s.Enter(ctx)
}

// visitOf is the work that ctx stands for; nil when it stands for none.
func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// Of is the share that ctx's work belongs to, or otherwise.
func Of(ctx context.Context, otherwise *Share) *Share {
	if s, ok := ctx.Value(shareKey{}).(*Share); ok {
		return s
	}
	return otherwise
}
