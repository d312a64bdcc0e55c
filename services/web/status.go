package web

import (
	"math"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
)

// statusMachines is how many machines the status shows side by side.
const statusMachines = 20

type statusBody struct {
	Metric         metricChoice
	Metrics        []metricChoice
	Revision, Test string
	Baselines      baselineChoice
	Machines       []statusMachine
	Rows           []statusRow
	Pager          pager
}

// statusMachine is a column: a machine with its newest run and the one it is held against.
type statusMachine struct {
	Name, Link, Compare string
	Order, BaseOrder    string
	id                  uint32
	// Same says that the newest run is the only one there is.
	Same bool
}

type statusRow struct {
	Test, Worst string
	Bad         bool
	Cells       []statusCell
}

// statusCell is what a test does on a machine.
type statusCell struct {
	Text, Class, Graph, Title string
}

type statusRunRow struct {
	MachineID uint32 `ch:"machine_id"`
	RunID     uint32 `ch:"run_id"`
	Seq       uint64 `ch:"seq"`
	Order     string `ch:"order_name"`
	BaseRunID uint32 `ch:"base_run_id"`
	BaseSeq   uint64 `ch:"base_seq"`
	BaseOrder string `ch:"base_order_name"`
}

type statusChangeRow struct {
	TestID   uint32    `ch:"test_id"`
	Places   []uint32  `ch:"places"`
	Before   []float64 `ch:"levels_before"`
	After    []float64 `ch:"levels_after"`
	Complete []uint8   `ch:"completes"`
	Fails    []uint8   `ch:"failures"`
	Worst    float64   `ch:"worst"`
	Total    uint64    `ch:"total_count"`
}

// globalStatus answers /global_status: tests by machines, the worst first.
func (s *Service) globalStatus(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Global status", "status")
	if err != nil {
		return err
	}
	v.crumb("Global status")
	body := statusBody{Metrics: in.realMetrics()}
	if body.Metric, err = chosenMetric(c, in, "field"); err != nil {
		return err
	}
	if body.Revision, err = text(c, "revision"); err != nil {
		return err
	}
	if body.Baselines, err = s.readAgainst(c, in); err != nil {
		return err
	}
	if body.Test, err = text(c, "test"); err != nil {
		return err
	}
	if body.Pager, err = readPager(c, s.cfg.ResultRows); err != nil {
		return err
	}
	if err := s.fillStatus(c, v.L, in, &body); err != nil {
		return err
	}
	v.Body = body
	return s.render(c, "status", v)
}

func (s *Service) fillStatus(c *fiber.Ctx, l links, in suiteView, body *statusBody) error {
	ctx := c.UserContext()
	runs, err := list[statusRunRow](ctx, s, "status_runs", with(ofSuite(in), store.Params{
		"at_key": orderKey(in, lo.CoalesceOrEmpty(body.Baselines.Chosen.Order, body.Revision)), "limit": uint32(statusMachines),
	}))
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		// LNT has this status for it.
		return notHere("Suite "+in.Name+" has no runs yet.", "The status appears with the first submission.", l.Suite(in.Database, in.Name), "Overview of "+in.Name)
	}
	machines, err := list[machineNameRow](ctx, s, "page_machine_names", ofSuite(in))
	if err != nil {
		return err
	}
	names := lo.SliceToMap(machines, func(m machineNameRow) (uint32, string) { return m.ID, m.Name })
	var (
		seqs  []uint64
		slots []uint32
	)
	for i, r := range runs {
		seqs, slots = append(seqs, r.BaseSeq, r.Seq), append(slots, uint32(2*i+1), uint32(2*i+2))
		body.Machines = append(body.Machines, statusMachine{
			id: r.MachineID, Name: names[r.MachineID], Link: l.Run(in.Database, in.Name, r.RunID), Order: r.Order, BaseOrder: r.BaseOrder,
			Compare: l.CompareRuns(in.Database, in.Name, r.BaseRunID, r.RunID), Same: r.RunID == r.BaseRunID,
		})
	}
	rows, err := list[statusChangeRow](ctx, s, "status_changes", with(ofSuite(in), store.Params{
		"metric": body.Metric.Name, "status": body.Metric.Status, "seqs": seqs, "slots": slots, "sign": lo.Ternary(body.Metric.BiggerIsBetter, -1.0, 1.0), "test": body.Test,
		"limit": uint32(body.Pager.Rows), "offset": body.Pager.offset(),
	}))
	if err != nil {
		return err
	}
	tests, err := s.testNames(ctx, in, lo.Map(rows, func(r statusChangeRow, _ int) uint32 { return r.TestID }))
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		body.Pager.Total = int(rows[0].Total)
	}
	body.Rows = lo.Map(rows, func(r statusChangeRow, _ int) statusRow {
		row := statusRow{Test: tests[r.TestID], Cells: make([]statusCell, len(body.Machines))}
		if math.Abs(r.Worst) < 1e8 {
			row.Worst = percent(r.Worst * lo.Ternary(body.Metric.BiggerIsBetter, -1.0, 1.0))
			row.Bad = r.Worst >= minRatio
		} else if r.Worst > 0 {
			row.Worst, row.Bad = "failed", true
		}
		for i, place := range r.Places {
			row.Cells[place-1] = r.cell(l, in, i, body.Machines[place-1].id, body.Metric)
		}
		return row
	})
	return nil
}

func (r statusChangeRow) cell(l links, in suiteView, i int, machine uint32, metric metricChoice) statusCell {
	cell := statusCell{Graph: l.Graph(in.Database, in.Name, plot{machine, r.TestID, metric.Index})}
	switch {
	case r.Fails[i] != 0:
		cell.Text, cell.Class = "failed", "bad"
	case r.Complete[i] == 0 || r.Before[i] == 0:
		cell.Text = "–"
		cell.Title = "only one of the runs has it"
	default:
		change := (r.After[i] - r.Before[i]) / math.Abs(r.Before[i])
		before, after := quantities(metric.Metric, r.Before[i], r.After[i])
		cell.Text, cell.Title = percent(change), before+" → "+after
		if math.Abs(change) >= minRatio {
			cell.Class = lo.Ternary((change > 0) != metric.BiggerIsBetter, "bad", "good")
		}
	}
	return cell
}
