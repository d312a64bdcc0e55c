package detector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/samber/lo"

	"tidemark/pkg/detect"
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
	first   time.Time // first slot
	last    time.Time // slot before this one; zero at the start
	// pending is the newest event appended per suite and job that may not be stored yet.
	pending map[string]uuid.UUID
	// bulk are the suites in which a slot left a machine to the pass over everything, passes those under way.
	bulk   map[fullKey]bool
	passes map[fullKey]*fullPass
	// failed is when a pass last failed.
	failed map[fullKey]time.Time
}

// New checks the configuration and opens nothing.
func New(cfg Config, deps Deps) (*Detector, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Detector{
		cfg: cfg, deps: deps, metrics: newMetrics(deps.Registerer), pending: map[string]uuid.UUID{},
		bulk: map[fullKey]bool{}, passes: map[fullKey]*fullPass{}, failed: map[fullKey]time.Time{},
	}, nil
}

// Run works slot by slot until ctx ends. What fails in a slot is logged, recorded
// and repeated with the next one.
func (d *Detector) Run(ctx context.Context) error {
	if err := detect.DropAbandoned(ctx, d.deps.Store); err != nil && ctx.Err() == nil {
		d.deps.Logger.WarnContext(ctx, "tables of points not looked through", "err", err)
	}
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

// Slot looks at everything that came up to now, each detector by itself: one that
// cannot work keeps no other from it. at is the slot's time, aligned to the interval.
func (d *Detector) Slot(ctx context.Context, at time.Time) error {
	missed := d.missedSince(at)
	rules, err := d.readRules(ctx)
	if err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	list := d.work(rules)
	positions, err := d.readPositions(ctx, list, rules)
	if err != nil {
		return err
	}
	var problems []error
	waiting := uint64(0)
	for _, w := range list {
		for _, p := range positions[w.job] {
			if p.DataSeq <= p.SeenSeq || !w.in(p.Database, p.Suite) {
				continue
			}
			waiting += p.DataSeq - p.SeenSeq
			// One suite's trouble must not keep the others from being looked at.
			if err := d.visit(ctx, at, missed, w, p.progress); err != nil {
				problems = append(problems, fmt.Errorf("%s of %s/%s: %w", w.job, p.Database, p.Suite, err))
			}
			if ctx.Err() != nil {
				return errors.Join(problems...)
			}
		}
	}
	d.metrics.behind.Set(float64(waiting))
	return errors.Join(append(problems, d.full(ctx, at, rules, positions))...)
}

// reached is how far a job has come in a suite, and when it last did so.
type reached struct {
	progress
	Job    string    `ch:"job"`
	LastAt time.Time `ch:"last_at"`
}

// readPositions reads how far all jobs have come in all suites, by job. One read serves a slot: planning it costs more than its rows.
func (d *Detector) readPositions(ctx context.Context, list []work, rules map[string]suiteRules) (map[string][]reached, error) {
	jobs := lo.Map(list, func(w work, _ int) string { return w.job })
	jobs = append(jobs, lo.Map(rolesOnce(rules), func(r role, _ int) string { return r.fullJob() })...)
	rows, err := store.Select[reached](ctx, d.deps.Store, sql.MustQuery("detect_positions"), store.Params{"jobs": jobs})
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	for i := range rows {
		rows[i].pendingKey = rows[i].Database + "/" + rows[i].Suite + "/" + rows[i].Job
	}
	return lo.GroupBy(rows, func(p reached) string { return p.Job }), nil
}

// work is what one detector does.
type work struct {
	job string
	in  func(database, suite string) bool
	// judge looks at what came to a suite. It returns the position it reached and how many findings it appended.
	judge func(ctx context.Context, p progress) (to uint64, found int, err error)
}

func (d *Detector) work(rules map[string]suiteRules) []work {
	var list []work
	for _, r := range roles(rules) {
		list = append(list, work{
			job: r.job(),
			in:  func(database, suite string) bool { return d.works(r, rules[database+"/"+suite], database, suite) },
			judge: func(ctx context.Context, p progress) (uint64, int, error) {
				return d.judgeSeries(ctx, p, r, rules[p.Database+"/"+p.Suite])
			},
		})
	}
	return append(list, work{lntJob, d.cfg.LNT.In.Has, d.judgeLNT})
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
	// pendingKey names whose findings are waited for before the suite is looked at again.
	pendingKey string
}

// settled says that the job's own findings in the suite have been stored. Until then what
// stands is not known, and a finding could neither be withdrawn nor kept quiet.
func (d *Detector) settled(ctx context.Context, p progress) (bool, error) {
	id, waiting := d.pending[p.pendingKey]
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
	delete(d.pending, p.pendingKey)
	return true, nil
}

func (d *Detector) missedSince(at time.Time) uint32 {
	missed := 0
	if d.first.IsZero() {
		d.first = at
	}
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
	if err != nil {
		to = p.SeenSeq
	}
	return d.record(ctx, slotRun{w.job, at, started, missed, p, to, found, err})
}

// slotRun is what a job did in a slot.
type slotRun struct {
	job         string
	at, started time.Time
	missed      uint32
	progress
	to    uint64
	found int
	err   error
}

// record keeps how a job went, and gives its error back.
func (d *Detector) record(ctx context.Context, r slotRun) error {
	took := d.deps.Clock().Sub(r.started)
	d.metrics.seconds.Observe(took.Seconds())
	result, text := "ok", ""
	if r.err != nil {
		result, text = "failed", r.err.Error()
	}
	d.metrics.slots.WithLabelValues(r.job, result).Inc()
	// A failed slot is recorded although its context may have ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	recordErr := d.deps.Store.Exec(ctx, sql.MustQuery("record_job_run").Text, store.Params{
		"job": r.job, "database": r.Database, "suite": r.Suite, "slot_at": r.at.UTC(), "started_at": r.started.UTC(),
		"took_ms": float64(took.Microseconds()) / 1000, "from_seq": r.SeenSeq, "to_seq": r.to,
		"rows": uint64(r.found), "missed_slots": r.missed, "error": text, //nolint:gosec // a count
	})
	if r.err != nil {
		return r.err
	}
	if recordErr != nil {
		return fmt.Errorf("record the slot: %w", recordErr)
	}
	d.deps.Logger.DebugContext(ctx, "suite judged", "job", r.job, "database", r.Database, "suite", r.Suite,
		"from_seq", r.SeenSeq, "to_seq", r.to, "findings", r.found, "took", took)
	return nil
}

// await waits until the newest event of a job in the suite can be read, but not for long.
func (d *Detector) await(ctx context.Context, p progress, most time.Duration) (bool, error) {
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		if ok, err := d.settled(ctx, p); ok || err != nil {
			return ok, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-deadline.C:
			return false, nil
		case <-again.C:
		}
	}
}
