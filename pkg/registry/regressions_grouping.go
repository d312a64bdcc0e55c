package registry

import (
	"cmp"
	"slices"

	"tidemark/pkg/event"
	"tidemark/pkg/suite"
)

// Bounds of what one event may cost, however many changes are to be looked after. Beyond the first, a change gets a regression of its
// own without being compared; beyond the second, names are alike only when they are equal.
const (
	// maxComparisons is how many pairs of changes one event compares. A busy suite has a few thousand candidates, and the first ones
	// match.
	maxComparisons = 1_000_000
	// maxSimilarities is how many pairs of names one event measures, at about ten microseconds each.
	maxSimilarities = 20_000
)

// enough is how sure LNT wants to be that two changes belong together: similarity of the machines' names, plus that of the tests'
// names, plus 1 for the same metric.
const enough = 2.0

// file finds a regression for a new change by LNT's rule, or opens one: the first change of a regression in state Detected or Verify,
// in the order in which they were added, whose orders overlap and that is alike enough.
func (f *filing) file(change *FindingRow) {
	if f.candidates == nil {
		f.candidates = f.newCandidates()
	}
	if r := f.candidates.home(change); r != nil {
		f.add(r, change.ChangeID)
		f.untitled[r.ID] = true // titles name all changes: one for all that this event files
		f.candidates.append(change, r)
		return
	}
	f.candidates.append(change, f.open("", "", event.StateDetected, []uint32{change.ChangeID}))
}

// candidate is a change in a regression that takes more in.
type candidate struct {
	change     *FindingRow
	regression *RegressionRow
	added      uint64
}

// span is a stretch of history by the sort keys of its ends.
type span struct{ start, end string }

// overlaps says that two stretches are the same or have something in common besides an end.
func (a span) overlaps(b span) bool {
	return a == b || a.start < b.end && b.start < a.end
}

type candidates struct {
	state *State
	all   []candidate
	// near are those of the first seen of all that overlap at: the changes of one run have the same orders.
	near []candidate
	at   span
	seen int
	keys map[uint32]string
	// alike remembers what was measured.
	alike                     map[[2]string]float64
	comparisons, similarities int
}

func (s *State) newCandidates() *candidates {
	c := &candidates{state: s, keys: map[uint32]string{}, alike: map[[2]string]float64{}}
	for _, r := range s.changes.regressions {
		if !ruledByLNT(r) || r.State != event.StateDetected && r.State != event.StateVerify {
			continue
		}
		for i, id := range r.ChangeIDs {
			c.all = append(c.all, candidate{s.changes.change(id), r, r.Added[i]})
		}
	}
	slices.SortFunc(c.all, func(a, b candidate) int { return cmp.Compare(a.added, b.added) })
	return c
}

func (c *candidates) append(change *FindingRow, r *RegressionRow) {
	c.all = append(c.all, candidate{change: change, regression: r})
}

// home is the regression that the change belongs to; nil for none.
func (c *candidates) home(change *FindingRow) *RegressionRow {
	c.approach(c.span(change))
	for _, other := range c.near {
		if c.comparisons++; c.comparisons > maxComparisons {
			return nil
		}
		if c.match(other.change, change) && slices.Contains(c.state.changes.in[other.change.ChangeID], other.regression.ID) {
			return other.regression
		}
	}
	return nil
}

// approach makes near complete for a stretch of history.
func (c *candidates) approach(at span) {
	if at != c.at || c.seen == 0 {
		c.near, c.seen, c.at = c.near[:0], 0, at
	}
	for ; c.seen < len(c.all); c.seen++ {
		if c.span(c.all[c.seen].change).overlaps(at) {
			c.near = append(c.near, c.all[c.seen])
		}
	}
}

func (c *candidates) span(f *FindingRow) span {
	return span{c.key(f.PreviousOrderID), c.key(f.OrderID)}
}

func (c *candidates) key(orderID uint32) string {
	key, ok := c.keys[orderID]
	if !ok {
		key = suite.SortKey(c.state.orderValues[orderID]...)
		c.keys[orderID] = key
	}
	return key
}

func (c *candidates) match(a, b *FindingRow) bool {
	sameMachine := a.MachineID == b.MachineID || c.machineName(a) == c.machineName(b)
	sameTest := a.TestID == b.TestID
	switch {
	case sameMachine && sameTest:
		return true
	case a.Metric != b.Metric:
		return false // two names that differ are never wholly alike
	case sameMachine || sameTest:
		return true
	default:
		names := c.state.testNames()
		return c.similarity(c.machineName(a), c.machineName(b))+c.similarity(names[a.TestID], names[b.TestID])+1 >= enough
	}
}

func (c *candidates) machineName(f *FindingRow) string { return c.state.machines[f.MachineID].name }

func (c *candidates) similarity(a, b string) float64 {
	if known, ok := c.alike[[2]string{a, b}]; ok {
		return known
	}
	if c.similarities++; c.similarities > maxSimilarities {
		return 0
	}
	alike := similarity(a, b)
	c.alike[[2]string{a, b}] = alike
	return alike
}
