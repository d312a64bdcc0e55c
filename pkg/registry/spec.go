package registry

import (
	"fmt"
	"strconv"
	"strings"
)

// resolve finds the machine that a spec names, as LNT's URLs do: all digits are an id, anything else an exact name. field is the path
// of the spec in the event.
func (s *State) resolve(field, spec string) (*machine, *Refusal) {
	if strings.Trim(spec, "0123456789") == "" {
		id, err := strconv.ParseUint(spec, 10, 32)
		if m := s.machines[uint32(id)]; err == nil && m != nil && !m.deleted { //nolint:gosec // ParseUint bounds it
			return m, nil
		}
		return nil, refusal(notFound, field, fmt.Sprintf("Did not find machine '%s'", spec), "")
	}
	switch namesakes := s.namesakes[spec]; len(namesakes) {
	case 0:
		return nil, refusal(notFound, field, fmt.Sprintf("Did not find machine '%s'", spec), "")
	case 1:
		return namesakes[0], nil
	default:
		return nil, refusal(notFound, field, fmt.Sprintf("Name '%s' is ambiguous; specify machine id", spec), "")
	}
}

// findable says whether findings about a machine are taken. About a merged one only that there is none: its own were found before
// its runs were another's, and what is found from then on is about the other.
func (s *State) findable(machineID uint32, active bool) bool {
	m := s.machines[machineID]
	return m != nil && (!m.deleted || m.mergedInto != 0 && !active)
}

// hasOrder and hasTest say whether an id was given out: ids that are kept leave gaps.
func (s *State) hasOrder(id uint32) bool { return s.orderValues[id] != nil }

func (s *State) hasTest(id uint32) bool {
	_, ok := s.testIDs[id]
	return ok
}
