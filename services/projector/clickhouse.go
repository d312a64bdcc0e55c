package projector

import (
	"context"
	"time"

	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// Stored is one event as the ledger has it: its place and its answer.
type Stored struct {
	Offset        uint64    `ch:"offset"`
	EventID       uuid.UUID `ch:"event_id"`
	Database      string    `ch:"database"`
	Suite         string    `ch:"suite"`
	Seq           uint64    `ch:"seq"`
	StoredAt      time.Time `ch:"stored_at"`
	Status        string    `ch:"status"`
	Code          uint16    `ch:"code"`
	Error         string    `ch:"error"`
	Message       string    `ch:"message"`
	Field         string    `ch:"field"`
	DuplicateOf   uuid.UUID `ch:"duplicate_of"`
	RunID         uint32    `ch:"run_id"`
	MachineID     uint32    `ch:"machine_id"`
	OrderID       uint32    `ch:"order_id"`
	AddedMachines int32     `ch:"added_machines"`
	AddedRuns     int32     `ch:"added_runs"`
	AddedTests    int32     `ch:"added_tests"`
	AddedSamples  int32     `ch:"added_samples"`
	MachineName   string    `ch:"machine_name"`
	DeletedRuns   []uint32  `ch:"deleted_runs"`
	RegressionID  uint32    `ch:"regression_id"`
}

func (s Stored) outcome(partition int) event.Outcome {
	o := event.Outcome{
		EventID: s.EventID, Database: s.Database, Suite: s.Suite, Seq: s.Seq, Status: event.Status(s.Status),
		Code: int(s.Code), Error: s.Error, Message: s.Message, Field: s.Field,
		RunID: s.RunID, MachineID: s.MachineID, OrderID: s.OrderID,
		AddedMachines: int(s.AddedMachines), AddedRuns: int(s.AddedRuns), AddedTests: int(s.AddedTests), AddedSamples: int(s.AddedSamples),
		MachineName: s.MachineName, DeletedRuns: told(s.DeletedRuns), RegressionID: s.RegressionID,
		Partition: partition, Offset: int64(s.Offset), StoredAt: s.StoredAt.UTC(),
	}
	if o.Status == event.Duplicate {
		o.DuplicateOf = s.DuplicateOf
	}
	return o
}

// ClickHouse keeps the ledger in s.
func ClickHouse(s *store.Store) Store { return clickHouse{s} }

type clickHouse struct{ store *store.Store }

func (c clickHouse) Insert(ctx context.Context, rows []store.LedgerRow) error {
	return c.store.InsertLedger(ctx, rows)
}

func (c clickHouse) Reinsert(ctx context.Context, topic string, partition int, from, next int64) error {
	return c.store.ReinsertLedger(ctx, topic, uint32(partition), uint64(from), uint64(next))
}

var queryAhead = sql.MustQuery("state_ahead")

func (c clickHouse) Ahead(ctx context.Context, topic string, partition int, offset int64, limit int) ([]Stored, error) {
	return store.Select[Stored](ctx, c.store, queryAhead, store.Params{
		"topic": topic, "partition": uint32(partition), "offset": uint64(max(offset, 0)), "limit": uint64(limit),
	})
}

// Load gives what the tables say of a suite.
func (c clickHouse) Load(ctx context.Context, database, suite string) (registry.Snapshot, bool, error) {
	return c.store.LoadState(ctx, database, suite)
}
