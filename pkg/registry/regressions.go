package registry

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/samber/lo"

	"tidemark/pkg/event"
)

// addedStep is the number of places within one event: more than it can hold changes.
const addedStep = 1 << 20

// filing is the changing of regressions by one event.
type filing struct {
	*State
	touched map[uint32]bool
	// added counts the changes that the event put into regressions.
	added uint64
	// untitled are the regressions that a change was filed in and whose titles do not say so yet.
	untitled map[uint32]bool
	// gone are the regressions that the event removed.
	gone map[uint32]RegressionRow
	// candidates are made when the first change is to be filed.
	candidates *candidates
}

func (s *State) newFiling() *filing {
	return &filing{State: s, touched: map[uint32]bool{}, untitled: map[uint32]bool{}, gone: map[uint32]RegressionRow{}}
}

// rows are the regressions that changed, in ascending id order.
func (f *filing) rows() []RegressionRow {
	for id := range f.untitled {
		f.retitle(f.changes.regressions[id])
	}
	var rows []RegressionRow
	for _, id := range sortedKeys(f.touched) {
		if r, ok := f.changes.regressions[id]; ok {
			r.Seq = f.seq
			rows = append(rows, cloneRegression(r))
		} else {
			rows = append(rows, f.gone[id])
		}
	}
	return rows
}

// open makes a regression of changes. An empty title stands for the one that follows from them.
func (f *filing) open(title, bug string, state uint8, changeIDs []uint32) *RegressionRow {
	f.changes.lastRegression++
	r := &RegressionRow{
		ID: f.changes.lastRegression, Title: title, Bug: bug, State: state, OpenedSeq: f.seq,
		UUID: event.RegressionUUID(f.database, f.name, f.changes.lastRegression),
	}
	f.changes.regressions[r.ID] = r
	f.touched[r.ID] = true
	for _, id := range changeIDs {
		f.add(r, id)
	}
	if title == "" {
		r.Title = f.title(r)
	}
	return r
}

// add puts a change into a regression, unless it is there.
func (f *filing) add(r *RegressionRow, changeID uint32) {
	if slices.Contains(f.changes.in[changeID], r.ID) {
		return
	}
	f.touched[r.ID] = true
	f.added++
	r.ChangeIDs = append(r.ChangeIDs, changeID)
	r.Added = append(r.Added, f.seq*addedStep+f.added)
	f.changes.in[changeID] = append(f.changes.in[changeID], r.ID)
}

// release takes a change out of a regression.
func (f *filing) release(r *RegressionRow, changeID uint32) {
	at := slices.Index(r.ChangeIDs, changeID)
	r.ChangeIDs = slices.Delete(r.ChangeIDs, at, at+1)
	r.Added = slices.Delete(r.Added, at, at+1)
	f.touched[r.ID] = true
	f.changes.leave(changeID, r.ID)
}

func (c *changes) leave(changeID, regressionID uint32) {
	c.in[changeID] = slices.DeleteFunc(c.in[changeID], func(id uint32) bool { return id == regressionID })
	if len(c.in[changeID]) == 0 {
		delete(c.in, changeID)
	}
}

// withdraw takes a change out of its regressions; one that is left empty is removed. Titles stay as they are, as in LNT.
func (f *filing) withdraw(changeID uint32) {
	for _, id := range slices.Clone(f.changes.in[changeID]) {
		r := f.changes.regressions[id]
		if f.untitled[id] {
			f.retitle(r)
		}
		f.release(r, changeID)
		if len(r.ChangeIDs) == 0 {
			f.remove(r)
		}
	}
}

// remove deletes a regression. Its changes stay, but not in it.
func (f *filing) remove(r *RegressionRow) {
	for _, id := range r.ChangeIDs {
		f.changes.leave(id, r.ID)
	}
	delete(f.changes.regressions, r.ID)
	f.touched[r.ID] = true
	gone := *r
	gone.ChangeIDs, gone.Added, gone.Deleted, gone.Seq = nil, nil, true, f.seq
	f.gone[r.ID] = gone
	f.changes.gone[r.ID] = f.seq
}

// maxTitle is where LNT cuts a title, in characters.
const maxTitle = 120

// ownTitle is how a title begins that follows from the changes.
var ownTitle = regexp.MustCompile(`^Regression of \p{Nd}+ benchmarks`)

// title names the benchmarks of a regression, as LNT does.
func (f *filing) title(r *RegressionRow) string {
	names := f.testNames()
	short := lo.Uniq(lo.Map(r.ChangeIDs, func(id uint32, _ int) string { return shortName(names[f.changes.change(id).TestID]) }))
	slices.Sort(short)
	title := []rune(fmt.Sprintf("Regression of %d benchmarks: %s", len(r.ChangeIDs), strings.Join(short, ", ")))
	if len(title) > maxTitle {
		return string(title[:maxTitle]) + "..."
	}
	return string(title)
}

// retitle renews a title that nobody has changed.
func (f *filing) retitle(r *RegressionRow) {
	delete(f.untitled, r.ID)
	if ownTitle.MatchString(r.Title) {
		r.Title = f.title(r)
		f.touched[r.ID] = true
	}
}

// shortName is the last part of a test's path. Tests of the compiler end in phase and level: "compile/NAME/phase/(-O0)".
func shortName(test string) string {
	parts := strings.Split(test, "/")
	last := parts[len(parts)-1]
	if strings.HasPrefix(last, "(") && len(parts) >= 3 {
		return parts[len(parts)-3]
	}
	return last
}

// testNames are the names of all tests by id. They are looked for once there is a regression to be named.
func (s *State) testNames() map[uint32]string {
	if len(s.changes.testNames) != len(s.tests) {
		s.changes.testNames = lo.Invert(s.tests)
	}
	return s.changes.testNames
}

// regress decides an event of regressions.
func (s *State) regress(body any) Decision {
	f := s.newFiling()
	var why *Refusal
	switch e := body.(type) {
	case event.RegressionOpening:
		why = f.opened(e)
	case event.RegressionExtension:
		why = f.extended(e)
	case event.RegressionTriage:
		why = f.triaged(e)
	case event.RegressionMerge:
		why = f.merged(e)
	case event.RegressionSplitting:
		why = f.split(e)
	case event.RegressionDeletion:
		why = f.deleted(e)
	default:
		why = refusal(internalError, "", "event was not prepared", "")
	}
	if why != nil {
		return rejected(why)
	}
	d := Decision{Rows: Rows{Regressions: f.rows()}}
	if last, ok := lo.Last(d.Rows.Regressions); ok {
		d.RegressionID = last.ID
	}
	return s.accepted(d)
}

// standing says why one of the changes cannot be looked after: it does not exist, was taken back or is none.
func (f *filing) checkChanges(ids []uint32) *Refusal {
	for _, id := range ids {
		if c := f.changes.change(id); c == nil || !c.Active || c.Dismissed {
			return noChange(id)
		}
	}
	return nil
}

func (f *filing) opened(e event.RegressionOpening) *Refusal {
	if why := f.checkChanges(e.ChangeIDs); why != nil {
		return why
	}
	f.open(e.Title, e.Bug, e.State, e.ChangeIDs)
	return nil
}

func (f *filing) extended(e event.RegressionExtension) *Refusal {
	r := f.changes.regressions[e.RegressionID]
	if r == nil {
		return noRegression("regression_id", e.RegressionID)
	}
	if why := f.checkChanges(e.ChangeIDs); why != nil {
		return why
	}
	f.touched[r.ID] = true
	for _, id := range e.ChangeIDs {
		f.add(r, id)
	}
	f.retitle(r)
	return nil
}

func (f *filing) triaged(e event.RegressionTriage) *Refusal {
	r := f.changes.regressions[e.RegressionID]
	if r == nil {
		return noRegression("regression_id", e.RegressionID)
	}
	f.touched[r.ID] = true
	r.Title, r.Bug, r.State = lo.FromPtrOr(e.Title, r.Title), lo.FromPtrOr(e.Bug, r.Bug), lo.FromPtrOr(e.State, r.State)
	return nil
}

// merged makes one regression of several. It takes title and state from the last one with a bug, else from the first; the others stay
// behind, empty, and lead to it.
func (f *filing) merged(e event.RegressionMerge) *Refusal {
	var all []*RegressionRow
	for _, id := range slices.Sorted(slices.Values(e.RegressionIDs)) {
		r := f.changes.regressions[id]
		if r == nil {
			return noRegression("regression_ids", id)
		}
		all = append(all, r)
	}
	like := all[0]
	var bugs []string
	for _, r := range all {
		if r.Bug != "" {
			like, bugs = r, append(bugs, r.Bug)
		}
	}
	changes := lo.Uniq(lo.FlatMap(all, func(r *RegressionRow, _ int) []uint32 { return r.ChangeIDs }))
	made := f.open(like.Title, strings.Join(bugs, " "), like.State, changes)
	for _, r := range all {
		for _, id := range slices.Clone(r.ChangeIDs) {
			f.release(r, id)
		}
		f.touched[r.ID] = true
		r.Bug = fmt.Sprintf("/db_%s/v4/%s/regressions/%d", f.database, f.name, made.ID)
		r.Title = fmt.Sprintf("Merged into Regression %d", made.ID)
		r.State = event.StateIgnored
	}
	return nil
}

// split moves changes out of a regression into a new one of the same state.
func (f *filing) split(e event.RegressionSplitting) *Refusal {
	r := f.changes.regressions[e.RegressionID]
	if r == nil {
		return noRegression("regression_id", e.RegressionID)
	}
	for _, id := range e.ChangeIDs {
		if !slices.Contains(r.ChangeIDs, id) {
			return refusal(badRequest, "change_ids", fmt.Sprintf("change %d is not in regression %d", id, r.ID), "")
		}
	}
	moved := lo.Filter(r.ChangeIDs, func(id uint32, _ int) bool { return slices.Contains(e.ChangeIDs, id) })
	for _, id := range moved {
		f.release(r, id)
	}
	f.open("", "", r.State, moved)
	f.retitle(r)
	return nil
}

func (f *filing) deleted(e event.RegressionDeletion) *Refusal {
	for _, id := range e.RegressionIDs {
		if f.changes.regressions[id] == nil {
			return noRegression("regression_ids", id)
		}
	}
	for _, id := range e.RegressionIDs {
		f.remove(f.changes.regressions[id])
	}
	return nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
