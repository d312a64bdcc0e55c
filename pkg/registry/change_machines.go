package registry

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tidemark/pkg/event"
	"tidemark/pkg/suite"
)

// about begins the answer to an event of machines.
func about(m *machine) Decision { return Decision{MachineID: m.id, MachineName: m.name} }

// update replaces the fields and parameters of a machine: what is not given is gone.
func (s *State) update(u MachineUpdate) Decision {
	m, why := s.resolve("machine", u.Machine)
	if why != nil {
		return rejected(why)
	}
	if u.Values.Name != "" && u.Values.Name != m.name {
		return rejected(refusal(badRequest, "machine.name", fmt.Sprintf("Mismatching machine name: '%s' is not '%s'", u.Values.Name, m.name), ""))
	}
	fields, params, err := u.Values.Split(*s.schema)
	if err != nil {
		return rejected(refusal(badRequest, "machine", detailed(err).Error(), ""))
	}
	next := &machine{id: m.id, name: m.name, fields: cloneTexts(fields), params: cloneTexts(texts(params))}
	s.keep(next)
	d := about(next)
	d.Rows.Machines = []MachineRow{next.row()}
	return s.accepted(d)
}

// rename gives a machine a name that no other machine has.
func (s *State) rename(r event.MachineRename) Decision {
	m, why := s.resolve("machine", r.Machine)
	if why != nil {
		return rejected(why)
	}
	if problem := nameProblem(r.Name); problem != "" {
		return rejected(refusal(badRequest, "name", "name: "+problem, ""))
	}
	if len(s.namesakes[r.Name]) > 0 {
		return rejected(refusal(badRequest, "name", fmt.Sprintf("Machine with name '%s' already exists", r.Name), ""))
	}
	next := *m
	next.name = strings.Clone(r.Name)
	s.keep(&next)
	d := about(&next)
	d.Rows.Machines = []MachineRow{next.row()}
	return s.accepted(d)
}

// nameProblem says what keeps a text from being a name, or nothing.
func nameProblem(text string) string {
	switch {
	case text == "":
		return "is empty"
	case !suite.FitsName(text):
		return "has more than " + strconv.Itoa(suite.MaxName) + " characters"
	case strings.IndexByte(text, 0) >= 0:
		return "contains a NUL character"
	default:
		return ""
	}
}

// merge makes the runs of one machine another's, from the first on. Machines that had been merged into the first are merged into the
// other, too: one step always leads to the machine that is.
func (s *State) merge(e event.MachineMerge) Decision {
	m, why := s.resolve("machine", e.Machine)
	if why != nil {
		return rejected(why)
	}
	into, why := s.resolve("into", e.Into)
	if why != nil {
		return rejected(why)
	}
	if m.id == into.id {
		return rejected(refusal(badRequest, "into", fmt.Sprintf("Machine '%s' cannot be merged into itself", m.name), ""))
	}
	d := about(m)
	for _, other := range s.machines {
		if other.id != m.id && other.mergedInto != m.id {
			continue
		}
		next := *other
		next.deleted, next.mergedInto = true, into.id
		s.keep(&next)
		d.Rows.Machines = append(d.Rows.Machines, next.row())
	}
	slices.SortFunc(d.Rows.Machines, func(a, b MachineRow) int { return cmp.Compare(a.ID, b.ID) })
	s.runs.move(m.id, into.id)
	d.Added.Machines = -1
	return s.accepted(d)
}

// remove deletes a machine with all its runs, those of machines merged into it among them.
func (s *State) remove(e event.MachineDeletion) Decision {
	m, why := s.resolve("machine", e.Machine)
	if why != nil {
		return rejected(why)
	}
	next := *m
	next.deleted = true
	s.keep(&next)
	d := about(m)
	d.take(s.runs.leave(m.id))
	d.Rows.Machines = []MachineRow{next.row()}
	d.Added.Machines = -1
	return s.accepted(d)
}

// retract takes one run back.
func (s *State) retract(r event.Retraction) Decision {
	at, gone, ok := s.runs.remove(r.RunID)
	if !ok {
		return rejected(refusal(notFound, "run_id", fmt.Sprintf("Did not find run %d", r.RunID), ""))
	}
	d := Decision{MachineID: at.machine, OrderID: at.order}
	d.take([]run{gone})
	return s.accepted(d)
}

// take notes runs that are gone, given in ascending id order.
func (d *Decision) take(gone []run) {
	for _, r := range gone {
		d.Rows.DeletedRuns = append(d.Rows.DeletedRuns, r.id)
		d.Rows.Superseded = append(d.Rows.Superseded, r.load)
	}
	slices.Sort(d.Rows.Superseded)
	d.DeletedRuns = slices.Clone(d.Rows.DeletedRuns)
	d.Added.Runs = -len(gone)
}
