package api

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/openapi"
)

// maxSteps bounds the history of one regression that is told.
const maxSteps = 10_000

// regressionFilter are the parameters that choose regressions.
func regressionFilter() []openapi.Param {
	return []openapi.Param{
		{Name: "state", Words: openapi.StateNames(), List: true, Help: "Their states; ignored is another name of false_positive."},
		machineParam, testParam, metricParam,
		{Name: "commit", Help: "An order that is in the culprit range, by name or number."},
		{Name: "has_commit", Type: openapi.Boolean, Help: "Whether there is a culprit range."},
		{Name: "kind", Words: []string{"regression", "improvement"}, Help: "Whether it got worse or better."},
		{Name: "cause", Words: []string{"code", "machine"}, Help: "Whether it came with the code or with a machine."},
		{Name: "owner", Help: "Who has it."},
		{Name: "tag", Help: "A tag that it has."},
		{Name: "detector", Help: "Who found the first of its findings."},
		asOfParam,
	}
}

// triagedOperations are those that read regressions as people triage them.
func (s *Service) triagedOperations() []operation {
	order := openapi.Param{Name: "order", Words: []string{"effect", "newest"}, Default: "effect", Help: "The largest total effect first, or the newest."}
	return []operation{
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "regressions", ID: "listRegressions", Tag: "regressions", Summary: "regressions, those with the largest effect first",
			Query: append(regressionFilter(), order, limitParam, cursorParam), Answer: page[regression]{},
		}, s.listRegressions},
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "regressions/:id", ID: "getRegression", Tag: "regressions", Summary: "one regression, by uuid or number, with its findings",
			Query: []openapi.Param{asOfParam}, Answer: regressionDetail{}, Tagged: true,
		}, s.getRegression5},
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "regressions/:id/history", ID: "getRegressionHistory", Tag: "regressions", Summary: "what became of a regression, event by event",
			Answer: page[regressionStep]{}, Tagged: true,
		}, s.getRegressionHistory},
	}
}

// regressionQuery says which regressions are meant. hasCommit is 2 for all.
type regressionQuery struct {
	ids                               []uint32
	uuids                             []uuid.UUID
	states                            []uint8
	kind, cause, owner, tag, detector string
	hasCommit                         uint8
	commitKey                         string
	machineIDs, testIDs               []uint32
	metric                            string
	byEffect                          bool
	past                              bool
	asOf                              uint64
	belowScore                        float64
	belowID                           uint32
	limit                             uint64
}

// triagedRow is a regression with what it is about.
type triagedRow struct {
	Number        uint32    `ch:"regression_id"`
	ID            uuid.UUID `ch:"uuid"`
	Seq           uint64    `ch:"seq"`
	OpenedSeq     uint64    `ch:"opened_seq"`
	Title         string    `ch:"title"`
	Bug           string    `ch:"bug"`
	State         uint8     `ch:"state"`
	Owner         string    `ch:"owner"`
	Tags          []string  `ch:"tags"`
	Note          string    `ch:"note"`
	Detector      string    `ch:"detector"`
	Kind          string    `ch:"kind"`
	Cause         string    `ch:"cause"`
	Touched       uint8     `ch:"touched"`
	ChangeIDs     []uint32  `ch:"change_ids"`
	ChangedAt     time.Time `ch:"changed_at"`
	Actor         string    `ch:"actor"`
	StartOrderID  uint32    `ch:"start_order_id"`
	StartOrder    string    `ch:"start_order"`
	EndOrderID    uint32    `ch:"end_order_id"`
	EndOrder      string    `ch:"end_order"`
	Tests         uint64    `ch:"tests"`
	Machines      uint64    `ch:"machines"`
	Metrics       uint64    `ch:"metrics"`
	Changes       uint64    `ch:"changes"`
	TotalEffect   float64   `ch:"total_effect"`
	LargestEffect float64   `ch:"largest_effect"`
	Score         float64   `ch:"score"`
}

// regression is one as it is shown.
type regression struct {
	ID        uuid.UUID     `json:"id"`
	Number    uint32        `json:"number"`
	Title     string        `json:"title"`
	State     string        `json:"state" enum:"detected,staged,active,not_to_be_fixed,false_positive,fixed,verify"`
	Bug       string        `json:"bug"`
	Owner     string        `json:"owner"`
	Tags      []string      `json:"tags"`
	Note      string        `json:"note" doc:"of the last step"`
	Kind      string        `json:"kind"`
	Cause     string        `json:"cause"`
	Detector  string        `json:"detector"`
	Commit    *culpritRange `json:"commit" doc:"where it came from; null when that is not known"`
	Effect    effectSum     `json:"effect"`
	Seq       uint64        `json:"seq" doc:"the position of its last change"`
	OpenedSeq uint64        `json:"opened_seq"`
	ChangedAt time.Time     `json:"changed_at"`
	Actor     string        `json:"actor" doc:"of the last change"`
	Touched   bool          `json:"touched" doc:"whether a person did something with it"`
}

// culpritRange is after the first order, up to and with the second.
type culpritRange struct {
	After string `json:"after"`
	UpTo  string `json:"up_to"`
}

// effectSum is how much a regression is about. Total is the sum of |ln(after/before)|.
type effectSum struct {
	Total    float64 `json:"total"`
	Largest  float64 `json:"largest" doc:"relative: 0.1 is ten percent up"`
	Findings uint64  `json:"findings"`
	Tests    uint64  `json:"tests"`
	Machines uint64  `json:"machines"`
	Metrics  uint64  `json:"metrics"`
	Stands   bool    `json:"stands" doc:"whether any of its findings stands; when none does, all others are 0"`
}

type regressionDetail struct {
	regression
	Findings []finding `json:"findings"`
}

func toRange(endID uint32, start, end string) *culpritRange {
	if endID == 0 {
		return nil
	}
	return &culpritRange{start, end}
}

func toRegression(r triagedRow, _ int) regression {
	return regression{
		ID: r.ID, Number: r.Number, Title: r.Title, State: openapi.StateName(r.State), Bug: r.Bug, Owner: r.Owner,
		Tags: append([]string{}, r.Tags...), Note: r.Note, Kind: r.Kind, Cause: r.Cause, Detector: r.Detector,
		Commit: toRange(r.EndOrderID, r.StartOrder, r.EndOrder),
		Effect: effectSum{r.TotalEffect, r.LargestEffect, r.Changes, r.Tests, r.Machines, r.Metrics, r.Changes > 0},
		Seq:    r.Seq, OpenedSeq: r.OpenedSeq, ChangedAt: r.ChangedAt.UTC(), Actor: r.Actor, Touched: r.Touched == 1,
	}
}

// everyRegression is the query that lets all pass.
func everyRegression() regressionQuery {
	return regressionQuery{hasCommit: 2, byEffect: true, belowScore: math.MaxFloat64, belowID: math.MaxUint32}
}

// regressionsWanted reads the parameters that choose regressions.
func (s *Service) regressionsWanted(q v5Request) (regressionQuery, error) {
	want := everyRegression()
	want.kind, want.cause, want.owner = q.params["kind"], q.params["cause"], q.params["owner"]
	want.tag, want.detector, want.byEffect = q.params["tag"], q.params["detector"], q.params["order"] != "newest"
	if text := q.params["state"]; text != "" {
		for name := range strings.SplitSeq(text, ",") {
			number, _ := openapi.StateNumber(name) // was checked
			want.states = append(want.states, number)
		}
	}
	if text, given := q.params["has_commit"]; given {
		want.hasCommit = bit(text == "true")
	}
	var err error
	if want.asOf, want.past, err = s.asOf(q.ctx, q.key, q.params["as_of"]); err != nil {
		return want, err
	}
	if want.machineIDs, want.testIDs, want.metric, err = s.seriesFilter(q); err != nil {
		return want, err
	}
	if spec, given := q.params["commit"]; given {
		found, err := s.order(q, spec)
		if err != nil {
			return want, err
		}
		want.commitKey = found.SortKey
	}
	return want, nil
}

// orderPlace is an order and where it stands. SortKey is hexadecimal.
type orderPlace struct {
	ID      uint32 `ch:"order_id"`
	Name    string `ch:"name"`
	SortKey string `ch:"sort_key"`
}

// order is the order that a parameter names: by name, else by number when all digits.
func (s *Service) order(q v5Request, spec string) (orderPlace, error) {
	var byNumber []uint32
	if allDigits(spec) && id(spec) > 0 {
		byNumber = []uint32{id(spec)}
	}
	found, err := s.read.Orders(q.ctx, q.key, byNumber, spec)
	if err != nil {
		return orderPlace{}, err
	}
	if named, ok := lo.Find(found, func(o orderPlace) bool { return o.Name == spec }); ok {
		return named, nil
	}
	if len(found) == 0 {
		return orderPlace{}, missing("there is no order '%s'", spec)
	}
	return found[0], nil
}

func (s *Service) listRegressions(c *fiber.Ctx, q v5Request) error {
	want, err := s.regressionsWanted(q)
	if err != nil {
		return err
	}
	limit := q.params.limit()
	want.limit = uint64(limit) + 1
	if _, given := q.params["cursor"]; given {
		if want.belowScore, want.belowID, err = q.params.scoreCursor(); err != nil {
			return err
		}
	}
	rows, err := s.read.Regressions(q.ctx, q.key, want)
	if err != nil {
		return err
	}
	scores := lo.SliceToMap(rows, func(r triagedRow) (uint32, float64) { return r.Number, r.Score })
	return c.JSON(toPage(lo.Map(rows, toRegression), limit, func(last regression) string {
		return strconv.FormatFloat(scores[last.Number], 'g', -1, 64) + "/" + strconv.FormatUint(uint64(last.Number), 10)
	}))
}

func (q query) scoreCursor() (float64, uint32, error) {
	text, err := q.cursor()
	if err != nil {
		return 0, 0, err
	}
	head, tail, _ := strings.Cut(text, "/")
	score, err := strconv.ParseFloat(head, 64)
	if err != nil || math.IsNaN(score) || math.IsInf(score, 0) {
		return 0, 0, errBadCursor
	}
	number, err := strconv.ParseUint(tail, 10, 32)
	if err != nil {
		return 0, 0, errBadCursor
	}
	return score, uint32(number), nil
}

// regression is the one that an address names.
func (s *Service) regression(c *fiber.Ctx, q v5Request, want regressionQuery) (triagedRow, error) {
	if _, err := s.schema(q.ctx, q.key); err != nil {
		return triagedRow{}, err
	}
	gone := missing("there is no regression '%s'", c.Params("id"))
	id, number, ok := reference(c.Params("id"))
	if !ok {
		return triagedRow{}, gone
	}
	if number > 0 {
		want.ids = []uint32{number}
	} else {
		want.uuids = []uuid.UUID{id}
	}
	want.limit = 1
	rows, err := s.read.Regressions(q.ctx, q.key, want)
	if err == nil && len(rows) == 0 {
		err = gone
	}
	if err != nil {
		return triagedRow{}, err
	}
	return rows[0], nil
}

func (s *Service) getRegression5(c *fiber.Ctx, q v5Request) error {
	want := everyRegression()
	var err error
	if want.asOf, want.past, err = s.asOf(q.ctx, q.key, q.params["as_of"]); err != nil {
		return err
	}
	row, err := s.regression(c, q, want)
	if err != nil {
		return err
	}
	out := regressionDetail{toRegression(row, 0), []finding{}}
	if len(row.ChangeIDs) > 0 {
		members, err := s.read.Findings(q.ctx, q.key, findingQuery{
			changeIDs: row.ChangeIDs, belowSeq: math.MaxInt64, limit: maxItems, past: want.past, asOf: want.asOf,
		})
		if err != nil {
			return err
		}
		out.Findings = lo.Map(members, toFinding)
	}
	return c.JSON(out)
}

// regressionVersion is a regression as one event left it.
type regressionVersion struct {
	Seq          uint64    `ch:"seq"`
	EventID      uuid.UUID `ch:"event_id"`
	EventType    string    `ch:"event_type"`
	At           time.Time `ch:"at"`
	Actor        string    `ch:"actor"`
	Note         string    `ch:"note"`
	Title        string    `ch:"title"`
	Bug          string    `ch:"bug"`
	State        uint8     `ch:"state"`
	Owner        string    `ch:"owner"`
	Tags         []string  `ch:"tags"`
	Kind         string    `ch:"kind"`
	Cause        string    `ch:"cause"`
	StartOrderID uint32    `ch:"start_order_id"`
	StartOrder   string    `ch:"start_order"`
	EndOrderID   uint32    `ch:"end_order_id"`
	EndOrder     string    `ch:"end_order"`
	ChangeIDs    []uint32  `ch:"change_ids"`
	Deleted      uint8     `ch:"deleted"`
	MergedInto   uint32    `ch:"merged_into"`
}

// regressionStep is what one event left.
type regressionStep struct {
	Seq        uint64        `json:"seq"`
	EventID    uuid.UUID     `json:"event_id"`
	EventType  string        `json:"event_type"`
	At         time.Time     `json:"at"`
	Actor      string        `json:"actor"`
	Note       string        `json:"note"`
	Title      string        `json:"title"`
	State      string        `json:"state"`
	Bug        string        `json:"bug"`
	Owner      string        `json:"owner"`
	Tags       []string      `json:"tags"`
	Kind       string        `json:"kind"`
	Cause      string        `json:"cause"`
	Commit     *culpritRange `json:"commit"`
	Findings   []uint32      `json:"findings" doc:"numbers"`
	Deleted    bool          `json:"deleted"`
	MergedInto uint32        `json:"merged_into" doc:"a number; 0 for none"`
}

// getRegressionHistory tells of deleted ones, too.
func (s *Service) getRegressionHistory(c *fiber.Ctx, q v5Request) error {
	if _, err := s.schema(q.ctx, q.key); err != nil {
		return err
	}
	_, number, ok := reference(c.Params("id"))
	if ok && number == 0 {
		row, err := s.regression(c, q, everyRegression())
		if err != nil {
			return err
		}
		number = row.Number
	}
	versions, err := s.read.RegressionHistory(q.ctx, q.key, number, maxSteps)
	if err != nil {
		return err
	}
	if !ok || len(versions) == 0 {
		return missing("there is no regression '%s'", c.Params("id"))
	}
	return c.JSON(toPage(lo.Map(versions, func(v regressionVersion, _ int) regressionStep {
		return regressionStep{
			Seq: v.Seq, EventID: v.EventID, EventType: v.EventType, At: v.At.UTC(), Actor: v.Actor, Note: v.Note, Title: v.Title,
			State: openapi.StateName(v.State), Bug: v.Bug, Owner: v.Owner, Tags: append([]string{}, v.Tags...), Kind: v.Kind, Cause: v.Cause,
			Commit: toRange(v.EndOrderID, v.StartOrder, v.EndOrder), Findings: append([]uint32{}, v.ChangeIDs...),
			Deleted: v.Deleted == 1, MergedInto: v.MergedInto,
		}
	}), maxSteps, nil))
}

// triagedReads are the questions about regressions.
type triagedReads interface {
	Orders(ctx context.Context, k key, ids []uint32, name string) ([]orderPlace, error)
	PositionAt(ctx context.Context, k key, at time.Time) (uint64, error)
	Regressions(ctx context.Context, k key, q regressionQuery) ([]triagedRow, error)
	RegressionHistory(ctx context.Context, k key, number uint32, limit uint64) ([]regressionVersion, error)
}
