package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tidemark/pkg/suite"
)

// bigReport writes a version 2 report of seeded data: tests entries of five fields each.
func bigReport(tests int) []byte {
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable data
	var b bytes.Buffer
	b.WriteString(`{"format_version": "2", "machine": {"name": "bench-07", "hardware": "aarch64", "os": "linux"},` +
		` "run": {"start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00", "llvm_project_revision": "501234"}, "tests": [`)
	for i := range tests {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, `{"name": "MultiSource/Benchmarks/group-%02d/program-%04d", "compile_time": %.4f, "execution_time": %.6f, "code_size": %d, "mem_bytes": %d, "execution_status": 0}`,
			i%37, i, rng.Float64()*10, rng.ExpFloat64()*3, rng.IntN(1<<20), rng.IntN(1<<28))
	}
	b.WriteString("]}\n")
	return b.Bytes()
}

func BenchmarkParse_V2(b *testing.B) {
	body := bigReport(7500)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(body, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResolve_V2(b *testing.B) {
	body := bigReport(7500)
	s, err := Parse(body, Options{})
	if err != nil {
		b.Fatal(err)
	}
	nts, _ := suite.BuiltIn("nts")
	at := time.Date(2026, 2, 3, 5, 0, 1, 0, time.UTC)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Resolve(nts, at); err != nil {
			b.Fatal(err)
		}
	}
}
