package schema

import (
	"bytes"
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"strconv"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	migrator "github.com/golang-migrate/migrate/v4/database/clickhouse"
	"github.com/golang-migrate/migrate/v4/source/iofs"

	"tidemark/pkg/store"
	"tidemark/sql"
)

// ErrNewer is returned for a database that a newer binary has migrated.
var ErrNewer = errors.New("database is newer than this binary")

// name is what a database may be called: it stands in statements as it is,
// because ClickHouse takes no parameter there.
var name = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// Migrate creates the database when it is missing and brings it up to date. It
// returns the version reached.
func Migrate(ctx context.Context, cfg store.Config, log *slog.Logger) (uint, error) {
	if !name.MatchString(cfg.Database) {
		return 0, fmt.Errorf("database %q: letters, digits and _ only", cfg.Database)
	}
	if err := create(ctx, cfg); err != nil {
		return 0, err
	}
	db, err := store.OpenDB(cfg, cfg.Database)
	if err != nil {
		return 0, err
	}
	defer db.Close() //nolint:errcheck // nothing is pending
	// Two processes that start together may meet: each sees what the other has
	// half done, and repeats it, which is harmless.
	version, err := tables(ctx, db, log)
	for range meetings {
		if dirty := (migrate.ErrDirty{}); !errors.As(err, &dirty) {
			break
		}
		version, err = tables(ctx, db, log)
	}
	if err != nil {
		return version, err
	}
	return version, views(ctx, db)
}

// Latest is the version of the newest migration in this binary.
func Latest() uint {
	files, _ := fs.Glob(sql.Migrations(), "*.up.sql")
	if len(files) == 0 {
		return 0
	}
	n, _ := strconv.ParseUint(files[len(files)-1][:6], 10, 32)
	return uint(n)
}

func create(ctx context.Context, cfg store.Config) error {
	db, err := store.OpenDB(cfg, "default")
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing is pending
	if _, err := db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+cfg.Database); err != nil {
		return fmt.Errorf("create database %s: %w", cfg.Database, err)
	}
	return nil
}

// meetings is how often a migration starts over because another one is under way.
const meetings = 10

// versions is the table of golang-migrate's driver, which makes it only where no
// other process does at the same moment. MergeTree, because TinyLog, the driver's
// default, has no durable append.
const versions = `CREATE TABLE IF NOT EXISTS schema_migrations (version Int64, dirty UInt8, sequence UInt64) ENGINE = MergeTree ORDER BY sequence`

func tables(ctx context.Context, db *stdsql.DB, log *slog.Logger) (uint, error) {
	if _, err := db.ExecContext(ctx, versions); err != nil {
		return 0, fmt.Errorf("create migrations table: %w", err)
	}
	source, err := iofs.New(sql.Migrations(), ".")
	if err != nil {
		return 0, fmt.Errorf("read migrations: %w", err)
	}
	driver, err := migrator.WithInstance(db, &migrator.Config{
		MigrationsTable:       "schema_migrations",
		MigrationsTableEngine: "MergeTree",
	})
	if err != nil {
		return 0, fmt.Errorf("open migrations table: %w", err)
	}
	m, err := migrate.NewWithInstance("files", source, "clickhouse", driver)
	if err != nil {
		return 0, fmt.Errorf("prepare migrations: %w", err)
	}
	before, dirty, err := m.Version()
	switch {
	case errors.Is(err, migrate.ErrNilVersion), err == nil && before == 1 && dirty:
		if err := fresh(driver); err != nil {
			return 0, err
		}
		log.Info("schema migrated", "from", 0, "to", Latest())
		return Latest(), nil
	case err != nil:
		return 0, fmt.Errorf("read schema version: %w", err)
	case before > Latest():
		return before, fmt.Errorf("schema version %d, this binary knows %d: %w", before, Latest(), ErrNewer)
	case dirty:
		// Every file may be repeated: the one that was cut off runs again.
		if err := m.Force(previous(before)); err != nil {
			return before, fmt.Errorf("repeat migration %d: %w", before, err)
		}
	}
	if err := m.Up(); err != nil && !errors.Is(err, migrate.ErrNoChange) {
		return before, fmt.Errorf("migrate from version %d: %w", before, err)
	}
	if before != Latest() {
		log.Info("schema migrated", "from", before, "to", Latest())
	}
	return Latest(), nil
}

// fresh brings a database without a version to the newest one. The versions between
// are not noted: an insert for each of them, twice, takes as long as the statements
// themselves. One that is cut off stays at version 1, dirty, and starts over.
func fresh(driver database.Driver) error {
	if err := driver.SetVersion(1, true); err != nil {
		return fmt.Errorf("note the first migration: %w", err)
	}
	files, err := fs.Glob(sql.Migrations(), "*.up.sql")
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(sql.Migrations(), file)
		if err != nil {
			return fmt.Errorf("read migration %s: %w", file, err)
		}
		if err := driver.Run(bytes.NewReader(text)); err != nil {
			return fmt.Errorf("migration %s: %w", file, err)
		}
	}
	if err := driver.SetVersion(int(Latest()), false); err != nil { //nolint:gosec // six digits at most
		return fmt.Errorf("note version %d: %w", Latest(), err)
	}
	return nil
}

// previous is the version before v, in golang-migrate's terms: -1 is none.
func previous(v uint) int {
	if v <= 1 {
		return -1
	}
	return int(v) - 1 //nolint:gosec // six digits at most
}

func views(ctx context.Context, db *stdsql.DB) error {
	list, err := sql.Views()
	if err != nil {
		return err
	}
	for _, v := range list {
		if _, err := db.ExecContext(ctx, v.Text); err != nil {
			return fmt.Errorf("create view %s: %w", v.Header["name"], err)
		}
	}
	return nil
}
