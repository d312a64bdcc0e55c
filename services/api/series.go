package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/openapi"
	"tidemark/pkg/suite"
)

// seriesFormat is part of every ETag of a series: change it with the shape of the answer, or clients
// keep the old one.
const seriesFormat = "s1"

type seriesAnswer struct {
	Series   seriesHead `json:"series"`
	Points   []point    `json:"points"`
	Findings []finding  `json:"findings"`
}

type seriesHead struct {
	MachineID      uint32 `json:"machine_id"`
	Machine        string `json:"machine"`
	TestID         uint32 `json:"test_id"`
	Test           string `json:"test"`
	Metric         string `json:"metric"`
	DisplayName    string `json:"display_name"`
	Unit           string `json:"unit"`
	UnitAbbrev     string `json:"unit_abbrev"`
	BiggerIsBetter bool   `json:"bigger_is_better"`
	Aggregate      string `json:"aggregate"`
}

// point is one order of a series. Value aggregates the samples whose status does not say FAIL, or all
// of them when none is left; Failed says that one does. RunID is the newest run of the order.
type point struct {
	OrderID uint32    `json:"order_id"`
	Order   string    `json:"order"`
	RunID   uint32    `json:"run_id"`
	Value   float64   `json:"value"`
	Samples []float64 `json:"samples"`
	Failed  bool      `json:"failed"`
}

// aggregates turn an order's values, at least one, into one.
var aggregates = map[string]func([]float64) float64{
	"median": median,
	"min":    slices.Min[[]float64],
	"max":    slices.Max[[]float64],
	"mean":   lo.Mean[float64],
}

// median of an even number of values is the mean of the middle two.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return sorted[half-1]/2 + sorted[half]/2
}

// seriesOperations are those that read one series.
func (s *Service) seriesOperations() []operation {
	return []operation{{openapi.Operation{
		Method: "GET", Path: "series", ID: "getSeries", Tag: "series", Summary: "one series with its change points",
		Query: []openapi.Param{
			required(machineParam), required(testParam), required(metricParam),
			{Name: "aggregate", Words: []string{"median", "min", "max", "mean"}, Default: "median", Help: "How an order's samples become one value."},
		},
		Answer: seriesAnswer{}, Tagged: true,
	}, s.getSeries}}
}

func (s *Service) getSeries(c *fiber.Ctx, q v5Request) error {
	params, aggregate := q.params, q.params["aggregate"]
	schema, err := s.schema(q.ctx, q.key)
	if err != nil {
		return err
	}
	// The position is read before the data: data that arrives in between makes the tag old, never wrong.
	at, err := s.read.Position(q.ctx, q.key)
	if err != nil {
		return err
	}
	tag := fmt.Sprintf(`W/"%s-%d-%d"`, seriesFormat, at.Seq, at.Seen)
	if knows(c, tag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	answer, want, err := s.seriesHead(q, schema, params)
	if err != nil {
		return err
	}
	answer.Series.Aggregate = lo.CoalesceOrEmpty(aggregate, "median")
	samples, err := s.read.Series(q.ctx, want)
	if err != nil {
		return err
	}
	answer.Points = toPoints(samples, aggregates[answer.Series.Aggregate])
	found, err := s.read.Findings(q.ctx, q.key, findingQuery{
		machineIDs: []uint32{want.machineID}, testIDs: []uint32{want.testID}, metric: want.metric,
		belowSeq: 1<<63 - 1, limit: maxItems,
	})
	if err != nil {
		return err
	}
	answer.Findings = lo.Map(found, toFinding)
	mark(c, tag)
	return c.JSON(answer)
}

// knows says whether the client has the answer with this tag already.
func knows(c *fiber.Ctx, tag string) bool {
	for known := range strings.SplitSeq(c.Get(fiber.HeaderIfNoneMatch), ",") {
		if known = strings.TrimSpace(known); known == tag || known == "*" {
			mark(c, tag)
			return true
		}
	}
	return false
}

// mark tags the answer. Clients may keep it, but have to ask each time.
func mark(c *fiber.Ctx, tag string) {
	c.Set(fiber.HeaderETag, tag)
	c.Set(fiber.HeaderCacheControl, "no-cache")
}

// seriesHead finds what the parameters name.
func (s *Service) seriesHead(q v5Request, schema suite.Schema, params query) (seriesAnswer, seriesQuery, error) {
	m, err := metric(schema, params["metric"])
	if err != nil {
		return seriesAnswer{}, seriesQuery{}, err
	}
	if m.Type != suite.Real {
		return seriesAnswer{}, seriesQuery{}, invalid("metric: '%s' has type %s, a series needs Real", m.Name, m.Type)
	}
	machines, err := s.machines(q, params["machine"])
	if err != nil {
		return seriesAnswer{}, seriesQuery{}, err
	}
	if len(machines) > 1 {
		ids := lo.Map(machines, func(m machineRow, _ int) string { return fmt.Sprint(m.ID) })
		return seriesAnswer{}, seriesQuery{}, invalid("machine: several are called '%s'; use one of the ids %s", params["machine"], strings.Join(ids, ", "))
	}
	t, err := s.test(q, params["test"])
	if err != nil {
		return seriesAnswer{}, seriesQuery{}, err
	}
	head := seriesHead{
		MachineID: machines[0].ID, Machine: machines[0].Name, TestID: t.ID, Test: t.Name, Metric: m.Name,
		DisplayName: m.Title(), Unit: m.Unit, UnitAbbrev: m.UnitAbbrev, BiggerIsBetter: m.BiggerIsBetter,
	}
	return seriesAnswer{Series: head}, seriesQuery{q.key, head.MachineID, head.TestID, head.Metric}, nil
}

// toPoints gathers samples, which come order by order, into one point per order.
func toPoints(samples []seriesRow, aggregate func([]float64) float64) []point {
	points := []point{}
	var passed []float64
	finish := func() {
		if len(points) == 0 {
			return
		}
		last := &points[len(points)-1]
		if len(passed) == 0 {
			passed = last.Samples
		}
		last.Value = aggregate(passed)
		passed = nil
	}
	for _, sample := range samples {
		if len(points) == 0 || points[len(points)-1].OrderID != sample.OrderID {
			finish()
			points = append(points, point{OrderID: sample.OrderID, Order: sample.Order})
		}
		last := &points[len(points)-1]
		last.RunID = sample.RunID
		last.Samples = append(last.Samples, sample.Value)
		last.Failed = last.Failed || sample.Failed > 0
		if sample.Failed == 0 {
			passed = append(passed, sample.Value)
		}
	}
	finish()
	return points
}
