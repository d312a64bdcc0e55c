package api

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/openapi"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// signalReads are the questions about what is missing.
type signalReads interface {
	Signals(ctx context.Context, k key, q signalQuery) ([]signalItem, error)
	SignalHistory(ctx context.Context, k key, q signalQuery) ([]signalItem, error)
}

type signalQuery struct {
	machineIDs            []uint32
	signal                string
	belowSeq, belowNumber uint64
	limit                 uint64
}

// signalItem is a signal as an event left it.
type signalItem struct {
	MachineID uint32    `ch:"machine_id" json:"machine_id"`
	Machine   string    `ch:"machine" json:"machine"`
	Signal    string    `ch:"signal" json:"signal" enum:"silence,partial"`
	Open      bool      `ch:"is_open" json:"open"`
	Since     time.Time `ch:"since" json:"since" doc:"when the last run, or the first partial one, came"`
	Expected  float64   `ch:"expected" json:"expected"`
	Seen      float64   `ch:"seen" json:"seen" doc:"when the signal opened"`
	Unit      string    `ch:"unit" json:"unit" doc:"of expected and seen: seconds or series"`
	Detail    string    `ch:"detail" json:"detail"`
	Seq       uint64    `ch:"seq" json:"seq"`
	ChangedAt time.Time `ch:"changed_at" json:"changed_at"`
}

var (
	qSignals       = sql.MustQuery("signal_list")
	qSignalHistory = sql.MustQuery("signal_history")
)

func (q signalQuery) params(k key) store.Params {
	return k.params("machine_ids", q.machineIDs, "signal", q.signal, "below_seq", q.belowSeq, "below_machine", q.belowNumber, "max_items", q.limit)
}

func (r storeReads) Signals(ctx context.Context, k key, q signalQuery) ([]signalItem, error) {
	return store.Select[signalItem](ctx, r.Store, qSignals, q.params(k))
}

func (r storeReads) SignalHistory(ctx context.Context, k key, q signalQuery) ([]signalItem, error) {
	return store.Select[signalItem](ctx, r.Store, qSignalHistory, q.params(k))
}

// signalOperations are those about what is missing.
func (s *Service) signalOperations() []operation {
	query := []openapi.Param{
		machineParam, {Name: "signal", Words: []string{"silence", "partial"}, Help: "What is missing."}, limitParam, cursorParam,
	}
	return []operation{
		{openapi.Operation{
			Method: "GET", Path: "signals", ID: "listSignals", Tag: "signals", Summary: "what is missing now: machines that are silent, or bring less than usual; newest first",
			Query: query, Answer: page[signalItem]{},
		}, s.listSignals},
		{openapi.Operation{
			Method: "GET", Path: "signals/history", ID: "listSignalHistory", Tag: "signals", Summary: "when signals opened and closed, newest first",
			Query: query, Answer: page[signalItem]{},
		}, s.listSignalHistory},
	}
}

func (s *Service) listSignals(c *fiber.Ctx, q v5Request) error {
	return s.signals(c, q, s.read.Signals)
}

func (s *Service) listSignalHistory(c *fiber.Ctx, q v5Request) error {
	return s.signals(c, q, s.read.SignalHistory)
}

func (s *Service) signals(c *fiber.Ctx, q v5Request, read func(context.Context, key, signalQuery) ([]signalItem, error)) error {
	if _, err := s.schema(q.ctx, q.key); err != nil {
		return err
	}
	limit := q.params.limit()
	want := signalQuery{signal: q.params["signal"], belowSeq: math.MaxInt64, limit: uint64(limit) + 1}
	if spec, given := q.params["machine"]; given {
		machines, err := s.machines(q, spec)
		if err != nil {
			return err
		}
		want.machineIDs = lo.Map(machines, func(m machineRow, _ int) uint32 { return m.ID })
	}
	last, err := q.params.cursor()
	if err != nil {
		return err
	}
	if last != "" {
		seq, machine, _ := strings.Cut(last, ".")
		if want.belowSeq, err = strconv.ParseUint(seq, 10, 63); err != nil {
			return errBadCursor
		}
		if want.belowNumber, err = strconv.ParseUint(machine, 10, 63); err != nil {
			return errBadCursor
		}
	}
	rows, err := read(q.ctx, q.key, want)
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].Since, rows[i].ChangedAt = rows[i].Since.UTC(), rows[i].ChangedAt.UTC()
	}
	return c.JSON(toPage(rows, limit, func(i signalItem) string {
		return strconv.FormatUint(i.Seq, 10) + "." + strconv.FormatUint(i.number(), 10)
	}))
}

// number tells the signals of one event apart: a machine has each once.
func (i signalItem) number() uint64 {
	return uint64(i.MachineID)*2 + lo.Ternary[uint64](i.Signal == "silence", 1, 0)
}
