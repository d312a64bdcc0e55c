package bench_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"tidemark/services/detector"
)

const (
	findingRate     = 50 // submissions a second
	findingMachines = 50
	findingOrders   = 40
	findingTests    = 5 // with four metrics twenty series
	// findingAfter is how many orders of the new level have to be there for a step of this size to be found.
	findingAfter = 3
)

// stepAt is the order at which a machine's first test becomes slower by 30 %; every second machine has one.
func stepAt(machine int) (order int, steps bool) { return 12 + machine%20, machine%2 == 0 }

func findingReport(machine, order int) []byte {
	r := rand.New(rand.NewPCG(seed, uint64(machine*1000+order))) //nolint:gosec // reproducible by design
	list := make([]map[string]any, findingTests)
	for i := range list {
		list[i] = map[string]any{"name": "suite/case-" + strconv.Itoa(i)}
		for _, metric := range []string{"compile_time", "execution_time", "score", "mem_bytes"} {
			v := float64(10+i) * (1 + 0.01*r.NormFloat64())
			if at, steps := stepAt(machine); steps && order >= at && i == 0 && metric == "execution_time" {
				v *= 1.3
			}
			list[i][metric] = v
		}
	}
	body, err := json.Marshal(map[string]any{
		"format_version": "2",
		"machine":        map[string]any{"name": fmt.Sprintf("machine-%02d", machine)},
		"run":            map[string]any{"llvm_project_revision": strconv.Itoa(1000 + order), "start_time": "2026-01-05T00:00:00"},
		"tests":          list,
	})
	if err != nil {
		panic(err)
	}
	return body
}

// BenchmarkFinding is how long it takes from the answer to the submission that completes the evidence for a step until the finding can
// be read over REST, while fifty machines submit together. The slot length is a part of it.
func BenchmarkFinding(b *testing.B) {
	p := start(b, b.TempDir())
	for b.Loop() {
		var mu sync.Mutex
		answered, seen := map[string]time.Time{}, map[string]time.Time{} // by machine
		body := func(i int) []byte { return findingReport(i%findingMachines, i/findingMachines) }
		done := make(chan struct{})
		var watch sync.WaitGroup
		watch.Go(func() { p.watchFindings(done, func(machine string, at time.Time) { seen[machine] = at }) })
		// Each machine sends its orders one after the other.
		all := submitPaced(b, findingMachines, findingMachines*findingOrders, findingRate, body, func(report []byte) (time.Duration, error) {
			took, err := p.submitRaw(report, false)
			machine, order := reportOf(report)
			if at, steps := stepAt(machine); steps && order == at+findingAfter-1 {
				mu.Lock()
				answered[fmt.Sprintf("machine-%02d", machine)] = time.Now()
				mu.Unlock()
			}
			return took, err
		})
		close(done)
		watch.Wait()
		var delays times
		missing := 0
		for machine, at := range answered {
			if found, ok := seen[machine]; ok {
				delays = append(delays, max(0, found.Sub(at)))
			} else {
				missing++
			}
		}
		if missing > 0 || len(delays) == 0 {
			b.Errorf("%d of %d steps were not found", missing, len(answered))
			return
		}
		slot := detector.DefaultConfig().Interval
		p95 := delays.quantile(0.95) / 1000
		fmt.Printf("  %d steps among %d submissions of %d series; answers p50 %.0f ms, p99 %.0f ms\n",
			len(delays), len(all), 4*findingTests, all.quantile(0.5), all.quantile(0.99))
		b.ReportMetric(delays.quantile(0.5)/1000, "p50-s")
		b.ReportMetric(p95, "p95-s")
		b.ReportMetric(p95/slot.Seconds(), "p95-slots")
		b.ReportMetric(0, "ns/op")
	}
}

// reportOf is the machine and the order of a report.
func reportOf(body []byte) (machine, order int) {
	var r struct {
		Machine struct{ Name string }
		Run     struct {
			Revision string `json:"llvm_project_revision"`
		}
	}
	if err := json.Unmarshal(body, &r); err != nil {
		panic(err)
	}
	if _, err := fmt.Sscanf(r.Machine.Name+" "+r.Run.Revision, "machine-%d %d", &machine, &order); err != nil {
		panic(err)
	}
	return machine, order - 1000
}

// watchFindings asks four times a second what stands, and tells which machines' steps are there. After done it goes on for a while.
func (p *product) watchFindings(done <-chan struct{}, found func(machine string, at time.Time)) {
	const after = 30 * time.Second
	known := map[string]bool{}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	var end time.Time
	steps := 0
	for machine := range findingMachines {
		if _, is := stepAt(machine); is {
			steps++
		}
	}
	for range tick.C {
		select {
		case <-done:
			if done = nil; end.IsZero() {
				end = time.Now().Add(after)
			}
		default:
		}
		if len(known) == steps && done == nil || !end.IsZero() && time.Now().After(end) {
			return
		}
		res, err := p.client.Get(p.http + "api/v5/nts/findings?metric=execution_time") //nolint:noctx // bounded by the server
		if err != nil {
			p.b.Error(err)
			return
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		now := time.Now()
		var page struct {
			Items []struct{ Machine, Test, Order, Direction string }
		}
		if err == nil {
			err = json.Unmarshal(text, &page)
		}
		if err != nil || res.StatusCode != http.StatusOK {
			p.b.Errorf("findings: status %d, %v: %.200s", res.StatusCode, err, text)
			return
		}
		for _, f := range page.Items {
			var machine, order int
			if _, err := fmt.Sscanf(f.Machine+" "+f.Order, "machine-%d %d", &machine, &order); err != nil || known[f.Machine] {
				continue
			}
			if at, steps := stepAt(machine); steps && f.Test == "suite/case-0" && f.Direction == "up" && order-1000 == at {
				known[f.Machine] = true
				found(f.Machine, now)
			}
		}
	}
}
