package detector

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"tidemark/pkg/detect"
	"tidemark/pkg/event"
)

const (
	// mostMoved is how many of the machine's orders may lie between a change and where it is found later.
	mostMoved = 3
	// mostGrown is the factor within which the effects of the same change lie.
	mostGrown = 2
	// alikeWithin is the relative difference of two answers to the same question: the order of additions.
	alikeWithin = 1e-9
)

// known is a finding of a series as the log last left it: standing, dismissed or withdrawn.
type known struct {
	ID              uuid.UUID `ch:"finding_id"`
	MachineID       uint32    `ch:"machine_id"`
	TestID          uint32    `ch:"test_id"`
	Metric          string    `ch:"metric"`
	OrderID         uint32    `ch:"order_id"`
	PreviousOrderID uint32    `ch:"previous_order_id"`
	Direction       string    `ch:"direction"`
	Kind            string    `ch:"kind"`
	Before          float64   `ch:"before"`
	After           float64   `ch:"after"`
	Spread          float64   `ch:"spread"`
	Effect          float64   `ch:"effect"`
	EffectLow       float64   `ch:"effect_low"`
	EffectHigh      float64   `ch:"effect_high"`
	Statistic       float64   `ch:"statistic"`
	PValue          float64   `ch:"p_value"`
	Cause           string    `ch:"cause"`
	Nth             uint8     `ch:"nth"`
	Active          uint8     `ch:"active"`
}

func (k *known) place() detect.Place {
	return detect.Place{MachineID: k.MachineID, TestID: k.TestID, Metric: k.Metric, OrderID: k.OrderID}
}

// finding is what is known in the words of the log.
func (k *known) finding() event.Finding {
	return event.Finding{
		MachineID: k.MachineID, TestID: k.TestID, Metric: k.Metric, OrderID: k.OrderID, PreviousOrderID: k.PreviousOrderID,
		Direction: event.Direction(k.Direction), Kind: event.Kind(k.Kind),
		Before: k.Before, After: k.After, Spread: k.Spread, Effect: k.Effect, EffectLow: k.EffectLow, EffectHigh: k.EffectHigh,
		Statistic: k.Statistic, PValue: k.PValue, Cause: k.Cause, Nth: k.Nth, Active: k.Active == 1, ID: k.ID,
	}
}

// series is what a reconciliation is about: one series of a machine, as one detector sees it.
type series struct {
	database, suite, detectorKey string
	machineID                    uint32
	// stands is where an order is among those of the machine.
	stands func(orderID uint32) (int, bool)
	// judged says of a known finding that was not found again whether it was looked for.
	judged func(*known) bool
}

// reconciled is what a series' findings are now.
type reconciled struct {
	// Changed are those to tell: new, moved or with other numbers, and those taken back.
	Changed []event.Finding
	// Standing are all that were found or are known to stand, as they are now.
	Standing []event.Finding
}

// reconcile tells what was found now from what is known. A known change that was found again, at its order or nearby in the same
// direction with a like effect, keeps its id; what was looked for and not found is taken back; what is as it was is not told.
func (s *series) reconcile(list []known, found []detect.StoredRow) reconciled {
	var out reconciled
	matches := s.match(list, found)
	taken := make(map[uuid.UUID]bool, len(list))
	for i := range list {
		taken[list[i].ID] = true
	}
	again := make(map[int]bool, len(matches))
	for i := range found {
		f := s.finding(&found[i])
		k, isKnown := matches[i]
		if isKnown {
			again[k] = true
			was := &list[k]
			f.ID, f.Nth, f.Cause = was.ID, was.Nth, was.Cause
			if was.Active == 1 && alike(was.finding(), f) {
				out.Standing = append(out.Standing, was.finding())
				continue
			}
		} else {
			s.name(&f, taken)
			taken[f.ID] = true
		}
		out.Changed = append(out.Changed, f)
		out.Standing = append(out.Standing, f)
	}
	for i := range list {
		k := &list[i]
		if again[i] || k.Active == 0 {
			continue
		}
		f := k.finding()
		if s.judged(k) {
			f.Active = false
			out.Changed = append(out.Changed, f)
			continue
		}
		out.Standing = append(out.Standing, f)
	}
	return out
}

// name gives a finding the id that follows from it, and the number that tells it from others that began at its place.
func (s *series) name(f *event.Finding, taken map[uuid.UUID]bool) {
	for {
		f.ID = f.IDOf(s.database, s.suite, s.detectorKey)
		if !taken[f.ID] || f.Nth == 255 {
			return
		}
		f.Nth++
	}
}

func (s *series) finding(r *detect.StoredRow) event.Finding {
	f := event.Finding{
		MachineID: r.MachineID, TestID: r.TestID, Metric: r.Metric, OrderID: r.OrderID, PreviousOrderID: r.PreviousOrderID,
		Direction: event.Direction(r.Direction), Kind: event.Kind(r.Kind),
		Before: r.Before, After: r.After, Spread: r.Spread, Effect: r.Effect, EffectLow: r.EffectLow, EffectHigh: r.EffectHigh,
		Statistic: r.Statistic, PValue: r.PValue, Active: true,
	}
	if f.PreviousOrderID == 0 { // nothing lies before the first order
		f.PreviousOrderID = f.OrderID
	}
	return f
}

// pair is a known finding that may be one that was found.
type pair struct {
	known, found int
	exact        bool // at the same order
	active       bool
	distance     int
}

// match says which known finding each found one is: the best pairs first, each finding once.
func (s *series) match(list []known, found []detect.StoredRow) map[int]int {
	var pairs []pair
	for k := range list {
		for f := range found {
			if p, ok := s.pair(&list[k], &found[f]); ok {
				p.known, p.found = k, f
				pairs = append(pairs, p)
			}
		}
	}
	rank := func(b bool) int {
		if b {
			return 0
		}
		return 1
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(
			cmp.Compare(rank(a.exact && a.active), rank(b.exact && b.active)), cmp.Compare(rank(a.active), rank(b.active)),
			cmp.Compare(rank(a.exact), rank(b.exact)), cmp.Compare(a.distance, b.distance),
			cmp.Compare(found[a.found].OrderID, found[b.found].OrderID), slices.Compare(list[a.known].ID[:], list[b.known].ID[:]),
		)
	})
	matched := map[int]int{}
	used := map[int]bool{}
	for _, p := range pairs {
		if _, has := matched[p.found]; has || used[p.known] {
			continue
		}
		matched[p.found], used[p.known] = p.known, true
	}
	return matched
}

// pair says whether a known finding may be the one that was found: that of the machine itself, in the same direction, at the same order,
// or with a like effect in orders that overlap, touch or nearly do.
func (s *series) pair(k *known, f *detect.StoredRow) (pair, bool) {
	p := pair{active: k.Active == 1, exact: k.OrderID == f.OrderID}
	if k.MachineID != s.machineID || k.Direction != f.Direction {
		return p, false
	}
	if p.exact {
		return p, true
	}
	kEnd, ok := s.stands(k.OrderID)
	if !ok { // its order has no run any more: it is after the one before
		kEnd, ok = s.stands(k.PreviousOrderID)
		kEnd++
	}
	fEnd, fOK := s.stands(f.OrderID)
	if !ok || !fOK || !likeSize(k, f) {
		return p, false
	}
	begin := func(order uint32, end int) int { // the first order of the range (previous, order]
		if at, ok := s.stands(order); ok && at < end {
			return at + 1
		}
		return end
	}
	kBegin, fBegin := begin(k.PreviousOrderID, kEnd), begin(f.PreviousOrderID, fEnd)
	gap := max(kBegin-fEnd, fBegin-kEnd) // 1 when they touch
	p.distance = max(kEnd-fEnd, fEnd-kEnd)
	return p, gap <= mostMoved
}

// likeSize compares the differences of the levels: effects relative to zero are no measure.
func likeSize(k *known, f *detect.StoredRow) bool {
	a, b := k.After-k.Before, f.After-f.Before
	a, b = max(a, -a), max(b, -b)
	return a <= mostGrown*b && b <= mostGrown*a
}

// alike says that two findings say the same.
func alike(a, b event.Finding) bool {
	near := func(x, y float64) bool { return x == y || max(x, y)-min(x, y) <= alikeWithin*max(x, -x, y, -y) }
	return a.OrderID == b.OrderID && a.PreviousOrderID == b.PreviousOrderID && a.Kind == b.Kind && a.Cause == b.Cause &&
		near(a.Before, b.Before) && near(a.After, b.After) && near(a.Spread, b.Spread) && near(a.Effect, b.Effect) &&
		near(a.EffectLow, b.EffectLow) && near(a.EffectHigh, b.EffectHigh) && near(a.Statistic, b.Statistic)
}
