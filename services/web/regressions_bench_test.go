package web_test

import (
	"fmt"
	"math"
	"syscall"
	"testing"
	"time"

	"github.com/samber/lo"

	"tidemark/pkg/event"
)

// newTriageWorld has 10 000 regressions of three findings each.
func newTriageWorld(t testing.TB) *world {
	t.Helper()
	const tests, orders, perEvent = 2500, 13, 500
	w := newWorld(t)
	for n := range orders {
		w.submit("default", "nts", "machine-1", fmt.Sprint(1000+n), noon.Add(time.Duration(n-30)*time.Hour), lo.Times(tests, func(i int) test {
			return test{"name": fmt.Sprintf("SingleSource/directory-%02d/case-%05d", i%40, i), "execution_time": 1}
		})...)
	}
	finding := func(i int) event.Finding {
		f := event.Finding{
			MachineID: 1, TestID: uint32(i%tests) + 1, Metric: "execution_time", OrderID: uint32(i/tests) + 2, PreviousOrderID: uint32(i/tests) + 1,
			Direction: event.Up, Kind: event.Regression, Before: 1, Active: true,
		}
		f.Effect = 0.01 + math.Mod(float64(i)*0.618, 0.3)
		f.After = 1 + f.Effect
		f.ID = f.IDOf("default", "nts", event.DetectorLNT)
		return f
	}
	for from := 0; from < 10_000; from += perEvent {
		w.say(event.RegressionImported, event.RegressionImport{Regressions: lo.Times(perEvent, func(i int) event.ImportedRegression {
			n := from + i
			return event.ImportedRegression{
				ID: uint32(n + 1), Title: fmt.Sprintf("case %d got slower", n), State: []uint8{0, 10, 22, 1}[n%4],
				Findings: []event.Finding{finding(3 * n), finding(3*n + 1), finding(3*n + 2)},
			}
		})})
	}
	w.flush()
	return w
}

// BenchmarkRegressions_TenThousand measures the pages through which people work.
func BenchmarkRegressions_TenThousand(b *testing.B) {
	w := newTriageWorld(b)
	for name, path := range map[string]string{
		"list":     "/v4/nts/regressions/",
		"newest":   "/v4/nts/regressions/?sort=newest",
		"filtered": "/v4/nts/regressions/?state=all&test=case-0001",
		"one":      "/v4/nts/regressions/77",
		"findings": "/v4/nts/findings",
		"home":     "/",
	} {
		b.Run(name, func(b *testing.B) {
			w.ok(path)
			before := processorTime(b)
			for b.Loop() {
				w.ok(path)
			}
			b.ReportMetric(float64((processorTime(b)-before).Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}

// processorTime is what this process, with the engine in it, has used: other processes do not count.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
