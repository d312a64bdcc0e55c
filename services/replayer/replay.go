package replayer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tidemark/pkg/registry"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// Summary is what a replay did.
type Summary struct {
	Suites int
	// Events and Samples (values) were stored by this run; Resumed events had been before.
	Events, Samples, Resumed uint64
	// Differences is the number of events decided otherwise than before, earlier runs included; Shown are the first ones of
	// this run, in the order of suites and seq.
	Differences uint64
	Shown       []Difference
	Took        time.Duration
}

// progress sums up what the suites do side by side.
type progress struct {
	mu    sync.Mutex
	tell  func(Progress)
	now   Progress
	shown []Difference
}

func (p *progress) reset(done, total, differences uint64) {
	p.now, p.shown = Progress{Done: done, Total: total, Differences: differences}, nil
}

func (p *progress) stored(k suiteKey, events, samples uint64, differences []Difference, show int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.Suite = k.String()
	p.now.Events, p.now.Samples, p.now.Done = p.now.Events+events, p.now.Samples+samples, p.now.Done+events
	p.now.Differences += uint64(len(differences))
	p.shown = append(p.shown, differences[:min(len(differences), max(0, show-len(p.shown)))]...)
	if p.tell != nil {
		p.tell(p.now)
	}
}

func statement(name, text string) sql.File { return sql.File{Name: name, Text: text} }

// task is one suite's part of a replay.
type task struct {
	key  suiteKey
	mark mark
	// stored is the last event in the rebuilt ledger, last that in the live one.
	stored, last uint64
}

// Run rebuilds. It ends at the events that were the last when it began; when it fails or is stopped, the next run goes on.
func (r *Replayer) Run(ctx context.Context) (Summary, error) {
	start := r.now()
	if err := r.prepare(ctx); err != nil {
		return Summary{}, err
	}
	switch cutOff, err := r.SwapCutOff(ctx); {
	case err != nil:
		return Summary{}, err
	case cutOff:
		return Summary{}, ErrSwapCutOff
	}
	tasks, err := r.tasks(ctx)
	if err != nil {
		return Summary{}, err
	}
	var resumed, total, differences uint64
	for _, t := range tasks {
		resumed, total, differences = resumed+t.mark.seq, total+t.last, differences+t.mark.differences
	}
	r.progress.reset(resumed, total, differences)
	if r.cfg.Strict && differences > 0 {
		return Summary{Differences: differences}, fmt.Errorf("%w: %d of the events replayed before; to see them, %s", ErrDiffers, differences, r.startOver())
	}
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(r.cfg.Suites)
	for _, t := range tasks {
		g.Go(func() error { return r.suite(inner, t) })
	}
	err = g.Wait()
	done := r.progress.now
	shown := r.progress.shown
	slices.SortFunc(shown, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Database, b.Database), cmp.Compare(a.Suite, b.Suite), cmp.Compare(a.Seq, b.Seq))
	})
	took := r.now().Sub(start)
	r.log.InfoContext(ctx, "replay ended", "suites", len(tasks), "events", done.Events, "samples", done.Samples, "differences", done.Differences, "took", took)
	return Summary{
		Suites: len(tasks), Events: done.Events, Samples: done.Samples, Resumed: resumed,
		Differences: done.Differences, Shown: shown, Took: took,
	}, err
}

// tasks are what there is to do, suite by suite.
func (r *Replayer) tasks(ctx context.Context) ([]task, error) {
	last, err := positions(ctx, r.live, r.cfg.Source)
	if err != nil {
		return nil, err
	}
	stored, err := positions(ctx, r.live, r.cfg.Into)
	if err != nil {
		return nil, err
	}
	marks, err := r.marks(ctx)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for k := range stored {
		if stored[k] > last[k] {
			return nil, fmt.Errorf("%s has %d events in %s, but %d in %s; %s",
				k, stored[k], r.cfg.Into, last[k], r.cfg.Source, r.startOver())
		}
	}
	for k := range last {
		tasks = append(tasks, task{key: k, mark: marks[k], stored: stored[k], last: last[k]})
	}
	slices.SortFunc(tasks, func(a, b task) int {
		return cmp.Or(cmp.Compare(a.key.database, b.key.database), cmp.Compare(a.key.suite, b.key.suite))
	})
	return tasks, nil
}

// suite replays one suite. While a chunk is stored the next one is read and prepared.
func (r *Replayer) suite(ctx context.Context, t task) error {
	m, err := r.resume(ctx, t.key, t.mark, t.stored)
	if err != nil {
		return fmt.Errorf("resume %s: %w", t.key, err)
	}
	if m.seq > t.mark.seq {
		r.progress.stored(t.key, m.seq-t.mark.seq, 0, make([]Difference, m.differences-t.mark.differences), 0)
	}
	if r.cfg.Strict && m.differences > t.mark.differences {
		return fmt.Errorf("%w: among those of %s up to %d", ErrDiffers, t.key, m.seq)
	}
	if m.seq >= t.last {
		return nil
	}
	if r.cfg.AsDecided {
		return r.copySuite(ctx, t, m)
	}
	state, err := r.state(ctx, t.key, m.seq)
	if err != nil {
		return err
	}
	chunks := make(chan chunk)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(chunks)
		return r.stretches(ctx, t.key, m.seq, t.last, false, func(s stretch) error {
			c, err := r.read(ctx, t.key, s)
			if err != nil {
				return err
			}
			select {
			case chunks <- c:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	g.Go(func() error {
		for c := range chunks {
			if m, err = r.replay(ctx, t.key, state, m, c); err != nil {
				return fmt.Errorf("replay events [%d,%d] of %s: %w", c.first, c.last, t.key, err)
			}
		}
		return nil
	})
	return g.Wait()
}

// state is what the rebuilt tables say up to the mark: never what history says, which may be long.
func (r *Replayer) state(ctx context.Context, k suiteKey, seq uint64) (*registry.State, error) {
	if seq == 0 {
		return registry.New(k.database, k.suite), nil
	}
	snapshot, ok, err := r.rebuilt.LoadState(ctx, k.database, k.suite)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", k, err)
	}
	if !ok || snapshot.LastSeq != seq {
		return nil, fmt.Errorf("load %s: the tables of %s end at event %d, want %d", k, r.cfg.Into, snapshot.LastSeq, seq)
	}
	return registry.Load(k.database, k.suite, snapshot)
}

// replay decides a chunk and stores it.
func (r *Replayer) replay(ctx context.Context, k suiteKey, state *registry.State, m mark, c chunk) (mark, error) {
	rows := make([]store.LedgerRow, 0, len(c.events))
	for i := range c.events {
		e := &c.events[i]
		d := state.Decide(e.prepared)
		if d.Seq != e.seq {
			return m, fmt.Errorf("event %d is counted as %d", e.seq, d.Seq)
		}
		row, err := store.Decided(e.at, &e.prepared, &d)
		if err != nil {
			return m, err
		}
		row.StoredAt = e.storedAt
		rows = append(rows, row)
		*e = kept{} // the row holds what is still needed
	}
	for _, batch := range batches(rows) {
		if err := r.rebuilt.InsertLedger(ctx, batch); err != nil {
			return m, err
		}
	}
	return r.settle(ctx, k, m, c.stretch)
}

// settle notes a stretch that is stored, after a look at whether it was decided as before.
func (r *Replayer) settle(ctx context.Context, k suiteKey, m mark, s stretch) (mark, error) {
	differences, err := r.differences(ctx, k, s.first, s.last)
	if err != nil {
		return m, err
	}
	m = mark{s.last, m.differences + uint64(len(differences))}
	if err := r.note(ctx, k, m); err != nil {
		return m, err
	}
	r.progress.stored(k, s.last-s.first+1, s.samples, differences, r.cfg.Shown)
	if r.cfg.Strict && len(differences) > 0 {
		return m, fmt.Errorf("%w: %s", ErrDiffers, differences[0])
	}
	return m, nil
}

// batches splits rows where the log they came from was left for another partition, or began anew: rows of one insert are of
// one partition, in its order.
func batches(rows []store.LedgerRow) [][]store.LedgerRow {
	var out [][]store.LedgerRow
	from := 0
	for i := 1; i <= len(rows); i++ {
		if i < len(rows) && rows[i].Topic == rows[i-1].Topic && rows[i].Partition == rows[i-1].Partition && rows[i].Offset > rows[i-1].Offset {
			continue
		}
		out = append(out, rows[from:i])
		from = i
	}
	return out
}

// copySuite takes the decisions as they are.
func (r *Replayer) copySuite(ctx context.Context, t task, m mark) error {
	return r.stretches(ctx, t.key, m.seq, t.last, true, func(s stretch) error {
		if err := r.copyLedger(ctx, r.cfg.Source, t.key.params(store.Params{"first": s.first, "last": s.last})); err != nil {
			return fmt.Errorf("copy events [%d,%d] of %s: %w", s.first, s.last, t.key, err)
		}
		m = mark{s.last, m.differences}
		if err := r.note(ctx, t.key, m); err != nil {
			return err
		}
		r.progress.stored(t.key, s.last-s.first+1, s.samples, nil, 0)
		return nil
	})
}

// Plan is what a replay would do.
type Plan struct {
	Suites []SuitePlan
	// Bytes is what the live tables take on disk; a rebuilt set takes about as much.
	Bytes uint64
}

// SuitePlan is one suite's part: Done of Events are stored already.
type SuitePlan struct {
	Database, Suite string
	Events, Done    uint64
}

// Plan looks and changes nothing.
func (r *Replayer) Plan(ctx context.Context) (Plan, error) {
	last, err := positions(ctx, r.live, r.cfg.Source)
	if err != nil {
		return Plan{}, err
	}
	done, err := r.storedSoFar(ctx)
	if err != nil {
		return Plan{}, err
	}
	var p Plan
	for _, k := range slices.SortedFunc(maps.Keys(last), func(a, b suiteKey) int { return cmp.Compare(a.String(), b.String()) }) {
		p.Suites = append(p.Suites, SuitePlan{Database: k.database, Suite: k.suite, Events: last[k], Done: done[k]})
	}
	p.Bytes, err = one[uint64](ctx, r.live, "weigh tables",
		"SELECT sum(bytes_on_disk) AS value FROM system.parts WHERE database = {database:String} AND active", store.Params{"database": r.cfg.Source})
	return p, err
}

// storedSoFar is what an earlier replay has left, if there was one.
func (r *Replayer) storedSoFar(ctx context.Context) (map[suiteKey]uint64, error) {
	if err := r.checkOwn(ctx); err != nil {
		return nil, err
	}
	tables, err := tableNames(ctx, r.live, r.cfg.Into)
	if err != nil || !slices.Contains(tables, ledgerTable) {
		return nil, err
	}
	return positions(ctx, r.live, r.cfg.Into)
}
