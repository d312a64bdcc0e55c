package detector

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// touchedRun is a run the job has not looked at yet, or one that went.
type touchedRun struct {
	Seq         uint64 `ch:"seq"`
	MachineID   uint32 `ch:"machine_id"`
	OrderID     uint32 `ch:"order_id"`
	SampleCount uint32 `ch:"sample_count"`
	RunSeq      uint64 `ch:"run_seq"`
}

// pick is a series of a machine.
type pick struct {
	Metric string `ch:"metric"`
	TestID uint32 `ch:"test_id"`
}

// machine is a machine with series to judge.
type machine struct {
	progress
	id      uint32
	line    detect.Line
	places  map[uint32]int // of the orders in line
	window  screenRuns     // what the screen reads
	runs    []touchedRun
	touched []uint32 // orders; empty when all is judged
	// picks are the series to judge, of is how many a slot looked at for them.
	picks []pick
	of    int
	known map[pick][]known
}

// judgeSeries looks at what came to a suite as one role does. It returns the position it reached and how many findings it appended.
func (d *Detector) judgeSeries(ctx context.Context, p progress, r role, of suiteRules) (to uint64, found int, err error) {
	runs, err := d.touchedRuns(ctx, p)
	if err != nil {
		return 0, 0, err
	}
	runs, p.DataSeq = portion(runs, p.DataSeq, d.cfg.SlotSamples)
	if len(runs) == 0 {
		return p.DataSeq, 0, nil
	}
	pl, err := d.newPlan(ctx, p, r, of.rules)
	if err != nil {
		return 0, 0, err
	}
	byMachine := lo.GroupBy(runs, func(r touchedRun) uint32 { return r.MachineID })
	all, err := d.newMachines(ctx, p, pl, slices.Sorted(maps.Keys(byMachine)), byMachine)
	if err != nil {
		return 0, 0, err
	}
	machines := lo.Reject(all, func(m *machine, _ int) bool { return m.isBulk(d.cfg.Full.Bulk) })
	if len(machines) < len(all) {
		d.bulk[fullKey{p.Database, p.Suite, r}] = true
	}
	if err := d.pickSeries(ctx, pl, machines); err != nil {
		return 0, 0, err
	}
	found, err = d.judgeMachines(ctx, p, pl, machines)
	return p.DataSeq, found, err
}

// touchedRuns are the runs that came to a suite, or went from it or to another of its machines, since the job looked last; oldest first.
func (d *Detector) touchedRuns(ctx context.Context, p progress) ([]touchedRun, error) {
	read := func(query string) ([]touchedRun, error) {
		return store.Select[touchedRun](ctx, d.deps.Store, sql.MustQuery(query), store.Params{
			"database": p.Database, "suite": p.Suite, "from_seq": p.SeenSeq, "to_seq": p.DataSeq,
		})
	}
	runs, err := read("detect_touched")
	if err != nil {
		return nil, err
	}
	came := lo.Filter(runs, func(r touchedRun, _ int) bool { return r.MachineID != 0 })
	if len(came) == len(runs) {
		return came, nil
	}
	withdrawn, err := read("detect_withdrawn")
	if err != nil {
		return nil, err
	}
	both := slices.Concat(came, withdrawn)
	slices.SortFunc(both, func(a, b touchedRun) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.MachineID, b.MachineID), cmp.Compare(a.OrderID, b.OrderID), cmp.Compare(a.RunSeq, b.RunSeq))
	})
	return both, nil
}

// portion takes the oldest runs with at most so many samples, one run at least,
// and says how far they reach. What is left out waits for the next slot, so that
// a long history is worked off however long it takes.
func portion(runs []touchedRun, last uint64, most int) ([]touchedRun, uint64) {
	samples := 0
	for i, r := range runs {
		if samples += int(r.SampleCount); samples > most && i > 0 && r.Seq != runs[i-1].Seq {
			return runs[:i], runs[i-1].Seq
		}
	}
	return runs, last
}

// newMachines reads the machines' orders and what is known of their series.
func (d *Detector) newMachines(ctx context.Context, p progress, pl *plan, ids []uint32, runs map[uint32][]touchedRun) ([]*machine, error) {
	lines, err := detect.LinesOf(ctx, d.deps.Store, pl.data, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[uint32]*machine, len(ids))
	out := lo.Map(ids, func(id uint32, _ int) *machine {
		m := &machine{progress: p, id: id, line: lines[id], runs: runs[id], places: map[uint32]int{}, known: map[pick][]known{}}
		for i, o := range m.line {
			m.places[o.OrderID] = i
		}
		m.touched = lo.Uniq(lo.Map(m.runs, func(r touchedRun, _ int) uint32 { return r.OrderID }))
		byID[id] = m
		return m
	})
	type row struct {
		known
		TargetID uint32 `ch:"target_id"`
	}
	for _, some := range lo.Chunk(ids, machinesPerStatement) {
		list, err := store.Select[row](ctx, d.deps.Store, sql.MustQuery("detect_known"), store.Params{
			"database": p.Database, "suite": p.Suite, "machine_ids": some, "detector": pl.role.detector, "shadow": lo.Ternary[uint8](pl.role.shadow, 1, 0),
		})
		if err != nil {
			return nil, err
		}
		for _, k := range list {
			key := pick{k.Metric, k.TestID}
			byID[k.TargetID].known[key] = append(byID[k.TargetID].known[key], k.known)
		}
	}
	return out, nil
}

// isBulk says that judging the machine's touched blocks is too much for a slot: then the pass over everything does it.
func (m *machine) isBulk(most int) bool {
	const blocks = 700 // orders of a block in the mean with its margins, and half as many again
	samples := lo.Max(lo.Map(m.runs, func(r touchedRun, _ int) int { return int(r.SampleCount) }))
	return len(m.touched) > mostScreened && samples*min(len(m.line), max(blocks, len(m.touched))) > most
}

// pickSeries says which series of the machines are judged.
func (d *Detector) pickSeries(ctx context.Context, pl *plan, machines []*machine) error {
	var screened []*machine
	for _, m := range machines {
		if pl.role.detector == detect.Default && m.canBeScreened() {
			screened = append(screened, m)
			continue
		}
		var err error
		if m.picks, err = d.measured(ctx, m); err != nil {
			return fmt.Errorf("machine %d: %w", m.id, err)
		}
		m.of = len(m.picks)
	}
	if err := d.screen(ctx, pl, screened); err != nil {
		return err
	}
	for _, m := range machines {
		m.picks = lo.Filter(m.picks, func(s pick, _ int) bool { return pl.of(m.id, s.Metric, s.TestID) != nil })
	}
	return nil
}

// measured are the series with a value in the touched runs.
func (d *Detector) measured(ctx context.Context, m *machine) ([]pick, error) {
	seqs := lo.Uniq(lo.Map(m.runs, func(r touchedRun, _ int) uint64 { return r.RunSeq }))
	if len(seqs) > runsPerStatement {
		seqs = nil
	}
	return store.Select[pick](ctx, d.deps.Store, sql.MustQuery("detect_series"), store.Params{
		"database": m.Database, "suite": m.Suite, "machine_id": m.id, "seqs": seqs,
	})
}

// judgeMachines judges what was picked, tells what changed and appends it.
func (d *Detector) judgeMachines(ctx context.Context, p progress, pl *plan, machines []*machine) (int, error) {
	rows := map[uint32]map[pick][]detect.StoredRow{}
	missing := map[detect.Place]bool{} // known places in blocks that are not judged
	for _, v := range pl.all() {
		sel := pl.data
		sel.Parts = lo.FilterMap(machines, func(m *machine, _ int) (detect.Part, bool) { return m.part(pl, v) })
		if len(sel.Parts) == 0 {
			continue
		}
		if err := detect.Stored(ctx, d.deps.Store, sel, v.Detector, false, nil, func(r detect.StoredRow) error {
			if rows[r.MachineID] == nil {
				rows[r.MachineID] = map[pick][]detect.StoredRow{}
			}
			key := pick{r.Metric, r.TestID}
			rows[r.MachineID][key] = append(rows[r.MachineID][key], r)
			return nil
		}); err != nil {
			return 0, err
		}
		if err := d.notJudged(ctx, pl, sel, v, machines, rows, missing); err != nil {
			return 0, err
		}
	}
	changes := newTold(pl)
	for _, m := range machines {
		s := series{
			database: p.Database, suite: p.Suite, detectorKey: pl.role.key(), machineID: m.id,
			stands: func(order uint32) (int, bool) { at, ok := m.places[order]; return at, ok },
			judged: func(k *known) bool { return !missing[m.placeOf(k)] },
		}
		for _, key := range m.picks {
			changes.add(m, key, s.reconcile(m.known[key], rows[m.id][key]))
		}
	}
	if err := d.movedMachines(ctx, p, changes); err != nil {
		return 0, err
	}
	return changes.count(), d.append(ctx, p, pl, changes)
}

// part is what of a machine is judged in one way.
func (m *machine) part(pl *plan, v *variant) (detect.Part, bool) {
	part := detect.Part{MachineID: m.id, Tests: map[string][]uint32{}, Touched: m.touched, Line: m.line}
	for _, s := range m.picks {
		if pl.of(m.id, s.Metric, s.TestID) == v {
			part.Tests[s.Metric] = append(part.Tests[s.Metric], s.TestID)
		}
	}
	return part, len(part.Tests) > 0
}

// placeOf is where a known finding is now: on the machine that its own was merged into.
func (m *machine) placeOf(k *known) detect.Place {
	p := k.place()
	p.MachineID = m.id
	return p
}

// notJudged adds the known places that lie in blocks which nobody looked at. A series whose machine has one block is judged whole, and what
// was found again was looked at: asking costs as much as reading the points.
func (d *Detector) notJudged(
	ctx context.Context, pl *plan, sel detect.Selection, v *variant, machines []*machine, rows map[uint32]map[pick][]detect.StoredRow, missing map[detect.Place]bool,
) error {
	var ask []detect.Place
	for _, m := range machines {
		if len(m.touched) == 0 || len(m.line.Cuts()) == 0 {
			continue
		}
		for _, s := range m.picks {
			if pl.of(m.id, s.Metric, s.TestID) != v {
				continue
			}
			for i := range m.known[s] {
				k := &m.known[s][i]
				isFound := slices.ContainsFunc(rows[m.id][s], func(r detect.StoredRow) bool { return r.OrderID == k.OrderID })
				if k.Active == 1 && !isFound {
					ask = append(ask, m.placeOf(k))
				}
			}
		}
	}
	judged, err := detect.Judged(ctx, d.deps.Store, sel, v.Detector, ask)
	if err != nil {
		return err
	}
	for place, is := range judged {
		if !is {
			missing[place] = true
		}
	}
	return nil
}

// told is what a slot has to say, and what then stands.
type told struct {
	plan    *plan
	changed map[*variant][]event.Finding
	// machines are those judged; standing is what stands of their judged series.
	machines []*machine
	standing map[uint32][]event.Finding
	at       map[change]position // where changed findings are
}

// change names a finding: its id, which no other has.
type change = [16]byte

type position struct {
	variant *variant
	index   int
}

func newTold(pl *plan) *told {
	return &told{plan: pl, changed: map[*variant][]event.Finding{}, standing: map[uint32][]event.Finding{}, at: map[change]position{}}
}

func (t *told) add(m *machine, key pick, r reconciled) {
	if len(t.machines) == 0 || t.machines[len(t.machines)-1] != m {
		t.machines = append(t.machines, m)
	}
	for _, f := range r.Changed {
		t.tell(t.plan.of(m.id, key.Metric, key.TestID), f)
	}
	t.standing[m.id] = append(t.standing[m.id], r.Standing...)
}

// tell puts a finding among those to say, in place of what was to be said of it.
func (t *told) tell(v *variant, f event.Finding) {
	if at, ok := t.at[f.ID]; ok {
		t.changed[at.variant][at.index] = f
		return
	}
	t.at[f.ID] = position{v, len(t.changed[v])}
	t.changed[v] = append(t.changed[v], f)
}

func (t *told) count() int {
	return lo.SumBy(slices.Collect(maps.Values(t.changed)), func(list []event.Finding) int { return len(list) })
}

// variants are those with something to say, in an order that hangs on them alone.
func (t *told) variants() []*variant {
	list := slices.Collect(maps.Keys(t.changed))
	slices.SortFunc(list, func(a, b *variant) int {
		if a == nil || b == nil {
			return cmp.Compare(lo.Ternary(a == nil, 0, 1), lo.Ternary(b == nil, 0, 1))
		}
		return slices.Compare(a.params, b.params)
	})
	return list
}
