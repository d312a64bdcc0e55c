package web

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// graphQuery is what the address of a chart says.
type graphQuery struct {
	Plots []plot
	// Aggregate is how the samples of an order become one value; "" is the metric's own best.
	Aggregate string
	// Limit is how many of the newest orders to show.
	Limit int
	// Order is an order to point at, 0 for none.
	Order uint32
}

// line is one series of a chart, by name.
type line struct {
	Plot    plot
	Machine string
	Test    string
	Metric  suite.Metric
	// Remove is the chart without this line.
	Remove string
}

type graphBody struct {
	Query graphQuery
	Lines []line
	// Data is where the script finds the values.
	Data     string
	Findings []finding
	// Metrics leads to the same tests with other metrics.
	Metrics []tab
	// Machines can be added with the test and metric of the first line.
	Machines []machineNameRow
	// Table is set when the values are to be shown as a table.
	Table []tableLine
	// AsTable and AsChart are the addresses of the two forms.
	AsTable, AsChart string
	// Kept are the plots for the form that adds one.
	Kept []attribute
}

// tableLine is a series as a table, the newest order first.
type tableLine struct {
	line
	Points []tablePoint
	Total  int
}

type tablePoint struct {
	OrderID uint32
	Order   string
	Text    string
	Value   float64
	Missing bool
	Samples []tableSample
	RunID   uint32
	At      point
}

type tableSample struct {
	Text   string
	Value  float64
	Failed bool
	RunID  uint32
}

func readGraph(c *fiber.Ctx, cfg Config) (graphQuery, error) {
	var (
		q   graphQuery
		err error
	)
	if q.Plots, err = readPlots(c, cfg.MaxPlots); err != nil {
		return q, err
	}
	if q.Plots, err = addPlot(c, q.Plots, cfg.MaxPlots); err != nil {
		return q, err
	}
	if q.Aggregate, err = choice(c, "aggregation_function", "", "min", "max", "mean", "median"); err != nil {
		return q, err
	}
	limit, err := number(c, "limit", uint64(cfg.MaxOrders))
	if err != nil {
		return q, err
	}
	q.Limit = lo.Ternary(limit == 0, cfg.MaxOrders, int(limit))
	order, err := number(c, "order", 1<<32-1)
	q.Order = uint32(order)
	return q, err
}

// addPlot takes the line that the form on the page adds: a machine for the first line's test and metric.
func addPlot(c *fiber.Ctx, plots []plot, most int) ([]plot, error) {
	machine, err := number(c, "add_machine", 1<<32-1)
	if err != nil || machine == 0 || len(plots) == 0 {
		return plots, err
	}
	more := plot{uint32(machine), plots[0].Test, plots[0].Field}
	if slices.Contains(plots, more) {
		return plots, nil
	}
	if len(plots) >= most {
		return nil, badParameter("add_machine", uintText(machine), fmt.Sprintf("A chart has at most %d lines: remove one first.", most))
	}
	return append(plots, more), nil
}

// query is the address of this chart, without what is added by adding.
func (q graphQuery) query() string {
	parts := []string{plotQuery(q.Plots)}
	if q.Aggregate != "" {
		parts = append(parts, "aggregation_function="+q.Aggregate)
	}
	if q.Order != 0 {
		parts = append(parts, "order="+digitsOf(q.Order))
	}
	return strings.Join(parts, "&")
}

// graph answers /graph.
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
	if c.Query("add_machine") != "" {
		return c.Redirect(v.L.Suite(in.Database, in.Name)+"graph?"+q.query(), fiber.StatusSeeOther)
	}
	lines, err := s.lines(c.UserContext(), v.L, in, q.Plots)
	if err != nil {
		return err
	}
	body, err := s.graphBody(c, v, in, q, lines)
	if err != nil {
		return err
	}
	v.Title = lines[0].Test + " · " + lines[0].Metric.Title()
	v.crumb("Chart")
	v.Chart, v.Body = body.Table == nil, body
	return s.render(c, "graph", v)
}

func nothingToGraph(l links, in suiteView) *problem {
	p := badParameter("plot.0", "", "Name at least one line as plot.0=<machine id>.<test id>.<field index>. "+
		"Every finding and every result of a run has a link that does.")
	p.Title, p.Detail = "Nothing to graph", "The address names no line."
	p.Back, p.BackText = l.Suite(in.Database, in.Name), "Findings and runs of "+in.Name
	return p
}

func (s *Service) graphBody(c *fiber.Ctx, v view, in suiteView, q graphQuery, lines []line) (graphBody, error) {
	base := v.L.Suite(in.Database, in.Name)
	body := graphBody{
		Query: q, Lines: lines, Data: base + "graph/data?" + q.query() + fmt.Sprintf("&limit=%d", q.Limit),
		AsTable: base + "graph?" + q.query() + "&view=table", AsChart: base + "graph?" + q.query(),
	}
	asTable, err := choice(c, "view", "chart", "table")
	if err != nil {
		return body, err
	}
	if body.Findings, err = s.graphFindings(c.UserContext(), v.L, in, q.Plots); err != nil {
		return body, err
	}
	if asTable == "table" {
		body.Table, err = s.tables(c.UserContext(), in, q, lines)
		return body, err
	}
	names, err := list[machineNameRow](c.UserContext(), s, "page_machine_names", ofSuite(in))
	if err != nil {
		return body, err
	}
	body.Machines = lo.Filter(names, func(m machineNameRow, _ int) bool {
		return !slices.Contains(q.Plots, plot{m.ID, q.Plots[0].Test, q.Plots[0].Field})
	})
	body.Metrics = metricTabs(v.L, in, q)
	for i, p := range q.Plots {
		body.Kept = append(body.Kept, attribute{fmt.Sprintf("plot.%d", i), p.String()})
	}
	return body, nil
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
		address := l.Graph(in.Database, in.Name, same...)
		if q.Order != 0 {
			address += "&order=" + digitsOf(q.Order)
		}
		return tab{Text: m.Title(), Address: address, Current: m.Index == fields[0]}
	})
}

// maxGraphFindings bounds the table under a chart.
const maxGraphFindings = 200

func (s *Service) graphFindings(ctx context.Context, l links, in suiteView, plots []plot) ([]finding, error) {
	var found []finding
	for _, p := range plots {
		rows, err := s.findings(ctx, l, map[string]suiteView{in.Database + "/" + in.Name: in}, findingQuery{
			Database: in.Database, Suite: in.Name, MachineID: p.Machine, TestID: p.Test,
			Metric: in.Metrics[p.Field].Name, Sort: "order", Limit: maxGraphFindings,
		})
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	return found, nil
}

// lines finds the names of what is plotted, and says which of them does not exist.
func (s *Service) lines(ctx context.Context, l links, in suiteView, plots []plot) ([]line, error) {
	for i, p := range plots {
		if p.Field >= len(in.Metrics) || in.Metrics[p.Field].Type != suite.Real {
			return nil, badParameter(fmt.Sprintf("plot.%d", i), p.String(), fmt.Sprintf("Suite %s has no values in field %d. It has: %s.",
				in.Name, p.Field, strings.Join(lo.Map(in.realMetrics(), func(m metricChoice, _ int) string {
					return fmt.Sprintf("%d (%s)", m.Index, m.Title())
				}), ", ")))
		}
	}
	tests, err := s.testNames(ctx, in, lo.Map(plots, func(p plot, _ int) uint32 { return p.Test }))
	if err != nil {
		return nil, err
	}
	known, err := list[machineNameRow](ctx, s, "page_machine_names", ofSuite(in))
	if err != nil {
		return nil, err
	}
	machines := lo.SliceToMap(known, func(m machineNameRow) (uint32, string) { return m.ID, m.Name })
	var lines []line
	for i, p := range plots {
		machine, hasMachine := machines[p.Machine]
		test, hasTest := tests[p.Test]
		if !hasMachine || !hasTest {
			what := lo.Ternary(hasMachine, fmt.Sprintf("test %d", p.Test), fmt.Sprintf("machine %d", p.Machine))
			return nil, notHere(fmt.Sprintf("plot.%d=%s: suite %s has no %s.", i, p, in.Name, what),
				"Change the number or remove the line from the address.", l.Suite(in.Database, in.Name), "Machines and runs of "+in.Name)
		}
		lines = append(lines, line{Plot: p, Machine: machine, Test: test, Metric: in.Metrics[p.Field], Remove: withoutPlot(l, in, plots, i)})
	}
	return lines, nil
}

func withoutPlot(l links, in suiteView, plots []plot, i int) string {
	if len(plots) < 2 {
		return ""
	}
	return l.Graph(in.Database, in.Name, slices.Delete(slices.Clone(plots), i, i+1)...)
}

// tables are the values of all lines in the form that needs no script.
func (s *Service) tables(ctx context.Context, in suiteView, q graphQuery, lines []line) ([]tableLine, error) {
	var out []tableLine
	for _, l := range lines {
		points, err := s.series(ctx, in, l.Plot, q)
		if err != nil {
			return nil, err
		}
		table := tableLine{line: l, Total: len(points)}
		slices.Reverse(points)
		for _, p := range points[:min(len(points), maxTableOrders)] {
			table.Points = append(table.Points, newTablePoint(l.Metric, p))
		}
		out = append(out, table)
	}
	return out, nil
}

// maxTableOrders keeps the table readable and small; limit and the API give more.
const maxTableOrders = 500

func newTablePoint(m suite.Metric, p point) tablePoint {
	row := tablePoint{OrderID: p.OrderID, Order: p.Order, Missing: p.Value == nil, RunID: p.RunID, At: p}
	if p.Value != nil {
		row.Value, row.Text = *p.Value, quantity(m, *p.Value)
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
