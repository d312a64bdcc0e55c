package detector_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/services/detector"
	"tidemark/sql"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var start = time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)

// memoryLog is the log and the projector in one: it decides events in order and stores them, at once or when let.
type memoryLog struct {
	t       testing.TB
	store   *store.Store
	decider *testkit.Decider
	offset  uint64
	events  []event.Envelope // all that came, in order
	// held keeps events in the log without storing them; fail refuses them.
	held []event.Envelope
	hold bool
	fail error
}

func newLog(t testing.TB) *memoryLog {
	t.Helper()
	return &memoryLog{t: t, store: testkit.Store(t), decider: testkit.NewDecider()}
}

func (l *memoryLog) Append(ctx context.Context, events ...event.Envelope) error {
	if l.fail != nil {
		return l.fail
	}
	l.events = append(l.events, events...)
	if l.hold {
		l.held = append(l.held, events...)
		return nil
	}
	return l.project(ctx, events)
}

// release stores what was held, and from now on everything at once.
func (l *memoryLog) release() {
	l.t.Helper()
	held := l.held
	l.held, l.hold = nil, false
	if err := l.project(l.t.Context(), held); err != nil {
		l.t.Fatal(err)
	}
}

func (l *memoryLog) project(ctx context.Context, events []event.Envelope) error {
	for _, some := range lo.Chunk(events, 200) {
		rows := lo.Map(some, func(e event.Envelope, _ int) store.LedgerRow { return l.decide(e) })
		if err := l.store.InsertLedger(ctx, rows); err != nil {
			return err
		}
	}
	return nil
}

func (l *memoryLog) decide(e event.Envelope) store.LedgerRow {
	l.offset++
	row, d := l.decider.Decide(l.t, store.LogPosition{Topic: event.TopicEvents, Offset: int64(l.offset)}, e.ReceivedAt, e)
	if d.Status == event.Rejected {
		l.t.Errorf("event %d of %s was refused: %s", d.Seq, e.Key(), d.Error)
	}
	return row
}

// submit stores reports as they come.
func (l *memoryLog) submit(suite string, params map[string]string, bodies ...[]byte) {
	l.t.Helper()
	events := lo.Map(bodies, func(body []byte, i int) event.Envelope {
		n := len(l.events) + i
		return event.Envelope{
			ID: event.IDFromKey("default", suite, strconv.Itoa(n)), Type: event.RunSubmitted, Version: 1,
			Database: "default", Suite: suite, ReceivedAt: start.Add(time.Duration(n) * time.Second), Params: params, Body: body,
		}
	})
	hold := l.hold
	l.hold = false
	if err := l.Append(l.t.Context(), events...); err != nil {
		l.t.Fatal(err)
	}
	l.hold = hold
}

// found are the detector's events.
func (l *memoryLog) found() []event.Envelope {
	return lo.Filter(l.events, func(e event.Envelope, _ int) bool { return e.Type == event.ChangeFound })
}

// report is a run of one machine at one order: test, then metric, then value.
func report(machine, order string, tests map[string]map[string]any) []byte {
	return lo.Must(json.Marshal(map[string]any{
		"format_version": "2",
		"machine":        map[string]any{"name": machine},
		"run":            map[string]any{"llvm_project_revision": order, "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00"},
		"tests": lo.MapToSlice(tests, func(name string, metrics map[string]any) map[string]any {
			return lo.Assign(map[string]any{"name": name}, metrics)
		}),
	}))
}

// history are reports at the orders 1, 2, … of one test's execution_time.
func history(machine, test string, values ...float64) [][]byte {
	return lo.Map(values, func(v float64, i int) []byte {
		return report(machine, strconv.Itoa(i+1), map[string]map[string]any{test: {"execution_time": v}})
	})
}

// level is n values around v, never two alike next to each other.
func level(v float64, n int) []float64 {
	return lo.Times(n, func(i int) float64 { return v * (1 + 0.01*float64(i%3-1)) })
}

// world is a detector on a log of its own.
type world struct {
	*detector.Detector
	log      *memoryLog
	registry *prometheus.Registry
	slots    int
}

func newWorld(t testing.TB, change ...func(*detector.Config)) *world {
	t.Helper()
	return newDetector(t, newLog(t), change...)
}

func newDetector(t testing.TB, log *memoryLog, change ...func(*detector.Config)) *world {
	t.Helper()
	cfg := detector.DefaultConfig()
	for _, c := range change {
		c(&cfg)
	}
	w := &world{log: log, registry: prometheus.NewRegistry()}
	d, err := detector.New(cfg, detector.Deps{
		Store: log.store, Log: log, Logger: testkit.Logger(), Registerer: w.registry,
		Clock: func() time.Time { return start.Add(time.Duration(w.slots) * cfg.Interval) },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Detector = d
	return w
}

// slot works one slot after the last one.
func (w *world) slot() error {
	w.slots++
	return w.Slot(w.log.t.Context(), start.Add(time.Duration(w.slots)*5*time.Second))
}

// settle works slots until nothing is left to look at.
func (w *world) settle() {
	w.log.t.Helper()
	type row struct {
		Suite string `ch:"suite"`
	}
	for range 1000 {
		if err := w.slot(); err != nil {
			w.log.t.Fatal(err)
		}
		if len(rows[row](w.log, "SELECT p.suite AS suite FROM v_positions AS p LEFT JOIN (SELECT suite, max(to_seq) AS seen FROM v_job_runs WHERE error = '' AND job NOT LIKE 'detect_full%' GROUP BY suite) AS j ON j.suite = p.suite WHERE p.data_seq > j.seen")) == 0 {
			return
		}
	}
	w.log.t.Fatal("there is always something left")
}

// full lets an hour pass, in which everything that changed is judged from end to end.
func (w *world) full() {
	w.log.t.Helper()
	w.slots += int(time.Hour / (5 * time.Second))
	if err := w.slot(); err != nil {
		w.log.t.Fatal(err)
	}
}

func rows[T any](l *memoryLog, text string) []T {
	l.t.Helper()
	out, err := store.Select[T](l.t.Context(), l.store, sql.File{Name: "test", Text: text}, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	return out
}

// finding is one that stands, by its names.
type finding struct {
	Suite     string  `ch:"suite"`
	Machine   string  `ch:"machine"`
	Test      string  `ch:"test"`
	Metric    string  `ch:"metric"`
	Order     string  `ch:"order_name"`
	Previous  string  `ch:"previous_order_name"`
	Direction string  `ch:"direction"`
	Kind      string  `ch:"kind"`
	Before    float64 `ch:"before"`
	After     float64 `ch:"after"`
	Statistic float64 `ch:"statistic"`
}

func (f finding) String() string {
	return fmt.Sprintf("%s %s %s %s at %s after %s %s %s", f.Suite, f.Machine, f.Test, f.Metric, f.Order, f.Previous, f.Direction, f.Kind)
}

// standing are the findings that stand, with numbers rounded to where the order of additions shows.
func (l *memoryLog) standing() []finding {
	l.t.Helper()
	list := rows[finding](l, "SELECT suite, machine, test, metric, order_name, previous_order_name, direction, kind, before, after, statistic FROM v_findings ORDER BY suite, machine, test, metric, sort_key")
	for i := range list {
		for _, v := range []*float64{&list[i].Before, &list[i].After, &list[i].Statistic} {
			*v, _ = strconv.ParseFloat(strconv.FormatFloat(*v, 'g', 7, 64), 64)
		}
	}
	return list
}

func places(list []finding) []string {
	return lo.Map(list, func(f finding, _ int) string { return f.Test + "@" + f.Order })
}

// jobRun is a row of the ledger of jobs.
type jobRun struct {
	Suite  string    `ch:"suite"`
	At     time.Time `ch:"slot_at"`
	From   uint64    `ch:"from_seq"`
	To     uint64    `ch:"to_seq"`
	Rows   uint64    `ch:"rows"`
	Missed uint32    `ch:"missed_slots"`
	Error  string    `ch:"error"`
}

func (l *memoryLog) jobRuns() []jobRun {
	l.t.Helper()
	return rows[jobRun](l, "SELECT suite, slot_at, from_seq, to_seq, rows, missed_slots, error FROM v_job_runs WHERE job = 'detect_steps' ORDER BY slot_at, suite")
}

func (l *memoryLog) exec(text string) {
	l.t.Helper()
	if err := l.store.Exec(l.t.Context(), text, nil); err != nil {
		l.t.Fatal(err)
	}
}

// changes are the findings that stand or stood, newest state, with what people said of them.
type changeState struct {
	ID        uint32 `ch:"change_id"`
	Machine   uint32 `ch:"machine_id"`
	Order     string `ch:"name"`
	Active    uint8  `ch:"active"`
	Dismissed uint8  `ch:"dismissed"`
}

func (l *memoryLog) changes() []changeState {
	l.t.Helper()
	return rows[changeState](l, `SELECT f.change_id AS change_id, f.machine_id AS machine_id, o.name AS name, f.active AS active, f.dismissed AS dismissed
		FROM v_finding_states AS f INNER JOIN v_orders AS o ON o.suite = f.suite AND o.order_id = f.order_id ORDER BY change_id`)
}
