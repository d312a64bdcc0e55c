package bench_test

import (
	"path/filepath"
	"testing"
)

// The figures of LNT's own clients: what they wait for.

const bigTests = 7500 // in a nightly report of LNT's own suite, four metrics each

// BenchmarkSubmitBig is one nightly report after the other, each compared with the one before in its answer, and without. Back to back
// the answers share the cores with what is left to do for the reports before: merging and judging. Once a second, they hardly do.
func BenchmarkSubmitBig(b *testing.B) {
	dir := b.TempDir() // of both, so that none makes its files beside those of one just deleted; see making
	for _, c := range []struct{ name, wait string }{{"with-test-results", "2s"}, {"without", "0s"}} {
		b.Run(c.name, func(b *testing.B) {
			p := start(b, filepath.Join(dir, c.name), "--intake-results-wait", c.wait)
			next := 1000
			body := func(int) []byte { next++; return report("bench-1", next, bigTests) }
			submitAll(b, 1, 5, body, sync200(p)) // connections, caches, names of tests
			b.Run("back-to-back", func(b *testing.B) {
				for b.Loop() {
					submitAll(b, 1, 50, body, sync200(p)).report(b)
				}
			})
			b.Run("once-a-second", func(b *testing.B) {
				for b.Loop() {
					submitPaced(b, 1, 30, 1, body, sync200(p)).report(b)
				}
			})
			p.stop()
		})
	}
}

// BenchmarkSubmitLongHistory is a report of 1 000 tests to a machine with 20 000 orders, against the same to an empty machine.
func BenchmarkSubmitLongHistory(b *testing.B) {
	p := start(b, b.TempDir())
	const orders = 20_000 // of ten tests each
	next := 1_000_000
	one := func(machine string, n int) times {
		return submitAll(b, 1, n, func(int) []byte { next++; return report(machine, next, 1000) }, sync200(p))
	}
	one("bench-empty", 10)
	var empty, long times
	b.Run("empty", func(b *testing.B) {
		for b.Loop() {
			empty = one("bench-empty", 100)
		}
		empty.report(b)
	})
	have := int(p.number("SELECT count() FROM tidemark.v_runs"))
	submitAll(b, 16, orders, func(i int) []byte { return report("bench-long", i, 10) }, async(p))
	p.waitRuns(have + orders)
	p.waitQuiet()
	b.Run("twenty-thousand-orders", func(b *testing.B) {
		for b.Loop() {
			long = one("bench-long", 100)
		}
		long.report(b)
		b.ReportMetric(long.quantile(0.5)/empty.quantile(0.5), "ratio-to-empty")
	})
	b.Run("machine-with-its-runs", func(b *testing.B) {
		for b.Loop() {
			p.read(50, "api/db_default/v4/nts/machines/bench-long").report(b)
		}
	})
}

// BenchmarkReadBigRun is a run of 30 000 samples.
func BenchmarkReadBigRun(b *testing.B) {
	p := start(b, b.TempDir())
	submitAll(b, 1, 3, func(i int) []byte { return report("bench-1", i, bigTests) }, sync200(p))
	p.waitQuiet()
	for b.Loop() {
		p.read(50, "api/db_default/v4/nts/runs/2").report(b)
	}
}

// read asks n times for a page, one after the other; each time it is made anew.
func (p *product) read(n int, path string) times {
	p.b.Helper()
	var all times
	for i := range n {
		all = append(all, p.get(path, i, "").took)
	}
	return all
}
