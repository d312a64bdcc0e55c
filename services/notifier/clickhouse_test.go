package notifier_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/services/notifier"
	"tidemark/sql"
)

// stored is the log, the projector and the tables: events are decided by the registry and stored at once.
type stored struct {
	t       testing.TB
	mu      sync.Mutex
	store   *store.Store
	decider *testkit.Decider
	offset  int64
	now     time.Time
	status  map[string]int
}

func newStored(t testing.TB) *stored {
	t.Helper()
	return &stored{t: t, store: testkit.Store(t), decider: testkit.NewDecider(), now: noon, status: map[string]int{}}
}

func (l *stored) clock() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (l *stored) wait(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(d)
}

func (l *stored) Append(ctx context.Context, events ...event.Envelope) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var rows []store.LedgerRow
	for _, e := range events {
		l.offset++
		row, d := l.decider.Decide(l.t, store.LogPosition{Topic: event.TopicEvents, Offset: l.offset}, l.now, e)
		l.status[string(e.Type)+" "+string(d.Status)]++
		if d.Status == event.Rejected && e.Type != event.NotificationRecorded {
			l.t.Errorf("%s was refused: %s", e.Type, d.Error)
		}
		rows = append(rows, row)
	}
	return l.store.InsertLedger(ctx, rows)
}

func (l *stored) put(t event.Type, body interface{ Encode() ([]byte, error) }) {
	l.t.Helper()
	text, err := body.Encode()
	if err != nil {
		l.t.Fatal(err)
	}
	l.raw(t, text)
}

func (l *stored) raw(t event.Type, body []byte) {
	l.t.Helper()
	if err := l.Append(l.t.Context(), event.Envelope{
		ID: event.NewID(l.clock(), nil), Type: t, Version: 1, Database: "default", Suite: "nts", ReceivedAt: l.clock(), Actor: "detector", Body: body,
	}); err != nil {
		l.t.Fatal(err)
	}
}

// run is a report of machine m1 with some tests.
func (l *stored) run(order int, tests ...string) {
	l.t.Helper()
	l.raw(event.RunSubmitted, lo.Must(json.Marshal(map[string]any{
		"format_version": "2", "machine": map[string]any{"name": "m1"},
		"run":   map[string]any{"llvm_project_revision": fmt.Sprint(order), "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00"},
		"tests": lo.Map(tests, func(name string, _ int) map[string]any { return map[string]any{"name": name, "execution_time": 1.5} }),
	})))
}

// found is a finding of detector lnt between two orders.
func found(test, from uint32, effect float64) event.Finding {
	return event.Finding{
		MachineID: 1, TestID: test, Metric: "execution_time", OrderID: from + 1, PreviousOrderID: from, Direction: event.Up, Kind: event.Regression,
		Before: 100, After: 100 * (1 + effect), Effect: effect, PValue: 0.01, Active: true,
		ID: event.SpanID("default", "nts", 1, test, "execution_time", from, from+1),
	}
}

func (l *stored) find(findings ...event.Finding) {
	l.t.Helper()
	l.put(event.ChangeFound, event.Changes{Detector: event.DetectorLNT, Version: 1, DataSeq: 2, Findings: findings})
}

func (l *stored) notifier() *notifier.Notifier {
	l.t.Helper()
	cfg := notifier.DefaultConfig()
	cfg.KeyFile = filepath.Join(l.t.TempDir(), "notifier.key")
	cfg.PublicURL = "https://perf.example"
	n, err := notifier.New(cfg, notifier.Deps{
		Store: notifier.ClickHouse(l.store), Log: l, Clock: l.clock, Logger: testkit.Logger(), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		l.t.Fatal(err)
	}
	if err := n.Open(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	return n
}

func (l *stored) pass(n *notifier.Notifier) {
	l.t.Helper()
	for range 2 {
		if err := n.Pass(l.t.Context()); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *stored) subscribe(name, target string, change ...func(*event.Subscription)) uuid.UUID {
	l.t.Helper()
	sub := event.Subscription{ID: event.NewID(l.clock(), nil), Name: name, Channel: event.ChannelWebhook, Target: target}
	for _, c := range change {
		c(&sub)
	}
	l.put(event.SubscriptionSet, sub)
	return sub.ID
}

func TestNotifier_OnTheTables_TellsWhatTheRegistryDecided(t *testing.T) {
	t.Parallel()
	l := newStored(t)
	at, hourly, none := newReceiver(t), newReceiver(t), newReceiver(t)
	for order := range 9 {
		l.run(order+1, "a", "b", "c")
	}
	l.find(found(3, 1, 0.4)) // before anybody listens
	l.subscribe("at once", at.URL)
	l.subscribe("hourly", hourly.URL, func(s *event.Subscription) { s.Every = event.EveryHourly })
	l.subscribe("other tests", none.URL, func(s *event.Subscription) { s.Test, s.Kinds = "c", []string{"regression"} })
	n, other := l.notifier(), l.notifier()
	l.pass(n)
	want(t, "told of what was before", len(at.requests()), 0)

	l.find(found(1, 7, 0.1))
	l.find(found(2, 7, 0.2))
	l.put(event.SignalChanged, event.Signals{Signals: []event.Signal{{MachineID: 1, Signal: event.SignalSilence, Open: true, Since: noon, Expected: 1, Unit: "runs"}}})
	var wg sync.WaitGroup
	for _, one := range []*notifier.Notifier{n, other} {
		wg.Go(func() { l.pass(one) })
	}
	wg.Wait()
	want(t, "at once", at.heard(t), []string{"opened 2: a", "extended 2: b", "opened m1 silence"})
	l.wait(time.Hour)
	l.pass(other)
	l.pass(n)
	want(t, "hourly", hourly.heard(t), []string{"digest 2: b a m1 silence"})
	want(t, "other tests", none.heard(t), nil)

	finding := at.messages(t)[0].Regressions[0].Findings[0]
	want(t, "names", []string{finding.Machine, finding.Test, finding.Metric, finding.Order, finding.Previous, finding.URL},
		[]string{"m1", "a", "execution_time", "8", "7", "https://perf.example/db_default/v4/nts/graph?plot.0=1.1.2&order=8"})
	type row struct {
		Status string `ch:"status"`
		N      uint64 `ch:"n"`
	}
	rows, err := store.Select[row](t.Context(), l.store, sql.File{Name: "test", Text: "SELECT status, count() AS n FROM v_deliveries GROUP BY status ORDER BY status"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "deliveries", rows, []row{{"delivered", 4}})

	// A start after everything, even without a position, tells nothing again.
	if err := l.store.Exec(t.Context(), "TRUNCATE TABLE job_runs", nil); err != nil {
		t.Fatal(err)
	}
	l.pass(l.notifier())
	want(t, "told after a start", len(at.requests())+len(hourly.requests()), 4)
}

func TestNotifier_EndedBetweenClaimAndSending_OnTheTables_IsTakenUp(t *testing.T) {
	t.Parallel()
	l, r := newStored(t), newReceiver(t)
	l.run(1, "a")
	l.run(2, "a")
	id := l.subscribe("at once", r.URL)
	l.find(found(1, 1, 0.1))
	l.put(event.NotificationRecorded, event.Notifications{Deliveries: []event.Delivery{{
		ID: event.DeliveryID(id, "default", "nts", "opened 1 at 4"), SubscriptionID: id, Status: event.DeliveryStarted, Attempt: 1, ToSeq: 4, ChangeIDs: []uint32{1}, RegressionIDs: []uint32{1},
	}}})
	n := l.notifier()
	l.pass(n)
	want(t, "while its claim is fresh", len(r.requests()), 0)
	l.wait(time.Hour)
	l.pass(n)
	want(t, "messages", r.heard(t), []string{"opened 1: a"})
}

func TestNotifier_OnTheTables_FailuresAreTriedAgainByTheirChannelsRules(t *testing.T) {
	t.Parallel()
	l := newStored(t)
	l.run(1, "a")
	l.run(2, "a")
	n := l.notifier()
	receivers := map[int]*receiver{}
	for _, code := range []int{503, 429, 408, 404, 302} {
		receivers[code] = newReceiver(t, code)
		l.subscribe(fmt.Sprint(code), receivers[code].URL)
	}
	daily := newReceiver(t, 500)
	l.subscribe("daily", daily.URL, func(s *event.Subscription) { s.Every = event.EveryDaily })
	l.find(found(1, 1, 0.1))
	l.pass(n)
	for range 3 {
		l.wait(20 * time.Hour)
		l.pass(n)
	}
	for code, times := range map[int]int{503: 2, 429: 2, 408: 2, 404: 1, 302: 1} {
		want(t, fmt.Sprint("requests after ", code), len(receivers[code].requests()), times)
	}
	want(t, "digest", daily.heard(t), []string{"digest 1: a", "digest 1: a"})
}
