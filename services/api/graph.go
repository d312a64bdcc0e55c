package api

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/suite"
)

func (s *Service) getGraph(c *fiber.Ctx, q v4Request) error {
	metric, line, err := s.line(c, q)
	if err != nil {
		return err
	}
	line.limit = math.MaxInt64
	if text := c.Query("limit"); text != "" {
		n, ok := integer(text)
		if !ok || n < 0 {
			return refusal(fiber.StatusBadRequest, "limit is a whole number, not '"+text+"'")
		}
		if n > 0 {
			line.limit = uint64(n)
		}
	}
	b := []byte{'['}
	var l list
	each := func(r graphRow) error {
		b = appendString(append(l.next(b), '['), r.order)
		b = appendMetricValue(append(b, ','), metric, r)
		b = appendTime(append(b, `,{"date":"`...), r.start, ' ')
		b = appendString(append(b, `","label":`...), r.order)
		b = strconv.AppendUint(append(b, `,"runID":"`...), uint64(r.runID), 10)
		b = append(b, `"}]`...)
		return nil
	}
	read := s.read.Graph
	if metric.Type != suite.Real {
		read = s.read.GraphTexts
	}
	if err := read(q.ctx, line, each); err != nil {
		return err
	}
	return sendJSON(c, append(b, "]\n"...))
}

// integer reads a whole number as Python does: blanks around it and a sign are allowed.
func integer(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n, err == nil
}

// line finds the machine, test and metric of an address; LNT has no words of its own for missing ones.
func (s *Service) line(c *fiber.Ctx, q v4Request) (suite.Metric, graphQuery, error) {
	index, err := strconv.Atoi(c.Params("field"))
	if err != nil || index >= len(q.schema.Metrics) {
		return suite.Metric{}, graphQuery{}, notThere(noSuchURL)
	}
	metric := q.schema.Metrics[index]
	line := graphQuery{
		key: q.key, machineID: id(c.Params("machine")), testID: id(c.Params("test")),
		metric: metric.Name, status: metric.Status,
		orderField: uint32(slices.Index(q.schema.OrderFields(), suite.RevisionField) + 1),
	}
	if line.machineID == 0 || line.testID == 0 {
		return metric, line, notThere(noSuchURL)
	}
	machines, err := s.read.Machine(q.ctx, q.key, line.machineID, "")
	if err != nil {
		return metric, line, err
	}
	tests, err := s.read.Test(q.ctx, q.key, line.testID, "")
	if err != nil {
		return metric, line, err
	}
	if len(machines) == 0 || len(tests) == 0 {
		return metric, line, notThere(noSuchURL)
	}
	return metric, line, nil
}

func appendMetricValue(b []byte, metric suite.Metric, r graphRow) []byte {
	switch {
	case metric.Type == suite.Real:
		return appendFloat(b, r.value)
	case metric.Type == suite.Status && allDigits(r.text):
		return append(b, r.text...)
	default:
		return appendString(b, r.text)
	}
}
