package registry

import (
	"fmt"
	"slices"

	"tidemark/pkg/event"
)

// restored undoes what one event did to regressions and to dismissals. The event brings the rows as they were; they are taken when
// nothing that the other event changed was changed since, and all of it is there.
func (f *filing) restored(e event.RegressionRestoration) *Refusal {
	if e.Undoes >= f.seq {
		return refusal(badRequest, "undoes", fmt.Sprintf("undoes: %d is no earlier position than %d", e.Undoes, f.seq), "")
	}
	for i := range e.Regressions {
		if why := f.checkRestored(e.Undoes, fmt.Sprintf("regressions[%d]", i), &e.Regressions[i]); why != nil {
			return why
		}
	}
	for i, d := range e.Dismissals {
		switch c := f.changes.change(d.ChangeID); {
		case c == nil:
			return refusal(badRequest, fmt.Sprintf("dismissals[%d].change_id", i), fmt.Sprintf("no change has the id %d", d.ChangeID), "")
		case c.DismissedSeq != e.Undoes:
			return refusal(conflict, fmt.Sprintf("dismissals[%d].change_id", i), fmt.Sprintf("whether change %d is dismissed was not decided by event %d, or has been decided since", d.ChangeID, e.Undoes), "")
		}
	}
	if why := f.checkAllRestored(e); why != nil {
		return why
	}
	f.note = e.Reason
	for _, d := range e.Dismissals {
		f.findings = append(f.findings, *f.changes.dismissed(d.ChangeID, d.Dismissed, d.Effect, f.seq, e.Reason))
	}
	for _, row := range e.Regressions {
		f.restore(row)
	}
	for _, d := range e.Dismissals {
		if d.Dismissed {
			f.withdraw(d.ChangeID)
		}
		f.turned(f.changes.change(d.ChangeID))
	}
	return nil
}

// changedBy gives the position of the event that changed a regression last, deleted ones too; 0 when there never was such a one.
func (f *filing) changedBy(id uint32) uint64 {
	if r := f.changes.regressions[id]; r != nil {
		return r.Seq
	}
	return f.changes.gone[id]
}

func (f *filing) checkRestored(undoes uint64, path string, row *RegressionRow) *Refusal {
	bad := func(field, format string, args ...any) *Refusal {
		return refusal(badRequest, path+"."+field, path+"."+field+": "+fmt.Sprintf(format, args...), "")
	}
	switch last := f.changedBy(row.ID); {
	case last == 0:
		return noRegression(path+".regression_id", row.ID)
	case last != undoes:
		return refusal(conflict, path+".regression_id", fmt.Sprintf("regression %d was changed by event %d, not by event %d", row.ID, last, undoes), "")
	case row.Deleted: // nothing else of it counts
		return nil
	case row.UUID != event.RegressionUUID(f.database, f.name, row.ID):
		return bad("uuid", "is not that of regression %d", row.ID)
	case row.OpenedSeq < 1 || row.OpenedSeq > undoes:
		return bad("opened_seq", "%d is outside 1..%d", row.OpenedSeq, undoes)
	}
	for _, id := range []uint32{row.StartOrderID, row.EndOrderID} {
		if id != 0 && !f.hasOrder(id) {
			return bad("start_order_id", "no order has the id %d", id)
		}
	}
	for i, id := range row.ChangeIDs {
		if f.changes.change(id) == nil {
			return bad("change_ids", "no change has the id %d", id)
		}
		if row.Added[i] >= undoes*addedStep {
			return bad("added", "place %d is not before event %d", row.Added[i], undoes)
		}
	}
	return nil
}

// checkAllRestored refuses to undo a part of what an event did.
func (f *filing) checkAllRestored(e event.RegressionRestoration) *Refusal {
	given := make(map[uint32]bool, len(e.Regressions))
	for _, row := range e.Regressions {
		given[row.ID] = true
	}
	for _, ids := range [][]uint32{sortedKeys(f.changes.regressions), sortedKeys(f.changes.gone)} {
		for _, id := range ids {
			if !given[id] && f.changedBy(id) == e.Undoes {
				return refusal(badRequest, "regressions", fmt.Sprintf("regressions: regression %d is missing, which event %d changed, too", id, e.Undoes), "")
			}
		}
	}
	dismissals := make(map[uint32]bool, len(e.Dismissals))
	for _, d := range e.Dismissals {
		dismissals[d.ChangeID] = true
	}
	for _, c := range f.changes.found {
		if c.DismissedSeq == e.Undoes && !dismissals[c.ChangeID] {
			return refusal(badRequest, "dismissals", fmt.Sprintf("dismissals: change %d is missing, which event %d decided about, too", c.ChangeID, e.Undoes), "")
		}
	}
	return nil
}

// restore puts one regression back. Changes that do not stand any more are left out.
func (f *filing) restore(row RegressionRow) {
	row = cloneRegression(&row)
	now := f.changes.regressions[row.ID]
	switch {
	case row.Deleted && now != nil:
		f.remove(now)
		return
	case row.Deleted: // and still is
		row.UUID, row.ChangeIDs, row.Added, row.Seq, row.Note = event.RegressionUUID(f.database, f.name, row.ID), nil, nil, f.seq, f.note
		f.gone[row.ID], f.changes.gone[row.ID], f.touched[row.ID] = row, f.seq, true
		return
	case now != nil:
		for _, id := range now.ChangeIDs {
			f.changes.leave(id, now.ID)
		}
	}
	delete(f.changes.gone, row.ID)
	f.changes.regressions[row.ID], f.touched[row.ID] = &row, true
	f.dirty[row.ID] = true // its changes may have moved while they were not in it
	for _, id := range slices.Clone(row.ChangeIDs) {
		f.changes.in[id] = append(f.changes.in[id], row.ID)
		if c := f.changes.change(id); !c.Active || c.Dismissed || c.Shadow {
			f.release(&row, id)
		}
	}
}

// imported brings regressions under their own numbers, with their changes. All of them or none.
func (f *filing) imported(e event.RegressionImport) *Refusal {
	for i, one := range e.Regressions {
		if f.changedBy(one.ID) != 0 {
			return taken(fmt.Sprintf("regressions[%d].id", i), "another regression has the id %d", one.ID)
		}
		for j, finding := range one.Findings {
			path := fmt.Sprintf("regressions[%d].findings[%d]", i, j)
			if field, problem := f.checkFinding(event.DetectorLNT, false, finding); problem != "" {
				return refusal(badRequest, path+"."+field, path+"."+field+": "+problem, "")
			}
			if c := f.changes.change(f.changes.ids[finding.ID]); c != nil && c.Dismissed {
				return refusal(conflict, path, fmt.Sprintf("%s: change %d is dismissed", path, c.ChangeID), "")
			}
		}
	}
	sorted := slices.Clone(e.Regressions)
	slices.SortFunc(sorted, func(a, b event.ImportedRegression) int { return int(a.ID) - int(b.ID) })
	for _, one := range sorted {
		ids := make([]uint32, len(one.Findings))
		for i, finding := range one.Findings {
			ids[i] = f.known(finding)
		}
		like := RegressionRow{
			Title: one.Title, Bug: one.Bug, State: one.State, Detector: event.DetectorLNT, Kind: event.Regression,
			Cause: event.RegressionOfCode, Touched: true, Titled: one.Title != "" && !ownTitle.MatchString(one.Title),
		}
		if len(one.Findings) > 0 {
			like.Kind = one.Findings[0].Kind
		}
		f.openAs(one.ID, like, ids)
	}
	return nil
}

// known is the number of an imported finding: one that stands already stays as it is.
func (f *filing) known(finding event.Finding) uint32 {
	if c := f.changes.change(f.changes.ids[finding.ID]); c != nil && c.Active {
		return c.ChangeID
	}
	c, _ := f.changes.keep(FindingRow{Finding: finding, Detector: event.DetectorLNT, Version: 1}, f.seq)
	f.findings = append(f.findings, *c)
	return c.ChangeID
}
