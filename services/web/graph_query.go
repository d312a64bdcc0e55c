package web

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
)

// graphQuery is what the address of a chart says. Where LNT has a parameter for it, it is that one.
type graphQuery struct {
	// Plots are the lines; one whose Test is 0 is the geometric mean of a machine.
	Plots []plot
	// Aggregate is how the samples of an order become one value; "" is the metric's own best.
	Aggregate string
	// Limit is how many of the newest orders to show; Asked is what the address says, 0 for all that may be shown.
	Limit, Asked int
	// Order is an order to point at, 0 for none.
	Order uint32
	// From and To are the orders in sight, 0 for the ends.
	From, To uint32
	// Band is the spread drawn around each value.
	Band string
	// Normalize is what becomes 1.
	Normalize string
	// Charts says which lines share one.
	Charts string
	// Window is how many values to each side the moving statistics look at.
	Window    int
	Baselines []askedBaseline
	// BaselineOrder is an order whose values are drawn as lines, 0 for none.
	BaselineOrder uint32
	chartFlags
	// AsOf is the position that the data is pinned to, 0 for none. Load is the newest load then.
	AsOf uint64
	Load uint32
	// machines are those of the suite, once they are read.
	machines *machineBook
}

// chartFlags are what is on or off.
type chartFlags struct {
	Log, ByDate, HideLine, HideSamples, Failures, Average, Median, Least, Trend bool
}

// flag is a box of the form.
type flag struct {
	Name, Text string
	On         bool
}

// fields are the flags with their parameters, in the order of the form.
func (f *chartFlags) fields() []struct {
	name, text string
	on         *bool
} {
	return []struct {
		name, text string
		on         *bool
	}{
		{"logarithmic_scale", "Log scale", &f.Log},
		{"xaxis_date", "By date", &f.ByDate},
		{"show_moving_average", "Moving average", &f.Average},
		{"show_moving_median", "Moving median", &f.Median},
		{"show_linear_regression", "Trend", &f.Trend},
		{"show_cumulative_minimum", "Best so far", &f.Least},
		{"hide_lineplot", "Hide the line", &f.HideLine},
		{"hide_all_points", "Hide samples", &f.HideSamples},
		{"show_failures", "Count failed samples", &f.Failures},
	}
}

// askedBaseline is a run that a level line is drawn for.
type askedBaseline struct {
	Title string
	Run   uint32
}

// What the choices of the form may be; the first is what an address without the parameter means.
var (
	aggregates   = []string{"", "min", "max", "mean", "median", "geomean", "newest"}
	bands        = []string{"", "range", "stddev", "mad"}
	normalizings = []string{"", "first", "median", "baseline"}
	chartings    = []string{"", "metric", "line", "one"}
	graphViews   = []string{"chart", "table"}
)

const (
	defaultWindow = 10
	mostWindow    = 1000
	mostBaselines = 8
)

func readGraph(c *fiber.Ctx, cfg Config) (graphQuery, error) {
	q := graphQuery{}
	for _, read := range []func(*fiber.Ctx, Config) error{q.readLines, q.readChoices, q.readNumbers, q.readBaselines} {
		if err := read(c, cfg); err != nil {
			return q, err
		}
	}
	for _, f := range q.fields() {
		*f.on = c.Query(f.name) != ""
	}
	return q, q.fits()
}

// fits reports choices that go against each other.
func (q *graphQuery) fits() error {
	fields := lo.Uniq(lo.Map(q.Plots, func(p plot, _ int) int { return p.Field }))
	switch {
	case q.Normalize == "baseline" && len(q.Baselines) == 0 && q.BaselineOrder == 0:
		return badParameter("normalize", q.Normalize, "Say by which: add baseline.0=<run id> or baseline_order=<order id>, or take normalize=first or normalize=median.")
	case q.Charts == "one" && q.Normalize == "" && len(fields) > 1:
		return badParameter("charts", q.Charts, "Metrics with different units share no axis: add normalize=first, or take charts=metric or charts=line.")
	}
	return nil
}

func (q *graphQuery) readLines(c *fiber.Ctx, cfg Config) (err error) {
	if q.Plots, err = readPlots(c, cfg.MaxPlots); err != nil {
		return err
	}
	if err = q.readMeans(c); err != nil {
		return err
	}
	if q.Plots, err = addPlot(c, q.Plots); err != nil {
		return err
	}
	if len(q.Plots) > cfg.MaxPlots {
		return badParameter("plot", fmt.Sprintf("%d lines", len(q.Plots)), fmt.Sprintf("A chart has at most %d lines: leave some out.", cfg.MaxPlots))
	}
	return nil
}

func (q *graphQuery) readMeans(c *fiber.Ctx) (err error) {
	c.Context().QueryArgs().VisitAll(func(key, value []byte) {
		if err != nil || string(key) != "mean" || len(value) == 0 {
			return
		}
		text := string(value)
		p, wrong := parsePlot(strings.Replace(text, ".", ".1.", 1))
		if wrong != nil || strings.Count(text, ".") != 1 {
			err = badParameter("mean", text, "Write it as machine id and field index with a point between them, for example 1.2.")
			return
		}
		q.Plots = append(q.Plots, plot{Machine: p.Machine, Field: p.Field})
	})
	return err
}

// addPlot takes the line that a form on the page adds: a machine for the first line's test and metric.
func addPlot(c *fiber.Ctx, plots []plot) ([]plot, error) {
	machine, err := number(c, "add_machine", 1<<32-1)
	if err != nil || machine == 0 || len(plots) == 0 {
		return plots, err
	}
	more := plot{uint32(machine), plots[0].Test, plots[0].Field}
	if slices.Contains(plots, more) {
		return plots, nil
	}
	return append(plots, more), nil
}

func (q *graphQuery) readChoices(c *fiber.Ctx, _ Config) (err error) {
	if q.Aggregate, err = choice(c, "aggregation_function", aggregates...); err != nil {
		return err
	}
	if q.Band, err = choice(c, "band", bands...); err != nil {
		return err
	}
	if q.Normalize, err = choice(c, "normalize", normalizings...); err != nil {
		return err
	}
	if q.Charts, err = choice(c, "charts", chartings...); err != nil {
		return err
	}
	// LNT's own names for some of them
	for _, old := range []struct {
		name  string
		field *string
		means string
	}{{"show_stddev", &q.Band, "stddev"}, {"show_mad", &q.Band, "mad"}, {"normalize_by_median", &q.Normalize, "median"}} {
		if *old.field == "" && c.Query(old.name) != "" {
			*old.field = old.means
		}
	}
	return nil
}

func (q *graphQuery) readNumbers(c *fiber.Ctx, cfg Config) error {
	limit, err := number(c, "limit", uint64(cfg.MaxOrders))
	if err != nil {
		return err
	}
	q.Asked, q.Limit = int(limit), lo.Ternary(limit == 0, cfg.MaxOrders, int(limit))
	window, err := number(c, "moving_window_size", mostWindow)
	if err != nil {
		return err
	}
	q.Window = lo.Ternary(window == 0, defaultWindow, int(window))
	for _, id := range []struct {
		name  string
		field *uint32
	}{{"order", &q.Order}, {"from", &q.From}, {"to", &q.To}, {"baseline_order", &q.BaselineOrder}} {
		n, err := number(c, id.name, 1<<32-1)
		if err != nil {
			return err
		}
		*id.field = uint32(n)
	}
	return nil
}

func (q *graphQuery) readBaselines(c *fiber.Ctx, _ Config) error {
	err := firstOf(c, "baseline.", func(name, value string) error {
		if value == "" {
			return nil
		}
		id, err := strconv.ParseUint(value, 10, 32)
		if err != nil || id == 0 {
			return badParameter(clip(name, 60), value, "It must be the number of a run.")
		}
		q.Baselines = append(q.Baselines, askedBaseline{clip(strings.TrimPrefix(name, "baseline."), 60), uint32(id)})
		return nil
	})
	if err == nil && len(q.Baselines) > mostBaselines {
		err = badParameter("baseline", fmt.Sprintf("%d runs", len(q.Baselines)), fmt.Sprintf("A chart has at most %d baselines: leave some out.", mostBaselines))
	}
	return err
}

// args are the parameters of this chart in one order, so that one chart has one address.
func (q graphQuery) args() []attribute {
	var out []attribute
	add := func(name, value string) {
		if value != "" && value != "0" {
			out = append(out, attribute{name, value})
		}
	}
	n := 0
	for _, p := range q.Plots {
		if p.Test == 0 {
			add("mean", fmt.Sprintf("%d.%d", p.Machine, p.Field))
			continue
		}
		add(fmt.Sprintf("plot.%d", n), p.String())
		n++
	}
	add("aggregation_function", q.Aggregate)
	add("order", digitsOf(q.Order))
	add("from", digitsOf(q.From))
	add("to", digitsOf(q.To))
	add("limit", strconv.Itoa(q.Asked))
	add("band", q.Band)
	add("normalize", q.Normalize)
	add("charts", q.Charts)
	for _, f := range q.fields() {
		add(f.name, lo.Ternary(*f.on, "1", ""))
	}
	if q.Window != defaultWindow {
		add("moving_window_size", strconv.Itoa(q.Window))
	}
	for _, b := range q.Baselines {
		add("baseline."+b.Title, digitsOf(b.Run))
	}
	add("baseline_order", digitsOf(q.BaselineOrder))
	add("as_of", uintText(q.AsOf))
	return out
}

// query is the address of this chart.
func (q graphQuery) query() string {
	return strings.Join(lo.Map(q.args(), func(a attribute, _ int) string { return url.QueryEscape(a.Name) + "=" + url.QueryEscape(a.Value) }), "&")
}

// with is the same chart of other lines.
func (q graphQuery) with(plots ...plot) graphQuery {
	q.Plots = plots
	return q
}

// without is the same chart without line i.
func (q graphQuery) without(i int) graphQuery {
	return q.with(slices.Delete(slices.Clone(q.Plots), i, i+1)...)
}

// madeOf are the machines that those of some lines were made of.
func (q graphQuery) madeOf(plots []plot) []uint32 {
	return q.machines.madeOf(lo.Map(plots, func(p plot, _ int) uint32 { return p.Machine })...)
}

// now is the same chart with the newest data.
func (q graphQuery) now() graphQuery {
	q.AsOf = 0
	return q
}

// pinned is the same chart at a position.
func (q graphQuery) pinned(position uint64) graphQuery {
	if q.AsOf == 0 {
		q.AsOf = position
	}
	return q
}

// flags are the boxes of the form.
func (q graphQuery) flags() []flag {
	fields := q.fields()
	out := make([]flag, len(fields))
	for i, f := range fields {
		out[i] = flag{f.name, f.text, *f.on}
	}
	return out
}

// cut are the parameters that bound what is read to the pinned position; without one everything is.
func (q graphQuery) cut() store.Params {
	if q.AsOf == 0 {
		return store.Params{"as_of": uint64(math.MaxUint64), "last_load": uint32(math.MaxUint32)}
	}
	return store.Params{"as_of": q.AsOf, "last_load": q.Load}
}

type loadRow struct {
	Load uint32 `ch:"load_id"`
}

type seqRow struct {
	Seq uint64 `ch:"seq"`
}

// position is how far the suite goes, and how much of it can be read where answers are not kept, which then have a tag of their own.
func (s *Service) position(ctx context.Context, in suiteView) (positionRow, error) {
	name := "suite_position"
	if s.keep != nil {
		name = "page_position"
	}
	row, _, err := one[positionRow](ctx, s, name, ofSuite(in))
	return row, err
}

// pin resolves as_of, a position or a time, and what was newest then.
func (s *Service) pin(ctx context.Context, c *fiber.Ctx, in suiteView, q *graphQuery) error {
	if c.Query("as_of") == "" {
		return nil
	}
	newest, err := s.position(ctx, in)
	if err != nil {
		return err
	}
	return s.pinBefore(ctx, c, in, q, newest)
}

// pinBefore is pin where the suite's position is known.
func (s *Service) pinBefore(ctx context.Context, c *fiber.Ctx, in suiteView, q *graphQuery, newest positionRow) error {
	asked := c.Query("as_of")
	if asked == "" {
		return nil
	}
	position, err := s.positionOf(ctx, in, asked)
	if err != nil {
		return err
	}
	if position == 0 || position > newest.Position {
		return badParameter("as_of", asked, fmt.Sprintf("Suite %s has the positions 1 to %d. Without as_of the chart shows what is newest.", in.Name, newest.Position))
	}
	load, _, err := one[loadRow](ctx, s, "page_load_at", with(ofSuite(in), store.Params{"as_of": position}))
	q.AsOf, q.Load = position, load.Load
	return err
}

func (s *Service) positionOf(ctx context.Context, in suiteView, asked string) (uint64, error) {
	if n, err := strconv.ParseUint(asked, 10, 63); err == nil {
		return n, nil
	}
	at, err := time.Parse(time.RFC3339, asked)
	if err != nil {
		return 0, badParameter("as_of", asked, "Write a position, a whole number as in the permanent link of a chart, or a time like 2026-02-03T04:05:06Z.")
	}
	row, _, err := one[seqRow](ctx, s, "rest_position_at", with(ofSuite(in), store.Params{"at": at.UTC()}))
	return row.Seq, err
}
