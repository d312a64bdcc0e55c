package api

import (
	"context"
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

// findingRow is a change point.
type findingRow struct {
	ID              uuid.UUID `ch:"finding_id"`
	Number          uint32    `ch:"change_id"`
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
	EffectLow       float64   `ch:"effect_low"`
	EffectHigh      float64   `ch:"effect_high"`
	Cause           string    `ch:"cause"`
	Statistic       float64   `ch:"statistic"`
	PValue          float64   `ch:"p_value"`
	Detector        string    `ch:"detector"`
	DetectorVersion uint16    `ch:"detector_version"`
	DetectorParams  string    `ch:"detector_params"`
	DataSeq         uint64    `ch:"data_seq"`
	FoundAt         time.Time `ch:"found_at"`
}

// finding is a change point as it is shown. Effect is relative, 0.1 is ten percent up.
type finding struct {
	ID              uuid.UUID `json:"id"`
	Number          uint32    `json:"number"`
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
	Cause           string    `json:"cause" enum:"code,machine"`
	Before          float64   `json:"before"`
	After           float64   `json:"after"`
	Spread          float64   `json:"spread"`
	Effect          float64   `json:"effect" doc:"relative: 0.1 is ten percent up"`
	EffectLow       float64   `json:"effect_low" doc:"with effect_high the interval it is in; both 0 when the detector says none"`
	EffectHigh      float64   `json:"effect_high"`
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
		ID: r.ID, Number: r.Number, Seq: r.Seq, MachineID: r.MachineID, Machine: r.Machine, TestID: r.TestID, Test: r.Test, Metric: r.Metric,
		OrderID: r.OrderID, Order: r.Order, PreviousOrderID: r.PreviousOrderID, PreviousOrder: r.PreviousOrder,
		Direction: r.Direction, Kind: r.Kind, Cause: lo.CoalesceOrEmpty(r.Cause, "code"), Before: r.Before, After: r.After, Spread: r.Spread,
		Effect: r.Effect, EffectLow: r.EffectLow, EffectHigh: r.EffectHigh, Statistic: r.Statistic, PValue: r.PValue,
		Detector: detector{r.Detector, r.DetectorVersion, params, r.DataSeq}, FoundAt: r.FoundAt.UTC(),
	}
}

// findingFilter are the parameters that choose findings.
func findingFilter() []openapi.Param {
	return []openapi.Param{
		machineParam, testParam, metricParam,
		{Name: "kind", Words: []string{"regression", "improvement"}, Help: "Whether it got worse or better."},
		{Name: "cause", Words: []string{"code", "machine"}, Help: "Whether it came with the code or with the machine."},
		{Name: "detector", Help: "Who found it."},
		{Name: "shadow", Type: openapi.Boolean, Default: "false", Help: "Those that detectors of mode shadow found instead, which count nowhere."},
		asOfParam,
	}
}

// findingOperations are those that read change points.
func (s *Service) findingOperations() []operation {
	return []operation{
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "findings", ID: "listFindings", Tag: "findings", Summary: "change points that stand, newest first",
			Query: append(findingFilter(), limitParam, cursorParam), Answer: page[finding]{},
		}, s.listFindings},
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "findings/:id", ID: "getFinding", Tag: "findings", Summary: "one change point, by uuid or number, with what became of it",
			Answer: findingDetail{}, Tagged: true,
		}, s.getFinding},
	}
}

// findingQuery says which findings are meant. asOf is a position, where past is set.
type findingQuery struct {
	machineIDs, testIDs, changeIDs []uint32
	metric, kind, cause, detector  string
	shadow                         bool
	past                           bool
	asOf                           uint64
	belowSeq                       uint64
	belowID                        uuid.UUID
	limit                          uint64
}

// findings reads the parameters that choose findings.
func (s *Service) findings(q v5Request) (findingQuery, error) {
	want := findingQuery{
		belowSeq: math.MaxInt64, kind: q.params["kind"], cause: q.params["cause"], detector: q.params["detector"], shadow: q.params["shadow"] == "true",
	}
	var err error
	if want.asOf, want.past, err = s.asOf(q.ctx, q.key, q.params["as_of"]); err != nil {
		return want, err
	}
	want.machineIDs, want.testIDs, want.metric, err = s.seriesFilter(q)
	return want, err
}

// seriesFilter reads the parameters that choose series, by what they name in the suite.
func (s *Service) seriesFilter(q v5Request) (machineIDs, testIDs []uint32, metricName string, err error) {
	schema, err := s.schema(q.ctx, q.key)
	if err != nil {
		return nil, nil, "", err
	}
	if name, given := q.params["metric"]; given {
		if _, err := metric(schema, name); err != nil {
			return nil, nil, "", err
		}
		metricName = name
	}
	if spec, given := q.params["machine"]; given {
		machines, err := s.machines(q, spec)
		if err != nil {
			return nil, nil, "", err
		}
		machineIDs = lo.Map(machines, func(m machineRow, _ int) uint32 { return m.ID })
	}
	if spec, given := q.params["test"]; given {
		t, err := s.test(q, spec)
		if err != nil {
			return nil, nil, "", err
		}
		testIDs = []uint32{t.ID}
	}
	return machineIDs, testIDs, metricName, nil
}

func (s *Service) listFindings(c *fiber.Ctx, q v5Request) error {
	want, err := s.findings(q)
	if err != nil {
		return err
	}
	limit := q.params.limit()
	want.limit = uint64(limit) + 1
	if _, given := q.params["cursor"]; given {
		if want.belowSeq, want.belowID, err = q.params.findingCursor(); err != nil {
			return err
		}
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

// findingVersion is a change point as one event left it.
type findingVersion struct {
	findingRow

	EventID   uuid.UUID `ch:"event_id"`
	EventType string    `ch:"event_type"`
	At        time.Time `ch:"at"`
	Actor     string    `ch:"actor"`
	Active    uint8     `ch:"active"`
	Dismissed uint8     `ch:"dismissed"`
	Shadow    uint8     `ch:"shadow"`
	Note      string    `ch:"note"`
}

// findingDetail is a change point as it is, whether it stands or not, and every step it took.
type findingDetail struct {
	finding
	Active    bool          `json:"active" doc:"false when later data contradicted it"`
	Dismissed bool          `json:"dismissed"`
	Shadow    bool          `json:"shadow"`
	History   []findingStep `json:"history"`
}

// findingStep is what one event left.
type findingStep struct {
	Seq           uint64    `json:"seq"`
	EventID       uuid.UUID `json:"event_id"`
	EventType     string    `json:"event_type"`
	At            time.Time `json:"at"`
	Actor         string    `json:"actor"`
	Note          string    `json:"note"`
	Order         string    `json:"order"`
	PreviousOrder string    `json:"previous_order"`
	Before        float64   `json:"before"`
	After         float64   `json:"after"`
	Effect        float64   `json:"effect"`
	Active        bool      `json:"active"`
	Dismissed     bool      `json:"dismissed"`
}

func (s *Service) getFinding(c *fiber.Ctx, q v5Request) error {
	if _, err := s.schema(q.ctx, q.key); err != nil {
		return err
	}
	id, number, ok := reference(c.Params("id"))
	if !ok {
		return missing("there is no finding '%s'", c.Params("id"))
	}
	versions, err := s.read.FindingHistory(q.ctx, q.key, id, number)
	if err != nil {
		return err
	}
	if len(versions) == 0 {
		return missing("there is no finding '%s'", c.Params("id"))
	}
	last := versions[len(versions)-1]
	last.FoundAt = versions[0].At
	return c.JSON(findingDetail{
		finding: toFinding(last.findingRow, 0), Active: last.Active == 1, Dismissed: last.Dismissed == 1, Shadow: last.Shadow == 1,
		History: lo.Map(versions, func(v findingVersion, _ int) findingStep {
			return findingStep{
				Seq: v.Seq, EventID: v.EventID, EventType: v.EventType, At: v.At.UTC(), Actor: v.Actor, Note: v.Note,
				Order: v.Order, PreviousOrder: v.PreviousOrder, Before: v.Before, After: v.After, Effect: v.Effect,
				Active: v.Active == 1, Dismissed: v.Dismissed == 1,
			}
		}),
	})
}

// reference reads what an address names: a uuid or a number, of which the other is zero.
func reference(spec string) (uuid.UUID, uint32, bool) {
	if allDigits(spec) {
		n := id(spec)
		return uuid.Nil, n, n > 0
	}
	parsed, err := uuid.Parse(spec)
	return parsed, 0, err == nil && len(spec) == 36 && parsed != uuid.Nil
}

// findingReads are the questions about findings.
type findingReads interface {
	Findings(ctx context.Context, k key, q findingQuery) ([]findingRow, error)
	FindingHistory(ctx context.Context, k key, id uuid.UUID, number uint32) ([]findingVersion, error)
}
