package testkit_test

import (
	"testing"
	"time"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// submitted stores one report and gives the number of its samples that can be read.
func submitted(t *testing.T, s *store.Store) uint64 {
	t.Helper()
	at := time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	row, d := testkit.NewDecider().Decide(t, store.LogPosition{Topic: event.TopicEvents, Offset: 1}, at, event.Envelope{
		ID: event.IDFromKey("default", "nts", "1"), Type: event.RunSubmitted, Version: 1, Database: "default", Suite: "nts", ReceivedAt: at,
		Body: []byte(`{"format_version":"2","machine":{"name":"m"},"run":{"llvm_project_revision":"1","start_time":"2026-02-03T04:05:06",` +
			`"end_time":"2026-02-03T05:00:00"},"tests":[{"name":"a","execution_time":[1,2]}]}`),
	})
	if d.Status != event.Accepted {
		t.Fatal(d.Error)
	}
	if err := s.InsertLedger(t.Context(), []store.LedgerRow{row}); err != nil {
		t.Fatal(err)
	}
	return number(t, s, "SELECT count() AS n FROM v_samples")
}

func number(t *testing.T, s *store.Store, text string) uint64 {
	t.Helper()
	type row struct {
		N uint64 `ch:"n"`
	}
	list, err := store.Select[row](t.Context(), s, sql.File{Name: "test", Text: text}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return list[0].N
}

const rowsOfAll = "SELECT sum(total_rows) AS n FROM system.tables WHERE database = currentDatabase() AND name != 'schema_migrations'"

// Not parallel: the database that one of them leaves is the one that the next gets.
func TestStore_OneTestAfterAnother_EachIsAloneWithItsRows(t *testing.T) {
	used := map[string]int{}
	for range 3 {
		t.Run("", func(t *testing.T) {
			s := testkit.Store(t)
			used[s.Database()]++
			if n := number(t, s, rowsOfAll); n != 0 {
				t.Errorf("%d rows to begin with", n)
			}
			// The same rows once more: what the last test stored is not remembered either.
			if n := submitted(t, s); n != 2 {
				t.Errorf("%d samples stored, want 2", n)
			}
		})
	}
	if len(used) != 1 {
		t.Errorf("made %d databases for tests that follow each other: %v", len(used), used)
	}
}

func TestStore_AfterATestThatChangedMoreThanRows_IsAnother(t *testing.T) {
	for _, change := range []string{
		"CREATE OR REPLACE VIEW v_runs AS SELECT 1 AS old",
		"DROP VIEW mv_samples",
		"CREATE TABLE more (a UInt8) ENGINE = MergeTree ORDER BY a",
		"ALTER TABLE samples ADD COLUMN more UInt8",
		"ALTER TABLE samples UPDATE value = 7 WHERE 1",
		"EXCHANGE TABLES schema_migrations AND samples",
	} {
		var before string
		t.Run(change, func(t *testing.T) {
			s := testkit.Store(t)
			before = s.Database()
			submitted(t, s)
			if err := s.Exec(t.Context(), change, nil); err != nil {
				t.Fatal(err)
			}
		})
		t.Run("after it", func(t *testing.T) {
			s := testkit.Store(t)
			if s.Database() == before {
				t.Errorf("%s was given again", before)
			}
			if n := number(t, s, "SELECT count() AS n FROM system.databases WHERE name = '"+before+"'"); n != 0 {
				t.Errorf("%s is still there", before)
			}
		})
	}
}

func TestStore_TestsAtOnce_HaveDatabasesOfTheirOwn(t *testing.T) {
	a, b := testkit.Store(t), testkit.Store(t)
	if submitted(t, a); number(t, b, rowsOfAll) != 0 {
		t.Error("what one stored is in the other's database")
	}
}
