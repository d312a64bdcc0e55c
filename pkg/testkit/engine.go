package testkit

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tidemark/pkg/embedded/clickhouse"
	"tidemark/pkg/schema"
	"tidemark/pkg/store"
)

var (
	engine    *clickhouse.Engine
	openOnce  = sync.OnceValue(openEngine)
	databases atomic.Int64
)

// folderPrefix begins the name of an engine's folder.
const folderPrefix = "tidemark-engine-"

// openEngine starts the one engine of the process. [Main] removes its folder.
func openEngine() error {
	library, err := clickhouse.FindLibrary()
	if err != nil {
		return err
	}
	dir, err := engineFolder()
	if err != nil {
		return err
	}
	e, err := clickhouse.New(clickhouse.Config{Path: dir, Library: library, Logger: Logger()})
	if err != nil {
		return err
	}
	if err := e.Open(context.Background()); err != nil {
		return err
	}
	engine, engineDir = e, dir
	return nil
}

var engineDir string

// Main is for TestMain: it runs the tests and closes the engine after them.
func Main(m *testing.M) {
	code := m.Run()
	if pool.admin != nil {
		_ = pool.admin.Close()
	}
	if engine != nil {
		_ = engine.Close()
		_ = os.RemoveAll(engineDir)
	}
	os.Exit(code)
}

// Engine is the engine of the test process.
func Engine(t testing.TB) *clickhouse.Engine {
	t.Helper()
	if err := openOnce(); err != nil {
		t.Fatalf("the embedded engine does not start: %v", err)
	}
	return engine
}

// StoreConfig names an empty database of the test's own on the shared engine.
func StoreConfig(t testing.TB) store.Config {
	t.Helper()
	cfg := store.DefaultConfig()
	cfg.Dial = Engine(t).Dial
	cfg.Database = fmt.Sprintf("test_%d_%s", databases.Add(1), identifier(t.Name()))
	return cfg
}

// Store is an open store on a migrated, empty database of the test's own.
func Store(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, Migrated(t))
}

// Migrated names a migrated, empty database that is the test's own until it ends.
func Migrated(t testing.TB) store.Config {
	t.Helper()
	cfg := store.DefaultConfig()
	cfg.Dial = Engine(t).Dial
	cfg.Database = borrow(t)
	return cfg
}

// Open opens the database of cfg, which is there.
func Open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context()); err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// OpenStore migrates and opens the database of cfg.
func OpenStore(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	if _, err := schema.Migrate(t.Context(), cfg, Logger()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	s := Open(t, cfg)
	t.Cleanup(func() {
		// The test's context has ended by now.
		_ = s.Exec(context.Background(), "DROP DATABASE IF EXISTS "+cfg.Database+" SYNC", nil)
	})
	return s
}

// Logger writes nothing unless TIDEMARK_TEST_LOG is set.
func Logger() *slog.Logger {
	if os.Getenv("TIDEMARK_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func identifier(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, s)
	return s[:min(len(s), 40)]
}
