package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/event"
	"tidemark/pkg/httpx"
	"tidemark/pkg/readsql"
	"tidemark/pkg/registry"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const partition = 3

var start = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

// input is one event of a test: a line of events.jsonl.
type input struct {
	Type     event.Type        `json:"type"`
	Database string            `json:"database"`
	Suite    string            `json:"suite"`
	Key      string            `json:"key"` // events of one key have one id
	Params   map[string]string `json:"params"`
	Body     json.RawMessage   `json:"body"`
}

// feed decides events and stores them as the projector does, in the order given.
type feed struct {
	store   *store.Store
	decider *testkit.Decider
	offset  uint64
}

func newFeed(s *store.Store) *feed { return &feed{store: s, decider: testkit.NewDecider()} }

func (f *feed) add(t testing.TB, in input) registry.Decision {
	t.Helper()
	_, d := f.addRow(t, in)
	return d
}

func (f *feed) addRow(t testing.TB, in input) (store.LedgerRow, registry.Decision) {
	t.Helper()
	if in.Type == "" {
		in.Type = event.RunSubmitted
	}
	if in.Database == "" {
		in.Database = "default"
	}
	if in.Suite == "" {
		in.Suite = "nts"
	}
	if in.Key == "" {
		in.Key = fmt.Sprint(f.offset)
	}
	e := event.Envelope{
		ID: event.IDFromKey(in.Database, in.Suite, in.Key), Type: in.Type, Version: 1, Database: in.Database, Suite: in.Suite,
		ReceivedAt: start.Add(time.Duration(f.offset) * time.Second), Actor: "bot", RequestID: fmt.Sprintf("request-%d", f.offset),
		Params: in.Params, Body: withFindingIDs(t, in),
	}
	at := store.LogPosition{Topic: event.TopicEvents, Partition: partition, Offset: int64(f.offset)}
	row, d := f.decider.Decide(t, at, e.ReceivedAt.Add(42*time.Millisecond), e)
	f.offset++
	if err := f.store.InsertLedger(t.Context(), []store.LedgerRow{row}); err != nil {
		t.Fatal(err)
	}
	return row, d
}

// withFindingIDs fills the ids of findings, which follow from the rest.
func withFindingIDs(t testing.TB, in input) []byte {
	t.Helper()
	if in.Type != event.ChangeFound {
		return in.Body
	}
	var c event.Changes
	if err := json.Unmarshal(in.Body, &c); err != nil {
		t.Fatal(err)
	}
	for i, f := range c.Findings {
		c.Findings[i].ID = f.IDOf(in.Database, in.Suite, c.Detector)
	}
	body, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// server is the service behind the app that it runs behind.
func server(t testing.TB, s *Service) *fiber.App {
	t.Helper()
	app := httpx.New(httpx.DefaultConfig(), slog.New(slog.DiscardHandler), httpx.NewMetrics(prometheus.NewRegistry()), func() time.Time { return start })
	s.Routes(app)
	app.Use(httpx.NotFound)
	return app
}

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.Databases = []string{"default", "other"}
	return cfg
}

func newServer(t testing.TB, s *store.Store) *fiber.App {
	t.Helper()
	service, err := New(testConfig(), Deps{Store: s, Log: testkit.Logger(), SQL: newGate(t, s)})
	if err != nil {
		t.Fatal(err)
	}
	return server(t, service)
}

// ask sends a request and returns the answer with its whole body.
func ask(t testing.TB, app *fiber.App, method, path string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	req := httptest.NewRequest(method, "http://tidemark.test/", http.NoBody)
	req.URL.Opaque = "//tidemark.test" + path // as written: the test is about how paths are read
	req.RequestURI = path
	req.Header.Set(fiber.HeaderAccept, fiber.MIMEApplicationJSON)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := app.Test(req, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

// report is a v2 report.
func report(machine, order string, tests ...map[string]any) json.RawMessage {
	body, _ := json.Marshal(map[string]any{
		"format_version": "2", "machine": map[string]any{"name": machine},
		"run":   map[string]any{"llvm_project_revision": order, "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00"},
		"tests": tests,
	})
	return bytes.TrimSpace(body)
}

// newGate is a gate to the store's database.
func newGate(t testing.TB, s *store.Store) *readsql.Gate {
	t.Helper()
	cfg := readsql.DefaultConfig()
	cfg.Database, cfg.Dial = s.Database(), testkit.Engine(t).Reader(readsql.Limits{}).Dial
	gate, err := readsql.New(cfg, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return gate
}
