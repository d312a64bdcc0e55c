package registry_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
)

// drawChange gives an event that takes something back, changes machines or seeds, in the small world of drawSubmission.
func drawChange(t *rapid.T) (event.Type, []byte) {
	spec := rapid.SampledFrom([]string{"m1", "m1", "m2", "m3", "1", "2", "3", "7", "99", "4294967297"})
	name := rapid.SampledFrom([]string{"m1", "m2", "m3", "9", strings.Repeat("n", 257), "a\x00"})
	kind := rapid.SampledFrom([]event.Type{
		event.RunRetracted, event.RunRetracted, event.MachineUpdated, event.MachineRenamed, event.MachineMerged, event.MachineMerged,
		event.MachineDeleted, event.SuiteSeeded,
	}).Draw(t, "change")
	var value any
	switch kind {
	case event.RunRetracted:
		value = event.Retraction{RunID: rapid.Uint32Range(0, 12).Draw(t, "run")}
	case event.MachineUpdated:
		values := map[string]any{"id": 5}
		for _, key := range []string{"hardware", "os", "cc", "name"} {
			if v := rapid.SampledFrom([]any{nil, nil, "a", "b", "m1", strings.Repeat("é", 257)}).Draw(t, key); v != nil {
				values[key] = v
			}
		}
		value = event.MachineUpdate{Machine: spec.Draw(t, "machine"), Values: asJSON(values)}
	case event.MachineRenamed:
		value = event.MachineRename{Machine: spec.Draw(t, "machine"), Name: name.Draw(t, "name")}
	case event.MachineMerged:
		value = event.MachineMerge{Machine: spec.Draw(t, "machine"), Into: spec.Draw(t, "into")}
	case event.MachineDeleted:
		value = event.MachineDeletion{Machine: spec.Draw(t, "machine")}
	default:
		id := rapid.SampledFrom([]uint32{1, 2, 3, 7, 9, 12})
		value = event.Seed{
			Machines: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event.SeededMachine {
				return event.SeededMachine{ID: id.Draw(t, "id"), Name: name.Draw(t, "name"), Values: asJSON(map[string]string{"os": "a"})}
			}), 0, 2).Draw(t, "machines"),
			Orders: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event.SeededOrder {
				values := rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", "r2", "77"}), 1, 2)
				return event.SeededOrder{ID: id.Draw(t, "id"), Values: values.Draw(t, "values")[:1]}
			}), 0, 2).Draw(t, "orders"),
			Tests: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event.SeededTest {
				return event.SeededTest{ID: id.Draw(t, "id"), Name: rapid.SampledFrom([]string{"t1", "t2", "t9"}).Draw(t, "name")}
			}), 0, 2).Draw(t, "tests"),
		}
	}
	return kind, asJSON(value)
}

func asJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// change predicts the decision on an event of drawChange.
func (m *model) change(e event.Envelope) registry.Decision {
	var b struct {
		RunID    uint32 `json:"run_id"`
		Machine  string
		Into     string
		Name     string
		Values   map[string]any
		Machines []event.SeededMachine
		Orders   []event.SeededOrder
		Tests    []event.SeededTest
	}
	if err := json.Unmarshal(e.Body, &b); err != nil {
		panic(err)
	}
	switch e.Type {
	case event.RunRetracted:
		for _, r := range m.runs {
			if r.id == b.RunID {
				d := m.take(func(other modelRun) bool { return other == r })
				d.MachineID, d.OrderID = r.machine, r.order
				return d
			}
		}
		return refuse(404, "Did not find run %d", b.RunID)
	case event.SuiteSeeded:
		return m.seed(event.Seed{Machines: b.Machines, Orders: b.Orders, Tests: b.Tests})
	default:
	}
	at, why := m.resolve(b.Machine)
	if why != nil {
		return *why
	}
	switch e.Type {
	case event.MachineUpdated:
		return m.update(at, b.Values)
	case event.MachineRenamed:
		return m.rename(at, b.Name)
	case event.MachineMerged:
		into, why := m.resolve(b.Into)
		switch {
		case why != nil:
			return *why
		case into == at:
			return refuse(400, "Machine '%s' cannot be merged into itself", at.name)
		}
		for _, other := range m.machines {
			if other == at || other.into == at.id {
				other.deleted, other.into = true, into.id
			}
		}
		for i := range m.runs {
			if m.runs[i].machine == at.id {
				m.runs[i].machine = into.id
			}
		}
		return registry.Decision{Status: event.Accepted, MachineID: at.id, MachineName: at.name, Added: registry.Added{Machines: -1}}
	default:
		at.deleted = true
		d := m.take(func(r modelRun) bool { return r.machine == at.id })
		d.MachineID, d.MachineName, d.Added.Machines = at.id, at.name, -1
		return d
	}
}

func (m *model) resolve(spec string) (*modelMachine, *registry.Decision) {
	unknown := refuse(404, "Did not find machine '%s'", spec)
	if spec[0] >= '0' && spec[0] <= '9' {
		at := m.machine(number(spec))
		if at == nil || at.deleted || fmt.Sprint(at.id) != spec {
			return nil, &unknown
		}
		return at, nil
	}
	switch list := m.namesakes(spec); len(list) {
	case 0:
		return nil, &unknown
	case 1:
		return list[0], nil
	default:
		why := refuse(404, "Name '%s' is ambiguous; specify machine id", spec)
		return nil, &why
	}
}

// take removes runs.
func (m *model) take(which func(modelRun) bool) registry.Decision {
	d := registry.Decision{Status: event.Accepted}
	for _, r := range m.runs {
		if which(r) {
			d.DeletedRuns = append(d.DeletedRuns, r.id)
			d.Rows.Superseded = append(d.Rows.Superseded, r.load)
			d.Added.Runs--
		}
	}
	m.runs = slices.DeleteFunc(m.runs, which)
	slices.Sort(d.DeletedRuns)
	slices.Sort(d.Rows.Superseded)
	d.Rows.DeletedRuns = d.DeletedRuns
	return d
}

func (m *model) update(at *modelMachine, values map[string]any) registry.Decision {
	attrs := map[string]string{}
	for k, v := range values {
		if k != "name" && k != "id" {
			attrs[k] = v.(string)
		}
	}
	if name, given := values["name"]; given && name != at.name {
		return refuse(400, "Mismatching machine name: '%s' is not '%s'", name, at.name)
	}
	for _, declared := range []string{"hardware", "os"} {
		if len(attrs[declared]) > 256 {
			return refuse(400, "machine.%s: has more than 256 characters", declared)
		}
	}
	at.attrs = attrs
	return registry.Decision{Status: event.Accepted, MachineID: at.id, MachineName: at.name}
}

func (m *model) rename(at *modelMachine, name string) registry.Decision {
	switch {
	case len(name) > 256:
		return refuse(400, "name: has more than 256 characters")
	case strings.Contains(name, "\x00"):
		return refuse(400, "name: contains a NUL character")
	case len(m.namesakes(name)) > 0:
		return refuse(400, "Machine with name '%s' already exists", name)
	}
	at.name = name
	return registry.Decision{Status: event.Accepted, MachineID: at.id, MachineName: name}
}

func (m *model) seed(s event.Seed) registry.Decision {
	machines, orders, tests := slices.Clone(m.machines), slices.Clone(m.orders), slices.Clone(m.tests)
	d := registry.Decision{Status: event.Accepted}
	taken := func(format string, args ...any) registry.Decision {
		m.machines, m.orders, m.tests = machines, orders, tests
		return refuse(409, format, args...)
	}
	for i, want := range s.Machines {
		switch known := m.machine(want.ID); {
		case len(want.Name) > 256:
			taken("")
			return refuse(400, "machines[%d].name: has more than 256 characters", i)
		case strings.Contains(want.Name, "\x00"):
			taken("")
			return refuse(400, "machines[%d].name: contains a NUL character", i)
		case known == nil:
			m.machines = append(m.machines, &modelMachine{id: want.ID, name: want.Name, attrs: map[string]string{"os": "a"}})
			d.Added.Machines++
		case known.deleted:
			return taken("machines[%d]: the id %d is that of a deleted machine", i, want.ID)
		case known.name != want.Name:
			return taken("machines[%d]: the id %d is that of machine '%s'", i, want.ID, known.name)
		}
	}
	for i, want := range s.Orders {
		known := named(m.orders, want.Values[0])
		switch {
		case known == want.ID:
		case known != 0:
			return taken("orders[%d]: '%s' has the id %d", i, want.Values[0], known)
		case slices.ContainsFunc(m.orders, func(n modelName) bool { return n.id == want.ID }):
			return taken("orders[%d]: the id %d is that of another order", i, want.ID)
		default:
			m.orders = append(m.orders, modelName{want.ID, want.Values[0]})
		}
	}
	for i, want := range s.Tests {
		known := named(m.tests, want.Name)
		switch {
		case known == want.ID:
		case known != 0:
			return taken("tests[%d]: '%s' has the id %d", i, want.Name, known)
		case slices.ContainsFunc(m.tests, func(n modelName) bool { return n.id == want.ID }):
			return taken("tests[%d]: the id %d is that of another test", i, want.ID)
		default:
			m.tests = append(m.tests, modelName{want.ID, want.Name})
			d.Rows.Tests = append(d.Rows.Tests, registry.TestRow{ID: want.ID, Name: want.Name})
			d.Added.Tests++
		}
	}
	slices.SortFunc(d.Rows.Tests, func(a, b registry.TestRow) int { return int(a.ID) - int(b.ID) })
	return d
}
