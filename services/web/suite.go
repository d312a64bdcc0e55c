package web

import (
	"context"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"
)

type suiteBody struct {
	Counts   suiteCountRow
	Machines []machineRow
	Open     openRegressions
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
	machines, err := s.fleet(ctx, in.Database, in.Name)
	if err != nil {
		return err
	}
	schemas := map[string]suiteView{in.Database + "/" + in.Name: in}
	var tests map[string]uint64
	err = beside(ctx, func(ctx context.Context) (err error) {
		body.Machines, body.Counts, err = s.machineRows(ctx, in, machines)
		return err
	}, func(ctx context.Context) (err error) {
		body.Open, err = s.openRegressions(ctx, v.L, schemas, machines, in.Database, in.Name)
		return err
	}, func(ctx context.Context) (err error) {
		body.Runs, err = s.newestRuns(ctx, machines, in.Database, in.Name)
		return err
	}, func(ctx context.Context) (err error) {
		tests, err = s.testCounts(ctx, in.Database, in.Name)
		return err
	})
	if err != nil {
		return err
	}
	body.Counts.Tests = tests[in.Database+"/"+in.Name]
	if body.Counts.Runs == 0 {
		body.Steps = newSteps(v.L, in.Database, in.Name)
	}
	v.Body = body
	return s.render(c, "suite", v)
}

// toOverview leads pages of LNT whose content is on the overview there.
func (s *Service) toOverview(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	return c.Redirect(v.L.Suite(in.Database, in.Name), fiber.StatusFound)
}

// machineRows are the machines of a suite with what they reported and what was found there, the most recently heard of first, and what they
// add up to.
func (s *Service) machineRows(ctx context.Context, in suiteView, known fleet) ([]machineRow, suiteCountRow, error) {
	reported, err := list[reportedRow](ctx, s, "page_machines", ofSuite(in))
	if err != nil {
		return nil, suiteCountRow{}, err
	}
	moved, err := list[movedRow](ctx, s, "page_machine_moves", ofSuite(in))
	if err != nil {
		return nil, suiteCountRow{}, err
	}
	rows, all := sumMachines(in, known, reported, moved)
	called := names{}
	for _, r := range rows {
		called.want(anOrder, in.Database, in.Name, r.NewestOrderID)
	}
	err = s.read(ctx, called)
	for i := range rows {
		rows[i].NewestOrder = called[nameKey{anOrder, in.Database, in.Name, rows[i].NewestOrderID}]
	}
	return rows, all, err
}

// sumMachines adds up what counts for one machine.
func sumMachines(in suiteView, known fleet, reported []reportedRow, moved []movedRow) ([]machineRow, suiteCountRow) {
	of := func(own uint32) uint32 { return known.now(nameKey{aMachine, in.Database, in.Name, own}).id }
	all, heard, found := suiteCountRow{Database: in.Database, Suite: in.Name}, map[uint32]reportedRow{}, map[uint32]movedRow{}
	for _, r := range reported {
		if r.OwnID == 0 {
			all.Runs, all.Orders, all.Values, all.LastReceivedAt = r.Runs, r.Orders, r.Values, r.LastReceivedAt
			continue
		}
		heard[of(r.OwnID)] = heard[of(r.OwnID)].and(r)
	}
	all.Machines = uint64(len(heard))
	for _, r := range moved {
		n := found[of(r.OwnID)]
		found[of(r.OwnID)] = movedRow{Regressions: n.Regressions + r.Regressions, Improvements: n.Improvements + r.Improvements}
	}
	rows := lo.Map(known.standing(), func(m machineNameRow, _ int) machineRow {
		r, n := heard[m.ID], found[m.ID]
		return machineRow{
			ID: m.ID, Name: m.Name, Runs: r.Runs, LastReceivedAt: r.LastReceivedAt, LastRunID: r.LastRunID, NewestOrderID: r.NewestOrderID,
			Regressions: n.Regressions, Improvements: n.Improvements,
		}
	})
	slices.SortStableFunc(rows, func(a, b machineRow) int { return b.LastReceivedAt.Compare(a.LastReceivedAt) })
	return rows, all
}

// and is what two machines reported that count as one.
func (r reportedRow) and(o reportedRow) reportedRow {
	if c := o.LastReceivedAt.Compare(r.LastReceivedAt); c > 0 || c == 0 && o.LastSeq > r.LastSeq {
		r.LastReceivedAt, r.LastRunID, r.LastSeq = o.LastReceivedAt, o.LastRunID, o.LastSeq
	}
	if o.NewestKey > r.NewestKey || r.NewestOrderID == 0 {
		r.NewestKey, r.NewestOrderID = o.NewestKey, o.NewestOrderID
	}
	r.Runs += o.Runs
	return r
}
