package api

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/store"
	"tidemark/sql"
)

// reads are the questions the service asks, one method each. Lists call back row by row, in the
// order that the query's file promises, so that large answers are encoded as they arrive.
type reads interface {
	Schema(ctx context.Context, k key) (encoded string, found bool, err error)
	Suites(ctx context.Context, database string) ([]string, error)
	Position(ctx context.Context, k key) (at position, err error)
	Machines(ctx context.Context, k key, each func(machineRow) error) error
	Machine(ctx context.Context, k key, id uint32, name string) ([]machineRow, error)
	MachineRuns(ctx context.Context, k key, machineID uint32, each func(runRow) error) error
	Runs(ctx context.Context, k key, ids []uint32) ([]runDetail, error)
	SampleRun(ctx context.Context, k key, sampleID uint64) (samplePlace, bool, error)
	RunParts(ctx context.Context, k key, seqs []uint64, each func(seq uint64, run *store.LedgerRun) error) error
	RunTests(ctx context.Context, k key, seqs []uint64, each func(testRow) error) error
	Order(ctx context.Context, k key, id uint32) (values string, found bool, err error)
	Tests(ctx context.Context, k key, each func(testRow) error) error
	Test(ctx context.Context, k key, id uint32, name string) ([]testRow, error)
	Graph(ctx context.Context, q graphQuery, each func(graphRow) error) error
	GraphTexts(ctx context.Context, q graphQuery, each func(graphRow) error) error
	regressionReads
	Series(ctx context.Context, q seriesQuery) ([]seriesRow, error)
	findingReads
	triagedReads
	ruleReads
	whyReads
	shadowReads
	lookupReads
	Receipt(ctx context.Context, k key, id uuid.UUID) (receiptRow, bool, error)
	Receipts(ctx context.Context, k key, q receiptQuery) ([]receiptRow, error)
	noiseReads
	backtestReads
	signalReads
}

// machineRow is a machine. Fields and Params are JSON objects.
type machineRow struct {
	ID     uint32 `ch:"machine_id"`
	Name   string `ch:"name"`
	Fields string `ch:"fields_json"`
	Params string `ch:"params"`
}

// runRow is a run with its order. Fields and Params are JSON objects, OrderValues a JSON list of strings.
type runRow struct {
	ID, OrderID    uint32
	Start, End     time.Time
	Fields, Params string
	OrderValues    string
}

// runDetail is a run with its machine, the position that holds its samples and how many there are.
type runDetail struct {
	run        runRow
	seq        uint64
	sampleRows uint32
	machine    machineRow
}

// orderRow is an order. Values is a JSON list of strings.
type orderRow struct {
	ID     uint32 `ch:"order_id"`
	Values string `ch:"order_values"`
}

type samplePlace struct {
	RunID uint32 `ch:"run_id"`
	Seq   uint64 `ch:"seq"`
	Row   uint32 `ch:"row"`
}

// sampleRow is what LNT calls a sample, without its values.
type sampleRow struct {
	seq      uint64
	row      uint32
	runID    uint32
	sampleID uint64
	testID   uint32
}

// position says how far a suite's log goes, and what of it can be read.
type position struct {
	Seq  uint64 `ch:"position"`
	Seen uint64 `ch:"seen"`
}

type testRow struct {
	ID   uint32 `ch:"test_id" json:"id"`
	Name string `ch:"name" json:"name"`
}

type graphQuery struct {
	key               key
	machineID, testID uint32
	metric, status    string
	orderField        uint32 // the place, from 1, of the order field that is shown; 0 shows all of them
	limit             uint64
}

// graphRow is one value of a graph; text is set for Status and Hash metrics, value for Real ones.
type graphRow struct {
	order string
	runID uint32
	start time.Time
	value float64
	text  string
}

type seriesQuery struct {
	key               key
	machineID, testID uint32
	metric            string
}

type seriesRow struct {
	OrderID uint32  `ch:"order_id"`
	Order   string  `ch:"order_name"`
	RunID   uint32  `ch:"run_id"`
	Value   float64 `ch:"value"`
	Failed  uint8   `ch:"failed"`
}

type receiptQuery struct {
	status          string
	belowSeq, limit uint64
}

// storeReads asks ClickHouse.
type storeReads struct{ *store.Store }

var (
	qSuite         = sql.MustQuery("lnt_suite")
	qSuites        = sql.MustQuery("page_suites")
	qPosition      = sql.MustQuery("suite_position")
	qMachines      = sql.MustQuery("lnt_machines")
	qMachine       = sql.MustQuery("lnt_machine")
	qMachineRuns   = sql.MustQuery("lnt_machine_runs")
	qRuns          = sql.MustQuery("lnt_runs")
	qRunsOrders    = sql.MustQuery("lnt_runs_orders")
	qRunsMachines  = sql.MustQuery("lnt_runs_machines")
	qSampleRun     = sql.MustQuery("lnt_sample_run")
	qRunParts      = sql.MustQuery("run_parts")
	qRunTests      = sql.MustQuery("run_tests")
	qOrder         = sql.MustQuery("lnt_order")
	qTests         = sql.MustQuery("lnt_tests")
	qTest          = sql.MustQuery("lnt_test")
	qGraph         = sql.MustQuery("lnt_graph")
	qGraphTexts    = sql.MustQuery("lnt_graph_texts")
	qSeriesSamples = sql.MustQuery("lnt_series_samples")
	qReceipt       = sql.MustQuery("receipt_get")
	qReceipts      = sql.MustQuery("receipt_list")
)

// params are the parameters that every query has, and the given pairs of name and value.
func (k key) params(pairs ...any) store.Params {
	p := store.Params{"database": k.database, "suite": k.suite}
	for i := 0; i+1 < len(pairs); i += 2 {
		p[pairs[i].(string)] = pairs[i+1]
	}
	return p
}

// one is the first row of a query that gives at most one.
func one[T any](ctx context.Context, s *store.Store, q sql.File, p store.Params) (T, bool, error) {
	rows, err := store.Select[T](ctx, s, q, p)
	if err != nil || len(rows) == 0 {
		var none T
		return none, false, err
	}
	return rows[0], true, nil
}

func (r storeReads) Schema(ctx context.Context, k key) (string, bool, error) {
	row, found, err := one[struct {
		Schema string `ch:"schema"`
	}](ctx, r.Store, qSuite, k.params())
	return row.Schema, found, err
}

func (r storeReads) Suites(ctx context.Context, database string) ([]string, error) {
	rows, err := store.Select[struct {
		Database string `ch:"database"`
		Suite    string `ch:"suite"`
		Schema   string `ch:"schema"`
	}](ctx, r.Store, qSuites, nil)
	var names []string
	for _, row := range rows {
		if row.Database == database {
			names = append(names, row.Suite)
		}
	}
	return names, err
}

func (r storeReads) Position(ctx context.Context, k key) (position, error) {
	at, _, err := one[position](ctx, r.Store, qPosition, k.params())
	return at, err
}

func (r storeReads) Machines(ctx context.Context, k key, each func(machineRow) error) error {
	return r.machines(ctx, qMachines, k.params(), each)
}

func (r storeReads) machines(ctx context.Context, q sql.File, p store.Params, each func(machineRow) error) error {
	var m machineRow
	return r.Each(ctx, q, p, func(scan func(...any) error) error {
		if err := scan(&m.ID, &m.Name, &m.Fields, &m.Params); err != nil {
			return err
		}
		return each(m)
	})
}

func (r storeReads) Machine(ctx context.Context, k key, id uint32, name string) ([]machineRow, error) {
	return store.Select[machineRow](ctx, r.Store, qMachine, k.params("machine_id", id, "machine", name))
}

func (r storeReads) MachineRuns(ctx context.Context, k key, machineID uint32, each func(runRow) error) error {
	var row runRow
	return r.Each(ctx, qMachineRuns, k.params("machine_id", machineID), func(scan func(...any) error) error {
		if err := scan(&row.ID, &row.OrderID, &row.Start, &row.End, &row.Fields, &row.Params, &row.OrderValues); err != nil {
			return err
		}
		return each(row)
	})
}

// Runs reads runs, then their orders and machines side by side: planning one statement for all three takes longer than these.
func (r storeReads) Runs(ctx context.Context, k key, ids []uint32) ([]runDetail, error) {
	var out []runDetail
	var orderIDs, machineIDs []uint32
	err := r.Each(ctx, qRuns, k.params("run_ids", ids), func(scan func(...any) error) error {
		var d runDetail
		err := scan(&d.run.ID, &d.run.OrderID, &d.machine.ID, &d.seq, &d.sampleRows, &d.run.Start, &d.run.End, &d.run.Fields, &d.run.Params)
		out = append(out, d)
		orderIDs, machineIDs = append(orderIDs, d.run.OrderID), append(machineIDs, d.machine.ID)
		return err
	})
	if err != nil || len(out) == 0 {
		return nil, err
	}
	orders, machines := map[uint32]string{}, map[uint32]machineRow{}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		var o orderRow
		return r.Each(ctx, qRunsOrders, k.params("order_ids", lo.Uniq(orderIDs)), func(scan func(...any) error) error {
			err := scan(&o.ID, &o.Values)
			orders[o.ID] = o.Values
			return err
		})
	})
	both.Go(func() error {
		return r.machines(ctx, qRunsMachines, k.params("machine_ids", lo.Uniq(machineIDs)), func(m machineRow) error {
			machines[m.ID] = m
			return nil
		})
	})
	if err := both.Wait(); err != nil {
		return nil, err
	}
	for i := range out {
		out[i].run.OrderValues, out[i].machine = orders[out[i].run.OrderID], machines[out[i].machine.ID]
	}
	return out, nil
}

func (r storeReads) SampleRun(ctx context.Context, k key, sampleID uint64) (samplePlace, bool, error) {
	return one[samplePlace](ctx, r.Store, qSampleRun, k.params("sample_id", sampleID))
}

func (r storeReads) RunParts(ctx context.Context, k key, seqs []uint64, each func(uint64, *store.LedgerRun) error) error {
	return r.Each(ctx, qRunParts, k.params("seqs", seqs), func(scan func(...any) error) error {
		var seq uint64
		var run store.LedgerRun
		err := scan(&seq, &run.RunID, &run.FirstSampleID, &run.RowTestID, &run.SampleRow, &run.SampleMetric, &run.SampleValue,
			&run.TextRow, &run.TextMetric, &run.TextValue)
		if err != nil {
			return err
		}
		return each(seq, &run)
	})
}

func (r storeReads) Order(ctx context.Context, k key, id uint32) (string, bool, error) {
	row, found, err := one[orderRow](ctx, r.Store, qOrder, k.params("order_id", id))
	return row.Values, found, err
}

func (r storeReads) Tests(ctx context.Context, k key, each func(testRow) error) error {
	return r.tests(ctx, qTests, k.params(), each)
}

func (r storeReads) RunTests(ctx context.Context, k key, seqs []uint64, each func(testRow) error) error {
	return r.tests(ctx, qRunTests, k.params("seqs", seqs), each)
}

func (r storeReads) tests(ctx context.Context, q sql.File, p store.Params, each func(testRow) error) error {
	var t testRow
	return r.Each(ctx, q, p, func(scan func(...any) error) error {
		if err := scan(&t.ID, &t.Name); err != nil {
			return err
		}
		return each(t)
	})
}

func (r storeReads) Test(ctx context.Context, k key, id uint32, name string) ([]testRow, error) {
	return store.Select[testRow](ctx, r.Store, qTest, k.params("test_id", id, "test", name))
}

func (q graphQuery) params() store.Params {
	return q.key.params("machine_id", q.machineID, "test_id", q.testID, "metric", q.metric, "status", q.status,
		"order_field", q.orderField, "max_values", q.limit)
}

func (r storeReads) Graph(ctx context.Context, q graphQuery, each func(graphRow) error) error {
	var row graphRow
	return r.Each(ctx, qGraph, q.params(), func(scan func(...any) error) error {
		if err := scan(&row.order, &row.runID, &row.start, &row.value); err != nil {
			return err
		}
		return each(row)
	})
}

func (r storeReads) GraphTexts(ctx context.Context, q graphQuery, each func(graphRow) error) error {
	var row graphRow
	return r.Each(ctx, qGraphTexts, q.params(), func(scan func(...any) error) error {
		if err := scan(&row.order, &row.runID, &row.start, &row.text); err != nil {
			return err
		}
		return each(row)
	})
}

func (r storeReads) Series(ctx context.Context, q seriesQuery) ([]seriesRow, error) {
	var out []seriesRow
	err := r.Each(ctx, qSeriesSamples, q.key.params("machine_id", q.machineID, "test_id", q.testID, "metric", q.metric),
		func(scan func(...any) error) error {
			var row seriesRow
			err := scan(&row.OrderID, &row.Order, &row.RunID, &row.Value, &row.Failed)
			out = append(out, row)
			return err
		})
	return out, err
}

func (r storeReads) Receipt(ctx context.Context, k key, id uuid.UUID) (receiptRow, bool, error) {
	return one[receiptRow](ctx, r.Store, qReceipt, k.params("event_id", id.String()))
}

func (r storeReads) Receipts(ctx context.Context, k key, q receiptQuery) ([]receiptRow, error) {
	return store.Select[receiptRow](ctx, r.Store, qReceipts, k.params(
		"status", q.status, "below_seq", q.belowSeq, "max_items", q.limit))
}
