package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"
)

// allNames are the names of the tests of the results, unless they are known already.
func (s *Service) allNames(ctx context.Context, in suiteView, rows []*judgement, names map[uint32]string) (map[uint32]string, error) {
	if names != nil {
		return names, nil
	}
	return s.testNames(ctx, in, lo.Map(rows, func(j *judgement, _ int) uint32 { return j.test }))
}

// compareCSV sends every result that the filter lets through; what is missing is an empty cell.
func (s *Service) compareCSV(c *fiber.Ctx, in suiteView, rows []*judgement, names map[uint32]string) error {
	names, err := s.allNames(c.UserContext(), in, rows, names)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write([]string{
		"test", "metric", "unit", "bucket", "before", "after", "change", "before_spread", "after_spread", "before_samples", "after_samples",
		"effect", "p",
	})
	for _, j := range rows {
		m := in.Metrics[j.field]
		_ = w.Write([]string{
			names[j.test], m.Name, m.Unit, j.Outcome.Key(), csvNumber(j.Before.Median), csvNumber(j.After.Median), csvNumber(j.Change),
			csvNumber(j.Before.Spread), csvNumber(j.After.Spread), strconv.Itoa(j.Before.Samples), strconv.Itoa(j.After.Samples), csvNumber(j.Effect), csvNumber(j.P),
		})
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8; header=present")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="compare.csv"`)
	return c.Send(out.Bytes())
}

func csvNumber(v float64) string {
	if v != v { //nolint:gocritic // not a number is an empty cell
		return ""
	}
	return exact(v)
}

// comparedJSON is a result as data; what is missing is null.
type comparedJSON struct {
	Test    string    `json:"test"`
	TestID  uint32    `json:"test_id"`
	Metric  string    `json:"metric"`
	Unit    string    `json:"unit"`
	Bucket  string    `json:"bucket"`
	Before  levelJSON `json:"before"`
	After   levelJSON `json:"after"`
	Change  *float64  `json:"change"`
	Effect  *float64  `json:"effect"`
	P       *float64  `json:"p"`
	Decided bool      `json:"enough_samples"`
}

type levelJSON struct {
	Median  *float64 `json:"median"`
	Spread  *float64 `json:"spread"`
	Samples int      `json:"samples"`
}

func (l level) json() levelJSON {
	return levelJSON{optional(l.Median), optional(l.Spread), l.Samples}
}

func optional(v float64) *float64 {
	if v != v { //nolint:gocritic // not a number is null
		return nil
	}
	return &v
}

// compareJSON sends what compareCSV sends, with the runs.
func (s *Service) compareJSON(c *fiber.Ctx, in suiteView, body compareBody, rows []*judgement, names map[uint32]string) error {
	names, err := s.allNames(c.UserContext(), in, rows, names)
	if err != nil {
		return err
	}
	runs := func(set runSet) []map[string]any {
		return lo.Map(set.Found, func(r setRunRow, _ int) map[string]any {
			return map[string]any{"run": r.RunID, "machine": r.Machine, "order": r.Order}
		})
	}
	answer := map[string]any{
		"database": in.Database, "suite": in.Name, "before": runs(body.Before), "after": runs(body.After), "significance": body.filter.level,
		"results": lo.Map(rows, func(j *judgement, _ int) comparedJSON {
			m := in.Metrics[j.field]
			return comparedJSON{
				Test: names[j.test], TestID: j.test, Metric: m.Name, Unit: m.Unit, Bucket: j.Outcome.Key(), Before: j.Before.json(), After: j.After.json(),
				Change: optional(j.Change), Effect: optional(j.Effect), P: optional(j.P), Decided: !j.Undecided,
			}
		}),
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encode results: %w", err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(append(text, '\n'))
}
