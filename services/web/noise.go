package web

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// noiseRow is how noisy a series is, as docs/noise.md defines it. What the data do not tell is nil.
type noiseRow struct {
	Metric        string   `ch:"metric"`
	TestID        uint32   `ch:"test_id"`
	Test          string   `ch:"test"`
	Orders        uint32   `ch:"orders"`
	Samples       uint32   `ch:"samples_per_order"`
	Level         float64  `ch:"level"`
	Within        *float64 `ch:"within_spread"`
	Run           *float64 `ch:"run_spread"`
	Machine       *float64 `ch:"machine_spread"`
	MinEffect     *float64 `ch:"min_effect_seen"`
	SamplesNeeded *uint64  `ch:"samples_needed"`
	LimitedBy     string   `ch:"limited_by"`
	SamePairs     uint32   `ch:"same_code_pairs"`
	SameSpread    *float64 `ch:"same_code_spread"`
}

// noiseLine is a row as the page shows it; spreads are shares of the level.
type noiseLine struct {
	noiseRow
	MetricTitle, LevelText, WithinText, RunText, MachineText, EffectText string
	Graph                                                                string
}

// metricNoise sums a metric up: medians over its series.
type metricNoise struct {
	Title               string
	Series              int
	Within, Run, Effect string
	// Seen is how many series show a change as large as the goal with the samples they have.
	Seen int
}

type noiseBody struct {
	Machines []machineNameRow
	Metrics  []metricChoice
	Machine  machineNameRow
	Query    noiseQuery
	Rows     []noiseLine
	Sums     []metricNoise
	Pager    pager
	// Cut says that there are more series than are looked at.
	Cut bool
}

type noiseQuery struct {
	Metric, Test, Sort string
	Orders             int
}

// Bounds of the page.
const (
	noiseOrders    = 50
	maxNoiseOrders = 1000
	maxNoiseSeries = 20_000
	noiseGoal      = 0.01
	noiseSide      = 8 // orders on each side of a change, as the REST side assumes
)

// noise answers /noise: how small a change can be seen, series by series.
func (s *Service) noise(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Noise", "noise")
	if err != nil {
		return err
	}
	v.crumb("Noise")
	ctx, body := c.UserContext(), noiseBody{Metrics: in.realMetrics()}
	if body.Machines, err = list[machineNameRow](ctx, s, "page_machine_names", ofSuite(in)); err != nil {
		return err
	}
	if body.Query, err = readNoiseQuery(c, in); err != nil {
		return err
	}
	if body.Pager, err = readPager(c, s.cfg.ListRows); err != nil {
		return err
	}
	id, err := number(c, "machine_id", math.MaxUint32)
	if err != nil {
		return err
	}
	found := false
	if id == 0 && len(body.Machines) > 0 {
		body.Machine, found = body.Machines[0], true
	} else {
		body.Machine, found = lo.Find(body.Machines, func(m machineNameRow) bool { return uint64(m.ID) == id })
	}
	if !found && id != 0 {
		return badParameter("machine_id", c.Query("machine_id"), "No machine of this suite has this number; choose one from the list.")
	}
	if found {
		if err := s.fillNoise(c, v.L, in, &body); err != nil {
			return err
		}
	}
	v.Body = body
	return s.render(c, "noise", v)
}

func readNoiseQuery(c *fiber.Ctx, in suiteView) (q noiseQuery, err error) {
	if q.Metric, err = readMetric(c, in); err != nil {
		return q, err
	}
	if q.Test, err = text(c, "test"); err != nil {
		return q, err
	}
	if q.Sort, err = choice(c, "sort", "effect", "quiet", "within", "run", "samples", "test"); err != nil {
		return q, err
	}
	orders, err := number(c, "orders", maxNoiseOrders)
	q.Orders = int(lo.CoalesceOrEmpty(orders, noiseOrders))
	return q, err
}

func (s *Service) fillNoise(c *fiber.Ctx, l links, in suiteView, body *noiseBody) error {
	judge, err := detect.Resolve("", "", nil)
	if err != nil {
		return err
	}
	bounds := map[string]float64{}
	for _, name := range []string{"min_t", "min_sigmas", "min_effect"} {
		if bounds[name], err = strconv.ParseFloat(judge.Values[name], 64); err != nil {
			return err
		}
	}
	rows, err := list[noiseRow](c.UserContext(), s, "noise_series", with(ofSuite(in), store.Params{
		"machine_id": body.Machine.ID, "orders": uint32(body.Query.Orders), "metric": body.Query.Metric, "hash_metric": codeHash(in), "test_ids": []uint32{},
		"side": uint16(noiseSide), "min_t": bounds["min_t"], "min_sigmas": bounds["min_sigmas"], "min_effect": bounds["min_effect"], "goal": noiseGoal,
		"above_metric": "", "above_test": "", "max_items": uint64(maxNoiseSeries),
	}))
	if err != nil {
		return err
	}
	body.Cut = len(rows) == maxNoiseSeries
	if part := strings.ToLower(body.Query.Test); part != "" {
		rows = lo.Filter(rows, func(r noiseRow, _ int) bool { return strings.Contains(strings.ToLower(r.Test), part) })
	}
	body.Sums = noiseSums(in, rows)
	slices.SortStableFunc(rows, noiseOrder(body.Query.Sort))
	body.Pager.Total = len(rows)
	from := min(int(body.Pager.offset()), len(rows))
	body.Rows = lo.Map(rows[from:min(from+body.Pager.Rows, len(rows))], func(r noiseRow, _ int) noiseLine { return newNoiseLine(l, in, body.Machine.ID, r) })
	return nil
}

// noiseOrder compares by what is asked for; what is not known comes last.
func noiseOrder(sort string) func(a, b noiseRow) int {
	descending := func(of func(noiseRow) *float64) func(a, b noiseRow) int {
		return func(a, b noiseRow) int { return unknownLast(of(a), of(b), -1) }
	}
	shareOf := func(of func(noiseRow) *float64) func(noiseRow) *float64 {
		return func(r noiseRow) *float64 {
			if n := of(r); n != nil && r.Level > 0 {
				return lo.ToPtr(*n / r.Level)
			}
			return nil
		}
	}
	effect := func(r noiseRow) *float64 { return r.MinEffect }
	switch sort {
	case "quiet":
		return func(a, b noiseRow) int { return unknownLast(a.MinEffect, b.MinEffect, 1) }
	case "within":
		return descending(shareOf(func(r noiseRow) *float64 { return r.Within }))
	case "run":
		return descending(shareOf(func(r noiseRow) *float64 { return r.Run }))
	case "samples":
		return descending(func(r noiseRow) *float64 {
			if r.SamplesNeeded == nil {
				return nil
			}
			return lo.ToPtr(float64(*r.SamplesNeeded))
		})
	case "test":
		return func(a, b noiseRow) int { return cmp.Or(cmp.Compare(a.Test, b.Test), cmp.Compare(a.Metric, b.Metric)) }
	default:
		return descending(effect)
	}
}

func unknownLast(a, b *float64, sign int) int {
	switch {
	case a == nil || b == nil:
		return cmp.Compare(lo.Ternary(a == nil, 1, 0), lo.Ternary(b == nil, 1, 0))
	default:
		return sign * cmp.Compare(*a, *b)
	}
}

func newNoiseLine(l links, in suiteView, machine uint32, r noiseRow) noiseLine {
	index, metric, ok := in.Metric(r.Metric)
	if !ok {
		metric = suite.Metric{Name: r.Metric}
	}
	part := func(n *float64) string {
		if n == nil || r.Level == 0 {
			return "–"
		}
		return percentOf(*n / r.Level)
	}
	line := noiseLine{
		noiseRow: r, MetricTitle: metric.Title(), LevelText: quantity(metric, r.Level), WithinText: part(r.Within), RunText: part(r.Run), MachineText: part(r.Machine), EffectText: "–",
	}
	if r.MinEffect != nil {
		line.EffectText = percentOf(*r.MinEffect)
	}
	if ok {
		line.Graph = l.Graph(in.Database, in.Name, plot{machine, r.TestID, index})
	}
	return line
}

// Limit says in words why more samples do not help, or cannot be told.
func (r noiseLine) Limit() string {
	return map[string]string{
		"orders": "too few orders yet", "samples": "one sample an order: needs several to tell", "runs": "never: runs differ by more, whatever the samples",
	}[r.LimitedBy]
}

func noiseSums(in suiteView, rows []noiseRow) []metricNoise {
	middle := func(of []float64) string {
		if len(of) == 0 {
			return "–"
		}
		slices.Sort(of)
		return percentOf(of[len(of)/2])
	}
	byMetric := lo.GroupBy(rows, func(r noiseRow) string { return r.Metric })
	var sums []metricNoise
	for _, name := range slices.Sorted(maps.Keys(byMetric)) {
		sum := metricNoise{Title: name, Series: len(byMetric[name])}
		if _, m, ok := in.Metric(name); ok {
			sum.Title = m.Title()
		}
		var within, run, effect []float64
		for _, r := range byMetric[name] {
			if r.Within != nil && r.Level > 0 {
				within = append(within, *r.Within/r.Level)
			}
			if r.Run != nil && r.Level > 0 {
				run = append(run, *r.Run/r.Level)
			}
			if r.MinEffect != nil {
				effect = append(effect, *r.MinEffect)
				sum.Seen += lo.Ternary(*r.MinEffect <= noiseGoal, 1, 0)
			}
		}
		sum.Within, sum.Run, sum.Effect = middle(within), middle(run), middle(effect)
		sums = append(sums, sum)
	}
	return sums
}

// codeHash is the metric that says which code ran; "" for none. LNT's profile is a hash by its type only.
func codeHash(in suiteView) string {
	hashes := lo.FilterMap(in.Metrics, func(m suite.Metric, _ int) (string, bool) { return m.Name, m.Type == suite.Hash && m.Name != "profile" })
	if slices.Contains(hashes, "hash") {
		return "hash"
	}
	first, _ := lo.First(hashes)
	return first
}
