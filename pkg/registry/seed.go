package registry

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tidemark/pkg/suite"
)

// sowing is what a seed will change, worked out before anything is changed. What exists already as the seed has it is left out.
type sowing struct {
	machines []*machine
	orders   []OrderRow
	tests    []TestRow
}

// seed makes machines, orders and tests known under ids that are kept; serials go on from the largest. It is all or nothing.
func (s *State) seed(seed Seed) Decision {
	var plan sowing
	for _, step := range []func(Seed, *sowing) *Refusal{s.sowMachines, s.sowOrders, s.sowTests} {
		if why := step(seed, &plan); why != nil {
			return rejected(why)
		}
	}
	return s.accepted(s.sow(plan))
}

func taken(path, format string, args ...any) *Refusal {
	return refusal(conflict, path, path+": "+fmt.Sprintf(format, args...), "")
}

// sowMachines compares ids and names only: what a machine says about itself may have changed since it was seeded, and several
// machines may have one name.
func (s *State) sowMachines(seed Seed, plan *sowing) *Refusal {
	names := make(map[uint32]string, len(seed.Machines))
	for i, want := range seed.Machines {
		path := fmt.Sprintf("machines[%d]", i)
		if problem := nameProblem(want.Name); problem != "" {
			return refusal(badRequest, path+".name", path+".name: "+problem, "")
		}
		if given := seed.Values[i].Name; given != "" && given != want.Name {
			return refusal(badRequest, path+".values", path+".values: names the machine '"+given+"'", "")
		}
		fields, params, err := seed.Values[i].Split(*s.schema)
		if err != nil {
			return refusal(badRequest, path+".values", path+".values: "+detailed(err).Error(), "")
		}
		name, sown := names[want.ID]
		if known := s.machines[want.ID]; !sown && known != nil {
			if known.deleted {
				return taken(path, "the id %d is that of a deleted machine", want.ID)
			}
			name, sown = known.name, true
		}
		if sown {
			if name != want.Name {
				return taken(path, "the id %d is that of machine '%s'", want.ID, name)
			}
			continue
		}
		names[want.ID] = want.Name
		plan.machines = append(plan.machines, &machine{
			id: want.ID, name: strings.Clone(want.Name), fields: cloneTexts(fields), params: cloneTexts(texts(params)),
		})
	}
	slices.SortFunc(plan.machines, func(a, b *machine) int { return cmp.Compare(a.id, b.id) })
	return nil
}

func (s *State) sowOrders(seed Seed, plan *sowing) *Refusal {
	fields := s.schema.OrderFields()
	ids, keys := make(map[string]uint32, len(seed.Orders)), make(map[uint32]bool, len(seed.Orders))
	for i, want := range seed.Orders {
		path := fmt.Sprintf("orders[%d]", i)
		if len(want.Values) != len(fields) {
			return refusal(badRequest, path+".values", fmt.Sprintf("%s.values: has %d values, the suite has %d order fields", path, len(want.Values), len(fields)), "")
		}
		for _, v := range want.Values {
			if problem := nameProblem(v); problem != "" && v != "" {
				return refusal(badRequest, path+".values", path+".values: "+problem, "")
			}
		}
		key := orderKey(want.Values)
		id, known := pick(ids, s.orders, key)
		switch {
		case known && id != want.ID:
			return taken(path, "'%s' has the id %d", suite.DisplayOrder(want.Values), id)
		case known:
			continue
		case keys[want.ID] || s.hasOrder(want.ID):
			return taken(path, "the id %d is that of another order", want.ID)
		}
		ids[key], keys[want.ID] = want.ID, true
		plan.orders = append(plan.orders, orderRow(want.ID, want.Values))
	}
	slices.SortFunc(plan.orders, func(a, b OrderRow) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

func (s *State) sowTests(seed Seed, plan *sowing) *Refusal {
	ids, names := make(map[string]uint32, len(seed.Tests)), make(map[uint32]bool, len(seed.Tests))
	for i, want := range seed.Tests {
		path := fmt.Sprintf("tests[%d]", i)
		if problem := nameProblem(want.Name); problem != "" {
			return refusal(badRequest, path+".name", path+".name: "+problem, "")
		}
		id, known := pick(ids, s.tests, want.Name)
		switch {
		case known && id != want.ID:
			return taken(path, "'%s' has the id %d", want.Name, id)
		case known:
			continue
		case names[want.ID] || s.hasTest(want.ID):
			return taken(path, "the id %d is that of another test", want.ID)
		}
		ids[want.Name], names[want.ID] = want.ID, true
		plan.tests = append(plan.tests, TestRow{ID: want.ID, Name: strings.Clone(want.Name)})
	}
	slices.SortFunc(plan.tests, func(a, b TestRow) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

// pick looks a key up in the first map that has it.
func pick(first, second map[string]uint32, key string) (uint32, bool) {
	if id, ok := first[key]; ok {
		return id, true
	}
	id, ok := second[key]
	return id, ok
}

// sow changes the state and yields the rows. It cannot fail.
func (s *State) sow(plan sowing) Decision {
	var d Decision
	for _, m := range plan.machines {
		s.keep(m)
		s.last.machine = max(s.last.machine, m.id)
		d.Rows.Machines = append(d.Rows.Machines, m.row())
	}
	for _, o := range plan.orders {
		s.putOrder(o.ID, o.Values)
		d.Rows.Orders = append(d.Rows.Orders, o)
	}
	for _, t := range plan.tests {
		s.putTest(t.ID, t.Name)
		d.Rows.Tests = append(d.Rows.Tests, t)
	}
	d.Added.Machines, d.Added.Tests = len(plan.machines), len(plan.tests)
	return d
}

func (s *State) putOrder(id uint32, values []string) {
	values = slices.Clone(values)
	for i, v := range values {
		values[i] = strings.Clone(v)
	}
	s.orders[orderKey(values)] = id
	s.orderValues[id] = values
	s.orderPlaces[id] = suite.SortKey(values...)
	s.last.order = max(s.last.order, id)
}

func (s *State) putTest(id uint32, name string) {
	s.tests[name] = id
	s.testIDs[id] = struct{}{}
	s.last.test = max(s.last.test, id)
}
