package backtester_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/samber/lo"

	"tidemark/pkg/backtest"
	"tidemark/pkg/detect"
	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/services/backtester"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var start = time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)

// world is a store with one suite, and what asks and runs backtests in it.
type world struct {
	*backtest.Queue
	t       *testing.T
	store   *store.Store
	decider *testkit.Decider
	offset  int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := testkit.Store(t)
	return &world{Queue: backtest.NewQueue(s, time.Now), t: t, store: s, decider: testkit.NewDecider()}
}

func (w *world) append(kind event.Type, bodies ...[]byte) {
	w.t.Helper()
	rows := lo.Map(bodies, func(body []byte, _ int) store.LedgerRow { return w.decide(kind, body) })
	if err := w.store.InsertLedger(w.t.Context(), rows); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) decide(kind event.Type, body []byte) store.LedgerRow {
	w.t.Helper()
	w.offset++
	row, d := w.decider.Decide(w.t, store.LogPosition{Topic: event.TopicEvents, Offset: w.offset}, start, event.Envelope{
		ID: event.IDFromKey("default", "nts", strconv.FormatInt(w.offset, 10)), Type: kind, Version: 1, Database: "default", Suite: "nts",
		ReceivedAt: start.Add(time.Duration(w.offset) * time.Second), Body: body,
	})
	if d.Status != event.Accepted {
		w.t.Fatalf("%s refused: %s", kind, d.Error)
	}
	return row
}

// history are runs at the orders 1, 2, …, a day after the other. The tests' ids follow from their names.
func (w *world) history(machine string, tests map[string][]float64) {
	w.t.Helper()
	w.append(event.RunSubmitted, lo.Times(len(lo.Values(tests)[0]), func(i int) []byte {
		return lo.Must(json.Marshal(map[string]any{
			"format_version": "2", "machine": map[string]any{"name": machine},
			"run": map[string]any{
				"llvm_project_revision": strconv.Itoa(i + 1),
				"start_time":            start.AddDate(0, 0, i).Format("2006-01-02T15:04:05"), "end_time": start.AddDate(0, 0, i).Format("2006-01-02T15:04:05"),
			},
			"tests": lo.Map(slices.Sorted(maps.Keys(tests)), func(name string, _ int) map[string]any {
				return map[string]any{"name": name, "execution_time": tests[name][i]}
			}),
		}))
	})...)
}

// stands puts a finding of the default detector at an order, given the test's and the order's ids.
func (w *world) stands(test, order uint32) {
	w.t.Helper()
	f := event.Finding{
		MachineID: 1, TestID: test, Metric: "execution_time", OrderID: order, PreviousOrderID: order - 1, Direction: event.Up,
		Kind: event.Regression, Before: 10, After: 12, Spread: 0.1, Effect: 0.2, Statistic: 9, PValue: 0.001, Active: true,
	}
	f.ID = f.IDOf("default", "nts", "steps")
	w.append(event.ChangeFound, lo.Must(event.Changes{Detector: "steps", Version: 1, DataSeq: 1, Findings: []event.Finding{f}}.Encode()))
}

// step is a series of n orders that goes from 10 to 12 at the 1-based order at; 0 is never.
func step(n, at int) []float64 {
	return lo.Times(n, func(i int) float64 {
		return 10 + 0.01*float64(i%3) + lo.Ternary(at > 0 && i+1 >= at, 2.0, 0)
	})
}

func (w *world) worker(judge backtest.Judge, clock func() time.Time, change ...func(*backtester.Config)) *backtester.Backtester {
	w.t.Helper()
	cfg := backtester.DefaultConfig()
	cfg.Beat = 20 * time.Millisecond
	for _, c := range change {
		c(&cfg)
	}
	b, err := backtester.New(cfg, backtester.Deps{
		Store: w.store, Judge: judge, Clock: clock, Logger: testkit.Logger(), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) ask(spec backtest.Spec) backtest.Backtest {
	w.t.Helper()
	b, err := w.Create(w.t.Context(), "default", "nts", spec, "somebody")
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) get(id uuid.UUID) backtest.Backtest {
	w.t.Helper()
	b, err := w.Get(w.t.Context(), "default", "nts", id)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) rows(b backtest.Backtest, diff backtest.Diff) []string {
	w.t.Helper()
	list, err := w.Findings(w.t.Context(), b, diff, 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	return lo.Map(list, func(r backtest.NamedRow, _ int) string {
		return fmt.Sprintf("%s %s@%s from %s %+d label %d", r.Diff, r.Test, r.Order, r.StandingOrder, r.MovedOrders, r.Label)
	})
}

func TestBacktest_BesideWhatStands_IsADiffWithLabels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history("m", map[string][]float64{
		"a-same": step(40, 20), "b-moved": step(40, 20), "c-new": step(40, 20), "d-lost": step(40, 0), "e-dismissed": step(40, 20), "f-early": step(40, 6),
	})
	w.history("other", map[string][]float64{"a-same": step(3, 0)})
	w.stands(1, 20)
	w.stands(2, 22)
	w.stands(4, 20)
	w.stands(5, 20)
	w.append(event.ChangeIgnored, lo.Must(event.ChangeDismissal{ChangeIDs: []uint32{4}}.Encode()))
	asked := w.ask(backtest.Spec{Since: "10", Machine: "m*", Test: "?-*", Metric: "execution_*"})
	if asked.State != backtest.Queued || asked.Asked.Detector != "steps" || asked.Asked.Values["min_t"] != "4.5" {
		t.Fatalf("queued %+v", asked)
	}
	ran, err := w.worker(nil, time.Now).Step(t.Context())
	if !ran || err != nil {
		t.Fatalf("ran %v: %v", ran, err)
	}
	b := w.get(asked.ID)
	if b.State != backtest.Done || b.Progress.Report == nil {
		t.Fatalf("state %s: %s", b.State, b.Progress.Error)
	}
	got := strings.Join(w.rows(b, ""), "\n")
	want := `same a-same@20 from 20 +0 label 0
moved b-moved@20 from 22 -2 label 0
new c-new@20 from  +0 label 0
new e-dismissed@20 from 20 +0 label -1
lost d-lost@20 from 20 +0 label 0`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if lost := w.rows(b, backtest.Lost); len(lost) != 1 {
		t.Errorf("asked for what is lost: %v", lost)
	}
	r := *b.Progress.Report
	if r.Found != 4 || r.Standing != 3 || r.New != 2 || r.Lost != 1 || r.Moved != 1 || r.Same != 1 || r.FoundNotReal != 1 || *r.Precision != 0 || r.Recall != nil || r.Kept != 5 {
		t.Errorf("report %+v", r)
	}
	if b.Progress.SeriesDone != 6 || b.Progress.SeriesAll != 6 {
		t.Errorf("%d of %d series", b.Progress.SeriesDone, b.Progress.SeriesAll)
	}
	if ran, err := w.worker(nil, time.Now).Step(t.Context()); ran || err != nil {
		t.Errorf("ran again: %v, %v", ran, err)
	}
}

func TestCreate_WhatCannotBe_IsRefusedAndNothingQueued(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.Create(t.Context(), "default", "nts", backtest.Spec{}, ""); !errors.Is(err, backtest.ErrInvalid) {
		t.Errorf("a suite without data: %v", err)
	}
	w.history("m", map[string][]float64{"a": step(5, 0)})
	negative := -1
	for want, spec := range map[string]backtest.Spec{
		`unknown detector "nope"`:                                 {Detector: "nope"},
		`has no parameter "nope"`:                                 {Params: map[string]string{"nope": "1"}},
		"must be within [0, 1000]":                                {Params: map[string]string{"min_t": "-1"}},
		"min_t=-1: must be within [0, 1000]\nmachine: no machine": {Params: map[string]string{"min_t": "-1"}, Machine: "x*"},
		`unknown preset "nope"`:                                   {Preset: "nope"},
		`no machine of the suite matches "x*"`:                    {Machine: "x*"},
		`no test of the suite matches "b"`:                        {Test: "b"},
		`no Real metric of the suite matches "hash"`:              {Metric: "hash"},
		`since: "r9" is neither an order`:                         {Since: "r9"},
		"since: nothing was measured from 2030":                   {Since: "2030-01-01"},
		"until: nothing was measured until 2020":                  {Until: "2020-01-01"},
		"since: lies after until":                                 {Since: "3", Until: "2"},
		"margin: -1":                                              {Margin: &negative},
		"note: has 5000 bytes":                                    {Note: strings.Repeat("x", 5000)},
	} {
		_, err := w.Create(t.Context(), "default", "nts", spec, "")
		if !errors.Is(err, backtest.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", spec, err, want)
		}
	}
	list, err := w.List(t.Context(), backtest.Filter{Limit: 10})
	if err != nil || len(list) != 0 {
		t.Errorf("queued: %v, %v", list, err)
	}
	b := w.ask(backtest.Spec{Since: "2026-02-05", Until: "2026-02-06"})
	if b.Asked.SinceOrder != 3 || b.Asked.UntilOrder != 4 {
		t.Errorf("bounds %d..%d, want the orders 3 and 4", b.Asked.SinceOrder, b.Asked.UntilOrder)
	}
}

// stuck judges until its context ends.
func stuck(begun chan<- struct{}) backtest.Judge {
	return func(ctx context.Context, _ detect.Selection, _ detect.Detector, progress func(done, all uint64), _ func(detect.StoredRow) error) error {
		progress(1, 4)
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
}

func TestBacktest_CancelledWhileItRuns_Ends(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history("m", map[string][]float64{"a": step(5, 0)})
	b := w.ask(backtest.Spec{})
	begun, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		_, err := w.worker(stuck(begun), time.Now).Step(t.Context())
		ended <- err
	}()
	<-begun
	if got := w.get(b.ID); got.State != backtest.Running || got.Progress.Attempt != 1 {
		t.Errorf("under way it is %s, attempt %d", got.State, got.Progress.Attempt)
	}
	if _, err := w.Cancel(t.Context(), "default", "nts", b.ID); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	got := w.get(b.ID)
	if got.State != backtest.Cancelled || got.Progress.FinishedAt.IsZero() || got.Progress.SeriesAll != 4 {
		t.Errorf("it is %s: %+v", got.State, got.Progress)
	}
	if _, err := w.Cancel(t.Context(), "default", "nts", b.ID); !errors.Is(err, backtest.ErrState) {
		t.Errorf("cancelled twice: %v", err)
	}
	if _, err := w.Promotion(t.Context(), "default", "nts", b.ID, event.ModeActive, ""); !errors.Is(err, backtest.ErrState) {
		t.Errorf("promoted: %v", err)
	}
	if _, err := w.Cancel(t.Context(), "default", "nts", uuid.New()); !errors.Is(err, backtest.ErrUnknown) {
		t.Errorf("unknown one: %v", err)
	}
}

func TestBacktest_ProcessStops_TheNextBeginsItAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history("m", map[string][]float64{"a": step(40, 20)})
	b := w.ask(backtest.Spec{})
	begun, ended := make(chan struct{}, 1), make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- w.worker(stuck(begun), time.Now).Run(ctx) }()
	<-begun
	if ran, err := w.worker(nil, time.Now).Step(t.Context()); ran || err != nil {
		t.Errorf("two processes run it: %v, %v", ran, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if ran, err := w.worker(nil, time.Now).Step(t.Context()); !ran || err != nil {
		t.Fatalf("not begun again: %v, %v", ran, err)
	}
	got := w.get(b.ID)
	if got.State != backtest.Done || got.Progress.Attempt != 2 || got.Progress.Report.New != 1 {
		t.Errorf("it is %s, attempt %d, %+v", got.State, got.Progress.Attempt, got.Progress.Report)
	}
	rule, err := w.Promotion(t.Context(), "default", "nts", b.ID, event.ModeActive, "better")
	if err != nil || rule.Detector != "steps" || rule.Backtest != b.ID {
		t.Errorf("promotion %+v: %v", rule, err)
	}
}

func TestBacktest_OwnerFellSilent_AnotherTakesItOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history("m", map[string][]float64{"a": step(40, 20)})
	b := w.ask(backtest.Spec{})
	begun, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		_, err := w.worker(stuck(begun), time.Now).Step(t.Context())
		ended <- err
	}()
	<-begun
	later := func() time.Time { return time.Now().Add(time.Hour) }
	if ran, err := w.worker(nil, later).Step(t.Context()); !ran || err != nil {
		t.Fatalf("not taken over: %v, %v", ran, err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := w.get(b.ID); got.State != backtest.Done || got.Progress.Attempt != 2 {
		t.Errorf("it is %s, attempt %d", got.State, got.Progress.Attempt)
	}
}

func TestBacktest_JudgingFails_SaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history("m", map[string][]float64{"a": step(5, 0)})
	b := w.ask(backtest.Spec{})
	broken := func(context.Context, detect.Selection, detect.Detector, func(uint64, uint64), func(detect.StoredRow) error) error {
		return errors.New("no memory left")
	}
	if _, err := w.worker(broken, time.Now).Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.get(b.ID); got.State != backtest.Failed || got.Progress.Error != "no memory left" {
		t.Errorf("it is %s: %s", got.State, got.Progress.Error)
	}
}
