package web

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
)

// maxMatrixPlots is how many columns a matrix may have.
const maxMatrixPlots = 40

type matrixBody struct {
	Columns []matrixColumn
	Rows    []matrixLine
	// Base is the order that all others are held against.
	Base   string
	Limits []tab
	// Baselines are orders with names; the form that chooses one keeps the series and the limit.
	Baselines baselineChoice
	Plots     []string
	Limit     string
	// Means says that there are columns whose mean makes sense.
	Means bool
	Graph string
}

// matrixColumn is a series.
type matrixColumn struct {
	Test, Machine, Link string
	Metric              metricChoice
	plot                plot
	base                float64
}

// matrixLine is an order with the level of every series.
type matrixLine struct {
	Order, Link string
	IsBase      bool
	Cells       []matrixCell
	Mean        matrixCell
}

// matrixCell is a level and its change since the base.
type matrixCell struct {
	Text, Change string
	Bad, Good    bool
	level        float64
}

type matrixRow struct {
	OrderID  uint32    `ch:"order_id"`
	Order    string    `ch:"order_name"`
	SortKey  string    `ch:"sort_key"`
	Machines []uint32  `ch:"machine_ids"`
	Metrics  []string  `ch:"metrics"`
	Tests    []uint32  `ch:"test_ids"`
	Levels   []float64 `ch:"levels"`
	Failed   []uint8   `ch:"failures"`
}

// matrix answers /matrix: orders by series as a table of values.
func (s *Service) matrix(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Matrix", "graph")
	if err != nil {
		return err
	}
	v.crumb("Matrix")
	plots, err := readPlots(c, maxMatrixPlots)
	if err != nil {
		return err
	}
	if len(plots) == 0 {
		// LNT has this status for it.
		return notHere("This address names no series.", "Request requires some plot arguments: name at least one as plot.0=<machine id>.<test id>.<field index>.",
			v.L.Suite(in.Database, in.Name), "Overview of "+in.Name)
	}
	limit, base, err := s.readMatrix(c)
	if err != nil {
		return err
	}
	body := matrixBody{
		Graph: v.L.Graph(in.Database, in.Name, plots[:min(len(plots), s.cfg.MaxPlots)]...), Limit: c.Query("limit"),
		Plots: lo.Map(plots, func(p plot, _ int) string { return p.String() }),
	}
	if body.Baselines, err = s.readAgainst(c, in); err != nil {
		return err
	}
	asked := limit
	if body.Baselines.Chosen.Name != "" { // may be older than the orders that are shown
		asked = s.cfg.MaxOrders
	}
	if body.Columns, err = s.matrixColumns(c, v.L, in, plots); err != nil {
		return err
	}
	rows, err := list[matrixRow](c.UserContext(), s, "matrix_values", with(ofSuite(in), store.Params{
		"machine_ids": lo.Uniq(lo.Map(plots, func(p plot, _ int) uint32 { return p.Machine })),
		"test_ids":    lo.Uniq(lo.Map(plots, func(p plot, _ int) uint32 { return p.Test })),
		"metrics":     lo.Uniq(lo.Map(plots, func(p plot, _ int) string { return in.Metrics[p.Field].Name })),
		"limit":       uint32(asked),
	}))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return notHere("No orders found.", "These series have no values yet.", v.L.Suite(in.Database, in.Name), "Overview of "+in.Name)
	}
	at, err := body.baseOf(in, rows, base)
	if err != nil {
		return err
	}
	body.fill(v.L, in, rows, at, limit)
	query := addressWithout(c, "limit")
	body.Limits = lo.Map([]string{"12", "50", "250", "-1"}, func(n string, _ int) tab {
		current := n == c.Query("limit", "12")
		return tab{Text: lo.Ternary(n == "-1", "all orders", n+" orders"), Address: query + "limit=" + n, Current: current}
	})
	v.Body = body
	return s.render(c, "matrix", v)
}

// readMatrix reads how many orders are asked for, and the order to hold them against.
func (s *Service) readMatrix(c *fiber.Ctx) (limit int, base uint64, err error) {
	chosen, err := choice(c, "limit", "12", "50", "250", "-1")
	if err != nil {
		return 0, 0, err
	}
	limit = map[string]int{"12": 12, "50": 50, "250": 250, "-1": s.cfg.MaxOrders}[chosen]
	base, err = number(c, "baseline", 1<<32-1)
	return limit, base, err
}

func (s *Service) matrixColumns(c *fiber.Ctx, l links, in suiteView, plots []plot) ([]matrixColumn, error) {
	machines, err := list[machineNameRow](c.UserContext(), s, "page_machine_names", ofSuite(in))
	if err != nil {
		return nil, err
	}
	names, err := s.testNames(c.UserContext(), in, lo.Map(plots, func(p plot, _ int) uint32 { return p.Test }))
	if err != nil {
		return nil, err
	}
	fields := lo.KeyBy(in.realMetrics(), func(m metricChoice) int { return m.Index })
	var columns []matrixColumn
	for i, p := range plots {
		metric, known := fields[p.Field]
		if !known {
			has := lo.Map(in.realMetrics(), func(m metricChoice, _ int) string { return fmt.Sprintf("%d (%s)", m.Index, m.Title()) })
			return nil, badParameter(fmt.Sprintf("plot.%d", i), p.String(),
				fmt.Sprintf("Suite %s has no values in field %d. It has: %s.", in.Name, p.Field, strings.Join(has, ", ")))
		}
		machine, found := lo.Find(machines, func(m machineNameRow) bool { return m.ID == p.Machine })
		if !found || names[p.Test] == "" {
			return nil, notHere(lo.Ternary(found, "Suite "+in.Name+" has no test "+digitsOf(p.Test)+".", "Suite "+in.Name+" has no machine "+digitsOf(p.Machine)+"."),
				fmt.Sprintf("Take plot.%d=%s out of the address.", i, p), l.Suite(in.Database, in.Name), "Overview of "+in.Name)
		}
		columns = append(columns, matrixColumn{
			Test: names[p.Test], Machine: machine.Name, Metric: metric, Link: l.Graph(in.Database, in.Name, p), plot: p, base: math.NaN(),
		})
	}
	return columns, nil
}

// baseOf is which of the rows the others are held against: the first that is not before the chosen baseline, by LNT's rule; else the order
// whose id the address has, else the oldest.
func (b *matrixBody) baseOf(in suiteView, rows []matrixRow, base uint64) (int, error) {
	if name := b.Baselines.Chosen.Name; name != "" {
		from, _ := hex.DecodeString(orderKey(in, b.Baselines.Chosen.Order)) // made by orderKey
		_, at, found := lo.FindLastIndexOf(rows, func(r matrixRow) bool { return r.SortKey >= string(from) })
		if !found {
			return 0, badParameter("against", name, "These series have no values at "+b.Baselines.Chosen.Order+", the order of "+name+", or after it: choose another baseline or none.")
		}
		return at, nil
	}
	if base == 0 {
		return len(rows) - 1, nil
	}
	at := slices.IndexFunc(rows, func(r matrixRow) bool { return uint64(r.OrderID) == base })
	if at < 0 {
		return 0, badParameter("baseline", uintText(base), "baseline must be the id of one of the orders shown; a larger limit shows more of them.")
	}
	return at, nil
}

// fill makes the lines, newest order first, as many as the limit and that of the base.
func (b *matrixBody) fill(l links, in suiteView, rows []matrixRow, at, limit int) {
	b.Base = rows[at].Order
	for i := range b.Columns {
		// A series that begins later is held against its own oldest order.
		for _, row := range slices.Backward(rows[:at+1]) {
			if level, failed, ok := row.of(b.Columns[i], in); ok && !failed {
				b.Columns[i].base = level
				break
			}
		}
	}
	b.Means = len(b.Columns) > 1
	for n, row := range rows {
		if n >= limit && n != at {
			continue
		}
		line := matrixLine{Order: row.Order, Link: l.Order(in.Database, in.Name, row.OrderID), IsBase: n == at}
		sum, counted, mixed := 0.0, 0, false
		for _, column := range b.Columns {
			cell := column.cell(row, in)
			line.Cells = append(line.Cells, cell)
			mixed = mixed || column.Metric.BiggerIsBetter != b.Columns[0].Metric.BiggerIsBetter
			if cell.level > 0 && column.base > 0 {
				sum, counted = sum+math.Log(cell.level/column.base), counted+1
			}
		}
		if counted > 0 && n != at {
			line.Mean.judge(math.Exp(sum/float64(counted))-1, b.Columns[0].Metric.BiggerIsBetter)
			if mixed {
				line.Mean.Bad, line.Mean.Good = false, false
			}
		}
		b.Rows = append(b.Rows, line)
	}
}

// of is the level of a series at the order.
func (r matrixRow) of(column matrixColumn, in suiteView) (level float64, failed, found bool) {
	name := in.Metrics[column.plot.Field].Name
	for i := range r.Levels {
		if r.Machines[i] == column.plot.Machine && r.Tests[i] == column.plot.Test && r.Metrics[i] == name {
			return r.Levels[i], r.Failed[i] != 0, true
		}
	}
	return 0, false, false
}

func (m matrixColumn) cell(row matrixRow, in suiteView) matrixCell {
	level, failed, found := row.of(m, in)
	if !found || failed {
		return matrixCell{Text: lo.Ternary(failed, "failed", ""), Bad: failed}
	}
	cell := matrixCell{Text: quantity(m.Metric.Metric, level), level: level}
	if m.base == m.base && m.base != 0 { //nolint:gocritic // not a number is a series without a base
		cell.judge((level-m.base)/math.Abs(m.base), m.Metric.BiggerIsBetter)
	}
	return cell
}

// judge colours a change from one percent on.
func (c *matrixCell) judge(change float64, biggerIsBetter bool) {
	c.Change = percent(change)
	if math.Abs(change) >= minRatio {
		c.Bad = (change > 0) != biggerIsBetter
		c.Good = !c.Bad
	}
}

// matrixForm takes LNT's form and leads to the address that says the same.
func (s *Service) matrixForm(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	args := fiber.AcquireArgs()
	defer fiber.ReleaseArgs(args)
	c.Context().PostArgs().VisitAll(func(key, value []byte) {
		if name := string(key); strings.HasPrefix(name, "plot.") || name == "limit" {
			args.AddBytesKV(key, value)
		}
	})
	return c.Redirect(v.L.Suite(in.Database, in.Name)+"matrix?"+args.String(), fiber.StatusSeeOther)
}
