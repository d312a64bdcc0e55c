package api

import (
	"context"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/openapi"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
	"tidemark/sql"
)

// noiseReads are the questions about noise.
type noiseReads interface {
	Noise(ctx context.Context, k key, q noiseQuery) ([]noiseRow, error)
	NoiseSuspects(ctx context.Context, k key, machineID uint32, hash, metric string) ([]suspectRow, error)
}

// noiseQuery asks about the series of a machine over its newest orders.
type noiseQuery struct {
	machineID           uint32
	orders              uint32
	metric, hash        string
	testIDs             []uint32
	judge               noiseJudge
	goal                float64
	belowMetric, behind string // of the last item of the page before
	limit               uint64
}

// noiseJudge is what the default detector asks of a difference, with Side points before and after it.
type noiseJudge struct {
	Detector  string  `json:"detector"`
	Side      uint16  `json:"side"`
	MinT      float64 `json:"min_t"`
	MinSigmas float64 `json:"min_sigmas"`
	MinEffect float64 `json:"min_effect"`
}

// noiseRow is a series as it is stored and shown. Level and spreads are in the metric's unit, MinEffect is relative.
// What the data do not tell is missing.
type noiseRow struct {
	Metric          string   `ch:"metric" json:"metric"`
	Unit            string   `json:"unit"`
	TestID          uint32   `ch:"test_id" json:"test_id"`
	Test            string   `ch:"test" json:"test"`
	Orders          uint32   `ch:"orders" json:"orders"`
	SamplesPerOrder uint32   `ch:"samples_per_order" json:"samples_per_order"`
	Level           float64  `ch:"level" json:"level"`
	WithinSpread    *float64 `ch:"within_spread" json:"within_spread"`
	RunSpread       *float64 `ch:"run_spread" json:"run_spread"`
	MachineSpread   *float64 `ch:"machine_spread" json:"machine_spread"`
	MinEffect       *float64 `ch:"min_effect_seen" json:"min_effect"`
	SamplesNeeded   *uint64  `ch:"samples_needed" json:"samples_needed"`
	LimitedBy       string   `ch:"limited_by" json:"limited_by"`
	SameCodePairs   uint32   `ch:"same_code_pairs" json:"same_code_pairs"`
	SameCodeSpread  *float64 `ch:"same_code_spread" json:"same_code_spread"`
}

// suspectRow is a finding between two orders with the same code.
type suspectRow struct {
	ID            uuid.UUID `ch:"finding_id" json:"id"`
	Metric        string    `ch:"metric" json:"metric"`
	TestID        uint32    `ch:"test_id" json:"test_id"`
	Test          string    `ch:"test" json:"test"`
	Order         string    `ch:"order_name" json:"order"`
	PreviousOrder string    `ch:"previous_order_name" json:"previous_order"`
	Detector      string    `ch:"detector" json:"detector"`
	Effect        float64   `ch:"effect" json:"effect"`
	Hash          string    `ch:"hash" json:"hash"`
}

type noiseAnswer struct {
	MachineID uint32     `json:"machine_id"`
	Machine   string     `json:"machine"`
	Orders    uint32     `json:"orders"`
	Goal      float64    `json:"goal"`
	Judge     noiseJudge `json:"judge"`
	page[noiseRow]
}

const (
	defaultNoiseOrders = 50
	maxNoiseOrders     = 1000
	noiseSide          = 8
	defaultNoiseGoal   = 0.01
)

var (
	qNoise         = sql.MustQuery("noise_series")
	qNoiseSuspects = sql.MustQuery("noise_suspects")
)

func (r storeReads) Noise(ctx context.Context, k key, q noiseQuery) ([]noiseRow, error) {
	return store.Select[noiseRow](ctx, r.Store, qNoise, k.params(
		"machine_id", q.machineID, "orders", q.orders, "metric", q.metric, "hash_metric", q.hash, "test_ids", q.testIDs,
		"side", q.judge.Side, "min_t", q.judge.MinT, "min_sigmas", q.judge.MinSigmas, "min_effect", q.judge.MinEffect, "goal", q.goal,
		"above_metric", q.belowMetric, "above_test", q.behind, "max_items", q.limit))
}

func (r storeReads) NoiseSuspects(ctx context.Context, k key, machineID uint32, hash, metric string) ([]suspectRow, error) {
	return store.Select[suspectRow](ctx, r.Store, qNoiseSuspects, k.params("machine_id", machineID, "hash_metric", hash, "metric", metric))
}

// noiseOperations are those about noise.
func (s *Service) noiseOperations() []operation {
	return []operation{
		{openapi.Operation{
			Method: "GET", Path: "noise", ID: "listNoise", Tag: "noise", Summary: "how noisy the series of a machine are",
			Query: []openapi.Param{
				required(machineParam), testParam, metricParam,
				{Name: "orders", Type: openapi.Integer, Min: 2, Max: maxNoiseOrders, Default: "50", Help: "How many of the machine's newest orders count."},
				{Name: "goal", Type: openapi.Number, Default: "0.01", Help: "The relative change that is to be seen."},
				limitParam, cursorParam,
			},
			Answer: noiseAnswer{},
		}, s.getNoise},
		{openapi.Operation{
			Method: "GET", Path: "noise/suspects", ID: "listNoiseSuspects", Tag: "noise", Summary: "findings between orders with the same code",
			Query: []openapi.Param{required(machineParam), metricParam}, Answer: page[suspectRow]{},
		}, s.listNoiseSuspects},
	}
}

// getNoise answers how noisy the series of a machine are.
func (s *Service) getNoise(c *fiber.Ctx, q v5Request) error {
	params, limit := q.params, q.params.limit()
	want, head, err := s.noiseQuery(q, params)
	if err != nil {
		return err
	}
	want.limit = uint64(limit) + 1
	last, err := params.cursor()
	if err != nil {
		return err
	}
	want.belowMetric, want.behind, _ = strings.Cut(last, "/")
	rows, err := s.read.Noise(q.ctx, q.key, want)
	if err != nil {
		return err
	}
	for i, r := range rows {
		rows[i].Unit = head.units[r.Metric]
	}
	return c.JSON(noiseAnswer{
		MachineID: want.machineID, Machine: head.machine, Orders: want.orders, Goal: want.goal, Judge: want.judge,
		page: toPage(rows, limit, func(r noiseRow) string { return r.Metric + "/" + r.Test }),
	})
}

// listNoiseSuspects answers which findings stand where the code is the same on both sides.
func (s *Service) listNoiseSuspects(c *fiber.Ctx, q v5Request) error {
	want, _, err := s.noiseQuery(q, q.params)
	if err != nil {
		return err
	}
	if want.hash == "" {
		return c.JSON(toPage([]suspectRow{}, 0, nil))
	}
	rows, err := s.read.NoiseSuspects(q.ctx, q.key, want.machineID, want.hash, want.metric)
	if err != nil {
		return err
	}
	return c.JSON(toPage(rows, len(rows), nil))
}

// noiseHead is what an answer says beside the numbers.
type noiseHead struct {
	machine string
	units   map[string]string
}

func (s *Service) noiseQuery(q v5Request, params query) (noiseQuery, noiseHead, error) {
	want := noiseQuery{orders: defaultNoiseOrders, goal: defaultNoiseGoal}
	var head noiseHead
	schema, err := s.schema(q.ctx, q.key)
	if err != nil {
		return want, head, err
	}
	head.units = lo.SliceToMap(schema.Metrics, func(m suite.Metric) (string, string) { return m.Name, m.Unit })
	machine, err := s.oneMachine(q, params["machine"])
	if err != nil {
		return want, head, err
	}
	want.machineID, head.machine, want.hash = machine.ID, machine.Name, codeHash(schema)
	if name, given := params["metric"]; given {
		m, err := metric(schema, name)
		if err != nil {
			return want, head, err
		}
		if m.Type != suite.Real {
			return want, head, invalid("metric: '%s' has type %s, noise needs Real", m.Name, m.Type)
		}
		want.metric = name
	}
	if spec, given := params["test"]; given {
		t, err := s.test(q, spec)
		if err != nil {
			return want, head, err
		}
		want.testIDs = []uint32{t.ID}
	}
	if _, given := params["orders"]; given {
		want.orders = uint32(q.op.Int(openapi.Values(params), "orders")) //nolint:gosec // bounded
	}
	if text, given := params["goal"]; given {
		want.goal, err = strconv.ParseFloat(text, 64)
		if err != nil || !(want.goal > 0 && want.goal <= 1) {
			return want, head, wrong("goal", "'%s' is not a share above 0 and up to 1, such as 0.01", text)
		}
	}
	want.judge, err = defaultJudge()
	return want, head, err
}

// oneMachine is the machine that a parameter names, which must be one.
func (s *Service) oneMachine(q v5Request, spec string) (machineRow, error) {
	machines, err := s.machines(q, spec)
	if err != nil {
		return machineRow{}, err
	}
	if len(machines) > 1 {
		ids := lo.Map(machines, func(m machineRow, _ int) string { return strconv.FormatUint(uint64(m.ID), 10) })
		return machineRow{}, invalid("machine: several are called '%s'; use one of the ids %s", spec, strings.Join(ids, ", "))
	}
	return machines[0], nil
}

// codeHash is the metric that says which code ran: hash, else the first Hash metric; LNT's profile is one by type only.
func codeHash(schema suite.Schema) string {
	hashes := lo.Filter(schema.Metrics, func(m suite.Metric, _ int) bool { return m.Type == suite.Hash && m.Name != "profile" })
	if _, ok := lo.Find(hashes, func(m suite.Metric) bool { return m.Name == "hash" }); ok {
		return "hash"
	}
	if len(hashes) == 0 {
		return ""
	}
	return hashes[0].Name
}

// defaultJudge reads the default detector's bounds.
func defaultJudge() (noiseJudge, error) {
	d, err := detect.Resolve("", "", nil)
	if err != nil {
		return noiseJudge{}, err
	}
	j := noiseJudge{Detector: d.Name, Side: noiseSide}
	for name, into := range map[string]*float64{"min_t": &j.MinT, "min_sigmas": &j.MinSigmas, "min_effect": &j.MinEffect} {
		if *into, err = strconv.ParseFloat(d.Values[name], 64); err != nil {
			return j, err
		}
	}
	return j, nil
}
