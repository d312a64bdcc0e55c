package registry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tidemark/pkg/event"
)

// machine is one machine as it stands. Names are not unique: splitting makes namesakes. It is never modified, only replaced, so rows
// may share its maps.
type machine struct {
	id   uint32
	name string
	// fields holds declared fields, none of them null; params everything else, as canonical JSON values. A null among them is kept
	// until a value comes.
	fields  map[string]string
	params  map[string]string
	deleted bool
	// mergedInto is the machine whose runs this one's are; such a machine is deleted, and the other was never merged itself.
	mergedInto uint32
}

// How a known machine that reports other attributes is treated.
const (
	selectMatch  = "match"
	selectUpdate = "update"
	selectSplit  = "split"
)

const (
	selectMachineError = "select_machine must be 'match', 'update' or 'split'"
	updateAdvice       = "Note: Use --select-machine=update to update the existing machine information."
)

// selectPolicy reads the select_machine parameter; absent or empty means match.
func selectPolicy(params map[string]string) (string, *Refusal) {
	switch policy := params[event.ParamSelectMachine]; policy {
	case "":
		return selectMatch, nil
	case selectMatch, selectUpdate, selectSplit:
		return policy, nil
	default:
		return "", refusal(400, event.ParamSelectMachine, selectMachineError, "")
	}
}

// choose finds the machine that reported belongs to: the newest compatible namesake, else what the policy says. The result carries
// the merged attributes; its id is 0 when it is a new machine, and it is one of the namesakes itself when nothing changed.
func (s *State) choose(reported *machine, policy string) (*machine, *Refusal) {
	var newest *machine
	var differing []string
	for _, known := range s.namesakes[reported.name] {
		changed := s.conflicts(known, reported)
		if len(changed) == 0 {
			return merged(known, reported), nil
		}
		if newest == nil {
			newest, differing = known, changed
		}
	}
	switch {
	case newest == nil || policy == selectSplit:
		return reported, nil
	case policy == selectUpdate:
		return merged(newest, reported), nil
	default:
		return nil, machineChanged(newest, reported, differing)
	}
}

// null is what says nothing of an attribute but its name.
const null = "null"

// conflicts lists the attributes for which both machines have a value, but not the same: declared fields in the schema's order, then
// the others by name.
func (s *State) conflicts(known, reported *machine) []string {
	var changed []string
	for _, f := range s.schema.MachineFields {
		if differ(known.fields, reported.fields, f.Name) {
			changed = append(changed, f.Name)
		}
	}
	declared := len(changed)
	for name, is := range reported.params {
		if is != null && known.params[name] != null && differ(known.params, reported.params, name) {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed[declared:])
	return changed
}

func differ(known, reported map[string]string, name string) bool {
	was, before := known[name]
	is, now := reported[name]
	return before && now && was != is
}

// merged is known with reported's attributes written over its own, but no null over a value; known itself when that changes nothing.
func merged(known, reported *machine) *machine {
	params := telling(known.params, reported.params)
	if includes(known.fields, reported.fields) && includes(known.params, params) {
		return known
	}
	next := *known
	next.fields, next.params = overwritten(known.fields, reported.fields), overwritten(known.params, params)
	return &next
}

// telling is reported without the nulls of what is known.
func telling(known, reported map[string]string) map[string]string {
	silent := func(name, value string) bool { _, have := known[name]; return value == null && have }
	for name, value := range reported {
		if silent(name, value) {
			reported = maps.Clone(reported)
			maps.DeleteFunc(reported, silent)
			break
		}
	}
	return reported
}

func includes(all, some map[string]string) bool {
	for name, value := range some {
		if have, ok := all[name]; !ok || have != value {
			return false
		}
	}
	return true
}

func overwritten(base, over map[string]string) map[string]string {
	next := make(map[string]string, len(base)+len(over))
	maps.Copy(next, base)
	maps.Copy(next, over)
	return next
}

// machineChanged is LNT's refusal of a machine that is not what it was, with the values that differ.
func machineChanged(known, reported *machine, differing []string) *Refusal {
	short := fmt.Sprintf("'%s' on machine '%s' changed.", strings.Join(differing, ", "), known.name)
	var long strings.Builder
	long.WriteString("MachineInfoChanged: " + short + "\n")
	for _, name := range differing {
		was, is := known.attribute(name), reported.attribute(name)
		fmt.Fprintf(&long, "%s was %s and is %s\n", name, was, is)
	}
	long.WriteString(updateAdvice)
	return refusal(400, "machine."+differing[0], "import failure: "+short, long.String())
}

// attribute shows a value as JSON does.
func (m *machine) attribute(name string) string {
	if v, ok := m.fields[name]; ok {
		return jsonText(v)
	}
	return m.params[name]
}

// keep puts the machine in its place, in that of the one it replaces if there is one: among its namesakes, as long as it is one.
func (s *State) keep(m *machine) {
	if was := s.machines[m.id]; was != nil && !was.deleted {
		s.namesakes[was.name] = slices.DeleteFunc(s.namesakes[was.name], func(other *machine) bool { return other.id == m.id })
		if len(s.namesakes[was.name]) == 0 {
			delete(s.namesakes, was.name)
		}
	}
	s.machines[m.id] = m
	if m.deleted {
		return
	}
	list := s.namesakes[m.name]
	at, _ := slices.BinarySearchFunc(list, m.id, func(other *machine, id uint32) int { return cmp.Compare(id, other.id) })
	s.namesakes[m.name] = slices.Insert(list, at, m)
}

func (m *machine) row() MachineRow {
	return MachineRow{
		ID: m.id, Name: m.name, Fields: maps.Clone(m.fields), Params: joinObject(m.params), Deleted: m.deleted, MergedInto: m.mergedInto,
	}
}
