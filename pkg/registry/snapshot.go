package registry

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

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
	for i, values := range s.orderLists {
		snap.Orders = append(snap.Orders, orderRow(uint32(i+1), values))
	}
	for name, id := range s.tests {
		snap.Tests = append(snap.Tests, TestRow{ID: id, Name: name})
	}
	slices.SortFunc(snap.Tests, func(a, b TestRow) int { return cmp.Compare(a.ID, b.ID) })
	for at, runs := range s.runs {
		for _, r := range runs {
			snap.Runs = append(snap.Runs, RunKey{ID: r.id, LoadID: r.load, MachineID: at.machine, OrderID: at.order})
		}
	}
	slices.SortFunc(snap.Runs, func(a, b RunKey) int { return cmp.Compare(a.ID, b.ID) })
	for id, m := range s.seen.events {
		snap.Seen = append(snap.Seen, s.seen.row(id, m))
	}
	slices.SortFunc(snap.Seen, func(a, b SeenRow) int { return slices.Compare(a.EventID[:], b.EventID[:]) })
	return snap
}

func (s *seen) row(id uuid.UUID, m memory) SeenRow {
	row := SeenRow{EventID: id, Digest: m.digest, Status: event.Accepted, RunID: m.run, MachineID: m.machine, OrderID: m.order}
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
		err = errors.Join(s.loadRuns(snap.Runs), s.loadSeen(snap.Seen))
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
	for _, row := range slices.SortedFunc(slices.Values(rows), func(a, b MachineRow) int { return cmp.Compare(a.ID, b.ID) }) {
		if err := s.checkID("machine", row.ID, s.last.machine, s.machines[row.ID] != nil); err != nil {
			errs = append(errs, err)
			continue
		}
		s.keep(&machine{id: row.ID, name: row.Name, fields: cloneTexts(row.Fields), params: cloneTexts(splitObject(row.Params)), deleted: row.Deleted})
	}
	return errors.Join(errs...)
}

// loadOrders needs all of them: orders are never removed.
func (s *State) loadOrders(rows []OrderRow) error {
	if uint64(len(rows)) != uint64(s.last.order) {
		return fmt.Errorf("%d orders, but the last has the id %d", len(rows), s.last.order)
	}
	s.orderLists = make([][]string, len(rows))
	var errs []error
	for _, row := range rows {
		key := orderKey(row.Values)
		if err := s.checkID("order", row.ID, s.last.order, s.orders[key] != 0); err != nil {
			errs = append(errs, err)
			continue
		}
		s.orders[key] = row.ID
		s.orderLists[row.ID-1] = slices.Clone(row.Values)
	}
	if i := slices.IndexFunc(s.orderLists, func(values []string) bool { return values == nil }); i >= 0 {
		errs = append(errs, fmt.Errorf("order %d is missing", i+1))
	}
	return errors.Join(errs...)
}

// loadTests needs all of them: tests are never removed.
func (s *State) loadTests(rows []TestRow) error {
	if uint64(len(rows)) != uint64(s.last.test) {
		return fmt.Errorf("%d tests, but the last has the id %d", len(rows), s.last.test)
	}
	var errs []error
	taken := make([]bool, len(rows)+1)
	for _, row := range rows {
		if err := s.checkID("test", row.ID, s.last.test, s.tests[row.Name] != 0); err != nil {
			errs = append(errs, err)
			continue
		}
		if taken[row.ID] {
			errs = append(errs, fmt.Errorf("test %d comes twice", row.ID))
		}
		taken[row.ID] = true
		s.tests[row.Name] = row.ID
	}
	return errors.Join(errs...)
}

func (s *State) loadRuns(rows []RunKey) error {
	var errs []error
	var previous uint32
	for _, row := range slices.SortedFunc(slices.Values(rows), func(a, b RunKey) int { return cmp.Compare(a.ID, b.ID) }) {
		if err := s.checkID("run", row.ID, s.last.run, row.ID == previous); err != nil {
			errs = append(errs, err)
			continue
		}
		previous = row.ID
		if s.machines[row.MachineID] == nil || row.OrderID < 1 || row.OrderID > s.last.order || row.LoadID < 1 || row.LoadID > s.last.load {
			errs = append(errs, fmt.Errorf("run %d names machine %d, order %d, load %d, not all of which exist", row.ID, row.MachineID, row.OrderID, row.LoadID))
			continue
		}
		at := place{row.MachineID, row.OrderID}
		s.runs[at] = append(s.runs[at], run{row.ID, row.LoadID})
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
