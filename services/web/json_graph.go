package web

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/lntjson"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// Bounds of one chart's JSON, which has no pages.
const (
	maxPlots  = 200
	maxValues = 1_000_000
)

// chartOptions are the options of LNT's chart, as it repeats them in current_options.
type chartOptions struct {
	Aggregate      *string `json:"aggregation_function"`
	HideAllPoints  bool    `json:"hide_all_points"`
	HideHighlight  bool    `json:"hide_highlight"`
	HideLine       bool    `json:"hide_lineplot"`
	Limit          int     `json:"limit"`
	Logarithmic    bool    `json:"logarithmic_scale"`
	Window         int     `json:"moving_window_size"`
	ByMedian       bool    `json:"normalize_by_median"`
	Least          bool    `json:"show_cumulative_minimum"`
	Failures       bool    `json:"show_failures"`
	Regression     bool    `json:"show_linear_regression"`
	Deviation      bool    `json:"show_mad"`
	MovingAverage  bool    `json:"show_moving_average"`
	MovingMedian   bool    `json:"show_moving_median"`
	StandardSpread bool    `json:"show_stddev"`
	ByDate         bool    `json:"xaxis_date"`
	// everySample asks for the points of orders with one sample, too.
	everySample bool
}

func readChartOptions(c *fiber.Ctx, l links, in suiteView) (o chartOptions, err error) {
	for name, field := range map[string]*bool{
		"hide_all_points": &o.HideAllPoints, "hide_highlight": &o.HideHighlight, "hide_lineplot": &o.HideLine,
		"logarithmic_scale": &o.Logarithmic, "normalize_by_median": &o.ByMedian, "show_cumulative_minimum": &o.Least,
		"show_failures": &o.Failures, "show_linear_regression": &o.Regression, "show_mad": &o.Deviation,
		"show_moving_average": &o.MovingAverage, "show_moving_median": &o.MovingMedian, "show_stddev": &o.StandardSpread,
		"xaxis_date": &o.ByDate,
	} {
		*field = c.Query(name) != ""
	}
	o.everySample = c.Query("csv") != "" || c.Query("download_csv") != ""
	if c.Context().QueryArgs().Has("aggregation_function") {
		o.Aggregate = new(c.Query("aggregation_function"))
	}
	if err := knownAggregate(c, l, in); err != nil {
		return o, err
	}
	if o.Limit, err = wholeNumber(c, "limit", 0, maxValues); err != nil {
		return o, err
	}
	o.Window, err = wholeNumber(c, "moving_window_size", 10, maxValues)
	return o, err
}

// values is how many values a line may have.
func (o chartOptions) values() uint64 {
	return uint64(lo.Ternary(o.Limit == 0, maxValues, o.Limit))
}

// chartItem is a line of the chart: a series, or the geometric mean of a machine's tests when Test is 0.
type chartItem struct {
	plot
	machine, test string
	metric        suite.Metric
	color         [3]float64
	url           string
	data          []chartGroup
}

// chartGroup are the samples at one place of the x axis, in the order in which their runs came.
type chartGroup struct {
	x       string
	key     string // sorts groups
	samples []chartSample
}

type chartSample struct {
	value float64
	order chartRevision
	start time.Time
	runID uint32
	// params is a JSON object, "" for a mean's.
	params string
}

type chartRevision struct {
	id     uint32
	values []string
}

// graphJSON answers /graph?…&json=1 and, as a file, download_json=1.
func (s *Service) graphJSON(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "graph")
	if err != nil {
		return err
	}
	options, err := readChartOptions(c, v.L, in)
	if err != nil {
		return err
	}
	items, err := s.chartItems(c, v.L, in)
	if err != nil {
		return err
	}
	baselines, err := s.chartBaselines(c, v.L, in)
	if err != nil {
		return err
	}
	marked, err := s.highlight(c, v.L, in, options)
	if err != nil {
		return err
	}
	made := newChartJSON(in, options, items)
	for i := range items {
		if items[i].data, err = s.chartData(c.UserContext(), in, items[i], options); err != nil {
			return err
		}
		made.add(items[i])
		if err := s.addBaselines(c.UserContext(), in, made, items, i, baselines); err != nil {
			return err
		}
	}
	if c.Query("json") == "" {
		c.Attachment("Graph.json")
		c.Set(fiber.HeaderContentDisposition, "attachment; filename=Graph.json")
	}
	err = sendLNT(c, map[string]any{
		"data": made.traces, "legend": made.legend, "revision_range": marked, "current_options": options,
		"test_suite_name": in.Name, "baselines": made.baselines,
	})
	if c.Query("json") == "" {
		c.Set(fiber.HeaderContentType, "text/json; charset=utf-8")
	}
	return err
}

// firstOf visits the parameters whose names begin with prefix, each name once.
func firstOf(c *fiber.Ctx, prefix string, each func(name, value string) error) (err error) {
	seen := map[string]bool{}
	c.Context().QueryArgs().VisitAll(func(key, value []byte) {
		name := string(key)
		if err == nil && strings.HasPrefix(name, prefix) && !seen[name] {
			seen[name] = true
			err = each(name, string(value))
		}
	})
	return err
}

// chartItems are the lines that the address names, sorted as LNT sorts them, the mean last.
func (s *Service) chartItems(c *fiber.Ctx, l links, in suiteView) ([]chartItem, error) {
	var items []chartItem
	err := firstOf(c, "plot.", func(name, value string) error {
		p, err := parsePlot(value)
		if err != nil {
			return badParameter(clip(name, 60), value, err.Error())
		}
		items = append(items, chartItem{plot: p, url: fmt.Sprintf("%d/%d/%d", p.Machine, p.Test, p.Field)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(items) > maxPlots {
		return nil, badParameter("plot", fmt.Sprintf("%d lines", len(items)), fmt.Sprintf("At most %d lines at once.", maxPlots))
	}
	if value := c.Query("mean"); value != "" {
		p, err := parsePlot(strings.Replace(value, ".", ".1.", 1))
		if err != nil || strings.Count(value, ".") != 1 {
			return nil, badParameter("mean", value, "Write it as machine id and field index with a point between them, for example 1.2.")
		}
		items = append(items, chartItem{plot: plot{Machine: p.Machine, Field: p.Field}, test: "Geometric Mean"})
	}
	if len(items) == 0 {
		return nil, nothingToGraph(l, in)
	}
	if err := s.nameItems(c.UserContext(), l, in, items); err != nil {
		return nil, err
	}
	colorItems(items)
	return items, nil
}

// nameItems fills the names of machines, tests and metrics and sorts.
func (s *Service) nameItems(ctx context.Context, l links, in suiteView, items []chartItem) error {
	missing := func(what string, id int) error {
		return notHere(fmt.Sprintf("Suite %s has no %s %d.", in.Name, what, id),
			"Change the number or remove the line from the address.", l.Suite(in.Database, in.Name), "Machines and runs of "+in.Name)
	}
	names, err := list[machineNameRow](ctx, s, "page_machine_names", ofSuite(in))
	if err != nil {
		return err
	}
	machines := lo.SliceToMap(names, func(m machineNameRow) (uint32, string) { return m.ID, m.Name })
	tests, err := s.testNames(ctx, in, lo.Uniq(lo.Map(items, func(i chartItem, _ int) uint32 { return i.Test })))
	if err != nil {
		return err
	}
	for i := range items {
		item := &items[i]
		var known bool
		if item.machine, known = machines[item.Machine]; !known {
			return missing("machine", int(item.Machine))
		}
		if item.Test != 0 {
			if item.test, known = tests[item.Test]; !known {
				return missing("test", int(item.Test))
			}
		}
		if item.Field >= len(in.Metrics) {
			return missing("field", item.Field)
		}
		if item.metric = in.Metrics[item.Field]; item.metric.Type == suite.Hash {
			return badParameter("plot", item.String(), item.metric.Name+" is a hash, which cannot be drawn.")
		}
	}
	slices.SortStableFunc(items, func(a, b chartItem) int {
		return cmp.Or(cmp.Compare(b2i(a.Test == 0), b2i(b.Test == 0)), cmp.Compare(a.machine, b.machine), cmp.Compare(a.test, b.test),
			cmp.Compare(a.metric.Name, b.metric.Name), cmp.Compare(a.Field, b.Field))
	})
	return nil
}

func b2i(b bool) int { return lo.Ternary(b, 1, 0) }

// plotRow is a value of a series, or of a mean, which has no run of its own.
type plotRow struct {
	OrderID uint32    `ch:"order_id"`
	Values  []string  `ch:"order_values"`
	RunID   uint32    `ch:"run_id"`
	StartAt time.Time `ch:"start_at"`
	Params  string    `ch:"params"`
	Value   float64   `ch:"value"`
}

type meanRow struct {
	OrderID uint32    `ch:"order_id"`
	Values  []string  `ch:"order_values"`
	StartAt time.Time `ch:"start_at"`
	Value   float64   `ch:"value"`
}

// chartData reads a line and groups it by the x axis.
func (s *Service) chartData(ctx context.Context, in suiteView, item chartItem, o chartOptions) ([]chartGroup, error) {
	if item.Test == 0 {
		return s.meanData(ctx, in, item, o)
	}
	rows, err := list[plotRow](ctx, s, "lnt_plot", with(machineParams(in, item.Machine), store.Params{
		"test_id": item.Test, "metric": item.metric.Name, "status": lo.Ternary(o.Failures, "", item.metric.Status),
		"run_id": uint32(0), "max_values": o.values(),
	}))
	if err != nil {
		return nil, err
	}
	return byPlace(in, o, lo.Map(rows, func(r plotRow, _ int) chartSample {
		return chartSample{r.Value, chartRevision{r.OrderID, r.Values}, r.StartAt, r.RunID, lo.CoalesceOrEmpty(r.Params, "{}")}
	})), nil
}

// meanData has one sample per order and start: the geometric mean of what the tests have there.
func (s *Service) meanData(ctx context.Context, in suiteView, item chartItem, o chartOptions) ([]chartGroup, error) {
	rows, err := list[meanRow](ctx, s, "lnt_plot_mean", with(machineParams(in, item.Machine), store.Params{
		"metric": item.metric.Name, "max_values": o.values(),
	}))
	if err != nil {
		return nil, err
	}
	type place struct {
		order uint32
		start time.Time
	}
	var places []place
	values := map[place][]float64{}
	orders := map[place]meanRow{}
	for _, r := range rows {
		p := place{r.OrderID, r.StartAt}
		if values[p] == nil {
			places = append(places, p)
			orders[p] = r
		}
		values[p] = append(values[p], r.Value)
	}
	out := make([]chartGroup, 0, len(places))
	for _, p := range places {
		row := orders[p]
		sample := chartSample{value: geometricMean(values[p]), order: chartRevision{p.order, row.Values}, start: p.start}
		out = append(out, newGroup(in, o, sample))
	}
	sortGroups(out)
	return out, nil
}

// byPlace puts the samples of one place of the x axis together.
func byPlace(in suiteView, o chartOptions, samples []chartSample) []chartGroup {
	var out []chartGroup
	at := map[string]int{}
	for _, v := range samples {
		g := newGroup(in, o, v)
		if i, have := at[g.x]; have {
			out[i].samples = append(out[i].samples, v)
			continue
		}
		at[g.x] = len(out)
		out = append(out, g)
	}
	sortGroups(out)
	return out
}

func newGroup(in suiteView, o chartOptions, v chartSample) chartGroup {
	if o.ByDate {
		x := string(lntjson.AppendTime(nil, v.start, 'T'))
		// Texts of one length sort as the times do.
		return chartGroup{x: x, key: v.start.UTC().Format("2006-01-02T15:04:05.000000"), samples: []chartSample{v}}
	}
	x := revision(in, v.order.values)
	if revisionField(in) == 0 {
		return chartGroup{x: x, key: suite.SortKey(v.order.values...), samples: []chartSample{v}}
	}
	return chartGroup{x: x, key: suite.SortKey(x), samples: []chartSample{v}}
}

func sortGroups(groups []chartGroup) {
	slices.SortStableFunc(groups, func(a, b chartGroup) int { return strings.Compare(a.key, b.key) })
}

// meta is what the chart says about a sample: its run's parameters, too, which count more.
func (v chartSample) meta() map[string]json.RawMessage {
	text := func(s string) json.RawMessage { return lntjson.AppendString(nil, s) }
	out := map[string]json.RawMessage{
		"order":   text(suite.DisplayOrder(v.order.values)),
		"orderID": strconv.AppendUint(nil, uint64(v.order.id), 10),
		"date":    text(string(lntjson.AppendTime(nil, v.start, ' '))),
	}
	if v.params == "" {
		return out
	}
	out["runID"] = text(digitsOf(v.runID))
	_ = json.Unmarshal([]byte(v.params), &out) // the registry wrote it: an object
	return out
}

// chartBaseline is a run that the address asks a horizontal line for.
type chartBaseline struct {
	title string
	run   runDetailRow
}

func (s *Service) chartBaselines(c *fiber.Ctx, l links, in suiteView) ([]chartBaseline, error) {
	var out []chartBaseline
	err := firstOf(c, "baseline.", func(name, value string) error {
		id, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return badParameter(clip(name, 60), value, "It must be the number of a run.")
		}
		run, err := s.chartRun(c.UserContext(), l, in, name, uint32(id))
		if err != nil {
			return err
		}
		out = append(out, chartBaseline{strings.TrimPrefix(name, "baseline."), run})
		return nil
	})
	return out, err
}

func (s *Service) chartRun(ctx context.Context, l links, in suiteView, name string, id uint32) (runDetailRow, error) {
	run, found, err := s.runByID(ctx, in, id)
	if err == nil && !found {
		err = notHere(fmt.Sprintf("%s: suite %s has no run %d.", clip(name, 60), in.Name, id), "Change the number or remove it from the address.",
			l.Suite(in.Database, in.Name), "Runs of "+in.Name)
	}
	return run, err
}

// highlight is the range between the order of highlight_run and the one before on its machine.
func (s *Service) highlight(c *fiber.Ctx, l links, in suiteView, o chartOptions) (map[string]string, error) {
	id, err := strconv.ParseUint(c.Query("highlight_run"), 10, 32)
	if err != nil || o.HideHighlight {
		return nil, nil //nolint:nilerr // as LNT: what is no number highlights nothing
	}
	run, err := s.chartRun(c.UserContext(), l, in, "highlight_run", uint32(id))
	if err != nil {
		return nil, err
	}
	machines, err := s.machines(c.UserContext(), in)
	if err != nil {
		return nil, err
	}
	rows, err := s.neighboursOf(c.UserContext(), in, machines, run)
	if err != nil || len(rows) == 0 || rows[0].Side >= 0 {
		return nil, err
	}
	marked := map[string]string{}
	for name, order := range map[string]uint32{"start": rows[0].OrderID, "end": run.OrderID} {
		row, found, err := one[orderValuesRow](c.UserContext(), s, "lnt_order_values", with(ofSuite(in), store.Params{"order_id": order}))
		if err != nil || !found {
			return nil, err
		}
		marked[name] = revision(in, row.Values)
	}
	return marked, nil
}

type orderValuesRow struct {
	Values []string `ch:"order_values"`
}

// addBaselines adds the lines of all baselines at the test of item i.
func (s *Service) addBaselines(ctx context.Context, in suiteView, made *chartJSON, items []chartItem, i int, baselines []chartBaseline) error {
	item := items[i]
	if item.Test == 0 {
		return nil
	}
	plots := lo.CountBy(items, func(i chartItem) bool { return i.Test != 0 })
	for n, b := range baselines {
		rows, err := list[plotRow](ctx, s, "lnt_plot", with(machineParams(in, b.run.MachineID), store.Params{
			"test_id": item.Test, "metric": item.metric.Name, "status": "", "run_id": b.run.RunID, "max_values": uint64(maxValues),
		}))
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			continue
		}
		offset := float64(n) / float64(len(baselines)) / 2
		color := darkColor((float64(i)+offset)/float64(plots), 0.5)
		made.baseline(b, item, meanOf(lo.Map(rows, func(r plotRow, _ int) float64 { return r.Value })), color)
	}
	return nil
}
