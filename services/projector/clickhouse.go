package projector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
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

var (
	queryAhead    = sql.MustQuery("state_ahead")
	queryCounters = sql.MustQuery("state_counters")
	querySchema   = sql.MustQuery("state_schema")
	queryMachines = sql.MustQuery("state_machines")
	queryOrders   = sql.MustQuery("state_orders")
	queryTests    = sql.MustQuery("state_tests")
	queryRuns     = sql.MustQuery("state_runs")
	querySeen     = sql.MustQuery("state_seen")

	queryFindings    = sql.MustQuery("state_findings")
	queryRegressions = sql.MustQuery("state_regressions")
)

func (c clickHouse) Ahead(ctx context.Context, topic string, partition int, offset int64, limit int) ([]Stored, error) {
	return store.Select[Stored](ctx, c.store, queryAhead, store.Params{
		"topic": topic, "partition": uint32(partition), "offset": uint64(max(offset, 0)), "limit": uint64(limit),
	})
}

// Load asks question by question: nobody else writes the suite meanwhile, and the caller looks for somebody who does.
func (c clickHouse) Load(ctx context.Context, database, name string) (registry.Snapshot, bool, error) {
	l := loading{ctx: ctx, store: c.store, params: store.Params{"database": database, "suite": name}}
	snapshot, found, err := l.counters()
	if err != nil || !found {
		return registry.Snapshot{}, false, err
	}
	l.snapshot = &snapshot
	err = errors.Join(l.schema(), l.machines(), l.orders(), l.tests(), l.runs(), l.findings(), l.regressions(), l.seen())
	return snapshot, err == nil, err
}

type loading struct {
	ctx      context.Context
	store    *store.Store
	params   store.Params
	snapshot *registry.Snapshot
}

func (l loading) each(q sql.File, row func(scan func(...any) error) error) error {
	return l.store.Each(l.ctx, q, l.params, row)
}

func (l loading) counters() (s registry.Snapshot, found bool, err error) {
	err = l.each(queryCounters, func(scan func(...any) error) error {
		found = true
		return scan(&s.LastSeq, &s.LastLoadID, &s.LastRunID, &s.LastMachineID, &s.LastOrderID, &s.LastTestID, &s.LastSampleID)
	})
	return s, found, err
}

func (l loading) schema() error {
	return l.each(querySchema, func(scan func(...any) error) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		schema, err := suite.Decode([]byte(text))
		if err != nil {
			return fmt.Errorf("schema: %w", err)
		}
		l.snapshot.Schema = &schema
		return nil
	})
}

func (l loading) machines() error {
	return l.each(queryMachines, func(scan func(...any) error) error {
		var m registry.MachineRow
		var deleted uint8
		err := scan(&m.ID, &m.Name, &m.Fields, &m.Params, &deleted, &m.MergedInto)
		m.Deleted = deleted == 1
		l.snapshot.Machines = append(l.snapshot.Machines, m)
		return err
	})
}

func (l loading) orders() error {
	return l.each(queryOrders, func(scan func(...any) error) error {
		var o registry.OrderRow
		err := scan(&o.ID, &o.Values, &o.Name, &o.SortKey)
		l.snapshot.Orders = append(l.snapshot.Orders, o)
		return err
	})
}

func (l loading) tests() error {
	return l.each(queryTests, func(scan func(...any) error) error {
		var t registry.TestRow
		err := scan(&t.ID, &t.Name)
		l.snapshot.Tests = append(l.snapshot.Tests, t)
		return err
	})
}

func (l loading) runs() error {
	return l.each(queryRuns, func(scan func(...any) error) error {
		var r registry.RunKey
		err := scan(&r.ID, &r.LoadID, &r.MachineID, &r.OrderID)
		l.snapshot.Runs = append(l.snapshot.Runs, r)
		return err
	})
}

func (l loading) findings() error {
	return l.each(queryFindings, func(scan func(...any) error) error {
		var (
			f                 registry.FindingRow
			direction, kind   string
			params            string
			active, dismissed uint8
		)
		err := scan(&f.ChangeID, &f.ID, &f.MachineID, &f.TestID, &f.Metric, &f.OrderID, &f.PreviousOrderID, &direction, &kind,
			&f.Before, &f.After, &f.Spread, &f.Effect, &f.Statistic, &f.PValue, &f.Detector, &f.Version, &params, &f.DataSeq, &active, &dismissed)
		f.Direction, f.Kind, f.Params = event.Direction(direction), event.Kind(kind), []byte(params)
		f.Active, f.Dismissed = active == 1, dismissed == 1
		l.snapshot.Findings = append(l.snapshot.Findings, f)
		return err
	})
}

// regressions leaves out those that were deleted, whose ids count all the same.
func (l loading) regressions() error {
	return l.each(queryRegressions, func(scan func(...any) error) error {
		var r registry.RegressionRow
		var deleted uint8
		err := scan(&r.ID, &r.Title, &r.Bug, &r.State, &r.ChangeIDs, &r.Added, &deleted)
		l.snapshot.LastRegressionID = max(l.snapshot.LastRegressionID, r.ID)
		if deleted == 0 {
			l.snapshot.Regressions = append(l.snapshot.Regressions, r)
		}
		return err
	})
}

func (l loading) seen() error {
	return l.each(querySeen, func(scan func(...any) error) error {
		var (
			s      registry.SeenRow
			status string
			code   uint16
		)
		err := scan(&s.EventID, &s.Digest, &status, &code, &s.Error, &s.Message, &s.Field,
			&s.RunID, &s.MachineID, &s.OrderID, &s.MachineName, &s.DeletedRuns, &s.RegressionID)
		s.Status, s.Code = event.Status(status), int(code)
		l.snapshot.Seen = append(l.snapshot.Seen, s)
		return err
	})
}
