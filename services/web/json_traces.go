package web

import (
	"fmt"
	"math"
	"slices"

	"github.com/samber/lo"

	"tidemark/pkg/lntjson"
)

// chartJSON is the data of LNT's chart while it is made: traces in the form of the Plotly library.
type chartJSON struct {
	in        suiteView
	options   chartOptions
	many      bool     // more than one line: traces say which
	metrics   []string // one y axis each
	traces    []trace
	legend    []map[string]any
	baselines []map[string]any
}

type trace map[string]any

// points are the x and y of a trace. A missing y is null.
type points struct {
	x []string
	y []any
}

func (p *points) add(x string, y *float64) {
	p.x = append(p.x, x)
	if y == nil {
		p.y = append(p.y, nil)
		return
	}
	p.y = append(p.y, lntjson.Real(*y))
}

// into puts the points into a trace; empty lists are lists.
func (p *points) into(t trace) {
	t["x"], t["y"] = lo.Ternary(p.x == nil, []string{}, p.x), lo.Ternary(p.y == nil, []any{}, p.y)
}

func newChartJSON(in suiteView, o chartOptions, items []chartItem) *chartJSON {
	return &chartJSON{
		in: in, options: o, many: len(items) > 1, traces: []trace{}, legend: []map[string]any{}, baselines: []map[string]any{},
		metrics: lo.Uniq(lo.Map(items, func(i chartItem, _ int) string { return i.metric.Name })),
	}
}

// trace starts a trace of an item: its name, its axis and what every trace of the item says.
func (j *chartJSON) trace(item chartItem, name, mode string) trace {
	t := trace{
		"name": fmt.Sprintf("%s: %s (%s)", name, item.test, item.metric.Name), "type": "scatter", "mode": mode,
		"yaxis": "y", "machine": item.machine, "machineID": item.Machine,
	}
	if i := slices.Index(j.metrics, item.metric.Name); i > 0 {
		t["yaxis"] = fmt.Sprintf("y%d", i+1)
	}
	if j.many {
		t["test_name"], t["metric"] = item.test, item.metric.Name
	}
	return t
}

// derived is a line made from the line of an item.
func (j *chartJSON) derived(item chartItem, name string, p points, shade float64) trace {
	t := j.trace(item, name, "lines")
	t["legendgroup"], t["hoverinfo"], t["line"] = item.test, "skip", map[string]any{"color": shaded(item.color, shade)}
	p.into(t)
	return t
}

// add makes the traces of an item in LNT's order, and its entry in the legend.
func (j *chartJSON) add(item chartItem) {
	j.legend = append(j.legend, map[string]any{
		"name": item.machine, "test": item.test, "unit": item.metric.Name, "color": shaded(item.color, 1), "url": orNull(item.url),
	})
	scale := 1.0
	if j.options.ByMedian {
		scale = byMedian(item.data)
	}
	line := j.line(item, scale)
	if !j.options.HideLine {
		t := j.trace(item, "Line", "lines+markers")
		t["legendgroup"], t["line"], t["meta"] = item.test, map[string]any{"color": shaded(item.color, 1)}, line.meta
		line.into(t)
		j.linked(t, item)
	}
	if p, ok := j.regression(line); j.options.Regression && ok {
		t := j.derived(item, "Linear Regression", p, 0.8)
		t["line"] = map[string]any{"color": shaded(item.color, 0.8), "width": 2}
		j.traces = slices.Insert(j.traces, 0, t)
	}
	if p := line.samples; len(p.x) > 0 {
		t := j.trace(item, "Points", "markers")
		t["legendgroup"], t["showlegend"], t["meta"] = item.test, false, line.samplesMeta
		t["marker"] = map[string]any{"color": "#000000", "size": 5}
		p.into(t)
		j.linked(t, item)
	}
	if p := line.bars; len(p.x) > 0 {
		t := j.trace(item, "Error bars", "markers")
		t["showlegend"], t["hoverinfo"], t["marker"] = false, "skip", map[string]any{"color": shaded(item.color, 0.4)}
		t["error_y"] = map[string]any{"type": "data", "visible": true, "array": line.spread}
		p.into(t)
		j.traces = append(j.traces, t)
	}
	j.moving(item, line)
	if j.options.Least && len(line.least.x) > 0 {
		j.traces = append(j.traces, j.derived(item, "Cumulative Minimum", line.least, 0.5))
	}
}

// linked adds a trace whose points lead to what LNT knows about the series.
func (j *chartJSON) linked(t trace, item chartItem) {
	if item.url != "" {
		t["url"] = item.url
	}
	j.traces = append(j.traces, t)
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// chartedLine is an item's line with what comes off it.
type chartedLine struct {
	points
	values      []float64
	groups      []chartGroup
	meta        []any
	samples     points
	samplesMeta []any
	bars        points
	spread      []any
	least       points
}

func (j *chartJSON) line(item chartItem, scale float64) chartedLine {
	out := chartedLine{groups: item.data, meta: []any{}}
	for _, g := range item.data {
		values := lo.Map(g.samples, func(v chartSample, _ int) float64 { return v.value * scale })
		value := aggregate(values, j.aggregate(item))
		out.values = append(out.values, value)
		out.add(g.x, &value)
		out.meta = append(out.meta, g.samples[closest(values, value)].meta())
		if !j.options.HideAllPoints && (len(values) > 1 || j.options.everySample) {
			for i, v := range values {
				out.samples.add(g.x, &v)
				out.samplesMeta = append(out.samplesMeta, g.samples[i].meta())
			}
		}
		out.addBars(j.options, g.x, values)
		best := slices.Min(out.values)
		out.least.add(g.x, &best)
	}
	return out
}

// addBars adds one bar per kind of spread that is asked for.
func (l *chartedLine) addBars(o chartOptions, x string, values []float64) {
	if o.StandardSpread {
		middle := meanOf(values)
		l.bars.add(x, &middle)
		l.spread = append(l.spread, lntjson.Real(standardDeviation(values)))
	}
	if o.Deviation {
		middle := medianOf(values)
		l.bars.add(x, &middle)
		l.spread = append(l.spread, lntjson.Real(medianOf(lo.Map(values, func(v float64, _ int) float64 { return math.Abs(v - middle) }))))
	}
}

// aggregate is how the samples at one place become one value.
func (j *chartJSON) aggregate(item chartItem) string {
	return lo.CoalesceOrEmpty(lo.FromPtr(j.options.Aggregate), lo.Ternary(item.metric.BiggerIsBetter, "max", "min"))
}

// closest is the place of the first of the values that are nearest to value.
func closest(values []float64, value float64) int {
	best := 0
	for i, v := range values {
		if math.Abs(v-value) < math.Abs(values[best]-value) {
			best = i
		}
	}
	return best
}

// moving adds the average and the median of the window around each point: from window points before
// it to window-1 after it.
func (j *chartJSON) moving(item chartItem, line chartedLine) {
	for _, kind := range []struct {
		asked bool
		name  string
		shade float64
		of    func([]float64) float64
	}{
		{j.options.MovingAverage, "Moving average", 0.7, meanOf},
		{j.options.MovingMedian, "Moving median", 0.6, medianOf},
	} {
		if !kind.asked || len(line.x) == 0 {
			continue
		}
		var p points
		for i, x := range line.x {
			window := line.values[max(0, i-j.options.Window):min(len(line.values), i+j.options.Window)]
			if len(window) == 0 {
				p.add(x, nil)
				continue
			}
			value := kind.of(window)
			p.add(x, &value)
		}
		j.traces = append(j.traces, j.derived(item, kind.name, p, kind.shade))
	}
}

// regression is the straight line nearest to the points: over dates by time, over orders by their
// number in the row. LNT draws none for fewer than three points, nor where all values are one.
func (j *chartJSON) regression(line chartedLine) (points, bool) {
	n := len(line.x)
	if n < 3 {
		return points{}, false
	}
	at := make([]float64, n)
	for i := range at {
		at[i] = float64(i) / float64(n-1)
		if j.options.ByDate {
			first, last := line.groups[0].samples[0].start, line.groups[n-1].samples[0].start
			at[i] = line.groups[i].samples[0].start.Sub(first).Seconds() / last.Sub(first).Seconds()
		}
	}
	slope, intercept, ok := leastSquares(at, line.values)
	if !ok {
		return points{}, false
	}
	var p points
	for i, x := range line.x {
		y := at[i]*slope + intercept
		p.add(x, &y)
	}
	return p, true
}

// baseline adds a horizontal line.
func (j *chartJSON) baseline(b chartBaseline, item chartItem, value float64, color [3]float64) {
	j.baselines = append(j.baselines, map[string]any{
		"color": shaded(color, 1), "lineWidth": 2,
		"yaxis": map[string]any{"from": lntjson.Real(value), "to": lntjson.Real(value)},
		"name":  fmt.Sprintf("Baseline %s: %s (%s)", b.title, item.test, item.metric.Name),
	})
	j.legend = append(j.legend, map[string]any{
		"name": fmt.Sprintf("Baseline %s on %s", b.title, b.run.Machine), "test": item.test, "unit": item.metric.Name,
		"color": shaded(color, 1), "url": nil,
	})
}

// byMedian is what makes the median of the least values 1.
func byMedian(data []chartGroup) float64 {
	middle := medianOf(lo.Map(data, func(g chartGroup, _ int) float64 {
		return lo.MinBy(g.samples, func(a, b chartSample) bool { return a.value < b.value }).value
	}))
	if middle == 0 || math.IsNaN(middle) {
		return 1 // nothing to divide by
	}
	return 1 / middle
}
