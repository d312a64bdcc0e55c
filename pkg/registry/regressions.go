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
	// untitled are the regressions that a change was filed in and whose titles do not say so yet, by LNT's rules.
	untitled map[uint32]bool
	// leaving are the changes that are no longer in a regression, but still in its list: see settle.
	leaving map[uint32]map[uint32]bool
	// dirty are the regressions whose range may be another, recheck those that may be over.
	dirty, recheck map[uint32]bool
	// reheard are the series whose regressions are in recheck.
	reheard map[series]bool
	// note is what a person said about the event; findings are those it changed.
	note     string
	findings []FindingRow
	// reasons are what is said of steps that nobody took, by regression.
	reasons map[uint32]string
	// gone are the regressions that the event removed.
	gone map[uint32]RegressionRow
	// candidates are made when the first change is to be filed.
	candidates *candidates
}

func (s *State) newFiling() *filing {
	return &filing{
		State: s, touched: map[uint32]bool{}, untitled: map[uint32]bool{}, gone: map[uint32]RegressionRow{},
		leaving: map[uint32]map[uint32]bool{}, dirty: map[uint32]bool{}, recheck: map[uint32]bool{}, reheard: map[series]bool{},
		reasons: map[uint32]string{},
	}
}

// rows are the regressions that changed, in ascending id order.
func (f *filing) rows() []RegressionRow {
	for id := range f.untitled {
		f.retitle(f.changes.regressions[id])
	}
	f.conclude()
	for id := range f.leaving {
		if r := f.changes.regressions[id]; r != nil {
			f.settle(r)
		}
	}
	var rows []RegressionRow
	for _, id := range sortedKeys(f.touched) {
		if r, ok := f.changes.regressions[id]; ok {
			r.Seq, r.Note = f.seq, f.noteOf(id)
			rows = append(rows, cloneRegression(r))
		} else {
			rows = append(rows, f.gone[id])
		}
	}
	return rows
}

// noteOf is why the regression took a step by itself, and what a person said about the event.
func (f *filing) noteOf(id uint32) string {
	reason := f.reasons[id]
	if f.note == "" || reason == "" || len(f.note)+len(reason)+2 > event.MaxNote {
		return cmp.Or(f.note, reason)
	}
	return reason + ": " + f.note
}

// open makes a regression of changes. An empty title stands for the one that follows from them.
func (f *filing) open(title, bug string, state uint8, changeIDs []uint32) *RegressionRow {
	return f.openAs(f.changes.lastRegression+1, RegressionRow{Title: title, Bug: bug, State: state}, changeIDs)
}

// openAs is open with a number that is free. What the regression says of itself goes before what follows from the first change.
func (f *filing) openAs(id uint32, like RegressionRow, changeIDs []uint32) *RegressionRow {
	f.changes.lastRegression = max(f.changes.lastRegression, id)
	like.ID, like.UUID, like.OpenedSeq = id, event.RegressionUUID(f.database, f.name, id), f.seq
	r := &like
	if len(changeIDs) > 0 && r.Detector == "" {
		first := f.changes.change(changeIDs[0])
		r.Detector, r.Kind, r.Cause = first.Detector, first.Kind, event.RegressionOfCode
		if first.Cause == event.CauseMachine {
			r.Cause = event.RegressionOfMachine
		}
	}
	f.changes.regressions[r.ID] = r
	f.touched[r.ID] = true
	for _, id := range changeIDs {
		f.add(r, id)
	}
	if r.Title == "" && (ruledByLNT(r) || len(changeIDs) == 0) {
		r.Title = f.title(r)
	}
	return r
}

// add puts a change into a regression, unless it is there.
func (f *filing) add(r *RegressionRow, changeID uint32) {
	if slices.Contains(f.changes.in[changeID], r.ID) {
		return
	}
	if f.leaving[r.ID][changeID] {
		f.settle(r)
	}
	f.touched[r.ID], f.dirty[r.ID] = true, true
	f.added++
	r.ChangeIDs = append(r.ChangeIDs, changeID)
	r.Added = append(r.Added, f.seq*addedStep+f.added)
	f.changes.in[changeID] = append(f.changes.in[changeID], r.ID)
}

// release takes a change out of a regression. Its list is put right later, for all that leave it at once.
func (f *filing) release(r *RegressionRow, changeID uint32) {
	if f.leaving[r.ID] == nil {
		f.leaving[r.ID] = map[uint32]bool{}
	}
	f.leaving[r.ID][changeID] = true
	f.touched[r.ID], f.dirty[r.ID] = true, true
	f.changes.leave(changeID, r.ID)
}

// settle puts the list of a regression right.
func (f *filing) settle(r *RegressionRow) {
	gone := f.leaving[r.ID]
	if len(gone) == 0 {
		return
	}
	delete(f.leaving, r.ID)
	kept := 0
	for i, id := range r.ChangeIDs {
		if !gone[id] {
			r.ChangeIDs[kept], r.Added[kept] = id, r.Added[i]
			kept++
		}
	}
	r.ChangeIDs, r.Added = r.ChangeIDs[:kept], r.Added[:kept]
}

func (c *changes) leave(changeID, regressionID uint32) {
	c.in[changeID] = slices.DeleteFunc(c.in[changeID], func(id uint32) bool { return id == regressionID })
	if len(c.in[changeID]) == 0 {
		delete(c.in, changeID)
	}
}

// withdraw takes a change out of its regressions.
func (f *filing) withdraw(changeID uint32) {
	for _, id := range slices.Clone(f.changes.in[changeID]) {
		f.leave(f.changes.regressions[id], changeID)
	}
}

// leave takes a change out of a regression. By LNT's rules one that is left empty is removed, and titles stay as they are; what
// becomes of the others is concluded when the whole event is known.
func (f *filing) leave(r *RegressionRow, changeID uint32) {
	if f.untitled[r.ID] {
		f.retitle(r)
	}
	f.release(r, changeID)
	switch {
	case !ruledByLNT(r):
		f.recheck[r.ID] = true
	case len(r.ChangeIDs) == len(f.leaving[r.ID]):
		f.remove(r)
	}
}

// remove deletes a regression. Its changes stay, but not in it.
func (f *filing) remove(r *RegressionRow) {
	f.settle(r)
	for _, id := range r.ChangeIDs {
		f.changes.leave(id, r.ID)
	}
	delete(f.changes.regressions, r.ID)
	f.touched[r.ID] = true
	gone := *r
	gone.ChangeIDs, gone.Added, gone.Deleted, gone.Seq, gone.Note = nil, nil, true, f.seq, f.note
	f.gone[r.ID] = gone
	f.changes.gone[r.ID] = f.seq
}

// maxTitle is where LNT cuts a title, in characters.
const maxTitle = 120

// ownTitle is how a title begins that follows from the changes.
var ownTitle = regexp.MustCompile(`^Regression of \p{Nd}+ benchmarks`)

// title names the benchmarks of a regression, as LNT does.
func (f *filing) title(r *RegressionRow) string {
	f.settle(r)
	names := f.testNames()
	short := lo.Uniq(lo.Map(r.ChangeIDs, func(id uint32, _ int) string { return shortName(names[f.changes.change(id).TestID]) }))
	slices.Sort(short)
	return cut(fmt.Sprintf("Regression of %d benchmarks: %s", len(r.ChangeIDs), strings.Join(short, ", ")))
}

// retitle renews a title that nobody has changed.
func (f *filing) retitle(r *RegressionRow) {
	delete(f.untitled, r.ID)
	if ruledByLNT(r) && ownTitle.MatchString(r.Title) {
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
	case event.RegressionRestoration:
		why = f.restored(e)
	case event.RegressionImport:
		why = f.imported(e)
	default:
		why = refusal(internalError, "", "event was not prepared", "")
	}
	if why != nil {
		return rejected(why)
	}
	d := Decision{Rows: Rows{Regressions: f.rows(), Findings: f.findings}}
	if last, ok := lo.Last(d.Rows.Regressions); ok {
		d.RegressionID = last.ID
	}
	return s.accepted(d)
}

// standing says why one of the changes cannot be looked after: it does not exist, was taken back or is none.
func (f *filing) checkChanges(ids []uint32) *Refusal {
	for _, id := range ids {
		if c := f.changes.change(id); c == nil || !c.Active || c.Dismissed || c.Shadow {
			return noChange(id)
		}
	}
	return nil
}

func (f *filing) opened(e event.RegressionOpening) *Refusal {
	if why := f.checkChanges(e.ChangeIDs); why != nil {
		return why
	}
	f.note = e.Note
	f.openAs(f.changes.lastRegression+1, RegressionRow{Title: e.Title, Bug: e.Bug, State: e.State, Touched: true, Titled: e.Title != ""}, e.ChangeIDs)
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
	f.note = e.Note
	f.touch(r)
	for _, id := range e.ChangeIDs {
		f.add(r, id)
	}
	f.retitle(r)
	return nil
}

// touch notes that a person did something with a regression.
func (f *filing) touch(r *RegressionRow) {
	r.Touched = true
	f.touched[r.ID] = true
}

// triaged changes all of the regressions or none.
func (f *filing) triaged(e event.RegressionTriage) *Refusal {
	field := "regression_ids"
	if e.RegressionID != 0 {
		field = "regression_id"
	}
	for _, id := range e.IDs() {
		r := f.changes.regressions[id]
		if r == nil {
			return noRegression(field, id)
		}
		if n := len(retagged(r.Tags, e)); n > event.MaxTags {
			return refusal(badRequest, "add_tags", fmt.Sprintf("add_tags: regression %d would have %d tags, more than %d", id, n, event.MaxTags), "")
		}
	}
	f.note = e.Note
	for _, id := range e.IDs() {
		r := f.changes.regressions[id]
		f.touch(r)
		r.Bug, r.Owner = lo.FromPtrOr(e.Bug, r.Bug), lo.FromPtrOr(e.Owner, r.Owner)
		if e.State != nil {
			r.State, r.Recovered, r.FormerState = *e.State, false, 0 // a person's word stands
		}
		r.Tags = retagged(r.Tags, e)
		if e.Title != nil {
			r.Title, r.Titled = *e.Title, *e.Title != ""
			f.dirty[id] = true // without a title it gets one of its own again, unless it is LNT's
		}
	}
	return nil
}

// retagged are the tags as the event leaves them, sorted.
func retagged(tags []string, e event.RegressionTriage) []string {
	next := slices.Compact(slices.Sorted(slices.Values(slices.Concat(tags, e.AddTags))))
	if next = lo.Without(next, e.RemoveTags...); len(next) == 0 {
		return nil
	}
	return next
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
	f.note = e.Note
	like := all[0]
	var bugs, tags []string
	for _, r := range all {
		tags = append(tags, r.Tags...)
		if r.Bug != "" {
			like, bugs = r, append(bugs, r.Bug)
		}
	}
	owner, _ := lo.Find(append([]*RegressionRow{like}, all...), func(r *RegressionRow) bool { return r.Owner != "" })
	changes := lo.Uniq(lo.FlatMap(all, func(r *RegressionRow, _ int) []uint32 { return r.ChangeIDs }))
	next := RegressionRow{
		Title: like.Title, Bug: strings.Join(bugs, " "), State: like.State, Recovered: like.Recovered, FormerState: like.FormerState, Detector: like.Detector, Kind: like.Kind, Cause: like.Cause,
		StartOrderID: like.StartOrderID, EndOrderID: like.EndOrderID,
		Touched: true, Titled: like.Titled, Tags: retagged(tags, event.RegressionTriage{}),
	}
	next.Tags = next.Tags[:min(len(next.Tags), event.MaxTags)]
	if owner != nil {
		next.Owner = owner.Owner
	}
	made := f.openAs(f.changes.lastRegression+1, next, changes)
	for _, r := range all {
		for _, id := range slices.Clone(r.ChangeIDs) {
			f.release(r, id)
		}
		f.touch(r)
		r.Bug = fmt.Sprintf("/db_%s/v4/%s/regressions/%d", f.database, f.name, made.ID)
		r.Title = fmt.Sprintf("Merged into Regression %d", made.ID)
		r.State, r.Recovered, r.FormerState, r.MergedInto = event.StateIgnored, false, 0, made.ID
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
		if !slices.Contains(f.changes.in[id], r.ID) {
			return refusal(badRequest, "change_ids", fmt.Sprintf("change %d is not in regression %d", id, r.ID), "")
		}
	}
	f.note = e.Note
	leaving := lo.Keyify(e.ChangeIDs)
	moved := lo.Filter(r.ChangeIDs, func(id uint32, _ int) bool { _, ok := leaving[id]; return ok })
	for _, id := range moved {
		f.release(r, id)
	}
	f.openAs(f.changes.lastRegression+1, RegressionRow{State: r.State, Recovered: r.Recovered, FormerState: r.FormerState, Detector: r.Detector, Kind: r.Kind, Cause: r.Cause, Touched: true}, moved)
	f.touch(r)
	f.retitle(r)
	return nil
}

func (f *filing) deleted(e event.RegressionDeletion) *Refusal {
	for _, id := range e.RegressionIDs {
		if f.changes.regressions[id] == nil {
			return noRegression("regression_ids", id)
		}
	}
	f.note = e.Note
	for _, id := range e.RegressionIDs {
		f.remove(f.changes.regressions[id])
	}
	return nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
