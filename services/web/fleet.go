package web

import (
	"cmp"
	"context"
	"slices"

	"tidemark/pkg/store"
)

// machineStateRow is a machine as it was left: it may be deleted, or count as another one.
type machineStateRow struct {
	Database   string `ch:"database"`
	Suite      string `ch:"suite"`
	ID         uint32 `ch:"machine_id"`
	Name       string `ch:"machine"`
	Deleted    uint8  `ch:"deleted"`
	MergedInto uint32 `ch:"merged_into"`
}

func (r machineStateRow) key() nameKey { return nameKey{aMachine, r.Database, r.Suite, r.ID} }

// fleet is every machine there ever was, of one suite or of several. Runs and findings are read with the machine that sent them,
// and the fleet says which one they count for: views that do cost each statement more than reading all machines costs a page.
type fleet map[nameKey]machineStateRow

// fleet reads the machines; an empty database means all of them, an empty suite all of a database.
func (s *Service) fleet(ctx context.Context, database, suite string) (fleet, error) {
	rows, err := list[machineStateRow](ctx, s, "page_machine_states", store.Params{"database": database, "suite": suite})
	return newFleet(rows), err
}

func newFleet(rows []machineStateRow) fleet {
	f := make(fleet, len(rows))
	for _, r := range rows {
		f[r.key()] = r
	}
	return f
}

// now is the machine that what one sent counts for; one that is not known counts for itself.
func (f fleet) now(machine nameKey) nameKey {
	if target := f[machine].MergedInto; target != 0 {
		machine.id = target
	}
	return machine
}

// called is the name of the machine that what one sent counts for; false when there is none, or not yet.
func (f fleet) called(own nameKey) (name string, known bool) {
	r, known := f[f.now(own)]
	return r.Name, known && r.Deleted == 0
}

// own are the machines that count as one: itself and those that were merged into it.
func (f fleet) own(machine nameKey) []uint32 {
	ids := []uint32{machine.id}
	for key, r := range f {
		if r.MergedInto == machine.id && key.database == machine.database && key.suite == machine.suite {
			ids = append(ids, key.id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// gone are the machines whose findings do not stand, because they, or what they were merged into, were deleted.
func (f fleet) gone() []uint32 {
	ids := []uint32{}
	for key := range f {
		if r, known := f[f.now(key)]; known && r.Deleted == 1 && r.MergedInto == 0 {
			ids = append(ids, key.id)
		}
	}
	return ids
}

// standing are the machines that people can choose from, by name.
func (f fleet) standing() []machineNameRow {
	var out []machineNameRow
	for _, r := range f {
		if r.Deleted == 0 {
			out = append(out, machineNameRow{r.ID, r.Name})
		}
	}
	slices.SortFunc(out, func(a, b machineNameRow) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out
}
