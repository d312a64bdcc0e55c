package web

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
)

// maxGraphFindings bounds the change points of one chart.
const maxGraphFindings = 2000

type chartFindingRow struct {
	ID         uuid.UUID `ch:"finding_id"`
	ChangeID   uint32    `ch:"change_id"`
	MachineID  uint32    `ch:"machine_id"`
	Metric     string    `ch:"metric"`
	TestID     uint32    `ch:"test_id"`
	OrderID    uint32    `ch:"order_id"`
	PreviousID uint32    `ch:"previous_order_id"`
	Direction  string    `ch:"direction"`
	Kind       string    `ch:"kind"`
	Before     float64   `ch:"before"`
	After      float64   `ch:"after"`
	Effect     float64   `ch:"effect"`
	Detector   string    `ch:"detector"`
	FoundAt    time.Time `ch:"found_at"`
	// Regression is the one it belongs to, 0 for none. Order and its key are read beside it.
	Regression     uint32 `ch:"-"`
	Order, sortKey string `ch:"-"`
}

type chartRegressionRow struct {
	ID      uint32   `ch:"regression_id"`
	Changes []uint32 `ch:"found_ids"`
}

// chartFindings are the change points of every line, by line, the oldest order first.
func (s *Service) chartFindings(ctx context.Context, in suiteView, q graphQuery) (map[plot][]chartFindingRow, error) {
	plots := lo.Filter(q.Plots, func(p plot, _ int) bool { return p.Test != 0 })
	if len(plots) == 0 {
		return nil, nil
	}
	params := with(ofSuite(in), store.Params{
		"test_ids": lo.Uniq(lo.Map(plots, func(p plot, _ int) uint32 { return p.Test })),
		"metrics":  lo.Uniq(lo.Map(plots, func(p plot, _ int) string { return in.Metrics[p.Field].Name })),
		"limit":    uint32(maxGraphFindings),
	})
	name := "page_chart_findings"
	if q.AsOf > 0 {
		name, params["as_of"] = "page_chart_findings_as_of", q.AsOf
		params["machine_ids"] = lo.Uniq(lo.Map(plots, func(p plot, _ int) uint32 { return p.Machine }))
	} else {
		params["own_machine_ids"] = q.madeOf(plots)
	}
	rows, err := list[chartFindingRow](ctx, s, name, params)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	if err := s.nameFindings(ctx, in, rows); err != nil {
		return nil, err
	}
	found := map[plot][]chartFindingRow{}
	for _, r := range rows {
		if index, _, ok := in.Metric(r.Metric); ok {
			r.MachineID = q.machines.of(r.MachineID)
			p := plot{r.MachineID, r.TestID, index}
			found[p] = append(found[p], r)
		}
	}
	return found, nil
}

// nameFindings fills in orders and regressions, and sorts by the orders.
func (s *Service) nameFindings(ctx context.Context, in suiteView, rows []chartFindingRow) error {
	orders, err := s.chartOrders(ctx, in, lo.Uniq(lo.Map(rows, func(r chartFindingRow, _ int) uint32 { return r.OrderID })))
	if err != nil {
		return err
	}
	grouped, err := list[chartRegressionRow](ctx, s, "page_chart_regressions", with(ofSuite(in), store.Params{
		"change_ids": lo.Map(rows, func(r chartFindingRow, _ int) uint32 { return r.ChangeID }),
	}))
	if err != nil {
		return err
	}
	regressions := map[uint32]uint32{}
	for _, g := range grouped {
		for _, change := range g.Changes {
			if regressions[change] == 0 {
				regressions[change] = g.ID
			}
		}
	}
	for i := range rows {
		o := orders[rows[i].OrderID]
		rows[i].Order, rows[i].sortKey, rows[i].Regression = o.Name, o.SortKey, regressions[rows[i].ChangeID]
	}
	slices.SortStableFunc(rows, func(a, b chartFindingRow) int { return cmp.Compare(a.sortKey, b.sortKey) })
	return nil
}

// newChartFinding places a change point; false when its order is not shown.
func newChartFinding(f chartFindingRow, place map[uint32]int) (chartFinding, bool) {
	at, ok := place[f.OrderID]
	if !ok {
		return chartFinding{}, false
	}
	from, ok := place[f.PreviousID]
	if !ok || from >= at {
		from = max(0, at-1)
	}
	return chartFinding{
		At: at, From: from, Kind: f.Kind, Before: f.Before, After: f.After, Effect: f.Effect, Detector: f.Detector, Regression: f.Regression,
	}, true
}

// graphChange is a change point in the table under a chart.
type graphChange struct {
	chartFindingRow
	Line       line
	Bad, Up    bool
	Change     string
	BeforeText string
	AfterText  string
	OrderLink  string
	// RegressionLink is "" for none.
	RegressionLink string
	Why            string
	ShownOnChart   string
}

// changes are the change points of all lines, line by line, the newest order first.
func changes(l links, in suiteView, q graphQuery, lines []line, found map[plot][]chartFindingRow) []graphChange {
	var out []graphChange
	for _, of := range lines {
		rows := found[of.Plot]
		for i := len(rows) - 1; i >= 0; i-- {
			f := rows[i]
			c := graphChange{
				chartFindingRow: f, Line: of, Bad: f.Kind == string(event.Regression), Up: f.Direction == string(event.Up),
				Change: percent(f.Effect), OrderLink: l.Order(in.Database, in.Name, f.OrderID), Why: l.Why(in.Database, in.Name, of.Plot, f.OrderID, q.AsOf),
			}
			if f.Before == 0 {
				c.Change = lo.Ternary(c.Up, "from 0", "from 0 down")
			}
			c.BeforeText, c.AfterText = quantities(of.Metric, f.Before, f.After)
			if f.Regression != 0 {
				c.RegressionLink = l.Regression(in.Database, in.Name, f.Regression)
			}
			marked := q
			marked.Order = f.OrderID
			c.ShownOnChart = l.chart(in, marked)
			out = append(out, c)
		}
	}
	return out
}
