package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/samber/lo"
	"golang.org/x/sync/errgroup"
)

// LedgerRow is one event with what was decided about it: a row of the ledger.
// Zero instants are stored as 1970-01-01.
type LedgerRow struct {
	Database, Suite string
	Seq             uint64 // position of the event in its suite, from 1

	EventID      uuid.UUID
	EventType    string
	EventVersion uint16
	Topic        string
	Partition    uint32
	Offset       uint64
	ReceivedAt   time.Time // whole milliseconds
	StoredAt     time.Time // whole milliseconds
	Actor        string
	RequestID    string
	ContentType  string
	Params       map[string]string
	Body         []byte // as it came; not copied before the insert
	BodyDigest   uint64

	Status         string
	Code           uint16
	Error          string
	Message        string
	Field          string
	DuplicateOf    uuid.UUID
	AddedMachines  int32
	AddedRuns      int32
	AddedTests     int32
	AddedSamples   int32
	SuiteSchema    string // JSON; empty when the event did not change it
	Machines       []LedgerMachine
	Orders         []LedgerOrder
	Tests          []LedgerTest
	DeletedRuns    []uint32 // run ids
	SupersededLoad []uint32 // load ids
	Findings       []string // JSON objects
	Regressions    []string // JSON objects
	Records        []string // JSON objects

	LedgerRun
}

// LedgerRun is the run an event brought; all zero when it brought none.
// Columns of one group (Row, Sample, Text) have equal lengths.
type LedgerRun struct {
	RunID         uint32
	LoadID        uint32
	MachineID     uint32
	OrderID       uint32
	StartAt       time.Time // microseconds
	EndAt         time.Time // microseconds
	RunFields     string    // JSON object of strings
	RunParams     string    // JSON object
	FirstSampleID uint64
	RowTestID     []uint32 // test of each sample row

	SampleRow    []uint32
	SampleTestID []uint32
	SampleMetric []string
	SampleValue  []float64
	SampleFailed []uint8

	TextRow    []uint32
	TextTestID []uint32
	TextMetric []string
	TextValue  []string

	// ProfileRow are the sample rows with a profile, ProfileTestID their tests, ProfileCounters what it says at the top.
	ProfileRow      []uint32
	ProfileTestID   []uint32
	ProfileCounters []string
}

// LedgerMachine is a machine as the event left it.
type LedgerMachine struct {
	ID      uint32
	Name    string
	Fields  string // JSON object of strings
	Params  string // JSON object
	Deleted bool
	// MergedInto is the machine whose runs its runs are now; 0 for none.
	MergedInto uint32
}

// LedgerOrder is an order as the event left it.
type LedgerOrder struct {
	ID      uint32
	Name    string
	Values  []string
	SortKey string // may hold any bytes
}

// LedgerTest is a test the event brought.
type LedgerTest struct {
	ID   uint32
	Name string
}

// ErrMixedLedger says that rows of several partitions, or rows out of the
// log's order, were given as one batch.
var ErrMixedLedger = errors.New("rows of one insert must be of one partition, in the order of the log")

// InsertLedger stores rows of one partition as one block. When it returns nil
// the rows and everything the views make of them are readable. After an error
// the rows may be stored, in part or in whole: repeating the same rows, however
// often, leaves them stored once. Errors are sorted by [Classify].
//
// The repeat is recognised by a token made of the position and the content. It
// has to cover the content: the server drops a block with a known token without
// looking at what is in it.
func (s *Store) InsertLedger(ctx context.Context, rows []LedgerRow) error {
	if len(rows) == 0 {
		return nil
	}
	if err := checkLedger(rows); err != nil {
		return err
	}
	if s.writes == nil {
		return errReadOnly
	}
	ctx, cancel := bounded(ctx, s.cfg.WriteTimeout)
	defer cancel()
	first, last := rows[0].Offset, rows[len(rows)-1].Offset
	err := insertChanges(ctx, s.writes, rows)
	if err == nil {
		err = insertLedger(ctx, s.writes, rows)
	}
	if err != nil {
		return fmt.Errorf("insert events [%d,%d] of %s/%d: %w", first, last, rows[0].Topic, rows[0].Partition, err)
	}
	return nil
}

// ReinsertLedger stores the rows of a partition with offsets in [from, next)
// again, exactly as they are: whatever a view had not made of them before is
// made now. Positions are those of the log.
func (s *Store) ReinsertLedger(ctx context.Context, topic string, partition uint32, from, next uint64) error {
	const stretch = "topic = {topic:String} AND partition = {partition:UInt32} AND offset >= {from:UInt64} AND offset < {next:UInt64}"
	for _, statement := range CopyLedger("", "", stretch) {
		err := s.Exec(ctx, statement, Params{"topic": topic, "partition": partition, "from": from, "next": next})
		if err != nil {
			return fmt.Errorf("insert events [%d,%d) of %s/%d again: %w", from, next, topic, partition, err)
		}
	}
	return nil
}

func checkLedger(rows []LedgerRow) error {
	for i := 1; i < len(rows); i++ {
		before, row := &rows[i-1], &rows[i]
		if row.Topic != before.Topic || row.Partition != before.Partition || row.Offset <= before.Offset {
			return fmt.Errorf("%w: %s/%d@%d after %s/%d@%d", ErrMixedLedger,
				row.Topic, row.Partition, row.Offset, before.Topic, before.Partition, before.Offset)
		}
	}
	for i := range rows {
		r := &rows[i].LedgerRun
		samples, texts, profiles := len(r.SampleRow), len(r.TextRow), len(r.ProfileRow)
		if len(r.SampleTestID) != samples || len(r.SampleMetric) != samples || len(r.SampleValue) != samples ||
			len(r.SampleFailed) != samples || len(r.TextTestID) != texts || len(r.TextMetric) != texts || len(r.TextValue) != texts ||
			len(r.ProfileTestID) != profiles || len(r.ProfileCounters) != profiles {
			return fmt.Errorf("columns of the samples of event %s differ in length", rows[i].EventID)
		}
	}
	return nil
}

// insertLedger names the columns and their types itself: over HTTP the driver
// would otherwise ask the server for them before every insert. A table that
// differs answers with an error of class Schema.
func insertLedger(ctx context.Context, conn driver.Conn, rows []LedgerRow) error {
	ctx = clickhouse.Context(ctx,
		clickhouse.WithSettings(ledgerSettings(rows)),
		clickhouse.WithColumnNamesAndTypes(ledgerTypes))
	return send(ctx, conn, insertLedgerText, ledgerColumns, rows)
}

// send inserts the rows' columns as one block.
func send(ctx context.Context, conn driver.Conn, statement string, columns []ledgerColumn, rows []LedgerRow) error {
	batch, err := conn.PrepareBatch(ctx, statement)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer batch.Close() //nolint:errcheck // after Send there is nothing left to close; before it the first error tells more
	// A report's values are many, and whoever waits for it waits for this, too: two columns at a time.
	var filling errgroup.Group
	filling.SetLimit(2)
	for i, column := range columns {
		filling.Go(func() error {
			if err := column.put(batch.Column(i), rows); err != nil {
				return fmt.Errorf("column %s: %w", column.name, err)
			}
			return nil
		})
	}
	if err := filling.Wait(); err != nil {
		return err
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// ledgerSettings states everything the promise of InsertLedger rests on:
// defaults differ between versions and builds of the server.
func ledgerSettings(rows []LedgerRow) clickhouse.Settings {
	nice := lo.Ternary(len(rows) == 1, 0, 3)
	return clickhouse.Settings{
		"async_insert":               0,
		"insert_deduplicate":         1,
		"insert_deduplication_token": ledgerToken(rows),
		"deduplicate_blocks_in_dependent_materialized_views": 1,
		"materialized_views_ignore_errors":                   0,
		// Rows of one key in one insert are rare, and readers use FINAL: looking for them costs a seventh of the insert.
		"optimize_on_insert": 0,
		// The views read the same block and write tables of their own: side by side they take a fifth less of what a lone submission
		// waits for. Under load both cores have other work, and it would only cost memory.
		"parallel_view_processing": lo.Ternary(len(rows) == 1, 1, 0),
		// Under load the log takes what comes and the store follows: those who wait for the log go first. A lone submission is waited for.
		"os_threads_nice_value_query":             nice,
		"os_threads_nice_value_materialized_view": nice,
	}
}

// ledgerColumn is one column of the table and how rows give its values.
type ledgerColumn struct {
	name, kind string
	put        func(driver.BatchColumn, []LedgerRow) error
}

// whole appends a column in one call, for values that are small.
func whole[T any](name, kind string, get func(*LedgerRow) T) ledgerColumn {
	return ledgerColumn{name: name, kind: kind, put: func(col driver.BatchColumn, rows []LedgerRow) error {
		values := make([]T, len(rows))
		for i := range rows {
			values[i] = get(&rows[i])
		}
		return col.Append(values)
	}}
}

// cells appends value by value, for bytes, maps and arrays: a whole column of
// those the driver copies or takes apart by reflection.
func cells[T any](name, kind string, get func(*LedgerRow) T) ledgerColumn {
	return ledgerColumn{name: name, kind: kind, put: func(col driver.BatchColumn, rows []LedgerRow) error {
		for i := range rows {
			if err := col.AppendRow(get(&rows[i])); err != nil {
				return err
			}
		}
		return nil
	}}
}

// each makes an array column of one part of every item.
func each[T, P any](items func(*LedgerRow) []T, part func(T) P) func(*LedgerRow) []P {
	return func(r *LedgerRow) []P {
		return lo.Map(items(r), func(item T, _ int) P { return part(item) })
	}
}

func machinesOf(r *LedgerRow) []LedgerMachine { return r.Machines }
func ordersOf(r *LedgerRow) []LedgerOrder     { return r.Orders }
func testsOf(r *LedgerRow) []LedgerTest       { return r.Tests }

func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t
}

// ledgerColumns are the columns in the order of the migration.
var ledgerColumns = []ledgerColumn{
	whole("database", "LowCardinality(String)", func(r *LedgerRow) string { return r.Database }),
	whole("suite", "LowCardinality(String)", func(r *LedgerRow) string { return r.Suite }),
	whole("seq", "UInt64", func(r *LedgerRow) uint64 { return r.Seq }),
	whole("event_id", "UUID", func(r *LedgerRow) uuid.UUID { return r.EventID }),
	whole("event_type", "LowCardinality(String)", func(r *LedgerRow) string { return r.EventType }),
	whole("event_version", "UInt16", func(r *LedgerRow) uint16 { return r.EventVersion }),
	whole("topic", "LowCardinality(String)", func(r *LedgerRow) string { return r.Topic }),
	whole("partition", "UInt32", func(r *LedgerRow) uint32 { return r.Partition }),
	whole("offset", "UInt64", func(r *LedgerRow) uint64 { return r.Offset }),
	whole("received_at", "DateTime64(3, 'UTC')", func(r *LedgerRow) time.Time { return instant(r.ReceivedAt) }),
	whole("stored_at", "DateTime64(3, 'UTC')", func(r *LedgerRow) time.Time { return instant(r.StoredAt) }),
	whole("actor", "String", func(r *LedgerRow) string { return r.Actor }),
	whole("request_id", "String", func(r *LedgerRow) string { return r.RequestID }),
	whole("content_type", "LowCardinality(String)", func(r *LedgerRow) string { return r.ContentType }),
	cells("params", "Map(String, String)", func(r *LedgerRow) sortedMap { return sortedMap(r.Params) }),
	cells("body", "String", func(r *LedgerRow) []byte { return r.Body }),
	whole("body_digest", "UInt64", func(r *LedgerRow) uint64 { return r.BodyDigest }),

	whole("status", "LowCardinality(String)", func(r *LedgerRow) string { return r.Status }),
	whole("code", "UInt16", func(r *LedgerRow) uint16 { return r.Code }),
	whole("error", "String", func(r *LedgerRow) string { return r.Error }),
	whole("message", "String", func(r *LedgerRow) string { return r.Message }),
	whole("field", "String", func(r *LedgerRow) string { return r.Field }),
	whole("duplicate_of", "UUID", func(r *LedgerRow) uuid.UUID { return r.DuplicateOf }),
	whole("added_machines", "Int32", func(r *LedgerRow) int32 { return r.AddedMachines }),
	whole("added_runs", "Int32", func(r *LedgerRow) int32 { return r.AddedRuns }),
	whole("added_tests", "Int32", func(r *LedgerRow) int32 { return r.AddedTests }),
	whole("added_samples", "Int32", func(r *LedgerRow) int32 { return r.AddedSamples }),

	whole("suite_schema", "String", func(r *LedgerRow) string { return r.SuiteSchema }),
	cells("machine_row_id", "Array(UInt32)", each(machinesOf, func(m LedgerMachine) uint32 { return m.ID })),
	cells("machine_row_name", "Array(String)", each(machinesOf, func(m LedgerMachine) string { return m.Name })),
	cells("machine_row_fields", "Array(String)", each(machinesOf, func(m LedgerMachine) string { return m.Fields })),
	cells("machine_row_params", "Array(String)", each(machinesOf, func(m LedgerMachine) string { return m.Params })),
	cells("machine_row_deleted", "Array(UInt8)", each(machinesOf, func(m LedgerMachine) uint8 { return lo.Ternary[uint8](m.Deleted, 1, 0) })),
	cells("machine_row_merged_into", "Array(UInt32)", each(machinesOf, func(m LedgerMachine) uint32 { return m.MergedInto })),
	cells("order_row_id", "Array(UInt32)", each(ordersOf, func(o LedgerOrder) uint32 { return o.ID })),
	cells("order_row_name", "Array(String)", each(ordersOf, func(o LedgerOrder) string { return o.Name })),
	cells("order_row_values", "Array(Array(String))", each(ordersOf, func(o LedgerOrder) []string { return o.Values })),
	cells("order_row_sort_key", "Array(String)", each(ordersOf, func(o LedgerOrder) string { return o.SortKey })),
	cells("test_row_id", "Array(UInt32)", each(testsOf, func(t LedgerTest) uint32 { return t.ID })),
	cells("test_row_name", "Array(String)", each(testsOf, func(t LedgerTest) string { return t.Name })),
	cells("deleted_run_id", "Array(UInt32)", func(r *LedgerRow) []uint32 { return r.DeletedRuns }),
	cells("superseded_load_id", "Array(UInt32)", func(r *LedgerRow) []uint32 { return r.SupersededLoad }),
	cells("finding_rows", "Array(String)", func(r *LedgerRow) []string { return r.Findings }),
	cells("regression_rows", "Array(String)", func(r *LedgerRow) []string { return r.Regressions }),
	cells("record_rows", "Array(String)", func(r *LedgerRow) []string { return r.Records }),

	whole("run_id", "UInt32", func(r *LedgerRow) uint32 { return r.RunID }),
	whole("load_id", "UInt32", func(r *LedgerRow) uint32 { return r.LoadID }),
	whole("machine_id", "UInt32", func(r *LedgerRow) uint32 { return r.MachineID }),
	whole("order_id", "UInt32", func(r *LedgerRow) uint32 { return r.OrderID }),
	whole("start_at", "DateTime64(6, 'UTC')", func(r *LedgerRow) time.Time { return instant(r.StartAt) }),
	whole("end_at", "DateTime64(6, 'UTC')", func(r *LedgerRow) time.Time { return instant(r.EndAt) }),
	whole("run_fields", "String", func(r *LedgerRow) string { return r.RunFields }),
	whole("run_params", "String", func(r *LedgerRow) string { return r.RunParams }),
	whole("first_sample_id", "UInt64", func(r *LedgerRow) uint64 { return r.FirstSampleID }),
	cells("row_test_id", "Array(UInt32)", func(r *LedgerRow) []uint32 { return r.RowTestID }),
	cells("sample_row", "Array(UInt32)", func(r *LedgerRow) []uint32 { return r.SampleRow }),
	cells("sample_test_id", "Array(UInt32)", func(r *LedgerRow) []uint32 { return r.SampleTestID }),
	cells("sample_metric", "Array(LowCardinality(String))", func(r *LedgerRow) []string { return r.SampleMetric }),
	cells("sample_value", "Array(Float64)", func(r *LedgerRow) []float64 { return r.SampleValue }),
	cells("sample_failed", "Array(UInt8)", func(r *LedgerRow) []uint8 { return r.SampleFailed }),
	cells("text_row", "Array(UInt32)", func(r *LedgerRow) []uint32 { return r.TextRow }),
	cells("text_test_id", "Array(UInt32)", func(r *LedgerRow) []uint32 { return r.TextTestID }),
	cells("text_metric", "Array(LowCardinality(String))", func(r *LedgerRow) []string { return r.TextMetric }),
	cells("text_value", "Array(String)", func(r *LedgerRow) []string { return r.TextValue }),
	cells("profile_row", "Array(UInt32)", func(r *LedgerRow) []uint32 { return r.ProfileRow }),
	cells("profile_test_id", "Array(UInt32)", func(r *LedgerRow) []uint32 { return r.ProfileTestID }),
	cells("profile_counters", "Array(String)", func(r *LedgerRow) []string { return r.ProfileCounters }),
}

var (
	ledgerTypes      = typesOf(ledgerColumns)
	insertLedgerText = "INSERT INTO ledger (" + namesOf(ledgerColumns) + ")"
)

func typesOf(columns []ledgerColumn) []clickhouse.ColumnNameAndType {
	return lo.Map(columns, func(c ledgerColumn, _ int) clickhouse.ColumnNameAndType {
		return clickhouse.ColumnNameAndType{Name: c.name, Type: c.kind}
	})
}

func namesOf(columns []ledgerColumn) string {
	return strings.Join(lo.Map(columns, func(c ledgerColumn, _ int) string { return c.name }), ", ")
}
