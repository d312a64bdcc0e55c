package bench_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidemark/pkg/embedded/clickhouse"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

// What the readers' figures are measured on, beside the samples: reading is by keys, so that the weight is in how many there are.
const (
	readMachines    = 4 // with four metrics of bigTests tests each
	readRuns        = 20_000
	readRegressions = 10_000
	readTests       = 1_000_000
)

// readSamples is how many samples are stored, TIDEMARK_BENCH_SAMPLES or ten million.
func readSamples(b *testing.B) int {
	b.Helper()
	text := os.Getenv("TIDEMARK_BENCH_SAMPLES")
	if text == "" {
		return 10_000_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < readMachines*4*bigTests {
		b.Fatalf("TIDEMARK_BENCH_SAMPLES: %q is not a number of at least %d", text, readMachines*4*bigTests)
	}
	return n
}

// BenchmarkReads asks for pages and data as people and scripts do: first each time anew, then again with nothing written between,
// which is answered from what is kept, and with what the client has (If-None-Match).
func BenchmarkReads(b *testing.B) {
	p := readable(b)
	base := "db_default/v4/nts/"
	for _, page := range []struct{ name, path string }{
		{"graph-data", base + "graph/data?plot.0=2.17.2"},
		{"run", base + "3"},
		{"run-json", "api/db_default/v4/nts/runs/3"},
		{"compare", base + "3?compare_to=2"},
		{"home", ""},
		{"suite", "db_default/v4/nts"},
		{"machine-20000-runs", base + "machine/6"},
		{"regressions-10000", base + "regressions"},
		{"search-box-1000000-tests", "search/suggest?q=case-0777777"},
		{"search-for-runs-1000000-tests", "db_default/v4/compile/search?q=case-0777777"},
	} {
		b.Run(page.name, func(b *testing.B) {
			for b.Loop() {
				p.get(page.path, 0, "") // connections, marks of the engine's
				cpu := p.cpu()
				var cold, kept, known times
				var weight int
				var tag string
				for i := range 30 {
					a := p.get(page.path, i+1, "")
					cold = append(cold, a.took)
				}
				cpu = p.cpu() - cpu
				for range 30 {
					a := p.get(page.path, 30, "")
					kept, weight, tag = append(kept, a.took), a.bytes, a.tag
				}
				for range 30 {
					known = append(known, p.get(page.path, 30, tag).took)
				}
				b.ReportMetric(cold.quantile(0.5), "p50-ms")
				b.ReportMetric(cold.quantile(0.95), "p95-ms")
				b.ReportMetric(cpu.Seconds()*1000/30, "cpu-ms")
				b.ReportMetric(kept.quantile(0.5), "kept-p50-ms")
				b.ReportMetric(known.quantile(0.5), "known-p50-ms")
				b.ReportMetric(float64(weight)/1024, "KiB")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
	b.Run("500-slow-graph-readers", func(b *testing.B) { crowded(b, p) })
}

// What the product is started with: connections of people's reads, of its own reads and of writers.
const connectionsAllowed = 4 + 4 + 4

// crowd is 500 clients that each ask for another graph, read slowly, and ask again when they have heeded what they were told.
type crowd struct {
	p     *product
	codes [600]atomic.Int64
	next  atomic.Int64
}

// come is the crowd until the context ends.
func (c *crowd) come(ctx context.Context) *sync.WaitGroup {
	var readers sync.WaitGroup
	for i := range 500 {
		readers.Go(func() {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				c.read(ctx, client, i)
			}
		})
	}
	return &readers
}

func (c *crowd) read(ctx context.Context, client *http.Client, reader int) {
	n := int(c.next.Add(1))
	address := fmt.Sprintf("%sdb_default/v4/nts/graph/data?plot.0=%d.%d.2&n=%d", c.p.http, 2+reader%readMachines, 1+(reader*131+n)%bigTests, n)
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	res, err := client.Do(req)
	if err != nil {
		return // the end
	}
	defer res.Body.Close() //nolint:errcheck // all that is wanted was read
	c.codes[res.StatusCode].Add(1)
	_, _ = io.CopyN(io.Discard, res.Body, 2048)
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	_, _ = io.Copy(io.Discard, res.Body)
}

// crowded is reports that arrive with a crowd of readers and without, in turns: whatever else the machine does is then beside both.
func crowded(b *testing.B, p *product) {
	next := atomic.Int64{}
	next.Store(time.Now().Unix()) // new orders, should the folder be one of an earlier time
	submit := func(seconds int) times {
		return submitPaced(b, 20, 20*seconds, 20, func(int) []byte { return report("bench-live", int(next.Add(1)), 100) }, func(body []byte) (time.Duration, error) {
			return p.post("db_live/v4/nts/submitRun?merge=append", "application/json", body, false)
		})
	}
	submit(5)
	var quiet, busy, home times
	var most float64
	all := crowd{p: p}
	for range 4 {
		quiet = append(quiet, submit(8)...)
		ctx, stop := context.WithCancel(b.Context())
		readers := all.come(ctx)
		submit(3)
		busy = append(busy, submit(8)...)
		most = max(most, p.metric("tidemark_clickhouse_connections"))
		home = append(home, p.get("", int(next.Load()), "").took)
		stop()
		readers.Wait()
		submit(2)
	}
	b.ReportMetric(quiet.quantile(0.99), "quiet-p99-ms")
	b.ReportMetric(busy.quantile(0.99), "busy-p99-ms")
	b.ReportMetric(busy.quantile(0.99)/quiet.quantile(0.99), "ratio-p99")
	b.ReportMetric(busy.quantile(0.5)/quiet.quantile(0.5), "ratio-p50")
	b.ReportMetric(float64(all.codes[200].Load()), "answered")
	b.ReportMetric(float64(all.codes[503].Load()), "told-to-come-back")
	b.ReportMetric(home.quantile(0.5), "home-beside-ms")
	b.ReportMetric(most, "connections")
	b.ReportMetric(0, "ns/op")
	if most > connectionsAllowed || most == 0 {
		b.Errorf("%v connections to ClickHouse, at most %d are configured", most, connectionsAllowed)
	}
	for code := range all.codes {
		if n := all.codes[code].Load(); n > 0 && code != http.StatusOK && code != http.StatusServiceUnavailable {
			b.Errorf("%d answers with status %d", n, code)
		}
	}
}

// answered is what a request gave.
type answered struct {
	took  time.Duration
	bytes int
	tag   string
}

// get asks for a page; the nth time differs from the others in its address.
func (p *product) get(path string, nth int, tag string) answered {
	p.b.Helper()
	sign := "?"
	if strings.Contains(path, "?") {
		sign = "&"
	}
	req, err := http.NewRequestWithContext(p.b.Context(), http.MethodGet, fmt.Sprintf("%s%s%sn=%d", p.http, path, sign, nth), http.NoBody)
	if err != nil {
		p.b.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,application/json")
	req.Header.Set("Accept-Encoding", "gzip")
	if tag != "" {
		req.Header.Set("If-None-Match", tag)
	}
	began := time.Now()
	res, err := p.client.Do(req)
	if err != nil {
		p.b.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	a := answered{time.Since(began), len(body), res.Header.Get("ETag")}
	if want := map[bool]int{true: http.StatusNotModified, false: http.StatusOK}[tag != ""]; err != nil || res.StatusCode != want {
		p.b.Fatalf("%s: %d %v %.300s", path, res.StatusCode, err, body)
	}
	return a
}

// cpu is the processor time that the product has used, engine and all.
func (p *product) cpu() time.Duration {
	p.b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// metric is a number of the product's /metrics.
func (p *product) metric(name string) float64 {
	p.b.Helper()
	req, err := http.NewRequestWithContext(p.b.Context(), http.MethodGet, strings.TrimSuffix(p.admin, "/")+"/metrics", http.NoBody)
	if err != nil {
		p.b.Fatal(err)
	}
	res, err := p.client.Do(req)
	if err != nil {
		p.b.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n"+name+" ")
	word, _, _ := strings.Cut(rest, "\n")
	value, err := strconv.ParseFloat(word, 64)
	if err != nil {
		p.b.Fatalf("%s: %q", name, word)
	}
	return value
}

// readable is a product with three real reports, and a history and lists that were put into the tables behind the ledger.
// TIDEMARK_BENCH_DATA keeps that in a folder for the next time.
func readable(b *testing.B) *product {
	b.Helper()
	args := []string{"--databases", "default,live", "--store-kept-answers", "64MiB"}
	data := os.Getenv("TIDEMARK_BENCH_DATA")
	if data == "" {
		data = b.TempDir()
	}
	if _, err := os.Stat(filepath.Join(data, "filled")); err == nil {
		return start(b, data, args...)
	}
	p := start(b, data, args...)
	submitAll(b, 1, 3, func(i int) []byte { return report("bench-1", i+1, bigTests) }, sync200(p))
	p.waitQuiet()
	p.stop()
	began := time.Now()
	fillTables(b, data, readSamples(b))
	fmt.Printf("  %d samples stored in %.0f s\n", readSamples(b), time.Since(began).Seconds())
	if err := os.WriteFile(filepath.Join(data, "filled"), nil, 0o600); err != nil {
		b.Fatal(err)
	}
	return start(b, data, args...)
}

// fillTables puts rows straight into the tables: nothing is submitted to these suites afterwards.
func fillTables(b *testing.B, data string, samples int) {
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
	defer engine.Close() //nolint:errcheck // the folder is all that is wanted of it
	cfg := store.DefaultConfig()
	cfg.Dial, cfg.WriteTimeout = engine.Dial, time.Hour
	s := testkit.OpenStore(b, cfg)
	orders := samples / (readMachines * 4 * bigTests)
	names := strings.NewReplacer("{orders}", strconv.Itoa(orders), "{tests}", strconv.Itoa(bigTests), "{machines}", strconv.Itoa(readMachines),
		"{runs}", strconv.Itoa(readRuns), "{regressions}", strconv.Itoa(readRegressions), "{names}", strconv.Itoa(readTests))
	exec := func(text string) {
		b.Helper()
		if err := s.Exec(b.Context(), names.Replace(text)+" SETTINGS async_insert = 0, max_insert_threads = 1", nil); err != nil {
			b.Fatal(err)
		}
	}
	// Machines 2 to 5 have the series, machine 6 the runs. Orders 1 to 3 are those of the reports.
	exec("INSERT INTO machines (database, suite, machine_id, seq, name, params) SELECT 'default', 'nts', number + 2, 1, concat('bench-', toString(number + 2)), '{}' FROM numbers({machines} + 1)")
	exec("INSERT INTO orders (database, suite, order_id, seq, name, values, sort_key) SELECT 'default', 'nts', number + 10, 1, toString(number + 1000), [toString(number + 1000)], concat(char(2), reverse(reinterpretAsString(toUInt16(number + 1000)))) FROM numbers({runs})")
	const run = "INSERT INTO runs (database, suite, run_id, seq, load_id, machine_id, order_id, start_at, end_at, received_at, params, sample_rows, sample_count) SELECT 'default', 'nts', "
	const at = "toDateTime64('2026-01-05 06:00:00', 6) + toIntervalMinute(number), toDateTime64('2026-01-05 06:10:00', 6) + toIntervalMinute(number), toDateTime64('2026-01-05 06:10:00', 3) + toIntervalMinute(number), '{}', "
	exec(run + "number + 10, 1, number + 10, intDiv(number, {orders}) + 2, number % {orders} + 10, " + at + "{tests}, 4 * {tests} FROM numbers({machines} * {orders})")
	exec(run + "number + 1000010, 1, number + 1000010, 6, number + 10, " + at + "10, 40 FROM numbers({runs})")
	for machine := range readMachines {
		for _, metric := range []string{"compile_time", "execution_time", "mem_bytes", "code_size"} {
			exec(fmt.Sprintf(`INSERT INTO samples (database, suite, machine_id, metric, test_id, order_id, load_id, row, run_id, value, failed)
				SELECT 'default', 'nts', %[1]d, '%[2]s', intDiv(number, {orders}) + 1 AS test, number %% {orders} + 10 AS place, %[3]d + place AS run, test - 1, run,
					1 + test %% 97 + cityHash64(number, %[1]d) %% 1000 / 10000, 0
				FROM numbers({orders} * {tests})`, machine+2, metric, machine*orders))
		}
	}
	exec(`INSERT INTO findings (database, suite, finding_id, change_id, seq, machine_id, metric, test_id, order_id, previous_order_id, direction, kind, before, after, effect, p_value, detector, detector_params, found_at, active)
		SELECT 'default', 'nts', generateUUIDv4(), number + 1, 1, number % {machines} + 2, 'execution_time', number % {tests} + 1, 11 + number % 100, 10 + number % 100, 'up', 'regression', 1, 1.1, 0.1 + number / 1e6, 1e-9, 'steps', '{}', '2026-01-05 06:00:00', 1
		FROM numbers(3 * {regressions})`)
	exec(`INSERT INTO regressions (database, suite, regression_id, seq, title, state, change_ids, added, changed_at, uuid, opened_seq, detector, kind, cause, start_order_id, end_order_id)
		SELECT 'default', 'nts', number + 1, 1, concat('Regression ', toString(number + 1)), 10, [3 * number + 1, 3 * number + 2, 3 * number + 3], [1, 1, 1], '2026-01-05 06:00:00', generateUUIDv4(), 1, 'steps', 'regression', 'code', 10 + number % 100, 11 + number % 100
		FROM numbers({regressions})`)
	exec("INSERT INTO tests (database, suite, test_id, name) SELECT 'default', 'compile', number + 1, concat('suite/group-', toString(number % 997), '/case-', leftPad(toString(number), 7, '0')) FROM numbers({names})")
	exec("INSERT INTO suites (database, suite, seq, schema) SELECT 'default', 'compile', 1, schema FROM suites WHERE suite = 'nts' LIMIT 1")
}
