package detector

import (
	"context"
	"slices"
	"strconv"

	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/sql"
)

const (
	// mostScreened is how many touched orders of a machine are looked at by the screen.
	mostScreened = 32
	// screenReach is how many orders around a touched one the screen reads on both sides, screenNear how far from it a step may be new.
	screenReach, screenNear = 24, 16
	// alwaysNear is how far from a touched order findings stand that are judged again every time.
	alwaysNear = 8
	// screenShare is the share of the detector's least strength that the screen asks for: it estimates the spread from few points, and
	// the detector's standard errors may be as small as 0.7 of those from the spread.
	screenShare = 0.6
	// runsPerStatement keeps a list below the server's bound on one parameter over HTTP, 128 KiB.
	runsPerStatement = 2000
)

// renewedAt are the further distances at which findings are judged again: one more order says the less the more there are, and what says
// much the screen sees. Each is a quarter further than the one before.
var renewedAt = []int{10, 12, 15, 19, 24, 30, 38, 48}

// screen gives the series of the machine that may hold a new step near the touched orders, and those with findings near them; and how many
// were looked at.
func (d *Detector) screen(ctx context.Context, pl *plan, m *machine) (picks []pick, of int, err error) {
	orders, near, seqs := m.window()
	if len(seqs) > runsPerStatement {
		picks, err = d.measured(ctx, m)
		return picks, len(picks), err
	}
	type row struct {
		pick
		Of uint64 `ch:"of"`
	}
	least, effect, before, after := pl.weakest()
	rows, err := store.Select[row](ctx, d.deps.Store, sql.MustJob("detect_screen"), store.Params{
		"database": m.Database, "suite": m.Suite, "machine_id": m.id, "seqs": seqs, "orders": orders, "touched": m.touched, "near": near,
		"is_all": lo.Ternary[uint8](len(orders) == len(m.line), 1, 0),
		"least":  screenShare * least, "min_effect": effect, "min_before": before, "min_after": after,
	})
	if err != nil {
		return nil, 0, err
	}
	for _, r := range rows {
		picks, of = append(picks, r.pick), int(r.Of) //nolint:gosec // a count
	}
	return lo.Uniq(append(picks, m.standingNearby()...)), of, nil
}

// window are the orders that the screen reads, those of them at which a step may be new, and the positions of the runs.
func (m *machine) window() (orders, near []uint32, seqs []uint64) {
	distance := m.distances()
	for i, o := range m.line {
		if distance[i] > screenReach {
			continue
		}
		orders, seqs = append(orders, o.OrderID), append(seqs, o.Seqs...)
		if distance[i] <= screenNear {
			near = append(near, o.OrderID)
		}
	}
	return orders, near, seqs
}

// distances are how far each of the machine's orders is from the nearest touched one.
func (m *machine) distances() []int {
	out := make([]int, len(m.line))
	last := -len(m.line) - screenReach - 1
	for i, o := range m.line {
		if slices.Contains(m.touched, o.OrderID) {
			last = i
		}
		out[i] = i - last
	}
	last = 2*len(m.line) + screenReach + 1
	for i := len(m.line) - 1; i >= 0; i-- {
		if out[i] == 0 {
			last = i
		}
		out[i] = min(out[i], last-i)
	}
	return out
}

// standingNearby are the series with findings that new data may move, renew or contradict.
func (m *machine) standingNearby() []pick {
	touched := lo.FilterMap(m.touched, func(o uint32, _ int) (int, bool) { place, ok := m.places[o]; return place, ok })
	renewed := func(place int) bool {
		return slices.ContainsFunc(touched, func(t int) bool {
			distance := max(place-t, t-place)
			return distance <= alwaysNear || slices.Contains(renewedAt, distance)
		})
	}
	var out []pick
	for s, list := range m.known {
		if slices.ContainsFunc(list, func(k known) bool {
			place, ok := m.places[k.OrderID]
			return k.Active == 1 && (!ok || renewed(place))
		}) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, comparePicks)
	return out
}

// weakest are the parameters with which the detector sees most, over all its rules.
func (pl *plan) weakest() (least, effect float64, before, after uint64) {
	of := func(name string) float64 {
		return lo.Min(lo.Map(pl.all(), func(v *variant, _ int) float64 {
			n, _ := strconv.ParseFloat(v.Values[name], 64) // checked when it was resolved
			return n
		}))
	}
	return of("min_t"), of("min_effect"), uint64(of("min_before")), uint64(of("min_after"))
}
