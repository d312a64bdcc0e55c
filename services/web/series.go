package web

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// The JSON a chart is drawn from. Orders come in the order of the axis: by their sort keys, or by when they were measured.
// "at" and "from" are positions in that list, from 0. With normalize every value is divided by the line's reference.

type chartData struct {
	Database string `json:"database"`
	Suite    string `json:"suite"`
	// Position is how far the suite's data went, as an event's position.
	Position uint64 `json:"position"`
	// Pinned is true when nothing after Position is shown.
	Pinned bool         `json:"pinned"`
	Orders []chartOrder `json:"orders"`
	Series []chartLine  `json:"series"`
}

type chartOrder struct {
	ID   uint32 `json:"id"`
	Name string `json:"name"`
	// At is when the order was measured first, "" when unknown.
	At  string `json:"at,omitempty"`
	key string
	at  time.Time
}

type chartLine struct {
	Plot    string      `json:"plot"`
	Machine reference   `json:"machine"`
	Test    reference   `json:"test"`
	Metric  chartMetric `json:"metric"`
	// Panel is which of the charts it is drawn in, from 0.
	Panel     int    `json:"panel"`
	Aggregate string `json:"aggregate"`
	// Reference is what values were divided by, null when they were not.
	Reference *float64 `json:"reference"`
	// Note says why there are no values, "" where there are.
	Note string `json:"note,omitempty"`
	// Points are in the order of Orders; an order without results has no point.
	Points    []chartPoint   `json:"points"`
	Derived   []derived      `json:"derived"`
	Baselines []chartLevel   `json:"baselines"`
	Findings  []chartFinding `json:"findings"`
}

// chartLevel is a line across the chart: what a run or an order had.
type chartLevel struct {
	Title string  `json:"title"`
	Value float64 `json:"value"`
	Run   uint32  `json:"run,omitempty"`
	Order uint32  `json:"order,omitempty"`
}

type reference struct {
	ID   uint32 `json:"id"`
	Name string `json:"name"`
}

type chartMetric struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Unit is that of the values; OwnUnit the metric's, which relative values do not have.
	Unit           string `json:"unit"`
	OwnUnit        string `json:"own_unit"`
	BiggerIsBetter bool   `json:"bigger_is_better"`
}

type chartPoint struct {
	At int `json:"at"`
	// Value is null where every sample failed.
	Value *float64 `json:"value"`
	// Low and High are the ends of the spread, absent where there is none.
	Low     *float64 `json:"low,omitempty"`
	High    *float64 `json:"high,omitempty"`
	Run     uint32   `json:"run"`
	Samples []sample `json:"samples"`
}

type chartFinding struct {
	At       int     `json:"at"`
	From     int     `json:"from"`
	Kind     string  `json:"kind"`
	Before   float64 `json:"before"`
	After    float64 `json:"after"`
	Effect   float64 `json:"effect"`
	Detector string  `json:"detector"`
	// Regression is the one it belongs to, 0 for none.
	Regression uint32 `json:"regression,omitempty"`
}

// point is one order of one series.
type point struct {
	OrderID uint32
	Order   string
	SortKey string
	StartAt time.Time
	Value   *float64
	// Low and High are the ends of the spread, nil where there is none.
	Low, High *float64
	// RunID is the newest run of the order.
	RunID   uint32
	Samples []sample
}

// sample is one measured value. In JSON it is [value, run, failed].
type sample struct {
	Value  float64
	RunID  uint32
	Failed bool
}

// MarshalJSON writes the short form: charts have thousands of these.
func (v sample) MarshalJSON() ([]byte, error) {
	if math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
		return nil, fmt.Errorf("sample of run %d is not finite", v.RunID)
	}
	out := append([]byte{'['}, strconv.AppendFloat(nil, v.Value, 'g', -1, 64)...)
	out = strconv.AppendUint(append(out, ','), uint64(v.RunID), 10)
	return append(out, lo.Ternary(v.Failed, ",1]", ",0]")...), nil
}

// MarshalJSON writes the short form.
func (v spot) MarshalJSON() ([]byte, error) {
	out := strconv.AppendInt([]byte{'['}, int64(v.Position), 10)
	out = strconv.AppendFloat(append(out, ','), v.Value, 'g', -1, 64)
	return append(out, ']'), nil
}

// graphData answers /graph/data: JSON, or CSV with format=csv; download=1 makes it a file. Its tag changes with the suite's data, the
// page's own parameters are part of the address.
func (s *Service) graphData(c *fiber.Ctx) error {
	c.Locals(wantsData, true)
	// The position is read before the data: a newer event in between only makes the next visit ask again.
	var (
		position positionRow
		machines machineBook
	)
	_, in, err := s.suitePageBeside(c, "", "", readTo(&machines, s.machines), readTo(&position, s.position))
	if err != nil {
		return err
	}
	q, err := readGraph(c, s.cfg)
	if err != nil {
		return err
	}
	q.machines = &machines
	format, err := choice(c, "format", "json", "csv")
	if err != nil {
		return err
	}
	if err := s.pinBefore(c.UserContext(), c, in, &q, position); err != nil {
		return err
	}
	if err := q.hasFields(in); err != nil {
		return err
	}
	if s.keep == nil { // else the answer has a tag already
		tag := dataTag(in, q, format, position)
		c.Set(fiber.HeaderETag, tag)
		if matches(c.Get(fiber.HeaderIfNoneMatch), tag) {
			return c.SendStatus(fiber.StatusNotModified)
		}
	}
	var (
		named []line
		read  chartRead
	)
	group, both := errgroup.WithContext(c.UserContext())
	group.Go(func() (err error) {
		named, err = s.lines(both, links{prefix: "/"}, in, &q)
		return err
	})
	group.Go(func() (err error) {
		read, err = s.readChart(both, in, q)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	data := newChart(in, q, named, read)
	data.Position, data.Pinned = lo.Ternary(q.AsOf > 0, q.AsOf, position.Position), q.AsOf > 0
	if c.Query("download") != "" || format == "csv" {
		c.Set(fiber.HeaderContentDisposition, fmt.Sprintf("attachment; filename=%s-%d.%s", fileName(in.Name), data.Position, format))
	}
	if format == "csv" {
		c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8; header=present")
		return c.Send(chartCSV(data))
	}
	body, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode chart: %w", err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
	return c.Send(body)
}

// chartFormat changes when the JSON does, so that no browser keeps the old form.
const chartFormat = 2

func dataTag(in suiteView, q graphQuery, format string, p positionRow) string {
	sum := fnv.New64a()
	_, _ = fmt.Fprint(sum, chartFormat, in.Database, in.Name, q.query(), format, string(in.Encode()))
	return fmt.Sprintf(`"%d-%d-%x"`, p.Position, p.Seen, sum.Sum64())
}

// readAtOnce is how many lines of one chart are read at a time: one reader must not take all that the server has.
const readAtOnce = 3

// lineData is what is read for a line.
type lineData struct {
	points []point
	levels []chartLevel
}

func (s *Service) readLines(ctx context.Context, in suiteView, q graphQuery, baselines []chartBaseline) ([]lineData, error) {
	out := make([]lineData, len(q.Plots))
	group, inside := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for i, p := range q.Plots {
		group.Go(func() (err error) {
			out[i].points, err = s.values(inside, in, p, q)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := lo.Map(out, func(d lineData, _ int) []point { return d.points })
	if err := s.placePoints(ctx, in, q, q.Plots, all); err != nil {
		return nil, err
	}
	for i, p := range q.Plots {
		var err error
		out[i].points = all[i]
		if out[i].levels, err = s.levels(ctx, in, q, p, all[i], baselines); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// chartRead is what is read for a chart, beside the names of its lines.
type chartRead struct {
	lines []lineData
	found map[plot][]chartFindingRow
}

func (s *Service) readChart(ctx context.Context, in suiteView, q graphQuery) (chartRead, error) {
	var (
		out       chartRead
		baselines []chartBaseline
	)
	for _, b := range q.Baselines {
		run, err := s.chartRun(ctx, links{prefix: "/"}, in, "baseline."+b.Title, b.Run)
		if err != nil {
			return out, err
		}
		baselines = append(baselines, chartBaseline{b.Title, run})
	}
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		out.lines, err = s.readLines(both, in, q, baselines)
		return err
	})
	group.Go(func() (err error) {
		out.found, err = s.chartFindings(both, in, q)
		return err
	})
	return out, group.Wait()
}

// newChart is everything that is drawn: the lines with what was found on them.
func newChart(in suiteView, q graphQuery, lines []line, read chartRead) chartData {
	data := chartData{Database: in.Database, Suite: in.Name, Series: []chartLine{}}
	data.Orders = mergeOrders(lo.Map(read.lines, func(r lineData, _ int) []point { return r.points }), q)
	place := map[uint32]int{}
	for i, o := range data.Orders {
		place[o.ID] = i
	}
	for i, l := range lines {
		data.Series = append(data.Series, newChartLine(l, q, read.lines[i], read.found[l.Plot], place))
	}
	return data
}

// mergeOrders is every order of any series, at most the newest of them, by sort key or by when it was measured.
func mergeOrders(all [][]point, q graphQuery) []chartOrder {
	seen := map[uint32]chartOrder{}
	for _, points := range all {
		for _, p := range points {
			o, have := seen[p.OrderID]
			if !have {
				o = chartOrder{ID: p.OrderID, Name: p.Order, key: p.SortKey}
			}
			if known(p.StartAt) && (o.at.IsZero() || p.StartAt.Before(o.at)) {
				o.at, o.At = p.StartAt, machineTime(p.StartAt)
			}
			seen[p.OrderID] = o
		}
	}
	merged := lo.Values(seen)
	slices.SortFunc(merged, func(a, b chartOrder) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.ID, b.ID))
	})
	merged = merged[max(0, len(merged)-q.Limit):]
	if q.ByDate {
		byDate(merged)
	}
	return merged
}

// byDate sorts orders by when they were measured. One that has no time stands where the order before it does.
func byDate(orders []chartOrder) {
	first, _ := lo.Find(orders, func(o chartOrder) bool { return !o.at.IsZero() })
	last := first.at
	for i := range orders {
		o := &orders[i]
		if o.at.IsZero() {
			o.at, o.At = last, machineTime(last)
		}
		last = o.at
	}
	slices.SortStableFunc(orders, func(a, b chartOrder) int { return a.at.Compare(b.at) })
}

func newChartLine(l line, q graphQuery, read lineData, found []chartFindingRow, place map[uint32]int) chartLine {
	unit := lo.CoalesceOrEmpty(l.Metric.UnitAbbrev, l.Metric.Unit)
	out := chartLine{
		Plot:    l.Plot.String(),
		Machine: reference{l.Plot.Machine, l.Machine}, Test: reference{l.Plot.Test, l.Test},
		Metric: chartMetric{
			Name: l.Metric.Name, Title: l.Metric.Title(), Unit: unit, OwnUnit: unit, BiggerIsBetter: l.Metric.BiggerIsBetter,
		},
		Panel: l.Panel, Aggregate: aggregateOf(l, q), Points: []chartPoint{}, Derived: []derived{}, Baselines: []chartLevel{}, Findings: []chartFinding{},
	}
	for _, p := range read.points {
		if at, ok := place[p.OrderID]; ok {
			out.Points = append(out.Points, chartPoint{At: at, Value: p.Value, Low: p.Low, High: p.High, Run: p.RunID, Samples: p.Samples})
		}
	}
	slices.SortFunc(out.Points, func(a, b chartPoint) int { return cmp.Compare(a.At, b.At) })
	out.Baselines = append(out.Baselines, read.levels...)
	for _, f := range found {
		if made, ok := newChartFinding(f, place); ok {
			out.Findings = append(out.Findings, made)
		}
	}
	slices.SortFunc(out.Findings, func(a, b chartFinding) int { return cmp.Compare(a.At, b.At) })
	out.normalize(q)
	out.Derived = derive(q, l.Metric.BiggerIsBetter, out.values())
	return out
}

// values are the points that have one.
func (l *chartLine) values() []spot {
	return lo.FilterMap(l.Points, func(p chartPoint, _ int) (spot, bool) {
		if p.Value == nil {
			return spot{}, false
		}
		return spot{p.At, *p.Value}, true
	})
}

// normalize divides everything by what is to be 1. A line that has nothing to be divided by would not fit the axis: it goes.
func (l *chartLine) normalize(q graphQuery) {
	if q.Normalize == "" {
		return
	}
	by, ok := divisor(q, l.values(), l.Baselines)
	l.Metric.Unit = ""
	if !ok {
		l.Note = "Nothing to normalize by: " + map[string]string{
			"first": "the first value is missing or 0.", "median": "the median is missing or 0.", "baseline": "the baseline has no value here, or 0.",
		}[q.Normalize]
		l.Points, l.Baselines, l.Findings = []chartPoint{}, []chartLevel{}, []chartFinding{}
		return
	}
	l.Reference = &by
	for i := range l.Points {
		p := &l.Points[i]
		for _, v := range []*float64{p.Value, p.Low, p.High} {
			if v != nil {
				*v /= by
			}
		}
		for j := range p.Samples {
			p.Samples[j].Value /= by
		}
	}
	for i := range l.Baselines {
		l.Baselines[i].Value /= by
	}
	for i := range l.Findings {
		l.Findings[i].Before /= by
		l.Findings[i].After /= by
	}
}

func aggregateOf(l line, q graphQuery) string {
	if l.Plot.Test == 0 {
		return "geomean"
	}
	return lo.CoalesceOrEmpty(q.Aggregate, lo.Ternary(l.Metric.BiggerIsBetter, "max", "min"))
}

// series is one line, the oldest order first.
func (s *Service) series(ctx context.Context, in suiteView, p plot, q graphQuery) ([]point, error) {
	points, err := s.values(ctx, in, p, q)
	if err != nil {
		return nil, err
	}
	all := [][]point{points}
	err = s.placePoints(ctx, in, q, []plot{p}, all)
	return all[0], err
}

// values are the orders of one line, without their names and in no order that means something.
func (s *Service) values(ctx context.Context, in suiteView, p plot, q graphQuery) ([]point, error) {
	metric := in.Metrics[p.Field]
	if p.Test == 0 {
		return s.means(ctx, in, p, q)
	}
	rows, err := list[pointRow](ctx, s, "page_series", with(with(ofSuite(in), store.Params{
		"own_machine_ids": q.machines.madeOf(p.Machine), "test_id": p.Test, "metric": metric.Name,
	}), q.cut()))
	how := aggregateOf(line{Plot: p, Metric: metric}, q)
	return lo.Map(rows, func(r pointRow, _ int) point { return newPoint(r, q, how) }), err
}

type meanPointRow struct {
	OrderID uint32  `ch:"order_id"`
	RunID   uint32  `ch:"run_id"`
	Value   float64 `ch:"mean"`
}

// means are the geometric means of a machine's tests, which have no samples of their own.
func (s *Service) means(ctx context.Context, in suiteView, p plot, q graphQuery) ([]point, error) {
	rows, err := list[meanPointRow](ctx, s, "page_mean", with(with(machineParams(in, p.Machine), store.Params{
		"metric": in.Metrics[p.Field].Name, "failures": lo.Ternary[uint8](q.Failures, 1, 0),
	}), q.cut()))
	return lo.Map(rows, func(r meanPointRow, _ int) point {
		return point{OrderID: r.OrderID, RunID: r.RunID, Value: &r.Value, Samples: []sample{}}
	}), err
}

type chartOrderRow struct {
	ID      uint32 `ch:"order_id"`
	Name    string `ch:"order_name"`
	SortKey string `ch:"sort_key"`
}

type startRow struct {
	MachineID uint32    `ch:"own_machine_id"`
	OrderID   uint32    `ch:"order_id"`
	StartAt   time.Time `ch:"start_at"`
}

// placePoints names the orders of all lines, says when they were measured, sorts them, and keeps the newest of each. Two reads do it,
// however many lines there are.
func (s *Service) placePoints(ctx context.Context, in suiteView, q graphQuery, plots []plot, all [][]point) error {
	ids := map[uint32]struct{}{}
	first, last := uint32(math.MaxUint32), uint32(0)
	for _, points := range all {
		for _, p := range points {
			ids[p.OrderID] = struct{}{}
			first, last = min(first, p.RunID), max(last, p.RunID)
			for _, v := range p.Samples {
				first, last = min(first, v.RunID), max(last, v.RunID)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var (
		orders map[uint32]chartOrderRow
		starts []startRow
	)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		orders, err = s.chartOrders(ctx, in, lo.Keys(ids))
		return err
	})
	group.Go(func() (err error) {
		starts, err = list[startRow](ctx, s, "page_chart_starts", with(ofSuite(in), store.Params{
			"own_machine_ids": q.madeOf(plots), "first_run": first, "last_run": last,
		}))
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	began := make(map[[2]uint32]time.Time, len(starts))
	for _, r := range starts {
		at := [2]uint32{q.machines.of(r.MachineID), r.OrderID}
		if first, have := began[at]; !have || r.StartAt.Before(first) {
			began[at] = r.StartAt
		}
	}
	for i := range all {
		// an order that cannot be read yet is about to appear
		all[i] = slices.DeleteFunc(all[i], func(p point) bool { _, known := orders[p.OrderID]; return !known })
		for j := range all[i] {
			p := &all[i][j]
			o := orders[p.OrderID]
			p.Order, p.SortKey, p.StartAt = o.Name, o.SortKey, began[[2]uint32{plots[i].Machine, p.OrderID}]
		}
		slices.SortFunc(all[i], func(a, b point) int {
			return cmp.Or(cmp.Compare(a.SortKey, b.SortKey), cmp.Compare(a.OrderID, b.OrderID))
		})
		all[i] = all[i][max(0, len(all[i])-q.Limit):]
	}
	return nil
}

// newPoint leaves failed samples out of the value unless they are asked for, but keeps them to be shown.
func newPoint(r pointRow, q graphQuery, how string) point {
	p := point{OrderID: r.OrderID}
	var good []float64
	for i, v := range r.Values {
		p.Samples = append(p.Samples, sample{v, r.RunIDs[i], r.Failed[i] != 0})
		p.RunID = r.RunIDs[i]
		if r.Failed[i] == 0 || q.Failures {
			good = append(good, v)
		}
	}
	if len(good) > 0 {
		value := aggregate(good, how)
		p.Value = &value
	}
	if low, high, ok := spread(good, q.Band); ok {
		p.Low, p.High = &low, &high
	}
	return p
}

// levels are the lines across the chart at what the baselines had.
func (s *Service) levels(ctx context.Context, in suiteView, q graphQuery, of plot, points []point, baselines []chartBaseline) ([]chartLevel, error) {
	var out []chartLevel
	for _, b := range baselines {
		if of.Test == 0 {
			break // a mean has no run of its own
		}
		rows, err := list[plotRow](ctx, s, "lnt_plot", with(machineParams(in, b.run.MachineID), store.Params{
			"test_id": of.Test, "metric": in.Metrics[of.Field].Name, "status": "", "run_id": b.run.RunID, "max_values": uint64(maxValues),
		}))
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 {
			values := lo.Map(rows, func(r plotRow, _ int) float64 { return r.Value })
			out = append(out, chartLevel{Title: b.title + ", run " + digitsOf(b.run.RunID), Value: meanOf(values), Run: b.run.RunID})
		}
	}
	at, ok := lo.Find(points, func(p point) bool { return p.OrderID == q.BaselineOrder && p.Value != nil })
	if ok && q.BaselineOrder != 0 {
		out = append(out, chartLevel{Title: "order " + at.Order, Value: *at.Value, Order: at.OrderID})
	}
	return out, nil
}

// shownMetric is what values are written in: a normalized one has no unit.
func shownMetric(m suite.Metric, q graphQuery) suite.Metric {
	if q.Normalize != "" {
		m.Unit, m.UnitAbbrev = "", ""
	}
	return m
}
