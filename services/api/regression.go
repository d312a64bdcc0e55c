package api

import (
	"context"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tidemark/sql"
)

var qRegressionLine = sql.MustQuery("regression_line")

// regressionReads asks for regressions.
type regressionReads interface {
	RegressionLine(ctx context.Context, q graphQuery, each func(regressionRow) error) error
}

// regressionRow is a change of a series in a regression: the order where it shows and the value there.
type regressionRow struct {
	id    uint32
	title string
	state uint8
	order string
	value float64
}

func (r storeReads) RegressionLine(ctx context.Context, q graphQuery, each func(regressionRow) error) error {
	var row regressionRow
	params := q.key.params("machine_id", q.machineID, "test_id", q.testID, "metric", q.metric)
	return r.Each(ctx, qRegressionLine, params, func(scan func(...any) error) error {
		if err := scan(&row.id, &row.title, &row.state, &row.order, &row.value); err != nil {
			return err
		}
		return each(row)
	})
}

// getRegression lists the regressions that a line of a graph has changes in. LNT asks for the machine and the test only when the
// line has no change; neither can be missing otherwise.
func (s *Service) getRegression(c *fiber.Ctx, q v4Request) error {
	_, line, err := s.line(c, q)
	if err != nil {
		return err
	}
	b := []byte{'['}
	var l list
	err = s.read.RegressionLine(q.ctx, line, func(r regressionRow) error {
		b = appendString(append(l.next(b), `{"title":`...), r.title)
		b = strconv.AppendUint(append(b, `,"id":`...), uint64(r.id), 10)
		b = strconv.AppendUint(append(b, `,"state":`...), uint64(r.state), 10)
		b = appendString(append(b, `,"end_point":[`...), r.order)
		b = appendFloat(append(b, ','), r.value)
		b = append(b, `]}`...)
		return nil
	})
	if err != nil {
		return err
	}
	return sendJSON(c, append(b, "]\n"...))
}
