package projector

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tidemark/pkg/registry"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

func TestMain(m *testing.M) {
	// Fewer than rapid's hundred: each check is several lives of a projector. The command line still wins.
	if err := flag.Set("rapid.checks", "40"); err != nil {
		panic(err)
	}
	testkit.Main(m)
}

// digests is the content of every view.
func digests(t testing.TB, s *store.Store) map[string]string {
	t.Helper()
	type row struct {
		Name   string `ch:"name"`
		Rows   uint64 `ch:"rows"`
		Digest uint64 `ch:"digest"`
	}
	rows, err := store.Select[row](t.Context(), s, sql.MustQuery("state_digest"), store.Params{"database": "", "suite": ""})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, r := range rows {
		out[r.Name] = fmt.Sprintf("%d rows %016x", r.Rows, r.Digest)
	}
	return out
}

// project runs the log into the store until its end.
func project(t testing.TB, cfg Config, l *fakeLog, s Store) {
	t.Helper()
	_, stop := start(t, cfg, l, s)
	l.drained(t)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func storyLog(t testing.TB) *fakeLog {
	t.Helper()
	l := newFakeLog()
	l.add(t, story()...)
	return l
}

var allViews = []string{"findings", "ledger", "machine_states", "machines", "orders", "receipts", "records", "regressions", "run_rows", "runs", "sample_texts", "samples", "shadow_findings", "suites", "tests"}

func TestClickHouse_CrashAtEveryPoint_ViewsUnchanged(t *testing.T) {
	t.Parallel()
	reference := testkit.Store(t)
	project(t, quickConfig(), storyLog(t), ClickHouse(reference))
	want := digests(t, reference)
	if got := slices.Sorted(maps.Keys(want)); !slices.Equal(got, allViews) {
		t.Fatalf("the story leaves rows in %v, want all of %v", got, allViews)
	}
	for _, point := range []string{"before insert", "after insert", "before outcomes", "after outcomes, before commit", "after commit"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			s, l, cfg := testkit.Store(t), storyLog(t), quickConfig()
			l.fetch, cfg.BatchRecords = 4, 4
			crashOnce(t, cfg, l, ClickHouse(s), point, 2)
			project(t, cfg, l, ClickHouse(s))
			if diff := cmp.Diff(want, digests(t, s)); diff != "" {
				t.Error(diff)
			}
			everyoneTold(t, l)
			deletionTold(t, l)
		})
	}
}

func TestClickHouse_TwoOwnersOfOnePartition_ViewsUnchanged(t *testing.T) {
	t.Parallel()
	reference, s := testkit.Store(t), testkit.Store(t)
	project(t, quickConfig(), storyLog(t), ClickHouse(reference))
	l, cfg := storyLog(t), quickConfig()
	l.fetch, cfg.BatchRecords = 3, 3
	// Both believe to own the partition, and both go through the whole log.
	_, stopFirst := start(t, cfg, l, ClickHouse(s))
	_, stopSecond := start(t, cfg, l, ClickHouse(s))
	l.drained(t)
	for _, stop := range []func() error{stopFirst, stopSecond} {
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	project(t, cfg, l, ClickHouse(s))
	if diff := cmp.Diff(digests(t, reference), digests(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestClickHouse_LoadedState_IsTheOneThatDecided(t *testing.T) {
	t.Parallel()
	s, m := testkit.Store(t), newMemory()
	project(t, quickConfig(), storyLog(t), ClickHouse(s))
	project(t, quickConfig(), storyLog(t), m)
	for _, suite := range []string{"default/nts", "other/nts", "default/nowhere"} {
		database, name, _ := strings.Cut(suite, "/")
		want, _, err := m.Load(t.Context(), database, name)
		if err != nil {
			t.Fatal(err)
		}
		loaded, ok, err := ClickHouse(s).Load(t.Context(), database, name)
		if err != nil || !ok {
			t.Fatalf("load %s: %v, %v", suite, ok, err)
		}
		state, err := registry.Load(database, name, loaded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, state.Snapshot(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", suite, diff)
		}
	}
	if _, ok, err := ClickHouse(s).Load(t.Context(), "default", "never"); ok || err != nil {
		t.Errorf("a suite without events: %v, %v", ok, err)
	}
}

// An insert that is cut off may leave rows behind the ledger without a row in it. Its events are decided again, by a state that must
// not have heard of them.
func TestClickHouse_TablesAheadOfTheLedger_StateIsThatOfTheLedger(t *testing.T) {
	t.Parallel()
	whole := testkit.Store(t)
	project(t, quickConfig(), storyLog(t), ClickHouse(whole))
	for _, n := range []int{1, 13, len(story()) - len(changesOfMachines())} {
		t.Run(fmt.Sprintf("after %d events", n), func(t *testing.T) {
			t.Parallel()
			s, m := testkit.Store(t), newMemory()
			for _, into := range []Store{ClickHouse(s), m} {
				l := newFakeLog()
				l.add(t, story()[:n]...)
				project(t, quickConfig(), l, into)
			}
			for _, table := range []string{"suites", "machines", "orders", "tests", "runs", "samples", "sample_texts", "superseded", "findings"} {
				if err := s.Exec(t.Context(), fmt.Sprintf("INSERT INTO %[2]s.%[1]s SELECT * FROM %[3]s.%[1]s", table, s.Database(), whole.Database()), nil); err != nil {
					t.Fatal(err)
				}
			}
			want, _, err := m.Load(t.Context(), "default", "nts")
			if err != nil {
				t.Fatal(err)
			}
			loaded, ok, err := ClickHouse(s).Load(t.Context(), "default", "nts")
			if err != nil || !ok {
				t.Fatalf("load: %v, %v", ok, err)
			}
			state, err := registry.Load("default", "nts", loaded)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, state.Snapshot(), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An id used again for another body is refused; the receipt of the first use stands.
func TestClickHouse_ReusedID_FirstReceiptStands(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	project(t, quickConfig(), storyLog(t), ClickHouse(s))
	type row struct {
		Status string `ch:"status"`
		Seq    uint64 `ch:"seq"`
	}
	rows, err := store.Select[row](t.Context(), s, sql.File{Name: "receipt", Text: "SELECT status, seq FROM v_receipts WHERE event_id = {id:UUID}"},
		store.Params{"id": story()[0].ID.String()})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]row{{"accepted", 1}}, rows); diff != "" {
		t.Error(diff)
	}
}

func TestClickHouse_ViewThrows_HeldUntilRepairedNothingLostOrDoubled(t *testing.T) {
	t.Parallel()
	reference, s := testkit.Store(t), testkit.Store(t)
	project(t, quickConfig(), storyLog(t), ClickHouse(reference))
	modify := func(query string) {
		t.Helper()
		if err := s.Exec(t.Context(), "ALTER TABLE mv_tests MODIFY QUERY "+query, nil); err != nil {
			t.Fatal(err)
		}
	}
	modify("SELECT database, suite, toUInt32(throwIf(seq > 0, 'broken')) AS test_id, '' AS name FROM ledger_changes")
	held := make(chan struct{}, 100)
	l := storyLog(t)
	p, stop := start(t, quickConfig(), l, &noting{Store: ClickHouse(s), failed: held})
	<-held
	<-held // the first failure has been noted by now
	if err := p.Ready(); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("Ready = %v, want the view's own words", err)
	}
	if l.committedNow() != -1 {
		t.Error("the position moved over events that are not stored")
	}
	modify("SELECT database, suite, id AS test_id, name FROM ledger_changes ARRAY JOIN test_row_id AS id, test_row_name AS name")
	l.drained(t)
	if err := p.Ready(); err != nil {
		t.Errorf("Ready after repair: %v", err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(digests(t, reference), digests(t, s)); diff != "" {
		t.Error(diff)
	}
}

// The view is repaired only after the projector died: the ledger has the rows, the view has not, and the position is before.
func TestClickHouse_ViewThrowsThenCrash_NextOwnerHeals(t *testing.T) {
	t.Parallel()
	reference, s := testkit.Store(t), testkit.Store(t)
	project(t, quickConfig(), storyLog(t), ClickHouse(reference))
	if err := s.Exec(t.Context(), "ALTER TABLE mv_orders MODIFY QUERY SELECT database, suite, toUInt32(throwIf(seq > 0, 'broken')) AS order_id FROM ledger", nil); err != nil {
		t.Fatal(err)
	}
	held := make(chan struct{}, 100)
	l := storyLog(t)
	_, stop := start(t, quickConfig(), l, &noting{Store: ClickHouse(s), failed: held})
	<-held
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "ALTER TABLE mv_orders MODIFY QUERY SELECT database, suite, id AS order_id, seq, name, vals AS values, sort_key FROM ledger ARRAY JOIN order_row_id AS id, order_row_name AS name, order_row_values AS vals, order_row_sort_key AS sort_key", nil); err != nil {
		t.Fatal(err)
	}
	project(t, quickConfig(), l, ClickHouse(s))
	if diff := cmp.Diff(digests(t, reference), digests(t, s)); diff != "" {
		t.Error(diff)
	}
	everyoneTold(t, l)
}

// noting says when an insert has failed.
type noting struct {
	Store
	failed chan struct{}
}

func (n *noting) Insert(ctx context.Context, rows []store.LedgerRow) error {
	err := n.Store.Insert(ctx, rows)
	if err != nil {
		select {
		case n.failed <- struct{}{}:
		default:
		}
	}
	return err
}

func TestClickHouse_AwayAndBack_CatchesUp(t *testing.T) {
	t.Parallel()
	reference := testkit.Store(t)
	project(t, quickConfig(), storyLog(t), ClickHouse(reference))

	s := testkit.Store(t)
	var away atomic.Bool
	events := story()
	l := newFakeLog()
	l.add(t, events[:5]...)
	failed := make(chan struct{}, 100)
	p, stop := start(t, quickConfig(), l, &noting{Store: &cutting{Store: ClickHouse(s), away: &away}, failed: failed})
	l.drained(t)
	away.Store(true)
	l.add(t, events[5:]...)
	for range 3 {
		<-failed
	}
	if err := p.Ready(); err != nil {
		t.Errorf("Ready = %v; a short outage is no reason to be taken out", err)
	}
	away.Store(false)
	l.drained(t)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(digests(t, reference), digests(t, s)); diff != "" {
		t.Error(diff)
	}
}

// cutting fails inserts while the server is away, as the driver does when nobody listens.
type cutting struct {
	Store
	away *atomic.Bool
}

func (c *cutting) Insert(ctx context.Context, rows []store.LedgerRow) error {
	if c.away.Load() {
		return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	return c.Store.Insert(ctx, rows)
}

func TestClickHouse_SchemaMissing_NotReadyBeforeTheFirstEvent(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	if err := s.Exec(t.Context(), "DROP VIEW v_decisions", nil); err != nil {
		t.Fatal(err)
	}
	failed := make(chan struct{}, 100)
	l := newFakeLog()
	p, stop := start(t, quickConfig(), l, &faulty{Store: ClickHouse(s), after: nil, before: func(string) error {
		select {
		case failed <- struct{}{}:
		default:
		}
		return nil
	}})
	<-failed
	<-failed
	if err := p.Ready(); err == nil || !strings.Contains(err.Error(), "schema") {
		t.Errorf("Ready = %v, want a schema problem", err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkLoad loads a suite of 100 000 runs.
func BenchmarkLoad(b *testing.B) {
	s := testkit.Store(b)
	project(b, quickConfig(), storyLog(b), ClickHouse(s))
	err := s.Exec(b.Context(), `INSERT INTO ledger (database, suite, seq, event_id, event_type, topic, partition, offset, status, run_id, load_id, machine_id, order_id,
			order_row_id, order_row_name, order_row_values, order_row_sort_key, suite_schema, test_row_id, test_row_name, machine_row_id, machine_row_name, machine_row_fields, machine_row_params, machine_row_deleted, machine_row_merged_into)
		SELECT 'bench', 'nts', number + 1, generateUUIDv4(), 'run.submitted', 'events', 0, number, 'accepted', number + 1, number + 1, 1 + number % 100, number + 1,
			[number + 1], [toString(number)], [[toString(number)]], [toString(number)], if(number = 0, (SELECT schema FROM v_suites WHERE database = 'default' AND suite = 'nts'), ''),
			if(number = 0, range(1, 10001), []), if(number = 0, arrayMap(x -> concat('test ', toString(x)), range(1, 10001)), []),
			if(number < 100, [number + 1], []), if(number < 100, [concat('m', toString(number))], []), if(number < 100, ['{}'], []), if(number < 100, ['{}'], []), if(number < 100, [0], []), if(number < 100, [0], [])
		FROM numbers(100000) SETTINGS async_insert = 0`, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		snapshot, ok, err := ClickHouse(s).Load(b.Context(), "bench", "nts")
		if err != nil || !ok || len(snapshot.Seen) != 100_000 {
			b.Fatalf("%d events, %v, %v", len(snapshot.Seen), ok, err)
		}
		if _, err := registry.Load("bench", "nts", snapshot); err != nil {
			b.Fatal(err)
		}
	}
}
