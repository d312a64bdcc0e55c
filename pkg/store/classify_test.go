package store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

func TestClassify_RealErrors_SortedByWhatHelps(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	if err := s.Exec(t.Context(), "CREATE TABLE full (n UInt8) ENGINE = MergeTree ORDER BY n SETTINGS parts_to_throw_insert = 1, parts_to_delay_insert = 1, max_delay_to_insert = 0", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "SYSTEM STOP MERGES "+s.Database()+".full", nil); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"INSERT INTO full SELECT 1", "INSERT INTO full SELECT 2"} {
		_ = s.Exec(t.Context(), text, nil) // until it is full
	}
	for _, c := range []struct {
		what, text string
		want       store.Class
	}{
		{"no such table", "INSERT INTO nowhere SELECT 1", store.Schema},
		{"no such database", "INSERT INTO nowhere.tests SELECT 1", store.Schema},
		{"no such column", "INSERT INTO tests (nothing) SELECT 1", store.Schema},
		{"unknown identifier", "INSERT INTO tests (name) SELECT nothing", store.Schema},
		{"another number of columns", "INSERT INTO tests (database, suite) SELECT 'a'", store.Schema},
		{"not a number", "INSERT INTO tests (test_id) SELECT toUInt32(materialize('x'))", store.Data},
		{"not a date", "INSERT INTO runs (start_at) SELECT toDate(materialize('x'))", store.Data},
		{"not a time", "INSERT INTO runs (start_at) SELECT toDateTime(materialize('x'))", store.Data},
		{"null", "INSERT INTO tests (test_id) SELECT CAST(materialize(NULL) AS UInt32)", store.Data},
		{"arrays of different lengths", "INSERT INTO tests (test_id) SELECT x + y FROM (SELECT materialize([1]) AS a, materialize([1, 2]) AS b) ARRAY JOIN a AS x, b AS y", store.Data},
		{"a view that throws", "INSERT INTO tests (test_id) SELECT throwIf(materialize(1), 'thrown')", store.Data},
		{"too little memory", "INSERT INTO tests (test_id) SELECT length(groupArray(number)) FROM numbers(10000000) SETTINGS max_memory_usage = 1000000", store.Transient},
		{"too little time", "INSERT INTO tests (test_id) SELECT sleepEachRow(0.1) FROM numbers(100) SETTINGS max_execution_time = 0.3, max_block_size = 1, max_threads = 1", store.Transient},
		{"too many parts", "INSERT INTO full SELECT 3", store.Transient},
	} {
		err := s.Exec(t.Context(), c.text, nil)
		if err == nil {
			t.Errorf("%s: no error", c.what)
			continue
		}
		for _, wrapped := range []error{err, fmt.Errorf("insert: %w", err), errors.Join(errors.New("first"), err)} {
			if got := store.Classify(wrapped); got != c.want {
				t.Errorf("%s is %v, want %v: %v", c.what, got, c.want, err)
			}
		}
	}
}

// Whatever is not known to need a person is repeated: giving up would lose events.
func TestClassify_ErrorsOfTheWay_AreTransient(t *testing.T) {
	t.Parallel()
	cfg := store.DefaultConfig()
	cfg.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no way there") }
	s, err := store.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Open(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no way there") {
		t.Fatalf("opened without a server: %v", err)
	}
	for _, err := range []error{err, context.DeadlineExceeded, context.Canceled, net.ErrClosed, errors.New("anything")} {
		if got := store.Classify(err); got != store.Transient {
			t.Errorf("%v is %v, want transient", err, got)
		}
	}
}

func TestConfig_BadSettings_AreAllNamed(t *testing.T) {
	t.Parallel()
	_, err := store.New(store.Config{MaxQueuedReads: -1, MaxWrites: -1, ReadNice: 20})
	for _, key := range []string{
		"store.dsn", "store.database", "store.max_reads", "store.max_writes", "store.read_timeout", "store.write_timeout",
		"store.max_read_wait", "store.read_memory_bytes", "store.max_queued_reads", "store.read_nice",
	} {
		if err == nil || !strings.Contains(err.Error(), key+":") {
			t.Errorf("%s is not named: %v", key, err)
		}
	}
	cfg := store.DefaultConfig()
	cfg.DSN = "clickhouse://localhost:9000"
	if err := cfg.Validate(); err != nil {
		t.Errorf("defaults with an address: %v", err)
	}
	cfg.DSN = "clickhouse://local host:x"
	s, err := store.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "clickhouse address") {
		t.Errorf("an address that is none: %v", err)
	}
}
