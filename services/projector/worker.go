package projector

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"tidemark/pkg/eventlog"
	"tidemark/pkg/registry"
	"tidemark/pkg/store"
)

// worker works on one partition, in four stages that run side by side and hand batches on in order:
//
//	fetch → decide → insert → finish
//
// While one batch is inserted the next one is decided, and it goes on growing until the insert is ready for it: batches are
// as large as the store is slow. Nothing is queued between stages.
type worker struct {
	*Projector
	part    Partition
	metrics partitionMetrics

	states  map[suiteKey]*registry.State
	current *batch

	fetched chan fetch
	frozen  chan *batch
	stored  chan *batch
}

// fetch is what came from the log at once; corrupt says that the one record is not as it was appended.
type fetch struct {
	records []eventlog.Record
	corrupt bool
}

func newWorker(p *Projector, part Partition) *worker {
	return &worker{
		Projector: p,
		part:      part,
		metrics:   p.metrics.of(part.ID()),
		states:    map[suiteKey]*registry.State{},
		current:   &batch{},
		fetched:   make(chan fetch),
		frozen:    make(chan *batch),
		stored:    make(chan *batch),
	}
}

// run works until ctx ends or the group has moved on. What is only in memory by then is dropped: it is not committed.
func (w *worker) run(parent context.Context) error {
	ctx, stop := context.WithCancelCause(parent)
	defer stop(nil)
	late, cancel := w.late(ctx)
	defer cancel()

	var stages sync.WaitGroup
	for _, stage := range []func() error{
		func() error { return w.fetch(ctx) },
		func() error { return w.decide(ctx) },
		func() error { return w.insert(ctx, late) },
		func() error { return w.finish(late, stop) },
	} {
		stages.Go(func() {
			if err := stage(); err != nil {
				stop(err)
			}
		})
	}
	stages.Wait()
	if cause := context.Cause(ctx); parent.Err() == nil && !errors.Is(cause, eventlog.ErrNotOwner) {
		return cause
	}
	return nil
}

// late is a context that ends Config.Grace after ctx.
func (w *worker) late(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var timer *time.Timer
	var mu sync.Mutex
	unhook := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		timer = time.AfterFunc(w.cfg.Grace, cancel)
	})
	return late, func() {
		unhook()
		mu.Lock()
		defer mu.Unlock()
		if timer != nil {
			timer.Stop()
		}
		cancel()
	}
}

// fetch takes records from the log, one load ahead of the decisions.
func (w *worker) fetch(ctx context.Context) error {
	for {
		start := w.now()
		f, err := w.next(ctx)
		if err != nil {
			return err
		}
		w.metrics.took(stageFetch, w.now().Sub(start))
		w.metrics.lag.WithLabelValues(w.metrics.label).Set(float64(w.part.Lag()))
		select {
		case w.fetched <- f:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next waits for records. What the log cannot give it is asked for again: events that are gone must not go unnoticed.
func (w *worker) next(ctx context.Context) (f fetch, err error) {
	err = w.retry(ctx, stageFetch, func() error {
		records, err := w.part.NextBatch(ctx, w.cfg.FetchRecords, w.cfg.FetchBytes)
		f = fetch{records: records, corrupt: errors.Is(err, eventlog.ErrCorrupt)}
		if f.corrupt && len(records) > 0 {
			return nil
		}
		return err
	})
	return f, err
}

// decide gathers decisions into the current batch and hands it over as soon as the insert takes it.
func (w *worker) decide(ctx context.Context) error {
	defer close(w.frozen)
	// Asked for nothing but the answer: whether the store has what this binary needs, before there is anything to store.
	if _, err := w.ahead(ctx, max(w.part.Committed(), 0)); err != nil {
		return err
	}
	for {
		if len(w.current.rows) > 0 {
			select {
			case w.frozen <- w.current:
				w.current = &batch{}
				continue
			default:
			}
		}
		in, out := w.fetched, w.frozen
		if len(w.current.rows) == 0 {
			out = nil
		}
		if w.current.full(w.cfg) {
			in = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case out <- w.current:
			w.current = &batch{}
		case f := <-in:
			if err := w.take(ctx, f); err != nil {
				return err
			}
		}
	}
}

// take decides what was fetched, portion by portion.
func (w *worker) take(ctx context.Context, f fetch) error {
	for len(f.records) > 0 {
		n := portion(f.records, w.cfg.BatchBytes)
		start := w.now()
		items := w.decodeAll(f.records[:n], f.corrupt)
		w.metrics.took(stageDecode, w.now().Sub(start))
		f.records = f.records[n:]
		if err := w.decideAll(ctx, items); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) decideAll(ctx context.Context, items []item) error {
	var spent time.Duration
	for len(items) > 0 {
		state := w.states[items[0].key()]
		if state == nil {
			done, err := w.settle(ctx, items)
			if err != nil {
				return err
			}
			items = items[done:]
			continue
		}
		if w.current.full(w.cfg) {
			if err := w.handOver(ctx); err != nil {
				return err
			}
		}
		took, err := w.decideOne(state, &items[0])
		if err != nil {
			return err
		}
		spent += took
		items[0] = item{} // the row holds what is still needed
		items = items[1:]
	}
	w.metrics.took(stageDecide, spent)
	return nil
}

func (w *worker) decideOne(state *registry.State, it *item) (time.Duration, error) {
	start := w.now()
	d := state.Decide(it.prepared)
	if run := d.Rows.Run; run != nil && run.Profiles.Unmatched > 0 {
		w.log.Warn("profiles match no test", "event_id", it.prepared.Envelope.ID, "run_id", d.RunID, "profiles", run.Profiles.Unmatched)
	}
	row, err := store.Decided(store.LogPosition{Topic: w.part.Topic(), Partition: w.part.ID(), Offset: it.offset}, &it.prepared, &d)
	took := w.now().Sub(start)
	if err != nil {
		return took, err
	}
	w.current.add(row, outcomeOf(w.part.ID(), it, &d, took))
	return took, nil
}

func (w *worker) handOver(ctx context.Context) error {
	select {
	case w.frozen <- w.current:
		w.current = &batch{}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drain waits until everything decided so far is stored, told and committed.
func (w *worker) drain(ctx context.Context) error {
	if len(w.current.rows) > 0 {
		if err := w.handOver(ctx); err != nil {
			return err
		}
	}
	w.current = &batch{done: make(chan struct{})}
	done := w.current.done
	if err := w.handOver(ctx); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// insert stores one batch after the other. The batch that is under way when ctx ends gets until late ends.
func (w *worker) insert(ctx, late context.Context) error {
	defer close(w.stored)
	for b := range w.frozen {
		if len(b.rows) > 0 {
			if err := w.insertOne(ctx, late, b); err != nil {
				return err
			}
		}
		select {
		case w.stored <- b:
		case <-late.Done():
			return late.Err()
		}
	}
	return nil
}

func (w *worker) insertOne(ctx, late context.Context, b *batch) error {
	start := w.now()
	b.freeze(start)
	err := w.retry(ctx, stageInsert, func() error {
		attempt, cancel := context.WithTimeout(late, w.cfg.InsertTimeout)
		defer cancel()
		return w.store.Insert(attempt, b.rows)
	})
	if err != nil {
		return err
	}
	end := w.now()
	b.insert = end.Sub(start)
	for i := range b.outcomes {
		b.outcomes[i].StoredAt = end.UTC().Truncate(time.Millisecond)
		b.outcomes[i].InsertMS = millis(b.insert)
	}
	w.didFlush(end)
	w.metrics.took(stageInsert, b.insert)
	w.metrics.inserted(b, end)
	w.log.DebugContext(ctx, "batch stored", "partition", w.part.ID(), "first", b.rows[0].Offset, "next", b.next(),
		"events", len(b.rows), "samples", b.samples, "bytes", b.bytes, "took", b.insert)
	return nil
}

// finish tells the outcomes of stored batches, then moves the position.
//
// In this order, because somebody may be waiting for an outcome, and nobody waits for the position. An outcome says only
// what is true already: the rows are readable. A crash between the two leaves the position behind; the next owner then
// stores the same rows again and tells the same outcomes again, which changes nothing. Both run beside the next insert.
func (w *worker) finish(late context.Context, stop context.CancelCauseFunc) error {
	var lost bool
	for b := range w.stored {
		switch {
		case b.done != nil:
			close(b.done)
		case lost: // the next owner does it
		default:
			w.publish(late, b)
			if err := w.commit(late, b.next()); err != nil {
				lost = true
				stop(err)
			}
		}
	}
	return nil
}

// commit moves the position. Only having lost the partition is an error: the next batch covers any other failure.
func (w *worker) commit(ctx context.Context, next int64) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.CommitTimeout)
	defer cancel()
	start := w.now()
	err := w.part.Commit(ctx, next)
	w.metrics.took(stageCommit, w.now().Sub(start))
	if err == nil {
		return nil
	}
	w.metrics.lost.WithLabelValues(stageCommit).Inc()
	w.log.WarnContext(ctx, "position not moved", "partition", w.part.ID(), "next", next, "error", err)
	if errors.Is(err, eventlog.ErrNotOwner) {
		return err
	}
	return nil
}

// publish tells the outcomes of a batch. It gives up after Config.PublishTimeout: an outcome only spares somebody from
// asking for the receipt, and by then nobody waits any more.
func (w *worker) publish(ctx context.Context, b *batch) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.PublishTimeout)
	defer cancel()
	records := make([]eventlog.Record, 0, len(b.outcomes))
	for i := range b.outcomes {
		value, err := b.outcomes[i].Encode()
		if err != nil {
			w.metrics.lost.WithLabelValues(stagePublish).Inc()
			w.log.ErrorContext(ctx, "outcome not told", "partition", w.part.ID(), "event_id", b.outcomes[i].EventID, "error", err)
			continue
		}
		records = append(records, eventlog.Record{Key: []byte(b.outcomes[i].EventID.String()), Value: value})
	}
	start := w.now()
	pause := w.pause()
	for {
		_, err := w.outcomes.Append(ctx, w.cfg.Outcomes, records...)
		if err == nil {
			break
		}
		if !sleep(ctx, pause.NextBackOff()) {
			w.metrics.lost.WithLabelValues(stagePublish).Add(float64(len(records)))
			w.log.WarnContext(ctx, "outcomes not told", "partition", w.part.ID(), "events", len(records), "error", err)
			break
		}
	}
	w.metrics.took(stagePublish, w.now().Sub(start))
}

// retry repeats attempt until it succeeds or ctx ends. While it fails, Ready says why.
func (w *worker) retry(ctx context.Context, what string, attempt func() error) error {
	pause := w.pause()
	for failed := false; ; failed = true {
		err := attempt()
		if err == nil {
			if failed {
				w.clear(w.part.ID(), what)
				w.log.InfoContext(ctx, "partition moves on", "partition", w.part.ID(), "stage", what)
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		class := classify(err)
		w.hold(w.part.ID(), what, class, err)
		w.metrics.retries.WithLabelValues(class.String()).Inc()
		wait := pause.NextBackOff()
		if class == store.Transient {
			w.log.WarnContext(ctx, "attempt failed", "partition", w.part.ID(), "stage", what, "retry_in", wait, "error", err)
		} else {
			w.log.ErrorContext(ctx, "partition held", "partition", w.part.ID(), "stage", what, "class", class.String(), "retry_in", wait, "error", err)
		}
		if !sleep(ctx, wait) {
			return ctx.Err()
		}
	}
}

// errContradiction marks a stored state that cannot be: going on would give out ids twice.
var errContradiction = errors.New("stored state contradicts itself")

func classify(err error) store.Class {
	for _, final := range []error{errContradiction, store.ErrMixedLedger, eventlog.ErrOffsetOutOfRange, eventlog.ErrCorrupt} {
		if errors.Is(err, final) {
			return store.Data
		}
	}
	return store.Classify(err)
}

func (w *worker) pause() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval: w.cfg.RetryMin, MaxInterval: w.cfg.RetryMax, Multiplier: 2, RandomizationFactor: 0.2,
	}
}

// sleep waits; false says that ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
