package detect

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tidemark/pkg/store"
	"tidemark/sql"
)

// batchSize is the number of samples inserted at once: some 20 bytes each.
const batchSize = 1 << 18

// Samples are the samples of a CSV in a store, as points that detectors read.
type Samples struct {
	// Names are the series' names; points carry their index.
	Names []string
	// Count is the number of samples.
	Count uint64
	store *store.Store
}

// The tables of one CSV. Points are made once: a detector may be asked about them again.
const (
	createSamples = `CREATE TABLE csv_samples (series UInt32, order Int64, value Float64)
ENGINE = MergeTree ORDER BY (series, order)`
	createPoints = `CREATE TABLE csv_points (series UInt32, place UInt32, order Int64, values Array(Float64))
ENGINE = MergeTree ORDER BY (series, place)`
	fillPoints = `INSERT INTO csv_points
SELECT
    series,
    toUInt32(row_number() OVER (PARTITION BY series ORDER BY order ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - 1),
    order,
    values
FROM
(
    SELECT series, order, arraySort(groupArray(value)) AS values
    FROM csv_samples
    GROUP BY series, order
    SETTINGS optimize_aggregation_in_order = 1
)`
	readPoints = `
    SELECT
        toUInt64(series) AS series,
        place,
        (values[intDiv(length(values) + 1, 2)] + values[intDiv(length(values), 2) + 1]) / 2 AS level,
        values,
        0::UInt8 AS bigger
    FROM csv_points
`
)

// Load reads a CSV whole into a store whose database is the caller's own. When a line
// is wrong nothing can be judged and the error says which, a [CSVError].
func Load(ctx context.Context, s *store.Store, r io.Reader) (*Samples, error) {
	c, err := NewCSV(r)
	if err != nil {
		return nil, err
	}
	if err := s.Exec(ctx, createSamples, nil); err != nil {
		return nil, err
	}
	l := &Samples{store: s}
	if err := l.insert(ctx, c); err != nil {
		return nil, err
	}
	l.Names = c.Names()
	for _, statement := range []string{createPoints, fillPoints, "DROP TABLE csv_samples SYNC"} {
		if err := s.Exec(ctx, statement, nil); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *Samples) insert(ctx context.Context, c *CSV) error {
	var series []uint32
	var orders []int64
	var values []float64
	flush := func() error {
		if len(series) == 0 {
			return nil
		}
		l.Count += uint64(len(series))
		err := l.store.InsertColumns(ctx, "csv_samples",
			store.Column{Name: "series", Values: series}, store.Column{Name: "order", Values: orders}, store.Column{Name: "value", Values: values})
		series, orders, values = series[:0], orders[:0], values[:0]
		return err
	}
	for {
		sample, err := c.Next()
		if errors.Is(err, io.EOF) {
			return flush()
		}
		if err != nil {
			return err
		}
		series, orders, values = append(series, sample.Series), append(orders, sample.Order), append(values, sample.Value)
		if len(series) == batchSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
}

// Source is the points for [Run].
func (l *Samples) Source() Source { return Source{SQL: readPoints} }

// Placed is what is said of one place, with its order.
type Placed struct {
	Row
	Order int64
}

// Judge runs a detector over the samples, by series in the order of the CSV and by place.
func (l *Samples) Judge(ctx context.Context, d Detector, explain bool, row func(Placed) error) error {
	batch := make([]Row, 0, 1<<14)
	flush := func() error {
		defer func() { batch = batch[:0] }()
		return l.placed(ctx, batch, row)
	}
	err := Run(ctx, l.store, d, l.Source(), explain, func(r Row) error {
		if batch = append(batch, r); len(batch) == cap(batch) {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// placed looks up the orders of rows that come by series and place.
func (l *Samples) placed(ctx context.Context, rows []Row, row func(Placed) error) error {
	if len(rows) == 0 {
		return nil
	}
	type position struct{ series, place uint32 }
	orders := make(map[position]int64, len(rows))
	series, places := make([]uint32, len(rows)), make([]uint32, len(rows))
	for i, r := range rows {
		series[i], places[i] = uint32(r.Series), r.Place //nolint:gosec // it was a UInt32 before
	}
	err := l.store.Each(ctx, sql.File{Name: "csv_orders", Text: `
SELECT series, place, order
FROM csv_points
WHERE (series, place) IN (SELECT arrayJoin(arrayZip({at_series:Array(UInt32)}, {at_places:Array(UInt32)})))`},
		store.Params{"at_series": series, "at_places": places}, func(scan func(...any) error) error {
			var at position
			var order int64
			if err := scan(&at.series, &at.place, &order); err != nil {
				return err
			}
			orders[at] = order
			return nil
		})
	if err != nil {
		return err
	}
	for i, r := range rows {
		order, ok := orders[position{series[i], places[i]}]
		if !ok {
			return fmt.Errorf("series %d has no place %d", r.Series, r.Place)
		}
		if err := row(Placed{Row: r, Order: order}); err != nil {
			return err
		}
	}
	return nil
}
