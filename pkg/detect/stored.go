package detect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/sql"
)

const (
	// storedSamples bounds the samples of one statement, and so its memory; where every place is explained
	// its answer, which is far larger than the samples, bounds it.
	storedSamples, explainedSamples = 1_000_000, 50_000
	// listed keeps a list below the server's bound on one parameter over HTTP, 128 KiB.
	listed = 10_000
	// tablePrefix begins the names of tables of points, which are dropped once they are judged.
	tablePrefix = "points_"
	dropTimeout = 10 * time.Second
)

// Selection is what of a suite is judged.
type Selection struct {
	Database, Suite string
	// MachineIDs, Metrics and TestIDs are those to judge; nil is all.
	MachineIDs []uint32
	Metrics    []string
	TestIDs    []uint32
	// Touched are orders: only blocks that look at one of them are judged; nil is all blocks.
	Touched []uint32
	// FromOrder and ToOrder bound the orders that something is said of, both inclusive; 0 is no bound. The points around them are
	// looked at as ever.
	FromOrder, ToOrder uint32
	// UpTo is the position that the data are looked at as of; 0 is the newest. Machines are taken as they are now.
	UpTo uint64
	// Batch is about how many samples are judged at once; 0 is a million.
	Batch uint64
}

// StoredRow is what a detector says of one place of a stored series.
type StoredRow struct {
	Row
	MachineID, TestID uint32
	Metric            string
	// OrderID is the first order after the change, PreviousOrderID the last before it that the series has; 0 for none.
	OrderID, PreviousOrderID uint32
}

// Place is an order of a series.
type Place struct {
	MachineID, TestID uint32
	Metric            string
	OrderID           uint32
}

// Place is the place that the row is about.
func (r *StoredRow) Place() Place { return Place{r.MachineID, r.TestID, r.Metric, r.OrderID} }

// Stored judges what is stored of a suite, machine by machine and in portions of series
// that bound the memory, and hands each finding to row: by machine, metric, test and
// place. With explain it hands every place. progress, which may be nil, hears of
// the series judged so far and of all.
//
// A series is cut into blocks at orders chosen by their names, and each block is judged
// with the points around it that the detector looks at; of these nothing is said. So
// what is said of a place hangs on its block alone, whatever else is stored and in
// whatever order it came. Detectors that reach over the whole series get it whole.
func Stored(ctx context.Context, s *store.Store, sel Selection, d Detector, explain bool, progress func(done, all uint64), row func(StoredRow) error) error {
	st, err := open(ctx, s, sel, d, lo.Ternary[uint64](explain, explainedSamples, lo.CoalesceOrEmpty(sel.Batch, storedSamples)))
	if err != nil {
		return fmt.Errorf("detector %s over %s/%s: %w", d.Name, sel.Database, sel.Suite, err)
	}
	var done uint64
	for _, p := range st.portions() {
		if err := st.judge(ctx, p, explain, row); err != nil {
			return fmt.Errorf("detector %s over %s/%s, machine %d, %s: %w", d.Name, sel.Database, sel.Suite, p[0].machineID, p[0].Metric, err)
		}
		done += lo.SumBy(p, func(b storedBatch) uint64 { return b.Series })
		if progress != nil {
			progress(done, st.series)
		}
	}
	return nil
}

// Judged says of places whether [Stored] judges them. Those at which the series has no
// point, as nothing was measured there or it was taken back, are not in the answer.
func Judged(ctx context.Context, s *store.Store, sel Selection, d Detector, places []Place) (map[Place]bool, error) {
	answer := map[Place]bool{}
	type part struct {
		machineID uint32
		metric    string
	}
	for at, some := range lo.GroupBy(places, func(p Place) part { return part{p.MachineID, p.Metric} }) {
		for _, chunk := range lo.Chunk(some, listed/2) {
			asked := lo.SliceToMap(chunk, func(p Place) (Place, bool) { return p, true })
			narrow := sel
			narrow.MachineIDs, narrow.Metrics = []uint32{at.machineID}, []string{at.metric}
			narrow.TestIDs = lo.Uniq(lo.Map(chunk, func(p Place, _ int) uint32 { return p.TestID }))
			st, err := open(ctx, s, narrow, d, storedSamples)
			if err != nil {
				return nil, fmt.Errorf("look places up: %w", err)
			}
			orders := lo.Uniq(lo.Map(chunk, func(p Place, _ int) uint32 { return p.OrderID }))
			for _, b := range st.batches {
				if err := st.ordersJudged(ctx, b, orders, func(p Place, judged bool) {
					if asked[p] {
						answer[p] = judged
					}
				}); err != nil {
					return nil, fmt.Errorf("look places up: %w", err)
				}
			}
		}
	}
	return answer, nil
}

// storedBatch is some of the series of a machine: a metric, and a range of tests.
type storedBatch struct {
	Metric   string `ch:"metric"`
	FromTest uint32 `ch:"from_test"`
	ToTest   uint32 `ch:"to_test"`
	Series   uint64 `ch:"series"`
	Samples  uint64 `ch:"samples"`
	tests    []uint32
	// machineID and cuts, the orders that begin a block, are the machine's.
	machineID uint32
	cuts      []uint32
}

// stored is a selection ready to be judged.
type stored struct {
	store    *store.Store
	sel      Selection
	detector Detector
	margin   int
	whole    bool
	bigger   []string
	// beforeLoad and goneAfter say what the data were at the position; see detect_stored.
	beforeLoad uint32
	goneAfter  uint64
	// samples is about how many a portion has.
	samples uint64
	batches []storedBatch
	series  uint64
}

func open(ctx context.Context, s *store.Store, sel Selection, d Detector, samples uint64) (*stored, error) {
	if len(sel.Touched) > listed {
		sel.Touched = nil
	}
	st := &stored{store: s, sel: sel, detector: d, samples: samples, beforeLoad: math.MaxUint32, goneAfter: math.MaxInt64}
	if _, cuts := d.Values["stretch"]; cuts {
		st.detector.Values = maps.Clone(d.Values)
		st.detector.Values["stretch"] = wholeStretch
	}
	var err error
	if st.margin, st.whole, err = d.margin(); err != nil {
		return nil, err
	}
	if err := st.asOf(ctx); err != nil {
		return nil, err
	}
	if st.bigger, err = biggerIsBetter(ctx, s, sel); err != nil {
		return nil, err
	}
	machines := sel.MachineIDs
	if machines == nil {
		if machines, err = st.machines(ctx); err != nil {
			return nil, err
		}
	}
	for _, id := range machines {
		if err := st.add(ctx, id); err != nil {
			return nil, fmt.Errorf("machine %d: %w", id, err)
		}
	}
	return st, nil
}

func (st *stored) params() store.Params {
	return store.Params{"database": st.sel.Database, "suite": st.sel.Suite}
}

// asOf finds what the data were at the position. Generations count up with the log.
func (st *stored) asOf(ctx context.Context) error {
	if st.sel.UpTo == 0 {
		return nil
	}
	type row struct {
		LoadID uint32 `ch:"load_id"`
	}
	rows, err := store.Select[row](ctx, st.store, sql.MustQuery("detect_loads"), lo.Assign(st.params(), store.Params{"up_to": st.sel.UpTo}))
	if err != nil {
		return err
	}
	st.goneAfter = st.sel.UpTo
	if len(rows) > 0 && rows[0].LoadID > 0 {
		st.beforeLoad = rows[0].LoadID
	}
	return nil
}

func biggerIsBetter(ctx context.Context, s *store.Store, sel Selection) ([]string, error) {
	type row struct {
		Names []string `ch:"bigger_is_better"`
	}
	rows, err := store.Select[row](ctx, s, sql.MustQuery("detect_schema"), store.Params{"database": sel.Database, "suite": sel.Suite})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0].Names, nil
}

func (st *stored) machines(ctx context.Context) ([]uint32, error) {
	type row struct {
		MachineID uint32 `ch:"machine_id"`
	}
	rows, err := store.Select[row](ctx, st.store, sql.MustQuery("detect_machines"), st.params())
	return lo.Map(rows, func(r row, _ int) uint32 { return r.MachineID }), err
}

// add gathers the portions of a machine.
func (st *stored) add(ctx context.Context, machineID uint32) error {
	var cuts []uint32
	if !st.whole {
		line, err := st.line(ctx, machineID)
		if err != nil {
			return err
		}
		cuts = lo.Map(line.Cuts(), func(i, _ int) uint32 { return line[i].OrderID })
	}
	tests := [][]uint32{nil}
	if st.sel.TestIDs != nil {
		sorted := slices.Clone(st.sel.TestIDs)
		slices.Sort(sorted)
		tests = lo.Chunk(sorted, listed)
	}
	var batches []storedBatch
	for _, some := range tests {
		rows, err := store.Select[storedBatch](ctx, st.store, sql.MustQuery("detect_batches"), lo.Assign(st.params(), store.Params{
			"machine_id": machineID, "metrics": st.sel.Metrics, "tests": some, "samples": st.samples,
		}))
		if err != nil {
			return err
		}
		for _, b := range rows {
			b.tests, b.machineID, b.cuts = some, machineID, cuts
			batches = append(batches, b)
			st.series += b.Series
		}
	}
	slices.SortStableFunc(batches, func(a, b storedBatch) int {
		return cmp.Or(cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.FromTest, b.FromTest))
	})
	st.batches = append(st.batches, batches...)
	return nil
}

func (st *stored) line(ctx context.Context, machineID uint32) (Line, error) {
	rows, err := store.Select[struct {
		OrderID uint32 `ch:"order_id"`
		Name    string `ch:"name"`
	}](ctx, st.store, sql.MustQuery("detect_line"), lo.Assign(st.params(), store.Params{
		"machine_id": machineID, "before_load": st.beforeLoad, "gone_after": st.goneAfter,
	}))
	return rows, err
}

// portions puts batches together while they are small: what one statement judges.
func (st *stored) portions() [][]storedBatch {
	var out [][]storedBatch
	var samples uint64
	for _, b := range st.batches {
		last := len(out) - 1
		if last < 0 || samples+b.Samples > st.samples || len(out[last]) > math.MaxUint8 {
			out, samples = append(out, []storedBatch{b}), b.Samples
			continue
		}
		out[last], samples = append(out[last], b), samples+b.Samples
	}
	return out
}

// source is the points of a batch, of all blocks. Their series begin with number.
func (st *stored) source(b storedBatch, number int) Source {
	return Source{
		SQL: sql.MustQuery("detect_stored").Text,
		Params: lo.Assign(st.params(), store.Params{
			"number": uint8(number), "machine_id": b.machineID, "metric": b.Metric, //nolint:gosec // portions have no more
			"from_test": b.FromTest, "to_test": b.ToTest, "tests": b.tests,
			"cuts": b.cuts, "touched": st.sel.Touched, "from_order": st.sel.FromOrder, "to_order": st.sel.ToOrder, "margin": uint32(st.margin), //nolint:gosec // bounded by its parameters
			"bigger_is_better": lo.Ternary[uint8](slices.Contains(st.bigger, b.Metric), 1, 0),
			"before_load":      st.beforeLoad, "gone_after": st.goneAfter,
		}),
	}
}

// number and test are parts of a series' number; see detect_stored.
func number(series uint64) int  { return int(series >> 56) }    //nolint:gosec // a byte
func test(series uint64) uint32 { return uint32(series >> 24) } //nolint:gosec // the middle

// judge fills a table with the points of a portion and runs the detector over it. The
// engine neither plans a detector over all that [stored.source] reads quickly, nor runs one
// that recurs over it; and what is found is looked up where it was.
func (st *stored) judge(ctx context.Context, portion []storedBatch, explain bool, row func(StoredRow) error) error {
	table := tablePrefix + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := st.store.Exec(ctx, "CREATE TABLE "+table+` (
    series UInt64, place UInt32, level Float64, values Array(Float64), bigger UInt8, order_id UInt32, previous_order_id UInt32, is_own UInt8
) ENGINE = Memory`, nil); err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
		defer cancel()
		_ = st.store.Exec(ctx, "DROP TABLE IF EXISTS "+table+" SYNC", nil) // what is left is in memory only
	}()
	for i, b := range portion {
		source := st.source(b, i)
		if err := st.store.Exec(ctx, "INSERT INTO "+table+` (series, place, level, values, bigger, order_id, previous_order_id, is_own)
SELECT series, place, level, values, bigger, order_id, previous_order_id, is_own
FROM (
`+source.SQL+`
)
WHERE is_judged = 1
SETTINGS async_insert = 0`, source.Params); err != nil {
			return fmt.Errorf("read points: %w", err)
		}
	}
	var rows []Row
	if err := Run(ctx, st.store, st.detector, Source{SQL: "SELECT series, place, level, values, bigger FROM " + table}, explain, func(r Row) error {
		rows = append(rows, r)
		return nil
	}); err != nil {
		return err
	}
	for _, some := range lo.Chunk(rows, listed/2) {
		if err := st.name(ctx, table, portion, some, row); err != nil {
			return err
		}
	}
	return nil
}

// name finds the orders of rows and leaves out those of margins.
func (st *stored) name(ctx context.Context, table string, portion []storedBatch, rows []Row, row func(StoredRow) error) error {
	type point struct {
		series uint64
		place  uint32
	}
	type orders struct{ at, before uint32 }
	known := make(map[point]orders, len(rows))
	err := st.store.Each(ctx, sql.File{Name: "points", Text: `SELECT series, place, order_id, previous_order_id
FROM ` + table + `
WHERE is_own = 1 AND (series, place) IN (SELECT arrayJoin(arrayZip({at_series:Array(UInt64)}, {at_places:Array(UInt32)})))`},
		store.Params{
			"at_series": lo.Map(rows, func(r Row, _ int) uint64 { return r.Series }),
			"at_places": lo.Map(rows, func(r Row, _ int) uint32 { return r.Place }),
		}, func(scan func(...any) error) error {
			var at point
			var o orders
			if err := scan(&at.series, &at.place, &o.at, &o.before); err != nil {
				return err
			}
			known[at] = o
			return nil
		})
	if err != nil {
		return err
	}
	for _, r := range rows {
		o, own := known[point{r.Series, r.Place}]
		if !own {
			continue
		}
		b := portion[number(r.Series)]
		if err := row(StoredRow{
			Row: r, MachineID: b.machineID, TestID: test(r.Series), Metric: b.Metric, OrderID: o.at, PreviousOrderID: o.before,
		}); err != nil {
			return err
		}
	}
	return nil
}

// ordersJudged says for each point at one of orders whether its block is judged.
func (st *stored) ordersJudged(ctx context.Context, b storedBatch, orders []uint32, place func(Place, bool)) error {
	source := st.source(b, 0)
	source.Params["at_orders"] = orders
	return st.store.Each(ctx, sql.File{Name: "detect_stored", Text: "SELECT series, order_id, is_judged FROM (\n" + source.SQL +
		"\n) WHERE is_own = 1 AND order_id IN {at_orders:Array(UInt32)}"},
		source.Params, func(scan func(...any) error) error {
			var series uint64
			var order uint32
			var judged uint8
			if err := scan(&series, &order, &judged); err != nil {
				return err
			}
			place(Place{b.machineID, test(series), b.Metric, order}, judged == 1)
			return nil
		})
}
