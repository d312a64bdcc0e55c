package store_test

import (
	"testing"
	"time"

	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

// Promise 1: the ledger is on the disk when an insert returns; what the tables behind it lost is filled again from it.
func TestHeal_TablesLostTheirPart_HaveItAgainOnce(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	early, late := time.Date(2026, 2, 3, 4, 0, 0, 0, time.UTC), time.Date(2026, 2, 3, 5, 0, 0, 0, time.UTC)
	for i, at := range []time.Time{early, late, late} {
		row := ledgerRow(uint64(i+1), 10)
		row.StoredAt = at
		if err := s.InsertLedger(t.Context(), []store.LedgerRow{row}); err != nil {
			t.Fatal(err)
		}
	}
	before := map[string]uint64{}
	tables := []string{"v_samples", "v_sample_texts", "v_runs", "v_run_rows", "v_ledger"}
	for _, view := range tables {
		before[view] = count(t, s, view)
	}
	for _, lost := range []string{"samples", "sample_texts", "runs"} {
		if err := s.Exec(t.Context(), "DELETE FROM "+lost+" WHERE load_id > 1", nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := count(t, s, "v_samples"); got >= before["v_samples"] {
		t.Fatalf("nothing was lost: %d samples", got)
	}
	healed, err := s.Heal(t.Context(), early.Add(time.Minute))
	if err != nil || healed != 2 {
		t.Fatalf("%d events were put in again, %v; want the 2 stored since", healed, err)
	}
	for _, view := range tables {
		if got := count(t, s, view); got != before[view] {
			t.Errorf("%s has %d rows, had %d", view, got, before[view])
		}
	}
}

func TestMigrations_LedgerIsSyncedToTheDiskOnInsert(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	if got := count(t, s, "system.tables WHERE database = currentDatabase() AND name = 'ledger' AND engine_full LIKE '%fsync_after_insert = 1%' AND engine_full LIKE '%fsync_part_directory = 1%'"); got != 1 {
		t.Error("an insert into the ledger returns before the rows are on the disk")
	}
}
