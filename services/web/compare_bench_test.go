package web_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/samber/lo"
)

// newLargeWorld has two machines with ten runs each of 7500 tests with four metrics.
func newLargeWorld(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	for n := range 20 {
		tests := lo.Times(7500, func(i int) test {
			base := 0.5 + float64(i%977)/100
			drift := 1 + float64((i*31+n*17)%13-6)/1500
			if n >= 16 && i%50 == 0 {
				drift *= 1.2
			}
			return test{
				"name": fmt.Sprintf("SingleSource/UnitTests/Vector/directory-%02d/case-%05d", i%40, i), "execution_time": round(base * drift),
				"compile_time": round(base / 3 * drift), "code_size": 40_000 + i, "score": round(1000 / base / drift),
			}
		})
		w.submit("default", "nts", fmt.Sprintf("machine-%d", n%2+1), fmt.Sprint(1000+n/2), noon.Add(time.Duration(n-30)*time.Hour), tests...)
	}
	w.flush()
	return w
}

// cpuTime is what the process has used so far, the engine in it too: unlike the clock it does not depend on the neighbours.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func benchmarkPage(b *testing.B, paths map[string]string) {
	w := newLargeWorld(b)
	for name, path := range paths {
		b.Run(name, func(b *testing.B) {
			bytes := len(w.ok(path))
			began := cpuTime(b)
			for b.Loop() {
				w.ok(path)
			}
			b.ReportMetric((cpuTime(b)-began).Seconds()*1000/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(bytes)/1024, "KiB/page")
		})
	}
}

func BenchmarkPages_OfManyTests(b *testing.B) {
	benchmarkPage(b, map[string]string{
		"run":              "/v4/nts/19",
		"run filtered":     "/v4/nts/19?test=case-00001",
		"compare two":      "/v4/nts/compare?before.runs=17&after.runs=19",
		"compare sorted":   "/v4/nts/compare?before.runs=17&after.runs=19&sort=effect&page=3",
		"compare filtered": "/v4/nts/compare?before.runs=17&after.runs=19&test=case-0001",
		"heat map":         "/v4/nts/heatmap?machine=1",
		"latest runs":      "/v4/nts/latest_runs_report",
		"status":           "/v4/nts/global_status",
		"compare five":     "/v4/nts/compare?before.machine=machine-2&after.machine=machine-1",
	})
}
