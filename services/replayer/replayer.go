package replayer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/samber/lo"

	"tidemark/pkg/schema"
	"tidemark/pkg/store"
)

// Deps are what a replayer uses.
type Deps struct {
	// Store says where ClickHouse is. Database and bounds are the replayer's own.
	Store store.Config
	// Progress is told of every chunk stored, one call at a time; may be nil.
	Progress func(Progress)
	// Sync returns once everything written is on the disk; nil where the server sees to that.
	Sync   func() error
	Logger *slog.Logger     // nil: silent
	Now    func() time.Time // nil: time.Now
}

// Progress is how far a replay is.
type Progress struct {
	// Events and Samples (values) were stored by this run; Done of Total events of the ledger are stored by now.
	Events, Samples, Done, Total uint64
	// Differences is the number of events decided otherwise than before.
	Differences uint64
	// Suite is the one that moved on, as database/suite.
	Suite string
}

// Replayer rebuilds, compares and swaps. Make it with [New], call Open before and Close after everything else.
type Replayer struct {
	cfg      Config
	deps     Deps
	log      *slog.Logger
	now      func() time.Time
	live     *store.Store
	rebuilt  *store.Store // nil until the database is known to be there
	catalog  catalogue
	progress progress
	sync     func() error
}

// Errors that callers branch on.
var (
	// ErrDiffers says that a new decision is not the stored one, and Config.Strict is set.
	ErrDiffers = errors.New("an event is decided otherwise than it was")
	// ErrMoved says that events came in while tables were compared.
	ErrMoved = errors.New("events came in meanwhile")
	// ErrSwapCutOff says that a swap has to end first.
	ErrSwapCutOff = errors.New("a swap was cut off and has to be finished first")
	// ErrForeign says that the database to rebuild in holds what no replay has put there.
	ErrForeign = errors.New("holds tables that no replay has made")
)

// New checks and remembers; it opens nothing.
func New(cfg Config, deps Deps) (*Replayer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &Replayer{cfg: cfg, deps: deps, log: cmp.Or(deps.Logger, slog.New(slog.DiscardHandler)), now: deps.Now}
	if r.now == nil {
		r.now = time.Now
	}
	r.progress.tell = deps.Progress
	r.sync = deps.Sync
	if r.sync == nil {
		r.sync = func() error { return nil }
	}
	return r, nil
}

// Open connects to the live database. It fails when that is not there.
func (r *Replayer) Open(ctx context.Context) error {
	s, err := r.connect(ctx, r.cfg.Source)
	if err != nil {
		return err
	}
	r.live = s
	if r.catalog, err = readCatalogue(ctx, s, r.cfg.Source); err != nil {
		return err
	}
	return r.catalog.check(r.cfg.Source)
}

// Close ends all connections.
func (r *Replayer) Close() error {
	var problems []error
	for _, s := range []*store.Store{r.live, r.rebuilt} {
		if s != nil {
			problems = append(problems, s.Close())
		}
	}
	return errors.Join(problems...)
}

func (r *Replayer) connect(ctx context.Context, database string) (*store.Store, error) {
	s, err := store.New(r.storeConfig(database))
	if err != nil {
		return nil, err
	}
	if err := s.Open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", database, err), s.Close())
	}
	return s, nil
}

// patience is how long a statement over a whole table may take.
const patience = 2 * time.Hour

func (r *Replayer) storeConfig(database string) store.Config {
	c := r.deps.Store
	defaults := store.DefaultConfig()
	c.Database = database
	c.MaxReads, c.MaxWrites = 2*r.cfg.Suites+2, r.cfg.Suites+1
	c.MaxQueuedReads = defaults.MaxQueuedReads
	c.MaxReadWait, c.ReadTimeout, c.WriteTimeout = patience, patience, patience
	c.ReadMemoryBytes = cmp.Or(c.ReadMemoryBytes, defaults.ReadMemoryBytes)
	return c
}

// prepare makes the database to rebuild in ready, or finds it as an earlier replay has left it.
func (r *Replayer) prepare(ctx context.Context) error {
	if r.rebuilt != nil {
		return nil
	}
	if err := r.checkOwn(ctx); err != nil {
		return err
	}
	if _, err := schema.Migrate(ctx, r.storeConfig(r.cfg.Into), r.log); err != nil {
		return fmt.Errorf("make database %s: %w", r.cfg.Into, err)
	}
	s, err := r.connect(ctx, r.cfg.Into)
	if err != nil {
		return err
	}
	r.rebuilt = s
	if err := s.Exec(ctx, createProgress, nil); err != nil {
		return fmt.Errorf("note whose database %s is: %w", r.cfg.Into, err)
	}
	return r.sameTables(ctx, r.cfg.Into)
}

// checkOwn refuses a database with rows that an earlier replay has not put there.
func (r *Replayer) checkOwn(ctx context.Context) error {
	tables, err := tableNames(ctx, r.live, r.cfg.Into)
	if err != nil {
		return err
	}
	if slices.Contains(tables, oldTable) && !slices.Contains(tables, swapsTable) {
		return fmt.Errorf("database %s holds the tables that a swap has replaced; %s", r.cfg.Into, r.startOver())
	}
	if slices.Contains(tables, progressTable) || !slices.Contains(tables, ledgerTable) {
		return nil
	}
	n, err := one[uint64](ctx, r.live, "count events", "SELECT count() AS value FROM "+at(r.cfg.Into, ledgerTable), nil)
	if err != nil || n == 0 {
		return err
	}
	return fmt.Errorf("database %s %w; name another one", r.cfg.Into, ErrForeign)
}

// startOver is the advice where there is no way on.
func (r *Replayer) startOver() string {
	return "drop it with `tidemark replay --drop --into " + r.cfg.Into + "` and replay again"
}

// sameTables refuses a pair of databases whose tables are not the same: they are of different versions.
func (r *Replayer) sameTables(ctx context.Context, other string) error {
	c, err := readCatalogue(ctx, r.live, other)
	if err != nil {
		return err
	}
	for _, t := range r.catalog.tables {
		have, ok := lo.Find(c.tables, func(o table) bool { return o.name == t.name })
		if !ok || !slices.Equal(have.columns, t.columns) || !slices.Equal(have.key, t.key) {
			return fmt.Errorf("table %s of %s is not as that of %s: bring both up to date with `tidemark migrate`", t.name, other, r.cfg.Source)
		}
	}
	return nil
}

// Drop removes the database of a replay or the tables that a swap has replaced, and refuses any other. It is no error when
// there is none.
func (r *Replayer) Drop(ctx context.Context) error {
	tables, err := tableNames(ctx, r.live, r.cfg.Into)
	if err != nil || len(tables) == 0 {
		return err
	}
	if !slices.Contains(tables, progressTable) && !slices.Contains(tables, oldTable) {
		return fmt.Errorf("drop database %s: it %w", r.cfg.Into, ErrForeign)
	}
	if r.rebuilt != nil {
		_ = r.rebuilt.Close() // what is dropped needs no farewell
		r.rebuilt = nil
	}
	if err := r.live.Exec(ctx, "DROP DATABASE IF EXISTS "+r.cfg.Into+" SYNC", nil); err != nil {
		return fmt.Errorf("drop database %s: %w", r.cfg.Into, err)
	}
	return nil
}
