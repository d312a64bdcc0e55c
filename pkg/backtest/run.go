package backtest

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/store"
	"tidemark/sql"
)

const (
	// MostKept bounds the rows of a backtest that can be read; the others are only counted.
	MostKept = 1_000_000
	// rowsPerInsert bounds what waits to be stored.
	rowsPerInsert = 20_000
)

// Judge hands what a detector finds in a selection to row, machine by machine, and tells progress after the last row of
// the series it counts: [detect.Stored].
type Judge func(ctx context.Context, sel detect.Selection, d detect.Detector, progress func(done, all uint64), row func(detect.StoredRow) error) error

// Stored judges what a store has.
func Stored(s *store.Store) Judge {
	return func(ctx context.Context, sel detect.Selection, d detect.Detector, progress func(done, all uint64), row func(detect.StoredRow) error) error {
		return detect.Stored(ctx, s, sel, d, false, progress, row)
	}
}

// Runner runs backtests.
type Runner struct {
	store *store.Store
	judge Judge
}

// NewRunner judges and keeps what comes of it in a store.
func NewRunner(s *store.Store, judge Judge) *Runner { return &Runner{s, judge} }

// Run runs the attempt that b's progress names. progress hears of the series; it is called by the goroutine that runs.
// When ctx ends, its error comes back, and what was stored so far is of no account.
func (r *Runner) Run(ctx context.Context, b Backtest, progress func(done, all uint64)) (Report, error) {
	w, err := r.open(ctx, b)
	if err != nil {
		return Report{}, err
	}
	sel := detect.Selection{
		Database: b.Database, Suite: b.Suite, MachineIDs: w.machines, Metrics: w.metrics, TestIDs: w.tests,
		FromOrder: b.Asked.SinceOrder, ToOrder: b.Asked.UntilOrder, UpTo: b.Asked.DataSeq,
	}
	err = r.judge(ctx, sel, w.detector, func(done, all uint64) {
		progress(done, all)
		w.settle()
	}, func(row detect.StoredRow) error { return w.take(ctx, row) })
	if err != nil {
		return Report{}, err
	}
	for len(w.machines) > 0 {
		if err := w.enter(ctx, w.machines[0]); err != nil {
			return Report{}, err
		}
	}
	if err := w.leave(ctx); err != nil {
		return Report{}, err
	}
	w.report.finish()
	return w.report, nil
}

// work is a backtest under way.
type work struct {
	store    *store.Store
	backtest Backtest
	detector detect.Detector
	metrics  []string
	tests    []uint32 // nil: all
	isTest   map[uint32]bool
	// machines are those that were not begun yet.
	machines []uint32
	// place says where an order stands in the suite, first and last bound where something counts.
	place       map[uint32]int
	first, last int

	// Of the machine that is under way: where its orders stand on it, what is known of its series, what was found
	// and not compared yet.
	machineID uint32
	rank      map[uint32]int
	known     map[series][]Known
	found     []detect.StoredRow

	report  Report
	number  uint64
	waiting []Row
}

type series struct {
	metric string
	testID uint32
}

func (r *Runner) open(ctx context.Context, b Backtest) (*work, error) {
	w := &work{store: r.store, backtest: b, first: 0, last: math.MaxInt}
	var err error
	if w.detector, err = detect.Resolve(b.Asked.Detector, b.Asked.Preset, b.Asked.Params); err != nil {
		return nil, err
	}
	sc, err := readScope(ctx, r.store, b.Database, b.Suite)
	if err != nil {
		return nil, err
	}
	w.metrics = sc.matchingMetrics(b.Asked.Metric)
	machines, all := matching(sc.machines, b.Asked.Machine)
	if all {
		machines = lo.Map(sc.machines, func(n named, _ int) uint32 { return n.ID })
	}
	slices.Sort(machines)
	w.machines = machines
	if tests, all := matching(sc.tests, b.Asked.Test); !all {
		w.tests = tests
		w.isTest = lo.SliceToMap(tests, func(id uint32) (uint32, bool) { return id, true })
	}
	w.place = make(map[uint32]int, len(sc.orders))
	for i, o := range sc.orders {
		w.place[o.ID] = i
	}
	if b.Asked.SinceOrder != 0 {
		w.first = w.place[b.Asked.SinceOrder]
	}
	if b.Asked.UntilOrder != 0 {
		w.last = w.place[b.Asked.UntilOrder]
	}
	return w, nil
}

// counts says whether something may be found at an order.
func (w *work) counts(orderID uint32) bool {
	at, ok := w.place[orderID]
	return ok && at >= w.first && at <= w.last
}

// take remembers a finding until its series is complete.
func (w *work) take(ctx context.Context, row detect.StoredRow) error {
	if row.MachineID != w.machineID {
		if err := w.enter(ctx, row.MachineID); err != nil {
			return err
		}
	}
	if w.counts(row.OrderID) {
		w.found = append(w.found, row)
	}
	if len(w.waiting) >= rowsPerInsert {
		return w.flush(ctx)
	}
	return nil
}

// enter ends the machine under way, and all that come before the next one without a finding.
func (w *work) enter(ctx context.Context, machineID uint32) error {
	for len(w.machines) > 0 {
		next := w.machines[0]
		if err := w.leave(ctx); err != nil {
			return err
		}
		w.machines = w.machines[1:]
		if err := w.begin(ctx, next); err != nil {
			return fmt.Errorf("machine %d: %w", next, err)
		}
		if next == machineID {
			return nil
		}
	}
	return fmt.Errorf("machine %d comes out of order", machineID)
}

// begin reads what is known of a machine.
func (w *work) begin(ctx context.Context, machineID uint32) error {
	w.machineID, w.rank, w.known = machineID, map[uint32]int{}, map[series][]Known{}
	orders, err := readOrders(ctx, w.store, w.backtest.Database, w.backtest.Suite, machineID)
	if err != nil {
		return err
	}
	for i, o := range orders {
		w.rank[o.ID] = i
	}
	known, err := store.Select[Known](ctx, w.store, sql.MustQuery("backtest_known"), store.Params{
		"database": w.backtest.Database, "suite": w.backtest.Suite, "machine_id": machineID, "metrics": w.metrics,
	})
	if err != nil {
		return err
	}
	for _, k := range known {
		if !w.counts(k.OrderID) || w.isTest != nil && !w.isTest[k.TestID] {
			continue
		}
		w.report.know(k)
		key := series{k.Metric, k.TestID}
		w.known[key] = append(w.known[key], k)
	}
	return nil
}

// settle compares what was found in series that are complete.
func (w *work) settle() {
	for len(w.found) > 0 {
		key := series{w.found[0].Metric, w.found[0].TestID}
		n := 1
		for n < len(w.found) && (series{w.found[n].Metric, w.found[n].TestID}) == key {
			n++
		}
		w.compare(key, w.found[:n])
		w.found = w.found[n:]
	}
	w.found = nil
}

func (w *work) compare(key series, found []detect.StoredRow) {
	rank := func(orderID uint32) (int, bool) {
		at, ok := w.rank[orderID]
		return at, ok
	}
	rows, realFound := match(w.known[key], found, rank, w.backtest.Asked.margin())
	delete(w.known, key)
	w.report.KnownRealFound += uint64(realFound) //nolint:gosec // a count
	for _, row := range rows {
		row.MachineID = w.machineID
		w.report.add(row)
		if w.report.Kept < MostKept {
			w.report.Kept++
			w.waiting = append(w.waiting, row)
		}
	}
}

// leave ends a machine: what is known of series in which nothing was found is lost.
func (w *work) leave(ctx context.Context) error {
	w.settle()
	keys := lo.Keys(w.known)
	slices.SortFunc(keys, func(a, b series) int { return cmp.Or(cmp.Compare(a.metric, b.metric), cmp.Compare(a.testID, b.testID)) })
	for _, key := range keys {
		w.compare(key, nil)
	}
	return w.flush(ctx)
}

// flush stores what waits.
func (w *work) flush(ctx context.Context) error {
	rows := w.waiting
	if len(rows) == 0 {
		return nil
	}
	first := w.number + 1
	w.number += uint64(len(rows))
	w.waiting = rows[:0]
	err := w.store.InsertColumns(ctx, "backtest_findings",
		column("database", rows, func(Row) string { return w.backtest.Database }),
		column("suite", rows, func(Row) string { return w.backtest.Suite }),
		column("backtest_id", rows, func(Row) uuid.UUID { return w.backtest.ID }),
		column("attempt", rows, func(Row) uint32 { return w.backtest.Progress.Attempt }),
		store.Column{Name: "number", Values: lo.RangeFrom(first, len(rows))},
		column("diff", rows, func(r Row) string { return string(r.Diff) }),
		column("label", rows, func(r Row) int8 { return int8(r.Label) }),
		column("machine_id", rows, func(r Row) uint32 { return r.MachineID }),
		column("metric", rows, func(r Row) string { return r.Metric }),
		column("test_id", rows, func(r Row) uint32 { return r.TestID }),
		column("order_id", rows, func(r Row) uint32 { return r.OrderID }),
		column("previous_order_id", rows, func(r Row) uint32 { return r.PreviousOrderID }),
		column("direction", rows, func(r Row) string { return r.Direction }),
		column("kind", rows, func(r Row) string { return r.Kind }),
		column("before", rows, func(r Row) float64 { return r.Before }),
		column("after", rows, func(r Row) float64 { return r.After }),
		column("spread", rows, func(r Row) float64 { return r.Spread }),
		column("effect", rows, func(r Row) float64 { return r.Effect }),
		column("effect_low", rows, func(r Row) float64 { return r.EffectLow }),
		column("effect_high", rows, func(r Row) float64 { return r.EffectHigh }),
		column("statistic", rows, func(r Row) float64 { return r.Statistic }),
		column("p_value", rows, func(r Row) float64 { return r.PValue }),
		column("finding_id", rows, func(r Row) uuid.UUID { return r.FindingID }),
		column("change_id", rows, func(r Row) uint32 { return r.ChangeID }),
		column("finding_order_id", rows, func(r Row) uint32 { return r.FindingOrderID }),
		column("moved_orders", rows, func(r Row) int32 { return r.MovedOrders }),
		column("created_at", rows, func(Row) time.Time { return w.backtest.AskedAt }),
	)
	if err != nil {
		return fmt.Errorf("keep findings [%d,%d): %w", first, w.number+1, err)
	}
	return nil
}

func column[T any](name string, rows []Row, value func(Row) T) store.Column {
	return store.Column{Name: name, Values: lo.Map(rows, func(r Row, _ int) T { return value(r) })}
}
