package registry

import (
	"encoding/json"
	"fmt"
	"math"
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
		field, problem := s.checkFinding(c.Detector, c.Shadow, f)
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

// take keeps the findings in the order in which they come, which is that of their numbers. Those of LNT's detector are filed one by
// one, as LNT does; of the others first all is taken back that is, so that what takes its place finds the same regression.
func (s *State) take(c event.Changes) Rows {
	filing := s.newFiling()
	changes := make([]*FindingRow, len(c.Findings))
	var fresh []*FindingRow
	for i, f := range c.Findings {
		change, before := s.changes.keep(FindingRow{
			Finding: f, Detector: c.Detector, Version: c.Version, Params: c.Params, DataSeq: c.DataSeq, Shadow: c.Shadow,
		}, s.seq)
		changes[i] = change
		switch {
		case !change.Active:
			filing.withdraw(change.ChangeID)
		case change.Shadow || change.Dismissed:
		case change.lnt():
			if before == nil || !before.Active {
				filing.file(change)
			}
		case before == nil || !before.Active || before.Dismissed || filing.relocated(before, change):
			fresh = append(fresh, change)
		default:
			filing.moved(change)
		}
	}
	filing.group(fresh)
	for _, change := range changes {
		filing.turned(change)
	}
	rows := Rows{Regressions: filing.rows()}
	for _, change := range changes {
		rows.Findings = append(rows.Findings, *change)
	}
	return rows
}

// lnt says whether LNT's rules are those of the finding.
func (f *FindingRow) lnt() bool { return f.Detector == event.DetectorLNT && !f.Shadow }

// checkFinding names the field at fault and what is wrong with it; both are empty when nothing is.
func (s *State) checkFinding(detector string, shadow bool, f event.Finding) (field, problem string) {
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
	known := s.changes.change(s.changes.ids[f.ID])
	switch {
	case known == nil || known.lnt():
		if f.ID != f.IDOf(s.database, s.name, event.DetectorKey(detector, shadow)) {
			return "id", "is not derived from the finding"
		}
	case known.Detector != detector || known.Shadow != shadow || known.Direction != f.Direction || seriesOf(known.Finding) != seriesOf(f):
		return "id", "is that of another change"
	}
	return "", ""
}

// series is where values are compared with each other.
type series struct {
	machine, test uint32
	metric        string
}

func seriesOf(f event.Finding) series { return series{f.MachineID, f.TestID, f.Metric} }

// changes is what a state knows of findings, each as it was last heard of, and of regressions.
type changes struct {
	found       []*FindingRow        // by change id, from 1
	ids         map[uuid.UUID]uint32 // by finding id
	regressions map[uint32]*RegressionRow
	// series lists the changes of a series, without those of LNT's detector and of the shadow.
	series map[series][]uint32
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
		in: make(map[uint32][]uint32), gone: make(map[uint32]uint64), series: make(map[series][]uint32), texts: make(map[string]string), params: make(map[string]json.RawMessage),
	}
}

// change is the finding with this change id; nil when there is none.
func (c *changes) change(id uint32) *FindingRow {
	if id < 1 || uint64(id) > uint64(len(c.found)) {
		return nil
	}
	return c.found[id-1]
}

// returnFactor is how much larger than what was dismissed an effect has to be to be heard of again.
const returnFactor = 2

// keep puts a finding in place of what was known of it, which is nil when nothing was. A change keeps its number, and that it was
// dismissed: for ever when it is LNT's, else until it is much larger than it was then.
func (c *changes) keep(row FindingRow, seq uint64) (change, before *FindingRow) {
	c.share(&row)
	id, known := c.ids[row.ID]
	if !known {
		c.found = append(c.found, nil)
		id = uint32(len(c.found)) //nolint:gosec // a serial like the others; memory ends before
		c.ids[row.ID] = id
	}
	before = c.found[id-1]
	row.ChangeID = id
	if known {
		row.Dismissed, row.DismissedSeq, row.DismissedEffect = before.Dismissed, before.DismissedSeq, before.DismissedEffect
	} else {
		c.index(&row)
	}
	if row.Dismissed && row.Active && !row.lnt() && math.Abs(row.Effect) > returnFactor*math.Abs(row.DismissedEffect) {
		row.Dismissed, row.DismissedSeq, row.DismissedEffect = false, seq, 0
	}
	c.found[id-1] = &row
	return &row, before
}

func (c *changes) index(row *FindingRow) {
	if !row.lnt() && !row.Shadow {
		at := seriesOf(row.Finding)
		c.series[at] = append(c.series[at], row.ChangeID)
	}
}

// share makes the row use the texts that are there already.
func (c *changes) share(row *FindingRow) {
	row.Detector, row.Metric, row.Cause, row.Direction, row.Kind = c.text(row.Detector), c.text(row.Metric), c.text(row.Cause), event.Direction(c.text(string(row.Direction))), event.Kind(c.text(string(row.Kind)))
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

// dismiss decides that changes are none: they leave their regressions and are filed nowhere again. Or it takes that back.
func (s *State) dismiss(e event.ChangeDismissal) Decision {
	for _, id := range e.ChangeIDs {
		change := s.changes.change(id)
		if change == nil {
			return rejected(noChange(id))
		}
		if e.Restore && !change.Dismissed {
			return rejected(refusal(conflict, "change_ids", fmt.Sprintf("change %d is not dismissed", id), ""))
		}
		if e.Standing && !change.Active {
			return rejected(refusal(conflict, "change_ids", fmt.Sprintf("change %d was withdrawn: there is nothing to dismiss", id), ""))
		}
	}
	filing := s.newFiling()
	filing.note = e.Note
	var rows Rows
	var fresh []*FindingRow
	for _, id := range e.ChangeIDs {
		row := s.changes.dismissed(id, !e.Restore, s.changes.change(id).Effect, s.seq, e.Note)
		switch {
		case !e.Restore:
			filing.withdraw(id)
		case !row.Active || row.Shadow:
		case row.lnt():
			filing.file(row)
		default:
			fresh = append(fresh, row)
		}
		rows.Findings = append(rows.Findings, *row)
	}
	filing.group(fresh)
	for _, id := range e.ChangeIDs {
		filing.turned(s.changes.change(id))
	}
	rows.Regressions = filing.rows()
	return s.accepted(Decision{Rows: rows})
}

// dismissed makes a change one that is dismissed with this effect, or one that is not.
func (c *changes) dismissed(id uint32, dismissed bool, effect float64, seq uint64, note string) *FindingRow {
	row := *c.change(id)
	row.Dismissed, row.DismissedSeq, row.DismissedEffect, row.Note = dismissed, seq, 0, note
	if dismissed {
		row.DismissedEffect = effect
	}
	c.found[id-1] = &row
	return &row
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
	for _, row := range c.found { // in the order of their numbers, as they were found
		c.index(row)
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
