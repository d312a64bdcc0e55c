package bench_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// seed decides every report of the benchmarks; it is printed with the figures.
const seed = 20260105

// report has tests×4 samples: one of each time metric and two of each other.
func report(machine string, order, tests int) []byte {
	r := rand.New(rand.NewPCG(seed, uint64(order)))
	list := make([]map[string]any, tests)
	for i := range list {
		level := 1 + float64(i%97)
		list[i] = map[string]any{
			"name":           fmt.Sprintf("suite/group-%02d/case-%05d", i%20, i),
			"execution_time": noisy(r, level),
			"compile_time":   noisy(r, level/3),
			"mem_bytes":      float64(1000 * (i + 1)),
			"code_size":      float64(100 * (i + 1)),
		}
	}
	body, err := json.Marshal(map[string]any{
		"format_version": "2",
		"machine":        map[string]any{"name": machine, "os": "linux"},
		"run":            map[string]any{"llvm_project_revision": strconv.Itoa(order), "start_time": "2026-01-05T00:00:00"},
		"tests":          list,
	})
	if err != nil {
		panic(err)
	}
	return body
}

func noisy(r *rand.Rand, level float64) float64 {
	return float64(int(level*(1+0.01*r.NormFloat64())*1e4)) / 1e4
}

// times are durations with quantiles.
type times []time.Duration

func (t times) quantile(q float64) float64 {
	slices.Sort(t)
	return float64(t[min(len(t)-1, int(q*float64(len(t))))].Microseconds()) / 1000
}

func (t times) report(b *testing.B) {
	b.ReportMetric(t.quantile(0.5), "p50-ms")
	b.ReportMetric(t.quantile(0.99), "p99-ms")
	b.ReportMetric(0, "ns/op") // one iteration is a whole scenario
}

// submitAll posts n reports from clients at once.
func submitAll(b *testing.B, clients, n int, body func(i int) []byte, post func([]byte) (time.Duration, error)) times {
	b.Helper()
	var next atomic.Int64
	var mu sync.Mutex
	var all times
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				took, err := post(body(i))
				if err != nil {
					b.Errorf("report %d: %v", i, err)
					return
				}
				mu.Lock()
				all = append(all, took)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return all
}

// submitPaced posts n reports from clients, each on a schedule of its own, so
// that together they send rate reports a second. That holds while answers come
// within clients/rate seconds: a client sends its next report after its answer.
func submitPaced(b *testing.B, clients, n, rate int, body func(i int) []byte, post func([]byte) (time.Duration, error)) times {
	b.Helper()
	every := time.Second * time.Duration(clients) / time.Duration(rate)
	var mu sync.Mutex
	var all times
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			// Clients start one after the other, as those of strangers would.
			first := time.NewTimer(every * time.Duration(client) / time.Duration(clients))
			<-first.C
			tick := time.NewTicker(every)
			defer tick.Stop()
			for i := client; i < n; i += clients {
				took, err := post(body(i))
				if err != nil {
					b.Errorf("report %d: %v", i, err)
					return
				}
				mu.Lock()
				all = append(all, took)
				mu.Unlock()
				<-tick.C
			}
		})
	}
	group.Wait()
	return all
}
