package registry

import (
	"cmp"
	"maps"
	"slices"
)

// place is where a run stands: two runs of one place are duplicates of each other.
type place struct{ machine, order uint32 }

// run is a run that stands: its id and generation, the position of its event, and its start in microseconds.
type run struct {
	id, load uint32
	seq      uint64
	start    int64
}

func byID(a, b run) int { return cmp.Compare(a.id, b.id) }

// standing are the runs that count, by machine so that one goes or moves at the cost of its own runs, and by id.
type standing struct {
	at     map[uint32]map[uint32][]run // by machine and order, each in ascending id order
	lines  map[uint32][]uint32         // by machine: the orders of its runs as compare has them
	places map[uint32]place            // by run id
	// compare says which of two orders comes first in the suite's history; no two are equal.
	compare func(a, b uint32) int
}

func newStanding(compare func(a, b uint32) int) standing {
	return standing{
		at: make(map[uint32]map[uint32][]run), lines: make(map[uint32][]uint32), places: make(map[uint32]place), compare: compare,
	}
}

// of gives the runs of one place, in ascending id order. They belong to the standing.
func (s *standing) of(p place) []run { return s.at[p.machine][p.order] }

// find gives a run that stands at a place.
func (s *standing) find(p place, id uint32) run {
	there := s.of(p)
	i, _ := slices.BinarySearchFunc(there, run{id: id}, byID)
	return there[i]
}

// add gives a run its place.
func (s *standing) add(p place, r run) {
	if len(s.of(p)) == 0 {
		s.lines[p.machine] = s.enter(s.lines[p.machine], p.order)
	}
	s.put(p, r)
}

// put is add without the line, which has to know the order already.
func (s *standing) put(p place, r run) {
	orders := s.at[p.machine]
	if orders == nil {
		orders = make(map[uint32][]run)
		s.at[p.machine] = orders
	}
	there := orders[p.order]
	i, _ := slices.BinarySearchFunc(there, r, byID)
	orders[p.order] = slices.Insert(there, i, r)
	s.places[r.id] = p
}

// line makes the line of a machine anew, at once for all its orders.
func (s *standing) line(machine uint32) {
	s.lines[machine] = slices.SortedFunc(maps.Keys(s.at[machine]), s.compare)
}

// enter puts an order where it belongs in a line: most often at its end.
func (s *standing) enter(line []uint32, order uint32) []uint32 {
	if n := len(line); n == 0 || s.compare(line[n-1], order) < 0 {
		return append(line, order)
	}
	i, _ := slices.BinarySearchFunc(line, order, s.compare)
	return slices.Insert(line, i, order)
}

// clear takes all runs of a place away.
func (s *standing) clear(p place) {
	for _, r := range s.of(p) {
		delete(s.places, r.id)
	}
	delete(s.at[p.machine], p.order)
	if len(s.at[p.machine]) == 0 {
		delete(s.at, p.machine)
		delete(s.lines, p.machine)
		return
	}
	line := s.lines[p.machine]
	if i, ok := slices.BinarySearchFunc(line, p.order, s.compare); ok {
		s.lines[p.machine] = slices.Delete(line, i, i+1)
	}
}

// remove takes one run away; false when none has the id.
func (s *standing) remove(id uint32) (p place, gone run, ok bool) {
	p, ok = s.places[id]
	if !ok {
		return place{}, run{}, false
	}
	gone = s.find(p, id)
	there := s.of(p)
	if len(there) == 1 {
		s.clear(p)
		return p, gone, true
	}
	s.at[p.machine][p.order] = slices.DeleteFunc(there, func(r run) bool { return r.id == id })
	delete(s.places, id)
	return p, gone, true
}

// leave takes all runs of a machine away and gives them in ascending id order.
func (s *standing) leave(machine uint32) []run {
	var gone []run
	for _, there := range s.at[machine] {
		gone = append(gone, there...)
	}
	slices.SortFunc(gone, byID)
	for _, r := range gone {
		delete(s.places, r.id)
	}
	delete(s.at, machine)
	delete(s.lines, machine)
	return gone
}

// move gives the runs of one machine to another.
func (s *standing) move(from, to uint32) {
	orders := s.at[from]
	delete(s.at, from)
	delete(s.lines, from)
	for order, runs := range orders {
		for _, r := range runs {
			s.put(place{to, order}, r)
		}
	}
	if len(orders) > 0 {
		s.line(to)
	}
}
