package importer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/tools/txtar"

	"tidemark/pkg/report"
	"tidemark/pkg/suite"
)

// recordedLNT answers what LNT 0.4.20 answered about its suite "odd": eight runs of three machines.
func recordedLNT(t *testing.T) *httptest.Server {
	t.Helper()
	data, err := os.ReadFile("testdata/lnt_rest.txtar")
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string][]byte{}
	for _, f := range txtar.Parse(data).Files {
		answers["/api/db_default/v4/odd/"+f.Name] = f.Data
	}
	answers["/db_default/"] = []byte(`<a href="/db_default/v4/odd/recent_activity">odd</a> <a href="/db_default/v4/none/machine">none</a>`)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(s.Close)
	return s
}

// standIn is a server with what the importer needs of Tidemark: reports are read by its own package, but nothing is decided twice.
type standIn struct {
	*httptest.Server

	mu       sync.Mutex
	schema   *suite.Schema
	defined  int
	events   []string // idempotency keys in the order of arrival
	receipts map[string]map[string]any
	runs     []storedRun
	machines []string // JSON of name and attributes, by id
	params   []string // of each new run: the query
	seeds    [][]byte
	// regressions are the bodies of events of regressions.
	regressions [][]byte
	// baselines are the bodies of what was asked to be named, by idempotency key; untrusted refuses them for want of a scope.
	baselines map[string]string
	untrusted bool
	// refuse names an order that is refused; fail answers this many requests with 503; lose forgets a value of every run;
	// holdAt ends the context of the import after so many runs.
	refuse string
	fail   int
	lose   bool
	hold   func(stored int)
}

type storedRun struct {
	machine  int
	resolved *report.Resolved
	attrs    map[string]json.RawMessage
}

func newStandIn(t *testing.T) *standIn {
	t.Helper()
	s := &standIn{receipts: map[string]map[string]any{}, baselines: map[string]string{}}
	mux := http.NewServeMux()
	const v4 = "/api/db_default/v4/odd/"
	mux.HandleFunc("POST "+v4+"schema", s.postSchema)
	mux.HandleFunc("GET "+v4+"schema", s.known(func(http.ResponseWriter, *http.Request) any {
		return map[string]any{"metrics": s.schema.Metrics, "run_fields": s.schema.RunFields, "machine_fields": s.schema.MachineFields}
	}))
	mux.HandleFunc("GET "+v4+"fields", s.known(func(http.ResponseWriter, *http.Request) any {
		fields := []map[string]any{}
		for i, m := range s.schema.Metrics {
			fields = append(fields, map[string]any{"column_id": i, "column_name": m.Name})
		}
		return map[string]any{"fields": fields}
	}))
	mux.HandleFunc("GET "+v4+"machines", s.known(func(http.ResponseWriter, *http.Request) any {
		machines := []any{}
		for i := range s.machines {
			machines = append(machines, s.machineObject(i+1))
		}
		return map[string]any{"machines": machines}
	}))
	mux.HandleFunc("POST "+v4+"runs", s.postRun)
	mux.HandleFunc("POST "+v4+"seed", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seeds = append(s.seeds, body)
		s.mu.Unlock()
		w.WriteHeader(http.StatusOK)
	})
	mux.HandleFunc("POST /api/db_default/v5/odd/regressions/import", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.regressions = append(s.regressions, body)
		s.mu.Unlock()
		w.WriteHeader(http.StatusOK)
	})
	mux.HandleFunc("POST /api/db_default/v5/odd/baselines", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case s.untrusted:
			http.Error(w, `{"detail":"needs the scope triage"}`, http.StatusForbidden)
		case strings.Contains(string(body), "/"):
			http.Error(w, `{"detail":"name: has one of /"}`, http.StatusBadRequest)
		default:
			s.baselines[r.Header.Get("Idempotency-Key")] = string(body)
			w.WriteHeader(http.StatusCreated)
		}
	})
	mux.HandleFunc("GET "+v4+"machines/{id}", s.known(s.machine))
	mux.HandleFunc("GET "+v4+"runs/{id}", s.known(s.run))
	mux.HandleFunc("GET /api/db_default/v5/odd/receipts/{id}", s.known(func(w http.ResponseWriter, r *http.Request) any {
		got, ok := s.receipts[r.PathValue("id")]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		return got
	}))
	mux.HandleFunc("GET /api/db_default/v5/odd/receipts", s.known(func(http.ResponseWriter, *http.Request) any {
		items := []any{}
		for _, id := range slices.Backward(s.events) {
			items = append(items, s.receipts[id])
		}
		return map[string]any{"items": items}
	}))
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *standIn) known(answer func(http.ResponseWriter, *http.Request) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.fail > 0 {
			s.fail--
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if s.schema == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(answer(w, r))
	}
}

func (s *standIn) postSchema(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var said struct {
		FormatVersion string `json:"format_version"`
		suite.Schema
	}
	body, _ := io.ReadAll(r.Body)
	if json.Unmarshal(body, &said) != nil || said.FormatVersion != "2" || said.Validate() != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.schema = &said.Schema
	s.defined++
	w.WriteHeader(http.StatusCreated)
}

func (s *standIn) postRun(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail > 0 {
		s.fail--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.Header.Get("AuthToken") != "secret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if _, again := s.receipts[key]; again {
		repeat := "repeat of " + key
		s.events = append(s.events, repeat)
		s.receipts[repeat] = map[string]any{"id": key, "status": "duplicate", "run": nil, "refusal": nil}
	} else {
		s.decide(w, r, key)
	}
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(map[string]any{"event_id": key})
}

func (s *standIn) decide(w http.ResponseWriter, r *http.Request, key string) {
	in, _ := zstd.NewReader(r.Body)
	defer in.Close()
	body, _ := io.ReadAll(in)
	sub, err := report.Parse(body, report.Options{})
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	resolved, err := sub.Resolve(*s.schema, time.Unix(0, 0))
	s.events = append(s.events, key)
	if err != nil || resolved.Order[0] == s.refuse {
		s.receipts[key] = map[string]any{"id": key, "status": "rejected", "refusal": map[string]any{"code": 400, "error": "no such luck"}}
		return
	}
	var said struct{ Machine, Run map[string]json.RawMessage }
	_ = json.Unmarshal(body, &said)
	text, _ := json.Marshal(said.Machine)
	machine := slices.Index(s.machines, string(text)) + 1
	if machine == 0 {
		s.machines = append(s.machines, string(text))
		machine = len(s.machines)
	}
	if s.lose {
		resolved.Samples.Value[0]++
	}
	s.runs = append(s.runs, storedRun{machine, resolved, said.Run})
	s.params = append(s.params, r.URL.RawQuery)
	s.receipts[key] = map[string]any{"id": key, "status": "accepted", "run": map[string]any{"id": len(s.runs), "machine_id": machine}}
	if s.hold != nil {
		s.hold(len(s.runs))
	}
}

func (s *standIn) machine(w http.ResponseWriter, r *http.Request) any {
	id, _ := strconv.Atoi(r.PathValue("id"))
	if id < 1 || id > len(s.machines) {
		w.WriteHeader(http.StatusNotFound)
		return nil
	}
	runs := []any{}
	for i, run := range s.runs {
		if run.machine == id {
			runs = append(runs, s.runObject(i))
		}
	}
	return map[string]any{"machine": s.machineObject(id), "runs": runs}
}

func (s *standIn) machineObject(id int) map[string]any {
	var o map[string]any
	_ = json.Unmarshal([]byte(s.machines[id-1]), &o)
	o["id"] = id
	return o
}

func (s *standIn) runObject(i int) map[string]any {
	o := map[string]any{"id": i + 1, "order_id": i + 1, "order_by": strings.Join(s.schema.OrderFields(), ",")}
	for name, v := range s.runs[i].attrs {
		o[name] = v
	}
	return o
}

func (s *standIn) run(w http.ResponseWriter, r *http.Request) any {
	id, _ := strconv.Atoi(r.PathValue("id"))
	if id < 1 || id > len(s.runs) {
		w.WriteHeader(http.StatusNotFound)
		return nil
	}
	run := s.runs[id-1]
	got := run.resolved
	tests := make([]map[string]any, got.Samples.Rows)
	for row := range tests {
		tests[row] = map[string]any{"id": row + 1, "run_id": id, "name": got.Tests[got.Samples.RowTest[row]]}
		for _, m := range s.schema.Metrics {
			tests[row][m.Name] = nil
		}
	}
	for n, row := range got.Samples.Row {
		tests[row][s.schema.Metrics[got.Samples.Metric[n]].Name] = got.Samples.Value[n]
	}
	for n, row := range got.Samples.TextRow {
		m := s.schema.Metrics[got.Samples.TextMetric[n]]
		var v any = got.Samples.Text[n]
		if m.Type == suite.Status {
			v, _ = strconv.Atoi(got.Samples.Text[n])
		}
		tests[row][m.Name] = v
	}
	return map[string]any{"machine": s.machineObject(run.machine), "run": s.runObject(id - 1), "tests": tests}
}

// orders are those of the stored runs in the order of arrival.
func (s *standIn) orders() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var orders []string
	for _, r := range s.runs {
		orders = append(orders, r.resolved.Order[0])
	}
	return orders
}

// into is an import into the server; change may change its configuration. It gives what was printed.
func into(ctx context.Context, t *testing.T, s *standIn, change func(*Config)) (string, error) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.To, cfg.Token, cfg.State, cfg.Verify = s.URL, "secret", t.TempDir(), -1
	change(&cfg)
	var out, progress bytes.Buffer
	i, err := New(cfg, Deps{Logger: slog.New(slog.DiscardHandler), Out: &out, Err: &progress, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	err = i.Run(ctx)
	return out.String(), err
}

func mustSay(t *testing.T, out string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(out, part) {
			t.Errorf("printed\n%s\nwant a line with %q", out, part)
		}
	}
}

func ids(from, to int) []string {
	var list []string
	for n := from; n <= to; n++ {
		list = append(list, fmt.Sprint(n))
	}
	return list
}
