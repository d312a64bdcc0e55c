package watcher_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/services/watcher"
	"tidemark/sql"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var start = time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)

// world is a log that stores at once, and a watcher beside it whose first slot was long ago.
type world struct {
	*watcher.Watcher
	t       *testing.T
	store   *store.Store
	decider *testkit.Decider
	offset  int64
	told    []event.Envelope
	hold    bool // take events, store none
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: testkit.Store(t), decider: testkit.NewDecider()}
	w.restart()
	w.slot(start.AddDate(0, 0, -1))
	return w
}

// restart is another watcher that knows nothing.
func (w *world) restart() {
	w.t.Helper()
	var err error
	w.Watcher, err = watcher.New(watcher.DefaultConfig(), watcher.Deps{
		Store: w.store, Log: w, Clock: func() time.Time { return start }, Logger: testkit.Logger(), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// Append is the log.
func (w *world) Append(ctx context.Context, events ...event.Envelope) error {
	w.told = append(w.told, events...)
	if w.hold {
		return nil
	}
	return w.project(ctx, events)
}

func (w *world) project(ctx context.Context, events []event.Envelope) error {
	return w.store.InsertLedger(ctx, lo.Map(events, func(e event.Envelope, _ int) store.LedgerRow {
		w.offset++
		row, d := w.decider.Decide(w.t, store.LogPosition{Topic: event.TopicEvents, Offset: w.offset}, e.ReceivedAt, e)
		if d.Status == event.Rejected {
			w.t.Errorf("%s refused: %s", e.Type, d.Error)
		}
		return row
	}))
}

// run is one of a machine, received at a time and ended at another, with so many tests.
func run(machine string, received, ended time.Time, order, tests int) event.Envelope {
	return event.Envelope{
		ID: event.IDFromKey("default", "nts", fmt.Sprint(machine, order)), Type: event.RunSubmitted, Version: 1, Database: "default", Suite: "nts",
		ReceivedAt: received, Body: lo.Must(json.Marshal(map[string]any{
			"format_version": "2", "machine": map[string]any{"name": machine},
			"run": map[string]any{
				"llvm_project_revision": fmt.Sprint(order), "start_time": ended.Format("2006-01-02T15:04:05"), "end_time": ended.Format("2006-01-02T15:04:05"),
			},
			"tests": lo.Times(tests, func(i int) map[string]any {
				return map[string]any{"name": fmt.Sprintf("t%02d", i), "execution_time": 1, "compile_time": 2}
			}),
		})),
	}
}

func (w *world) submit(runs ...event.Envelope) {
	w.t.Helper()
	if err := w.project(w.t.Context(), runs); err != nil {
		w.t.Fatal(err)
	}
}

// hourly are n runs of a machine, one an hour, the first at start.
func (w *world) hourly(machine string, n, tests int) {
	w.t.Helper()
	w.submit(lo.Times(n, func(i int) event.Envelope {
		at := start.Add(time.Duration(i) * time.Hour)
		return run(machine, at, at, i+1, tests)
	})...)
}

func (w *world) slot(at time.Time) {
	w.t.Helper()
	if err := w.Slot(w.t.Context(), at); err != nil {
		w.t.Fatal(err)
	}
}

// open are the signals that stand open.
func (w *world) open() string {
	w.t.Helper()
	type row struct {
		Machine  string    `ch:"machine"`
		Signal   string    `ch:"signal"`
		Since    time.Time `ch:"since"`
		Expected float64   `ch:"expected"`
		Seen     float64   `ch:"seen"`
		Unit     string    `ch:"unit"`
		Detail   string    `ch:"detail"`
	}
	rows, err := store.Select[row](w.t.Context(), w.store, sql.File{
		Name: "test", Text: "SELECT machine, signal, since, expected, seen, unit, detail FROM v_signals ORDER BY machine, signal",
	}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(lo.Map(rows, func(r row, _ int) string {
		return fmt.Sprintf("%s %s since %s, %g of %g %s: %s", r.Machine, r.Signal, r.Since.UTC().Format("02T15:04"), r.Seen, r.Expected, r.Unit, r.Detail)
	}), "\n")
}

func TestSilence_ThreeTimesTheCadence_OpensOnceAndClosesWithTheNextRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hourly("m", 10, 2)
	last := start.Add(9 * time.Hour)
	w.slot(last.Add(3 * time.Hour))
	if got := w.open(); got != "" {
		t.Fatalf("after three hours: %s", got)
	}
	w.slot(last.Add(3*time.Hour + time.Minute))
	want := "m silence since 03T09:00, 10860 of 10800 seconds: no run since 2026-02-03T09:00:00Z; one comes every 1h0m0s, nine of ten within 1h0m0s, and 3h0m0s is too long"
	if got := w.open(); got != want {
		t.Fatalf("got %s\nwant %s", got, want)
	}
	w.slot(last.Add(4 * time.Hour))
	w.restart()
	w.slot(last.Add(5 * time.Hour))
	w.slot(last.Add(6 * time.Hour))
	if len(w.told) != 1 {
		t.Fatalf("told %d times", len(w.told))
	}
	at := last.Add(6*time.Hour + time.Minute)
	w.submit(run("m", at, at, 100, 2))
	w.slot(at)
	if got := w.open(); got != "" || len(w.told) != 2 {
		t.Fatalf("after a run, told %d: %s", len(w.told), got)
	}
	w.slot(at.Add(12 * time.Hour))
	if len(w.told) != 3 || w.told[0].ID == w.told[2].ID {
		t.Errorf("silent again, told %d", len(w.told))
	}
}

func TestSilence_EventOnItsWay_IsNotToldAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hourly("m", 10, 2)
	w.hold = true
	w.slot(start.Add(20 * time.Hour))
	w.slot(start.Add(21 * time.Hour))
	if len(w.told) != 1 {
		t.Fatalf("told %d times", len(w.told))
	}
	w.restart()
	w.slot(start.Add(22 * time.Hour))
	w.slot(start.Add(23 * time.Hour))
	if len(w.told) != 2 || w.told[0].ID != w.told[1].ID {
		t.Errorf("another watcher tells with another id: %v", w.told)
	}
}

func TestSilence_HistoryBroughtOver_RaisesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Runs of years ago, received within seconds.
	w.submit(lo.Times(20, func(i int) event.Envelope {
		return run("old", start.Add(time.Duration(i)*time.Second), start.AddDate(-3, 0, i), i+1, 2)
	})...)
	// A daily machine that was brought over, too, and goes on by itself.
	w.submit(lo.Times(20, func(i int) event.Envelope {
		return run("daily", start.Add(time.Duration(i)*time.Second), start.AddDate(0, 0, i-20), 100+i, 2)
	})...)
	w.slot(start.Add(time.Hour))
	w.slot(start.Add(26 * time.Hour))
	if got := w.open(); got != "" || len(w.told) != 0 {
		t.Errorf("told %d: %s", len(w.told), got)
	}
	w.slot(start.AddDate(0, 0, 3))
	if got := w.open(); !strings.HasPrefix(got, "daily silence since 02T00:00") {
		t.Errorf("the daily machine: %s", got)
	}
}

func TestSilence_RetiredMachineAndTooFewRuns_AreNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hourly("m", 10, 2)
	w.hourly("young", 4, 2)
	w.slot(start.AddDate(0, 0, 29))
	if got := w.open(); strings.Contains(got, "young") || !strings.Contains(got, "m silence") {
		t.Errorf("after 29 days: %s", got)
	}
	w.slot(start.AddDate(0, 0, 31))
	if got := w.open(); got != "" {
		t.Errorf("after 31 days: %s", got)
	}
}

func TestSilence_ServerWasAway_WaitsForMachinesToComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hourly("m", 10, 2)
	w.restart()
	w.slot(start.Add(30 * time.Hour))
	w.slot(start.Add(30*time.Hour + 14*time.Minute))
	if len(w.told) != 0 {
		t.Errorf("told %d at the start", len(w.told))
	}
	w.slot(start.Add(30*time.Hour + 15*time.Minute))
	if len(w.told) != 1 {
		t.Errorf("told %d after a quarter of an hour", len(w.told))
	}
}

func TestSilence_NightlyBursts_AreThePaceOfNights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var runs []event.Envelope
	for night := range 10 {
		for i := range 25 { // 25 runs in 25 minutes
			at := start.AddDate(0, 0, night).Add(time.Duration(i) * time.Minute)
			runs = append(runs, run("m", at, at, night*25+i+1, 1))
		}
	}
	w.submit(runs...)
	w.slot(start.AddDate(0, 0, 9).Add(20 * time.Hour))
	if got := w.open(); got != "" {
		t.Errorf("during the day: %s", got)
	}
	w.slot(start.AddDate(0, 0, 11).Add(20 * time.Hour))
	if got := w.open(); !strings.Contains(got, "silence") {
		t.Errorf("after two nights without: %q", got)
	}
}

func TestPartial_NewestRunLacksAQuarter_NamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hourly("m", 10, 20)
	at := start.Add(10 * time.Hour)
	w.submit(run("m", at, at, 11, 16)) // just enough
	w.slot(at)
	if got := w.open(); got != "" {
		t.Fatalf("sixteen of twenty: %s", got)
	}
	at = at.Add(time.Hour)
	w.submit(run("m", at, at, 12, 12))
	w.slot(at)
	w.slot(at.Add(time.Minute))
	want := "m partial since 03T11:00, 24 of 40 series: run 12 brings 24 series, 40 are usual; less of t12, t13, t14, t15, t16 and 3 tests more"
	if got := w.open(); got != want || len(w.told) != 1 {
		t.Fatalf("told %d, got %s\nwant %s", len(w.told), got, want)
	}
	at = at.Add(time.Hour)
	w.submit(run("m", at, at, 13, 20))
	w.slot(at)
	if got := w.open(); got != "" || len(w.told) != 2 {
		t.Errorf("after a whole run, told %d: %s", len(w.told), got)
	}
}

func TestPartial_SmallRunsAreUsualOrSamplesFewer_IsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Every fourth run is a small one.
	w.submit(lo.Times(20, func(i int) event.Envelope {
		at := start.Add(time.Duration(i) * time.Hour)
		return run("m", at, at, i+1, lo.Ternary(i%4 == 3, 5, 20))
	})...)
	w.slot(start.Add(19 * time.Hour))
	if got := w.open(); got != "" {
		t.Errorf("told of what is usual: %s", got)
	}
}
