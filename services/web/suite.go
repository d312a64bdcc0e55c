package web

import (
	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/store"
)

type suiteBody struct {
	Counts   suiteCountRow
	Machines []machineRow
	Findings []finding
	Runs     []runRow
	Steps    *steps
	Metrics  []metricChoice
}

// overview answers /v4/<suite>/.
func (s *Service) overview(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, c.Params("suite"), "overview")
	if err != nil {
		return err
	}
	v.Crumbs[len(v.Crumbs)-1].Address = ""
	ctx := c.UserContext()
	body := suiteBody{Metrics: in.realMetrics()}
	counted, found, err := one[suiteCountRow](ctx, s, "page_suite_counts", ofSuite(in))
	if err != nil {
		return err
	}
	if !found {
		body.Steps = newSteps(v.L, in.Database, in.Name)
	}
	body.Counts = counted
	if body.Machines, err = list[machineRow](ctx, s, "page_machines", ofSuite(in)); err != nil {
		return err
	}
	body.Findings, err = s.findings(ctx, v.L, map[string]suiteView{in.Database + "/" + in.Name: in},
		findingQuery{Database: in.Database, Suite: in.Name, Limit: uint32(s.cfg.RecentRows)})
	if err != nil {
		return err
	}
	if body.Runs, err = s.newestRuns(c, in.Database, in.Name); err != nil {
		return err
	}
	v.Body = body
	return s.render(c, "suite", v)
}

type machineBody struct {
	// Signals are what is missing from it now.
	Signals    []signalRow
	Machine    machineDetailRow
	Attributes []attribute
	Runs       []runRow
	Pager      pager
	Findings   []finding
	Counts     counts
}

// machine answers /machine/<id>.
func (s *Service) machine(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "overview")
	if err != nil {
		return err
	}
	found, err := s.findMachine(c, v.L, in)
	if err != nil {
		return err
	}
	v.Title = found.Name
	v.crumb(found.Name)
	body := machineBody{Machine: found, Attributes: attributes(in.MachineFields, found.Fields, found.Params)}
	if body.Pager, err = readPager(c, s.cfg.ListRows); err != nil {
		return err
	}
	ctx := c.UserContext()
	body.Runs, err = list[runRow](ctx, s, "page_machine_runs", with(ofSuite(in), store.Params{
		"machine_id": found.ID, "limit": uint32(body.Pager.Rows), "offset": body.Pager.offset(),
	}))
	if err != nil {
		return err
	}
	body.Pager.Total = totalOf(body.Runs)
	q := findingQuery{Database: in.Database, Suite: in.Name, MachineID: found.ID, Limit: uint32(s.cfg.RecentRows)}
	if body.Findings, err = s.findings(ctx, v.L, map[string]suiteView{in.Database + "/" + in.Name: in}, q); err != nil {
		return err
	}
	if body.Counts, err = s.countFindings(ctx, q); err != nil {
		return err
	}
	body.Signals, err = list[signalRow](ctx, s, "page_signals", with(ofSuite(in), store.Params{"machine_id": found.ID}))
	if err != nil {
		return err
	}
	v.Body = body
	return s.render(c, "machine", v)
}

func (s *Service) findMachine(c *fiber.Ctx, l links, in suiteView) (machineDetailRow, error) {
	id, err := pathID(c, "machine", "machine")
	if err != nil {
		return machineDetailRow{}, err
	}
	found, ok, err := one[machineDetailRow](c.UserContext(), s, "page_machine", with(ofSuite(in), store.Params{"machine_id": id}))
	if err != nil {
		return machineDetailRow{}, err
	}
	if !ok {
		return machineDetailRow{}, notHere("Suite "+in.Name+" has no machine "+digitsOf(id)+".",
			"Choose one from the suite's machines.", l.Suite(in.Database, in.Name), "Machines of "+in.Name)
	}
	return found, nil
}

// latest answers /machine/<id>/latest: the run of the newest order.
func (s *Service) latest(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	found, err := s.findMachine(c, v.L, in)
	if err != nil {
		return err
	}
	run, err := s.newestRun(c, in, found.ID)
	if err != nil {
		return err
	}
	if run == 0 {
		return notHere("Machine "+found.Name+" has no runs.", "", v.L.Machine(in.Database, in.Name, found.ID), found.Name)
	}
	return c.Redirect(v.L.Run(in.Database, in.Name, run)+queryOf(c), fiber.StatusFound)
}

// toOverview leads pages of LNT whose content is on the overview there.
func (s *Service) toOverview(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	return c.Redirect(v.L.Suite(in.Database, in.Name), fiber.StatusFound)
}

// totalOf is the size of the whole list, which every row carries.
func totalOf(rows []runRow) int {
	if len(rows) == 0 {
		return 0
	}
	return int(rows[0].Total)
}
