package web

import (
	"context"
	"maps"
	"slices"
)

// machineBook are the machines of a suite, and what they were made of. Statements that are given the machines that runs came from are
// plain reads; ones that look for what was merged cost the planner more than the data.
type machineBook struct {
	// list are the machines that there are, by name, and names the same by id.
	list  []machineNameRow
	names map[uint32]string
	// now is the machine that each one is now: itself, if nothing was merged.
	now map[uint32]uint32
	// made are the machines that each one was made of, itself among them.
	made map[uint32][]uint32
}

// machines is the fleet of one suite, by id.
func (s *Service) machines(ctx context.Context, in suiteView) (machineBook, error) {
	all, err := s.fleet(ctx, in.Database, in.Name)
	book := machineBook{list: all.standing(), names: map[uint32]string{}, now: map[uint32]uint32{}, made: map[uint32][]uint32{}}
	for key := range all {
		now := all.now(key).id
		book.now[key.id] = now
		book.made[now] = append(book.made[now], key.id)
	}
	for _, m := range book.list {
		book.names[m.ID] = m.Name
	}
	return book, err
}

// of is the machine that runs of another one count for.
func (b machineBook) of(own uint32) uint32 {
	if now, ok := b.now[own]; ok {
		return now
	}
	return own
}

// madeOf are the machines that some were made of.
func (b machineBook) madeOf(ids ...uint32) []uint32 {
	own := map[uint32]struct{}{}
	for _, id := range ids {
		for _, of := range b.made[id] {
			own[of] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(own))
}
