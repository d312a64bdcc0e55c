package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/samber/lo"

	"tidemark/pkg/backtest"
	"tidemark/pkg/embedded/clickhouse"
	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

// The history of a backtest: ten machines and two metrics share the series.
const (
	backtestPoints   = 200
	backtestMachines = 10
	// backtestSeries is the default size; TIDEMARK_BENCH_SERIES sets another, such as 1000000.
	backtestSeries = 20_000
	// backtestBar is how long a million series may take.
	backtestBar = 10 * time.Minute
)

// BenchmarkBacktest tries the default detector on a history of 200 orders, as a backtest does: what is stored is read, judged,
// compared with what stands and kept. One series in ten has a step of five percent.
func BenchmarkBacktest(b *testing.B) {
	series := backtestSeries
	if text := os.Getenv("TIDEMARK_BENCH_SERIES"); text != "" {
		var err error
		if series, err = strconv.Atoi(text); err != nil || series < 100 {
			b.Fatalf("TIDEMARK_BENCH_SERIES=%q is no number from 100 on", text)
		}
	}
	tests := series / backtestMachines / 2
	s := onDisk(b)
	began := time.Now()
	fillHistory(b, s, tests)
	fmt.Printf("backtest of %d series with %d points, filled in %.0f s\n", tests*backtestMachines*2, backtestPoints, time.Since(began).Seconds())
	queue, runner := backtest.NewQueue(s, time.Now), backtest.NewRunner(s, backtest.Stored(s))
	for b.Loop() {
		one, err := queue.Create(b.Context(), "default", "nts", backtest.Spec{}, "bench")
		if err != nil {
			b.Fatal(err)
		}
		var judged uint64
		peak, cpu := watchMemory(b, s), cpuSeconds(b)
		began := time.Now()
		report, err := runner.Run(b.Context(), one, func(done, _ uint64) { judged = done })
		took, cpu := time.Since(began), cpuSeconds(b)-cpu
		bytes := peak()
		if err != nil {
			b.Fatal(err)
		}
		million := time.Duration(float64(took) * 1e6 / float64(judged))
		fmt.Printf("  %d series in %.1f s, %d changes found; a million series would take %.1f min\n", judged, took.Seconds(), report.Found, million.Minutes())
		b.ReportMetric(float64(judged)*backtestPoints/took.Seconds(), "points/s")
		b.ReportMetric(million.Minutes(), "min/million-series")
		b.ReportMetric(cpu/60*1e6/float64(judged), "cpu-min/million-series")
		b.ReportMetric(float64(bytes)/(1<<20), "engine-peak-MB")
		b.ReportMetric(0, "ns/op")
		if report.Found < judged/20 || report.Found > judged/5 {
			b.Errorf("%d changes found in %d series, one in ten has one", report.Found, judged)
		}
		if series >= 1_000_000 && million > backtestBar {
			b.Errorf("a million series take %.1f min, must be at most %.0f", million.Minutes(), backtestBar.Minutes())
		}
	}
}

// cpuSeconds is the processor time that the process, engine and all, has used.
func cpuSeconds(b *testing.B) float64 {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

// onDisk is a store whose engine keeps its data on the disk.
func onDisk(b *testing.B) *store.Store {
	b.Helper()
	library, err := clickhouse.FindLibrary()
	if err != nil {
		b.Fatal(err)
	}
	cfg := clickhouse.DefaultConfig()
	cfg.Path, cfg.Library = filepath.Join(b.TempDir(), "engine"), library
	engine, err := clickhouse.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	if err := engine.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = engine.Close() })
	storeConfig := store.DefaultConfig()
	storeConfig.Dial, storeConfig.WriteTimeout = engine.Dial, time.Hour
	return testkit.OpenStore(b, storeConfig)
}

// fillHistory stores one run as the projector does, and the others straight into the tables.
func fillHistory(b *testing.B, s *store.Store, tests int) {
	b.Helper()
	at := time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)
	row, d := testkit.NewDecider().Decide(b, store.LogPosition{Topic: event.TopicEvents, Offset: 1}, at, event.Envelope{
		ID: event.IDFromKey("default", "nts", "1"), Type: event.RunSubmitted, Version: 1, Database: "default", Suite: "nts", ReceivedAt: at,
		Body: lo.Must(json.Marshal(map[string]any{
			"format_version": "2", "machine": map[string]any{"name": "m1"},
			"run":   map[string]any{"llvm_project_revision": "1", "start_time": "2026-01-05T06:00:00", "end_time": "2026-01-05T06:00:00"},
			"tests": []any{},
		})),
	})
	if d.Status != event.Accepted {
		b.Fatal(d.Error)
	}
	if err := s.InsertLedger(b.Context(), []store.LedgerRow{row}); err != nil {
		b.Fatal(err)
	}
	exec := func(text string) {
		text = strings.NewReplacer("{orders}", strconv.Itoa(backtestPoints), "{machines}", strconv.Itoa(backtestMachines), "{tests}", strconv.Itoa(tests)).Replace(text)
		if err := s.Exec(b.Context(), text+" SETTINGS async_insert = 0, max_insert_threads = 1", nil); err != nil {
			b.Fatal(err)
		}
	}
	exec("INSERT INTO machines (database, suite, machine_id, seq, name, params) SELECT 'default', 'nts', number + 2, 1, concat('m', toString(number + 2)), '{}' FROM numbers({machines} - 1)")
	exec("INSERT INTO orders (database, suite, order_id, name, values, sort_key) SELECT 'default', 'nts', number + 2, toString(number + 2), [toString(number + 2)], concat(char(2), reverse(reinterpretAsString(toUInt16(number + 258)))) FROM numbers({orders} - 1)")
	exec("INSERT INTO tests (database, suite, test_id, name) SELECT 'default', 'nts', number + 1, concat('suite/test-', toString(number + 1)) FROM numbers({tests})")
	exec(`INSERT INTO runs (database, suite, run_id, seq, load_id, machine_id, order_id, start_at, end_at, received_at, params, sample_rows, sample_count)
		SELECT 'default', 'nts', number + 2, 1, number + 2, intDiv(number + 1, {orders}) + 1, (number + 1) % {orders} + 1, '2026-01-05 06:00:00', '2026-01-05 06:00:00', '2026-01-05 06:00:00', '{}', {tests}, 2 * {tests}
		FROM numbers({machines} * {orders} - 1)`)
	for machine := 1; machine <= backtestMachines; machine++ {
		for _, metric := range []string{"compile_time", "execution_time"} {
			exec(fmt.Sprintf(`INSERT INTO samples (database, suite, machine_id, metric, test_id, order_id, load_id, row, run_id, value, failed)
				SELECT
					'default', 'nts', %[1]d, '%[2]s', intDiv(number, {orders}) + 1 AS test, number %% {orders} + 1 AS place,
					(%[1]d - 1) * {orders} + place AS run, test - 1, run,
					pow(10, cityHash64(test, '%[2]s') %% 60 / 10)
						* (1 + 0.005 * sqrt(-2 * log((cityHash64(number, 'u', %[1]d, '%[2]s') + 1) / 18446744073709551616)) * cos(6.283185 * cityHash64(number, 'v', %[1]d, '%[2]s') / 18446744073709551616))
						* if(cityHash64(test, %[1]d, '%[2]s') %% 10 = 0 AND place > 40 + cityHash64(test, 'step') %% 120, 1.05, 1),
					0
				FROM numbers({tests} * {orders})`, machine, metric))
		}
	}
}

// watchMemory looks once a second how much the engine uses; the function it gives ends that and says the most it saw.
func watchMemory(b *testing.B, s *store.Store) func() uint64 {
	b.Helper()
	type row struct {
		Bytes uint64 `ch:"bytes"`
	}
	ctx, stop := context.WithCancel(b.Context())
	var most uint64
	var looking sync.WaitGroup
	looking.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			if rows, err := store.Select[row](ctx, s, sql.MustQuery("backtest_memory"), nil); err == nil && len(rows) > 0 {
				most = max(most, rows[0].Bytes)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return func() uint64 {
		stop()
		looking.Wait()
		return most
	}
}
