package web

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/event"
	"tidemark/pkg/suite"
	"tidemark/sql"
)

// whyBody is what a detector says of one order of a series: each rule, and the one that stopped it.
type whyBody struct {
	Line    line
	OrderID uint32
	Order   string
	// Detectors lead to what others say; the current one is marked. Settings are its parameters.
	Detectors []tab
	Detector  string
	Version   int
	Settings  string
	// Mode says what the rules make of this detector's findings here.
	Mode string
	// Nothing says why there is no answer; it is empty when there is one.
	Nothing string
	Found   bool
	Kind    string
	// Stopped is the rule that was not passed, in words.
	Stopped string
	// Effect, Before and After describe the step, found or not.
	Effect, Before, After string
	Checks                []whyCheck
	// Chart leads back.
	Chart string
	// AsOf is the position that the data are looked at from, 0 for the newest; Newest leads there.
	AsOf   uint64
	Newest string
}

// whyCheck is one rule with its numbers for people.
type whyCheck struct {
	Title, Value, Needs string
	Passed              bool
	// Decided marks the rule that stopped it; those after it were not needed any more.
	Decided bool
}

// why answers /why: the page, or with part=1 the panel that the chart shows.
func (s *Service) why(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Why, why not?", "graph")
	if err != nil {
		return err
	}
	q, err := readGraph(c, s.cfg)
	if err != nil {
		return err
	}
	if len(q.Plots) != 1 || q.Plots[0].Test == 0 || q.Order == 0 {
		return badParameter("plot.0", c.Query("plot.0"), "Name one line as plot.0=<machine id>.<test id>.<field index> and an order as order=<id>, as the links of the chart do.")
	}
	if err := s.pin(c.UserContext(), c, in, &q); err != nil {
		return err
	}
	lines, err := s.lines(c.UserContext(), v.L, in, &q)
	if err != nil {
		return err
	}
	body, err := s.whyBody(c, v.L, in, lines[0], q)
	if err != nil {
		return err
	}
	v.Body = body
	v.crumb("Why, why not?")
	if c.Query("part") == "1" {
		return s.renderPart(c, "why", "why-panel", v)
	}
	return s.render(c, "why", v)
}

func (s *Service) whyBody(c *fiber.Ctx, l links, in suiteView, of line, q graphQuery) (whyBody, error) {
	order, pinned := q.Order, ""
	body := whyBody{Line: of, OrderID: order, AsOf: q.AsOf}
	if q.AsOf > 0 {
		pinned = "&as_of=" + uintText(q.AsOf)
		body.Newest = addressWithout(c, "as_of", "part")
	}
	body.Chart = l.GraphAt(in.Database, in.Name, of.Plot, order) + pinned
	ctx := c.UserContext()
	points, err := s.series(ctx, in, of.Plot, graphQuery{Limit: s.cfg.MaxOrders, AsOf: q.AsOf, Load: q.Load, machines: q.machines})
	if err != nil {
		return body, err
	}
	at, ok := lo.Find(points, func(p point) bool { return p.OrderID == order })
	if !ok {
		return body, notHere(fmt.Sprintf("order=%d: the series has no value at that order.", order), "Choose one of the orders of the chart.", body.Chart, "The chart")
	}
	body.Order = at.Order
	rules, err := s.rules(ctx, in)
	if err != nil {
		return body, err
	}
	names := judging()
	name, err := choice(c, "detector", lo.Uniq(append([]string{activeDetector(rules, of, names)}, names...))...)
	if err != nil {
		return body, err
	}
	for _, n := range names {
		address := l.Why(in.Database, in.Name, of.Plot, order, q.AsOf) + "&detector=" + n
		text := n
		if how, _ := judgedHow(rules, n, of); how == event.ModeShadow {
			text += " (shadow)"
		}
		body.Detectors = append(body.Detectors, tab{Text: text, Address: address, Current: n == name})
	}
	how, rule := judgedHow(rules, name, of)
	body.Mode = map[event.Mode]string{
		event.ModeActive: "It judges this series.",
		event.ModeShadow: "It judges this series in the shadow: what it finds is kept beside what stands, and counts nowhere.",
		event.ModeOff:    "It does not judge this series: what follows is what it would say.",
	}[how]
	if name == event.DetectorLNT {
		body.Detector, body.Version = name, 1
		body.Nothing = "LNT's rules compare each run, when it comes, with up to ten orders before it. They keep no statistics to show; what they found is on the chart."
		body.Mode = lo.Ternary(how == event.ModeOff, "No rule says that it judges this series.", body.Mode)
		return body, nil
	}
	judge, unfit := detect.Resolve(name, rule.Preset, rule.Params)
	if unfit == nil {
		body.Detector, body.Version, body.Settings = judge.Name, judge.Version, judge.Settings()
		return body, s.judged(ctx, in, judge, &body)
	}
	body.Nothing = "The rule for this series does not fit the detector any more: " + unfit.Error()
	return body, nil //nolint:nilerr // it is what the page says
}

// judgedHow says what the rules make of a detector's findings in a series, and by which rule.
func judgedHow(rules event.Rules, name string, of line) (event.Mode, event.DetectorRule) {
	rule, active := rules.ActiveFor(name, of.Machine, of.Test, of.Metric.Name)
	if active {
		return event.ModeActive, rule
	}
	if shadow, ok := rules.For(name, true, of.Machine, of.Test, of.Metric.Name); ok {
		return event.ModeShadow, shadow
	}
	return event.ModeOff, rule
}

// judging are the detectors that can be asked.
func judging() []string {
	good, _ := detect.List()
	return append(lo.Map(good, func(d sql.SeriesDetector, _ int) string { return d.Name }), event.DetectorLNT)
}

// activeDetector is the one that judges a series; the first of several, the default of none.
func activeDetector(rules event.Rules, of line, names []string) string {
	for _, name := range append([]string{event.DefaultDetector}, names...) {
		if _, active := rules.ActiveFor(name, of.Machine, of.Test, of.Metric.Name); active {
			return name
		}
	}
	return event.DefaultDetector
}

func (s *Service) rules(ctx context.Context, in suiteView) (event.Rules, error) {
	rows, err := list[ruleRow](ctx, s, "page_rules", ofSuite(in))
	return lo.Map(rows, func(r ruleRow, _ int) event.DetectorRule {
		return event.DetectorRule{
			Detector: r.Detector, Mode: event.Mode(r.Mode), Machine: r.Machine, Test: r.Test, Metric: r.Metric, Preset: r.Preset, Params: r.Params,
		}
	}), err
}

type ruleRow struct {
	Detector string            `ch:"detector"`
	Mode     string            `ch:"mode"`
	Machine  string            `ch:"machine"`
	Test     string            `ch:"test"`
	Metric   string            `ch:"metric"`
	Preset   string            `ch:"preset"`
	Params   map[string]string `ch:"params"`
}

// judged asks the detector about the series and keeps what it says of the order.
func (s *Service) judged(ctx context.Context, in suiteView, judge detect.Detector, body *whyBody) error {
	of := body.Line
	selection := detect.Selection{
		Database: in.Database, Suite: in.Name, MachineIDs: []uint32{of.Plot.Machine}, Metrics: []string{of.Metric.Name}, TestIDs: []uint32{of.Plot.Test},
		FromOrder: body.OrderID, ToOrder: body.OrderID, UpTo: body.AsOf,
	}
	body.Nothing = "It says nothing of this order: the series has too few values around it, or none that counts."
	return detect.Stored(ctx, s.store, selection, judge, true, nil, func(row detect.StoredRow) error {
		if row.OrderID != body.OrderID {
			return nil
		}
		body.Nothing, body.Found, body.Kind = "", row.Finding(), row.Kind
		body.Before, body.After = quantity(of.Metric, row.Before), quantity(of.Metric, row.After)
		body.Effect = percent(row.Effect)
		body.Checks = lo.Map(row.Checks, func(c detect.Check, _ int) whyCheck {
			said := wordsFor(judge, c.Name)
			return whyCheck{Title: said.title, Value: said.value(c.Value), Needs: said.needs(c.Threshold), Passed: c.Passed, Decided: c.Name == row.StoppedBy}
		})
		if i := slices.IndexFunc(body.Checks, func(c whyCheck) bool { return c.Decided }); i >= 0 {
			body.Stopped = body.Checks[i].sentence()
		}
		return nil
	})
}

func (c whyCheck) sentence() string {
	if c.Needs == "yes" {
		return c.Title + ": no."
	}
	return c.Title + ": " + c.Value + ", but " + c.Needs + " is needed."
}

// words say what a rule is about, and how its number must lie to the threshold.
type words struct{ title, relation string }

func (w words) value(v float64) string {
	switch {
	case w.relation == "yes":
		return lo.Ternary(v >= 1, "yes", "no")
	case math.Abs(v) >= 1e9 || math.IsNaN(v):
		return "without bound"
	default:
		return figure(v)
	}
}

// figure is a number without a unit.
func figure(v float64) string {
	if v != 0 && math.Abs(v) < 1e-4 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	text, unit, _ := strings.Cut(quantity(suite.Metric{}, v), "\u00a0")
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if unit != "" {
		text += "\u00a0" + unit
	}
	return text
}

func (w words) needs(threshold float64) string {
	switch {
	case w.relation == "yes":
		return "yes"
	case math.Abs(threshold) >= 1e9:
		return "any"
	default:
		return w.relation + " " + figure(threshold)
	}
}

// wordsFor are the words for a detector's rule; its name where there are none.
func wordsFor(d detect.Detector, check string) words {
	if d.Name == "stepfit" && check == d.Values["statistic"] {
		return words{"What it measures (" + check + ")", lo.Ternary(check == "mannwhitney", "at most", "at least")}
	}
	if w, ok := checkWords[d.Name+" "+check]; ok {
		return w
	}
	return words{check, "at least"}
}

// checkWords are by detector and rule; docs/detection-detectors.md has their formulas.
var checkWords = map[string]words{
	"steps before":   {"Points before it", "at least"},
	"steps after":    {"Points from it on", "at least"},
	"steps price":    {"Squares that a level here saves", "at least"},
	"steps strength": {"Difference of the levels, in standard errors", "at least"},
	"steps sigmas":   {"Difference of the levels, in spreads of the series", "at least"},
	"steps effect":   {"Relative change", "at least"},
	"steps line":     {"Variances by which two levels beat a straight line", "at least"},
	"steps jump":     {"Jump beside a slope that both sides share, in standard errors", "at least"},
	"steps wander":   {"Difference against what the series does elsewhere, in spreads", "at least"},
	"steps best":     {"Is where the levels meet", "yes"},

	"perfherder values_before": {"Values in the window before it", "at least"},
	"perfherder values_after":  {"Values in the window from it on", "at least"},
	"perfherder t":             {"t of the two windows", "above"},
	"perfherder peak_left":     {"t at the place before, which must not be larger", "at most"},
	"perfherder peak_right":    {"t at the place after, which must not be larger", "at most"},
	"perfherder min_pct":       {"Change of the means, in percent", "at least"},

	"otava split":     {"Is a cut of a window", "yes"},
	"otava p":         {"p-value of the stretches on both sides", "below"},
	"otava magnitude": {"Relative change, forwards or backwards", "above"},

	"stepfit window":  {"Has full windows on both sides", "yes"},
	"stepfit peak":    {"What it measures, against the best of its neighbours", "the best, which has"},
	"stepfit min_pct": {"Change of the means, in percent", "at least"},

	"threshold held":   {"Orders beyond the bound in a row", "at least"},
	"threshold beyond": {"Level or change in percent, which must lie beyond the bound of", "beyond"},
}
