package api

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/backtest"
	"tidemark/pkg/openapi"
)

// backtestReads are the questions about backtests.
type backtestReads interface {
	Backtests(ctx context.Context, f backtest.Filter) ([]backtest.Backtest, error)
	Backtest(ctx context.Context, k key, id uuid.UUID) (backtest.Backtest, error)
	BacktestFindings(ctx context.Context, b backtest.Backtest, diff backtest.Diff, above uint64, limit int) ([]backtest.NamedRow, error)
}

func (r storeReads) queue() *backtest.Queue { return backtest.NewQueue(r.Store, time.Now) }

func (r storeReads) Backtests(ctx context.Context, f backtest.Filter) ([]backtest.Backtest, error) {
	return r.queue().List(ctx, f)
}

func (r storeReads) Backtest(ctx context.Context, k key, id uuid.UUID) (backtest.Backtest, error) {
	return r.queue().Get(ctx, k.database, k.suite, id)
}

func (r storeReads) BacktestFindings(ctx context.Context, b backtest.Backtest, diff backtest.Diff, above uint64, limit int) ([]backtest.NamedRow, error) {
	return r.queue().Findings(ctx, b, diff, above, limit)
}

// backtestOperations are those that read backtests.
func (s *Service) backtestOperations() []operation {
	return []operation{
		{openapi.Operation{
			Method: "GET", Path: "backtests", ID: "listBacktests", Tag: "backtests", Summary: "what detectors were tried on, newest first",
			Query: []openapi.Param{
				{Name: "state", Words: backtest.States(), List: true, Help: "How far it is."}, limitParam, cursorParam,
			},
			Answer: page[backtest.Shown]{},
		}, s.listBacktests},
		{openapi.Operation{
			Method: "GET", Path: "backtests/:id", ID: "getBacktest", Tag: "backtests", Summary: "a backtest with its progress and report",
			Answer: backtest.Shown{},
		}, s.getBacktest},
		{openapi.Operation{
			Method: "GET", Path: "backtests/:id/findings", ID: "listBacktestFindings", Tag: "backtests", Summary: "what a backtest found beside what stands",
			Query: []openapi.Param{
				{Name: "diff", Words: backtest.Diffs(), Help: "Which part of the difference."}, limitParam, cursorParam,
			},
			Answer: page[backtest.NamedRow]{},
		}, s.listBacktestFindings},
	}
}

func (s *Service) listBacktests(c *fiber.Ctx, q v5Request) error {
	if _, err := s.schema(q.ctx, q.key); err != nil {
		return err
	}
	limit := q.params.limit()
	f := backtest.Filter{Database: q.key.database, Suite: q.key.suite, Limit: limit + 1}
	if words := q.params["state"]; words != "" {
		f.States = lo.Map(strings.Split(words, ","), func(w string, _ int) backtest.State { return backtest.State(w) })
	}
	last, err := q.params.cursor()
	if err != nil {
		return err
	}
	if last != "" {
		at, id, _ := strings.Cut(last, " ")
		if f.BeforeAt, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return errBadCursor
		}
		if f.BeforeID, err = uuid.Parse(id); err != nil {
			return errBadCursor
		}
	}
	rows, err := s.read.Backtests(q.ctx, f)
	if err != nil {
		return err
	}
	now := time.Now()
	return c.JSON(toPage(lo.Map(rows, func(b backtest.Backtest, _ int) backtest.Shown { return b.Shown(now) }), limit, func(b backtest.Shown) string {
		return b.AskedAt.Format(time.RFC3339Nano) + " " + b.ID.String()
	}))
}

// backtest is the one that the address names.
func (s *Service) backtest(c *fiber.Ctx, q v5Request) (backtest.Backtest, error) {
	id, err := uuid.Parse(c.Params("id"))
	if err != nil {
		return backtest.Backtest{}, missing("there is no backtest '%s'", c.Params("id"))
	}
	b, err := s.read.Backtest(q.ctx, q.key, id)
	if errors.Is(err, backtest.ErrUnknown) {
		return b, missing("there is no backtest '%s'", id)
	}
	return b, err
}

func (s *Service) getBacktest(c *fiber.Ctx, q v5Request) error {
	b, err := s.backtest(c, q)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store") // it goes on
	return c.JSON(b.Shown(time.Now()))
}

func (s *Service) listBacktestFindings(c *fiber.Ctx, q v5Request) error {
	b, err := s.backtest(c, q)
	if err != nil {
		return err
	}
	last, err := q.params.cursor()
	if err != nil {
		return err
	}
	above := uint64(0)
	if last != "" {
		if above, err = strconv.ParseUint(last, 10, 63); err != nil {
			return errBadCursor
		}
	}
	limit := q.params.limit()
	rows, err := s.read.BacktestFindings(q.ctx, b, backtest.Diff(q.params["diff"]), above, limit+1)
	if err != nil {
		return err
	}
	return c.JSON(toPage(rows, limit, func(r backtest.NamedRow) string { return strconv.FormatUint(r.Number, 10) }))
}
