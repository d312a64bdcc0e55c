package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/services/detector"
)

const (
	slotTests  = 7500 // with four metrics 30 000 series
	slotOrders = 100
)

var slotMetrics = []string{"compile_time", "execution_time", "score", "mem_bytes"}

// suiteInMemory is a log and its projector: events are decided and stored as they come, or once a slot is over: the detector appends to
// the log and waits for nobody.
type suiteInMemory struct {
	b       *testing.B
	store   *store.Store
	decider *testkit.Decider
	offset  int64
	// findings counts what was told.
	findings int
	// inSlot keeps events until the slot is over.
	inSlot bool
	kept   []event.Envelope
}

func (l *suiteInMemory) Append(ctx context.Context, events ...event.Envelope) error {
	if l.inSlot {
		l.kept = append(l.kept, events...)
		return nil
	}
	for _, some := range lo.Chunk(events, 10) {
		rows := lo.Map(some, func(e event.Envelope, _ int) store.LedgerRow {
			l.offset++
			row, d := l.decider.Decide(l.b, store.LogPosition{Topic: event.TopicEvents, Offset: l.offset}, e.ReceivedAt, e)
			l.findings += len(d.Rows.Findings)
			if d.Status == event.Rejected {
				l.b.Fatalf("event %d: %s", l.offset, d.Error)
			}
			return row
		})
		if err := l.store.InsertLedger(ctx, rows); err != nil {
			return err
		}
	}
	return nil
}

// slotReport is what a machine measures at an order: noise, and in a few series a step at a place of their own.
func slotReport(order, stepsFrom int) event.Envelope {
	r := rand.New(rand.NewPCG(seed, uint64(order))) //nolint:gosec // reproducible by design
	tests := lo.Times(slotTests, func(i int) map[string]any {
		t := map[string]any{"name": "suite/test-" + strconv.Itoa(i)}
		for k, metric := range slotMetrics {
			v := float64(10+i) * (1 + 0.01*r.NormFloat64())
			if n := i*len(slotMetrics) + k; n%50 == 0 && order >= 10+n/50%85 {
				v *= 1.1
			}
			if n := i*len(slotMetrics) + k; n%10 == 3 && order >= stepsFrom {
				v *= 1.05
			}
			t[metric] = v
		}
		return t
	})
	return event.Envelope{
		ID:   event.IDFromKey("default", "nts", "order "+strconv.Itoa(order)),
		Type: event.RunSubmitted, Version: 1, Database: "default", Suite: "nts",
		ReceivedAt: time.Date(2026, 2, 3, 0, order, 0, 0, time.UTC),
		Body: lo.Must(json.Marshal(map[string]any{
			"format_version": "2", "machine": map[string]any{"name": "bench"},
			"run":   map[string]any{"llvm_project_revision": strconv.Itoa(1000 + order), "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00"},
			"tests": tests,
		})),
	}
}

// BenchmarkSlot is one slot over a submission of 30 000 series with 100 orders of history: nothing new, and a step in every tenth series
// that is up to four orders old. The first slot after the history meets the engine still merging it.
func BenchmarkSlot(b *testing.B) {
	l := &suiteInMemory{b: b, store: testkit.Store(b), decider: testkit.NewDecider()}
	cfg := detector.DefaultConfig()
	cfg.Full.Budget = 10 * time.Minute
	at := time.Date(2026, 2, 4, 0, 0, 0, 0, time.UTC)
	d, err := detector.New(cfg, detector.Deps{Store: l.store, Log: l, Clock: time.Now, Logger: testkit.Logger(), Registerer: prometheus.NewRegistry()})
	if err != nil {
		b.Fatal(err)
	}
	found := 0
	submit := func(order int, stepsFrom int) {
		if err := l.Append(b.Context(), slotReport(order, stepsFrom)); err != nil {
			b.Fatal(err)
		}
	}
	var cpu, took time.Duration // of the last slot: of the process, and by the clock
	slot := func() time.Duration {
		began := time.Now()
		used := processTime(b)
		at = at.Add(cfg.Interval)
		l.inSlot = true
		if err := d.Slot(b.Context(), at); err != nil {
			b.Fatal(err)
		}
		took, cpu = time.Since(began), processTime(b)-used
		l.inSlot = false
		if err := l.Append(b.Context(), l.kept...); err != nil {
			b.Fatal(err)
		}
		l.kept = nil
		return took
	}
	says := func(what string) {
		fmt.Println(" ", what, l.findings-found, "findings told in", took.Round(time.Millisecond), "with", cpu.Round(time.Millisecond), "of processor time")
		found = l.findings
	}
	for order := range slotOrders {
		submit(order, slotOrders+4)
	}
	slot()
	says("100 orders of 30 000 series, judged whole:")
	for b.Loop() {
		var quiet, stepped []float64
		for i := range 4 {
			submit(slotOrders+i, slotOrders+4)
			quiet = append(quiet, slot().Seconds())
			says("a quiet slot:")
		}
		for i := range 4 {
			submit(slotOrders+4+i, slotOrders+4)
			stepped = append(stepped, slot().Seconds())
			says(fmt.Sprint(i+1, " orders after the step of 3000 series:"))
		}
		b.ReportMetric(quiet[0], "first-s")
		b.ReportMetric(slices.Max(quiet[1:]), "quiet-s")
		b.ReportMetric(slices.Max(stepped), "stepped-s")
		b.ReportMetric(0, "ns/op")
	}
}

// processTime is the processor time that the process has used: what a slot costs on a machine that others use, too.
func processTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
