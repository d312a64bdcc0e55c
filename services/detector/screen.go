package detector

import (
	"context"
	"maps"
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
	// machinesPerStatement and samplesPerScreen bound the machines that share a statement, and its memory.
	machinesPerStatement, samplesPerScreen = 500, 2_000_000
)

// renewedAt are the further distances at which findings are judged again: one more order says the less the more there are, and what says
// much the screen sees. Each is a quarter further than the one before.
var renewedAt = []int{10, 12, 15, 19, 24, 30, 38, 48}

// canBeScreened says that what came is near enough together, and that nothing went: a step that was hidden may be seen then, wherever it is.
func (m *machine) canBeScreened() bool {
	if len(m.touched) > mostScreened || slices.ContainsFunc(m.runs, func(r touchedRun) bool { return r.SampleCount == 0 }) {
		return false
	}
	m.window = m.look()
	return len(m.window.seqs) <= runsPerStatement
}

// screenRuns are what the screen reads of a machine: the positions of the runs on orders around the touched ones, and for each where its order
// stands among these, times four, with one more when it is touched and two when a step may be new there.
type screenRuns struct {
	seqs []uint64
	at   []uint32
	// isPart tells that the machine has further orders.
	isPart bool
}

func (m *machine) look() screenRuns {
	var w screenRuns
	distance := m.distances()
	place := uint32(0)
	for i, o := range m.line {
		if distance[i] > screenReach {
			w.isPart = true
			continue
		}
		place++
		at := 4*place + lo.Ternary[uint32](distance[i] == 0, 1, 0) + lo.Ternary[uint32](distance[i] <= screenNear, 2, 0)
		for _, seq := range o.Seqs {
			w.seqs, w.at = append(w.seqs, seq), append(w.at, at)
		}
	}
	return w
}

// windowSamples is about how many the window has.
func (m *machine) windowSamples() int {
	return len(m.window.seqs) * lo.Max(lo.Map(m.runs, func(r touchedRun, _ int) int { return int(r.SampleCount) }))
}

// screen picks the series of the machines that may hold a new step near the touched orders, and those with findings near them; and
// counts what was looked at. Planning a statement costs as much as a window of small runs, so machines share them.
func (d *Detector) screen(ctx context.Context, pl *plan, machines []*machine) error {
	for rest := machines; len(rest) > 0; {
		n, runs, samples := 0, 0, 0
		for n < len(rest) && n < machinesPerStatement {
			runs, samples = runs+len(rest[n].window.seqs), samples+rest[n].windowSamples()
			if n > 0 && (runs > runsPerStatement || samples > samplesPerScreen) {
				break
			}
			n++
		}
		if err := d.screenSome(ctx, pl, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

func (d *Detector) screenSome(ctx context.Context, pl *plan, machines []*machine) error {
	var all screenRuns
	var partial []uint32
	byID := map[uint32]*machine{}
	for _, m := range machines {
		all.seqs, all.at = append(all.seqs, m.window.seqs...), append(all.at, m.window.at...)
		if m.window.isPart {
			partial = append(partial, m.id)
		}
		byID[m.id] = m
	}
	type row struct {
		pick
		MachineID uint32 `ch:"machine_id"`
		Of        uint64 `ch:"of"`
	}
	least, effect, before, after := pl.weakest()
	rows, err := store.Select[row](ctx, d.deps.Store, sql.MustJob("detect_screen"), store.Params{
		"database": machines[0].Database, "suite": machines[0].Suite, "machine_ids": slices.Collect(maps.Keys(byID)), "partial": partial,
		"seqs": all.seqs, "at": all.at, "least": screenShare * least, "min_effect": effect, "min_before": before, "min_after": after,
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		m := byID[r.MachineID]
		m.picks, m.of = append(m.picks, r.pick), int(r.Of) //nolint:gosec // a count
	}
	for _, m := range machines {
		m.picks = lo.Uniq(append(m.picks, m.standingNearby()...))
	}
	return nil
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
