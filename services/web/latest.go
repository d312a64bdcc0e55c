package web

import (
	"context"
	"math"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/store"
)

type latestBody struct {
	Metric   metricChoice
	Metrics  []metricChoice
	NumRuns  int
	Machines []latestMachine
	Pager    pager
}

// latestMachine is a machine with what moved over its newest runs.
type latestMachine struct {
	Name, Link       string
	Runs             []latestRun
	Rows             []latestLine
	Tests            int
	HeatMap, Compare string
}

type latestRun struct {
	RunID       uint32
	Link, Order string
}

// latestLine is a test: its level in the oldest and the newest of the runs that have it.
type latestLine struct {
	Test, Graph           string
	OldestText, NewestTex string
	Change                string
	Bad, Good, Up         bool
	Spark                 *spark
}

// latestRuns answers /latest_runs_report: of each machine the newest runs against the oldest of them.
func (s *Service) latestRuns(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Latest runs", "latest")
	if err != nil {
		return err
	}
	v.crumb("Latest runs")
	body := latestBody{Metrics: in.realMetrics()}
	if body.NumRuns, err = within(c, "num_runs", 10, 2, heatOrders); err != nil {
		return err
	}
	if body.Metric, err = chosenMetric(c, in, "metric"); err != nil {
		return err
	}
	if body.Pager, err = readPager(c, reportMachines); err != nil {
		return err
	}
	known, err := s.fleet(c.UserContext(), in.Database, in.Name)
	if err != nil {
		return err
	}
	machines, _, err := s.machineRows(c.UserContext(), in, known)
	if err != nil {
		return err
	}
	machines = lo.Filter(machines, func(m machineRow, _ int) bool { return m.Runs > 0 })
	body.Pager.Total = len(machines)
	first := min(len(machines), (body.Pager.Page-1)*reportMachines)
	machines = machines[first:min(len(machines), first+reportMachines)]
	body.Machines = make([]latestMachine, len(machines))
	group, ctx := errgroup.WithContext(c.UserContext())
	group.SetLimit(2)
	for i, m := range machines {
		group.Go(func() (err error) {
			body.Machines[i], err = s.latestMachine(ctx, v.L, in, m, body)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	v.Body = body
	return s.render(c, "latest", v)
}

func (s *Service) latestMachine(ctx context.Context, l links, in suiteView, machine machineRow, body latestBody) (latestMachine, error) {
	m := latestMachine{
		Name: machine.Name, Link: l.Machine(in.Database, in.Name, machine.ID),
		HeatMap: l.HeatMap(in.Database, in.Name) + "?machine=" + digitsOf(machine.ID) + "&metric=" + body.Metric.Name,
	}
	runs, err := list[setRunRow](ctx, s, "compare_set", with(ofSuite(in), store.Params{
		"run_ids": []uint32{}, "machine_id": machine.ID, "limit": uint32(body.NumRuns), "from_key": "", "to_key": "",
	}))
	if err != nil || len(runs) == 0 {
		return m, err
	}
	runs = fewRuns(runs)
	slices.Reverse(runs)
	var columns []heatColumn
	for _, r := range runs {
		columns = append(columns, heatColumn{OrderID: r.OrderID, seqs: []uint64{r.Seq}})
		m.Runs = append(m.Runs, latestRun{r.RunID, l.Run(in.Database, in.Name, r.RunID), r.Order})
	}
	m.Compare = l.CompareRuns(in.Database, in.Name, runs[0].RunID, runs[len(runs)-1].RunID)
	lines, err := s.heatLines(ctx, in, columns, body.Metric, "oldest", "", reportRows, 0)
	if err != nil {
		return m, err
	}
	if len(lines) > 0 {
		m.Tests = int(lines[0].Total)
	}
	lines = lo.Filter(lines, func(line heatLineRow, _ int) bool { return len(line.Levels) > 1 && line.Movement >= minRatio })
	names, err := s.testNames(ctx, in, lo.Map(lines, func(line heatLineRow, _ int) uint32 { return line.TestID }))
	if err != nil {
		return m, err
	}
	for _, line := range lines {
		m.Rows = append(m.Rows, latestLineOf(l, in, line, names[line.TestID], machine.ID, body.Metric))
	}
	return m, nil
}

func latestLineOf(l links, in suiteView, line heatLineRow, name string, machine uint32, metric metricChoice) latestLine {
	oldest, newest := line.Levels[0], line.Levels[len(line.Levels)-1]
	out := latestLine{
		Test: name, Graph: l.Graph(in.Database, in.Name, plot{machine, line.TestID, metric.Index}), Up: newest > oldest,
		Spark: newSpark(sparkRow{Levels: line.Levels, OrderIDs: make([]uint32, len(line.Levels))}, math.MaxUint32),
	}
	out.OldestText, out.NewestTex = quantities(metric.Metric, oldest, newest)
	if oldest != 0 {
		change := (newest - oldest) / math.Abs(oldest)
		out.Change = percent(change)
		if math.Abs(change) >= minRatio {
			out.Bad = out.Up != metric.BiggerIsBetter
			out.Good = !out.Bad
		}
	}
	return out
}
