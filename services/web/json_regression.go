package web

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/lntjson"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

type regressionRow struct {
	ID    uint32 `ch:"regression_id" json:"id"`
	Title string `ch:"title" json:"title"`
	Bug   string `ch:"bug" json:"bug"`
	State uint8  `ch:"state" json:"state"`

	ChangedAt time.Time `ch:"changed_at" json:"-"`
}

// changeRow is a change that a regression is about.
type changeRow struct {
	IndicatorID uint64    `ch:"indicator_id"`
	ChangeID    uint32    `ch:"change_id"`
	MachineID   uint32    `ch:"machine_id"`
	Machine     string    `ch:"machine"`
	TestID      uint32    `ch:"test_id"`
	Test        string    `ch:"test"`
	Metric      string    `ch:"metric"`
	FromID      uint32    `ch:"previous_order_id"`
	From        string    `ch:"previous_order_name"`
	OrderID     uint32    `ch:"order_id"`
	Order       string    `ch:"order_name"`
	Before      float64   `ch:"before"`
	After       float64   `ch:"after"`
	Kind        string    `ch:"kind"`
	Direction   string    `ch:"direction"`
	FoundAt     time.Time `ch:"found_at"`
	RunID       uint32    `ch:"run_id"`
}

// regressionJSON answers /regressions/<id>?json=1: the regression, and of each of its changes what it
// is, how large it was, the run that showed it, and how the newest order compares with the one before it.
func (s *Service) regressionJSON(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	id, err := pathID(c, "regression", "regression")
	if err != nil {
		return err
	}
	ctx, which := c.UserContext(), with(ofSuite(in), store.Params{"regression_id": id})
	found, ok, err := one[regressionRow](ctx, s, "regression_get", which)
	if err != nil {
		return err
	}
	if !ok {
		return notHere("Suite "+in.Name+" has no regression "+digitsOf(id)+".", "It may have been merged into another one, or deleted.",
			v.L.Suite(in.Database, in.Name), "Findings of "+in.Name)
	}
	rows, err := list[changeRow](ctx, s, "regression_changes", which)
	if err != nil {
		return err
	}
	changes, err := s.changesJSON(ctx, in, rows)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"Regression": found, "Changes": changes})
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8) // as LNT says; what HTML would understand is escaped
	return c.Send(body)
}

func (s *Service) changesJSON(ctx context.Context, in suiteView, rows []changeRow) ([][4]any, error) {
	runs, err := s.changeRuns(ctx, in, rows)
	if err != nil {
		return nil, err
	}
	lines, err := s.changeLines(ctx, in, rows)
	if err != nil {
		return nil, err
	}
	out := [][4]any{}
	for _, r := range rows {
		field, metric, known := in.Metric(r.Metric)
		if !known {
			continue
		}
		var share any = lntjson.Real((r.After - r.Before) / r.Before)
		if r.Before == 0 {
			share = nil
		}
		out = append(out, [4]any{
			map[string]any{
				"id": r.ChangeID, "old_value": lntjson.Real(r.Before), "new_value": lntjson.Real(r.After), "start_order_id": r.FromID,
				"end_order_id": r.OrderID, "test_id": r.TestID, "machine_id": r.MachineID, "field_id": field, "run_id": r.RunID,
			},
			map[string]any{"previous": lntjson.Real(r.Before), "current": lntjson.Real(r.After), "delta": lntjson.Real(r.After - r.Before), "pct_delta": share},
			runs[r.RunID],
			lines.compare(r, metric),
		})
	}
	return out, nil
}

type lntRunRow struct {
	ID      uint32    `ch:"run_id"`
	OrderID uint32    `ch:"order_id"`
	StartAt time.Time `ch:"start_at"`
	EndAt   time.Time `ch:"end_at"`
	Fields  string    `ch:"fields_json"`
	Params  string    `ch:"params"`
	Values  string    `ch:"order_values"`
}

// changeRuns are the runs that showed the changes, in LNT's shape but for times: here they are HTTP's.
func (s *Service) changeRuns(ctx context.Context, in suiteView, rows []changeRow) (map[uint32]any, error) {
	out := map[uint32]any{}
	ids := lo.Without(lo.Uniq(lo.Map(rows, func(r changeRow, _ int) uint32 { return r.RunID })), 0)
	if len(ids) == 0 {
		return out, nil
	}
	found, err := list[lntRunRow](ctx, s, "lnt_change_runs", with(ofSuite(in), store.Params{"run_ids": ids}))
	if err != nil {
		return nil, err
	}
	for _, r := range found {
		run := map[string]any{}
		var values []string
		for _, encoded := range []string{r.Params, r.Fields} {
			_ = json.Unmarshal([]byte(lo.CoalesceOrEmpty(encoded, "{}")), &run) // objects, as the registry wrote them
		}
		_ = json.Unmarshal([]byte(r.Values), &values)
		for i, name := range in.OrderFields() {
			if i < len(values) {
				run[name] = values[i]
			}
		}
		run["id"], run["order_id"], run["order_by"] = r.ID, r.OrderID, strings.Join(in.OrderFields(), ",")
		run["start_time"], run["end_time"] = r.StartAt.UTC().Format(http.TimeFormat), r.EndAt.UTC().Format(http.TimeFormat)
		out[r.ID] = run
	}
	return out, nil
}

// lineKey names a series; lineRow is one of its values.
type lineKey struct {
	machine uint32
	metric  string
	test    uint32
}

type lineRow struct {
	MachineID uint32  `ch:"machine_id"`
	Metric    string  `ch:"metric"`
	TestID    uint32  `ch:"test_id"`
	OrderID   uint32  `ch:"order_id"`
	RunID     uint32  `ch:"run_id"`
	Row       uint32  `ch:"row"`
	Value     float64 `ch:"value"`
	Text      string  `ch:"text"`
}

// changeLines are the values around some changes, and which order of a machine is the newest.
type changeLines struct {
	values map[lineKey][]lineRow
	newest map[uint32]uint32
}

func (s *Service) changeLines(ctx context.Context, in suiteView, rows []changeRow) (changeLines, error) {
	out := changeLines{map[lineKey][]lineRow{}, map[uint32]uint32{}}
	if len(rows) == 0 {
		return out, nil
	}
	machines := lo.Uniq(lo.Map(rows, func(r changeRow, _ int) uint32 { return r.MachineID }))
	newest, err := list[struct {
		MachineID uint32 `ch:"machine_id"`
		OrderID   uint32 `ch:"order_id"`
	}](ctx, s, "lnt_newest_orders", with(ofSuite(in), store.Params{"machine_ids": machines, "order_field": uint32(revisionField(in))}))
	if err != nil {
		return out, err
	}
	orders := lo.Map(rows, func(r changeRow, _ int) uint32 { return r.FromID })
	for _, n := range newest {
		out.newest[n.MachineID] = n.OrderID
		orders = append(orders, n.OrderID)
	}
	var keys []lineKey
	for _, r := range rows {
		_, metric, _ := in.Metric(r.Metric)
		for _, name := range []string{r.Metric, metric.Status, hashMetric} {
			if name != "" {
				keys = append(keys, lineKey{r.MachineID, name, r.TestID})
			}
		}
	}
	keys = lo.Uniq(keys)
	values, err := list[lineRow](ctx, s, "lnt_line_values", with(ofSuite(in), store.Params{
		"machine_ids": lo.Map(keys, func(k lineKey, _ int) uint32 { return k.machine }),
		"metrics":     lo.Map(keys, func(k lineKey, _ int) string { return k.metric }),
		"test_ids":    lo.Map(keys, func(k lineKey, _ int) uint32 { return k.test }),
		"order_ids":   lo.Uniq(orders),
	}))
	for _, v := range values {
		k := lineKey{v.MachineID, v.Metric, v.TestID}
		out.values[k] = append(out.values[k], v)
	}
	return out, err
}

// compare is how the newest order of the change's machine compares with the order before the change.
func (l changeLines) compare(r changeRow, m suite.Metric) map[string]any {
	at := func(metric string, order uint32) []lineRow {
		return lo.Filter(l.values[lineKey{r.MachineID, metric, r.TestID}], func(v lineRow, _ int) bool { return v.OrderID == order })
	}
	newest := l.newest[r.MachineID]
	now, before := at(m.Name, newest), at(m.Name, r.FromID)
	failed := func(order uint32) bool {
		return m.Status != "" && lo.SomeBy(at(m.Status, order), func(v lineRow) bool { return v.Text == "1" })
	}
	out := map[string]any{
		"aggregation_fn": "safe_min", "cur_hash": nil, "prev_hash": nil, "cur_profile": nil, "prev_profile": nil,
		"current": nil, "previous": nil, "delta": 0, "pct_delta": lntjson.Real(0), "stddev": nil, "MAD": nil,
		"failed": failed(newest), "prev_failed": failed(r.FromID), "samples": reals(now), "prev_samples": reals(before),
		"confidence_lv": 0.05, "bigger_is_better": b2i(m.BiggerIsBetter), "ignore_same_hash": b2i(m.IgnoreSameHash),
	}
	if hashes := at(hashMetric, newest); len(hashes) > 0 {
		out["cur_hash"] = hashes[0].Text
	}
	if len(before) > 0 {
		for _, h := range at(hashMetric, r.FromID) {
			if h.RunID == before[0].RunID && h.Row == before[0].Row {
				out["prev_hash"] = h.Text
			}
		}
	}
	if len(now) == 0 {
		return out
	}
	values := lo.Map(now, func(v lineRow, _ int) float64 { return v.Value })
	current := aggregate(values, lo.Ternary(m.BiggerIsBetter, "max", "min"))
	out["current"] = lntjson.Real(current)
	if current != 0 && len(before) > 0 {
		previous := nearestLast(before, current)
		out["previous"], out["delta"] = lntjson.Real(previous), lntjson.Real(current-previous)
		if previous != 0 {
			out["pct_delta"] = lntjson.Real((current - previous) / previous)
		}
	}
	if len(values) > 1 {
		middle := medianOf(values)
		out["stddev"] = lntjson.Real(standardDeviation(values))
		out["MAD"] = lntjson.Real(medianOf(lo.Map(values, func(v float64, _ int) float64 { return math.Abs(v - middle) })))
	}
	return out
}

// nearestLast is the value nearest to current, of several the last one.
func nearestLast(rows []lineRow, current float64) float64 {
	best := rows[0].Value
	for _, r := range rows[1:] {
		if math.Abs(current-r.Value) <= math.Abs(current-best) {
			best = r.Value
		}
	}
	return best
}

func reals(rows []lineRow) []lntjson.Real {
	return lo.Map(rows, func(v lineRow, _ int) lntjson.Real { return lntjson.Real(v.Value) })
}
