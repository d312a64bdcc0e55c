package suite

import (
	"slices"
	"strings"
)

// statusSuffix ends the names of statuses, valueSuffixes those of what they are about.
const statusSuffix = "_status"

var valueSuffixes = []string{"_time", "_bytes", ""}

// LinkStatus links every Status metric <x>_status to the metrics <x>_time, <x>_bytes and <x>, unless they have a link already. A
// linked status decides whether a value counts; LNT's schema files cannot say so, so LNT judges the values of failed tests, too.
func (s Schema) LinkStatus() Schema {
	s = s.Clone()
	for _, status := range s.Metrics {
		stem, ok := strings.CutSuffix(status.Name, statusSuffix)
		if !ok || status.Type != Status {
			continue
		}
		for i, m := range s.Metrics {
			if m.Type != Status && m.Status == "" && slices.ContainsFunc(valueSuffixes, func(suffix string) bool { return m.Name == stem+suffix }) {
				s.Metrics[i].Status = status.Name
			}
		}
	}
	return s
}

// Says reports whether defining wanted again would change nothing: the same metrics and fields, in whatever order, and no status
// link that s does not have.
func (s Schema) Says(wanted Schema) bool {
	if s.Name != wanted.Name || len(s.Metrics) != len(wanted.Metrics) || !sameFields(s.RunFields, wanted.RunFields) || !sameFields(s.MachineFields, wanted.MachineFields) {
		return false
	}
	for _, m := range wanted.Metrics {
		_, mine, ok := s.Metric(m.Name)
		if m.Status == "" {
			mine.Status = ""
		}
		if !ok || mine != m {
			return false
		}
	}
	return true
}

func sameFields(a, b []Field) bool {
	return len(a) == len(b) && !slices.ContainsFunc(b, func(f Field) bool { return !slices.Contains(a, f) })
}
