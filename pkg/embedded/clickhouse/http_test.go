package clickhouse_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"tidemark/pkg/embedded/clickhouse"
	"tidemark/pkg/testkit/await"
)

var databases atomic.Int64

// reply is an HTTP answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // the connection broke
}

func (r reply) code() string { return r.header.Get("X-ClickHouse-Exception-Code") }

// client asks the way curl does.
type client struct {
	t    testing.TB
	http *http.Client
	base string
}

// own is a client with every right; people is a client of the read-only port.
func own(t testing.TB) *client {
	transport := &http.Transport{DialContext: engine.Dial, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, http: &http.Client{Transport: transport}, base: "http://embedded"}
}

func people(t testing.TB, limits clickhouse.Limits) *client {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- engine.ServeReadOnly(ctx, ln, limits) }()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return &client{t: t, http: &http.Client{Transport: transport}, base: "http://" + ln.Addr().String()}
}

func (c *client) do(r *http.Request) reply {
	c.t.Helper()
	response, err := c.http.Do(r)
	if err != nil {
		return reply{err: err, header: http.Header{}}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(body), err}
}

func (c *client) get(pairs ...string) reply {
	c.t.Helper()
	r, _ := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.base+"/?"+values(pairs), nil)
	return c.do(r)
}

func (c *client) post(body string, pairs ...string) reply {
	c.t.Helper()
	r, _ := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.base+"/?"+values(pairs), strings.NewReader(body))
	return c.do(r)
}

// mustPost posts a statement that has to work.
func (c *client) mustPost(body string, pairs ...string) string {
	c.t.Helper()
	got := c.post(body, pairs...)
	if got.status != http.StatusOK || got.err != nil {
		c.t.Fatalf("%s: %d %s %v", body, got.status, got.body, got.err)
	}
	return got.body
}

func values(pairs []string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// database makes one for the test.
func database(t testing.TB, c *client) string {
	t.Helper()
	name := fmt.Sprintf("http%d", databases.Add(1))
	c.mustPost("CREATE DATABASE " + name)
	t.Cleanup(func() {
		r, _ := http.NewRequest(http.MethodPost, c.base, strings.NewReader("DROP DATABASE "+name+" SYNC"))
		if got := c.do(r); got.status != http.StatusOK {
			t.Errorf("drop: %s %v", got.body, got.err)
		}
	})
	return name
}

func TestHTTP_PingAndRoot_AnswerOk(t *testing.T) {
	t.Parallel()
	c := own(t)
	for _, path := range []string{"/ping", "/"} {
		r, _ := http.NewRequest(http.MethodGet, c.base+path, nil)
		if got := c.do(r); got.body != "Ok.\n" || got.status != http.StatusOK {
			t.Errorf("%s: %d %q", path, got.status, got.body)
		}
	}
	r, _ := http.NewRequest(http.MethodGet, c.base+"/play", nil)
	if got := c.do(r); got.status != http.StatusNotFound {
		t.Errorf("/play: %d, want 404", got.status)
	}
}

func TestHTTP_Formats_SetTypeAndHeaders(t *testing.T) {
	t.Parallel()
	c := own(t)
	for _, tt := range []struct{ statement, format, kind, want string }{
		{"SELECT 1 AS a", "", "text/tab-separated-values; charset=UTF-8", "1\n"},
		{"SELECT 1 AS a", "CSV", "text/csv; charset=UTF-8; header=absent", "1\n"},
		{"SELECT 1 AS a", "CSVWithNames", "text/csv; charset=UTF-8; header=present", "\"a\"\n1\n"},
		{"SELECT 1 AS a FORMAT JSONEachRow", "CSV", "application/x-ndjson; charset=UTF-8", "{\"a\":1}\n"},
		{"SELECT 'FORMAT CSV' AS a FORMAT TSV SETTINGS max_threads = 1", "", "text/tab-separated-values; charset=UTF-8", "FORMAT CSV\n"},
	} {
		got := c.post(tt.statement, "default_format", tt.format, "query_id", "")
		if got.body != tt.want || got.header.Get("Content-Type") != tt.kind {
			t.Errorf("%s %s: %q %q, want %q %q", tt.statement, tt.format, got.body, got.header.Get("Content-Type"), tt.want, tt.kind)
		}
		if got.header.Get("X-ClickHouse-Query-Id") == "" {
			t.Error("no query id")
		}
	}
}

func TestHTTP_LargeJSON_IsOneDocument(t *testing.T) {
	t.Parallel()
	got := own(t).mustPost("SELECT number FROM numbers(200000) FORMAT JSON")
	var document struct {
		Data []struct{ Number any }
		Rows int
	}
	if err := json.Unmarshal([]byte(got), &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Data) != 200000 || document.Rows != 200000 {
		t.Errorf("%d rows, says %d", len(document.Data), document.Rows)
	}
	named := own(t).mustPost("SELECT number FROM numbers(200000) FORMAT TabSeparatedWithNames")
	if n := strings.Count(named, "number"); n != 1 {
		t.Errorf("%d headers", n)
	}
}

func TestHTTP_Insert_TakesRowsFromBodyQueryAndGzip(t *testing.T) {
	t.Parallel()
	c := own(t)
	db := database(t, c)
	c.mustPost("CREATE TABLE t (a UInt32, s String) ENGINE = MergeTree ORDER BY a", "database", db)
	c.mustPost("INSERT INTO t VALUES (1, 'one; two'), (2, 'VALUES')", "database", db)
	c.mustPost(`{"a":3,"s":"three"}`, "database", db, "query", "INSERT INTO t FORMAT JSONEachRow")
	c.mustPost("INSERT INTO t (s, a) FORMAT CSV\n\"four\",4\n", "database", db)
	c.mustPost("6\tsix\n", "database", db, "query", "INSERT INTO t FORMAT TSV\n5\tfive\n")
	c.mustPost("INSERT INTO t SELECT {n:UInt32}, {s:String}", "database", db, "param_n", "7", "param_s", `a\tb`)

	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(w, "INSERT INTO "+db+".t VALUES (8, 'zipped')")
	_ = w.Close()
	r, _ := http.NewRequest(http.MethodPost, c.base, &zipped)
	r.Header.Set("Content-Encoding", "gzip")
	if got := c.do(r); got.status != http.StatusOK {
		t.Errorf("gzip: %d %s", got.status, got.body)
	}
	want := "1\tone; two\n2\tVALUES\n3\tthree\n4\tfour\n5\tfive\n6\tsix\n7\ta\\tb\n8\tzipped\n"
	if got := c.mustPost("SELECT a, s FROM t ORDER BY a", "database", db); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHTTP_InsertLargerThanAStatement_ArrivesWhole(t *testing.T) {
	t.Parallel()
	c := own(t)
	db := database(t, c)
	c.mustPost("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a", "database", db)
	var body strings.Builder
	body.WriteString("INSERT INTO " + db + ".t FORMAT TSV\n")
	for i := range 200_000 {
		fmt.Fprintf(&body, "%d\tvalue of %d\n", i, i)
	}
	c.mustPost(body.String())
	if got := c.mustPost("SELECT count(), sum(a) FROM t", "database", db); got != "200000\t19999900000\n" {
		t.Errorf("got %q", got)
	}
}

func TestHTTP_InsertCutShort_StoresNothing(t *testing.T) {
	t.Parallel()
	c := own(t)
	db := database(t, c)
	c.mustPost("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a", "database", db)
	reader, writer := io.Pipe()
	r, _ := http.NewRequest(http.MethodPost, c.base+"/?"+values([]string{"query", "INSERT INTO " + db + ".t FORMAT TSV"}), reader)
	go func() {
		_, _ = io.WriteString(writer, strings.Repeat("1\n", 100_000))
		_ = writer.CloseWithError(fmt.Errorf("the client died"))
	}()
	if got := c.do(r); got.err == nil {
		t.Errorf("an insert cut short was answered: %d %s", got.status, got.body)
	}
	await.True(t, "the insert is over", func() bool {
		return c.mustPost("SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO "+db+"%'") == "0\n"
	})
	if got := c.mustPost("SELECT count() FROM t", "database", db); got != "0\n" {
		t.Errorf("rows stored: %s", got)
	}
}

func TestHTTP_GzipAnswer_Unpacks(t *testing.T) {
	t.Parallel()
	c := own(t)
	r, _ := http.NewRequest(http.MethodPost, c.base, strings.NewReader("SELECT number FROM numbers(300000)"))
	r.Header.Set("Accept-Encoding", "gzip")
	got := c.do(r)
	if got.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("not zipped: %v", got.header)
	}
	zip, err := gzip.NewReader(strings.NewReader(got.body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(zip)
	if err != nil || bytes.Count(plain, []byte("\n")) != 300000 {
		t.Errorf("%d lines, %v", bytes.Count(plain, []byte("\n")), err)
	}
}

func TestHTTP_ErrorBeforeRows_SetsStatusAndCode(t *testing.T) {
	t.Parallel()
	c := own(t)
	for statement, want := range map[string][2]string{
		"SELECT * FROM nowhere": {"404", "60"},
		"SELEC 1":               {"400", "62"},
		"SELECT throwIf(1)":     {"500", "395"},
		"":                      {"400", "62"},
		"SELECT 1 INTO OUTFILE '/tmp/tidemark-outfile'": {"500", "1"},
		"SELECT 1; SELECT 2":                            {"400", "62"},
	} {
		got := c.post(statement)
		if fmt.Sprint(got.status) != want[0] || got.code() != want[1] || !strings.HasPrefix(got.body, "Code: "+want[1]+". DB::Exception: ") {
			t.Errorf("%q: %d, code %s, %q; want %v", statement, got.status, got.code(), got.body, want)
		}
	}
}

func TestHTTP_ErrorAfterRows_BreaksTheAnswerVisibly(t *testing.T) {
	t.Parallel()
	c := own(t)
	const statement = "SELECT throwIf(number = 900000), number FROM numbers(1000000) SETTINGS max_threads = 1"
	got := c.post(statement)
	if got.status != http.StatusOK || got.err == nil {
		t.Errorf("status %d, connection error %v: a broken answer looks whole", got.status, got.err)
	}
	tag := got.header.Get("X-ClickHouse-Exception-Tag")
	if !strings.Contains(got.body, "\r\n__exception__\r\n"+tag+"\r\nCode: 395.") {
		t.Errorf("no exception at the end: %q", got.body[max(0, len(got.body)-300):])
	}
	if held := c.post(statement, "wait_end_of_query", "1"); held.status != http.StatusInternalServerError || held.code() != "395" {
		t.Errorf("wait_end_of_query: %d %s", held.status, held.code())
	}
}

func TestHTTP_ClientGone_StatementStops(t *testing.T) {
	t.Parallel()
	c := own(t)
	for name, statement := range map[string]string{
		"BeforeTheFirstRow": "SELECT count() FROM system.numbers WHERE cityHash64(number) = 0",
		"BetweenRows":       "SELECT number FROM system.numbers",
	} {
		t.Run(name, func(t *testing.T) {
			id := uuid.NewString()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/?query_id="+id, strings.NewReader(statement))
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				if response, err := c.http.Do(r); err == nil {
					_, _ = io.CopyN(io.Discard, response.Body, 1<<20)
					<-ctx.Done()
					_ = response.Body.Close()
				}
			}()
			running := func() bool {
				return c.mustPost("SELECT count() FROM system.processes WHERE Settings['log_comment'] = '"+id+"'") == "1\n"
			}
			await.True(t, "the statement runs", running)
			if again := c.post("SELECT 1", "query_id", id); again.code() != "216" {
				t.Errorf("a second statement with the id: %d %s", again.status, again.body)
			}
			cancel()
			<-ended
			await.True(t, "the statement stopped", func() bool { return !running() })
		})
	}
}

func TestHTTP_SettingsInURL_HoldForOneStatement(t *testing.T) {
	t.Parallel()
	c := own(t)
	for range 3 {
		if got := c.mustPost("SELECT getSetting('max_result_rows')", "max_result_rows", "55"); got != "55\n" {
			t.Errorf("set: %q", got)
		}
		if got := c.mustPost("SELECT getSetting('max_result_rows')"); got != "0\n" {
			t.Errorf("after: %q", got)
		}
	}
	if got := c.post("SELECT 1", "max_threads", "several"); got.code() == "" || !strings.Contains(got.body, "several") {
		t.Errorf("a bad value: %d %q", got.status, got.body)
	}
	if got := c.post("SELECT 1", "no_such_setting", "1"); got.code() != "115" {
		t.Errorf("an unknown setting: %d %q", got.status, got.body)
	}
	if got := c.get("query", "CREATE TABLE x (a UInt8) ENGINE = Memory"); got.code() != "164" {
		t.Errorf("GET that writes: %d %q", got.status, got.body)
	}
}

func TestHTTP_Parameters_AreNotSQL(t *testing.T) {
	t.Parallel()
	got := own(t).mustPost("SELECT {s:String} AS s FORMAT JSONEachRow", "param_s", `'; DROP TABLE t --`)
	if got != "{\"s\":\"'; DROP TABLE t --\"}\n" {
		t.Errorf("got %q", got)
	}
}

func TestEngine_SecondProcess_IsRefusedByName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hold := holdFolder(t, dir)
	defer hold()
	if err := openElsewhere(dir); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "in use by another tidemark") {
		t.Errorf("got %v", err)
	}
}

func TestReadOnly_TooManyAtOnce_AreShedNotQueued(t *testing.T) {
	t.Parallel()
	c := people(t, clickhouse.Limits{Concurrent: 2, Queue: 10, QueueWait: 30 * time.Second})
	c.http.Transport.(*http.Transport).MaxConnsPerHost = 0
	var group sync.WaitGroup
	var ok, shed, other, peak atomic.Int64
	start, finish := make(chan struct{}), make(chan struct{})
	go func() {
		<-start
		inside := own(t)
		for {
			select {
			case <-finish:
				return
			default:
			}
			var n int64
			_, _ = fmt.Sscan(inside.post("SELECT count() FROM system.processes WHERE query LIKE '%five_hundred%' AND query NOT LIKE '%processes%'").body, &n)
			peak.Store(max(peak.Load(), n))
		}
	}()
	for range 500 {
		group.Go(func() {
			<-start
			got := c.get("query", "SELECT 'five_hundred', sum(cityHash64(number)) FROM numbers(3000000)")
			switch {
			case got.err == nil && got.status == http.StatusOK:
				ok.Add(1)
			case got.status == http.StatusServiceUnavailable && got.header.Get("Retry-After") != "" && got.code() == "202":
				shed.Add(1)
			default:
				other.Add(1)
				t.Log(got.status, got.body, got.err)
			}
		})
	}
	close(start)
	group.Wait()
	close(finish)
	if other.Load() != 0 || ok.Load() < 12 || shed.Load() == 0 || peak.Load() > 2 {
		t.Errorf("%d answered, %d shed, %d otherwise, %d at once; want at most 2 at once, the rest shed", ok.Load(), shed.Load(), other.Load(), peak.Load())
	}
}
