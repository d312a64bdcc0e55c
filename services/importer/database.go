package importer

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // PostgreSQL, as "pgx"
	_ "modernc.org/sqlite"             // LNT's other database, as "sqlite"

	"tidemark/pkg/suite"
)

// databaseSource reads LNT's own tables, never writing: every read is in a read-only transaction of its own.
type databaseSource struct {
	db       *sql.DB
	name     string
	postgres bool
	profiles string
}

// knownVersion is LNT's number for the layout read here; it has been that since 0.4.2.
const knownVersion = 18

// openDatabase understands SQLAlchemy's spellings, so that the path in an LNT configuration can be given as it is.
func openDatabase(ctx context.Context, cfg Config) (*databaseSource, error) {
	s := &databaseSource{profiles: cfg.Profiles}
	driver, dsn, err := s.locate(cfg.DSN)
	if err != nil {
		return nil, err
	}
	if s.db, err = sql.Open(driver, dsn); err != nil {
		return nil, fmt.Errorf("open %s: %w", s.name, err)
	}
	s.db.SetMaxOpenConns(cfg.Jobs*cfg.Readers + 1)
	if err := s.checkVersion(ctx); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

func (s *databaseSource) locate(dsn string) (driver, address string, err error) {
	if scheme, rest, ok := strings.Cut(dsn, "://"); ok && strings.HasPrefix(scheme, "postgres") {
		u, err := url.Parse("postgres://" + rest)
		if err != nil {
			return "", "", errors.New("db: not an address of a PostgreSQL database")
		}
		s.postgres, s.name = true, u.Redacted()
		return "pgx", u.String(), nil
	}
	path := strings.TrimPrefix(dsn, "sqlite:///")
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(path, "data", "lnt.db")
		_, err = os.Stat(path)
	}
	if err != nil {
		return "", "", fmt.Errorf("db: %w", err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", "", fmt.Errorf("db: %w", err)
	}
	s.name = path
	// Another process writes to it: wait for its locks, as LNT itself does.
	at := url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(30000)"}
	return "sqlite", at.String(), nil
}

func (s *databaseSource) Name() string { return s.name }
func (s *databaseSource) Close() error { return s.db.Close() }

func (s *databaseSource) checkVersion(ctx context.Context) error {
	var version int
	if err := s.db.QueryRowContext(ctx, `SELECT "Version" FROM "SchemaVersion" WHERE "Name" = '__core__'`).Scan(&version); err != nil {
		return fmt.Errorf("%s is no database of LNT, or cannot be read: %w", s.name, err)
	}
	if version != knownVersion {
		return fmt.Errorf("%s has version %d of LNT's tables, %d is known: LNT 0.4.20 brings it there when it starts", s.name, version, knownVersion)
	}
	return nil
}

// reading runs do in one read-only transaction, so that what belongs together is seen together.
func (s *databaseSource) reading(ctx context.Context, do func(*sql.Tx) error) error {
	var opts *sql.TxOptions // SQLite's are all serializable; the connection itself is read-only
	if s.postgres {
		opts = &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	}
	tx, err := s.db.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("begin to read %s: %w", s.name, err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return do(tx)
}

// each calls yield for every row of a query.
func each(ctx context.Context, tx *sql.Tx, query string, yield func(*sql.Rows) error) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("read LNT's tables: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := yield(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read LNT's tables: %w", err)
	}
	return nil
}

// Suites are those of its TestSuite table; a database has one name, the target's.
func (s *databaseSource) Suites(ctx context.Context, _ string) ([]string, error) {
	var names []string
	err := s.reading(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, `SELECT "Name" FROM "TestSuite" ORDER BY "Name"`, func(rows *sql.Rows) error {
			var name string
			err := rows.Scan(&name)
			names = append(names, name)
			return err
		})
	})
	return names, err
}

// identifier quotes a name for both databases.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Open reads the tables about tables.
func (s *databaseSource) Open(ctx context.Context, _, name string) (Suite, error) {
	t := &tables{source: s, fieldIDs: map[int64]string{}}
	err := s.reading(ctx, func(tx *sql.Tx) error { return t.describe(ctx, tx, name) })
	if err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", name, err)
	}
	return t, nil
}

// describe reads what a suite declares: the fields from their tables, and how to show them from the schema as it was uploaded,
// which LNT keeps beside them.
func (t *tables) describe(ctx context.Context, tx *sql.Tx, name string) error {
	var id int64
	found := false
	err := each(ctx, tx, `SELECT "ID", "Name", "DBKeyName" FROM "TestSuite"`, func(rows *sql.Rows) error {
		var row int64
		var of, key string
		if err := rows.Scan(&row, &of, &key); err != nil {
			return err
		}
		if of == name {
			id, t.key, found = row, key, true
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !found {
		return errors.New("there is no such suite")
	}
	t.schema.Name = name
	for _, part := range []func(context.Context, *sql.Tx, int64) error{t.readOrderFields, t.readRunFields, t.readMachineFields, t.readMetrics} {
		if err := part(ctx, tx, id); err != nil {
			return err
		}
	}
	return t.readUploaded(ctx, tx)
}

func (t *tables) readOrderFields(ctx context.Context, tx *sql.Tx, id int64) error {
	return fieldNames(ctx, tx, fmt.Sprintf(`SELECT "Name" FROM "TestSuiteOrderFields" WHERE "TestSuiteID" = %d ORDER BY "Ordinal", "ID"`, id), func(name string) {
		t.schema.RunFields = append(t.schema.RunFields, suite.Field{Name: name, Order: true})
	})
}

func (t *tables) readRunFields(ctx context.Context, tx *sql.Tx, id int64) error {
	return fieldNames(ctx, tx, fmt.Sprintf(`SELECT "Name" FROM "TestSuiteRunFields" WHERE "TestSuiteID" = %d ORDER BY "ID"`, id), func(name string) {
		t.runFields = append(t.runFields, name)
		t.schema.RunFields = append(t.schema.RunFields, suite.Field{Name: name})
	})
}

func (t *tables) readMachineFields(ctx context.Context, tx *sql.Tx, id int64) error {
	return fieldNames(ctx, tx, fmt.Sprintf(`SELECT "Name" FROM "TestSuiteMachineFields" WHERE "TestSuiteID" = %d ORDER BY "ID"`, id), func(name string) {
		t.schema.MachineFields = append(t.schema.MachineFields, suite.Field{Name: name})
	})
}

func fieldNames(ctx context.Context, tx *sql.Tx, query string, add func(string)) error {
	return each(ctx, tx, query, func(rows *sql.Rows) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		add(name)
		return nil
	})
}

func (t *tables) readMetrics(ctx context.Context, tx *sql.Tx, id int64) error {
	links := map[string]int64{}
	query := fmt.Sprintf(`SELECT f."ID", f."Name", k."Name", f.status_field, f.bigger_is_better, f.ignore_same_hash
FROM "TestSuiteSampleFields" f JOIN "SampleType" k ON k."ID" = f."Type" WHERE f."TestSuiteID" = %d ORDER BY f."ID"`, id)
	err := each(ctx, tx, query, func(rows *sql.Rows) error {
		var field int64
		var name, kind string
		var link, bigger, sameHash sql.NullInt64
		if err := rows.Scan(&field, &name, &kind, &link, &bigger, &sameHash); err != nil {
			return err
		}
		t.fieldIDs[field] = name
		if link.Valid {
			links[name] = link.Int64
		}
		t.schema.Metrics = append(t.schema.Metrics, suite.Metric{
			Name: name, Type: suite.MetricType(kind), BiggerIsBetter: bigger.Int64 != 0, IgnoreSameHash: sameHash.Int64 != 0,
		})
		return nil
	})
	for i, m := range t.schema.Metrics {
		if link, linked := links[m.Name]; linked {
			t.schema.Metrics[i].Status = t.fieldIDs[link]
		}
	}
	return err
}

// readUploaded takes titles, units and the order of metrics from the uploaded schema, if there is one.
func (t *tables) readUploaded(ctx context.Context, tx *sql.Tx) error {
	return each(ctx, tx, `SELECT "TestSuiteName", "JSONSchema" FROM "TestSuiteJSONSchemas"`, func(rows *sql.Rows) error {
		var name string
		var data []byte
		if err := rows.Scan(&name, &data); err != nil {
			return err
		}
		var uploaded struct {
			Metrics []suite.Metric `json:"metrics"`
		}
		if name != t.schema.Name {
			return nil
		}
		if err := json.Unmarshal(data, &uploaded); err != nil {
			return fmt.Errorf("uploaded schema: %w", err)
		}
		t.schema.Metrics = described(t.schema.Metrics, uploaded.Metrics)
		return nil
	})
}

// described gives metrics in the order and with the words of uploaded; what that does not know follows.
func described(metrics, uploaded []suite.Metric) []suite.Metric {
	out := make([]suite.Metric, 0, len(metrics))
	left := map[string]suite.Metric{}
	for _, m := range metrics {
		left[m.Name] = m
	}
	for _, u := range uploaded {
		if m, ok := left[u.Name]; ok {
			m.DisplayName, m.Unit, m.UnitAbbrev = u.DisplayName, u.Unit, u.UnitAbbrev
			out = append(out, m)
			delete(left, u.Name)
		}
	}
	for _, m := range metrics {
		if _, ok := left[m.Name]; ok {
			out = append(out, m)
		}
	}
	return out
}
