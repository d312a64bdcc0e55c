package detect

import (
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
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
	// fewSamples is up to how many a detector's plan costs more than its work.
	fewSamples = 500_000
	// quickly are settings of statements over samples: what the sorting key tells is left out before rows are merged, and nothing is
	// compiled, which takes seconds where a statement changes with the series it is about.
	quickly = "optimize_move_to_prewhere_if_final = 1, compile_expressions = 0"
)

// Selection is what of a suite is judged.
type Selection struct {
	Database, Suite string
	// MachineIDs, Metrics and TestIDs are those to judge; nil is all.
	MachineIDs []uint32
	Metrics    []string
	TestIDs    []uint32
	// Parts are the series to judge instead, where they are picked one by one.
	Parts []Part
	// Touched are orders: only blocks that look at one of them are judged; nil is all blocks.
	Touched []uint32
	// FromOrder and ToOrder bound the orders that something is said of, both inclusive; 0 is no bound. The points around them are
	// looked at as ever.
	FromOrder, ToOrder uint32
	// UpTo is the position that the data are looked at as of; 0 is the newest. Machines are taken as they are now.
	UpTo uint64
	// Batch is about how many samples are judged at once; 0 is a million.
	Batch uint64
	// data are what UpTo stands for; nil is not looked up yet.
	data *dataAt
}

// dataAt is what the data were at a position; see detect_stored.
type dataAt struct {
	// loads below beforeLoad had come, and those that went after goneAfter had not gone: hasGone says that there are any.
	beforeLoad uint32
	goneAfter  uint64
	hasGone    bool
}

// Fixed looks up what the data were at the selection's position, once for all statements that are about it.
func (sel Selection) Fixed(ctx context.Context, s *store.Store) (Selection, error) {
	if sel.data != nil {
		return sel, nil
	}
	at := &dataAt{beforeLoad: math.MaxUint32, goneAfter: math.MaxInt64}
	if sel.UpTo != 0 {
		type row struct {
			LoadID uint32 `ch:"load_id"`
			Gone   uint64 `ch:"gone"`
		}
		rows, err := store.Select[row](ctx, s, sql.MustQuery("detect_loads"), store.Params{
			"database": sel.Database, "suite": sel.Suite, "up_to": sel.UpTo,
		})
		if err != nil {
			return sel, err
		}
		at.goneAfter = sel.UpTo
		if len(rows) > 0 && rows[0].LoadID > 0 { // generations count up with the log
			at.beforeLoad = rows[0].LoadID
		}
		at.hasGone = len(rows) > 0 && rows[0].Gone > 0
	}
	sel.data = at
	return sel, nil
}

var past = regexp.MustCompile(`(?ms)^ *-- past.*?^ *-- present\n`)

// text is a statement about the data, without what only a changed past needs where that has not changed: planning costs as much as reading.
func (d *dataAt) text(q sql.File) sql.File {
	if !d.hasGone {
		q.Text = past.ReplaceAllLiteralString(q.Text, "")
	}
	return q
}

// Part is some series of a machine.
type Part struct {
	MachineID uint32
	// Tests are ids by metric.
	Tests map[string][]uint32
	// Touched is as in [Selection], for the machine.
	Touched []uint32
	// Line is the machine's orders as [LineOf] gave them for the same data; nil reads them.
	Line Line
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
			return fmt.Errorf("detector %s over %s/%s, machine %d: %w", d.Name, sel.Database, sel.Suite, p.batches[0].machineIDs[0], err)
		}
		done += lo.SumBy(p.batches, func(b storedBatch) uint64 { return b.series })
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
	parts := lo.SliceToMap(sel.Parts, func(p Part) (uint32, Part) { return p.MachineID, p })
	for machineID, some := range lo.GroupBy(places, func(p Place) uint32 { return p.MachineID }) {
		for _, chunk := range lo.Chunk(some, listed) {
			asked := lo.SliceToMap(chunk, func(p Place) (Place, bool) { return p, true })
			narrow := sel
			narrow.Parts = []Part{{
				MachineID: machineID, Tests: map[string][]uint32{}, Touched: lo.CoalesceSliceOrEmpty(parts[machineID].Touched, sel.Touched), Line: parts[machineID].Line,
			}}
			for _, p := range chunk {
				narrow.Parts[0].Tests[p.Metric] = append(narrow.Parts[0].Tests[p.Metric], p.TestID)
			}
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

// storedBatch is some of the series of machines: metrics and a range of tests, or series one by one.
type storedBatch struct {
	machineIDs       []uint32
	metrics          []string
	fromTest, toTest uint32
	ofMachine        []uint32
	ofMetric         []uint8
	ofTest           []uint32
	series, samples  uint64
	// cuts are the orders of the machines that begin a block, touched those that say what is judged.
	cuts, touched []uint32
}

// stored is a selection ready to be judged.
type stored struct {
	store    *store.Store
	sel      Selection
	detector Detector
	margin   int
	whole    bool
	bigger   []string
	// samples is about how many a portion has.
	samples uint64
	batches []storedBatch
	series  uint64
}

func open(ctx context.Context, s *store.Store, sel Selection, d Detector, samples uint64) (*stored, error) {
	st := &stored{store: s, sel: sel, detector: d, samples: samples}
	if _, cuts := d.Values["stretch"]; cuts {
		st.detector.Values = maps.Clone(d.Values)
		st.detector.Values["stretch"] = wholeStretch
	}
	var err error
	if st.margin, st.whole, err = d.margin(); err != nil {
		return nil, err
	}
	if st.sel, err = sel.Fixed(ctx, s); err != nil {
		return nil, err
	}
	if st.bigger, err = biggerIsBetter(ctx, s, sel); err != nil {
		return nil, err
	}
	if err := st.gather(ctx); err != nil {
		return nil, err
	}
	for _, b := range st.batches {
		st.series += b.series
	}
	return st, nil
}

// gather makes the batches.
func (st *stored) gather(ctx context.Context) error {
	if st.sel.Parts != nil {
		return st.addParts(ctx)
	}
	machines := st.sel.MachineIDs
	if machines == nil {
		var err error
		if machines, err = st.machines(ctx); err != nil {
			return err
		}
	}
	for _, id := range machines {
		if err := st.addMachine(ctx, id); err != nil {
			return fmt.Errorf("machine %d: %w", id, err)
		}
	}
	return nil
}

func (st *stored) params() store.Params {
	return store.Params{"database": st.sel.Database, "suite": st.sel.Suite}
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

// cuts are the orders of a machine that begin a block, and how many orders it has. The line is read when it is nil.
func (st *stored) cuts(ctx context.Context, machineID uint32, line Line) (cuts []uint32, orders int, err error) {
	if line == nil {
		if line, err = LineOf(ctx, st.store, st.sel, machineID); err != nil {
			return nil, 0, err
		}
	}
	if st.whole {
		return nil, len(line), nil
	}
	return lo.Map(line.Cuts(), func(i, _ int) uint32 { return line[i].OrderID }), len(line), nil
}

// bounded leaves a list out that is too long for a statement: then all is judged.
func bounded(touched []uint32) []uint32 {
	if len(touched) > listed {
		return nil
	}
	return touched
}

// pickedSeries is one of the series of a part.
type pickedSeries struct {
	machineID uint32
	metric    string
	test      uint32
	orders    int // of the machine
}

// addParts cuts picked series into batches. A statement costs as much as the points of hundreds of series, so machines whose blocks begin at
// the same orders share one.
func (st *stored) addParts(ctx context.Context) error {
	type group struct {
		cuts, touched []uint32
		all           bool // nothing says what is touched
		picked        []pickedSeries
	}
	var groups []*group
	for _, p := range st.sel.Parts {
		cuts, orders, err := st.cuts(ctx, p.MachineID, p.Line)
		if err != nil {
			return fmt.Errorf("machine %d: %w", p.MachineID, err)
		}
		all := len(bounded(p.Touched)) == 0
		g, found := lo.Find(groups, func(g *group) bool {
			return g.all == all && slices.Equal(g.cuts, cuts) && len(g.touched)+len(p.Touched) <= listed
		})
		if !found {
			g = &group{cuts: cuts, all: all}
			groups = append(groups, g)
		}
		if !all {
			g.touched = lo.Uniq(append(g.touched, p.Touched...))
		}
		for _, metric := range slices.Sorted(maps.Keys(p.Tests)) {
			tests := slices.Clone(p.Tests[metric])
			slices.Sort(tests)
			for _, t := range slices.Compact(tests) {
				g.picked = append(g.picked, pickedSeries{p.MachineID, metric, t, orders})
			}
		}
	}
	for _, g := range groups {
		for rest := g.picked; len(rest) > 0; {
			n := st.fitting(rest)
			b := batchOf(rest[:n])
			b.cuts, b.touched = g.cuts, g.touched
			st.batches = append(st.batches, b)
			rest = rest[n:]
		}
	}
	return nil
}

// fitting says how many of the series one batch takes, at least one.
func (st *stored) fitting(list []pickedSeries) int {
	machines, metrics := map[uint32]bool{}, map[string]bool{}
	samples := 0
	for i, s := range list {
		machines[s.machineID], metrics[s.metric] = true, true
		samples += s.orders
		if i > 0 && (i == listed || uint64(samples) > st.samples || len(machines)*len(metrics) > math.MaxUint8) { //nolint:gosec // not negative
			return i
		}
	}
	return len(list)
}

func batchOf(list []pickedSeries) storedBatch {
	b := storedBatch{toTest: math.MaxUint32, series: uint64(len(list))}
	b.machineIDs = lo.Uniq(lo.Map(list, func(s pickedSeries, _ int) uint32 { return s.machineID }))
	b.metrics = lo.Uniq(lo.Map(list, func(s pickedSeries, _ int) string { return s.metric }))
	slices.Sort(b.metrics)
	for _, s := range list {
		at, _ := slices.BinarySearch(b.metrics, s.metric)
		b.ofMachine, b.ofMetric, b.ofTest = append(b.ofMachine, s.machineID), append(b.ofMetric, uint8(at+1)), append(b.ofTest, s.test) //nolint:gosec // bounded by fitting
		b.samples += uint64(s.orders)                                                                                                   //nolint:gosec // a length
	}
	return b
}

// addMachine cuts what is selected of a machine into batches.
func (st *stored) addMachine(ctx context.Context, machineID uint32) error {
	type row struct {
		Metric   string `ch:"metric"`
		FromTest uint32 `ch:"from_test"`
		ToTest   uint32 `ch:"to_test"`
		Series   uint64 `ch:"series"`
		Samples  uint64 `ch:"samples"`
	}
	cuts, _, err := st.cuts(ctx, machineID, nil)
	if err != nil {
		return err
	}
	tests := [][]uint32{nil}
	if st.sel.TestIDs != nil {
		sorted := slices.Clone(st.sel.TestIDs)
		slices.Sort(sorted)
		tests = lo.Chunk(sorted, listed)
	}
	for _, some := range tests {
		rows, err := store.Select[row](ctx, st.store, sql.MustQuery("detect_batches"), lo.Assign(st.params(), store.Params{
			"machine_id": machineID, "metrics": st.sel.Metrics, "tests": some, "samples": st.samples,
		}))
		if err != nil {
			return err
		}
		for _, r := range rows {
			st.batches = append(st.batches, storedBatch{
				machineIDs: []uint32{machineID}, metrics: []string{r.Metric}, fromTest: r.FromTest, toTest: r.ToTest,
				ofMachine: lo.Map(some, func(uint32, int) uint32 { return machineID }), ofMetric: lo.Map(some, func(uint32, int) uint8 { return 1 }), ofTest: some,
				series: r.Series, samples: r.Samples, cuts: cuts, touched: bounded(st.sel.Touched),
			})
		}
	}
	return nil
}

// LineOf reads the orders of a machine as the data of the selection stand.
func LineOf(ctx context.Context, s *store.Store, sel Selection, machineID uint32) (Line, error) {
	lines, err := LinesOf(ctx, s, sel, []uint32{machineID})
	return lines[machineID], err
}

// linesAtOnce is how many machines' orders one statement reads.
const linesAtOnce = 64

// LinesOf is [LineOf] for several machines; those without a run have an empty line.
func LinesOf(ctx context.Context, s *store.Store, sel Selection, machineIDs []uint32) (map[uint32]Line, error) {
	sel, err := sel.Fixed(ctx, s)
	if err != nil {
		return nil, err
	}
	type row struct {
		MachineID uint32 `ch:"machine_id"`
		LineOrder
	}
	out := make(map[uint32]Line, len(machineIDs))
	for _, id := range machineIDs {
		out[id] = Line{}
	}
	for _, some := range lo.Chunk(machineIDs, linesAtOnce) {
		rows, err := store.Select[row](ctx, s, sel.data.text(sql.MustQuery("detect_line")), store.Params{
			"database": sel.Database, "suite": sel.Suite, "machine_ids": some, "before_load": sel.data.beforeLoad, "gone_after": sel.data.goneAfter,
		})
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[r.MachineID] = append(out[r.MachineID], r.LineOrder)
		}
	}
	return out, nil
}

// portion is what one statement judges. A metric of a batch has its place in of.
type portion struct {
	batches []storedBatch
	of      []metricOfBatch
	samples uint64
}

type metricOfBatch struct {
	machineID uint32
	metric    string
}

// of are the metrics of a batch in the order of their numbers.
func (b *storedBatch) of() []metricOfBatch {
	return lo.FlatMap(b.machineIDs, func(id uint32, _ int) []metricOfBatch {
		return lo.Map(b.metrics, func(metric string, _ int) metricOfBatch { return metricOfBatch{id, metric} })
	})
}

// portions puts batches together while they are small.
func (st *stored) portions() []portion {
	var out []portion
	for _, b := range st.batches {
		last := len(out) - 1
		if last < 0 || out[last].samples+b.samples > st.samples || len(out[last].of)+len(b.machineIDs)*len(b.metrics) > math.MaxUint8 {
			out, last = append(out, portion{}), last+1
		}
		p := &out[last]
		p.batches, p.samples = append(p.batches, b), p.samples+b.samples
		p.of = append(p.of, b.of()...)
	}
	return out
}

// source is the points of a batch, of all blocks. Its first metric has the given number.
func (st *stored) source(b storedBatch, number int) Source {
	return Source{
		SQL: st.sel.data.text(sql.MustQuery("detect_stored")).Text,
		Params: lo.Assign(st.params(), store.Params{
			"number": uint8(number), "machine_ids": b.machineIDs, "metrics": b.metrics, //nolint:gosec // portions have no more
			"bigger_is_better": lo.Map(b.metrics, func(m string, _ int) uint8 { return lo.Ternary[uint8](slices.Contains(st.bigger, m), 1, 0) }),
			"from_test":        b.fromTest, "to_test": b.toTest, "of_machine": b.ofMachine, "of_metric": b.ofMetric, "of_test": b.ofTest,
			"cuts": b.cuts, "touched": b.touched, "from_order": st.sel.FromOrder, "to_order": st.sel.ToOrder,
			"margin":      uint32(st.margin), //nolint:gosec // bounded by its parameters
			"before_load": st.sel.data.beforeLoad, "gone_after": st.sel.data.goneAfter,
		}),
	}
}

// number and test are parts of a series' number; see detect_stored.
func number(series uint64) int  { return int(series >> 56) }    //nolint:gosec // a byte
func test(series uint64) uint32 { return uint32(series >> 24) } //nolint:gosec // the middle

// judge fills a table with the points of a portion and runs the detector over it. The
// engine neither plans a detector over all that [stored.source] reads quickly, nor runs one
// that recurs over it; and what is found is looked up where it was.
func (st *stored) judge(ctx context.Context, p portion, explain bool, row func(StoredRow) error) error {
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
	next := 0
	for _, b := range p.batches {
		source := st.source(b, next)
		next += len(b.machineIDs) * len(b.metrics)
		if err := st.store.Exec(ctx, "INSERT INTO "+table+` (series, place, level, values, bigger, order_id, previous_order_id, is_own)
SELECT series, place, level, values, bigger, order_id, previous_order_id, is_own
FROM (
`+source.SQL+`
)
WHERE is_judged = 1
SETTINGS async_insert = 0, `+quickly, source.Params); err != nil {
			return fmt.Errorf("read points: %w", err)
		}
	}
	var rows []Row
	judging := ctx
	if p.samples <= fewSamples {
		judging = store.WithQuickPlan(ctx)
	}
	if err := Run(judging, st.store, st.detector, Source{SQL: "SELECT series, place, level, values, bigger FROM " + table}, explain, func(r Row) error {
		rows = append(rows, r)
		return nil
	}); err != nil {
		return err
	}
	for _, some := range lo.Chunk(rows, listed/2) {
		if err := st.name(ctx, table, p, some, row); err != nil {
			return err
		}
	}
	return nil
}

// name finds the orders of rows and leaves out those of margins.
func (st *stored) name(ctx context.Context, table string, p portion, rows []Row, row func(StoredRow) error) error {
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
		of := p.of[number(r.Series)]
		if err := row(StoredRow{
			Row: r, MachineID: of.machineID, TestID: test(r.Series), Metric: of.metric, OrderID: o.at, PreviousOrderID: o.before,
		}); err != nil {
			return err
		}
	}
	return nil
}

// ordersJudged says for each point at one of orders whether its block is judged.
func (st *stored) ordersJudged(ctx context.Context, b storedBatch, orders []uint32, place func(Place, bool)) error {
	source, of := st.source(b, 0), b.of()
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
			place(Place{of[number(series)].machineID, test(series), of[number(series)].metric, order}, judged == 1)
			return nil
		})
}
