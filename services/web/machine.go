package web

import (
	"context"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
)

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
	err = beside(c.UserContext(), func(ctx context.Context) (err error) {
		body.Runs, err = s.machineRuns(ctx, in, found, uint32(body.Pager.Rows), body.Pager.offset())
		return err
	}, func(ctx context.Context) (err error) {
		body.Findings, body.Counts, err = s.machineFindings(ctx, v.L, in, found)
		return err
	}, func(ctx context.Context) (err error) {
		body.Signals, err = list[signalRow](ctx, s, "page_signals", with(ofSuite(in), store.Params{"machine_id": found.ID}))
		return err
	})
	if err != nil {
		return err
	}
	body.Pager.Total = totalOf(body.Runs)
	v.Body = body
	return s.render(c, "machine", v)
}

func (s *Service) findMachine(c *fiber.Ctx, l links, in suiteView) (machineDetailRow, error) {
	id, err := pathID(c, "machine", "machine")
	if err != nil {
		return machineDetailRow{}, err
	}
	found, ok, err := s.machineByID(c.UserContext(), in, id)
	if err != nil {
		return machineDetailRow{}, err
	}
	if !ok {
		return machineDetailRow{}, notHere("Suite "+in.Name+" has no machine "+digitsOf(id)+".",
			"Choose one from the suite's machines.", l.Suite(in.Database, in.Name), "Machines of "+in.Name)
	}
	return found, nil
}

// machineByID is a machine with all those whose runs count for it; false when it is none, or counts for another.
func (s *Service) machineByID(ctx context.Context, in suiteView, id uint32) (machineDetailRow, bool, error) {
	rows, err := list[machineDetailRow](ctx, s, "page_machine", with(ofSuite(in), store.Params{"machine_id": id}))
	if err != nil {
		return machineDetailRow{}, false, err
	}
	found, ok := lo.Find(rows, func(r machineDetailRow) bool { return r.ID == id && r.Deleted == 0 })
	found.Own = lo.Map(rows, func(r machineDetailRow, _ int) uint32 { return r.ID })
	return found, ok, nil
}

// machineRuns are runs of a machine, newest order first.
func (s *Service) machineRuns(ctx context.Context, in suiteView, of machineDetailRow, limit, offset uint32) ([]runRow, error) {
	rows, err := list[runRow](ctx, s, "page_machine_runs", with(ofSuite(in), store.Params{
		"own_machine_ids": of.Own, "limit": limit, "offset": offset,
	}))
	if err != nil {
		return nil, err
	}
	called := names{}
	for _, r := range rows {
		called.want(anOrder, in.Database, in.Name, r.OrderID)
	}
	err = s.read(ctx, called)
	for i := range rows {
		r := &rows[i]
		r.Database, r.Suite, r.MachineID, r.Machine = in.Database, in.Name, of.ID, of.Name
		r.Order = called[nameKey{anOrder, in.Database, in.Name, r.OrderID}]
	}
	return rows, err
}

// machineFindings are the newest findings of a machine, and how many there are.
func (s *Service) machineFindings(ctx context.Context, l links, in suiteView, of machineDetailRow) ([]finding, counts, error) {
	rows, err := list[struct {
		findingRow
		Regressions uint64 `ch:"regression_count"`
		Total       uint64 `ch:"finding_count"`
	}](ctx, s, "page_machine_findings", with(ofSuite(in), store.Params{"own_machine_ids": of.Own, "limit": uint32(s.cfg.RecentRows)}))
	if err != nil {
		return nil, counts{}, err
	}
	called := names{}
	for i := range rows {
		r := &rows[i].findingRow
		r.Database, r.Suite, r.MachineID, r.Machine = in.Database, in.Name, of.ID, of.Name
		called.want(aTest, in.Database, in.Name, r.TestID)
		called.want(anOrder, in.Database, in.Name, r.OrderID)
		called.want(anOrder, in.Database, in.Name, r.PreviousID)
	}
	if err := s.read(ctx, called); err != nil {
		return nil, counts{}, err
	}
	var found []finding
	var n counts
	for _, r := range rows {
		n = counts{r.Regressions, r.Total - r.Regressions}
		of := r.named()
		r.Test, r.Order, r.PreviousOrder = called[of[1]], called[of[2]], called[of[3]]
		if called.all(of[1], of[2]) {
			found = append(found, newFinding(l, in, r.findingRow))
		}
	}
	return found, n, nil
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
	run, err := s.newestRun(c.UserContext(), in, found)
	if err != nil {
		return err
	}
	if run == 0 {
		return notHere("Machine "+found.Name+" has no runs.", "", v.L.Machine(in.Database, in.Name, found.ID), found.Name)
	}
	return c.Redirect(v.L.Run(in.Database, in.Name, run)+queryOf(c), fiber.StatusFound)
}

// totalOf is the size of the whole list, which every row carries.
func totalOf(rows []runRow) int {
	if len(rows) == 0 {
		return 0
	}
	return int(rows[0].Total)
}
