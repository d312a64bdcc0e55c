package web

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
)

// The JSON a chart is drawn from. Orders come in the order of their sort keys;
// "at" and "from" are positions in that list, from 0.

type chartData struct {
	Database string `json:"database"`
	Suite    string `json:"suite"`
	// Position is how far the suite's data went, as an event's position.
	Position uint64       `json:"position"`
	Orders   []chartOrder `json:"orders"`
	Series   []chartLine  `json:"series"`
}

type chartOrder struct {
	ID   uint32 `json:"id"`
	Name string `json:"name"`
	// At is when the order was measured first, "" when unknown.
	At  string `json:"at,omitempty"`
	key string
}

type chartLine struct {
	Plot      string      `json:"plot"`
	Machine   reference   `json:"machine"`
	Test      reference   `json:"test"`
	Metric    chartMetric `json:"metric"`
	Aggregate string      `json:"aggregate"`
	// Points are in the order of Orders; an order without results has no point.
	Points   []chartPoint   `json:"points"`
	Findings []chartFinding `json:"findings"`
}

type reference struct {
	ID   uint32 `json:"id"`
	Name string `json:"name"`
}

type chartMetric struct {
	Name           string `json:"name"`
	Title          string `json:"title"`
	Unit           string `json:"unit"`
	BiggerIsBetter bool   `json:"bigger_is_better"`
}

type chartPoint struct {
	At int `json:"at"`
	// Value is null where every sample failed.
	Value   *float64 `json:"value"`
	Run     uint32   `json:"run"`
	Samples []sample `json:"samples"`
}

type chartFinding struct {
	At       int     `json:"at"`
	From     int     `json:"from"`
	Kind     string  `json:"kind"`
	Before   float64 `json:"before"`
	After    float64 `json:"after"`
	Effect   float64 `json:"effect"`
	Detector string  `json:"detector"`
}

// point is one order of one series.
type point struct {
	OrderID uint32
	Order   string
	SortKey string
	StartAt time.Time
	Value   *float64
	// RunID is the newest run of the order.
	RunID   uint32
	Samples []sample
}

// sample is one measured value. In JSON it is [value, run, failed].
type sample struct {
	Value  float64
	RunID  uint32
	Failed bool
}

// MarshalJSON writes the short form: charts have thousands of these.
func (v sample) MarshalJSON() ([]byte, error) {
	if math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
		return nil, fmt.Errorf("sample of run %d is not finite", v.RunID)
	}
	out := append([]byte{'['}, strconv.AppendFloat(nil, v.Value, 'g', -1, 64)...)
	out = strconv.AppendUint(append(out, ','), uint64(v.RunID), 10)
	return append(out, lo.Ternary(v.Failed, ",1]", ",0]")...), nil
}

// graphData answers /graph/data. Its tag changes with the suite's data, the page's
// own parameters are part of the address.
func (s *Service) graphData(c *fiber.Ctx) error {
	c.Locals(wantsData, true)
	_, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	q, err := readGraph(c, s.cfg)
	if err != nil {
		return err
	}
	// Read before the data: a newer event in between only makes the next visit ask again.
	position, _, err := one[positionRow](c.UserContext(), s, "suite_position", ofSuite(in))
	if err != nil {
		return err
	}
	tag := dataTag(in, q, position)
	c.Set(fiber.HeaderETag, tag)
	if matches(c.Get(fiber.HeaderIfNoneMatch), tag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	data, err := s.chart(c, in, q)
	if err != nil {
		return err
	}
	data.Position = position.Position
	body, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode chart: %w", err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
	return c.Send(body)
}

// chartFormat changes when the JSON does, so that no browser keeps the old form.
const chartFormat = 1

func dataTag(in suiteView, q graphQuery, p positionRow) string {
	sum := fnv.New64a()
	_, _ = fmt.Fprint(sum, chartFormat, in.Database, in.Name, q, string(in.Encode()))
	return fmt.Sprintf(`"%d-%d-%x"`, p.Position, p.Seen, sum.Sum64())
}

func (s *Service) chart(c *fiber.Ctx, in suiteView, q graphQuery) (chartData, error) {
	ctx := c.UserContext()
	data := chartData{Database: in.Database, Suite: in.Name, Orders: []chartOrder{}, Series: []chartLine{}}
	lines, err := s.lines(ctx, links{prefix: "/"}, in, q.Plots)
	if err != nil {
		return data, err
	}
	all := make([][]point, len(lines))
	for i, l := range lines {
		if all[i], err = s.series(ctx, in, l.Plot, q); err != nil {
			return data, err
		}
	}
	data.Orders = mergeOrders(all, q.Limit)
	place := map[uint32]int{}
	for i, o := range data.Orders {
		place[o.ID] = i
	}
	for i, l := range lines {
		found, err := s.graphFindings(ctx, links{prefix: "/"}, in, []plot{l.Plot})
		if err != nil {
			return data, err
		}
		data.Series = append(data.Series, newChartLine(l, q, all[i], found, place))
	}
	return data, nil
}

// mergeOrders is every order of any series, by sort key, at most the newest limit of them.
func mergeOrders(all [][]point, limit int) []chartOrder {
	seen := map[uint32]chartOrder{}
	for _, points := range all {
		for _, p := range points {
			if have, ok := seen[p.OrderID]; ok && have.At != "" {
				continue
			}
			o := chartOrder{ID: p.OrderID, Name: p.Order, key: p.SortKey}
			if known(p.StartAt) {
				o.At = machineTime(p.StartAt)
			}
			seen[p.OrderID] = o
		}
	}
	merged := lo.Values(seen)
	slices.SortFunc(merged, func(a, b chartOrder) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.ID, b.ID))
	})
	return merged[max(0, len(merged)-limit):]
}

func newChartLine(l line, q graphQuery, points []point, found []finding, place map[uint32]int) chartLine {
	out := chartLine{
		Plot:    l.Plot.String(),
		Machine: reference{l.Plot.Machine, l.Machine}, Test: reference{l.Plot.Test, l.Test},
		Metric: chartMetric{
			l.Metric.Name, l.Metric.Title(), lo.CoalesceOrEmpty(l.Metric.UnitAbbrev, l.Metric.Unit), l.Metric.BiggerIsBetter,
		},
		Aggregate: aggregateOf(l, q), Points: []chartPoint{}, Findings: []chartFinding{},
	}
	for _, p := range points {
		if at, ok := place[p.OrderID]; ok {
			out.Points = append(out.Points, chartPoint{At: at, Value: p.Value, Run: p.RunID, Samples: p.Samples})
		}
	}
	for _, f := range found {
		at, ok := place[f.OrderID]
		if !ok {
			continue // older than the orders shown, or its data is gone
		}
		from, ok := place[f.PreviousID]
		if !ok {
			from = max(0, at-1)
		}
		out.Findings = append(out.Findings, chartFinding{
			At: at, From: from, Kind: f.Kind, Before: f.Before, After: f.After, Effect: f.Effect, Detector: f.Detector,
		})
	}
	slices.SortFunc(out.Findings, func(a, b chartFinding) int { return cmp.Compare(a.At, b.At) })
	return out
}

func aggregateOf(l line, q graphQuery) string {
	return lo.CoalesceOrEmpty(q.Aggregate, lo.Ternary(l.Metric.BiggerIsBetter, "max", "min"))
}

// series is one line, the oldest order first.
func (s *Service) series(ctx context.Context, in suiteView, p plot, q graphQuery) ([]point, error) {
	metric := in.Metrics[p.Field]
	rows, err := list[pointRow](ctx, s, "page_series", with(machineParams(in, p.Machine), store.Params{
		"test_id": p.Test, "metric": metric.Name, "limit": uint32(q.Limit),
	}))
	if err != nil {
		return nil, err
	}
	how := aggregateOf(line{Plot: p, Metric: metric}, q)
	slices.Reverse(rows)
	return lo.Map(rows, func(r pointRow, _ int) point { return newPoint(r, how) }), nil
}

// newPoint leaves failed samples out of the value, but keeps them to be shown.
func newPoint(r pointRow, how string) point {
	p := point{OrderID: r.OrderID, Order: r.Order, SortKey: r.SortKey, StartAt: r.StartAt}
	var good []float64
	for i, v := range r.Values {
		p.Samples = append(p.Samples, sample{v, r.RunIDs[i], r.Failed[i] != 0})
		p.RunID = r.RunIDs[i]
		if r.Failed[i] == 0 {
			good = append(good, v)
		}
	}
	if len(good) > 0 {
		value := aggregate(good, how)
		p.Value = &value
	}
	return p
}

func aggregate(values []float64, how string) float64 {
	switch how {
	case "max":
		return slices.Max(values)
	case "mean":
		return lo.Sum(values) / float64(len(values))
	case "median":
		sorted := slices.Sorted(slices.Values(values))
		middle := len(sorted) / 2
		if len(sorted)%2 == 1 {
			return sorted[middle]
		}
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return slices.Min(values)
}
