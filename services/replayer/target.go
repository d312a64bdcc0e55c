package replayer

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"tidemark/pkg/store"
)

// progressTable marks a database as a replay's, and says up to where each suite is whole: in the ledger and in every table
// behind it. The ledger alone does not say it: an insert that was cut off may have filled some of the tables.
const (
	progressTable  = "replay_progress"
	createProgress = `CREATE TABLE IF NOT EXISTS replay_progress (database String, suite String, seq UInt64, differences UInt64)
ENGINE = ReplacingMergeTree(seq) ORDER BY (database, suite)`
	insertProgress = `INSERT INTO replay_progress (database, suite, seq, differences)
SETTINGS async_insert = 0 VALUES ({database:String}, {suite:String}, {seq:UInt64}, {differences:UInt64})`
	readProgress = `SELECT database, suite, seq, differences FROM replay_progress FINAL`
)

// suiteKey names a suite.
type suiteKey struct{ database, suite string }

func (k suiteKey) String() string { return k.database + "/" + k.suite }

func (k suiteKey) params(more store.Params) store.Params {
	p := store.Params{"database": k.database, "suite": k.suite}
	for name, value := range more {
		p[name] = value
	}
	return p
}

// mark is up to where a suite is whole, and how many of its events were decided otherwise.
type mark struct{ seq, differences uint64 }

func (r *Replayer) marks(ctx context.Context) (map[suiteKey]mark, error) {
	marks := map[suiteKey]mark{}
	err := r.rebuilt.Each(ctx, statement("read progress", readProgress), nil, func(scan func(...any) error) error {
		var k suiteKey
		var m mark
		err := scan(&k.database, &k.suite, &m.seq, &m.differences)
		marks[k] = m
		return err
	})
	return marks, err
}

func (r *Replayer) note(ctx context.Context, k suiteKey, m mark) error {
	err := r.rebuilt.Exec(ctx, insertProgress, k.params(store.Params{"seq": m.seq, "differences": m.differences}))
	if err != nil {
		return fmt.Errorf("note progress of %s: %w", k, err)
	}
	return nil
}

// positions are the last events of all suites in a database's ledger.
func positions(ctx context.Context, s *store.Store, database string) (map[suiteKey]uint64, error) {
	last := map[suiteKey]uint64{}
	text := "SELECT database, suite, max(seq) FROM " + at(database, ledgerTable) + " GROUP BY database, suite"
	err := s.Each(ctx, statement("read positions of "+database, text), nil, func(scan func(...any) error) error {
		var k suiteKey
		var seq uint64
		err := scan(&k.database, &k.suite, &seq)
		last[k] = seq
		return err
	})
	return last, err
}

// copyLedger puts a stretch of one suite's events, as decided, into the rebuilt database, with all that the views make of it.
func (r *Replayer) copyLedger(ctx context.Context, from string, part store.Params) error {
	for _, statement := range store.CopyLedger(r.cfg.Into, from, within) {
		if err := r.rebuilt.Exec(ctx, statement, part); err != nil {
			return err
		}
	}
	return nil
}

// between picks the events of one suite.
const between = " WHERE " + within

const within = "database = {database:String} AND suite = {suite:String} AND seq BETWEEN {first:UInt64} AND {last:UInt64}"

// resume finds where a suite goes on, and completes what was stored in part.
func (r *Replayer) resume(ctx context.Context, k suiteKey, m mark, stored uint64) (mark, error) {
	if err := r.sameHistory(ctx, k, m.seq); err != nil {
		return m, err
	}
	if stored <= m.seq || r.cfg.AsDecided { // a copy needs no state: the part is copied again
		return m, nil
	}
	part := k.params(store.Params{"first": m.seq + 1, "last": stored})
	n, err := one[uint64](ctx, r.rebuilt, "count events stored in part", "SELECT uniqExact(seq) AS value FROM ledger"+between, part)
	if err != nil {
		return m, err
	}
	if n != stored-m.seq {
		return m, fmt.Errorf("%s has %d of the events after %d up to %d in %s; %s", k, n, m.seq, stored, r.cfg.Into, r.startOver())
	}
	if err := r.copyLedger(ctx, r.cfg.Into, part); err != nil {
		return m, fmt.Errorf("complete %s after %d: %w", k, m.seq, err)
	}
	differences, err := r.differences(ctx, k, m.seq+1, stored)
	if err != nil {
		return m, err
	}
	m = mark{stored, m.differences + uint64(len(differences))}
	return m, r.note(ctx, k, m)
}

// sameHistory refuses to go on beside a ledger that is not the one the tables were rebuilt from.
func (r *Replayer) sameHistory(ctx context.Context, k suiteKey, seq uint64) error {
	if seq == 0 {
		return nil
	}
	var ids [2]uuid.UUID
	for i, database := range []string{r.cfg.Source, r.cfg.Into} {
		var err error
		ids[i], err = one[uuid.UUID](ctx, r.live, "read event", "SELECT event_id AS value FROM "+at(database, ledgerTable)+between+" LIMIT 1",
			k.params(store.Params{"first": seq, "last": seq}))
		if err != nil {
			return err
		}
	}
	if ids[0] != ids[1] {
		return fmt.Errorf("event %d of %s is %s in %s, but %s in %s; %s",
			seq, k, ids[0], r.cfg.Source, ids[1], r.cfg.Into, r.startOver())
	}
	return nil
}
