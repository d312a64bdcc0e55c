package registry

import (
	"cmp"
	"slices"
)

// place is where a run stands: two runs of one place are duplicates of each other.
type place struct{ machine, order uint32 }

// run is a run that stands.
type run struct{ id, load uint32 }

func byID(a, b run) int { return cmp.Compare(a.id, b.id) }

// standing are the runs that count, by machine so that one goes or moves at the cost of its own runs, and by id.
type standing struct {
	at     map[uint32]map[uint32][]run // by machine and order, each in ascending id order
	places map[uint32]place            // by run id
}

func newStanding() standing {
	return standing{at: make(map[uint32]map[uint32][]run), places: make(map[uint32]place)}
}

// of gives the runs of one place, in ascending id order. They belong to the standing.
func (s *standing) of(p place) []run { return s.at[p.machine][p.order] }

func (s *standing) add(p place, r run) {
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

// clear takes all runs of a place away.
func (s *standing) clear(p place) {
	for _, r := range s.of(p) {
		delete(s.places, r.id)
	}
	delete(s.at[p.machine], p.order)
	if len(s.at[p.machine]) == 0 {
		delete(s.at, p.machine)
	}
}

// remove takes one run away; false when none has the id.
func (s *standing) remove(id uint32) (p place, gone run, ok bool) {
	p, ok = s.places[id]
	if !ok {
		return place{}, run{}, false
	}
	there := s.of(p)
	i, _ := slices.BinarySearchFunc(there, run{id: id}, byID)
	gone = there[i]
	if len(there) == 1 {
		s.clear(p)
		return p, gone, true
	}
	s.at[p.machine][p.order] = slices.Delete(there, i, i+1)
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
	return gone
}

// move gives the runs of one machine to another.
func (s *standing) move(from, to uint32) {
	orders := s.at[from]
	delete(s.at, from)
	for order, runs := range orders {
		for _, r := range runs {
			s.add(place{to, order}, r)
		}
	}
}
