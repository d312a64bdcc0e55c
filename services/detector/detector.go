package detector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// Log takes the findings.
type Log interface {
	// Append returns when the events are in the log for good.
	Append(ctx context.Context, events ...event.Envelope) error
}

// Deps are what a Detector uses from its surroundings.
type Deps struct {
	Store      *store.Store
	Log        Log
	Clock      func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Detector looks for steps in what has come.
type Detector struct {
	cfg     Config
	deps    Deps
	metrics *metrics
	job     sql.File
	last    time.Time // slot before this one; zero at the start
	// pending is the newest event appended per suite that may not be stored yet.
	pending map[string]uuid.UUID
}

// New checks the configuration and opens nothing.
func New(cfg Config, deps Deps) (*Detector, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	job, err := sql.Job("detect_steps")
	if err != nil {
		return nil, err
	}
	return &Detector{cfg: cfg, deps: deps, metrics: newMetrics(deps.Registerer), job: job, pending: map[string]uuid.UUID{}}, nil
}

// Run works slot by slot until ctx ends. What fails in a slot is logged, recorded
// and repeated with the next one.
func (d *Detector) Run(ctx context.Context) error {
	for {
		now := d.deps.Clock()
		next := now.Truncate(d.cfg.Interval).Add(d.cfg.Interval)
		wait := time.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
			wait.Stop()
			return nil
		case <-wait.C:
		}
		if err := d.Slot(ctx, next); err != nil && ctx.Err() == nil {
			d.deps.Logger.ErrorContext(ctx, "slot not finished", "slot_at", next, "err", err)
		}
	}
}

// Slot looks at everything that came up to now. at is the slot's time, aligned
// to the interval.
func (d *Detector) Slot(ctx context.Context, at time.Time) error {
	missed := d.missedSince(at)
	var problems []error
	waiting := uint64(0)
	for _, w := range d.work() {
		behind, err := store.Select[progress](ctx, d.deps.Store, sql.MustQuery("detect_positions"), store.Params{"job": w.job})
		if err != nil {
			return fmt.Errorf("read positions: %w", err)
		}
		for _, p := range behind {
			if !w.in.Has(p.Database, p.Suite) {
				continue
			}
			waiting += p.DataSeq - p.SeenSeq
			// One suite's trouble must not keep the others from being looked at.
			if err := d.visit(ctx, at, missed, w, p); err != nil {
				problems = append(problems, fmt.Errorf("judge %s/%s: %w", p.Database, p.Suite, err))
			}
			if ctx.Err() != nil {
				break
			}
		}
	}
	d.metrics.behind.Set(float64(waiting))
	return errors.Join(problems...)
}

// work is what one detector does.
type work struct {
	job string
	in  Suites
	// judge looks at what came to a suite. It returns the position it reached and how many findings it appended.
	judge func(ctx context.Context, p progress) (to uint64, found int, err error)
}

func (d *Detector) work() []work {
	return []work{{d.job.Name, d.cfg.StepsIn, d.judge}, {lntJob, d.cfg.LNT.In, d.judgeLNT}}
}

// visit works on one suite, unless findings of it are still on their way.
func (d *Detector) visit(ctx context.Context, at time.Time, missed uint32, w work, p progress) error {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timeout)
	defer cancel()
	settled, err := d.settled(ctx, p)
	if err != nil || !settled {
		return err
	}
	return d.suite(ctx, at, missed, w, p)
}

// progress is how far a suite's data reaches and how far the job has come.
type progress struct {
	Database string `ch:"database"`
	Suite    string `ch:"suite"`
	DataSeq  uint64 `ch:"data_seq"`
	SeenSeq  uint64 `ch:"seen_seq"`
}

// settled says that the suite's own findings have been stored. Until then what
// stands is not known, and a finding could neither be withdrawn nor kept quiet.
func (d *Detector) settled(ctx context.Context, p progress) (bool, error) {
	id, waiting := d.pending[p.Database+"/"+p.Suite]
	if !waiting {
		return true, nil
	}
	type row struct {
		Stored uint64 `ch:"stored"`
	}
	rows, err := store.Select[row](ctx, d.deps.Store, sql.MustQuery("detect_visible"), store.Params{
		"database": p.Database, "suite": p.Suite, "event_id": id.String(),
	})
	if err != nil {
		return false, err
	}
	if len(rows) == 0 || rows[0].Stored == 0 {
		return false, nil
	}
	delete(d.pending, p.Database+"/"+p.Suite)
	return true, nil
}

func (d *Detector) missedSince(at time.Time) uint32 {
	missed := 0
	if !d.last.IsZero() {
		missed = max(0, int(at.Sub(d.last)/d.cfg.Interval)-1)
	}
	d.last = at
	d.metrics.missed.Add(float64(missed))
	return uint32(missed) //nolint:gosec // slots since the last one
}

// suite runs the job on one suite and records how it went.
func (d *Detector) suite(ctx context.Context, at time.Time, missed uint32, w work, p progress) error {
	started := d.deps.Clock()
	to, found, err := w.judge(ctx, p)
	took := d.deps.Clock().Sub(started)
	d.metrics.seconds.Observe(took.Seconds())
	result, text := "ok", ""
	if err != nil {
		result, text, to = "failed", err.Error(), p.SeenSeq
	}
	d.metrics.slots.WithLabelValues(result).Inc()
	// A failed slot is recorded although its context may have ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	recordErr := d.deps.Store.Exec(ctx, sql.MustQuery("record_job_run").Text, store.Params{
		"job": w.job, "database": p.Database, "suite": p.Suite, "slot_at": at.UTC(), "started_at": started.UTC(),
		"took_ms": float64(took.Microseconds()) / 1000, "from_seq": p.SeenSeq, "to_seq": to,
		"rows": uint64(found), "missed_slots": missed, "error": text, //nolint:gosec // a count
	})
	if err != nil {
		return err
	}
	if recordErr != nil {
		return fmt.Errorf("record the slot: %w", recordErr)
	}
	d.deps.Logger.DebugContext(ctx, "suite judged", "database", p.Database, "suite", p.Suite, "from_seq", p.SeenSeq, "to_seq", to, "findings", found, "took", took)
	return nil
}
