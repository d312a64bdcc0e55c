package web

import (
	"context"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
)

// baselineRow is an order that people gave a name, to compare with it.
type baselineRow struct {
	Name    string `ch:"name"`
	OrderID uint32 `ch:"order_id"`
	Order   string `ch:"order_name"`
	Comment string `ch:"comment"`

	Seq       uint64    `ch:"seq"`
	ChangedAt time.Time `ch:"changed_at"`
	Actor     string    `ch:"actor"`
}

// baselines are those of a suite by name, or the ones with these names.
func (s *Service) baselines(ctx context.Context, in suiteView, names ...string) ([]baselineRow, error) {
	return list[baselineRow](ctx, s, "baselines", with(ofSuite(in), store.Params{"names": append([]string{}, names...)}))
}

// orderBaselines is what an order's page says of its names, and the form that gives it one.
type orderBaselines struct {
	writing
	Own []baselineRow
}

func (s *Service) orderBaselines(c *fiber.Ctx, v view, in suiteView, order uint32) (b orderBaselines, err error) {
	if b.writing, err = v.writing(c, in, "triage", "order/"+digitsOf(order)); err != nil {
		return b, err
	}
	all, err := s.baselines(c.UserContext(), in)
	b.Own = lo.Filter(all, func(row baselineRow, _ int) bool { return row.OrderID == order })
	return b, err
}

func (s *Service) baselineNames(ctx context.Context, in suiteView) ([]string, error) {
	rows, err := list[baselineRow](ctx, s, "baseline_names", ofSuite(in))
	return lo.Map(rows, func(r baselineRow, _ int) string { return r.Name }), err
}

// baselineNamed is the baseline of that name; what to do where there is none, refuse says with the page's own way back.
func (s *Service) baselineNamed(ctx context.Context, in suiteView, name string, refuse func(what, mend string) error) (baselineRow, error) {
	named, err := s.baselines(ctx, in, name)
	switch {
	case err != nil:
		return baselineRow{}, err
	case len(named) == 0:
		return baselineRow{}, refuse("Suite "+in.Name+" has no baseline called "+clip(name, 40)+".", "The page of an order gives it such a name.")
	}
	return named[0], nil
}

// baselineChoice is what the form of a page says of baselines: their names, and the one that the address chose.
type baselineChoice struct {
	Names  []string
	Chosen baselineRow
}

// readAgainst reads which baseline a page is to hold its values against; none where the address has no against.
func (s *Service) readAgainst(c *fiber.Ctx, in suiteView) (b baselineChoice, err error) {
	name, err := text(c, "against")
	if err != nil {
		return b, err
	}
	if b.Names, err = s.baselineNames(c.UserContext(), in); err != nil || name == "" {
		return b, err
	}
	b.Chosen, err = s.baselineNamed(c.UserContext(), in, strings.Clone(name), func(what, mend string) error {
		return notHere(what, mend+" Change or remove against in the address.", addressWithout(c, "against"), "This page without it")
	})
	return b, err
}

// baselineRun is what a run is compared with when the address says against which baseline; nil when it says none. By LNT's rule it is the
// newest run of the machine's first order that is not before the baseline.
func (s *Service) baselineRun(c *fiber.Ctx, l links, in suiteView, body *runBody) (*runDetailRow, error) {
	name := strings.Clone(c.Query("against"))
	if name == "" {
		return nil, nil
	}
	ctx, back := c.UserContext(), l.Run(in.Database, in.Name, body.Run.RunID)
	refuse := func(what, mend string) error {
		return notHere(what, mend+" Change or remove against in the address.", back, "Run "+digitsOf(body.Run.RunID)+" against the order before")
	}
	named, err := s.baselineNamed(ctx, in, name, refuse)
	if err != nil {
		return nil, err
	}
	runs, err := list[neighbourRow](ctx, s, "page_baseline_runs", with(ofSuite(in), store.Params{"machine_id": body.Run.MachineID, "order_id": named.OrderID}))
	if err != nil {
		return nil, err
	}
	runs = lo.Reject(runs, func(r neighbourRow, _ int) bool { return r.RunID == body.Run.RunID })
	if len(runs) == 0 {
		return nil, refuse("Baseline "+name+" has no other run of "+body.Run.Machine+".", "The machine has none of that order or a later one but this.")
	}
	row, found, err := s.runByID(ctx, in, runs[0].RunID)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, refuse("The run of baseline "+name+" was taken away just now.", "Try again.")
	}
	body.Baseline = name
	return &row, nil
}
