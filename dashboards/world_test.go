package dashboards_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/store"
	"tidemark/pkg/synth"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// world is a server's data, which went through the same decisions as in production.
type world struct {
	t       *testing.T
	store   *store.Store
	client  http.Client
	decider *testkit.Decider
	rows    []store.LedgerRow
	offset  int64
	// first is when the first run came, last when everything had.
	first, last time.Time
	// wait is how long what comes is stored after it was received, beside some milliseconds.
	wait time.Duration
	// batch is how long a batch gathers; 0 for batches of one.
	batch time.Duration
	// filters are those of tables that questions are asked with, as the setting additional_table_filters has them.
	filters []string
	// database is where what comes belongs.
	database string
}

const hour = time.Hour

// at spreads the n-th of something over time.
func at(n int) time.Duration { return time.Duration(n) * 10 * time.Minute }

func report(machine string, order int) []byte {
	return fmt.Appendf(nil, `{"format_version":"2","machine":{"name":%q},"run":{"llvm_project_revision":"%d","start_time":"2026-01-02T03:04:05"},"tests":[{"name":"t","execution_time":1}]}`, machine, 900_000+order)
}

// demo is a history of some months that ends now, with findings, regressions, refusals, signals and job runs.
func demo(t *testing.T) *world {
	t.Helper()
	w := demoEmpty(t)
	size := synth.DefaultConfig()
	size.Tests, size.Orders, size.ChangeRate, size.FailureRate = 14, 60, 0.5, 0.02
	size.Start = w.last.Add(-time.Duration(size.Orders) * size.Every).Truncate(time.Second)
	w.first = size.Start
	g, err := synth.New(size)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for run := range g.Runs() {
		n++
		at := w.first.Add(time.Duration(n) * w.last.Sub(w.first) / time.Duration(g.Count()+2))
		w.accepted(event.RunSubmitted, at, "bot-of-"+run.Machine, run.Body)
		if n%17 == 0 {
			w.decide(event.RunSubmitted, at.Add(time.Second), "nobody's", []byte(`{"format_version":"2","machine":{}}`))
		}
	}
	w.flush()
	w.found(g.Truth())
	w.busy()
	w.jobs()
	return w
}

func (w *world) decide(kind event.Type, at time.Time, actor string, body []byte) registry.Decision {
	w.t.Helper()
	w.offset++
	e := event.Envelope{
		ID: event.NewID(at, nil), Type: kind, Version: 1, Database: w.database, Suite: "nts", ContentType: "application/json",
		ReceivedAt: at, Actor: actor, RequestID: fmt.Sprint("r", w.offset), Params: map[string]string{event.ParamMerge: "append"}, Body: body,
	}
	stored := at.Add(w.wait + time.Duration(20+w.offset*37%200)*time.Millisecond)
	if w.batch > 0 {
		stored = at.Truncate(w.batch).Add(w.batch)
	}
	row, d := w.decider.Decide(w.t, store.LogPosition{Topic: event.TopicEvents, Partition: 0, Offset: w.offset}, stored, e)
	w.rows = append(w.rows, row)
	return d
}

func (w *world) accepted(kind event.Type, at time.Time, actor string, body []byte) registry.Decision {
	w.t.Helper()
	d := w.decide(kind, at, actor, body)
	if d.Status != event.Accepted {
		w.t.Fatalf("%s: %s %s", kind, d.Error, d.Message)
	}
	return d
}

func (w *world) flush() {
	w.t.Helper()
	for _, chunk := range lo.Chunk(w.rows, 100) {
		if err := w.store.InsertLedger(w.t.Context(), chunk); err != nil {
			w.t.Fatal(err)
		}
	}
	w.rows = nil
}

// found tells what was planted, as a detector would that misses nothing, and what people make of it.
func (w *world) found(truth synth.Truth) {
	w.t.Helper()
	machines, tests, orders := w.ids("v_machines", "machine_id"), w.ids("v_tests", "test_id"), w.ids("v_orders", "order_id")
	at := w.last.Add(-3 * time.Hour)
	var found []event.Finding
	for _, s := range truth.Series {
		for _, c := range s.Changes {
			f := event.Finding{
				MachineID: machines[s.Machine], TestID: tests[s.Test], Metric: s.Metric, OrderID: orders[c.Order], Effect: c.Effect,
				PreviousOrderID: orders[c.Order] - 1, Before: 1, After: 1 + c.Effect, Spread: s.Noise, Statistic: c.Sigmas, PValue: 1e-7, Active: true,
				Direction: lo.Ternary(c.Effect > 0, event.Up, event.Down),
				Kind:      lo.Ternary(c.Effect > 0 == (s.Metric != "score"), event.Regression, event.Improvement),
			}
			if f.MachineID == 0 || f.TestID == 0 || f.OrderID < 2 {
				continue
			}
			f.ID = event.FindingID("demo", "nts", f.MachineID, f.TestID, f.Metric, f.OrderID, f.Direction, "steps")
			found = append(found, f)
		}
	}
	byOrder := lo.GroupBy(found, func(f event.Finding) uint32 { return f.OrderID })
	for _, order := range slices.Sorted(maps.Keys(byOrder)) {
		body, err := event.Changes{Detector: "steps", Version: 2, Params: json.RawMessage(`{}`), DataSeq: 1, Findings: byOrder[order]}.Encode()
		if err != nil {
			w.t.Fatal(err)
		}
		w.accepted(event.ChangeFound, w.first.Add(w.last.Sub(w.first)*time.Duration(order)/time.Duration(len(orders)+3)), "detector", body)
	}
	w.accepted(event.RegressionOpened, at.Add(time.Minute), "ann", []byte(`{"change_ids":[1,2],"title":"parser slower","bug":"","state":0}`))
	w.accepted(event.RegressionOpened, at.Add(2*time.Minute), "ann", []byte(`{"change_ids":[3],"title":"sort slower","bug":"","state":0}`))
	w.accepted(event.RegressionTriaged, at.Add(time.Hour), "ben", []byte(`{"regression_id":1,"title":null,"bug":"https://bugs.example/1","state":10}`))
	w.accepted(event.RegressionTriaged, at.Add(2*time.Hour), "ben", []byte(`{"regression_id":2,"title":null,"bug":null,"state":22}`))
	since := w.last.Add(-48 * time.Hour)
	signals, err := event.Signals{Signals: []event.Signal{{MachineID: 1, Signal: "silence", Open: true, Since: since, Expected: 12, Seen: 48, Unit: "h"}}}.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	w.accepted(event.SignalChanged, w.last.Add(-time.Minute), "watcher", signals)
	w.flush()
}

func (w *world) ids(view, id string) map[string]uint32 {
	w.t.Helper()
	out := map[string]uint32{}
	for _, row := range w.ask("SELECT name, " + id + " FROM " + view + " WHERE database = 'demo'").Data {
		var n uint32
		if _, err := fmt.Sscan(fmt.Sprint(row[1]), &n); err != nil {
			w.t.Fatal(err)
		}
		out[fmt.Sprint(row[0])] = n
	}
	return out
}

// busy is a suite into which much came in the last three hours.
func (w *world) busy() {
	w.t.Helper()
	w.database = "smoke"
	defer func() { w.database, w.batch = "demo", 0 }()
	for i := range 150 {
		w.batch = time.Duration(200+i*7) * time.Millisecond
		at := w.last.Add(-3*hour + time.Duration(i*i)*hour/time.Duration(150*150)*5/2)
		w.accepted(event.RunSubmitted, at, fmt.Sprint("smoke-", i%3), report("smoke", i))
		if i%11 == 0 {
			w.decide(event.RunSubmitted, at.Add(time.Millisecond), "smoke-0", report("smoke", i)[:40])
		}
	}
	w.flush()
}

func (w *world) jobs() {
	w.t.Helper()
	for i := range 40 {
		slot := w.last.Add(-time.Duration(i) * 7 * time.Minute)
		for _, job := range []string{"detect_steps", "detect_lnt"} {
			w.job(job, slot, lo.Ternary(i == 5, "memory limit exceeded", ""), 0)
		}
	}
}

func (w *world) job(job string, slot time.Time, failed string, missed uint32) {
	w.t.Helper()
	p := store.Params{
		"job": job, "database": "demo", "suite": "nts", "slot_at": slot, "started_at": slot.Add(time.Millisecond), "took_ms": float64(20 + slot.Minute()*slot.Minute()%70 + 3*len(job)),
		"from_seq": uint64(1), "to_seq": uint64(170), "rows": uint64(3), "missed_slots": missed, "error": failed,
	}
	if err := w.store.Exec(w.t.Context(), sql.MustQuery("record_job_run").Text, p); err != nil {
		w.t.Fatal(err)
	}
}

// numberOf is a value of the engine's JSON, which writes large integers as texts.
func numberOf(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case string:
		f, err := strconv.ParseFloat(n, 64)
		return f, err == nil
	default:
		return 0, false
	}
}

// answer is what the engine says.
type answer struct {
	Meta []struct{ Name, Type string }
	Data [][]any
}

// ask sends a statement over HTTP, as the data source does.
func (w *world) ask(text string) answer {
	w.t.Helper()
	a, err := w.try(text)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, text)
	}
	return a
}

func (w *world) try(text string) (a answer, err error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	query := url.Values{"database": {w.store.Database()}, "default_format": {"JSONCompact"}, "readonly": {"1"}}
	if len(w.filters) > 0 {
		query.Set("additional_table_filters", "{"+strings.Join(w.filters, ", ")+"}")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://embedded/?"+query.Encode(), strings.NewReader(text))
	if err != nil {
		return a, err
	}
	response, err := w.client.Do(request)
	if err != nil {
		return a, err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	if response.StatusCode != http.StatusOK {
		said := new(strings.Builder)
		_, err = fmt.Fprintf(said, "%s: ", response.Status)
		if err == nil {
			_, err = readInto(said, response)
		}
		return a, fmt.Errorf("%s %w", said, err)
	}
	return a, json.NewDecoder(response.Body).Decode(&a)
}

// demoEmpty is a server that has seen nothing.
func demoEmpty(t *testing.T) *world {
	t.Helper()
	cfg := testkit.Migrated(t)
	w := &world{t: t, store: testkit.Open(t, cfg), decider: testkit.NewDecider(), database: "demo", last: time.Now().UTC().Truncate(time.Millisecond)}
	w.client = http.Client{Transport: &http.Transport{DialContext: cfg.Dial}}
	t.Cleanup(w.client.CloseIdleConnections)
	return w
}
