package bench_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"tidemark/pkg/embedded/clickhouse"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

// TestMain prints what the figures depend on.
func TestMain(m *testing.M) {
	fmt.Printf("machine: %d cores, %s/%s, %s; seed %d\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), seed)
	testkit.Main(m)
}

const (
	tests   = 1250 // 5 000 samples in a report
	samples = 4 * tests
)

func async(p *product) func([]byte) (time.Duration, error) {
	return func(body []byte) (time.Duration, error) { return p.submitRaw(body, true) }
}

func sync200(p *product) func([]byte) (time.Duration, error) {
	return func(body []byte) (time.Duration, error) { return p.submit(body, false) }
}

// BenchmarkSubmitSync is one client that waits for each answer, as `lnt submit`
// does: on an empty database, and with ten million samples stored.
func BenchmarkSubmitSync(b *testing.B) {
	p := start(b, b.TempDir())
	idle, _ := p.residentMB()
	next := 1000
	one := func(n int) times {
		return submitAll(b, 1, n, func(int) []byte { next++; return report("bench-1", next, tests) }, sync200(p))
	}
	one(10) // connections, caches
	var empty, full times
	b.Run("empty", func(b *testing.B) {
		for b.Loop() {
			empty = one(200)
		}
		empty.report(b)
		b.ReportMetric(idle, "idle-RSS-MB")
	})
	have := int(p.number("SELECT count() FROM tidemark.v_runs"))
	want := 10_000_000 / samples
	submitAll(b, 4, want-have, func(i int) []byte { return report("bench-2", 100_000+i, tests) }, async(p))
	p.waitRuns(want)
	p.waitQuiet()
	b.Run("ten-million-stored", func(b *testing.B) {
		for b.Loop() {
			full = one(200)
		}
		full.report(b)
		b.ReportMetric(full.quantile(0.5)/empty.quantile(0.5), "ratio-to-empty")
	})
}

// BenchmarkSubmitAsync is 64 clients with reports from 1 KB to 500 KB, at a rate
// the machine can also store, and as fast as answers come.
func BenchmarkSubmitAsync(b *testing.B) {
	p := start(b, b.TempDir())
	bodies := make([][]byte, 64)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range bodies {
		bodies[i] = report(fmt.Sprint("bench-", i%8), i, sizes[r.IntN(len(sizes))])
	}
	body := func(i int) []byte { return bodies[i%len(bodies)] }
	submitAll(b, 64, 128, body, async(p)) // connections, caches
	for _, rate := range []int{100, 200} {
		b.Run(fmt.Sprint(rate, "-per-second"), func(b *testing.B) {
			for b.Loop() {
				submitPaced(b, 64, 2000, rate, body, async(p)).report(b)
			}
		})
	}
	b.Run("saturated", func(b *testing.B) {
		for b.Loop() {
			began := time.Now()
			all := submitAll(b, 64, 3000, body, async(p))
			all.report(b)
			b.ReportMetric(float64(len(all))/time.Since(began).Seconds(), "reports/s")
		}
	})
}

// sizes, in tests, of reports from 1 KB to 500 KB; most are small.
var sizes = []int{6, 6, 6, 30, 30, 100, 100, 400, 3200}

// sustainedRuns is how many runs the rate is taken over.
const sustainedRuns = 3000

// BenchmarkSustained is how many samples a second go all the way, and how that
// compares with inserting the same ledger rows into an empty database directly.
func BenchmarkSustained(b *testing.B) {
	data := b.TempDir()
	p := start(b, data)
	const runs = sustainedRuns
	bodies := make([][]byte, 50)
	for i := range bodies {
		bodies[i] = report(fmt.Sprint("bench-", i%5), 500+i, tests)
	}
	for b.Loop() {
		began := time.Now()
		submitAll(b, 4, runs, func(i int) []byte { return bodies[i%len(bodies)] }, async(p))
		p.waitRuns(runs)
		rate := runs * samples / time.Since(began).Seconds()
		_, peak := p.residentMB()
		p.stop()
		direct := insertDirectly(b, data)
		b.ReportMetric(rate, "samples/s")
		b.ReportMetric(rate/direct, "ratio-to-direct")
		b.ReportMetric(peak, "peak-RSS-MB")
		b.ReportMetric(0, "ns/op")
	}
}

// insertDirectly copies the ledger left in data into a database of its own, in
// batches like the projector's, through the views of the ledger, and returns samples a
// second. Nothing is parsed, decided, encoded or logged on that way.
func insertDirectly(b *testing.B, data string) float64 {
	b.Helper()
	library, err := clickhouse.FindLibrary()
	if err != nil {
		b.Fatal(err)
	}
	engine, err := clickhouse.New(clickhouse.Config{Path: filepath.Join(data, "engine"), Library: library})
	if err != nil {
		b.Fatal(err)
	}
	if err := engine.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer engine.Close() //nolint:errcheck // the folder goes with the benchmark
	cfg := store.DefaultConfig()
	cfg.Dial, cfg.Database = engine.Dial, "direct"
	direct := testkit.OpenStore(b, cfg)
	const first, last, batch = 1, sustainedRuns, 40 // 40 runs are 200 000 samples
	began := time.Now()
	for from := first; from <= last; from += batch {
		err := direct.Exec(b.Context(), `INSERT INTO ledger SELECT * FROM tidemark.ledger
			WHERE database = 'default' AND suite = 'nts' AND seq >= {from:UInt64} AND seq < {to:UInt64} AND run_id > 0
			SETTINGS async_insert = 0, optimize_on_insert = 0`, store.Params{"from": uint64(from), "to": uint64(from + batch)})
		if err != nil {
			b.Fatal(err)
		}
	}
	return (last - first + 1) * samples / time.Since(began).Seconds()
}

// BenchmarkWarmStart is the time to ready with a hundred thousand runs stored.
func BenchmarkWarmStart(b *testing.B) {
	data := b.TempDir()
	p := start(b, data)
	const runs = 100_000
	submitAll(b, 64, runs, func(i int) []byte { return report(fmt.Sprint("bench-", i%20), i/20, 1) }, async(p))
	p.waitRuns(runs)
	p.stop()
	for b.Loop() {
		again := start(b, data)
		took, err := again.submit(report("bench-0", 999_999, 1), false)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(again.startedFor.Seconds(), "ready-s")
		b.ReportMetric(float64(took.Milliseconds()), "first-submit-ms")
		b.ReportMetric(0, "ns/op")
		again.stop()
	}
}
