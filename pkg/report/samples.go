package report

import (
	"math"
	"strconv"
	"strings"

	"tidemark/pkg/suite"
)

// Samples are the values of a report in narrow, columnar form: one entry per value that is not null.
//
// A row is what LNT stores as one wide sample. Rows are numbered in document order from 0: value i of
// every list of one test entry belongs to row i of that entry. Entries are sorted by row, within a row
// in the order in which the document names the metrics.
type Samples struct {
	// Rows counts the rows, those without any value included.
	Rows int
	// RowTest has, per row, the index of its test in Resolved.Tests.
	RowTest []uint32

	// Row, Metric (index in the schema), Value and Failed have one element per Real value. Failed says
	// that the row's status metric linked to this metric is FAIL.
	Row    []uint32
	Metric []uint16
	Value  []float64
	Failed []bool

	// TextRow, TextMetric and Text have one element per Status ("0", "1", "2") or Hash value.
	TextRow    []uint32
	TextMetric []uint16
	Text       []string
}

// expander turns test entries into samples.
type expander struct {
	schema   suite.Schema
	metrics  map[string]int
	linked   []int // per metric the index of its status metric, or -1
	r        *Resolved
	testIDs  map[string]uint32
	columns  []column // of the entry at hand
	failed   []bool   // per metric, of the row at hand
	profiles profileBook
}

// column is one metric of one test entry.
type column struct {
	metric int
	values []Value
}

func newExpander(schema suite.Schema, s *Submission, r *Resolved) *expander {
	e := &expander{
		schema:   schema,
		metrics:  make(map[string]int, len(schema.Metrics)),
		linked:   make([]int, len(schema.Metrics)),
		r:        r,
		testIDs:  make(map[string]uint32, len(s.Tests)),
		failed:   make([]bool, len(schema.Metrics)),
		profiles: newProfileBook(s),
	}
	for i, m := range schema.Metrics {
		e.metrics[m.Name] = i
	}
	for i, m := range schema.Metrics {
		e.linked[i] = -1
		if at, ok := e.metrics[m.Status]; ok && m.Status != "" {
			e.linked[i] = at
		}
	}
	reals := 0
	for i := range s.Tests {
		for _, m := range s.Tests[i].Values {
			if at, ok := e.metrics[m.Metric]; ok && schema.Metrics[at].Type == suite.Real {
				reals += len(m.Values)
			}
		}
	}
	r.Tests = make([]string, 0, len(s.Tests))
	r.Samples.RowTest = make([]uint32, 0, len(s.Tests))
	r.Samples.Row = make([]uint32, 0, reals)
	r.Samples.Metric = make([]uint16, 0, reals)
	r.Samples.Value = make([]float64, 0, reals)
	r.Samples.Failed = make([]bool, 0, reals)
	return e
}

func (e *expander) test(i int, t *Test) error {
	if err := checkTestName(i, t.Name); err != nil {
		return err
	}
	rows := len(t.Profiles) // a profile needs a sample to belong to
	e.columns = e.columns[:0]
	for _, m := range t.Values {
		at, ok := e.metrics[m.Metric]
		if !ok {
			err := failure(join(index("tests", i), m.Metric), "test %s: Metric '%s' unknown in suite ", t.Name, clip(m.Metric))
			err.Detail = err.Field + ": suite '" + e.schema.Name + "' declares no such metric"
			return err
		}
		e.columns = append(e.columns, column{metric: at, values: m.Values})
		rows = max(rows, len(m.Values))
	}
	id := e.testID(t.Name)
	first := uint32(e.r.Samples.Rows) //nolint:gosec // Options.MaxValues bounds the rows
	for row := range rows {
		if err := e.row(i, row, first+uint32(row)); err != nil { //nolint:gosec // as above
			return err
		}
		e.r.Samples.RowTest = append(e.r.Samples.RowTest, id)
	}
	e.r.Samples.Rows += rows
	e.profiles.add(t, first, rows)
	return nil
}

// testID gives the index of a test's name among the distinct names.
func (e *expander) testID(name string) uint32 {
	id, ok := e.testIDs[name]
	if !ok {
		id = uint32(len(e.r.Tests)) //nolint:gosec // Options.MaxTests bounds it
		e.testIDs[name] = id
		e.r.Tests = append(e.r.Tests, name)
	}
	return id
}

// row writes the entries of one row. The statuses are looked at first because they speak about values
// that may stand before them.
func (e *expander) row(test, at int, row uint32) error {
	out := &e.r.Samples
	clear(e.failed)
	for _, c := range e.columns {
		if e.schema.Metrics[c.metric].Type == suite.Status && at < len(c.values) {
			if v := c.values[at]; v.Kind == Number || v.Kind == String {
				status, _ := statusValue(v)
				e.failed[c.metric] = status == statusTexts[suite.StatusFail]
			}
		}
	}
	for _, c := range e.columns {
		if at >= len(c.values) || c.values[at].Kind == Null {
			continue
		}
		v := c.values[at]
		if e.schema.Metrics[c.metric].Type == suite.Real {
			f, rule := realValue(v)
			if rule != "" {
				return e.refuse(test, at, c, rule)
			}
			linked := e.linked[c.metric]
			out.Row = append(out.Row, row)
			out.Metric = append(out.Metric, uint16(c.metric)) //nolint:gosec // suite.MaxMetrics fits
			out.Value = append(out.Value, f)
			out.Failed = append(out.Failed, linked >= 0 && e.failed[linked])
			continue
		}
		s, rule := textValue(e.schema.Metrics[c.metric].Type, v)
		if rule != "" {
			return e.refuse(test, at, c, rule)
		}
		out.TextRow = append(out.TextRow, row)
		out.TextMetric = append(out.TextMetric, uint16(c.metric)) //nolint:gosec // suite.MaxMetrics fits
		out.Text = append(out.Text, s)
	}
	return nil
}

func (e *expander) refuse(test, at int, c column, rule string) error {
	path := join(index("tests", test), e.schema.Metrics[c.metric].Name)
	if len(c.values) > 1 {
		path = index(path, at)
	}
	return misfit(path, "%s", rule)
}

// realValue reads a value of a Real metric, which may be written as text; rule is what it breaks.
func realValue(v Value) (f float64, rule string) {
	switch v.Kind {
	case Number:
		return v.Num, ""
	case String:
		s := strings.TrimSpace(v.Str)
		if s == "" || strings.Trim(s, "0123456789+-.eE") != "" {
			return 0, "is not a number: '" + clip(v.Str) + "'"
		}
		f, err := strconv.ParseFloat(s, 64)
		if math.IsInf(f, 0) {
			return 0, "is not a finite number: '" + clip(v.Str) + "'"
		}
		if err != nil {
			return 0, "is not a number: '" + clip(v.Str) + "'"
		}
		return f, ""
	default:
		return 0, "is a " + v.Kind.String() + ", want a number"
	}
}

// statusTexts are the stored forms of the status values.
var statusTexts = [...]string{suite.StatusPass: "0", suite.StatusFail: "1", suite.StatusXFail: "2"}

// statusValue reads a value of a Status metric, which may be written as text.
func statusValue(v Value) (s, rule string) {
	const want = ", want a status: 0 (pass), 1 (fail) or 2 (expected fail)"
	number, rule := realValue(v)
	if rule != "" || v.Kind == Bool {
		return "", "is a " + v.Kind.String() + want
	}
	for status, text := range statusTexts {
		if number == float64(status) {
			return text, ""
		}
	}
	return "", "is " + strconv.FormatFloat(number, 'g', -1, 64) + want
}

// textValue reads a value of a Status or Hash metric.
func textValue(t suite.MetricType, v Value) (s, rule string) {
	switch {
	case t == suite.Status:
		return statusValue(v)
	case v.Kind != String:
		return "", "is a " + v.Kind.String() + ", want a string"
	}
	return v.Str, textRule(v.Str)
}
