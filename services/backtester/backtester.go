package backtester

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/backtest"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// Deps are what a Backtester uses from its surroundings.
type Deps struct {
	Store *store.Store
	// Judge finds changes; nil judges what the store has.
	Judge      backtest.Judge
	Clock      func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Backtester runs backtests.
type Backtester struct {
	cfg     Config
	deps    Deps
	queue   *backtest.Queue
	runner  *backtest.Runner
	owner   uuid.UUID
	metrics *metrics
}

// New checks the configuration and opens nothing.
func New(cfg Config, deps Deps) (*Backtester, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	owner, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("make a name for the process: %w", err)
	}
	if deps.Judge == nil {
		deps.Judge = backtest.Stored(deps.Store)
	}
	return &Backtester{
		cfg: cfg, deps: deps, queue: backtest.NewQueue(deps.Store, deps.Clock), runner: backtest.NewRunner(deps.Store, deps.Judge),
		owner: owner, metrics: newMetrics(deps.Registerer),
	}, nil
}

// Run works off the queue until ctx ends. A backtest under way then is begun again by the next process.
func (b *Backtester) Run(ctx context.Context) error {
	tick := time.NewTicker(b.cfg.Interval)
	defer tick.Stop()
	for {
		if _, err := b.Step(ctx); err != nil && ctx.Err() == nil {
			b.deps.Logger.ErrorContext(ctx, "queue of backtests not worked off", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Step runs the oldest backtest that waits, or whose owner fell silent. ran says whether there was one.
func (b *Backtester) Step(ctx context.Context) (ran bool, err error) {
	waiting, err := b.queue.List(ctx, backtest.Filter{States: []backtest.State{backtest.Queued, backtest.Running}, Limit: 10_000})
	if err != nil {
		return false, fmt.Errorf("read the queue: %w", err)
	}
	b.metrics.waiting.Set(float64(len(waiting)))
	for i := len(waiting) - 1; i >= 0; i-- {
		one := waiting[i]
		if one.State == backtest.Running && b.deps.Clock().Sub(one.Progress.Beat) < b.cfg.Silence {
			continue
		}
		return true, b.run(ctx, one)
	}
	return false, nil
}

// The reasons for which a backtest under way ends early.
var (
	errCancelled = errors.New("cancelled")
	errTaken     = errors.New("another process took it over")
)

func (b *Backtester) run(ctx context.Context, one backtest.Backtest) error {
	now := b.deps.Clock().UTC()
	one.State = backtest.Running
	one.Progress = backtest.Progress{
		State: backtest.Running, Owner: b.owner, Attempt: one.Progress.Attempt + 1, StartedAt: now, Beat: now,
	}
	if err := b.queue.SetProgress(ctx, one); err != nil {
		return err
	}
	log := b.deps.Logger.With("backtest", one.ID, "database", one.Database, "suite", one.Suite)
	log.InfoContext(ctx, "backtest begun", "detector", one.Asked.Detector, "attempt", one.Progress.Attempt)
	r := &running{Backtester: b, backtest: one}
	if err := r.stillOurs(ctx); err != nil {
		return r.end(ctx, log, backtest.Report{}, err)
	}
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var beats sync.WaitGroup
	beats.Go(func() { r.beat(work, stop) })
	report, err := b.runner.Run(work, one, r.progress)
	if cause := context.Cause(work); err != nil && cause != nil {
		err = cause
	}
	stop(nil)
	beats.Wait()
	return r.end(ctx, log, report, err)
}

// running is a backtest under way.
type running struct {
	*Backtester
	mu       sync.Mutex
	backtest backtest.Backtest
}

// progress is told by the one who judges.
func (r *running) progress(done, all uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.backtest.Progress.SeriesDone, r.backtest.Progress.SeriesAll = done, all
}

func (r *running) now() backtest.Backtest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.backtest
}

// beat gives signs of life until ctx ends, and ends it when the backtest is no longer ours.
func (r *running) beat(ctx context.Context, stop context.CancelCauseFunc) {
	tick := time.NewTicker(r.cfg.Beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := r.stillOurs(ctx)
		if err == nil {
			err = r.sign(ctx)
		}
		switch {
		case errors.Is(err, errCancelled), errors.Is(err, errTaken):
			stop(err)
			return
		case err != nil && ctx.Err() == nil:
			r.deps.Logger.WarnContext(ctx, "no sign of life of a backtest", "backtest", r.backtest.ID, "err", err)
		}
	}
}

// stillOurs looks whether somebody cancelled the backtest or took it over.
func (r *running) stillOurs(ctx context.Context) error {
	stored, err := r.queue.Get(ctx, r.backtest.Database, r.backtest.Suite, r.backtest.ID)
	switch {
	case err != nil:
		return err
	case stored.State == backtest.Cancelled:
		return errCancelled
	case stored.Progress.Owner != r.owner:
		return errTaken
	}
	return nil
}

func (r *running) sign(ctx context.Context) error {
	type row struct {
		Bytes uint64 `ch:"bytes"`
	}
	used, err := store.Select[row](ctx, r.deps.Store, sql.MustQuery("backtest_memory"), nil)
	r.mu.Lock()
	if err == nil && len(used) > 0 {
		r.backtest.Progress.MemoryBytes = max(r.backtest.Progress.MemoryBytes, used[0].Bytes)
	}
	r.backtest.Progress.Beat = r.deps.Clock().UTC()
	r.mu.Unlock()
	return r.queue.SetProgress(ctx, r.now())
}

// endTimeout bounds what is recorded when the context has ended.
const endTimeout = 10 * time.Second

// end records how the backtest ended. When the process stops nothing is: the next one begins it again.
func (r *running) end(ctx context.Context, log *slog.Logger, report backtest.Report, err error) error {
	b := r.now()
	now := r.deps.Clock().UTC()
	b.Progress.Beat, b.Progress.FinishedAt = now, now
	switch {
	case errors.Is(err, errTaken):
		log.WarnContext(ctx, "backtest let go of", "err", err)
		return nil
	case errors.Is(err, errCancelled):
		b.Progress.State = backtest.Cancelled
	case err != nil && ctx.Err() != nil:
		// A beat of long ago lets the next process begin at once.
		b.Progress.Beat, b.Progress.FinishedAt = time.Unix(0, 0).UTC(), time.Time{}
	case err != nil:
		b.Progress.State, b.Progress.Error = backtest.Failed, err.Error()
	default:
		b.Progress.State, b.Progress.Report = backtest.Done, &report
	}
	r.metrics.runs.WithLabelValues(string(b.Progress.State)).Inc()
	log.InfoContext(ctx, "backtest ended", "state", b.Progress.State, "took", now.Sub(b.Progress.StartedAt), "series", b.Progress.SeriesDone)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	return r.queue.SetProgress(ctx, b)
}
