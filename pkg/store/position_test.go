package store_test

import (
	"testing"
	"time"

	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

func TestPosition_EveryWriteMovesIt_MergesDoNot(t *testing.T) {
	t.Parallel()
	s := testkit.OpenStore(t, testkit.StoreConfig(t))
	p := store.NewPosition(s, 0, time.Now)
	seen := map[string]string{}
	stands := func(after string, moved bool) {
		t.Helper()
		at, err := p.At(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if before, known := seen[at]; known == moved {
			t.Errorf("after %s the position is as after %q; moved is to be %v", after, before, moved)
		}
		seen[at] = after
	}
	exec := func(text string) {
		t.Helper()
		if err := s.Exec(t.Context(), text, nil); err != nil {
			t.Fatal(err)
		}
	}
	stands("nothing", true)
	stands("nothing again", false)
	for seq := range uint64(3) {
		if err := s.InsertLedger(t.Context(), []store.LedgerRow{ledgerRow(seq+1, 3)}); err != nil {
			t.Fatal(err)
		}
		stands("a submission", true)
	}
	exec("INSERT INTO tests (database, suite, test_id, name) VALUES ('default', 'nts', 9, 'nine')")
	stands("one row in one table", true)
	exec("OPTIMIZE TABLE tests FINAL")
	exec("OPTIMIZE TABLE ledger FINAL")
	stands("merges", false)
	exec("ALTER TABLE tests UPDATE name = 'ten' WHERE test_id = 9 SETTINGS mutations_sync = 1")
	stands("a mutation", true)
	exec("TRUNCATE TABLE tests")
	stands("a table made empty", true)
	exec("CREATE TABLE other AS tests")
	stands("another table", true)
	exec("EXCHANGE TABLES other AND tests")
	stands("tables exchanged", true)
}

func TestPosition_WithAge_IsAskedAgainWhenMoved(t *testing.T) {
	t.Parallel()
	s := testkit.OpenStore(t, testkit.StoreConfig(t))
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := store.NewPosition(s, time.Second, func() time.Time { return now })
	at := func() string {
		t.Helper()
		at, err := p.At(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	before := at()
	if err := s.InsertLedger(t.Context(), []store.LedgerRow{ledgerRow(1, 3)}); err != nil {
		t.Fatal(err)
	}
	if at() != before {
		t.Error("the position was asked for again within its age")
	}
	p.Moved()
	after := at()
	if after == before {
		t.Error("what this process wrote does not show")
	}
	if err := s.InsertLedger(t.Context(), []store.LedgerRow{ledgerRow(2, 3)}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second + time.Millisecond)
	if at() == after {
		t.Error("what another process wrote does not show after the age")
	}
}

func TestPosition_Counting_IsAskedAgainWhenAWriteWasCounted_OrASecondLater(t *testing.T) {
	t.Parallel()
	s := testkit.OpenStore(t, testkit.StoreConfig(t))
	now, writes := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), uint64(0)
	p := store.NewPosition(s, 0, func() time.Time { return now })
	p.Counting(func() uint64 { return writes })
	seq := uint64(0)
	differs := func(from string) (at string, differs bool) {
		t.Helper()
		at, err := p.At(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return at, at != from
	}
	insert := func() {
		t.Helper()
		seq++
		if err := s.InsertLedger(t.Context(), []store.LedgerRow{ledgerRow(seq, 3)}); err != nil {
			t.Fatal(err)
		}
	}
	at, _ := differs("")
	insert()
	if _, moved := differs(at); moved {
		t.Error("asked although no write was counted")
	}
	writes++
	at, moved := differs(at)
	if !moved {
		t.Error("a counted write does not show")
	}
	insert()
	now = now.Add(time.Second + time.Millisecond)
	if _, moved := differs(at); !moved {
		t.Error("what was not counted does not show after a second")
	}
}
