package api

import (
	"slices"
	"strconv"
	"strings"

	"github.com/samber/lo"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// sampleSet is everything about the samples of some runs. Values and orders are by the run's position.
type sampleSet struct {
	rows   []sampleRow
	tests  map[uint32]string
	values map[uint64]*runValues
	orders map[uint64][]byte // value of the first order field, as JSON
}

// readSamples reads the samples of the runs and the names of their tests at the same time.
func (s *Service) readSamples(q v4Request, runs []runDetail) (*sampleSet, error) {
	set := &sampleSet{tests: map[uint32]string{}, values: map[uint64]*runValues{}, orders: map[uint64][]byte{}}
	if len(runs) == 0 {
		return set, nil
	}
	seqs := make([]uint64, 0, len(runs))
	for _, r := range runs {
		seqs = append(seqs, r.seq)
		set.values[r.seq] = &runValues{rows: r.sampleRows, columns: make([]column, len(q.schema.Metrics))}
		set.orders[r.seq] = firstValue(r.run.OrderValues)
	}
	both, ctx := errgroup.WithContext(q.ctx)
	both.Go(func() error {
		return s.read.RunParts(ctx, q.key, seqs, func(seq uint64, run *store.LedgerRun) error {
			set.add(seq, run, q.schema)
			return nil
		})
	})
	both.Go(func() error {
		return s.read.RunTests(ctx, q.key, seqs, func(t testRow) error {
			set.tests[t.ID] = t.Name
			return nil
		})
	})
	return set, both.Wait()
}

// add takes in one run; metrics that the schema does not have are left out.
func (set *sampleSet) add(seq uint64, run *store.LedgerRun, schema suite.Schema) {
	for row, test := range run.RowTestID {
		set.rows = append(set.rows, sampleRow{
			seq: seq, row: uint32(row), runID: run.RunID, sampleID: run.FirstSampleID + uint64(row), testID: test,
		})
	}
	place := make(map[string]int, len(schema.Metrics))
	for i, m := range schema.Metrics {
		place[m.Name] = i + 1
	}
	values := set.values[seq]
	for i, row := range run.SampleRow {
		if col := values.put(place[run.SampleMetric[i]], row, true); col != nil {
			col.reals[row] = run.SampleValue[i]
		}
	}
	for i, row := range run.TextRow {
		if col := values.put(place[run.TextMetric[i]], row, false); col != nil {
			col.texts[row] = run.TextValue[i]
		}
	}
}

// firstValue is the first element of a JSON list of strings, as JSON.
func firstValue(values string) []byte {
	o := newObject()
	if err := o.values([]string{""}, values); err != nil || len(o.members) == 0 {
		return []byte("null")
	}
	return o.members[0].value
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

// put makes room on the first value of a metric, which is given by its place from 1; 0 is none.
func (v *runValues) put(metric int, row uint32, number bool) *column {
	if metric == 0 || row >= v.rows {
		return nil
	}
	col := &v.columns[metric-1]
	if col.has == nil {
		col.has = make([]bool, v.rows)
	}
	switch {
	case number && col.reals == nil:
		col.reals = make([]float64, v.rows)
	case !number && col.texts == nil:
		col.texts = make([]string, v.rows)
	}
	col.has[row] = true
	return col
}

// at is the column of a metric if the row has a value there.
func (v *runValues) at(metric int, row uint32) *column {
	if metric < 0 || row >= v.rows {
		return nil
	}
	if col := &v.columns[metric]; col.has != nil && col.has[row] {
		return col
	}
	return nil
}

// sampleShape writes samples: some fixed keys and the metrics, sorted together once.
type sampleShape struct {
	keys  []sampleKey
	nulls bool
}

// sampleKey is a key of a sample: a metric by its place in the schema, or something else, metric being -1.
type sampleKey struct {
	name   string
	quoted []byte // with the colon
	metric int
	status bool
}

func newSampleShape(schema suite.Schema, fixed []string, nulls bool) sampleShape {
	shape := sampleShape{nulls: nulls}
	for _, name := range fixed {
		shape.keys = append(shape.keys, sampleKey{name: name, metric: -1})
	}
	for i, m := range schema.Metrics {
		if !slices.Contains(fixed, m.Name) {
			shape.keys = append(shape.keys, sampleKey{name: m.Name, metric: i, status: m.Type == suite.Status})
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

func (s sampleShape) append(b []byte, set *sampleSet, r sampleRow) []byte {
	values := set.values[r.seq]
	b = append(b, '{')
	begun := false
	for i := range s.keys {
		k := &s.keys[i]
		col := values.at(k.metric, r.row)
		if k.metric >= 0 && col == nil && !s.nulls {
			continue
		}
		if begun {
			b = append(b, ',')
		}
		begun = true
		b = append(b, k.quoted...)
		switch {
		case k.metric < 0:
			b = set.appendFixed(b, k.name, r)
		case col == nil:
			b = append(b, "null"...)
		default:
			b = col.appendValue(b, r.row, k.status)
		}
	}
	return append(b, '}')
}

// appendFixed writes what a sample has besides metrics; whatever is not one of its own is the order.
func (set *sampleSet) appendFixed(b []byte, name string, r sampleRow) []byte {
	switch name {
	case "id":
		return strconv.AppendUint(b, r.sampleID, 10)
	case "test_id":
		return strconv.AppendUint(b, uint64(r.testID), 10)
	case "run_id":
		return strconv.AppendUint(b, uint64(r.runID), 10)
	case "name":
		return appendString(b, set.tests[r.testID])
	default:
		return append(b, set.orders[r.seq]...)
	}
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
