package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/event"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/httpx"
	"tidemark/pkg/registry"
)

// memoryLog is a log and a projector: appended events are decided by the real registry, and their outcomes tailed, at once.
type memoryLog struct {
	mu      sync.Mutex
	events  []event.Envelope
	states  map[string]*registry.State
	handle  func(eventlog.Record)
	fail    error         // of the next appends
	silent  bool          // events are not decided
	tailing chan struct{} // closed when someone tails
	forget  bool          // events are neither kept nor decided
	noTail  bool          // tailing never gets ready
	results ResultsOf     // what the service asks for test results
}

func newMemoryLog() *memoryLog {
	return &memoryLog{states: map[string]*registry.State{}, tailing: make(chan struct{})}
}

func (m *memoryLog) Append(_ context.Context, topic string, recs ...eventlog.Record) ([]eventlog.Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return nil, m.fail
	}
	var at []eventlog.Position
	for _, r := range recs {
		headers := make([]event.Header, 0, len(r.Headers))
		for _, h := range r.Headers {
			headers = append(headers, event.Header(h))
		}
		e, err := event.Decode(r.Key, r.Value, headers)
		if err != nil || topic != event.TopicEvents {
			panic("not an event: " + topic)
		}
		at = append(at, eventlog.Position{Partition: 3, Offset: int64(len(m.events))})
		if m.forget {
			continue
		}
		m.events = append(m.events, e)
		m.decide(e, at[len(at)-1])
	}
	return at, nil
}

func (m *memoryLog) decide(e event.Envelope, at eventlog.Position) {
	if m.silent || m.handle == nil {
		return
	}
	state := m.states[e.Key()]
	if state == nil {
		state = registry.New(e.Database, e.Suite)
		m.states[e.Key()] = state
	}
	d := state.Decide(registry.Prepare(e))
	value, err := event.Outcome{
		EventID: e.ID, Database: e.Database, Suite: e.Suite, Seq: d.Seq, Status: d.Status, Code: d.Code, Error: d.Error,
		Message: d.Message, Field: d.Field, DuplicateOf: d.DuplicateOf, RunID: d.RunID, MachineID: d.MachineID, OrderID: d.OrderID,
		AddedMachines: d.Added.Machines, AddedRuns: d.Added.Runs, AddedTests: d.Added.Tests, AddedSamples: d.Added.Samples, Compared: d.Compared,
		MachineName: d.MachineName, DeletedRuns: d.DeletedRuns,
		Partition: at.Partition, Offset: at.Offset, StoredAt: e.ReceivedAt,
	}.Encode()
	if err != nil {
		panic(err)
	}
	m.handle(eventlog.Record{Value: value})
}

func (m *memoryLog) Tail(ctx context.Context, _ string, ready func(), handle func(eventlog.Record)) error {
	if !m.noTail {
		m.mu.Lock()
		m.handle = handle
		m.mu.Unlock()
		ready()
		close(m.tailing)
	}
	<-ctx.Done()
	return ctx.Err()
}

func (m *memoryLog) all() []event.Envelope {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]event.Envelope(nil), m.events...)
}

func (m *memoryLog) only(t *testing.T) event.Envelope {
	t.Helper()
	all := m.all()
	if len(all) != 1 {
		t.Fatalf("log has %d events, want 1", len(all))
	}
	return all[0]
}

func (m *memoryLog) set(change func(*memoryLog)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m)
}

// bench is a server on a port of its own.
type bench struct {
	log     *memoryLog
	service *Service
	reg     *prometheus.Registry
	url     string
	addr    string
	lines   *locked
}

const testToken = "s3cret"

func setup(t testing.TB, change ...func(*Config, *memoryLog)) *bench {
	t.Helper()
	b := &bench{log: newMemoryLog(), reg: prometheus.NewRegistry(), lines: &locked{}}
	cfg := DefaultConfig()
	cfg.Databases = []string{"default", "perf"}
	cfg.Token = testToken
	cfg.ReadyTimeout = 5 * time.Second
	for _, f := range change {
		f(&cfg, b.log)
	}
	var err error
	b.service, err = New(cfg, Deps{Log: b.log, Tail: b.log, Results: b.log.results, Registerer: b.reg})
	if err != nil {
		t.Fatal(err)
	}
	app := httpx.New(httpx.DefaultConfig(), slog.New(slog.NewJSONHandler(b.lines, nil)), httpx.NewMetrics(b.reg), time.Now)
	app.Server().DisablePreParseMultipartForm = true
	b.service.Routes(app)
	app.Use(httpx.NotFound)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.addr = ln.Addr().String()
	b.url = "http://" + b.addr
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := httpx.Serve(ctx, app, ln, 500*time.Millisecond); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	done.Go(func() {
		if err := b.service.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(func() { http.DefaultClient.CloseIdleConnections(); cancel(); done.Wait() })
	if !b.log.noTail {
		<-b.log.tailing
	}
	return b
}

// metric is the value of a metric, of all its labels or of the one given.
func (b *bench) metric(t *testing.T, name string, label ...string) float64 {
	t.Helper()
	families, err := b.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum, found := 0.0, false
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		found = true
		for _, m := range f.GetMetric() {
			if len(label) == 0 || m.GetLabel()[0].GetValue() == label[0] {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	if !found && len(label) == 0 {
		t.Fatalf("no metric %s", name)
	}
	return sum
}

// locked is a buffer for the server to write and the test to read.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// reply is an answer read to its end.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// header is one request header.
type header struct{ name, value string }

func (b *bench) do(t *testing.T, method, path string, body []byte, headers ...header) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		if h.name == "Host" {
			req.Host = h.value
			continue
		}
		req.Header.Set(h.name, h.value)
	}
	return send(t, req)
}

func send(t *testing.T, req *http.Request) reply {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: 30 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{status: res.StatusCode, header: res.Header, text: string(text)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(text, &r.body); err != nil {
			t.Fatalf("answer is not JSON: %v: %s", err, text)
		}
	}
	return r
}

func (b *bench) post(t *testing.T, path string, body []byte, headers ...header) reply {
	t.Helper()
	return b.do(t, http.MethodPost, path, body, headers...)
}

func (r reply) want(t *testing.T, status int, key, value string) {
	t.Helper()
	got, _ := r.body[key].(string)
	if r.status != status || got != value {
		t.Fatalf("got %d %s, want %d with %s %q", r.status, r.text, status, key, value)
	}
}

// reportOf is a small report; order tells reports apart.
func reportOf(order string) []byte {
	return []byte(`{"format_version": "2", "machine": {"name": "bench-1", "hardware": "aarch64"},
 "run": {"start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00", "llvm_project_revision": "` + order + `"},
 "tests": [{"name": "a/b", "execution_time": [1.25, 1.5], "compile_time": 0.5}]}`)
}

// oldReport is a version 1 report, which names its suite.
func oldReport(tag string) []byte {
	return []byte(`{"Machine": {"Name": "bench-2", "Info": {}},
 "Run": {"Start Time": "2026-02-03 04:05:06", "End Time": "2026-02-03 05:00:00",
         "Info": {"__report_version__": "1", "tag": "` + tag + `", "run_order": "12"}},
 "Tests": []}`)
}

func newGzip(w io.Writer) *gzip.Writer { return gzip.NewWriter(w) }

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func zstded(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(data, nil)
}

// tooLargeOnce refuses the first record for its size.
type tooLargeOnce struct {
	*memoryLog
	said bool
}

func (l *tooLargeOnce) Append(ctx context.Context, topic string, recs ...eventlog.Record) ([]eventlog.Position, error) {
	if !l.said {
		l.said = true
		return nil, &eventlog.AppendError{Errs: []error{eventlog.ErrTooLarge}}
	}
	return l.memoryLog.Append(ctx, topic, recs...)
}
