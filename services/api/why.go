package api

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/event"
	"tidemark/pkg/openapi"
)

const (
	paramPrefix      = "param."
	defaultAround    = 3
	maxAround        = 50
	maxPlacesOfOne   = 100_000 // orders of one series that are explained at once
	ruleOfNobody     = "default"
	ruleOfTheRequest = "request"
)

// whyOperations explain judgements.
func (s *Service) whyOperations() []operation {
	return []operation{{openapi.Operation{
		Method: fiber.MethodGet, Path: "why", ID: "explain", Tag: "why", Summary: "why a detector finds a change at an order of a series, or why not",
		Details: "The series is judged anew, as its rule says or with the parameters of the request. For the order and its neighbours: each check with its statistic, its threshold and whether it passed, and the one that stopped it. As of a position or time the data and the rules are those of then. Detector lnt judges each run as it comes and keeps no statistics: of it the answer says whether a finding stands at the order, and what it asks.",
		Query: []openapi.Param{
			required(machineParam), required(testParam), required(metricParam),
			{Name: "order", Required: true, Help: "The first order after the change, by name or number."},
			{Name: "detector", Help: "Who judges; without one whoever judges the series by its rules."},
			{Name: "preset", Help: "Parameters to begin with, instead of the rule's."},
			{Name: paramPrefix, Prefix: true, Help: "A parameter of the detector, instead of the rule's."},
			{Name: "around", Type: openapi.Integer, Min: 0, Max: maxAround, Default: fmt.Sprint(defaultAround), Help: "How many orders before and after it are told of, too."},
			asOfParam,
		},
		Answer: whyAnswer{},
	}, s.explain}}
}

// whyAnswer is what a detector says of an order and its neighbours. The place asked for is the one whose order is Order.
type whyAnswer struct {
	Series     whySeries         `json:"series"`
	Order      string            `json:"order"`
	AsOf       *uint64           `json:"as_of" doc:"the position whose data and rules were asked; null for the newest"`
	Detector   string            `json:"detector"`
	Version    int               `json:"version"`
	Preset     string            `json:"preset"`
	Parameters map[string]string `json:"parameters"`
	Mode       string            `json:"mode" enum:"active,shadow,off" doc:"what the rules say of this detector and series"`
	Rule       string            `json:"rule" enum:"default,rule,request" doc:"where the parameters come from"`
	Found      bool              `json:"found" doc:"whether there is a change at the order"`
	Note       string            `json:"note" doc:"why nothing is said of the order; empty when something is"`
	Places     []whyPlace        `json:"places"`
}

type whySeries struct {
	MachineID uint32 `json:"machine_id"`
	Machine   string `json:"machine"`
	TestID    uint32 `json:"test_id"`
	Test      string `json:"test"`
	Metric    string `json:"metric"`
	Unit      string `json:"unit"`
}

// whyPlace is one order of the series. Place counts the orders of the series from 0.
type whyPlace struct {
	Order      string     `json:"order"`
	OrderID    uint32     `json:"order_id"`
	Place      uint32     `json:"place"`
	Finding    bool       `json:"finding"`
	Direction  string     `json:"direction"`
	Before     *float64   `json:"before"`
	After      *float64   `json:"after"`
	Effect     *float64   `json:"effect"`
	EffectLow  *float64   `json:"effect_low"`
	EffectHigh *float64   `json:"effect_high"`
	Statistic  *float64   `json:"statistic"`
	PValue     *float64   `json:"p_value"`
	StoppedBy  string     `json:"stopped_by" doc:"the first check not passed; empty for a finding"`
	Checks     []whyCheck `json:"checks" doc:"in the order in which they are made"`
}

// whyCheck is one rule at one place. Numbers are null where they cannot be told.
type whyCheck struct {
	Name      string   `json:"name"`
	Value     *float64 `json:"value"`
	Threshold *float64 `json:"threshold"`
	Passed    bool     `json:"passed"`
}

func (s *Service) explain(c *fiber.Ctx, q v5Request) error {
	schema, err := s.schema(q.ctx, q.key)
	if err != nil {
		return err
	}
	head, of, err := s.seriesHead(q, schema, q.params)
	if err != nil {
		return err
	}
	asked, err := s.order(q, q.params["order"])
	if err != nil {
		return err
	}
	out := whyAnswer{
		Series: whySeries{head.Series.MachineID, head.Series.Machine, head.Series.TestID, head.Series.Test, head.Series.Metric, head.Series.Unit},
		Order:  asked.Name, Places: []whyPlace{},
	}
	at, past, err := s.asOf(q.ctx, q.key, q.params["as_of"])
	if err != nil {
		return err
	}
	if past {
		out.AsOf = &at
	}
	rules, err := s.rulesThen(q, at, past)
	if err != nil {
		return err
	}
	if name := lo.CoalesceOrEmpty(q.params["detector"], activeDetector(rules, out.Series)); name == event.DetectorLNT {
		return s.explainLNT(c, q, rules, &out, asked.ID)
	}
	judge, err := judge(q, rules, &out)
	if err != nil {
		return err
	}
	if past && at == 0 {
		out.Note = "position 0 is before everything: there were no data"
		return c.JSON(out)
	}
	rows, err := s.read.Explain(q.ctx, of, judge, at)
	if err != nil {
		return err
	}
	around := int(q.op.Int(openapi.Values(q.params), "around"))
	if err := s.places(q, &out, near(rows, asked.ID, around), asked.ID); err != nil {
		return err
	}
	return c.JSON(out)
}

// rulesThen are the rules in the order in which they were set, as they stood at a position or as they stand.
func (s *Service) rulesThen(q v5Request, at uint64, past bool) (event.Rules, error) {
	rows, err := s.read.Rules(q.ctx, q.key, "", past)
	if err != nil {
		return nil, err
	}
	newest := map[string]uint64{}
	rows = lo.Filter(rows, func(r ruleRow, _ int) bool {
		if past && r.Seq > at {
			return false
		}
		rule := r.rule().Normal()
		newest[rule.Key()] = r.Seq // rows come by position
		return true
	})
	return lo.FilterMap(rows, func(r ruleRow, _ int) (event.DetectorRule, bool) {
		rule := r.rule().Normal()
		return r.rule(), r.Deleted == 0 && newest[rule.Key()] == r.Seq
	}), nil
}

// mode is what the rules make of a detector's findings in a series.
func mode(rules event.Rules, name string, of whySeries) event.Mode {
	if _, active := rules.ActiveFor(name, of.Machine, of.Test, of.Metric); active {
		return event.ModeActive
	}
	if _, shadow := rules.For(name, true, of.Machine, of.Test, of.Metric); shadow {
		return event.ModeShadow
	}
	return event.ModeOff
}

// explainLNT answers for LNT's rules, of which nothing but the finding is kept.
func (s *Service) explainLNT(c *fiber.Ctx, q v5Request, rules event.Rules, out *whyAnswer, asked uint32) error {
	for name := range q.params {
		if name == "preset" || strings.HasPrefix(name, paramPrefix) {
			return wrong(name, "detector 'lnt' has LNT's rules and no parameters")
		}
	}
	want := findingQuery{
		machineIDs: []uint32{out.Series.MachineID}, testIDs: []uint32{out.Series.TestID}, metric: out.Series.Metric, detector: event.DetectorLNT,
		belowSeq: math.MaxInt64, limit: maxItems,
	}
	if out.AsOf != nil {
		want.past, want.asOf = true, *out.AsOf
	}
	found, err := s.read.Findings(q.ctx, q.key, want)
	if err != nil {
		return err
	}
	out.Detector, out.Version, out.Rule, out.Parameters = event.DetectorLNT, 1, ruleOfNobody, map[string]string{}
	if out.Mode = string(mode(rules, event.DetectorLNT, out.Series)); out.Mode != string(event.ModeOff) {
		out.Rule = "rule"
	}
	const asks = "LNT's rules compare each run, when it comes, with up to ten orders before it, and keep no statistics to tell of"
	out.Note = asks + "; they have no finding here"
	if f, ok := lo.Find(found, func(f findingRow) bool { return f.OrderID == asked }); ok {
		out.Found, out.Note = true, fmt.Sprintf("%s; finding %d stands here, against order '%s'", asks, f.Number, f.PreviousOrder)
		out.Places = append(out.Places, whyPlace{
			Order: out.Order, OrderID: asked, Finding: true, Direction: f.Direction, Before: known(f.Before), After: known(f.After), Effect: known(f.Effect), Checks: []whyCheck{},
		})
	}
	return c.JSON(out)
}

// judge settles who judges the series, with which parameters: as its rules say, or as the request says.
func judge(q v5Request, rules event.Rules, out *whyAnswer) (detect.Detector, error) {
	of := out.Series
	name := q.params["detector"]
	if name == "" {
		name = activeDetector(rules, of)
	}
	does := mode(rules, name, of)
	out.Mode = string(does)
	rule, found := rules.For(name, does == event.ModeShadow, of.Machine, of.Test, of.Metric)
	preset, params := rule.Preset, rule.Params
	out.Rule = lo.Ternary(found, "rule", ruleOfNobody)
	given := map[string]string{}
	for name, value := range q.params {
		if own, ok := strings.CutPrefix(name, paramPrefix); ok {
			given[own] = value
		}
	}
	if p, ok := q.params["preset"]; ok {
		preset, params, out.Rule = p, nil, ruleOfTheRequest
	}
	if len(given) > 0 {
		params, out.Rule = lo.Assign(params, given), ruleOfTheRequest
	}
	judge, err := detect.Resolve(name, preset, params)
	if err != nil {
		return judge, invalid("%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	out.Detector, out.Version, out.Preset, out.Parameters = judge.Name, judge.Version, judge.Preset, judge.Values
	return judge, nil
}

// activeDetector is the one that judges the series; the default where several do, or none.
func activeDetector(rules event.Rules, of whySeries) string {
	names := lo.Uniq(lo.Map(rules, func(r event.DetectorRule, _ int) string { return r.Detector }))
	slices.Sort(names)
	for _, name := range append([]string{detect.Default}, names...) {
		if _, active := rules.ActiveFor(name, of.Machine, of.Test, of.Metric); active && name != event.DetectorLNT {
			return name
		}
	}
	return detect.Default
}

// near are the places at an order and around it; none when the order is not among them.
func near(rows []detect.StoredRow, orderID uint32, around int) []detect.StoredRow {
	slices.SortFunc(rows, func(a, b detect.StoredRow) int { return int(a.Row.Place) - int(b.Row.Place) })
	i := slices.IndexFunc(rows, func(r detect.StoredRow) bool { return r.OrderID == orderID })
	if i < 0 {
		return nil
	}
	return rows[max(0, i-around):min(len(rows), i+around+1)]
}

func (s *Service) places(q v5Request, out *whyAnswer, rows []detect.StoredRow, asked uint32) error {
	if len(rows) == 0 {
		out.Note = fmt.Sprintf("detector '%s' says nothing of order '%s': the series has no value there, or too few around it", out.Detector, out.Order)
		return nil
	}
	named, err := s.read.Orders(q.ctx, q.key, lo.Map(rows, func(r detect.StoredRow, _ int) uint32 { return r.OrderID }), "")
	if err != nil {
		return err
	}
	names := lo.SliceToMap(named, func(o orderPlace) (uint32, string) { return o.ID, o.Name })
	for _, r := range rows {
		out.Found = out.Found || r.OrderID == asked && r.Finding()
		out.Places = append(out.Places, whyPlace{
			Order: names[r.OrderID], OrderID: r.OrderID, Place: r.Row.Place, Finding: r.Finding(), Direction: r.Direction,
			Before: known(r.Before), After: known(r.After), Effect: known(r.Effect), EffectLow: known(r.EffectLow), EffectHigh: known(r.EffectHigh),
			Statistic: known(r.Statistic), PValue: known(r.PValue), StoppedBy: r.StoppedBy,
			Checks: append([]whyCheck{}, lo.Map(r.Checks, func(c detect.Check, _ int) whyCheck {
				return whyCheck{c.Name, known(c.Value), known(c.Threshold), c.Passed}
			})...),
		})
	}
	return nil
}

// known is a number, or null for one that cannot be told: JSON has no others.
func known(n float64) *float64 {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return nil
	}
	return &n
}

// whyReads judges what is stored.
type whyReads interface {
	// Explain judges the data as of a position; 0 is the newest.
	Explain(ctx context.Context, of seriesQuery, judge detect.Detector, at uint64) ([]detect.StoredRow, error)
}

func (r storeReads) Explain(ctx context.Context, of seriesQuery, judge detect.Detector, at uint64) ([]detect.StoredRow, error) {
	var rows []detect.StoredRow
	err := detect.Stored(ctx, r.Store, detect.Selection{
		Database: of.key.database, Suite: of.key.suite, MachineIDs: []uint32{of.machineID}, TestIDs: []uint32{of.testID}, Metrics: []string{of.metric},
		UpTo: at,
	}, judge, true, nil, func(row detect.StoredRow) error {
		if len(rows) >= maxPlacesOfOne {
			return fmt.Errorf("more than %d orders", maxPlacesOfOne)
		}
		rows = append(rows, row)
		return nil
	})
	return rows, err
}
