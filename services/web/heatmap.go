package web

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
)

// What a heat map shows at most on one page, and reads for it.
const (
	heatOrders    = 60
	heatTests     = 60
	heatRuns      = 240
	maxHeatValues = 4_000_000
)

type heatBody struct {
	Machine  machineNameRow
	Machines []machineNameRow
	Metric   metricChoice
	Metrics  []metricChoice
	Bases    []option
	Test     string
	Columns  []heatColumn
	Rows     []heatRow
	Pager    pager
	// Cell is the beginning of a cell's address, to which test and order are added.
	Cell    string
	Legend  []heatStep
	Base    string
	BaseSay string
}

// heatColumn is an order with its runs.
type heatColumn struct {
	OrderID uint32
	Order   string
	Run     string
	seqs    []uint64
}

// heatRow is a test with a cell for every column.
type heatRow struct {
	TestID   uint32
	Test     string
	Graph    string
	Movement string
	Cells    []heatCell
}

// heatCell is a square: its class and what it says.
type heatCell struct{ Class, Text string }

// heatStep is an entry of the legend.
type heatStep struct{ Class, Text string }

type heatLineRow struct {
	TestID   uint32    `ch:"test_id"`
	Places   []uint32  `ch:"level_places"`
	Levels   []float64 `ch:"levels"`
	Bases    []float64 `ch:"bases"`
	Failed   []uint32  `ch:"failed_places"`
	Movement float64   `ch:"movement"`
	Total    uint64    `ch:"total_count"`
}

// heatSteps are the changes from which on a square has the next colour.
var heatSteps = []float64{0.01, 0.02, 0.05, 0.10, 0.25}

// heatClass is the colour of a change: w1 to w5 for worse, b1 to b5 for better.
func heatClass(change float64, biggerIsBetter bool) string {
	step := 0
	for _, from := range heatSteps {
		if math.Abs(change) >= from {
			step++
		}
	}
	switch {
	case step == 0:
		return "z"
	case (change > 0) != biggerIsBetter:
		return "w" + strconv.Itoa(step)
	}
	return "b" + strconv.Itoa(step)
}

func heatLegend() []heatStep {
	steps := []heatStep{}
	for i := len(heatSteps); i > 0; i-- {
		steps = append(steps, heatStep{"w" + strconv.Itoa(i), fmt.Sprintf("worse by %g%% or more", 100*heatSteps[i-1])})
	}
	steps = append(steps, heatStep{"z", "less than 1%"})
	for i := range heatSteps {
		steps = append(steps, heatStep{"b" + strconv.Itoa(i+1), fmt.Sprintf("better by %g%% or more", 100*heatSteps[i])})
	}
	return append(steps, heatStep{"x", "failed"})
}

// heatMap answers /heatmap: tests by orders of a machine.
func (s *Service) heatMap(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Heat map", "heatmap")
	if err != nil {
		return err
	}
	v.crumb("Heat map")
	body := heatBody{Metrics: in.realMetrics(), Legend: heatLegend()}
	if err := s.readHeat(c, v.L, in, &body); err != nil {
		return err
	}
	ctx := c.UserContext()
	if body.Columns, err = s.heatColumns(ctx, v.L, in, body.Machine.ID); err != nil {
		return err
	}
	if err := s.fillHeat(ctx, v.L, in, &body); err != nil {
		return err
	}
	v.Title = "Heat map of " + body.Metric.Title() + " on " + body.Machine.Name
	v.Script = "heatmap.js"
	v.Body = body
	return s.render(c, "heatmap", v)
}

func (s *Service) readHeat(c *fiber.Ctx, l links, in suiteView, body *heatBody) (err error) {
	if body.Machines, err = list[machineNameRow](c.UserContext(), s, "page_machine_names", ofSuite(in)); err != nil {
		return err
	}
	if body.Machine, err = s.chosenMachine(c, l, in, body.Machines); err != nil {
		return err
	}
	if body.Metric, err = chosenMetric(c, in, "metric"); err != nil {
		return err
	}
	if body.Test, err = text(c, "test"); err != nil {
		return err
	}
	if body.Base, err = choice(c, "against", "median", "previous", "oldest"); err != nil {
		return err
	}
	body.BaseSay = map[string]string{
		"median": "the median of the orders shown", "previous": "the order before", "oldest": "the oldest order shown",
	}[body.Base]
	body.Bases = lo.Map([][2]string{{"median", "median of the window"}, {"previous", "order before"}, {"oldest", "oldest order shown"}},
		func(p [2]string, _ int) option { return option{p[0], p[1], p[0] == body.Base} })
	body.Pager, err = readPager(c, heatTests)
	return err
}

// chosenMachine is the machine that the address names by id or name, else the one with the newest run.
func (s *Service) chosenMachine(c *fiber.Ctx, l links, in suiteView, machines []machineNameRow) (machineNameRow, error) {
	typed, err := text(c, "machine")
	if err != nil {
		return machineNameRow{}, err
	}
	if typed == "" {
		runs, err := s.newestRunsOf(c.UserContext(), in)
		if err != nil || len(runs) == 0 {
			return machineNameRow{}, err
		}
		return machineNameRow{ID: runs[0].MachineID, Name: runs[0].Machine}, nil
	}
	id, err := findMachineNamed(l, in, machines, "machine", typed)
	found, _ := lo.Find(machines, func(m machineNameRow) bool { return m.ID == id })
	return found, err
}

// chosenMetric is the metric that the address names, else the one that says how long tests run, else the first.
func chosenMetric(c *fiber.Ctx, in suiteView, parameter string) (metricChoice, error) {
	metrics := in.realMetrics()
	name := c.Query(parameter)
	if name == "" {
		usual, found := lo.Find(metrics, func(m metricChoice) bool { return m.Name == "execution_time" })
		if !found && len(metrics) > 0 {
			usual = metrics[0]
		}
		return usual, nil
	}
	found, ok := lo.Find(metrics, func(m metricChoice) bool { return m.Name == name })
	if !ok {
		names := lo.Map(metrics, func(m metricChoice, _ int) string { return m.Name })
		return found, badParameter(parameter, name, "Suite "+in.Name+" measures: "+strings.Join(names, ", ")+".")
	}
	return found, nil
}

// heatColumns are the newest orders of a machine, oldest first, as many as can be read.
func (s *Service) heatColumns(ctx context.Context, l links, in suiteView, machine uint32) ([]heatColumn, error) {
	if machine == 0 {
		return nil, nil
	}
	rows, err := list[setRunRow](ctx, s, "compare_set", with(ofSuite(in), store.Params{
		"run_ids": []uint32{}, "machine_id": machine, "limit": uint32(heatRuns), "from_key": "", "to_key": "",
	}))
	if err != nil {
		return nil, err
	}
	var columns []heatColumn
	read := 0
	for _, r := range rows {
		if read += int(r.Samples); read > maxHeatValues {
			break
		}
		if n := len(columns); n > 0 && columns[n-1].OrderID == r.OrderID {
			columns[n-1].seqs = append(columns[n-1].seqs, r.Seq)
			continue
		}
		if len(columns) == heatOrders {
			break
		}
		columns = append(columns, heatColumn{OrderID: r.OrderID, Order: r.Order, Run: l.Run(in.Database, in.Name, r.RunID), seqs: []uint64{r.Seq}})
	}
	slices.Reverse(columns)
	return columns, nil
}

// heatLines are the tests of some columns, the largest movement first.
func (s *Service) heatLines(ctx context.Context, in suiteView, columns []heatColumn, metric metricChoice, base, test string, limit, offset uint32) ([]heatLineRow, error) {
	var (
		seqs   []uint64
		places []uint32
	)
	for i, column := range columns {
		for _, seq := range column.seqs {
			seqs, places = append(seqs, seq), append(places, uint32(i+1))
		}
	}
	if len(seqs) == 0 || metric.Name == "" {
		return nil, nil
	}
	return list[heatLineRow](ctx, s, "heat_map", with(ofSuite(in), store.Params{
		"metric": metric.Name, "status": metric.Status, "seqs": seqs, "places": places, "base": base, "test": test, "limit": limit, "offset": offset,
	}))
}

func (s *Service) fillHeat(ctx context.Context, l links, in suiteView, body *heatBody) error {
	lines, err := s.heatLines(ctx, in, body.Columns, body.Metric, body.Base, body.Test, heatTests, body.Pager.offset())
	if err != nil {
		return err
	}
	names, err := s.testNames(ctx, in, lo.Map(lines, func(r heatLineRow, _ int) uint32 { return r.TestID }))
	if err != nil {
		return err
	}
	if len(lines) > 0 {
		body.Pager.Total = int(lines[0].Total)
	}
	body.Cell = l.Suite(in.Database, in.Name) + "graph?plot.0=" + digitsOf(body.Machine.ID) + "."
	body.Rows = lo.Map(lines, func(line heatLineRow, _ int) heatRow {
		return heatRow{
			TestID: line.TestID, Test: names[line.TestID], Movement: strings.TrimPrefix(percent(line.Movement), "+"),
			Graph: l.Graph(in.Database, in.Name, plot{body.Machine.ID, line.TestID, body.Metric.Index}),
			Cells: line.cells(len(body.Columns), body.Metric.BiggerIsBetter),
		}
	})
	return nil
}

// cells puts a line's levels into the columns.
func (r heatLineRow) cells(columns int, biggerIsBetter bool) []heatCell {
	cells := make([]heatCell, columns)
	for i, place := range r.Places {
		change := 0.0
		if r.Bases[i] != 0 {
			change = (r.Levels[i] - r.Bases[i]) / math.Abs(r.Bases[i])
		}
		cells[place-1] = heatCell{heatClass(change, biggerIsBetter), percent(change)}
	}
	for _, place := range r.Failed {
		cells[place-1] = heatCell{"x", "failed"}
	}
	return cells
}
