package projector

import (
	"context"
	"fmt"
	"slices"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
)

// aheadLimit is how many stored events are looked at together.
const aheadLimit = 4096

// settle makes the first item's suite decidable. It returns how many of the first items need no decision, because they are
// stored already; when that is zero, the states of all suites among items are loaded.
//
// Events of ours that are stored come from a crash between insert and commit, or from another owner who does not know yet
// that the partition is ours. A state is loaded only while there are none of them: it would know of events that are still
// to be decided. Whether there are is asked again after loading; the states are read bit by bit.
func (w *worker) settle(ctx context.Context, items []item) (stored int, err error) {
	if err := w.drain(ctx); err != nil {
		return 0, err
	}
	for {
		before, err := w.ahead(ctx, items[0].offset)
		if err != nil {
			return 0, err
		}
		if known := matching(items, before); len(known) > 0 {
			return len(known), w.adopt(ctx, known)
		}
		loaded, err := w.load(ctx, items)
		if err != nil {
			return 0, err
		}
		after, err := w.ahead(ctx, items[0].offset)
		if err != nil {
			return 0, err
		}
		if slices.EqualFunc(before, after, sameRow) {
			for key, state := range loaded {
				w.states[key] = state
			}
			w.metrics.suites.WithLabelValues(w.metrics.label).Set(float64(len(w.states)))
			return 0, nil
		}
		w.log.WarnContext(ctx, "somebody else stores events of this partition", "partition", w.part.ID(), "offset", items[0].offset)
	}
}

func sameRow(a, b Stored) bool {
	return a.Offset == b.Offset && a.EventID == b.EventID && a.Seq == b.Seq && a.StoredAt.Equal(b.StoredAt)
}

// ahead gives the stored events of the partition at or beyond an offset.
func (w *worker) ahead(ctx context.Context, offset int64) (rows []Stored, err error) {
	err = w.retry(ctx, stageLoad, func() error {
		attempt, cancel := context.WithTimeout(ctx, w.cfg.LoadTimeout)
		defer cancel()
		rows, err = w.store.Ahead(attempt, w.part.Topic(), w.part.ID(), offset, aheadLimit)
		return err
	})
	return rows, err
}

// matching gives the stored rows of the first items, one each. The place in the log is not enough to recognise an event: a
// log that was made anew starts again at zero, and its events must not be taken for stored.
func matching(items []item, rows []Stored) []Stored {
	var known []Stored
	for i := range items {
		at := slices.IndexFunc(rows, func(r Stored) bool {
			return r.Offset == uint64(items[i].offset) && r.EventID == items[i].envelope().ID
		})
		if at < 0 {
			break
		}
		known = append(known, rows[at])
		rows = rows[at+1:]
	}
	return known
}

// adopt finishes what somebody began: the rows are stored again as they are, for the views that may have missed them, the
// outcomes are told and the position is moved. States that did not see these events are dropped.
func (w *worker) adopt(ctx context.Context, known []Stored) error {
	from, next := int64(known[0].Offset), int64(known[len(known)-1].Offset)+1
	err := w.retry(ctx, stageInsert, func() error {
		attempt, cancel := context.WithTimeout(ctx, w.cfg.InsertTimeout)
		defer cancel()
		return w.store.Reinsert(attempt, w.part.Topic(), w.part.ID(), from, next)
	})
	if err != nil {
		return err
	}
	w.didFlush(w.now())
	clear(w.states)
	b := &batch{outcomes: make([]event.Outcome, len(known))}
	for i, row := range known {
		b.outcomes[i] = row.outcome(w.part.ID())
	}
	w.publish(ctx, b)
	w.log.InfoContext(ctx, "stored events taken over", "partition", w.part.ID(), "first", from, "next", next)
	return w.commit(ctx, next)
}

// load reads the states of all suites among items that are not in memory.
func (w *worker) load(ctx context.Context, items []item) (map[suiteKey]*registry.State, error) {
	loaded := map[suiteKey]*registry.State{}
	for i := range items {
		key := items[i].key()
		if w.states[key] != nil || loaded[key] != nil {
			continue
		}
		err := w.retry(ctx, stageLoad, func() (err error) {
			loaded[key], err = w.loadOne(ctx, key)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return loaded, nil
}

func (w *worker) loadOne(ctx context.Context, key suiteKey) (*registry.State, error) {
	attempt, cancel := context.WithTimeout(ctx, w.cfg.LoadTimeout)
	defer cancel()
	start := w.now()
	snapshot, ok, err := w.store.Load(attempt, key.database, key.suite)
	if err != nil {
		return nil, err
	}
	if !ok {
		return registry.New(key.database, key.suite), nil
	}
	state, err := registry.Load(key.database, key.suite, snapshot)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errContradiction, err)
	}
	took := w.now().Sub(start)
	w.metrics.took(stageLoad, took)
	w.log.InfoContext(ctx, "suite loaded", "database", key.database, "suite", key.suite, "seq", snapshot.LastSeq,
		"machines", len(snapshot.Machines), "tests", len(snapshot.Tests), "runs", len(snapshot.Runs), "events", len(snapshot.Seen), "took", took)
	return state, nil
}
