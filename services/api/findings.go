package api

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/openapi"
)

// findingRow is a change point that stands.
type findingRow struct {
	ID              uuid.UUID `ch:"finding_id"`
	Seq             uint64    `ch:"seq"`
	MachineID       uint32    `ch:"machine_id"`
	Machine         string    `ch:"machine"`
	TestID          uint32    `ch:"test_id"`
	Test            string    `ch:"test"`
	Metric          string    `ch:"metric"`
	OrderID         uint32    `ch:"order_id"`
	Order           string    `ch:"order_name"`
	PreviousOrderID uint32    `ch:"previous_order_id"`
	PreviousOrder   string    `ch:"previous_order_name"`
	Direction       string    `ch:"direction"`
	Kind            string    `ch:"kind"`
	Before          float64   `ch:"before"`
	After           float64   `ch:"after"`
	Spread          float64   `ch:"spread"`
	Effect          float64   `ch:"effect"`
	Statistic       float64   `ch:"statistic"`
	PValue          float64   `ch:"p_value"`
	Detector        string    `ch:"detector"`
	DetectorVersion uint16    `ch:"detector_version"`
	DetectorParams  string    `ch:"detector_params"`
	DataSeq         uint64    `ch:"data_seq"`
	FoundAt         time.Time `ch:"found_at"`
}

// finding is a change point as it is shown. Before, after and spread are in the metric's unit,
// effect is relative to before.
type finding struct {
	ID              uuid.UUID `json:"id"`
	Seq             uint64    `json:"seq"`
	MachineID       uint32    `json:"machine_id"`
	Machine         string    `json:"machine"`
	TestID          uint32    `json:"test_id"`
	Test            string    `json:"test"`
	Metric          string    `json:"metric"`
	OrderID         uint32    `json:"order_id"`
	Order           string    `json:"order"`
	PreviousOrderID uint32    `json:"previous_order_id"`
	PreviousOrder   string    `json:"previous_order"`
	Direction       string    `json:"direction"`
	Kind            string    `json:"kind"`
	Before          float64   `json:"before"`
	After           float64   `json:"after"`
	Spread          float64   `json:"spread"`
	Effect          float64   `json:"effect"`
	Statistic       float64   `json:"statistic"`
	PValue          float64   `json:"p_value"`
	Detector        detector  `json:"detector"`
	FoundAt         time.Time `json:"found_at"`
}

// detector says how a change point was found, so that it can be found again.
type detector struct {
	Name    string          `json:"name"`
	Version uint16          `json:"version"`
	Params  json.RawMessage `json:"params"`
	DataSeq uint64          `json:"data_seq"`
}

func toFinding(r findingRow, _ int) finding {
	params := json.RawMessage(r.DetectorParams)
	if !json.Valid(params) {
		params = json.RawMessage("{}")
	}
	return finding{
		ID: r.ID, Seq: r.Seq, MachineID: r.MachineID, Machine: r.Machine, TestID: r.TestID, Test: r.Test, Metric: r.Metric,
		OrderID: r.OrderID, Order: r.Order, PreviousOrderID: r.PreviousOrderID, PreviousOrder: r.PreviousOrder,
		Direction: r.Direction, Kind: r.Kind, Before: r.Before, After: r.After, Spread: r.Spread, Effect: r.Effect,
		Statistic: r.Statistic, PValue: r.PValue,
		Detector: detector{r.Detector, r.DetectorVersion, params, r.DataSeq}, FoundAt: r.FoundAt.UTC(),
	}
}

// findingOperations are those that read change points.
func (s *Service) findingOperations() []operation {
	return []operation{{openapi.Operation{
		Method: "GET", Path: "findings", ID: "listFindings", Tag: "findings", Summary: "change points that stand, newest first",
		Query: []openapi.Param{
			machineParam, testParam, metricParam,
			{Name: "kind", Words: []string{"regression", "improvement"}, Help: "Whether it got worse or better."},
			limitParam, cursorParam,
		},
		Answer: page[finding]{},
	}, s.listFindings}}
}

func (s *Service) listFindings(c *fiber.Ctx, q v5Request) error {
	params, limit := q.params, q.params.limit()
	want := findingQuery{belowSeq: math.MaxInt64, kind: params["kind"], limit: uint64(limit) + 1}
	var err error
	if _, given := params["cursor"]; given {
		if want.belowSeq, want.belowID, err = params.findingCursor(); err != nil {
			return err
		}
	}
	schema, err := s.schema(q.ctx, q.key)
	if err != nil {
		return err
	}
	if name, given := params["metric"]; given {
		if _, err := metric(schema, name); err != nil {
			return err
		}
		want.metric = name
	}
	if spec, given := params["machine"]; given {
		machines, err := s.machines(q, spec)
		if err != nil {
			return err
		}
		want.machineIDs = lo.Map(machines, func(m machineRow, _ int) uint32 { return m.ID })
	}
	if spec, given := params["test"]; given {
		t, err := s.test(q, spec)
		if err != nil {
			return err
		}
		want.testIDs = []uint32{t.ID}
	}
	rows, err := s.read.Findings(q.ctx, q.key, want)
	if err != nil {
		return err
	}
	return c.JSON(toPage(lo.Map(rows, toFinding), limit, func(last finding) string {
		return strconv.FormatUint(last.Seq, 10) + "." + last.ID.String()
	}))
}

func (q query) findingCursor() (uint64, uuid.UUID, error) {
	text, err := q.cursor()
	if err != nil {
		return 0, uuid.Nil, err
	}
	position, tail, _ := strings.Cut(text, ".")
	seq, err := strconv.ParseUint(position, 10, 63)
	if err != nil {
		return 0, uuid.Nil, errBadCursor
	}
	last, err := uuid.Parse(tail)
	if err != nil {
		return 0, uuid.Nil, errBadCursor
	}
	return seq, last, nil
}
