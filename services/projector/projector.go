package projector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/event"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/registry"
	"tidemark/pkg/report"
	"tidemark/pkg/store"
)

// Partition is one partition of the log in this process's hands. [eventlog.Partition] is one.
type Partition interface {
	Topic() string
	ID() int
	// Committed is the group's position as the partition was taken over; -1 when there is none.
	Committed() int64
	// NextBatch waits for records. With eventlog.ErrCorrupt comes the one record that is not as it was appended.
	NextBatch(ctx context.Context, maxRecords, maxBytes int) ([]eventlog.Record, error)
	Commit(ctx context.Context, next int64) error
	Lag() int64
}

// Events hands out partitions: handle runs once per partition assigned, until its context ends.
type Events interface {
	Consume(ctx context.Context, group, topic string, handle func(context.Context, Partition) error) error
}

// Outcomes takes answers. [eventlog.Log] does.
type Outcomes interface {
	Append(ctx context.Context, topic string, recs ...eventlog.Record) ([]eventlog.Position, error)
}

// Store keeps the ledger. Failures are sorted by [store.Classify].
type Store interface {
	// Insert stores a batch; repeating the same rows is harmless.
	Insert(ctx context.Context, rows []store.LedgerRow) error
	// Load gives the state of a suite; ok is false when no event of it was stored.
	Load(ctx context.Context, database, suite string) (snapshot registry.Snapshot, ok bool, err error)
	// Ahead gives the stored events of a partition at or beyond an offset, in order, at most limit.
	Ahead(ctx context.Context, topic string, partition int, offset int64, limit int) ([]Stored, error)
	// Reinsert stores the rows of a partition with offsets in [from, next) again as they are.
	Reinsert(ctx context.Context, topic string, partition int, from, next int64) error
}

// Deps are what a projector uses.
type Deps struct {
	Events   Events
	Outcomes Outcomes
	Store    Store
	Logger   *slog.Logger          // nil: silent
	Metrics  prometheus.Registerer // nil: not collected
	Now      func() time.Time      // nil: time.Now
	// Reports reads reports; nil: with report.Parse.
	Reports func(body []byte) (*report.Submission, error)
}

// Projector is the service. Make it with [New].
type Projector struct {
	cfg      Config
	events   Events
	outcomes Outcomes
	store    Store
	log      *slog.Logger
	metrics  *metrics
	now      func() time.Time
	prepare  func(event.Envelope) registry.Prepared

	mu       sync.Mutex
	assigned bool // there has been a partition since Run began
	troubles map[place]trouble
	flushed  time.Time
}

// place is a stage of one partition's work.
type place struct {
	partition int
	stage     string
}

// trouble is why a place does not move on.
type trouble struct {
	since time.Time
	class store.Class
	err   error
}

// New checks and remembers; it opens nothing.
func New(cfg Config, deps Deps) (*Projector, error) {
	problems := []error{cfg.Validate()}
	if deps.Events == nil || deps.Outcomes == nil || deps.Store == nil {
		problems = append(problems, errors.New("projector: events, outcomes and store are needed"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	p := &Projector{
		cfg:      cfg,
		events:   deps.Events,
		outcomes: deps.Outcomes,
		store:    deps.Store,
		log:      cmp.Or(deps.Logger, slog.New(slog.DiscardHandler)),
		now:      deps.Now,
		prepare:  registry.Prepare,
		troubles: map[place]trouble{},
	}
	if p.now == nil {
		p.now = time.Now
	}
	if deps.Reports != nil {
		p.prepare = func(e event.Envelope) registry.Prepared { return registry.PrepareWith(e, deps.Reports) }
	}
	p.metrics = newMetrics(deps.Metrics)
	return p, nil
}

// Run works until ctx ends; an insert under way is finished within Config.Grace. Nil is a clean stop.
func (p *Projector) Run(ctx context.Context) error {
	err := p.events.Consume(ctx, p.cfg.Group, p.cfg.Events, func(ctx context.Context, part Partition) error {
		return p.own(ctx, part)
	})
	if err != nil {
		return fmt.Errorf("projector: %w", err)
	}
	return nil
}

// Ready says why the projector is not doing its work: it has had no partition yet, or a partition is held, or has been
// failing for longer than Config.StuckAfter. Nil when all is well, also for a member whose partitions went to others.
func (p *Projector) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.assigned {
		return errors.New("projector: no partition assigned yet")
	}
	var problems []error
	for at, t := range p.troubles {
		age := p.now().Sub(t.since)
		if t.class != store.Transient || age > p.cfg.StuckAfter {
			problems = append(problems, fmt.Errorf("projector: partition %d: %s fails for %s (%s): %w",
				at.partition, at.stage, age.Round(time.Second), t.class, t.err))
		}
	}
	return errors.Join(problems...)
}

// LastFlush is when rows were last stored; zero when none were yet.
func (p *Projector) LastFlush() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flushed
}

// own works on one partition for as long as it is ours.
func (p *Projector) own(ctx context.Context, part Partition) error {
	p.mu.Lock()
	p.assigned = true
	p.mu.Unlock()
	p.log.InfoContext(ctx, "partition taken over", "partition", part.ID(), "committed", part.Committed())
	w := newWorker(p, part)
	defer w.metrics.forget()
	defer p.clear(part.ID(), "")
	err := w.run(ctx)
	p.log.InfoContext(ctx, "partition given up", "partition", part.ID(), "error", err)
	return err
}

// hold notes that a stage of a partition's work does not move on.
func (p *Projector) hold(partition int, stage string, class store.Class, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := place{partition, stage}
	t, known := p.troubles[at]
	if !known {
		t.since = p.now()
	}
	t.class, t.err = class, err
	p.troubles[at] = t
	p.showHeld(partition)
}

// clear notes that a stage moves on, or all of them when stage is empty.
func (p *Projector) clear(partition int, stage string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at := range p.troubles {
		if at.partition == partition && (stage == "" || at.stage == stage) {
			delete(p.troubles, at)
		}
	}
	p.showHeld(partition)
}

func (p *Projector) showHeld(partition int) {
	held := 0.0
	for at, t := range p.troubles {
		if at.partition == partition && t.class != store.Transient {
			held = 1
		}
	}
	p.metrics.held.WithLabelValues(strconv.Itoa(partition)).Set(held)
}

func (p *Projector) didFlush(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flushed = at
}
