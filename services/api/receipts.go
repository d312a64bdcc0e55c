package api

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/openapi"
)

// receiptRow is what became of one event. The added counts and the size are read for single receipts only.
type receiptRow struct {
	EventID       uuid.UUID `ch:"event_id"`
	Seq           uint64    `ch:"seq"`
	Type          string    `ch:"event_type"`
	ReceivedAt    time.Time `ch:"received_at"`
	StoredAt      time.Time `ch:"stored_at"`
	Status        string    `ch:"status"`
	Code          uint16    `ch:"code"`
	Error         string    `ch:"error"`
	Message       string    `ch:"message"`
	Field         string    `ch:"field"`
	DuplicateOf   uuid.UUID `ch:"duplicate_of"`
	RunID         uint32    `ch:"run_id"`
	MachineID     uint32    `ch:"machine_id"`
	OrderID       uint32    `ch:"order_id"`
	AddedMachines int32     `ch:"added_machines"`
	AddedRuns     int32     `ch:"added_runs"`
	AddedTests    int32     `ch:"added_tests"`
	AddedSamples  int32     `ch:"added_samples"`
	Topic         string    `ch:"topic"`
	Partition     uint32    `ch:"partition"`
	Offset        uint64    `ch:"offset"`
	Actor         string    `ch:"actor"`
	RequestID     string    `ch:"request_id"`
	BodyBytes     uint64    `ch:"body_bytes"`
}

// receipt is a receipt as it is shown.
type receipt struct {
	ID         uuid.UUID `json:"id"`
	Status     string    `json:"status"`
	Type       string    `json:"type"`
	Database   string    `json:"database"`
	Suite      string    `json:"suite"`
	Seq        uint64    `json:"seq"`
	Log        logPlace  `json:"log"`
	ReceivedAt time.Time `json:"received_at"`
	StoredAt   time.Time `json:"stored_at"`
	Actor      string    `json:"actor,omitempty"`
	RequestID  string    `json:"request_id,omitempty"`
	BodyBytes  uint64    `json:"body_bytes,omitempty"`
	// DuplicateOf is the event that this one repeats: its receipt holds for both.
	DuplicateOf *uuid.UUID   `json:"duplicate_of,omitempty"`
	Run         *receiptRun  `json:"run"`
	Added       *added       `json:"added,omitempty"`
	Refusal     *refusedBody `json:"refusal"`
}

type logPlace struct {
	Topic     string `json:"topic"`
	Partition uint32 `json:"partition"`
	Offset    uint64 `json:"offset"`
}

// receiptRun is the run that an event made: its page and its API address.
type receiptRun struct {
	ID        uint32 `json:"id"`
	MachineID uint32 `json:"machine_id"`
	OrderID   uint32 `json:"order_id"`
	URL       string `json:"url"`
	APIURL    string `json:"api_url"`
}

type added struct {
	Machines int32 `json:"machines"`
	Runs     int32 `json:"runs"`
	Tests    int32 `json:"tests"`
	Samples  int32 `json:"samples"`
}

// refusedBody is what a refused submission was answered.
type refusedBody struct {
	Code    uint16 `json:"code"`
	Error   string `json:"error"`
	Message string `json:"message,omitempty"`
	Field   string `json:"field,omitempty"`
}

// receiptOperations are those that read what became of events.
func (s *Service) receiptOperations() []operation {
	return []operation{
		{openapi.Operation{
			Method: "GET", Path: "receipts", ID: "listReceipts", Tag: "receipts", Summary: "what became of events, newest first",
			Query: []openapi.Param{
				{Name: "status", Words: []string{"accepted", "rejected", "duplicate"}, Help: "What became of them."},
				limitParam, cursorParam,
			},
			Answer: page[receipt]{},
		}, s.listReceipts},
		{openapi.Operation{
			Method: "GET", Path: "receipts/:event", ID: "getReceipt", Tag: "receipts", Summary: "what became of one event",
			Details: "404 with Retry-After while the event is not decided.", Answer: receipt{},
		}, s.getReceipt},
	}
}

// getReceipt does not ask whether the suite exists: the first event of a suite has a receipt address
// before the suite does.
func (s *Service) getReceipt(c *fiber.Ctx, q v5Request) error {
	spec := c.Params("event")
	event, err := uuid.Parse(spec)
	if err != nil || len(spec) != 36 {
		return missing("'%s' is not the id of an event", spec)
	}
	row, found, err := s.read.Receipt(q.ctx, q.key, event)
	if err != nil {
		return err
	}
	if !found {
		return &openapi.Error{
			Status: fiber.StatusNotFound, RetryAfter: time.Second,
			Message: fmt.Sprintf("No receipt yet for event %s in suite '%s'.", event, q.key.suite),
		}
	}
	out := toReceipt(row, q.key, suiteURL(c, q.key, ""), suiteURL(c, q.key, "api/"))
	out.BodyBytes = row.BodyBytes
	out.Added = &added{row.AddedMachines, row.AddedRuns, row.AddedTests, row.AddedSamples}
	return c.JSON(out)
}

func (s *Service) listReceipts(c *fiber.Ctx, q v5Request) error {
	params, limit := q.params, q.params.limit()
	want := receiptQuery{belowSeq: math.MaxInt64, status: params["status"], limit: uint64(limit) + 1}
	if _, given := params["cursor"]; given {
		text, err := params.cursor()
		if err != nil {
			return err
		}
		if want.belowSeq, err = strconv.ParseUint(text, 10, 63); err != nil {
			return errBadCursor
		}
	}
	if _, err := s.schema(q.ctx, q.key); err != nil {
		return err
	}
	rows, err := s.read.Receipts(q.ctx, q.key, want)
	if err != nil {
		return err
	}
	pages, apis := suiteURL(c, q.key, ""), suiteURL(c, q.key, "api/")
	items := lo.Map(rows, func(r receiptRow, _ int) receipt { return toReceipt(r, q.key, pages, apis) })
	return c.JSON(toPage(items, limit, func(last receipt) string { return strconv.FormatUint(last.Seq, 10) }))
}

func toReceipt(r receiptRow, k key, pages, apis string) receipt {
	out := receipt{
		ID: r.EventID, Status: r.Status, Type: r.Type, Database: k.database, Suite: k.suite, Seq: r.Seq,
		Log:        logPlace{r.Topic, r.Partition, r.Offset},
		ReceivedAt: r.ReceivedAt.UTC(), StoredAt: r.StoredAt.UTC(),
		Actor: r.Actor, RequestID: r.RequestID,
	}
	if r.DuplicateOf != uuid.Nil {
		out.DuplicateOf = &r.DuplicateOf
	}
	if r.RunID > 0 {
		number := strconv.FormatUint(uint64(r.RunID), 10)
		out.Run = &receiptRun{r.RunID, r.MachineID, r.OrderID, pages + number, apis + "runs/" + number}
	}
	if r.Code > 0 || r.Error != "" {
		out.Refusal = &refusedBody{r.Code, r.Error, r.Message, r.Field}
	}
	return out
}
