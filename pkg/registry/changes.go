package registry

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

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
	return s.accepted(Decision{Rows: s.take(c)})
}

// take keeps the findings in the order in which they come, which is that of their numbers, and files those of LNT's detector.
func (s *State) take(c event.Changes) Rows {
	var rows Rows
	filing := s.newFiling()
	for _, f := range c.Findings {
		change, isNew := s.changes.keep(FindingRow{Finding: f, Detector: c.Detector, Version: c.Version, Params: c.Params, DataSeq: c.DataSeq})
		switch {
		case !f.Active:
			filing.withdraw(change.ChangeID)
		case isNew && c.Detector == event.DetectorLNT && !change.Dismissed:
			filing.file(change)
		}
		rows.Findings = append(rows.Findings, *change)
	}
	rows.Regressions = filing.rows()
	return rows
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
	if f.ID != f.IDOf(s.database, s.name, detector) {
		return "id", "is not derived from the finding"
	}
	return "", ""
}

// changes is what a state knows of findings, each as it was last heard of, and of regressions.
type changes struct {
	found       []*FindingRow        // by change id, from 1
	ids         map[uuid.UUID]uint32 // by finding id
	regressions map[uint32]*RegressionRow
	// in lists the regressions of a change, by its id.
	in             map[uint32][]uint32
	lastRegression uint32
	// gone are the regressions that were deleted, each with the position of the event that did it.
	gone      map[uint32]uint64
	testNames map[uint32]string
	// texts holds one copy of what many findings say alike.
	texts  map[string]string
	params map[string]json.RawMessage
}

func newChanges() changes {
	return changes{
		ids: make(map[uuid.UUID]uint32), regressions: make(map[uint32]*RegressionRow),
		in: make(map[uint32][]uint32), gone: make(map[uint32]uint64), texts: make(map[string]string), params: make(map[string]json.RawMessage),
	}
}

// change is the finding with this change id; nil when there is none.
func (c *changes) change(id uint32) *FindingRow {
	if id < 1 || uint64(id) > uint64(len(c.found)) {
		return nil
	}
	return c.found[id-1]
}

// keep puts a finding in place of what was known of it. It says whether the change was not there, or had been taken back. A change
// keeps its number and that it was dismissed, for ever.
func (c *changes) keep(row FindingRow) (change *FindingRow, isNew bool) {
	c.share(&row)
	id, known := c.ids[row.ID]
	if !known {
		c.found = append(c.found, nil)
		id = uint32(len(c.found)) //nolint:gosec // a serial like the others; memory ends before
		c.ids[row.ID] = id
	}
	before := c.found[id-1]
	row.ChangeID = id
	row.Dismissed = known && before.Dismissed
	isNew = !known || !before.Active
	c.found[id-1] = &row
	return &row, isNew
}

// share makes the row use the texts that are there already.
func (c *changes) share(row *FindingRow) {
	row.Detector, row.Metric, row.Direction, row.Kind = c.text(row.Detector), c.text(row.Metric), event.Direction(c.text(string(row.Direction))), event.Kind(c.text(string(row.Kind)))
	if len(row.Params) > 0 {
		row.Params = c.raw(row.Params)
	}
}

func (c *changes) raw(params json.RawMessage) json.RawMessage {
	same, ok := c.params[string(params)]
	if !ok {
		same = slices.Clone(params)
		c.params[string(params)] = same
	}
	return same
}

func (c *changes) text(s string) string {
	if same, ok := c.texts[s]; ok {
		return same
	}
	s = strings.Clone(s)
	c.texts[s] = s
	return s
}

// dismiss decides that changes are none, for good: they leave their regressions and are filed nowhere again.
func (s *State) dismiss(e event.ChangeDismissal) Decision {
	for _, id := range e.ChangeIDs {
		if s.changes.change(id) == nil {
			return rejected(noChange(id))
		}
	}
	var rows Rows
	filing := s.newFiling()
	for _, id := range e.ChangeIDs {
		row := *s.changes.change(id)
		row.Dismissed = true
		s.changes.found[id-1] = &row
		filing.withdraw(id)
		rows.Findings = append(rows.Findings, row)
	}
	rows.Regressions = filing.rows()
	return s.accepted(Decision{Rows: rows})
}

func noChange(id uint32) *Refusal {
	return refusal(badRequest, "change_ids", fmt.Sprintf("no change has the id %d", id), "")
}

func noRegression(field string, id uint32) *Refusal {
	return refusal(notFound, field, fmt.Sprintf("Did not find regression %d", id), "")
}

func cloneRegression(r *RegressionRow) RegressionRow {
	row := *r
	row.ChangeIDs, row.Added, row.Tags = slices.Clone(r.ChangeIDs), slices.Clone(r.Added), slices.Clone(r.Tags)
	return row
}

// snapshotChanges puts findings and regressions into the snapshot. Regressions that are gone leave the largest id behind.
func (s *State) snapshotChanges(snap *Snapshot) {
	snap.Findings = lo.Map(s.changes.found, func(f *FindingRow, _ int) FindingRow { return *f })
	for _, id := range sortedKeys(s.changes.regressions) {
		snap.Regressions = append(snap.Regressions, cloneRegression(s.changes.regressions[id]))
	}
	for _, id := range sortedKeys(s.changes.gone) {
		snap.DeletedRegressions = append(snap.DeletedRegressions, Tombstone{ID: id, Seq: s.changes.gone[id]})
	}
	snap.LastRegressionID = s.changes.lastRegression
}

// loadChanges needs all findings: they are taken back, but never removed.
func (s *State) loadChanges(snap Snapshot) error {
	c := &s.changes
	c.found = make([]*FindingRow, len(snap.Findings))
	for _, row := range snap.Findings {
		id := row.ChangeID
		if id < 1 || uint64(id) > uint64(len(c.found)) || c.found[id-1] != nil || c.ids[row.ID] != 0 {
			return fmt.Errorf("change %d of %d comes twice, or others are missing", id, len(c.found))
		}
		c.share(&row)
		c.found[id-1], c.ids[row.ID] = &row, id
	}
	c.lastRegression = snap.LastRegressionID
	for _, t := range snap.DeletedRegressions {
		c.gone[t.ID] = t.Seq
	}
	for i := range snap.Regressions {
		row := cloneRegression(&snap.Regressions[i])
		if err := s.checkID("regression", row.ID, c.lastRegression, c.regressions[row.ID] != nil); err != nil {
			return err
		}
		if len(row.Added) != len(row.ChangeIDs) {
			return fmt.Errorf("regression %d has %d changes, but places for %d", row.ID, len(row.ChangeIDs), len(row.Added))
		}
		for _, id := range row.ChangeIDs {
			if c.change(id) == nil {
				return fmt.Errorf("regression %d names change %d, which does not exist", row.ID, id)
			}
			c.in[id] = append(c.in[id], row.ID)
		}
		c.regressions[row.ID] = &row
	}
	return nil
}
