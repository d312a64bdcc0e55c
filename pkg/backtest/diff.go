package backtest

import (
	"cmp"
	"slices"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/event"
)

// Diff is what a finding is beside what stands.
type Diff string

// The diffs.
const (
	New   Diff = "new"   // found, and nothing stands there
	Lost  Diff = "lost"  // stands, and was not found
	Moved Diff = "moved" // found at another order nearby
	Same  Diff = "same"  // found where it stands
)

// Diffs are all of them.
func Diffs() []string { return []string{string(New), string(Lost), string(Moved), string(Same)} }

// Label is what people say of a change.
type Label int8

// The labels.
const (
	NotReal   Label = -1
	Unlabeled Label = 0
	Real      Label = 1
)

// Known is a change that stands, or that people dismissed.
type Known struct {
	ID              uuid.UUID `ch:"finding_id"`
	ChangeID        uint32    `ch:"change_id"`
	Metric          string    `ch:"metric"`
	TestID          uint32    `ch:"test_id"`
	OrderID         uint32    `ch:"order_id"`
	PreviousOrderID uint32    `ch:"previous_order_id"`
	Direction       string    `ch:"direction"`
	Kind            string    `ch:"kind"`
	Before          float64   `ch:"before"`
	After           float64   `ch:"after"`
	Spread          float64   `ch:"spread"`
	Effect          float64   `ch:"effect"`
	Statistic       float64   `ch:"statistic"`
	PValue          float64   `ch:"p_value"`
	Detector        string    `ch:"detector"`
	Dismissed       uint8     `ch:"dismissed"`
	// States are those of the regressions it is in.
	States []uint32 `ch:"states"`
}

// Label is what dismissal and triage say: a regression that somebody took up is real, one that was ignored is none,
// one that nobody looked at says nothing.
func (k Known) Label() Label {
	if k.Dismissed == 1 {
		return NotReal
	}
	label := Unlabeled
	for _, state := range k.States {
		switch uint8(state) { //nolint:gosec // it is one
		case event.StateStaged, event.StateActive, event.StateNotToBeFixed, event.StateFixed, event.StateVerify:
			return Real
		case event.StateIgnored:
			label = NotReal
		}
	}
	return label
}

// Row is a finding beside what stands: one of the two may be missing.
type Row struct {
	Diff  Diff
	Label Label
	detect.StoredRow
	// FindingID, ChangeID and FindingOrderID are of what stands; zero for none.
	FindingID      uuid.UUID
	ChangeID       uint32
	FindingOrderID uint32
	// MovedOrders is how many orders of the machine later it was found.
	MovedOrders int32
}

// pair is a finding that may be a known change.
type pair struct{ known, found, distance int }

// match compares what was found in one series with what is known of it. rank says where
// an order stands among the machine's, or false for one that is none of them; a found
// change is a known one when both go the same way and lie within margin orders. The
// nearest find each other first, and what stands goes before what was dismissed.
// Another detector's finding of a change that was found is not lost. realFound is how
// many of the real known changes were found.
func match(known []Known, found []detect.StoredRow, rank func(orderID uint32) (int, bool), margin int) (rows []Row, realFound int) {
	var pairs []pair
	for k := range known {
		at, ok := rank(known[k].OrderID)
		if !ok {
			continue
		}
		for f := range found {
			was, ok := rank(found[f].OrderID)
			if d := was - at; ok && max(d, -d) <= margin && known[k].Direction == found[f].Direction {
				pairs = append(pairs, pair{k, f, d})
			}
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(
			cmp.Compare(known[a.known].Dismissed, known[b.known].Dismissed),
			cmp.Compare(max(a.distance, -a.distance), max(b.distance, -b.distance)),
			cmp.Compare(a.found, b.found), cmp.Compare(a.known, b.known),
		)
	})
	takenBy := map[int]pair{} // by found
	foundAgain := map[int]bool{}
	for _, p := range pairs {
		if _, taken := takenBy[p.found]; !taken && !foundAgain[p.known] {
			takenBy[p.found], foundAgain[p.known] = p, true
		}
	}
	label := map[int]Label{} // by found
	for _, p := range pairs {
		by, taken := takenBy[p.found]
		if !taken || by.known != p.known && known[by.known].Detector == known[p.known].Detector {
			continue
		}
		foundAgain[p.known] = true
		if l := known[p.known].Label(); l != Unlabeled && label[p.found] != Real {
			label[p.found] = l
		}
	}
	rows = lo.Map(found, func(f detect.StoredRow, i int) Row {
		if p, ok := takenBy[i]; ok {
			row := again(known[p.known], f, p.distance)
			row.Label = label[i]
			return row
		}
		return Row{Diff: New, StoredRow: f}
	})
	for k := range known {
		switch {
		case !foundAgain[k] && known[k].Dismissed == 0:
			rows = append(rows, lost(known[k]))
		case foundAgain[k] && known[k].Label() == Real:
			realFound++
		}
	}
	return rows, realFound
}

// again is a finding of something known. What was dismissed does not stand: it would be new.
func again(k Known, f detect.StoredRow, distance int) Row {
	diff := Moved
	switch {
	case k.Dismissed == 1:
		diff = New
	case distance == 0:
		diff = Same
	}
	return Row{
		Diff: diff, StoredRow: f,
		FindingID: k.ID, ChangeID: k.ChangeID, FindingOrderID: k.OrderID, MovedOrders: int32(distance), //nolint:gosec // within the margin
	}
}

func lost(k Known) Row {
	return Row{
		Diff: Lost, Label: k.Label(),
		StoredRow: detect.StoredRow{
			Row: detect.Row{
				Direction: k.Direction, Kind: k.Kind, Before: k.Before, After: k.After, Spread: k.Spread, Effect: k.Effect,
				EffectLow: k.Effect, EffectHigh: k.Effect, Statistic: k.Statistic, PValue: k.PValue,
			},
			TestID: k.TestID, Metric: k.Metric, OrderID: k.OrderID, PreviousOrderID: k.PreviousOrderID,
		},
		FindingID: k.ID, ChangeID: k.ChangeID, FindingOrderID: k.OrderID,
	}
}
