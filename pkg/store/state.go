package store

import (
	"context"
	"errors"
	"fmt"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/suite"
	"tidemark/sql"
)

var (
	queryCounters = sql.MustQuery("state_counters")
	querySchema   = sql.MustQuery("state_schema")
	queryMachines = sql.MustQuery("state_machines")
	queryOrders   = sql.MustQuery("state_orders")
	queryTests    = sql.MustQuery("state_tests")
	queryRuns     = sql.MustQuery("state_runs")
	querySeen     = sql.MustQuery("state_seen")

	queryFindings    = sql.MustQuery("state_findings")
	queryRegressions = sql.MustQuery("state_regressions")
	queryRecords     = sql.MustQuery("state_records")
)

// LoadState gives the state of a suite as the tables have it: the way back from [Decided]. ok is false when no event of the
// suite was stored. It asks question by question: nobody else may write the suite meanwhile, or the caller has to look for
// somebody who does.
func (s *Store) LoadState(ctx context.Context, database, suiteName string) (snapshot registry.Snapshot, ok bool, err error) {
	l := loading{ctx: ctx, store: s, params: Params{"database": database, "suite": suiteName}}
	snapshot, ok, err = l.counters()
	if err != nil || !ok {
		return registry.Snapshot{}, false, err
	}
	l.snapshot = &snapshot
	err = errors.Join(l.schema(), l.machines(), l.orders(), l.tests(), l.runs(), l.findings(), l.regressions(), l.records(), l.seen())
	return snapshot, err == nil, err
}

// loading fills one snapshot.
type loading struct {
	ctx      context.Context
	store    *Store
	params   Params
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
		err := scan(&r.ID, &r.LoadID, &r.MachineID, &r.OrderID, &r.Seq, &r.Start)
		l.snapshot.Runs = append(l.snapshot.Runs, r)
		return err
	})
}

func (l loading) findings() error {
	return l.each(queryFindings, func(scan func(...any) error) error {
		var (
			f                         registry.FindingRow
			direction, kind           string
			params                    string
			active, dismissed, shadow uint8
		)
		err := scan(&f.ChangeID, &f.ID, &f.MachineID, &f.TestID, &f.Metric, &f.OrderID, &f.PreviousOrderID, &direction, &kind,
			&f.Before, &f.After, &f.Spread, &f.Effect, &f.EffectLow, &f.EffectHigh, &f.Cause, &f.Nth, &f.Statistic, &f.PValue,
			&f.Detector, &f.Version, &params, &f.DataSeq, &active, &dismissed, &f.DismissedSeq, &f.DismissedEffect, &f.Note, &shadow)
		f.Direction, f.Kind, f.Params = event.Direction(direction), event.Kind(kind), []byte(params)
		f.Active, f.Dismissed, f.Shadow = active == 1, dismissed == 1, shadow == 1
		l.snapshot.Findings = append(l.snapshot.Findings, f)
		return err
	})
}

// regressions keeps of those that were deleted the ids and when it was.
func (l loading) regressions() error {
	return l.each(queryRegressions, func(scan func(...any) error) error {
		var r registry.RegressionRow
		var kind string
		var deleted, touched, titled, recovered uint8
		err := scan(&r.ID, &r.Title, &r.Bug, &r.State, &r.ChangeIDs, &r.Added, &deleted, &r.UUID, &r.Seq, &r.OpenedSeq, &r.Detector, &kind,
			&r.Cause, &r.Owner, &r.Tags, &r.Note, &r.StartOrderID, &r.EndOrderID, &r.MergedInto, &touched, &titled, &recovered, &r.FormerState)
		r.Kind, r.Touched, r.Titled, r.Recovered = event.Kind(kind), touched == 1, titled == 1, recovered == 1
		l.snapshot.LastRegressionID = max(l.snapshot.LastRegressionID, r.ID)
		if deleted == 1 {
			l.snapshot.DeletedRegressions = append(l.snapshot.DeletedRegressions, registry.Tombstone{ID: r.ID, Seq: r.Seq})
		} else {
			l.snapshot.Regressions = append(l.snapshot.Regressions, r)
		}
		return err
	})
}

func (l loading) records() error {
	return l.each(queryRecords, func(scan func(...any) error) error {
		var r registry.RecordState
		var body string
		err := scan(&r.Kind, &r.Key, &r.Seq, &body, &r.Status, &r.Attempt)
		if body != "" {
			r.Body = []byte(body)
		}
		l.snapshot.Records = append(l.snapshot.Records, r)
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
