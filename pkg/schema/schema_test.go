package schema_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/schema"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// table is one of the catalogue; Identity is new when it was made anew.
type table struct {
	Name     string `ch:"name"`
	Identity string `ch:"identity"`
	Shape    string `ch:"shape"`
}

// catalogue lists the tables and views of a database with their statements.
func catalogue(t *testing.T, cfg store.Config) []table {
	t.Helper()
	return ask[table](t, cfg, `
		SELECT name, if(engine = 'View', '', toString(uuid)) AS identity, replaceAll(create_table_query, currentDatabase() || '.', '') AS shape
		FROM system.tables WHERE database = currentDatabase() ORDER BY name`)
}

func ask[T any](t *testing.T, cfg store.Config, text string) []T {
	t.Helper()
	s := open(t, cfg)
	defer s.Close() //nolint:errcheck // nothing is pending
	out, err := store.Select[T](t.Context(), s, sql.File{Name: "test", Text: text}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func exec(t *testing.T, cfg store.Config, text string) {
	t.Helper()
	s := open(t, cfg)
	defer s.Close() //nolint:errcheck // nothing is pending
	if err := s.Exec(t.Context(), text, nil); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func shapes(list []table) map[string]string {
	out := map[string]string{}
	for _, table := range list {
		out[table.Name] = table.Shape
	}
	return out
}

// version is what the database says of itself.
type version struct {
	Version int64 `ch:"version"`
	Dirty   uint8 `ch:"dirty"`
}

func current(t *testing.T, cfg store.Config) version {
	t.Helper()
	return ask[version](t, cfg, "SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1")[0]
}

func TestMigrate_Twice_SecondDoesNothing(t *testing.T) {
	t.Parallel()
	cfg := testkit.StoreConfig(t)
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	reached, err := schema.Migrate(t.Context(), cfg, logger)
	if err != nil || reached != schema.Latest() || reached == 0 || !strings.Contains(log.String(), "schema migrated") {
		t.Fatalf("reached %d, %v, logged %s", reached, err, &log)
	}
	before := catalogue(t, cfg)
	log.Reset()
	reached, err = schema.Migrate(t.Context(), cfg, logger)
	if err != nil || reached != schema.Latest() || log.Len() > 0 {
		t.Errorf("again: reached %d, %v, logged %s", reached, err, &log)
	}
	if diff := cmp.Diff(before, catalogue(t, cfg)); diff != "" {
		t.Error(diff)
	}
	if got := current(t, cfg); got != (version{int64(schema.Latest()), 0}) {
		t.Errorf("the database says %+v", got)
	}
}

func TestMigrate_ViewsAreAlwaysThoseOfTheBinary(t *testing.T) {
	t.Parallel()
	cfg := testkit.StoreConfig(t)
	testkit.OpenStore(t, cfg)
	want := shapes(catalogue(t, cfg))
	exec(t, cfg, "DROP VIEW v_tests")
	exec(t, cfg, "CREATE OR REPLACE VIEW v_runs AS SELECT 1 AS old")
	if _, err := schema.Migrate(t.Context(), cfg, testkit.Logger()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, shapes(catalogue(t, cfg))); diff != "" {
		t.Error(diff)
	}
}

// cutting is a way to the engine that breaks after some statements: before they
// are sent, or when they are done but nobody hears of it.
type cutting struct {
	dial   func(context.Context, string, string) (net.Conn, error)
	left   atomic.Int64
	unsent bool
}

var errCut = errors.New("cut off")

func (c *cutting) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if c.left.Load() <= 0 {
		return nil, errCut
	}
	conn, err := c.dial(ctx, network, addr)
	return cutConn{conn, c}, err
}

type cutConn struct {
	net.Conn
	c *cutting
}

func (c cutConn) Write(p []byte) (int, error) {
	if c.c.left.Add(-1) < 0 && c.c.unsent {
		_ = c.Close()
		return 0, errCut
	}
	return c.Conn.Write(p)
}

func (c cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.c.left.Load() < 0 {
		_ = c.Close()
		return 0, errCut
	}
	return n, err
}

func TestMigrate_CutOffAnywhere_NextOneCompletes(t *testing.T) {
	t.Parallel()
	whole := testkit.StoreConfig(t)
	testkit.OpenStore(t, whole)
	want := shapes(catalogue(t, whole))
	cuts, dirty := 0, 0
	for after := int64(4); ; after += 9 {
		cfg := testkit.StoreConfig(t)
		way := &cutting{dial: cfg.Dial, unsent: after%2 == 0}
		way.left.Store(after)
		broken := cfg
		broken.Dial = way.Dial
		if _, err := schema.Migrate(t.Context(), broken, testkit.Logger()); err == nil {
			break // it was long enough
		}
		cuts++
		dirty += wasDirty(t, cfg)
		reached, err := schema.Migrate(t.Context(), cfg, testkit.Logger())
		if err != nil || reached != schema.Latest() {
			t.Errorf("cut after %d statements: reached %d, %v", after, reached, err)
			continue
		}
		if diff := cmp.Diff(want, shapes(catalogue(t, cfg))); diff != "" {
			t.Errorf("cut after %d statements: %s", after, diff)
		}
		if got := current(t, cfg); got.Dirty != 0 {
			t.Errorf("cut after %d statements: the database says %+v", after, got)
		}
	}
	if cuts < 5 || dirty == 0 {
		t.Errorf("%d cuts, %d of them in a migration: too few to tell anything", cuts, dirty)
	}
}

// wasDirty is 1 when the database says that a migration was under way.
func wasDirty(t *testing.T, cfg store.Config) int {
	t.Helper()
	s, err := store.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context()); err != nil {
		return 0 // no database yet
	}
	defer s.Close() //nolint:errcheck // nothing is pending
	list, err := store.Select[version](t.Context(), s, sql.File{Name: "dirty", Text: "SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1"}, nil)
	if err != nil || len(list) == 0 {
		return 0
	}
	return int(list[0].Dirty)
}

func TestMigrate_SeveralAtOnce_AllReachTheNewest(t *testing.T) {
	t.Parallel()
	cfg := testkit.StoreConfig(t)
	errs := make([]error, 3)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			reached, err := schema.Migrate(t.Context(), cfg, testkit.Logger())
			if err == nil && reached != schema.Latest() {
				err = fmt.Errorf("reached %d", reached)
			}
			errs[i] = err
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if _, err := schema.Migrate(t.Context(), cfg, testkit.Logger()); err != nil {
		t.Error(err)
	}
	if got := current(t, cfg); got != (version{int64(schema.Latest()), 0}) {
		t.Errorf("the database says %+v", got)
	}
}

func TestMigrate_DatabaseOfANewerBinary_IsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	for name, dirty := range map[string]int{"whole": 0, "in the middle of a migration": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testkit.StoreConfig(t)
			testkit.OpenStore(t, cfg)
			newer := schema.Latest() + 1
			exec(t, cfg, fmt.Sprintf("INSERT INTO schema_migrations (version, dirty, sequence) SELECT %d, %d, max(sequence) + 1 FROM schema_migrations", newer, dirty))
			exec(t, cfg, "CREATE OR REPLACE VIEW v_tests AS SELECT 1 AS newer")
			before := catalogue(t, cfg)
			reached, err := schema.Migrate(t.Context(), cfg, testkit.Logger())
			if !errors.Is(err, schema.ErrNewer) || reached != newer {
				t.Errorf("reached %d, %v, want ErrNewer at %d", reached, err, newer)
			}
			if diff := cmp.Diff(before, catalogue(t, cfg)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMigrate_NameThatIsNone_IsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a-b", "a b", "1a", "a;b", "a`b", "a.b", strings.Repeat("a", 65), "é"} {
		cfg := testkit.StoreConfig(t)
		cfg.Database = name
		if _, err := schema.Migrate(t.Context(), cfg, testkit.Logger()); err == nil || !strings.Contains(err.Error(), "letters, digits and _") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestMigrate_ServerAway_SaysSo(t *testing.T) {
	t.Parallel()
	cfg := store.DefaultConfig()
	cfg.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errCut }
	if _, err := schema.Migrate(t.Context(), cfg, testkit.Logger()); !errors.Is(err, errCut) {
		t.Errorf("%v, want what the way to the server said", err)
	}
}
