package testkit

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/samber/lo"

	"tidemark/pkg/schema"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// pool keeps migrated databases that tests have left. To empty one costs a fraction of what it
// costs to make one; a package needs as many as its tests use at once.
var pool struct {
	sync.Mutex
	free  []database
	admin *store.Store // of no database in particular
}

// database is a migrated one, and what it was like when it was new.
type database struct {
	name string
	condition
}

// condition is what a database is like when it is new, or when its test has ended.
type condition struct {
	// Shape are the statements of all tables and views.
	Shape string `ch:"shape"`
	// Changed are the changes of rows that the engine has not forgotten yet; migrations make some, too.
	Changed []string `ch:"changed"`
	// Full are the tables with rows.
	Full []string `ch:"full"`
	// Busy counts statements and changes that are still under way.
	Busy uint64 `ch:"busy"`
}

// An exchange of tables shows by their ids.
const conditionText = `
SELECT
    arrayStringConcat(arraySort(groupArray(concat(name, ' ', toString(uuid), ' ', create_table_query))), '\n') AS shape,
    groupArrayIf(name, engine LIKE '%MergeTree' AND name != 'schema_migrations' AND total_rows > 0) AS full,
    (SELECT groupArray(concat(table, ' ', mutation_id)) FROM system.mutations WHERE database = {database:String}) AS changed,
    (SELECT count() FROM system.processes WHERE current_database = {database:String})
        + (SELECT count() FROM system.mutations WHERE database = {database:String} AND is_done = 0) AS busy
FROM system.tables
WHERE database = {database:String}`

func look(ctx context.Context, name string) (condition, error) {
	admin, err := administrator(ctx)
	if err != nil {
		return condition{}, err
	}
	list, err := store.Select[condition](ctx, admin, sql.File{Name: "condition", Text: conditionText}, store.Params{"database": name})
	if err != nil {
		return condition{}, err
	}
	return list[0], nil
}

func administrator(ctx context.Context) (*store.Store, error) {
	pool.Lock()
	defer pool.Unlock()
	if pool.admin != nil {
		return pool.admin, nil
	}
	cfg := store.DefaultConfig()
	cfg.Dial, cfg.Database = engine.Dial, "default"
	admin, err := store.New(cfg)
	if err != nil {
		return nil, err
	}
	if err := admin.Open(ctx); err != nil {
		return nil, err
	}
	pool.admin = admin
	return admin, nil
}

// borrow gives a migrated, empty database until the test ends.
func borrow(t testing.TB) string {
	t.Helper()
	d, ok := taken()
	if !ok {
		d = made(t)
	}
	t.Cleanup(func() {
		// The test's context has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := giveBack(ctx, d); err != nil {
			t.Errorf("database %s is not as it was, and does not go: %v", d.name, err)
		}
	})
	return d.name
}

func taken() (database, bool) {
	pool.Lock()
	defer pool.Unlock()
	last := len(pool.free) - 1
	if last < 0 {
		return database{}, false
	}
	d := pool.free[last]
	pool.free = pool.free[:last]
	return d, true
}

func made(t testing.TB) database {
	t.Helper()
	cfg := StoreConfig(t)
	if _, err := schema.Migrate(t.Context(), cfg, Logger()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	c, err := look(t.Context(), cfg.Database)
	if err != nil {
		t.Fatalf("look at the new database: %v", err)
	}
	return database{cfg.Database, c}
}

// giveBack empties a database for the next test. One in which a test changed more than rows, or
// in which something is still going on, is dropped.
func giveBack(ctx context.Context, d database) error {
	c, err := look(ctx, d.name)
	if err != nil || c.Busy > 0 || c.Shape != d.Shape || !lo.Every(d.Changed, c.Changed) {
		return drop(ctx, d.name)
	}
	for _, table := range c.Full {
		if err := pool.admin.Exec(ctx, "TRUNCATE TABLE "+d.name+"."+table+" SYNC", nil); err != nil {
			return drop(ctx, d.name)
		}
	}
	pool.Lock()
	defer pool.Unlock()
	pool.free = append(pool.free, d)
	return nil
}

func drop(ctx context.Context, name string) error {
	admin, err := administrator(ctx)
	if err != nil {
		return err
	}
	return admin.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" SYNC", nil)
}
