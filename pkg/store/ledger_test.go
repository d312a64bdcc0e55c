package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// ledgerRow is an event that brought a run of n samples.
func ledgerRow(seq uint64, n int) store.LedgerRow {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)
	r := store.LedgerRow{
		Database: "default", Suite: "nts", Seq: seq,
		EventID: uuid.UUID{1, 2, byte(seq >> 8), byte(seq)}, EventType: "run.submitted", EventVersion: 1,
		Topic: "events", Partition: 3, Offset: 100 + seq, ReceivedAt: at, StoredAt: at.Add(time.Second),
		Actor: "bot", RequestID: "r1", ContentType: "application/json",
		Params: map[string]string{"merge": "reject", "a": "b\t'\\"}, Body: []byte("{\"raw\":\x00\xff}"), BodyDigest: math.MaxUint64,
		Status: "accepted", AddedMachines: 1, AddedRuns: -1, AddedTests: 2, AddedSamples: int32(n),
		SuiteSchema: `{"name":"nts"}`,
		Machines:    []store.LedgerMachine{{ID: 1, Name: "m", Fields: `{"os":"linux"}`, Params: `{"k":1}`}},
		Orders:      []store.LedgerOrder{{ID: 7, Name: "r7", Values: []string{"7", "x"}, SortKey: "\x01\x07\xff"}},
		Tests:       []store.LedgerTest{{ID: 1, Name: "t\n1"}, {ID: 2, Name: "t2"}},
		LedgerRun: store.LedgerRun{
			RunID: uint32(seq), LoadID: uint32(seq), MachineID: 1, OrderID: 7, StartAt: at, EndAt: at.Add(time.Microsecond),
			RunFields: `{}`, RunParams: `{}`, FirstSampleID: 1,
		},
	}
	for i := range n {
		r.RowTestID = append(r.RowTestID, uint32(i+1))
		r.SampleRow = append(r.SampleRow, uint32(i))
		r.SampleTestID = append(r.SampleTestID, uint32(i+1))
		r.SampleMetric = append(r.SampleMetric, []string{"execution_time", "compile_time"}[i%2])
		r.SampleValue = append(r.SampleValue, float64(i)+0.25+float64(seq)/1000)
		r.SampleFailed = append(r.SampleFailed, uint8(i%2))
	}
	r.TextRow, r.TextTestID, r.TextMetric, r.TextValue = []uint32{0}, []uint32{1}, []string{"hash"}, []string{"abc"}
	return r
}

func count(t testing.TB, s *store.Store, view string) uint64 {
	t.Helper()
	type row struct {
		N uint64 `ch:"n"`
	}
	rows, err := store.Select[row](t.Context(), s, sql.File{Name: view, Text: "SELECT count() AS n FROM " + view}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rows[0].N
}

func TestInsertLedger_Row_ComesBackAsItWas(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	want := ledgerRow(1, 3)
	refused := store.LedgerRow{Database: "default", Suite: "nts", Seq: 2, Topic: "events", Partition: 3, Offset: 102, Status: "rejected", Code: 400, Error: "no"}
	if err := s.InsertLedger(t.Context(), []store.LedgerRow{want, refused}); err != nil {
		t.Fatal(err)
	}
	type row struct {
		EventID  uuid.UUID         `ch:"event_id"`
		Received time.Time         `ch:"received_at"`
		Start    time.Time         `ch:"start_at"`
		Params   map[string]string `ch:"params"`
		Body     string            `ch:"body"`
		Digest   uint64            `ch:"body_digest"`
		Added    int32             `ch:"added_runs"`
		Values   [][]string        `ch:"order_row_values"`
		Key      []string          `ch:"order_row_sort_key"`
		Metric   []string          `ch:"sample_metric"`
		Value    []float64         `ch:"sample_value"`
		Failed   []uint8           `ch:"sample_failed"`
	}
	rows, err := store.Select[row](t.Context(), s, sql.File{Name: "back", Text: `
		SELECT event_id, received_at, start_at, params, body, body_digest, added_runs, order_row_values, order_row_sort_key, sample_metric, sample_value, sample_failed
		FROM ledger ORDER BY seq`}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := []row{
		{want.EventID, want.ReceivedAt, want.StartAt, want.Params, string(want.Body), want.BodyDigest, -1, [][]string{{"7", "x"}}, []string{"\x01\x07\xff"}, want.SampleMetric, want.SampleValue, want.SampleFailed},
		{Received: time.Unix(0, 0).UTC(), Start: time.Unix(0, 0).UTC(), Params: map[string]string{}, Values: [][]string{}, Key: []string{}, Metric: []string{}, Value: []float64{}, Failed: []uint8{}},
	}
	if diff := cmp.Diff(got, rows); diff != "" {
		t.Error(diff)
	}
	for view, want := range map[string]uint64{"v_samples": 3, "v_sample_texts": 1, "v_runs": 1, "v_machines": 1, "v_orders": 1, "v_tests": 2, "v_receipts": 2, "v_suites": 1, "v_run_rows": 3} {
		if got := count(t, s, view); got != want {
			t.Errorf("%s has %d rows, want %d", view, got, want)
		}
	}
}

func TestInsertLedger_SameBatchAgain_NothingAdded(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	rows := []store.LedgerRow{ledgerRow(1, 50), ledgerRow(2, 50)}
	for range 3 {
		if err := s.InsertLedger(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
	}
	// Physical rows: the repeat was recognised, in the ledger and behind its views.
	if l, n := count(t, s, "ledger"), count(t, s, "samples"); l != 2 || n != 100 {
		t.Errorf("%d ledger rows and %d samples are stored, want 2 and 100", l, n)
	}
}

// The server drops a known token without looking: other content must have another token.
func TestInsertLedger_SamePlaceOtherContent_IsStored(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	row := ledgerRow(1, 2)
	changes := []func(*store.LedgerRow){
		func(r *store.LedgerRow) { r.SampleValue = []float64{1, 2} },
		func(r *store.LedgerRow) { r.SampleFailed = []uint8{1, 1} },
		func(r *store.LedgerRow) { r.StoredAt = r.StoredAt.Add(time.Millisecond) },
		func(r *store.LedgerRow) { r.Params = map[string]string{"merge": "append"} },
		func(r *store.LedgerRow) {
			r.Orders = []store.LedgerOrder{{ID: 7, Name: "r7", Values: []string{"7x", ""}}}
		},
	}
	want := uint64(1)
	if err := s.Exec(t.Context(), "SYSTEM STOP MERGES "+s.Database()+".ledger", nil); err != nil { // they fold rows of one key
		t.Fatal(err)
	}
	if err := s.InsertLedger(t.Context(), []store.LedgerRow{row}); err != nil {
		t.Fatal(err)
	}
	for i, change := range changes {
		other := row
		change(&other)
		if err := s.InsertLedger(t.Context(), []store.LedgerRow{other}); err != nil {
			t.Fatal(err)
		}
		want++
		if got := count(t, s, "(SELECT DISTINCT stored_at, params, sample_value, sample_failed, order_row_values FROM ledger)"); got != want {
			t.Errorf("change %d: %d different rows, want %d", i, got, want)
		}
	}
}

func TestReinsertLedger_ViewMissedRows_Heals(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	rows := []store.LedgerRow{ledgerRow(1, 10), ledgerRow(2, 10), ledgerRow(3, 10)}
	if err := s.InsertLedger(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "TRUNCATE TABLE samples", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.ReinsertLedger(t.Context(), "events", 3, 102, 104); err != nil {
		t.Fatal(err)
	}
	if got := count(t, s, "v_samples"); got != 20 {
		t.Errorf("%d samples after healing two of three runs, want 20", got)
	}
	if got := count(t, s, "v_ledger"); got != 3 {
		t.Errorf("%d events, want 3", got)
	}
}

func TestInsertLedger_ViewThrows_RepeatAfterRepairCompletes(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	ctx := t.Context()
	exec := func(text string) {
		t.Helper()
		if err := s.Exec(ctx, text, nil); err != nil {
			t.Fatal(err)
		}
	}
	exec("ALTER TABLE mv_samples MODIFY QUERY SELECT database, suite, machine_id, 'x' AS metric, toUInt32(throwIf(seq > 0, 'broken')) AS test_id, order_id, load_id, toUInt32(0) AS row, run_id, 0. AS value, 0 AS failed FROM ledger")
	rows := []store.LedgerRow{ledgerRow(1, 10), ledgerRow(2, 10)}
	err := s.InsertLedger(ctx, rows)
	if err == nil || store.Classify(err) != store.Data {
		t.Fatalf("insert with a throwing view: %v of class %v, want class data", err, store.Classify(err))
	}
	exec("ALTER TABLE mv_samples MODIFY QUERY SELECT database, suite, machine_id, metric, test_id, order_id, load_id, r AS row, run_id, v AS value, f AS failed FROM ledger ARRAY JOIN sample_row AS r, sample_test_id AS test_id, sample_metric AS metric, sample_value AS v, sample_failed AS f")
	for range 2 {
		if err := s.InsertLedger(ctx, rows); err != nil {
			t.Fatal(err)
		}
	}
	for view, want := range map[string]uint64{"v_ledger": 2, "v_samples": 20, "v_runs": 2, "v_sample_texts": 2, "v_receipts": 2} {
		if got := count(t, s, view); got != want {
			t.Errorf("%s has %d rows, want %d", view, got, want)
		}
	}
}

func TestInsertLedger_ColumnMissing_IsASchemaError(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	if err := s.Exec(t.Context(), "ALTER TABLE ledger DROP COLUMN actor", nil); err != nil {
		t.Fatal(err)
	}
	err := s.InsertLedger(t.Context(), []store.LedgerRow{ledgerRow(1, 1)})
	if err == nil || store.Classify(err) != store.Schema {
		t.Errorf("%v is of class %v, want schema", err, store.Classify(err))
	}
}

func TestInsertLedger_MixedOrUneven_IsRefused(t *testing.T) {
	t.Parallel()
	s, err := store.New(store.Config{
		DSN: "clickhouse://nowhere", Database: "x", MaxReads: 1, MaxReadWait: 1, ReadTimeout: 1, ReadMemoryBytes: 1, MaxWrites: 1, WriteTimeout: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	other := ledgerRow(2, 1)
	other.Partition = 4
	if err := s.InsertLedger(t.Context(), []store.LedgerRow{ledgerRow(1, 1), other}); !errors.Is(err, store.ErrMixedLedger) {
		t.Errorf("two partitions: %v", err)
	}
	if err := s.InsertLedger(t.Context(), []store.LedgerRow{ledgerRow(2, 1), ledgerRow(1, 1)}); !errors.Is(err, store.ErrMixedLedger) {
		t.Errorf("out of order: %v", err)
	}
	uneven := ledgerRow(1, 2)
	uneven.SampleValue = uneven.SampleValue[:1]
	if err := s.InsertLedger(t.Context(), []store.LedgerRow{uneven}); err == nil {
		t.Error("columns of different lengths were taken")
	}
	if err := s.InsertLedger(t.Context(), nil); err != nil {
		t.Errorf("nothing to insert: %v", err)
	}
}

func BenchmarkInsertLedger(b *testing.B) {
	for _, size := range []struct{ runs, samples int }{{1, 5000}, {100, 5000}} {
		b.Run(fmt.Sprintf("%dx%d", size.runs, size.samples), func(b *testing.B) {
			s := testkit.Store(b)
			seq := uint64(0)
			b.ResetTimer()
			for b.Loop() {
				b.StopTimer()
				rows := make([]store.LedgerRow, size.runs)
				for i := range rows {
					seq++
					rows[i] = ledgerRow(seq, size.samples)
					rows[i].OrderID = uint32(seq)
					rows[i].Body = make([]byte, 200<<10)
					for j := range rows[i].Body {
						rows[i].Body[j] = byte(j*j>>4 ^ j)
					}
				}
				b.StartTimer()
				if err := s.InsertLedger(context.Background(), rows); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*size.runs*size.samples)/b.Elapsed().Seconds(), "samples/s")
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/insert")
		})
	}
}
