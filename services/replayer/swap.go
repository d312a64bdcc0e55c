package replayer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/store"
)

// ErrLedgerDiffers refuses a swap after which tables and ledger would contradict each other.
var ErrLedgerDiffers = errors.New("decisions of the rebuilt ledger are not those of the live one")

// swapsTable says, while a swap is under way, which table was the rebuilt one: a swap that was cut off goes on instead of
// swapping back.
const (
	swapsTable = "replay_swaps"
	// oldTable marks a database as what a swap has left.
	oldTable    = "replay_swapped"
	createOld   = `CREATE TABLE IF NOT EXISTS replay_swapped (name String) ENGINE = MergeTree ORDER BY name`
	createSwaps = `CREATE TABLE IF NOT EXISTS replay_swaps (name String, rebuilt UUID) ENGINE = MergeTree ORDER BY name`
)

// Swapped is what a swap did, or would do.
type Swapped struct {
	Tables []string
	// Old is the database that holds the old tables now.
	Old string
}

// Statements are the swap as SQL.
func (s Swapped) Statements(live string) []string {
	return lo.Map(s.Tables, func(t string, _ int) string { return exchange(live, s.Old, t) })
}

func exchange(live, other, table string) string {
	return "EXCHANGE TABLES " + at(live, table) + " AND " + at(other, table)
}

// SwapPlan is the swap that Swap would do.
func (r *Replayer) SwapPlan(withLedger bool) Swapped {
	tables := r.catalog.derived()
	if withLedger {
		tables = r.catalog.tables
	}
	return Swapped{Tables: lo.Map(tables, func(t table, _ int) string { return t.name }), Old: r.cfg.Into}
}

// Swap puts the rebuilt tables in the place of the live ones, one by one; readers see each either way, never none. Without
// the ledger it is refused unless both ledgers are equal. Nothing may store events meanwhile.
func (r *Replayer) Swap(ctx context.Context, withLedger bool) (Swapped, error) {
	plan := r.SwapPlan(withLedger)
	if err := r.prepare(ctx); err != nil {
		return plan, err
	}
	rebuilt, err := r.swapUnderWay(ctx)
	if err != nil {
		return plan, err
	}
	if len(rebuilt) == 0 {
		if rebuilt, err = r.beginSwap(ctx, plan.Tables, withLedger); err != nil {
			return plan, err
		}
	}
	plan.Tables = lo.Filter(plan.Tables, func(t string, _ int) bool { return lo.HasKey(rebuilt, t) })
	if err := r.sync(); err != nil {
		return plan, err
	}
	for _, t := range plan.Tables {
		live, err := r.tableID(ctx, r.cfg.Source, t)
		if err != nil {
			return plan, err
		}
		if live == rebuilt[t] {
			continue // swapped before it was cut off
		}
		if err := r.live.Exec(ctx, exchange(r.cfg.Source, r.cfg.Into, t), nil); err != nil {
			return plan, fmt.Errorf("swap %s, call swap again to go on: %w", t, err)
		}
		r.log.InfoContext(ctx, "table swapped", "table", t)
	}
	return plan, r.endSwap(ctx)
}

// endSwap takes away what says that the other database is a replay's: the old tables must not be taken for rebuilt ones.
func (r *Replayer) endSwap(ctx context.Context) error {
	if err := r.rebuilt.Exec(ctx, createOld, nil); err != nil {
		return fmt.Errorf("end swap: %w", err)
	}
	for _, t := range []string{progressTable, swapsTable} {
		if err := r.live.Exec(ctx, "DROP TABLE IF EXISTS "+at(r.cfg.Into, t)+" SYNC", nil); err != nil {
			return fmt.Errorf("end swap: %w", err)
		}
	}
	return r.sync()
}

// beginSwap checks and writes down what is about to be swapped.
func (r *Replayer) beginSwap(ctx context.Context, tables []string, withLedger bool) (map[string]uuid.UUID, error) {
	if err := r.whole(ctx); err != nil {
		return nil, err
	}
	if !withLedger {
		equal, err := r.ledgersEqual(ctx)
		if err != nil {
			return nil, err
		}
		if !equal {
			return nil, fmt.Errorf("%w: swap with the ledger, or replay as decided", ErrLedgerDiffers)
		}
	}
	rebuilt := map[string]uuid.UUID{}
	for _, t := range tables {
		id, err := r.tableID(ctx, r.cfg.Into, t)
		if err != nil {
			return nil, err
		}
		rebuilt[t] = id
	}
	if err := r.rebuilt.Exec(ctx, createSwaps, nil); err != nil {
		return nil, fmt.Errorf("begin swap: %w", err)
	}
	text := "INSERT INTO " + swapsTable + " SELECT name, uuid FROM system.tables WHERE database = {database:String} AND has({names:Array(String)}, name) SETTINGS async_insert = 0"
	if err := r.rebuilt.Exec(ctx, text, store.Params{"database": r.cfg.Into, "names": tables}); err != nil {
		return nil, fmt.Errorf("begin swap: %w", err)
	}
	return rebuilt, nil
}

// whole refuses a replay that is not at its end.
func (r *Replayer) whole(ctx context.Context) error {
	last, err := r.aligned(ctx)
	if err != nil {
		return err
	}
	marks, err := r.marks(ctx)
	if err != nil {
		return err
	}
	for k, seq := range last {
		if marks[k].seq != seq {
			return fmt.Errorf("%s is rebuilt up to event %d of %d: replay again first", k, marks[k].seq, seq)
		}
	}
	return nil
}

// SwapCutOff says that a swap was begun and has not ended: calling Swap goes on with it, and there is no replay until then.
func (r *Replayer) SwapCutOff(ctx context.Context) (bool, error) {
	names, err := tableNames(ctx, r.live, r.cfg.Into)
	return slices.Contains(names, swapsTable), err
}

// swapUnderWay are the rebuilt tables of a swap that was cut off; none when there was none.
func (r *Replayer) swapUnderWay(ctx context.Context) (map[string]uuid.UUID, error) {
	cutOff, err := r.SwapCutOff(ctx)
	if err != nil || !cutOff {
		return nil, err
	}
	rebuilt := map[string]uuid.UUID{}
	err = r.rebuilt.Each(ctx, statement("read swap", "SELECT name, rebuilt FROM "+swapsTable), nil, func(scan func(...any) error) error {
		var t string
		var id uuid.UUID
		err := scan(&t, &id)
		rebuilt[t] = id
		return err
	})
	return rebuilt, err
}

func (r *Replayer) tableID(ctx context.Context, database, table string) (uuid.UUID, error) {
	return one[uuid.UUID](ctx, r.live, "find table "+table, "SELECT uuid AS value FROM system.tables WHERE database = {database:String} AND name = {name:String}",
		store.Params{"database": database, "name": table})
}
