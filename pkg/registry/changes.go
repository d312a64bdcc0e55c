package registry

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
)

// record accepts what a detector found, when all of it is about things that exist. One wrong finding refuses the event: a detector
// that is wrong about one is not to be believed about the others.
func (s *State) record(c event.Changes) Decision {
	known := make(map[uuid.UUID]bool, len(c.Findings))
	for i, f := range c.Findings {
		field, problem := s.checkFinding(c.Detector, f)
		if problem == "" && known[f.ID] {
			field, problem = "id", "is the id of an earlier finding too"
		}
		if problem != "" {
			path := fmt.Sprintf("findings[%d].%s", i, field)
			return rejected(refusal(badRequest, path, path+": "+problem, ""))
		}
		known[f.ID] = true
	}
	return s.accepted(Decision{Rows: Rows{Findings: s.findingRows(c)}})
}

func (s *State) findingRows(c event.Changes) []FindingRow {
	return lo.Map(c.Findings, func(f event.Finding, _ int) FindingRow {
		return FindingRow{Finding: f, Detector: c.Detector, Version: c.Version, Params: c.Params, DataSeq: c.DataSeq}
	})
}

// checkFinding names the field at fault and what is wrong with it; both are empty when nothing is.
func (s *State) checkFinding(detector string, f event.Finding) (field, problem string) {
	if _, _, ok := s.schema.Metric(f.Metric); !ok {
		return "metric", fmt.Sprintf("Metric '%s' unknown in suite", f.Metric)
	}
	if !s.findable(f.MachineID, f.Active) {
		return "machine_id", fmt.Sprintf("no machine has the id %d", f.MachineID)
	}
	if !s.hasTest(f.TestID) {
		return "test_id", fmt.Sprintf("no test has the id %d", f.TestID)
	}
	if !s.hasOrder(f.OrderID) {
		return "order_id", fmt.Sprintf("no order has the id %d", f.OrderID)
	}
	if !s.hasOrder(f.PreviousOrderID) {
		return "previous_order_id", fmt.Sprintf("no order has the id %d", f.PreviousOrderID)
	}
	if f.ID != event.FindingID(s.database, s.name, f.MachineID, f.TestID, f.Metric, f.OrderID, f.Direction, detector) {
		return "id", "is not derived from the finding"
	}
	return "", ""
}
