package registry

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"tidemark/pkg/event"
)

// Snapshot gives the state at rest. It shares no memory with the state.
func (s *State) Snapshot() Snapshot {
	snap := Snapshot{
		LastSeq: s.seq, LastLoadID: s.last.load, LastRunID: s.last.run, LastMachineID: s.last.machine, LastOrderID: s.last.order,
		LastTestID: s.last.test, LastSampleID: s.last.sample,
	}
	if s.announced {
		schema := s.schema.Clone()
		snap.Schema = &schema
	}
	for _, id := range slices.Sorted(maps.Keys(s.machines)) {
		snap.Machines = append(snap.Machines, s.machines[id].row())
	}
	for _, id := range slices.Sorted(maps.Keys(s.orderValues)) {
		snap.Orders = append(snap.Orders, orderRow(id, s.orderValues[id]))
	}
	for name, id := range s.tests {
		snap.Tests = append(snap.Tests, TestRow{ID: id, Name: name})
	}
	slices.SortFunc(snap.Tests, func(a, b TestRow) int { return cmp.Compare(a.ID, b.ID) })
	for machine, orders := range s.runs.at {
		for order, runs := range orders {
			for _, r := range runs {
				snap.Runs = append(snap.Runs, RunKey{
					ID: r.id, LoadID: r.load, MachineID: machine, OrderID: order, Seq: r.seq, Start: time.UnixMicro(r.start).UTC(),
				})
			}
		}
	}
	slices.SortFunc(snap.Runs, func(a, b RunKey) int { return cmp.Compare(a.ID, b.ID) })
	s.snapshotChanges(&snap)
	s.snapshotRecords(&snap)
	for id, m := range s.seen.events {
		snap.Seen = append(snap.Seen, s.seen.row(id, m))
	}
	slices.SortFunc(snap.Seen, func(a, b SeenRow) int { return slices.Compare(a.EventID[:], b.EventID[:]) })
	return snap
}

func (s *seen) row(id uuid.UUID, m memory) SeenRow {
	more := s.more[id]
	row := SeenRow{
		EventID: id, Digest: m.digest, Status: event.Accepted, RunID: m.run, MachineID: m.machine, OrderID: m.order,
		MachineName: more.machineName, DeletedRuns: slices.Clone(more.deletedRuns), RegressionID: more.regression,
	}
	if why := s.refusal(m); why != nil {
		row.Status, row.Code, row.Error, row.Message, row.Field = event.Rejected, why.Code, why.Error, why.Message, why.Field
	}
	return row
}

// Load gives the state that a snapshot was taken of. Lists may be in any order. It reports every contradiction it finds: a state
// that was read wrongly would give out ids twice.
func Load(database, suiteName string, snap Snapshot) (*State, error) {
	s := New(database, suiteName)
	s.seq = snap.LastSeq
	s.last = serials{
		load: snap.LastLoadID, run: snap.LastRunID, machine: snap.LastMachineID, order: snap.LastOrderID, test: snap.LastTestID,
		sample: snap.LastSampleID,
	}
	err := errors.Join(s.loadSchema(snap), s.loadMachines(snap.Machines), s.loadOrders(snap.Orders), s.loadTests(snap.Tests))
	if err == nil {
		err = errors.Join(s.loadRuns(snap.Runs), s.loadChanges(snap), s.loadRecords(snap.Records), s.loadSeen(snap.Seen))
	}
	if err != nil {
		return nil, fmt.Errorf("load state of %s/%s at %d: %w", database, suiteName, snap.LastSeq, err)
	}
	return s, nil
}

func (s *State) loadSchema(snap Snapshot) error {
	if snap.Schema == nil {
		if s.last != (serials{}) {
			return errors.New("ids were given out, but there is no schema")
		}
		return nil
	}
	schema := snap.Schema.Clone()
	s.schema, s.announced = &schema, true
	if schema.Name != s.name {
		return fmt.Errorf("schema is of suite %q", schema.Name)
	}
	return schema.Validate()
}

func (s *State) loadMachines(rows []MachineRow) error {
	var errs []error
	for _, row := range rows {
		if err := s.checkID("machine", row.ID, s.last.machine, s.machines[row.ID] != nil); err != nil {
			errs = append(errs, err)
			continue
		}
		s.keep(&machine{
			id: row.ID, name: row.Name, fields: cloneTexts(row.Fields), params: cloneTexts(splitObject(row.Params)),
			deleted: row.Deleted, mergedInto: row.MergedInto,
		})
	}
	for _, row := range rows {
		if target := s.machines[row.MergedInto]; row.MergedInto != 0 && (!row.Deleted || target == nil || target.mergedInto != 0) {
			errs = append(errs, fmt.Errorf("machine %d is merged into %d, but is not deleted or that is no machine", row.ID, row.MergedInto))
		}
	}
	if s.last.machine != 0 && s.machines[s.last.machine] == nil {
		errs = append(errs, fmt.Errorf("machine %d is missing, which is the last", s.last.machine))
	}
	return errors.Join(errs...)
}

// loadOrders needs all of them: orders are never removed. Ids that are kept leave gaps, but the last one must be there.
func (s *State) loadOrders(rows []OrderRow) error {
	var errs []error
	for _, row := range rows {
		if err := s.checkID("order", row.ID, s.last.order, s.hasOrder(row.ID) || s.orders[orderKey(row.Values)] != 0); err != nil {
			errs = append(errs, err)
			continue
		}
		s.putOrder(row.ID, row.Values)
	}
	if s.last.order != 0 && !s.hasOrder(s.last.order) {
		errs = append(errs, fmt.Errorf("order %d is missing, which is the last", s.last.order))
	}
	return errors.Join(errs...)
}

// loadTests needs all of them: tests are never removed. Ids that are kept leave gaps, but the last one must be there.
func (s *State) loadTests(rows []TestRow) error {
	var errs []error
	for _, row := range rows {
		if err := s.checkID("test", row.ID, s.last.test, s.hasTest(row.ID) || s.tests[row.Name] != 0); err != nil {
			errs = append(errs, err)
			continue
		}
		s.putTest(row.ID, row.Name)
	}
	if s.last.test != 0 && !s.hasTest(s.last.test) {
		errs = append(errs, fmt.Errorf("test %d is missing, which is the last", s.last.test))
	}
	return errors.Join(errs...)
}

// loadRuns puts the runs of merged machines where they stand, whichever of the two machines a row names.
func (s *State) loadRuns(rows []RunKey) error {
	var errs []error
	for _, row := range rows {
		_, twice := s.runs.places[row.ID]
		if err := s.checkID("run", row.ID, s.last.run, twice); err != nil {
			errs = append(errs, err)
			continue
		}
		m := s.machines[row.MachineID]
		if m != nil && m.mergedInto != 0 {
			m = s.machines[m.mergedInto]
		}
		if m == nil || m.deleted || !s.hasOrder(row.OrderID) || row.LoadID < 1 || row.LoadID > s.last.load || row.Seq < 1 || row.Seq > s.seq {
			errs = append(errs, fmt.Errorf("run %d names machine %d, order %d, load %d, position %d, not all of which exist",
				row.ID, row.MachineID, row.OrderID, row.LoadID, row.Seq))
			continue
		}
		s.runs.put(place{m.id, row.OrderID}, run{row.ID, row.LoadID, row.Seq, row.Start.UnixMicro()})
	}
	for machine := range s.runs.at {
		s.runs.line(machine)
	}
	return errors.Join(errs...)
}

func (s *State) loadSeen(rows []SeenRow) error {
	s.seen.events = make(map[uuid.UUID]memory, len(rows))
	for _, row := range rows {
		if _, twice := s.seen.find(row.EventID); twice {
			return fmt.Errorf("event %s comes twice", row.EventID)
		}
		if row.Status != event.Accepted && row.Status != event.Rejected {
			return fmt.Errorf("event %s has status %q", row.EventID, row.Status)
		}
		s.seen.add(row.EventID, row.Digest, Decision{
			Status: row.Status, Code: row.Code, Error: row.Error, Message: row.Message, Field: row.Field,
			RunID: row.RunID, MachineID: row.MachineID, OrderID: row.OrderID,
			MachineName: row.MachineName, DeletedRuns: row.DeletedRuns, RegressionID: row.RegressionID,
		})
	}
	return nil
}

func (s *State) checkID(what string, id, last uint32, taken bool) error {
	switch {
	case id < 1 || id > last:
		return fmt.Errorf("%s %d is outside 1..%d", what, id, last)
	case taken:
		return fmt.Errorf("%s %d comes twice", what, id)
	default:
		return nil
	}
}
