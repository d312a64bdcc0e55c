package detector

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/sql"
)

const (
	// fewestMoved is how many series of a machine must move at one order, and at least half of those it has around there, to blame the machine.
	fewestMoved = 10
	// movedNear is how many orders beside it count as the same.
	movedNear = 1
	// sameElsewhere is the part of the series that must move on other machines at the same orders to acquit it.
	sameElsewhere = 4
)

// moving is a series' change without its machine.
type moving struct {
	metric    string
	testID    uint32
	direction event.Direction
}

func movingOf(f event.Finding) moving { return moving{f.Metric, f.TestID, f.Direction} }

// movedMachines finds orders at which a machine moved as a whole, and says of the changes there that the machine is their cause; unless
// the same tests move at the same orders elsewhere.
func (d *Detector) movedMachines(ctx context.Context, p progress, t *told) error {
	for _, m := range t.machines {
		standing := m.standing(t)
		for _, at := range m.changedPlaces(t) {
			cluster := lo.Filter(standing, func(f event.Finding, _ int) bool {
				place, ok := m.places[f.OrderID]
				return ok && max(place-at, at-place) <= movedNear
			})
			if err := d.blame(ctx, p, t, m, at, cluster); err != nil {
				return err
			}
		}
	}
	return nil
}

// standing are all findings of the machine that stand, as the slot leaves them.
func (m *machine) standing(t *told) []event.Finding {
	out := slices.Clone(t.standing[m.id])
	judged := lo.SliceToMap(m.picks, func(s pick) (pick, bool) { return s, true })
	for s, list := range m.known {
		if judged[s] {
			continue
		}
		for _, k := range list {
			if k.Active == 1 && k.MachineID == m.id {
				out = append(out, k.finding())
			}
		}
	}
	slices.SortFunc(out, func(a, b event.Finding) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return out
}

// changedPlaces are the machine's places at which something is told.
func (m *machine) changedPlaces(t *told) []int {
	var out []int
	for _, list := range t.changed {
		for _, f := range list {
			if at, ok := m.places[f.OrderID]; ok && f.MachineID == m.id {
				out = append(out, at)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// blame says of a cluster of changes whether the machine is their cause. What was said before stays while it is in doubt.
func (d *Detector) blame(ctx context.Context, p progress, t *told, m *machine, at int, cluster []event.Finding) error {
	blamed := slices.ContainsFunc(cluster, func(f event.Finding) bool { return f.Cause != "" })
	isMost, err := d.isMost(ctx, m, at, len(cluster))
	if err != nil {
		return err
	}
	if !isMost && (!blamed || len(cluster) >= fewestMoved) {
		return nil
	}
	cause := ""
	if isMost {
		elsewhere, err := d.elsewhere(ctx, p, t, m, at)
		if err != nil {
			return err
		}
		shared := lo.CountBy(cluster, func(f event.Finding) bool { return len(elsewhere[movingOf(f)]) > 0 })
		if shared*sameElsewhere < len(cluster) {
			cause = event.CauseMachine
		} else {
			for _, f := range cluster { // the other machine is not to blame, either
				for _, other := range elsewhere[movingOf(f)] {
					t.cause(other, "")
				}
			}
		}
	}
	for _, f := range cluster {
		t.cause(f, cause)
	}
	return nil
}

// isMost says that so many series are at least half of those that the machine has around a place. Those that came with the slot are few
// where a machine sends its series in several runs, or only some of them: they alone acquit, and do not blame.
func (d *Detector) isMost(ctx context.Context, m *machine, at, moved int) (bool, error) {
	if moved < fewestMoved || 2*moved < m.of {
		return false, nil
	}
	var seqs []uint64
	for _, o := range m.line[max(0, at-screenReach):min(len(m.line), at+screenReach+1)] {
		seqs = append(seqs, o.Seqs...)
	}
	type row struct {
		Series uint64 `ch:"series"`
	}
	most := 0
	for some := range slices.Chunk(seqs, runsPerStatement) { // as good as always one
		rows, err := store.Select[row](ctx, d.deps.Store, sql.MustQuery("detect_breadth"), store.Params{
			"database": m.Database, "suite": m.Suite, "machine_id": m.id, "seqs": some,
		})
		if err != nil {
			return false, err
		}
		for _, r := range rows {
			most = max(most, int(r.Series)) //nolint:gosec // a count
		}
	}
	return 2*moved >= most, nil
}

// cause sets what is said of a finding, and tells it when that is new.
func (t *told) cause(f event.Finding, cause string) {
	if at, ok := t.at[f.ID]; ok {
		f = t.changed[at.variant][at.index] // as it is told now
	}
	if f.Cause == cause || !f.Active {
		return
	}
	f.Cause = cause
	t.tell(t.plan.of(f.MachineID, f.Metric, f.TestID), f)
	for i := range t.standing[f.MachineID] {
		if t.standing[f.MachineID][i].ID == f.ID {
			t.standing[f.MachineID][i].Cause = cause
		}
	}
}

// elsewhere are the changes that other machines show around a place.
func (d *Detector) elsewhere(ctx context.Context, p progress, t *told, m *machine, at int) (map[moving][]event.Finding, error) {
	from, to := max(0, at-2*movedNear), min(len(m.line), at+2*movedNear+1)
	orders := make([]uint32, 0, to-from)
	for _, o := range m.line[from:to] {
		orders = append(orders, o.OrderID)
	}
	list, err := store.Select[known](ctx, d.deps.Store, sql.MustQuery("detect_elsewhere"), store.Params{
		"database": p.Database, "suite": p.Suite, "machine_id": m.id, "orders": orders,
		"detector": t.plan.role.detector, "shadow": lo.Ternary[uint8](t.plan.role.shadow, 1, 0),
	})
	if err != nil {
		return nil, err
	}
	byID := map[uuid.UUID]event.Finding{}
	for _, k := range list {
		byID[k.ID] = k.finding()
	}
	for _, others := range t.machines { // what this slot says of them is newer
		if others == m {
			continue
		}
		for _, f := range t.standing[others.id] {
			if slices.Contains(orders, f.OrderID) {
				byID[f.ID] = f
			}
		}
	}
	out := map[moving][]event.Finding{}
	for _, f := range byID {
		if at, ok := t.at[f.ID]; ok && !t.changed[at.variant][at.index].Active {
			continue
		}
		out[movingOf(f)] = append(out[movingOf(f)], f)
	}
	return out, nil
}
