package store_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/pkg/testkit/await"
	"tidemark/pkg/turns"
	"tidemark/sql"
)

var one = sql.File{Name: "one", Text: "SELECT 1 AS n"}

type number struct {
	N uint8 `ch:"n"`
}

// hold takes a place among the readers and keeps it until release is called.
func hold(t *testing.T, s *store.Store) (release func()) {
	t.Helper()
	held, let, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.Each(t.Context(), one, nil, func(func(...any) error) error {
			close(held)
			<-let
			return nil
		})
	}()
	select {
	case <-held:
	case err := <-done:
		t.Fatalf("a read that was to be held ended: %v", err)
	}
	return sync.OnceFunc(func() {
		close(let)
		if err := <-done; err != nil {
			t.Errorf("held read: %v", err)
		}
	})
}

func pool(t *testing.T, reads, queued int, wait time.Duration) *store.Store {
	t.Helper()
	cfg := testkit.StoreConfig(t)
	cfg.MaxReads, cfg.MaxQueuedReads, cfg.MaxReadWait = reads, queued, wait
	return bare(t, cfg)
}

// bare is an open store without tables: these tests read none, and migrating takes a while.
func bare(t *testing.T, cfg store.Config) *store.Store {
	t.Helper()
	cfg.Database = "default"
	s, err := store.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestSelect_PoolAndQueueFull_RefusedAtOnce(t *testing.T) {
	t.Parallel()
	s := pool(t, 2, 0, time.Hour)
	first, second := hold(t, s), hold(t, s)
	defer second()
	if _, err := store.Select[number](t.Context(), s, one, nil); !errors.Is(err, store.ErrBusy) {
		t.Errorf("a third read with two places: %v, want ErrBusy", err)
	}
	if err := s.Each(t.Context(), one, nil, nil); !errors.Is(err, store.ErrBusy) {
		t.Errorf("Each: %v, want ErrBusy", err)
	}
	first()
	if rows, err := store.Select[number](t.Context(), s, one, nil); err != nil || len(rows) != 1 {
		t.Errorf("after a place was given back: %v, %v", rows, err)
	}
}

func TestSelect_NoPlaceInTime_RefusedAfterTheWait(t *testing.T) {
	t.Parallel()
	const wait = 50 * time.Millisecond
	s := pool(t, 1, 1, wait)
	defer hold(t, s)()
	started := time.Now()
	_, err := store.Select[number](t.Context(), s, one, nil)
	if took := time.Since(started); !errors.Is(err, store.ErrBusy) || took < wait {
		t.Errorf("%v after %v, want ErrBusy after %v", err, took, wait)
	}
}

func TestSelect_Queued_RunsWhenAPlaceIsFree_AndOneMoreIsRefused(t *testing.T) {
	t.Parallel()
	s := pool(t, 1, 1, time.Hour)
	release := hold(t, s)
	done := make(chan error, 1)
	go func() {
		_, err := store.Select[number](t.Context(), s, one, nil)
		done <- err
	}()
	await.True(t, "a waiting read", func() bool { _, waiting := s.Reads(); return waiting == 1 })
	if _, err := store.Select[number](t.Context(), s, one, nil); !errors.Is(err, store.ErrBusy) {
		t.Errorf("a read beyond the queue: %v, want ErrBusy", err)
	}
	release()
	if err := <-done; err != nil {
		t.Errorf("queued read: %v", err)
	}
	if running, waiting := s.Reads(); running != 0 || waiting != 0 {
		t.Errorf("%d running and %d waiting when all is over", running, waiting)
	}
}

func TestSelect_CallerGivesUpInTheQueue_LeavesIt(t *testing.T) {
	t.Parallel()
	s := pool(t, 1, 5, time.Hour)
	defer hold(t, s)()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := store.Select[number](ctx, s, one, nil)
		done <- err
	}()
	await.True(t, "a waiting read", func() bool { _, waiting := s.Reads(); return waiting == 1 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the caller's own reason", err)
	}
	if _, waiting := s.Reads(); waiting != 0 {
		t.Errorf("%d still waiting", waiting)
	}
}

func TestReads_FailedAndBroken_GiveTheirPlaceBack(t *testing.T) {
	t.Parallel()
	s := pool(t, 1, 0, time.Hour)
	bad := sql.File{Name: "bad", Text: "SELECT nothing FROM nowhere"}
	for range 3 {
		if _, err := store.Select[number](t.Context(), s, bad, nil); err == nil || errors.Is(err, store.ErrBusy) {
			t.Fatalf("a bad query: %v", err)
		}
		if err := s.Each(t.Context(), one, nil, func(func(...any) error) error { return errors.New("enough") }); err == nil || !strings.Contains(err.Error(), "enough") {
			t.Fatalf("a row that is refused: %v", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = s.Each(t.Context(), one, nil, func(func(...any) error) error { panic("in a row") })
		}()
	}
	if _, err := store.Select[number](t.Context(), s, one, nil); err != nil {
		t.Error(err)
	}
}

// counted is a connection that says when it ends.
type counted struct {
	net.Conn
	closed func()
}

func (c counted) Close() error {
	c.closed()
	return c.Conn.Close()
}

func TestReads_ManyAtOnce_NeverMoreConnectionsThanAllowed(t *testing.T) {
	t.Parallel()
	const reads = 3
	var open, peak atomic.Int64
	cfg := testkit.StoreConfig(t)
	dial := cfg.Dial
	cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		now := open.Add(1)
		for was := peak.Load(); now > was && !peak.CompareAndSwap(was, now); was = peak.Load() {
		}
		return counted{conn, sync.OnceFunc(func() { open.Add(-1) })}, nil
	}
	cfg.MaxReads, cfg.MaxWrites, cfg.MaxQueuedReads, cfg.MaxReadWait = reads, 1, 1000, time.Minute
	s := bare(t, cfg)
	writer := open.Load()
	if n := s.Connections(); int64(n) != writer {
		t.Errorf("%d connections are told of, there are %d", n, writer)
	}
	var all sync.WaitGroup
	var failed atomic.Int64
	for i := range 60 {
		all.Go(func() {
			q := one
			if i%7 == 0 {
				q.Text = "SELECT nothing FROM nowhere" // an error must not cost a connection either
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if i%5 == 0 {
				cancel() // nor a caller who has gone
			}
			if _, err := store.Select[number](ctx, s, q, nil); err != nil {
				failed.Add(1)
			}
		})
	}
	all.Wait()
	if got := peak.Load() - writer; got > reads || got < 1 {
		t.Errorf("%d connections of readers at once, want 1 to %d", got, reads)
	}
	if n := failed.Load(); n < 9 || n > 25 {
		t.Errorf("%d of 60 reads failed, want those that had to", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	await.True(t, "all connections to be closed", func() bool { return open.Load() == 0 && s.Connections() == 0 })
}

// slow takes a minute, without work.
var slow = sql.File{Name: "slow", Text: "SELECT sleepEachRow(0.1) AS n FROM numbers(600) SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0"}

func TestSelect_Deadline_EndsTheReadAndFreesItsPlace(t *testing.T) {
	t.Parallel()
	cfg := testkit.StoreConfig(t)
	cfg.MaxReads, cfg.ReadTimeout = 1, 300*time.Millisecond
	s := bare(t, cfg)
	for name, ctx := range map[string]func() (context.Context, context.CancelFunc){
		"the store's own": func() (context.Context, context.CancelFunc) { return t.Context(), func() {} },
		"the caller's": func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 200*time.Millisecond)
		},
	} {
		ctx, cancel := ctx()
		started := time.Now()
		_, err := store.Select[number](ctx, s, slow, nil)
		cancel()
		if took := time.Since(started); err == nil || took > 20*time.Second {
			t.Errorf("%s deadline: %v after %v", name, err, took)
		}
		if running, _ := s.Reads(); running != 0 {
			t.Errorf("%s deadline: %d reads still hold a place", name, running)
		}
	}
	if _, err := store.Select[number](t.Context(), s, one, nil); err != nil {
		t.Errorf("the next read: %v", err)
	}
}

func TestSelect_MemoryBound_EndsTheReadOnly(t *testing.T) {
	t.Parallel()
	cfg := testkit.StoreConfig(t)
	cfg.ReadMemoryBytes = 8 << 20
	s := bare(t, cfg)
	hungry := sql.File{Name: "hungry", Text: "SELECT toUInt8(length(groupArray(number)) > 0) AS n FROM numbers(20000000)"}
	if _, err := store.Select[number](t.Context(), s, hungry, nil); err == nil || !strings.Contains(strings.ToLower(err.Error()), "memory") {
		t.Errorf("a read of 160 MB within 8: %v", err)
	}
	if _, err := store.Select[number](t.Context(), s, one, nil); err != nil {
		t.Errorf("the next read: %v", err)
	}
}

func TestSelect_CallerGoes_TheStatementEndsInClickHouse(t *testing.T) {
	t.Parallel()
	cfg := testkit.StoreConfig(t)
	s, other := bare(t, cfg), bare(t, cfg)
	const mark = "a caller who goes"
	endless := sql.File{Name: "endless", Text: "SELECT count() AS n FROM numbers(1000000000000) WHERE cityHash64(number, '" + mark + "') = 1"}
	runs := func() bool {
		rows, err := store.Select[struct {
			N uint64 `ch:"n"`
		}](t.Context(), other, sql.File{Name: "running", Text: "SELECT count() AS n FROM system.processes WHERE position(query, '" + mark + "') > 0 AND position(query, 'system.processes') = 0"}, nil)
		if err != nil || len(rows) != 1 {
			t.Fatal(err)
		}
		return rows[0].N > 0
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := store.Select[number](ctx, s, endless, nil)
		ended <- err
	}()
	await.True(t, "the statement to run", runs)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the read ended with %v", err)
	}
	await.True(t, "the statement to end", func() bool { return !runs() })
}

func TestSelect_LongerThanClickHouseAllows_IsADeadline(t *testing.T) {
	t.Parallel()
	s := pool(t, 1, 0, time.Second)
	long := slow
	long.Text += ", max_execution_time = 1"
	if _, err := store.Select[number](t.Context(), s, long, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cut off by the server: %v", err)
	}
}

func TestShare_OfAContext_IsWhereTheReadTakesItsPlace(t *testing.T) {
	t.Parallel()
	s := pool(t, 2, 0, time.Second)
	crowd := s.Share("crowd", 1)
	held, let, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.Each(turns.With(t.Context(), crowd), one, nil, func(func(...any) error) error { close(held); <-let; return nil })
	}()
	<-held
	if _, err := store.Select[number](turns.With(t.Context(), crowd), s, one, nil); !errors.Is(err, store.ErrBusy) {
		t.Errorf("a second of a share of one: %v", err)
	}
	if _, err := store.Select[number](t.Context(), s, one, nil); err != nil {
		t.Errorf("beside a crowd: %v", err)
	}
	close(let)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSelect_WithNice_StandsBackBehindWrites(t *testing.T) {
	t.Parallel()
	cfg := testkit.StoreConfig(t)
	cfg.ReadNice = 7
	rows, err := store.Select[number](t.Context(), bare(t, cfg), sql.File{Name: "nice", Text: "SELECT toUInt8(getSetting('os_threads_nice_value_query')) AS n"}, nil)
	if err != nil || len(rows) != 1 || rows[0].N != 7 {
		t.Errorf("the nice value of a read is %v (%v), want 7", rows, err)
	}
}

func TestStore_WithoutWriters_RefusesWrites(t *testing.T) {
	t.Parallel()
	cfg := testkit.StoreConfig(t)
	cfg.MaxWrites = 0
	s := bare(t, cfg)
	if err := s.Exec(t.Context(), "SELECT 1", nil); err == nil {
		t.Error("a statement was run by a store that only reads")
	}
	if err := s.InsertColumns(t.Context(), "machines"); err == nil {
		t.Error("columns were inserted by a store that only reads")
	}
	create := sql.File{Name: "create", Text: "CREATE TABLE forbidden (n UInt8) ENGINE = Memory"}
	if _, err := store.Select[number](t.Context(), s, create, nil); err == nil {
		t.Error("a read may write")
	}
}

func TestExec_StoreWithoutWriters_UsesItsScratchOrSaysSo(t *testing.T) {
	t.Parallel()
	work := testkit.Migrated(t)
	people := work
	people.MaxWrites = 0
	alone := testkit.Open(t, people)
	if err := alone.Exec(t.Context(), "SELECT 1", nil); err == nil {
		t.Error("a store without writers ran a statement of writers")
	}
	lent, err := store.New(people)
	if err != nil {
		t.Fatal(err)
	}
	lent.UseScratch(testkit.Open(t, work))
	if err := lent.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lent.Close() })
	if err := lent.Exec(t.Context(), "CREATE TABLE moment (n UInt8) ENGINE = Memory", nil); err != nil {
		t.Fatal(err)
	}
	if err := lent.InsertColumns(t.Context(), "moment", store.Column{Name: "n", Values: []uint8{1, 2}}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, lent, "moment"); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	if err := lent.InsertLedger(t.Context(), []store.LedgerRow{ledgerRow(1, 1)}); err == nil {
		t.Error("a store without writers took a row of the ledger")
	}
}
