package registry

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/suite"
)

// The findings of all detectors but LNT's are grouped by where the culprit may be: one regression is what one commit did, in whatever
// tests and metrics and on whatever machines.

// maxJoins bounds how often one event compares a finding with a regression, at about a nanosecond each. What is beyond gets a
// regression of its own.
const maxJoins = 200_000_000

// ruledByLNT says whether findings come and go in a regression by LNT's rules.
func ruledByLNT(r *RegressionRow) bool { return r.Detector == event.DetectorLNT }

// open says whether a regression takes more in.
func isOpen(r *RegressionRow) bool {
	return r.State == event.StateDetected || r.State == event.StateStaged || r.State == event.StateActive || r.State == event.StateVerify
}

// sort says which findings may be in one regression: good and bad ones are apart, and so is what each machine did by itself.
type sort struct {
	kind    event.Kind
	machine uint32 // 0 for the code
}

func (s *State) sortOf(c *FindingRow) sort {
	if c.Cause != event.CauseMachine {
		return sort{kind: c.Kind}
	}
	return sort{c.Kind, s.current(c.MachineID)}
}

// current is the machine that a machine is now.
func (s *State) current(id uint32) uint32 {
	if m := s.machines[id]; m != nil && m.mergedInto != 0 {
		return m.mergedInto
	}
	return id
}

// stretch is a culprit range by the ranks of its ends: after start, up to end.
type stretch struct{ start, end int }

func (a stretch) overlaps(b stretch) bool { return a == b || a.start < b.end && b.start < a.end }
func (a stretch) touches(b stretch) bool  { return a.end == b.start || b.end == a.start }

// home is an open regression and where its culprit may be.
type home struct {
	stretch
	regression *RegressionRow
}

// homes are the open regressions of each sort, in ascending id order.
type homes struct {
	of    map[sort][]home
	ranks map[uint32]int
	// last remembers where the findings of a stretch went: those of one run have the same.
	last  map[sort]map[stretch]int
	joins int
}

// group finds a regression for each of the findings, or opens one. A finding joins the oldest open regression of its sort whose range
// overlaps its own, else the oldest whose range touches it; an overlap narrows the range to what they have in common.
func (f *filing) group(fresh []*FindingRow) {
	if len(fresh) == 0 {
		return
	}
	h := f.newHomes(fresh)
	for _, change := range fresh {
		at, kind := stretch{h.ranks[change.PreviousOrderID], h.ranks[change.OrderID]}, f.sortOf(change)
		i := h.find(kind, at)
		if i < 0 {
			r := f.open("", "", event.StateDetected, []uint32{change.ChangeID})
			h.of[kind] = append(h.of[kind], home{at, r})
			h.remember(kind, at, len(h.of[kind])-1, true)
			continue
		}
		there := &h.of[kind][i]
		narrowed := false
		switch empty := len(there.regression.ChangeIDs) == 0; {
		case empty: // its range is that of changes that are gone
			narrowed, there.stretch = true, at
		case there.overlaps(at) && (at.start > there.start || at.end < there.end):
			narrowed, there.start, there.end = true, max(there.start, at.start), min(there.end, at.end)
		}
		f.add(there.regression, change.ChangeID)
		if there.regression.State == event.StateVerify {
			r := there.regression // not all of it went away
			r.State, r.Recovered, r.FormerState = event.StateDetected, false, 0
		}
		f.recheck[there.regression.ID] = true
		h.remember(kind, at, i, narrowed)
	}
}

func (f *filing) newHomes(fresh []*FindingRow) *homes {
	h := &homes{of: map[sort][]home{}, last: map[sort]map[stretch]int{}}
	var open []*RegressionRow
	orders := map[uint32]struct{}{}
	for _, id := range sortedKeys(f.changes.regressions) {
		r := f.changes.regressions[id]
		if ruledByLNT(r) || !isOpen(r) {
			continue
		}
		if f.dirty[id] {
			f.settle(r)
			f.narrow(r)
		}
		if r.EndOrderID != 0 {
			open = append(open, r)
			orders[r.StartOrderID], orders[r.EndOrderID] = struct{}{}, struct{}{}
		}
	}
	for _, c := range fresh {
		orders[c.PreviousOrderID], orders[c.OrderID] = struct{}{}, struct{}{}
	}
	h.ranks = f.ranks(orders)
	for _, r := range open {
		kind, ok := f.sortOfRegression(r)
		if ok {
			h.of[kind] = append(h.of[kind], home{stretch{h.ranks[r.StartOrderID], h.ranks[r.EndOrderID]}, r})
		}
	}
	return h
}

// sortOfRegression is false for what a machine did when no finding is left to say which.
func (f *filing) sortOfRegression(r *RegressionRow) (sort, bool) {
	if r.Cause != event.RegressionOfMachine {
		return sort{kind: r.Kind}, true
	}
	f.settle(r)
	if len(r.ChangeIDs) == 0 {
		return sort{}, false
	}
	return sort{r.Kind, f.current(f.changes.change(r.ChangeIDs[0]).MachineID)}, true
}

// ranks numbers orders by their places in history; equal places have equal numbers.
func (s *State) ranks(orders map[uint32]struct{}) map[uint32]int {
	keys := lo.Uniq(lo.Map(sortedKeys(orders), func(id uint32, _ int) string { return s.orderPlaces[id] }))
	slices.Sort(keys)
	number := make(map[string]int, len(keys))
	for i, key := range keys {
		number[key] = i
	}
	return lo.MapEntries(orders, func(id uint32, _ struct{}) (uint32, int) { return id, number[s.orderPlaces[id]] })
}

// find gives the place of a home among those of its sort; -1 for none.
func (h *homes) find(kind sort, at stretch) int {
	if i, ok := h.last[kind][at]; ok {
		return i
	}
	touching := -1
	for i := range h.of[kind] {
		if h.joins++; h.joins > maxJoins {
			return -1
		}
		there := h.of[kind][i].stretch
		if there.overlaps(at) {
			return i
		}
		if touching < 0 && there.touches(at) {
			touching = i
		}
	}
	return touching
}

// remember keeps where a stretch went, as long as no home of the sort is new or has changed.
func (h *homes) remember(kind sort, at stretch, i int, changed bool) {
	if changed || h.last[kind] == nil {
		h.last[kind] = map[stretch]int{}
	}
	h.last[kind][at] = i
}

// relocated takes a change that came with something else than was thought, or is good and not bad, out of the regressions that
// nobody has touched. It says whether the change needs another one now.
func (f *filing) relocated(before, change *FindingRow) bool {
	if before.Cause == change.Cause && before.Kind == change.Kind {
		return false
	}
	for _, id := range slices.Clone(f.changes.in[change.ChangeID]) {
		if r := f.changes.regressions[id]; !r.Touched && !ruledByLNT(r) {
			f.leave(r, change.ChangeID)
		}
	}
	return len(f.changes.in[change.ChangeID]) == 0
}

// moved notes that the regressions of a change may have another range or title.
func (f *filing) moved(change *FindingRow) {
	for _, id := range f.changes.in[change.ChangeID] {
		f.dirty[id] = true
	}
}

// turned notes the regressions that a change may have ended, or no longer ends: those of the changes of its series.
func (f *filing) turned(change *FindingRow) {
	if change.Shadow || change.lnt() {
		return
	}
	at := seriesOf(change.Finding)
	if f.reheard[at] {
		return
	}
	f.reheard[at] = true
	for _, other := range f.changes.series[at] {
		for _, id := range f.changes.in[other] {
			f.recheck[id] = true
		}
	}
}

// recovered says whether a later change of the series brought the level back, to within half of the change.
func (s *State) recovered(c *FindingRow) bool {
	return slices.ContainsFunc(s.changes.series[seriesOf(c.Finding)], func(id uint32) bool {
		back := s.changes.change(id)
		return back.Active && !back.Dismissed && back.Direction != c.Direction && s.compareOrders(back.OrderID, c.OrderID) > 0 &&
			math.Abs(back.After-c.Before) <= math.Abs(c.After-c.Before)/2
	})
}

// What histories say of the steps that no person took.
const (
	noteRecovered    = "all its findings are over: later ones brought the level back, or they were withdrawn"
	noteNotRecovered = "not over after all: a finding that had shown recovery was withdrawn, dismissed or has another level now"
)

// conclude says what follows for the regressions of detectors other than LNT's: one that is left without changes goes, or is to be
// verified when a person did something with it; so is one all of whose changes are over, until that turns out not to be so.
func (f *filing) conclude() {
	for _, id := range sortedKeys(f.recheck) {
		r := f.changes.regressions[id]
		if r == nil || ruledByLNT(r) {
			continue
		}
		f.settle(r)
		switch over := r.State == event.StateDetected || r.State == event.StateStaged || r.State == event.StateActive; {
		case len(r.ChangeIDs) == 0 && !r.Touched:
			f.remove(r)
		case over && !slices.ContainsFunc(r.ChangeIDs, func(id uint32) bool { return !f.recovered(f.changes.change(id)) }):
			r.State, r.Recovered, r.FormerState = event.StateVerify, true, r.State
			f.touched[id], f.reasons[id] = true, noteRecovered
		case r.State == event.StateVerify && r.Recovered && slices.ContainsFunc(r.ChangeIDs, func(id uint32) bool { return !f.recovered(f.changes.change(id)) }):
			r.State, r.Recovered, r.FormerState = r.FormerState, false, 0
			f.touched[id], f.reasons[id] = true, noteNotRecovered
		}
	}
	for _, id := range sortedKeys(f.dirty) {
		if r := f.changes.regressions[id]; r != nil {
			f.settle(r)
			f.narrow(r)
			f.rename(r)
		}
	}
}

// narrow makes the range what the changes have in common: one after the other, those that have nothing in common with the ones before
// are passed over. Without changes it stays.
func (f *filing) narrow(r *RegressionRow) {
	var start, end uint32
	var at span
	for _, id := range r.ChangeIDs {
		c := f.changes.change(id)
		own := span{f.orderPlaces[c.PreviousOrderID], f.orderPlaces[c.OrderID]}
		switch {
		case end == 0:
			start, end, at = c.PreviousOrderID, c.OrderID, own
		case at.overlaps(own):
			if own.start > at.start {
				start, at.start = c.PreviousOrderID, own.start
			}
			if own.end < at.end {
				end, at.end = c.OrderID, own.end
			}
		}
	}
	if end != 0 && (r.StartOrderID != start || r.EndOrderID != end) {
		r.StartOrderID, r.EndOrderID = start, end
		f.touched[r.ID] = true
	}
}

// rename renews the title of a regression that nobody gave one, unless LNT's rules do it.
func (f *filing) rename(r *RegressionRow) {
	if ruledByLNT(r) || r.Titled || len(r.ChangeIDs) == 0 {
		return
	}
	if title := f.summary(r); title != r.Title {
		r.Title = title
		f.touched[r.ID] = true
	}
}

// summary says of a regression what, how much, where and when: "execution_time +3.2 % in 14 tests on 2 machines at 1234..1240".
func (f *filing) summary(r *RegressionRow) string {
	metrics, tests, machines := map[string]struct{}{}, map[uint32]struct{}{}, map[uint32]struct{}{}
	effects := make([]float64, 0, len(r.ChangeIDs))
	for _, id := range r.ChangeIDs {
		c := f.changes.change(id)
		metrics[c.Metric], tests[c.TestID], machines[f.current(c.MachineID)] = struct{}{}, struct{}{}, struct{}{}
		effects = append(effects, c.Effect)
	}
	testNames := f.testNames()
	what := count(metrics, "metrics", func(name string) string { return name })
	// By size: of two, the larger one is the middle, whatever their direction.
	slices.SortFunc(effects, func(a, b float64) int { return cmp.Or(cmp.Compare(math.Abs(a), math.Abs(b)), cmp.Compare(a, b)) })
	if len(metrics) == 1 {
		what += " " + percent(effects[len(effects)/2])
	} else {
		what += " up to " + percent(effects[len(effects)-1])
	}
	on := count(machines, "machines", func(id uint32) string { return f.machines[id].name })
	in := count(tests, "tests", func(id uint32) string { return testNames[id] })
	at := f.orderName(r.StartOrderID)
	if end := f.orderName(r.EndOrderID); end != at {
		at += ".." + end
	}
	text := fmt.Sprintf("%s in %s on %s at %s", what, in, on, at)
	if r.Cause == event.RegressionOfMachine {
		text = fmt.Sprintf("%s moved: %s in %s at %s", on, what, in, at)
	}
	return cut(text)
}

// count names the only one, or says how many there are.
func count[K cmp.Ordered](of map[K]struct{}, many string, name func(K) string) string {
	if len(of) == 1 {
		return name(sortedKeys(of)[0])
	}
	return fmt.Sprintf("%d %s", len(of), many)
}

func percent(effect float64) string {
	p := effect * 100
	switch size := math.Abs(p); {
	case size >= 1000:
		return fmt.Sprintf("%+.0f %%", p)
	case size < 0.1:
		return fmt.Sprintf("%+.2f %%", p)
	default:
		return fmt.Sprintf("%+.1f %%", p)
	}
}

func (s *State) orderName(id uint32) string { return suite.DisplayOrder(s.orderValues[id]) }

// cut is a title as long as LNT's may be.
func cut(title string) string {
	if runes := []rune(title); len(runes) > maxTitle {
		return string(runes[:maxTitle]) + "..."
	}
	return strings.ToValidUTF8(title, "\uFFFD")
}
