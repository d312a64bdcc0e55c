package registry_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
)

// bigBody is a report of so many tests with four Real values and a status each. Seeded.
func bigBody(tests, order int) []byte {
	rng := rand.New(rand.NewPCG(1, uint64(order)))
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"format_version":"2","machine":{"name":"bench-07","hardware":"aarch64","os":"linux"},`+
		`"run":{"start_time":"2026-02-03T04:05:06","end_time":"2026-02-03T05:00:00","llvm_project_revision":"%d"},"tests":[`, order)
	for i := range tests {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"name":"MultiSource/Benchmarks/group-%02d/program-%04d","compile_time":%.4f,"execution_time":%.6f,"code_size":%d,"mem_bytes":%d,"execution_status":0}`,
			i%37, i, rng.Float64()*10, rng.ExpFloat64()*3, rng.IntN(1<<20), rng.IntN(1<<28))
	}
	b.WriteString("]}")
	return b.Bytes()
}

// BenchmarkDecide_5000Samples is the ordered part: what one suite's events cannot share a second core for.
func BenchmarkDecide_5000Samples(b *testing.B) {
	for _, history := range []int{1, 100_000} {
		b.Run(fmt.Sprintf("history=%d", history), func(b *testing.B) {
			state := registry.New("default", "nts")
			for i := range history {
				e := submission{Machine: fmt.Sprintf("m%d", i%1000), Order: fmt.Sprint(i), Tests: []testEntry{{fmt.Sprint("t", i%8000), "score", []float64{1}}}}
				state.Decide(registry.Prepare(e.envelope(numbered(-1 - i))))
			}
			p := registry.Prepare(event.Envelope{
				Type: event.RunSubmitted, Version: 1, Database: "default", Suite: "nts", ReceivedAt: received,
				Params: map[string]string{event.ParamMerge: "replace"}, Body: bigBody(1250, 1),
			})
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				p.Envelope.ID = uuid.UUID{15: 1, 0: byte(n >> 24), 1: byte(n >> 16), 2: byte(n >> 8), 3: byte(n)}
				if d := state.Decide(p); d.Status != event.Accepted || len(d.Rows.Run.Samples.Row) != 5000 {
					b.Fatalf("%s, %q", d.Status, d.Error)
				}
			}
		})
	}
}

// BenchmarkPrepare_5000Samples is the part that runs in parallel.
func BenchmarkPrepare_5000Samples(b *testing.B) {
	e := event.Envelope{ID: numbered(1), Type: event.RunSubmitted, Version: 1, Body: bigBody(1250, 1)}
	b.SetBytes(int64(len(e.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if p := registry.Prepare(e); p.Refusal != nil {
			b.Fatal(p.Refusal)
		}
	}
}

// BenchmarkRemember_PerEvent measures what an event that was decided costs in memory for ever.
func BenchmarkRemember_PerEvent(b *testing.B) {
	const events = 1_000_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		state := registry.New("default", "nts")
		for i := range events {
			p := registry.Prepared{Digest: uint64(i), Envelope: event.Envelope{ID: uuid.UUID{0: byte(i >> 16), 1: byte(i >> 8), 2: byte(i), 15: 1}}}
			p.Refusal = &registry.Refusal{Code: 400, Error: "no"}
			state.Decide(p)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/events, "B/event")
		runtime.KeepAlive(state)
	}
}
