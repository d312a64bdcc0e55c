package detector

import (
	"context"
	"fmt"
	"slices"

	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// touchedRun is a run the job has not looked at yet.
type touchedRun struct {
	Seq         uint64 `ch:"seq"`
	MachineID   uint32 `ch:"machine_id"`
	SampleCount uint32 `ch:"sample_count"`
}

// place is an order of a machine in the stretch to read.
type place struct {
	OrderID  uint32   `ch:"order_id"`
	Place    uint32   `ch:"place"`
	Seqs     []uint64 `ch:"seqs"`
	IsJudged uint8    `ch:"is_judged"`
}

// step is a row of detect_steps and of detect_known.
type step struct {
	MachineID       uint32  `ch:"machine_id"`
	Metric          string  `ch:"metric"`
	TestID          uint32  `ch:"test_id"`
	OrderID         uint32  `ch:"order_id"`
	PreviousOrderID uint32  `ch:"previous_order_id"`
	Direction       string  `ch:"direction"`
	Kind            string  `ch:"kind"`
	Before          float64 `ch:"level_before"`
	After           float64 `ch:"level_after"`
	Spread          float64 `ch:"spread"`
	Effect          float64 `ch:"effect"`
	Statistic       float64 `ch:"statistic"`
	PValue          float64 `ch:"p_value"`
}

// seriesOrder is what makes a step the same step.
type seriesOrder struct {
	metric    string
	testID    uint32
	orderID   uint32
	direction string
}

func (s step) key() seriesOrder {
	return seriesOrder{metric: s.Metric, testID: s.TestID, orderID: s.OrderID, direction: s.Direction}
}

// judge looks at what came to one suite since p. It returns the position it
// reached and how many findings it appended.
func (d *Detector) judge(ctx context.Context, p progress) (to uint64, found int, err error) {
	runs, err := store.Select[touchedRun](ctx, d.deps.Store, sql.MustQuery("detect_touched"), store.Params{
		"database": p.Database, "suite": p.Suite, "from_seq": p.SeenSeq, "to_seq": p.DataSeq,
	})
	if err != nil {
		return 0, 0, err
	}
	runs, p.DataSeq = portion(runs, p.DataSeq, d.cfg.SlotSamples)
	if len(runs) == 0 {
		return p.DataSeq, 0, nil
	}
	bigger, err := d.biggerIsBetter(ctx, p)
	if err != nil {
		return 0, 0, err
	}
	byMachine := lo.GroupBy(runs, func(r touchedRun) uint32 { return r.MachineID })
	machines := lo.Keys(byMachine)
	slices.Sort(machines)
	for _, id := range machines {
		m := machine{progress: p, id: id, bigger: bigger, samplesPerRun: mean(byMachine[id])}
		n, err := d.machine(ctx, m)
		if err != nil {
			return 0, found, fmt.Errorf("machine %d: %w", id, err)
		}
		found += n
	}
	return p.DataSeq, found, nil
}

// portion takes the oldest runs with at most so many samples, one run at least,
// and says how far they reach. What is left out waits for the next slot, so that
// a long history is worked off however long it takes.
func portion(runs []touchedRun, last uint64, most int) ([]touchedRun, uint64) {
	samples := 0
	for i, r := range runs {
		if samples += int(r.SampleCount); samples > most && i > 0 {
			return runs[:i], runs[i-1].Seq
		}
	}
	return runs, last
}

// machine is a machine with runs to look at.
type machine struct {
	progress
	id            uint32
	bigger        []string
	samplesPerRun int
}

func mean(runs []touchedRun) int {
	return int(lo.SumBy(runs, func(r touchedRun) uint64 { return uint64(r.SampleCount) })) / len(runs) //nolint:gosec // bounded by bodies
}

func (d *Detector) biggerIsBetter(ctx context.Context, p progress) ([]string, error) {
	type row struct {
		Names []string `ch:"bigger_is_better"`
	}
	rows, err := store.Select[row](ctx, d.deps.Store, sql.MustQuery("detect_schema"), store.Params{
		"database": p.Database, "suite": p.Suite,
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0].Names, nil
}

// machine judges the touched stretches of one machine and appends what changed.
func (d *Detector) machine(ctx context.Context, m machine) (int, error) {
	places, err := store.Select[place](ctx, d.deps.Store, sql.MustQuery("detect_neighbourhood"), store.Params{
		"database": m.Database, "suite": m.Suite, "machine_id": m.id, "from_seq": m.SeenSeq, "to_seq": m.DataSeq,
		"reach": d.cfg.Steps.reach(),
	})
	if err != nil {
		return 0, err
	}
	known, err := store.Select[step](ctx, d.deps.Store, sql.MustQuery("detect_known"), store.Params{
		"database": m.Database, "suite": m.Suite, "machine_id": m.id, "detector": d.job.Header["detector"],
	})
	if err != nil {
		return 0, err
	}
	var steps []step
	for _, stretch := range stretches(places, int(d.cfg.Steps.reach()), d.ordersPerBatch(m, places)) {
		some, err := d.steps(ctx, m, stretch)
		if err != nil {
			return 0, err
		}
		steps = append(steps, some...)
	}
	findings := changes(m, places, known, steps)
	return len(findings), d.append(ctx, m, findings)
}

// runsPerStatement keeps the lists of a statement below the server's bound on one
// parameter over HTTP, 128 KiB.
const runsPerStatement = 2000

func (d *Detector) ordersPerBatch(m machine, places []place) int {
	runs := min(d.cfg.BatchSamples/max(1, m.samplesPerRun), runsPerStatement)
	runsPerOrder := lo.Max(lo.Map(places, func(p place, _ int) int { return len(p.Seqs) }))
	return max(1, runs/max(1, runsPerOrder))
}

// steps runs the detector on one stretch.
func (d *Detector) steps(ctx context.Context, m machine, stretch []place) ([]step, error) {
	s := d.cfg.Steps
	return store.Select[step](ctx, d.deps.Store, d.job, store.Params{
		"database": m.Database, "suite": m.Suite, "machine_id": m.id,
		"orders":           lo.Map(stretch, func(p place, _ int) uint32 { return p.OrderID }),
		"places":           lo.Map(stretch, func(p place, _ int) uint32 { return p.Place }),
		"judged":           lo.Map(stretch, func(p place, _ int) uint8 { return p.IsJudged }),
		"seqs":             lo.FlatMap(stretch, func(p place, _ int) []uint64 { return p.Seqs }),
		"window":           s.Window,
		"peak":             s.Peak,
		"gaps":             s.Gaps,
		"min_before":       s.MinBefore,
		"min_after":        s.MinAfter,
		"max_p_value":      s.MaxPValue,
		"min_effect":       s.MinEffect,
		"min_sigmas":       s.MinSigmas,
		"bigger_is_better": m.bigger,
	})
}

// stretches cuts places so that each piece judges about size orders and reads
// reach more on either side. Every judged order is judged in exactly one piece.
func stretches(places []place, reach, size int) [][]place {
	var out [][]place
	for from := 0; from < len(places); from += size {
		to := min(from+size, len(places))
		if !slices.ContainsFunc(places[from:to], func(p place) bool { return p.IsJudged == 1 }) {
			continue
		}
		first, last := max(0, from-reach), min(len(places), to+reach)
		piece := slices.Clone(places[first:last])
		for i := range piece {
			if at := first + i; at < from || at >= to {
				piece[i].IsJudged = 0
			}
		}
		out = append(out, piece)
	}
	return out
}

// changes are the findings that are new or differ from what stands, and those
// that stood at a judged order and were not found again.
func changes(m machine, places []place, known, steps []step) []event.Finding {
	standing := lo.KeyBy(known, step.key)
	found := lo.KeyBy(steps, step.key)
	judged := lo.SliceToMap(places, func(p place) (uint32, bool) { return p.OrderID, p.IsJudged == 1 })
	var out []event.Finding
	for _, s := range steps {
		if before, ok := standing[s.key()]; !ok || !alike(before, s) {
			out = append(out, m.finding(s, true))
		}
	}
	for _, s := range known {
		if _, again := found[s.key()]; !again && judged[s.OrderID] {
			out = append(out, m.finding(s, false))
		}
	}
	return out
}

// alike says that two answers to the same question differ by no more than the
// order of the additions.
func alike(a, b step) bool {
	near := func(x, y float64) bool { return x == y || max(x, y)-min(x, y) <= 1e-9*max(x, -x, y, -y) }
	return a.PreviousOrderID == b.PreviousOrderID && near(a.Before, b.Before) && near(a.After, b.After) && near(a.Statistic, b.Statistic)
}
