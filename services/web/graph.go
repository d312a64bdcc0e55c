package web

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// line is one series of a chart, by name.
type line struct {
	Plot    plot
	Machine string
	Test    string
	Metric  suite.Metric
	// Number is its colour and dashes, from 0; Panel the chart it is drawn in.
	Number, Panel int
	// Remove is the chart without this line, "" for the only one.
	Remove string
}

// Colour and Dash are the classes of its swatch.
func (l line) Colour() int { return l.Number % 8 }

// Dash tells lines of one colour apart.
func (l line) Dash() int { return l.Number / 8 % 4 }

// panel is one of several charts of a page.
type panel struct {
	Title string
	// Only is the line that the panel is about, nil for several.
	Only *line
}

type graphBody struct {
	Query  graphQuery
	Lines  []line
	Panels []panel
	// SameTest says that all lines share test and metric, which the heading names.
	SameTest bool
	// Data is where the script finds the values.
	Data string
	// CSV and JSON are the same as files.
	CSV, JSON string
	Changes   []graphChange
	// Metrics leads to the same tests with other metrics.
	Metrics []tab
	// Table is set when the values are to be shown as a table.
	Table []tableLine
	// AsTable and AsChart are the addresses of the two forms.
	AsTable, AsChart string
	// Permalink is this chart with its data pinned; Now is it with the newest data.
	Permalink, Now string
	// Position is how far the data goes.
	Position uint64
	Form     graphForm
	// Named are the suite's baselines, to choose from.
	Named  []baselineRow
	Finder finder
}

// graphForm are the choices of the chart as a form.
type graphForm struct {
	// Kept are the parameters that the form does not show.
	Kept                                     []attribute
	Aggregates, Bands, Normalizings, Layouts []graphChoice
	Limits                                   []graphChoice
	Flags                                    []flag
	Window                                   int
	// Baseline is the run of the first baseline, "" for none; BaselineOrder the order's id.
	Baseline, BaselineOrder string
	// Changed is how many choices are not the normal ones.
	Changed int
}

// graphChoice is a word of a choice.
type graphChoice struct {
	Value, Text string
	Chosen      bool
}

// finder is the search for lines to add.
type finder struct {
	Find     string
	Machine  uint32
	Field    int
	Machines []machineNameRow
	Metrics  []metricChoice
	Kept     []attribute
	// Asked says that there was something to look for.
	Asked bool
	Found []foundSeries
	// More says that there are more than shown.
	More bool
	Full string
}

// foundSeries is a series that can be added.
type foundSeries struct {
	Test, Machine, Metric string
	// Add is the chart with it; "" when it is there already.
	Add string
}

// tableLine is a series as a table, the newest order first.
type tableLine struct {
	line
	Aggregate string
	Note      string
	Band      string
	Derived   []string
	Points    []tablePoint
	Total     int
}

type tablePoint struct {
	OrderID  uint32
	Order    string
	Text     string
	Value    float64
	Missing  bool
	Spread   string
	Derived  []string
	Samples  []tableSample
	RunID    uint32
	Measured string
}

type tableSample struct {
	Text   string
	Value  float64
	Failed bool
	RunID  uint32
}

// chart is the page of a chart.
func (l links) chart(in suiteView, q graphQuery) string {
	return l.Suite(in.Database, in.Name) + "graph?" + q.query()
}

// graph answers /graph, and with part=found only what the search for more lines found.
func (s *Service) graph(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Chart", "graph")
	if err != nil {
		return err
	}
	q, err := readGraph(c, s.cfg)
	if err != nil {
		return err
	}
	if len(q.Plots) == 0 {
		return nothingToGraph(v.L, in)
	}
	ctx := c.UserContext()
	if err := s.pin(ctx, c, in, &q); err != nil {
		return err
	}
	if c.Query("add_machine") != "" || c.Query("set") != "" {
		return c.Redirect(v.L.chart(in, q)+tableSuffix(c), fiber.StatusSeeOther)
	}
	lines, err := s.lines(ctx, v.L, in, &q)
	if err != nil {
		return err
	}
	if err := s.markRun(c, v.L, in, &q); err != nil {
		return err
	}
	find, err := s.finder(c, v.L, in, q)
	if err != nil {
		return err
	}
	if c.Query("part") == "found" {
		v.Body = find
		return s.renderPart(c, "graph", "found-series", v)
	}
	body, err := s.graphBody(c, v, in, q, lines)
	if err != nil {
		return err
	}
	if body.Named, err = s.baselines(ctx, in); err != nil {
		return err
	}
	body.Finder = find
	v.Title = lines[0].Test + " · " + lines[0].Metric.Title()
	v.crumb("Chart")
	v.Chart, v.Body = body.Table == nil, body
	return s.render(c, "graph", v)
}

func tableSuffix(c *fiber.Ctx) string {
	return lo.Ternary(c.Query("view") == "table", "&view=table", "")
}

func nothingToGraph(l links, in suiteView) *problem {
	p := badParameter("plot.0", "", "Name at least one line as plot.0=<machine id>.<test id>.<field index>. "+
		"Every finding and every result of a run has a link that does.")
	p.Title, p.Detail = "Nothing to graph", "The address names no line."
	p.Back, p.BackText = l.Suite(in.Database, in.Name), "Findings and runs of "+in.Name
	return p
}

// markRun points at the order of LNT's highlight_run.
func (s *Service) markRun(c *fiber.Ctx, l links, in suiteView, q *graphQuery) error {
	id, err := strconv.ParseUint(c.Query("highlight_run"), 10, 32)
	if err != nil || q.Order != 0 || c.Query("hide_highlight") != "" {
		return nil //nolint:nilerr // as LNT: what is no number highlights nothing
	}
	run, err := s.chartRun(c.UserContext(), l, in, "highlight_run", uint32(id))
	q.Order = run.OrderID
	return err
}

func (s *Service) graphBody(c *fiber.Ctx, v view, in suiteView, q graphQuery, lines []line) (graphBody, error) {
	ctx, base := c.UserContext(), v.L.Suite(in.Database, in.Name)
	body := graphBody{
		Query: q, Lines: lines, Panels: panels(q, lines), Data: base + "graph/data?" + q.query(),
		AsTable: v.L.chart(in, q) + "&view=table", AsChart: v.L.chart(in, q), Now: v.L.chart(in, q.now()),
		SameTest: lo.EveryBy(lines, func(l line) bool { return l.Test == lines[0].Test && l.Metric.Name == lines[0].Metric.Name }),
	}
	body.CSV, body.JSON = body.Data+"&format=csv", body.Data+"&download=1"
	position, err := s.position(ctx, in)
	if err != nil {
		return body, err
	}
	body.Position = lo.Ternary(q.AsOf > 0, q.AsOf, position.Position)
	body.Permalink = v.L.chart(in, q.pinned(body.Position))
	body.Form = newGraphForm(q, s.cfg)
	body.Metrics = metricTabs(v.L, in, q)
	shown, err := choice(c, "view", graphViews...)
	if err != nil {
		return body, err
	}
	if shown == "table" {
		body.Form.Kept = append(body.Form.Kept, attribute{"view", "table"})
		body.Table, err = s.tables(c, in, q, lines)
		return body, err
	}
	found, err := s.chartFindings(ctx, in, q)
	body.Changes = changes(v.L, in, q, lines, found)
	return body, err
}

// panels are the charts of the page: by metric unless something else is asked for.
func panels(q graphQuery, lines []line) []panel {
	var out []panel
	for i := range lines {
		l := &lines[i]
		if l.Panel < len(out) {
			out[l.Panel].Only = nil
			continue
		}
		out = append(out, panel{Title: l.Metric.Title(), Only: l})
	}
	for i := range out {
		if q.Charts != "line" {
			out[i].Only = nil
		}
		if q.Charts == "one" {
			out[i].Title = "All lines"
		}
	}
	return out
}

// panelOf is the chart that a line belongs in; seen are the metrics so far.
func panelOf(q graphQuery, i int, field int, seen *[]int) int {
	switch q.Charts {
	case "one":
		return 0
	case "line":
		return i
	}
	if at := slices.Index(*seen, field); at >= 0 {
		return at
	}
	*seen = append(*seen, field)
	return len(*seen) - 1
}

// newGraphForm shows the choices as they are.
func newGraphForm(q graphQuery, cfg Config) graphForm {
	choices := func(chosen string, words []string, texts ...string) []graphChoice {
		return lo.Map(texts, func(text string, i int) graphChoice { return graphChoice{words[i], text, words[i] == chosen} })
	}
	f := graphForm{
		Aggregates:   choices(q.Aggregate, aggregates, "best", "min", "max", "mean", "median", "geometric mean", "newest"),
		Bands:        choices(q.Band, bands, "none", "least to most", "standard deviation", "median deviation"),
		Normalizings: choices(q.Normalize, normalizings, "no", "first is 1", "median is 1", "baseline is 1"),
		Layouts:      choices(lo.Ternary(q.Charts == "metric", "", q.Charts), []string{"", "line", "one"}, "one per metric", "one per line", "all in one"),
		Flags:        q.flags(), Window: q.Window,
	}
	limits := lo.Filter([]int{50, 100, 250, 500, 1000}, func(n int, _ int) bool { return n < cfg.MaxOrders })
	if q.Asked != 0 && !slices.Contains(limits, q.Asked) {
		limits = append(limits, q.Asked)
		slices.Sort(limits)
	}
	f.Limits = append(f.Limits, graphChoice{"", "all", q.Asked == 0})
	for _, n := range limits {
		f.Limits = append(f.Limits, graphChoice{strconv.Itoa(n), strconv.Itoa(n), n == q.Asked})
	}
	shown := lo.Map(f.Flags, func(b flag, _ int) string { return b.Name })
	shown = append(shown, "aggregation_function", "band", "normalize", "charts", "limit", "moving_window_size", "baseline_order")
	for _, a := range q.args() {
		switch {
		case len(q.Baselines) > 0 && a.Name == "baseline."+q.Baselines[0].Title:
			f.Baseline = a.Value
			f.Changed++
		case slices.Contains(shown, a.Name):
			f.Changed++
		default:
			f.Kept = append(f.Kept, a)
		}
	}
	if q.BaselineOrder != 0 {
		f.BaselineOrder = digitsOf(q.BaselineOrder)
	}
	return f
}

// BaselineName is the parameter of the form's baseline.
func (b graphBody) BaselineName() string {
	if len(b.Query.Baselines) > 0 {
		return "baseline." + b.Query.Baselines[0].Title
	}
	return "baseline.Baseline"
}

// metricTabs lead to the same lines in every other metric; there are none for a
// chart that mixes metrics.
func metricTabs(l links, in suiteView, q graphQuery) []tab {
	fields := lo.Uniq(lo.Map(q.Plots, func(p plot, _ int) int { return p.Field }))
	if len(fields) != 1 {
		return nil
	}
	return lo.Map(in.realMetrics(), func(m metricChoice, _ int) tab {
		same := lo.Map(q.Plots, func(p plot, _ int) plot { return plot{p.Machine, p.Test, m.Index} })
		return tab{Text: m.Title(), Address: l.chart(in, q.with(same...)), Current: m.Index == fields[0]}
	})
}

// Bounds of the search for lines to add.
const (
	mostTestsFound = 20
	mostWords      = 8
)

// finder looks for series by words in their tests' names, on one machine or on all.
func (s *Service) finder(c *fiber.Ctx, l links, in suiteView, q graphQuery) (finder, error) {
	f := finder{Field: q.Plots[0].Field, Machine: q.Plots[0].Machine, Machines: q.machines.list, Metrics: in.realMetrics()}
	var err error
	if f.Find, err = text(c, "find"); err != nil {
		return f, err
	}
	f.Kept = q.args()
	if asked := c.Query("on"); asked != "" {
		id, err := number(c, "on", 1<<32-1)
		if err != nil {
			return f, err
		}
		f.Machine = uint32(id)
	}
	if asked := c.Query("field"); asked != "" {
		field, err := number(c, "field", uint64(len(in.Metrics)-1))
		if err != nil {
			return f, err
		}
		f.Field = int(field)
	}
	if !lo.ContainsBy(f.Metrics, func(m metricChoice) bool { return m.Index == f.Field }) {
		return f, badParameter("field", c.Query("field"), "Choose one of the suite's metrics: "+strings.Join(lo.Map(f.Metrics, func(m metricChoice, _ int) string {
			return fmt.Sprintf("%d (%s)", m.Index, m.Title())
		}), ", ")+".")
	}
	f.Asked = c.Query("on") != "" || f.Find != ""
	if !f.Asked {
		return f, nil
	}
	if len(q.Plots) >= s.cfg.MaxPlots {
		f.Full = fmt.Sprintf("A chart has at most %d lines: remove one first.", s.cfg.MaxPlots)
		return f, nil
	}
	return f, s.findSeries(c, l, in, q, &f)
}

func (s *Service) findSeries(c *fiber.Ctx, l links, in suiteView, q graphQuery, f *finder) error {
	words := strings.Fields(f.Find)
	rows, err := list[testRow](c.UserContext(), s, "page_find_tests", with(ofSuite(in), store.Params{
		"words": words[:min(len(words), mostWords)], "limit": uint32(mostTestsFound + 1),
	}))
	if err != nil {
		return err
	}
	f.More = len(rows) > mostTestsFound
	machines := lo.Filter(f.Machines, func(m machineNameRow, _ int) bool { return f.Machine == 0 || f.Machine == m.ID })
	metric := in.Metrics[f.Field].Title()
	kept := "&find=" + url.QueryEscape(f.Find) + fmt.Sprintf("&on=%d&field=%d", f.Machine, f.Field)
	for _, r := range rows[:min(len(rows), mostTestsFound)] {
		for _, m := range machines {
			p := plot{m.ID, r.ID, f.Field}
			found := foundSeries{Test: r.Name, Machine: m.Name, Metric: metric}
			if !slices.Contains(q.Plots, p) {
				found.Add = l.chart(in, q.with(append(slices.Clone(q.Plots), p)...)) + kept
			}
			f.Found = append(f.Found, found)
			if len(f.Found) == 2*mostTestsFound {
				f.More = true
				return nil
			}
		}
	}
	return nil
}

// hasFields says which line is of a metric that the suite does not have, or that cannot be drawn.
func (q *graphQuery) hasFields(in suiteView) error {
	for i, p := range q.Plots {
		if p.Field >= len(in.Metrics) || in.Metrics[p.Field].Type != suite.Real {
			return badParameter(fmt.Sprintf("plot.%d", i), p.String(), fmt.Sprintf("Suite %s has no values in field %d. It has: %s.",
				in.Name, p.Field, strings.Join(lo.Map(in.realMetrics(), func(m metricChoice, _ int) string {
					return fmt.Sprintf("%d (%s)", m.Index, m.Title())
				}), ", ")))
		}
	}
	return nil
}

// lines finds the names of what is plotted, and says which of them does not exist. The query knows its machines then.
func (s *Service) lines(ctx context.Context, l links, in suiteView, q *graphQuery) ([]line, error) {
	if err := q.hasFields(in); err != nil {
		return nil, err
	}
	if q.machines == nil {
		machines, err := s.machines(ctx, in)
		if err != nil {
			return nil, err
		}
		q.machines = &machines
	}
	tests, err := s.testNames(ctx, in, lo.Map(q.Plots, func(p plot, _ int) uint32 { return p.Test }))
	if err != nil {
		return nil, err
	}
	var (
		lines []line
		seen  []int
	)
	for i, p := range q.Plots {
		machine, hasMachine := q.machines.names[p.Machine]
		test, hasTest := tests[p.Test]
		if p.Test == 0 {
			test, hasTest = "Geometric mean", true
		}
		if !hasMachine || !hasTest {
			what := lo.Ternary(hasMachine, fmt.Sprintf("test %d", p.Test), fmt.Sprintf("machine %d", p.Machine))
			return nil, notHere(fmt.Sprintf("plot.%d=%s: suite %s has no %s.", i, p, in.Name, what),
				"Change the number or remove the line from the address.", l.Suite(in.Database, in.Name), "Machines and runs of "+in.Name)
		}
		made := line{Plot: p, Machine: machine, Test: test, Metric: in.Metrics[p.Field], Number: i, Panel: panelOf(*q, i, p.Field, &seen)}
		if len(q.Plots) > 1 {
			made.Remove = l.chart(in, q.without(i))
		}
		lines = append(lines, made)
	}
	return lines, nil
}

// tables are the values of all lines in the form that needs no script.
func (s *Service) tables(c *fiber.Ctx, in suiteView, q graphQuery, lines []line) ([]tableLine, error) {
	read, err := s.readChart(c.UserContext(), in, q)
	if err != nil {
		return nil, err
	}
	data := newChart(in, q, lines, read)
	most := max(minTableOrders, maxTableRows/len(lines))
	out := make([]tableLine, len(lines))
	for i, l := range lines {
		l.Metric = shownMetric(l.Metric, q)
		of := data.Series[i]
		out[i] = tableLine{
			line: l, Aggregate: of.Aggregate, Note: of.Note, Total: len(of.Points),
			Band:    lo.Ternary(q.Band == "", "", newGraphForm(q, s.cfg).chosenBand()),
			Derived: lo.Map(of.Derived, func(d derived, _ int) string { return d.Name }),
		}
		lines := lo.Map(of.Derived, func(d derived, _ int) map[int]float64 {
			return lo.SliceToMap(d.Points, func(v spot) (int, float64) { return v.Position, v.Value })
		})
		for j := len(of.Points) - 1; j >= max(0, len(of.Points)-most); j-- {
			out[i].Points = append(out[i].Points, newTablePoint(l.Metric, data.Orders[of.Points[j].At], of.Points[j], lines))
		}
	}
	return out, nil
}

func (f graphForm) chosenBand() string {
	found, _ := lo.Find(f.Bands, func(o graphChoice) bool { return o.Chosen })
	return found.Text
}

// The tables stay readable and small: one line has as many rows as fit, and several share them. Files have everything.
const (
	maxTableRows   = 500
	minTableOrders = 30
)

func newTablePoint(m suite.Metric, o chartOrder, p chartPoint, lines []map[int]float64) tablePoint {
	row := tablePoint{OrderID: o.ID, Order: o.Name, Missing: p.Value == nil, RunID: p.Run, Measured: o.At}
	if p.Value != nil {
		row.Value, row.Text = *p.Value, quantity(m, *p.Value)
	}
	if p.Low != nil && p.High != nil {
		row.Spread = quantity(m, *p.Low) + " to " + quantity(m, *p.High)
	}
	for _, l := range lines {
		v, ok := l[p.At]
		row.Derived = append(row.Derived, lo.Ternary(ok, quantity(m, v), "–"))
	}
	row.Samples = lo.Map(p.Samples, func(v sample, _ int) tableSample {
		return tableSample{Text: quantity(m, v.Value), Value: v.Value, Failed: v.Failed, RunID: v.RunID}
	})
	return row
}

// machineParams are the parameters that name one machine.
func machineParams(in suiteView, id uint32) store.Params {
	return with(ofSuite(in), store.Params{"machine_id": id})
}
