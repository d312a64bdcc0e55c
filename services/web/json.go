package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/httpx"
	"tidemark/pkg/lntjson"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// The JSON that LNT's pages give to scripts, at the pages' own addresses with json=1. Keys, values and
// the way numbers are written are LNT's; keys are sorted, which maps do by themselves.

// orJSON answers with data instead of the page when one of the parameters is set, to whatever.
func orJSON(page, data handler, parameters ...string) handler {
	return func(c *fiber.Ctx) error {
		for _, name := range parameters {
			if c.Query(name) != "" {
				return asData(data)(c)
			}
		}
		return page(c)
	}
}

// asData makes problems JSON too, unless a person is looking.
func asData(data handler) handler {
	return func(c *fiber.Ctx) error {
		if !httpx.AcceptsHTML(c) {
			c.Locals(wantsData, true)
		}
		return data(c)
	}
}

// sendLNT ends the text with a newline, as LNT's does.
func sendLNT(c *fiber.Ctx, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(append(body, '\n'))
}

// wholeNumber reads a whole number from the query; absent is normal.
func wholeNumber(c *fiber.Ctx, name string, normal, most int) (int, error) {
	text := c.Query(name)
	if text == "" {
		return normal, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, badParameter(name, text, fmt.Sprintf("%s must be a whole number from 0 to %d.", name, most))
	}
	return n, nil
}

// revisionField is the place, from 1, of the order field that LNT's pages show, which has to be
// llvm_project_revision; where a suite has none of that name it is 0, for all of its order fields.
func revisionField(in suiteView) int {
	return slices.Index(in.OrderFields(), suite.RevisionField) + 1
}

// revision is what an order is called on LNT's charts.
func revision(in suiteView, values []string) string {
	if i := revisionField(in); i > 0 && i <= len(values) {
		return values[i-1]
	}
	return suite.DisplayOrder(values)
}

// machineRunRow is a run of the machine's JSON.
type machineRunRow struct {
	RunID   uint32    `ch:"run_id"`
	Values  []string  `ch:"order_values"`
	StartAt time.Time `ch:"start_at"`
	EndAt   time.Time `ch:"end_at"`
}

// machineJSON answers /machine/<id>?json=1: the runs by order, those of one order by start, newest first.
func (s *Service) machineJSON(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "overview")
	if err != nil {
		return err
	}
	found, err := s.findMachine(c, v.L, in)
	if err != nil {
		return err
	}
	rows, err := list[machineRunRow](c.UserContext(), s, "lnt_machine_history", machineParams(in, found.ID))
	if err != nil {
		return err
	}
	runs := make([][4]any, len(rows))
	for i, r := range rows {
		runs[i] = [4]any{r.RunID, revision(in, r.Values), lntjson.Time(r.StartAt), lntjson.Time(r.EndAt)}
	}
	return sendLNT(c, map[string]any{"name": found.Name, "id": found.ID, "runs": runs})
}

// extremeRow is a test and a metric of a run.
type extremeRow struct {
	TestID   uint32  `ch:"test_id"`
	Metric   string  `ch:"metric"`
	Least    float64 `ch:"least"`
	Greatest float64 `ch:"greatest"`
	First    string  `ch:"first_text"`
	Last     string  `ch:"last_text"`
}

// of is the value that stands for all of them: the best one.
func (r extremeRow) of(m suite.Metric) any {
	number, text := r.Least, r.First
	if m.BiggerIsBetter {
		number, text = r.Greatest, r.Last
	}
	switch m.Type {
	case suite.Real:
		return lntjson.Real(number)
	case suite.Status:
		return json.RawMessage(text)
	default:
		return text
	}
}

// runJSON answers /<run>?json=1: of every test the best value of every metric, whatever the page's options say.
func (s *Service) runJSON(c *fiber.Ctx) error {
	v, in, body, _, err := s.findRun(c, "overview")
	if err != nil {
		return err
	}
	if err := knownAggregate(c, v.L, in); err != nil {
		return err
	}
	ctx := c.UserContext()
	names, err := list[testNameRow](ctx, s, "run_tests", with(ofSuite(in), store.Params{"seqs": []uint64{body.Run.Seq}}))
	if err != nil {
		return err
	}
	rows, err := list[extremeRow](ctx, s, "lnt_run_extremes", with(ofSuite(in), store.Params{"seq": body.Run.Seq}))
	if err != nil {
		return err
	}
	tests := make(map[uint32]map[string]any, len(names))
	out := make(map[string]map[string]any, len(names))
	for _, t := range names {
		test := map[string]any{"test_name": t.Name, "test_id": t.ID, "order": body.Run.Order, "machine": body.Run.Machine}
		for _, m := range in.Metrics {
			test[m.Name] = nil
		}
		tests[t.ID], out[t.Name] = test, test
	}
	for _, r := range rows {
		if _, m, ok := in.Metric(r.Metric); ok && tests[r.TestID] != nil {
			tests[r.TestID][m.Name] = r.of(m)
		}
	}
	if len(out) == 0 {
		return sendLNT(c, nil) // as LNT's library writes an answer without members
	}
	return sendLNT(c, out)
}

type testNameRow struct {
	ID   uint32 `ch:"test_id"`
	Name string `ch:"name"`
}

// knownAggregate refuses an aggregation_function that there is not, with LNT's status.
func knownAggregate(c *fiber.Ctx, l links, in suiteView) error {
	_, err := choice(c, "aggregation_function", "", "min", "max", "mean", "median")
	if err == nil {
		return nil
	}
	return notHere("There is no aggregation function "+clip(c.Query("aggregation_function"), 100)+".",
		"It must be one of: min, max, mean, median.", l.Suite(in.Database, in.Name), "Runs of "+in.Name)
}
