package clickhousetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"tidemark/pkg/testkit/await"
)

// ServerVariable names the environment variable with the DSN of a real server.
const ServerVariable = "TIDEMARK_TEST_CLICKHOUSE"

// Dialer connects to an engine; nil means the address is dialled over TCP.
type Dialer func(ctx context.Context, network, addr string) (net.Conn, error)

var databases atomic.Int64

// Open connects with clickhouse-go to a database made for this test and dropped after it.
func Open(t testing.TB, dial Dialer) driver.Conn {
	t.Helper()
	options := Options(t, dial)
	name := fmt.Sprintf("t%d_%d", time.Now().UnixNano(), databases.Add(1))
	admin := connect(t, options)
	if err := admin.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("create the test's database: %v", err)
	}
	t.Cleanup(func() {
		if err := admin.Exec(context.Background(), "DROP DATABASE "+name+" SYNC"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	options.Auth.Database = name
	return connect(t, options)
}

// Options are clickhouse-go's for the engine, or for the server in TIDEMARK_TEST_CLICKHOUSE.
func Options(t testing.TB, dial Dialer) *clickhouse.Options {
	t.Helper()
	if dsn := os.Getenv(ServerVariable); dsn != "" {
		options, err := clickhouse.ParseDSN(dsn)
		if err != nil {
			t.Fatalf("%s: %v", ServerVariable, err)
		}
		options.Protocol = clickhouse.HTTP
		return options
	}
	options := &clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{"embedded:8123"}, MaxOpenConns: 20, MaxIdleConns: 20}
	if dial != nil {
		options.DialContext = func(ctx context.Context, addr string) (net.Conn, error) { return dial(ctx, "tcp", addr) }
	}
	return options
}

func connect(t testing.TB, options *clickhouse.Options) driver.Conn {
	t.Helper()
	copied := *options
	conn, err := clickhouse.Open(&copied)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Run holds what open returns to the suite. open gives a connection with an empty database.
func Run(t *testing.T, open func(t *testing.T) driver.Conn) {
	for name, test := range map[string]func(*testing.T, driver.Conn){
		"Types_RoundTrip_KeepValues":                     types,
		"Parameters_AwkwardStrings_ArriveAsSent":         parameters,
		"Identifiers_AsParameters_NameTables":            identifierParameters,
		"Batch_MillionRows_ArrivesWhole":                 millionRows,
		"Batch_EmptyStringsAndArrays_Arrive":             emptyValues,
		"Errors_UnknownTable_CarryCode60":                errorCodes,
		"Errors_MidStream_SurfaceAfterRows":              midStreamError,
		"Cancel_RunningQuery_StopsInTheEngine":           cancelStops,
		"Settings_PerQuery_DoNotStay":                    settings,
		"Settings_Unknown_Refused":                       unknownSetting,
		"Clients_Sixteen_SeeTheirOwnAnswers":             manyClients,
		"Views_Materialized_FilledByOneInsert":           materializedView,
		"Rows_NoResult_GiveNoRows":                       noRows,
		"MultiStatement_Refused":                         multiStatement,
		"InsertSelect_Counts":                            insertSelect,
		"Scan_Struct_FillsFields":                        scanStruct,
		"Batch_BadColumn_LeavesTheConnectionUsable":      badInsert,
		"Result_LargeStream_ReadsToTheEnd":               largeStream,
		"Deadline_SlowQuery_ReturnsInTime":               deadline,
		"Batch_RefusedByConstraint_StoresNothingOfBlock": constraint,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %#v, want %#v", what, got, want)
	}
}

func types(t *testing.T, conn driver.Conn) {
	ctx := t.Context()
	must(t, conn.Exec(ctx, `CREATE TABLE types (
		u8 UInt8, i64 Int64, u64 UInt64, f64 Float64, b Bool, s String, fs FixedString(4),
		lc LowCardinality(String), n Nullable(Float64), nn Nullable(String), at DateTime64(3, 'UTC'), d Date,
		id UUID, a Array(Float64), aa Array(Array(String)), m Map(String, String),
		ml Map(LowCardinality(String), UInt64), tu Tuple(name String, value Int32), e Enum8('x' = 1, 'y' = 2),
		lcn LowCardinality(Nullable(String)), an Array(Nullable(Int32)), dec Decimal(18, 4), ip IPv4
	) ENGINE = MergeTree ORDER BY u8`))
	at := time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC)
	id := uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")
	value, text, i32 := 2.5, "text", int32(-7)
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO types")
	must(t, err)
	must(t, batch.Append(uint8(255), int64(math.MinInt64), uint64(math.MaxUint64), math.Inf(1), true, "a\x00b\xff", "abcd",
		"low", &value, (*string)(nil), at, at, id, []float64{1, -2.5}, [][]string{{"a"}, {}, {"b", "c"}}, map[string]string{"k": "v'\\"},
		map[string]uint64{"z": 9}, []any{"n", int32(5)}, "y", &text, []*int32{&i32, nil}, "12.3456", net.IPv4(10, 0, 0, 1)))
	must(t, batch.Send())

	var (
		u8   uint8
		i64  int64
		u64  uint64
		f64  float64
		b    bool
		s    string
		fs   string
		lc   string
		n    *float64
		nn   *string
		gotA time.Time
		d    time.Time
		gid  uuid.UUID
		a    []float64
		aa   [][]string
		m    map[string]string
		ml   map[string]uint64
		tu   map[string]any
		e    string
		lcn  *string
		an   []*int32
	)
	must(t, conn.QueryRow(ctx, "SELECT u8,i64,u64,f64,b,s,fs,lc,n,nn,at,d,id,a,aa,m,ml,tu,e,lcn,an FROM types").
		Scan(&u8, &i64, &u64, &f64, &b, &s, &fs, &lc, &n, &nn, &gotA, &d, &gid, &a, &aa, &m, &ml, &tu, &e, &lcn, &an))
	equal(t, "UInt8", u8, uint8(255))
	equal(t, "Int64", i64, int64(math.MinInt64))
	equal(t, "UInt64", u64, uint64(math.MaxUint64))
	equal(t, "Float64", f64, math.Inf(1))
	equal(t, "Bool", b, true)
	equal(t, "String", s, "a\x00b\xff")
	equal(t, "FixedString", fs, "abcd")
	equal(t, "LowCardinality", lc, "low")
	equal(t, "Nullable value", *n, 2.5)
	equal(t, "Nullable null", nn, (*string)(nil))
	equal(t, "DateTime64", gotA.Equal(at), true)
	equal(t, "Date", d.Format(time.DateOnly), "2026-02-03")
	equal(t, "UUID", gid, id)
	equal(t, "Array", a, []float64{1, -2.5})
	equal(t, "Array(Array)", aa, [][]string{{"a"}, {}, {"b", "c"}})
	equal(t, "Map", m, map[string]string{"k": "v'\\"})
	equal(t, "Map of LowCardinality", ml, map[string]uint64{"z": 9})
	equal(t, "Tuple", tu, map[string]any{"name": "n", "value": int32(5)})
	equal(t, "Enum8", e, "y")
	equal(t, "LowCardinality(Nullable)", *lcn, "text")
	equal(t, "Array(Nullable)", []any{*an[0], an[1]}, []any{int32(-7), (*int32)(nil)})
}

// awkward strings, each with a way to break an encoder.
var awkward = []string{
	"", " ", "plain", `back\slash`, `\\`, `\N`, "tab\there", "line\nbreak", "return\r\n", "quote'single", `quote"double`, "back`tick",
	"{x:String}", "100%", "a&b=c?d#e+f", "naïve 💥 日本", "a\x00b", "\x00", "'; DROP TABLE t; --", "NULL", "/* */ -- #", "\u2028", strings.Repeat("x", 100_000),
}

func parameters(t *testing.T, conn driver.Conn) {
	for _, want := range awkward {
		var got, literal string
		err := conn.QueryRow(t.Context(), "SELECT {v:String}, {l:Array(String)}[1]",
			clickhouse.Named("v", want), clickhouse.Named("l", []string{want})).Scan(&got, &literal)
		if err != nil {
			t.Errorf("%.40q: %v", want, err)
			continue
		}
		if got != want {
			t.Errorf("String: got %.40q, want %.40q", got, want)
		}
		if literal != want && !strings.ContainsAny(want, "\x00") {
			t.Errorf("Array(String): got %.40q, want %.40q", literal, want)
		}
	}
	var n uint64
	var at time.Time
	var list []uint32
	when := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	must(t, conn.QueryRow(t.Context(), "SELECT {n:UInt64}, {at:DateTime64(3, 'UTC')}, {list:Array(UInt32)}",
		clickhouse.Named("n", uint64(math.MaxUint64)), clickhouse.Named("at", when), clickhouse.Named("list", []uint32{1, 2})).Scan(&n, &at, &list))
	equal(t, "UInt64", n, uint64(math.MaxUint64))
	equal(t, "DateTime64", at.Equal(when), true)
	equal(t, "Array(UInt32)", list, []uint32{1, 2})
}

func identifierParameters(t *testing.T, conn driver.Conn) {
	must(t, conn.Exec(t.Context(), "CREATE TABLE named (a UInt8) ENGINE = Memory"))
	var count uint64
	ctx := clickhouse.Context(t.Context(), clickhouse.WithParameters(clickhouse.Parameters{"table": "named"}))
	must(t, conn.QueryRow(ctx, "SELECT count() FROM {table:Identifier}").Scan(&count))
	equal(t, "count", count, uint64(0))
}

func millionRows(t *testing.T, conn driver.Conn) {
	const rows = 1_000_000
	ctx := t.Context()
	must(t, conn.Exec(ctx, "CREATE TABLE big (id UInt64, name LowCardinality(String), value Float64) ENGINE = MergeTree ORDER BY id"))
	ids, names, values := make([]uint64, rows), make([]string, rows), make([]float64, rows)
	for i := range ids {
		ids[i], names[i], values[i] = uint64(i), [...]string{"a", "b", "c"}[i%3], float64(i)/4
	}
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO big")
	must(t, err)
	must(t, batch.Column(0).Append(ids))
	must(t, batch.Column(1).Append(names))
	must(t, batch.Column(2).Append(values))
	started := time.Now()
	must(t, batch.Send())
	t.Logf("columnar insert: %.0f rows/s", rows/time.Since(started).Seconds())
	var count, sum uint64
	var total float64
	must(t, conn.QueryRow(ctx, "SELECT count(), sum(id), sum(value) FROM big WHERE name IN ('a','b','c')").Scan(&count, &sum, &total))
	equal(t, "count", count, uint64(rows))
	equal(t, "sum", sum, uint64(rows)*(rows-1)/2)
	equal(t, "values", total, float64(rows)*(rows-1)/8)
}

func emptyValues(t *testing.T, conn driver.Conn) {
	ctx := t.Context()
	must(t, conn.Exec(ctx, "CREATE TABLE empties (s String, a Array(String), m Map(String, String)) ENGINE = Memory"))
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO empties (s, a, m)")
	must(t, err)
	must(t, batch.Append("", []string{}, map[string]string{}))
	must(t, batch.Send())
	var s string
	var a []string
	var m map[string]string
	must(t, conn.QueryRow(ctx, "SELECT s, a, m FROM empties").Scan(&s, &a, &m))
	equal(t, "lengths", []int{len(s), len(a), len(m)}, []int{0, 0, 0})
}

func code(err error) int {
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		return int(exception.Code)
	}
	return 0
}

func errorCodes(t *testing.T, conn driver.Conn) {
	for statement, want := range map[string]int{
		"SELECT * FROM nowhere":     60,
		"SELECT nothing":            47,
		"SELEC 1":                   62,
		"SELECT throwIf(1)":         395,
		"SELECT unknownFunction(1)": 46,
		"SELECT toUInt8('x')":       6,
		"CREATE TABLE x (a Nonsense) ENGINE = Memory": 50,
	} {
		err := conn.Exec(t.Context(), statement)
		if code(err) != want {
			t.Errorf("%s: got %v, want code %d", statement, err, want)
		}
	}
}

func midStreamError(t *testing.T, conn driver.Conn) {
	rows, err := conn.Query(t.Context(), "SELECT throwIf(number = 500000), number FROM numbers(1000000) SETTINGS max_block_size = 10000, max_threads = 1")
	count := 0
	if err == nil {
		for rows.Next() {
			count++
		}
		err = rows.Err()
		_ = rows.Close()
	}
	if code(err) != 395 {
		t.Errorf("got %d rows and %v, want code 395", count, err)
	}
	if count == 0 {
		t.Error("no rows before the error: the answer was not streamed")
	}
}

func cancelStops(t *testing.T, conn driver.Conn) {
	ctx, cancel := context.WithCancel(t.Context())
	marker := uuid.NewString()
	failed := make(chan error, 1)
	go func() {
		failed <- conn.Exec(ctx, "SELECT count() FROM system.numbers WHERE toString(number) = '"+marker+"'")
	}()
	running := func() uint64 {
		var n uint64
		must(t, conn.QueryRow(t.Context(), "SELECT count() FROM system.processes WHERE query LIKE {q:String} AND query NOT LIKE '%processes%'",
			clickhouse.Named("q", "%"+marker+"%")).Scan(&n))
		return n
	}
	await.True(t, "the statement runs", func() bool { return running() == 1 })
	cancel()
	if err := <-failed; err == nil {
		t.Error("a cancelled statement returned no error")
	}
	await.True(t, "the statement is gone", func() bool { return running() == 0 })
}

func settings(t *testing.T, conn driver.Conn) {
	read := func(ctx context.Context) (v uint64) {
		must(t, conn.QueryRow(ctx, "SELECT toUInt64(getSetting('max_result_rows'))").Scan(&v))
		return v
	}
	before := read(t.Context())
	set := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_result_rows": 77}))
	equal(t, "set", read(set), uint64(77))
	for range 20 {
		equal(t, "after", read(t.Context()), before)
	}
	err := conn.Exec(set, "SELECT number FROM numbers(100)")
	equal(t, "TOO_MANY_ROWS_OR_BYTES", code(err), 396)
	err = conn.Exec(clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_threads": "many"})), "SELECT 1")
	if code(err) == 0 {
		t.Errorf("a setting that is not a number: got %v, want an exception", err)
	}
}

func unknownSetting(t *testing.T, conn driver.Conn) {
	err := conn.Exec(clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"no_such_setting": 1})), "SELECT 1")
	equal(t, "UNKNOWN_SETTING", code(err), 115)
}

func manyClients(t *testing.T, conn driver.Conn) {
	must(t, conn.Exec(t.Context(), "CREATE TABLE shared (client UInt32, n UInt32) ENGINE = MergeTree ORDER BY client"))
	var group sync.WaitGroup
	for client := range uint32(16) {
		group.Go(func() {
			for n := range uint32(10) {
				batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO shared")
				if err != nil {
					t.Error(err)
					return
				}
				_ = batch.Append(client, n)
				if err := batch.Send(); err != nil {
					t.Error(err)
					return
				}
				var count, seen uint64
				err = conn.QueryRow(t.Context(), "SELECT count(), {c:UInt64} FROM shared WHERE client = {c:UInt64}", clickhouse.Named("c", uint64(client))).Scan(&count, &seen)
				if err != nil || count != uint64(n)+1 || seen != uint64(client) {
					t.Errorf("client %d after %d inserts sees %d of %d: %v", client, n+1, count, seen, err)
				}
			}
		})
	}
	group.Wait()
}

func materializedView(t *testing.T, conn driver.Conn) {
	ctx := t.Context()
	must(t, conn.Exec(ctx, "CREATE TABLE src (id UInt32, vs Array(Float64)) ENGINE = MergeTree ORDER BY id"))
	must(t, conn.Exec(ctx, "CREATE TABLE dst (id UInt32, v Float64) ENGINE = MergeTree ORDER BY id"))
	must(t, conn.Exec(ctx, "CREATE MATERIALIZED VIEW mv TO dst AS SELECT id, v FROM src ARRAY JOIN vs AS v"))
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO src")
	must(t, err)
	must(t, batch.Append(uint32(1), []float64{1, 2, 3}))
	must(t, batch.Append(uint32(2), []float64{4}))
	must(t, batch.Send())
	var count uint64
	var sum float64
	must(t, conn.QueryRow(ctx, "SELECT count(), sum(v) FROM dst").Scan(&count, &sum))
	equal(t, "rows", count, uint64(4))
	equal(t, "sum", sum, 10.0)
}

func noRows(t *testing.T, conn driver.Conn) {
	rows, err := conn.Query(t.Context(), "SELECT number FROM numbers(3) WHERE number > 5")
	must(t, err)
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		t.Error("a row out of nothing")
	}
	must(t, rows.Err())
}

func multiStatement(t *testing.T, conn driver.Conn) {
	equal(t, "SYNTAX_ERROR", code(conn.Exec(t.Context(), "SELECT 1; SELECT 2")), 62)
	must(t, conn.Exec(t.Context(), "SELECT ';' -- one ; statement ;"))
}

func insertSelect(t *testing.T, conn driver.Conn) {
	must(t, conn.Exec(t.Context(), "CREATE TABLE made (n UInt64) ENGINE = MergeTree ORDER BY n"))
	must(t, conn.Exec(t.Context(), "INSERT INTO made SELECT number FROM numbers({n:UInt64})", clickhouse.Named("n", 12345)))
	must(t, conn.Exec(t.Context(), "INSERT INTO made (n) VALUES (1), (2)"))
	var count uint64
	must(t, conn.QueryRow(t.Context(), "SELECT count() FROM made").Scan(&count))
	equal(t, "count", count, uint64(12347))
}

func scanStruct(t *testing.T, conn driver.Conn) {
	var got []struct {
		N uint64 `ch:"n"`
		S string `ch:"s"`
	}
	must(t, conn.Select(t.Context(), &got, "SELECT number AS n, toString(number) AS s FROM numbers(3)"))
	equal(t, "rows", len(got), 3)
	equal(t, "last", got[2].S, "2")
}

func badInsert(t *testing.T, conn driver.Conn) {
	must(t, conn.Exec(t.Context(), "CREATE TABLE strict (n UInt8) ENGINE = MergeTree ORDER BY n"))
	ctx := clickhouse.Context(t.Context(), clickhouse.WithColumnNamesAndTypes([]clickhouse.ColumnNameAndType{{Name: "missing", Type: "UInt8"}}))
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO strict (missing)")
	if err == nil {
		_ = batch.Append(uint8(1))
		err = batch.Send()
	}
	equal(t, "NO_SUCH_COLUMN_IN_TABLE", code(err), 16)
	must(t, conn.Exec(t.Context(), "INSERT INTO strict VALUES (1)"))
}

func largeStream(t *testing.T, conn driver.Conn) {
	rows, err := conn.Query(t.Context(), "SELECT number, toString(number) FROM numbers(500000)")
	must(t, err)
	var n, sum uint64
	var s string
	for rows.Next() {
		must(t, rows.Scan(&n, &s))
		sum += n
	}
	must(t, rows.Err())
	equal(t, "sum", sum, uint64(500000)*499999/2)
}

func deadline(t *testing.T, conn driver.Conn) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	started := time.Now()
	if err := conn.Exec(ctx, "SELECT count() FROM system.numbers WHERE sipHash64(number) = 1"); err == nil {
		t.Error("an endless statement ended")
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("a deadline of 200 ms took %v", took)
	}
}

func constraint(t *testing.T, conn driver.Conn) {
	ctx := t.Context()
	must(t, conn.Exec(ctx, "CREATE TABLE checked (n UInt32, CONSTRAINT small CHECK n < 10) ENGINE = MergeTree ORDER BY n"))
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO checked")
	must(t, err)
	for n := range uint32(11) {
		must(t, batch.Append(n))
	}
	equal(t, "VIOLATED_CONSTRAINT", code(batch.Send()), 469)
	var count uint64
	must(t, conn.QueryRow(ctx, "SELECT count() FROM checked").Scan(&count))
	equal(t, "rows", count, uint64(0))
}
