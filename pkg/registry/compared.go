package registry

import (
	"cmp"
	"slices"

	"tidemark/pkg/event"
)

// compared finds the runs that a run is reported with. The zero value says that the run is gone.
func (s *State) compared(runID uint32) event.Compared {
	at, ok := s.runs.places[runID]
	if !ok {
		return event.Compared{}
	}
	line := s.runs.lines[at.machine]
	own := s.orderPlaces[at.order]
	earlier, _ := slices.BinarySearchFunc(line, own, func(order uint32, own string) int { return cmp.Compare(s.orderPlaces[order], own) })
	c := event.Compared{Run: s.runs.find(at, runID).seq, Previous: s.previous(at.machine, line[:earlier])}
	for _, order := range slices.Backward(line[max(0, earlier-ComparedOrders):earlier]) {
		for _, r := range s.runs.of(place{at.machine, order}) {
			c.Beside = append(c.Beside, r.seq)
		}
	}
	if first := s.newest(place{at.machine, line[0]}); first != c.Run && !slices.Contains(c.Beside, first) {
		c.Beside = append(c.Beside, first)
	}
	c.Beside = c.Beside[:min(len(c.Beside), ComparedRuns-1)]
	return c
}

// previous is the position of the run with the smallest id at the last place of a line; several orders may be there.
func (s *State) previous(machine uint32, line []uint32) uint64 {
	if len(line) == 0 {
		return 0
	}
	var best run
	last := s.orderPlaces[line[len(line)-1]]
	for _, order := range slices.Backward(line) {
		if s.orderPlaces[order] != last {
			break
		}
		if r := s.runs.of(place{machine, order})[0]; best.id == 0 || r.id < best.id {
			best = r
		}
	}
	return best.seq
}

// newest is the position of the run of a place that started last; of several the one with the smallest id.
func (s *State) newest(at place) uint64 {
	return slices.MinFunc(s.runs.of(at), func(a, b run) int { return cmp.Or(-cmp.Compare(a.start, b.start), byID(a, b)) }).seq
}
