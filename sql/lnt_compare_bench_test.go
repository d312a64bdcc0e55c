package sql_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

// BenchmarkLNTCompare measures a whole run: 7 500 tests of four metrics and a hash against a run of the same size, which is
// what a submitter waits for; the same against ten runs, which is what the detector asks; and a first run of 5 000 samples,
// which has nothing to be compared with.
func BenchmarkLNTCompare(b *testing.B) {
	for _, c := range []struct {
		name            string
		tests, previous int
		metrics         int
	}{{"run=7500x4/previous=1", 7500, 1, 4}, {"run=7500x4/previous=10", 7500, 10, 4}, {"run=5000x1/previous=0", 5000, 0, 1}} {
		b.Run(c.name, func(b *testing.B) {
			s := testkit.Store(b)
			r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // reproducible by design
			for seq := range c.previous + 1 {
				if err := s.InsertLedger(b.Context(), []store.LedgerRow{wholeRun(r, uint64(seq+1), c.tests, c.metrics)}); err != nil { //nolint:gosec // small
					b.Fatal(err)
				}
			}
			previous := lo.Times(c.previous, func(i int) uint64 { return uint64(c.previous - i) }) //nolint:gosec // small
			p := lo.Assign(lntParams, store.Params{
				"database": "default", "suite": "nts", "current_seqs": []uint64{uint64(c.previous + 1)}, "previous_seqs": previous, //nolint:gosec // small
				"confidence": 0.05, "small_differences": uint8(0),
			})
			for b.Loop() {
				rows := 0
				err := s.Each(b.Context(), sql.MustDetector("lnt_compare"), p, func(func(...any) error) error { rows++; return nil })
				if err != nil || rows != c.tests*c.metrics {
					b.Fatalf("%d rows: %v", rows, err)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/op")
		})
	}
}

func wholeRun(r *rand.Rand, seq uint64, tests, metrics int) store.LedgerRow {
	row := store.LedgerRow{Database: "default", Suite: "nts", Seq: seq, Offset: seq, EventType: "run.submitted", Status: "accepted"}
	row.RunID = uint32(seq) //nolint:gosec // small
	for i := range tests {
		test, hash := uint32(i+1), fmt.Sprintf("%032x", i) //nolint:gosec // small
		for kind := range metrics {
			value := (1 + float64(i%97)) * (1 + 0.01*r.NormFloat64())
			s := lntSample{Value: &value}
			if kind == 0 {
				s.Hash = &hash
			}
			addLNT(&row, test, lntOptions{Bigger: kind%2 == 1, SameHash: kind/2%2 == 1}, s)
		}
	}
	return row
}
