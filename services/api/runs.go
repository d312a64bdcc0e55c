package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/suite"
)

func (s *Service) getRun(c *fiber.Ctx, q v4Request) error {
	spec := c.Params("run")
	runs, err := s.findRuns(q, []uint32{id(spec)})
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		return refusal(fiber.StatusNotFound, "Did not find run "+spec)
	}
	run := runs[0]
	values, err := s.readValues(q.ctx, q.key, q.schema, runs)
	if err != nil {
		return err
	}
	names, err := s.testNames(q, runs)
	if err != nil {
		return err
	}
	o := newObject()
	fixed := []string{"id", "name", "run_id"}
	shape := newSampleShape(q.schema, fixed, true)
	b := append(s.open(1024+int(run.sampleRows)*shape.size()), `,"machine":`...)
	if b, err = appendMachine(b, o, run.machine); err != nil {
		return err
	}
	if b, err = newRunShape(q.schema).append(append(b, `,"run":`...), o, run.run); err != nil {
		return err
	}
	b = append(b, `,"tests":[`...)
	var l list
	err = s.readRows(q, runs, func(r sampleRow) error {
		b = shape.append(l.next(b), values[r.seq], r.row, func(b []byte, key int) []byte { return r.appendFixed(b, fixed[key], names) })
		return nil
	})
	if err != nil {
		return err
	}
	return send(c, append(b, ']'))
}

func (s *Service) getSamples(c *fiber.Ctx, q v4Request) error {
	ids, err := s.runIDs(c)
	if err != nil {
		return err
	}
	runs, err := s.findRuns(q, ids)
	if err != nil {
		return err
	}
	rows := lo.SumBy(runs, func(r runDetail) int { return int(r.sampleRows) })
	if rows > s.cfg.MaxSampleRows {
		return refusal(fiber.StatusBadRequest, fmt.Sprintf("These runs have %d samples; ask for at most %d at once.", rows, s.cfg.MaxSampleRows))
	}
	values, err := s.readValues(q.ctx, q.key, q.schema, runs)
	if err != nil {
		return err
	}
	names, err := s.testNames(q, runs)
	if err != nil {
		return err
	}
	orderField := q.schema.OrderFields()[0]
	orders := make(map[uint64][]byte, len(runs))
	for _, r := range runs {
		orders[r.seq] = firstValue(r.run.OrderValues)
	}
	fixed := []string{"id", "name", "run_id", orderField}
	shape := newSampleShape(q.schema, fixed, false)
	b := append(s.open(1024+rows*128), `,"samples":[`...)
	var l list
	err = s.readRows(q, runs, func(r sampleRow) error {
		b = shape.append(l.next(b), values[r.seq], r.row, func(b []byte, key int) []byte {
			if fixed[key] == orderField {
				return append(b, orders[r.seq]...)
			}
			return r.appendFixed(b, fixed[key], names)
		})
		return nil
	})
	if err != nil {
		return err
	}
	return send(c, append(b, ']'))
}

func (s *Service) getSample(c *fiber.Ctx, q v4Request) error {
	sampleID, err := strconv.ParseUint(c.Params("sample"), 10, 64)
	if err != nil {
		return abortion(fiber.StatusNotFound, "Invalid order.") // LNT's own words for a sample, too
	}
	place, found, err := s.read.SampleRun(q.ctx, q.key, sampleID)
	if err != nil {
		return err
	}
	if !found {
		return abortion(fiber.StatusNotFound, "Invalid order.")
	}
	runs := []runDetail{{seq: place.Seq, sampleRows: place.Row + 1}}
	values, err := s.readValues(q.ctx, q.key, q.schema, runs)
	if err != nil {
		return err
	}
	b := append(s.open(512), `,"samples":[`...)
	fixed := []string{"id", "test_id"}
	shape := newSampleShape(q.schema, fixed, false)
	err = s.readRows(q, runs, func(r sampleRow) error {
		if r.row == place.Row {
			b = shape.append(b, values[r.seq], r.row, func(b []byte, key int) []byte { return r.appendFixed(b, fixed[key], nil) })
		}
		return nil
	})
	if err != nil {
		return err
	}
	return send(c, append(b, ']'))
}

// runIDs reads runid=1&runid=2.
func (s *Service) runIDs(c *fiber.Ctx) ([]uint32, error) {
	var ids []uint32
	var bad []string
	for _, raw := range c.Context().QueryArgs().PeekMulti("runid") {
		text := string(raw)
		if !allDigits(text) {
			bad = append(bad, text)
		}
		ids = append(ids, id(text))
	}
	switch {
	case len(bad) > 0:
		return nil, refusal(fiber.StatusBadRequest, fmt.Sprintf("A runid is a whole number, not '%s'.", bad[0]))
	case len(ids) == 0:
		return nil, refusal(fiber.StatusBadRequest, `No runids found in args. Should be "samples?runid=1&runid=2" etc.`)
	case len(ids) > s.cfg.MaxRunIDs:
		return nil, refusal(fiber.StatusBadRequest, fmt.Sprintf("Ask for at most %d runs at once.", s.cfg.MaxRunIDs))
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// findRuns reads the runs that exist of ids.
func (s *Service) findRuns(q v4Request, ids []uint32) ([]runDetail, error) {
	ids = lo.Without(ids, 0)
	if len(ids) == 0 {
		return nil, nil
	}
	return s.read.Runs(q.ctx, q.key, ids)
}

func positions(runs []runDetail) []uint64 {
	return lo.Map(runs, func(r runDetail, _ int) uint64 { return r.seq })
}

// firstValue is the first element of a JSON list of strings, as JSON.
func firstValue(values string) []byte {
	o := newObject()
	if err := o.values([]string{""}, values); err != nil || len(o.members) == 0 {
		return []byte("null")
	}
	return o.members[0].value
}

// appendFixed writes what a sample has besides metrics.
func (r sampleRow) appendFixed(b []byte, key string, names map[uint32]string) []byte {
	switch key {
	case "id":
		return strconv.AppendUint(b, r.sampleID, 10)
	case "test_id":
		return strconv.AppendUint(b, uint64(r.testID), 10)
	case "run_id":
		return strconv.AppendUint(b, uint64(r.runID), 10)
	default:
		return appendString(b, names[r.testID])
	}
}

func (s *Service) readRows(q v4Request, runs []runDetail, each func(sampleRow) error) error {
	if len(runs) == 0 {
		return nil
	}
	return s.read.RunRows(q.ctx, q.key, positions(runs), each)
}

// testNames reads the names of the tests that the runs have samples of.
func (s *Service) testNames(q v4Request, runs []runDetail) (map[uint32]string, error) {
	if len(runs) == 0 {
		return nil, nil
	}
	names := make(map[uint32]string, runs[0].sampleRows)
	err := s.read.RunTests(q.ctx, q.key, positions(runs), func(t testRow) error {
		names[t.ID] = t.Name
		return nil
	})
	return names, err
}

// runValues are the values of one run, metric by metric in the schema's order. A metric without
// any value has no column.
type runValues struct {
	rows    uint32
	columns []column
}

// column is a metric's values by row: reals, or texts, and which rows have one.
type column struct {
	has   []bool
	reals []float64
	texts []string
}

// put makes room on the first value of a metric.
func (v *runValues) put(place cell, real bool) *column {
	if place.metric == 0 || int(place.metric) > len(v.columns) || place.row >= v.rows {
		return nil
	}
	col := &v.columns[place.metric-1]
	if col.has == nil {
		col.has = make([]bool, v.rows)
	}
	switch {
	case real && col.reals == nil:
		col.reals = make([]float64, v.rows)
	case !real && col.texts == nil:
		col.texts = make([]string, v.rows)
	}
	col.has[place.row] = true
	return col
}

// readValues reads all values of the runs, by position.
func (s *Service) readValues(ctx context.Context, k key, schema suite.Schema, runs []runDetail) (map[uint64]*runValues, error) {
	out := make(map[uint64]*runValues, len(runs))
	for _, r := range runs {
		out[r.seq] = &runValues{rows: r.sampleRows, columns: make([]column, len(schema.Metrics))}
	}
	if len(out) == 0 {
		return out, nil
	}
	names := lo.Map(schema.Metrics, func(m suite.Metric, _ int) string { return m.Name })
	err := s.read.RunValues(ctx, k, positions(runs), names, func(place cell, value float64) error {
		if col := out[place.seq].put(place, true); col != nil {
			col.reals[place.row] = value
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = s.read.RunTexts(ctx, k, positions(runs), names, func(place cell, value string) error {
		if col := out[place.seq].put(place, false); col != nil {
			col.texts[place.row] = value
		}
		return nil
	})
	return out, err
}

// sampleShape writes samples: some fixed keys and the metrics, sorted together once.
type sampleShape struct {
	keys  []sampleKey
	nulls bool
}

// sampleKey is a key of a sample: fixed or metric is its place there, the other is -1.
type sampleKey struct {
	name          string
	quoted        []byte // with the colon
	fixed, metric int
	status        bool
}

func newSampleShape(schema suite.Schema, fixed []string, nulls bool) sampleShape {
	shape := sampleShape{nulls: nulls}
	for i, name := range fixed {
		shape.keys = append(shape.keys, sampleKey{name: name, fixed: i, metric: -1})
	}
	for i, m := range schema.Metrics {
		if !slices.Contains(fixed, m.Name) {
			shape.keys = append(shape.keys, sampleKey{name: m.Name, fixed: -1, metric: i, status: m.Type == suite.Status})
		}
	}
	slices.SortFunc(shape.keys, func(x, y sampleKey) int { return strings.Compare(x.name, y.name) })
	for i := range shape.keys {
		shape.keys[i].quoted = append(appendString(nil, shape.keys[i].name), ':')
	}
	return shape
}

// size is about how many bytes a sample takes.
func (s sampleShape) size() int {
	return 64 + lo.SumBy(s.keys, func(k sampleKey) int { return len(k.quoted) + 14 })
}

func (s sampleShape) append(b []byte, values *runValues, row uint32, fixed func(b []byte, key int) []byte) []byte {
	b = append(b, '{')
	begun := false
	for i := range s.keys {
		k := &s.keys[i]
		var col *column
		if k.metric >= 0 {
			if col = &values.columns[k.metric]; col.has == nil || row >= values.rows || !col.has[row] {
				col = nil
				if !s.nulls {
					continue
				}
			}
		}
		if begun {
			b = append(b, ',')
		}
		begun = true
		b = append(b, k.quoted...)
		switch {
		case k.fixed >= 0:
			b = fixed(b, k.fixed)
		case col == nil:
			b = append(b, "null"...)
		default:
			b = col.appendValue(b, row, k.status)
		}
	}
	return append(b, '}')
}

func (c *column) appendValue(b []byte, row uint32, status bool) []byte {
	switch {
	case c.reals != nil:
		return appendFloat(b, c.reals[row])
	case status && allDigits(c.texts[row]):
		return append(b, c.texts[row]...)
	default:
		return appendString(b, c.texts[row])
	}
}
