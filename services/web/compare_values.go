package web

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// readValue is one value of a pair as it was read.
type readValue struct {
	// at is the pair's place in the table.
	at    int32
	side  int8
	value float64
}

// sides is what two sets of runs say about the tests and metrics they have, in no order.
type sides struct {
	pairs []pair
	// both are the values before and after; the newest run's come first. They share memory: read only.
	both [][2]side
}

// reader turns runs into sides without an allocation for each pair. The runs of one side are read at once.
type reader struct {
	metrics []metricChoice
	// linked are the metrics that say that a test failed, each with the fields of those it says it of.
	linked map[string][]int
	// hash is the metric of the hashes, "" when they are of no interest.
	hash string

	// places are those of pairs by key.
	places map[uint64]int32
	pairs  []pair
	read   []readValue
	counts [][2]int32
	failed [][2]bool
	// hashes are those of each test's program before and after, of each side the newest run's first one.
	hashes map[uint32][2]string
}

func newReader(in suiteView) *reader {
	r := &reader{metrics: in.realMetrics(), linked: linkedStatuses(in), places: map[uint64]int32{}, hashes: map[uint32][2]string{}}
	if _, _, has := in.Metric(hashMetric); has && lo.ContainsBy(in.Metrics, func(m suite.Metric) bool { return m.IgnoreSameHash }) {
		r.hash = hashMetric
	}
	return r
}

// place is a pair's place in the table. Runs mostly have the same tests in the same order, so the one after the last is tried first.
func (r *reader) place(p pair, try int) int {
	if try < len(r.pairs) && r.pairs[try] == p {
		return try
	}
	key := uint64(p.test)<<32 | uint64(p.field)
	at, ok := r.places[key]
	if !ok {
		at = int32(len(r.pairs))
		r.places[key] = at
		r.pairs = append(r.pairs, p)
		r.counts = append(r.counts, [2]int32{})
		r.failed = append(r.failed, [2]bool{})
	}
	return int(at)
}

func which(after bool) int {
	if after {
		return 1
	}
	return 0
}

// runParts is a run as it is read.
type runParts struct {
	seq uint64
	// found has a cell and a value every 16 bytes.
	found         string
	failedTests   []uint32
	failedMetrics []string
	hashTests     []uint32
	hashes        []string
}

// add takes a run for one side, the newest first.
func (r *reader) add(run *runParts, side int) error {
	if len(run.found)%16 != 0 {
		return fmt.Errorf("run at %d: %d bytes of values are not 16 each", run.seq, len(run.found))
	}
	if r.pairs == nil {
		r.grow(len(run.found) / 16)
	}
	next := 0
	for i := 0; i < len(run.found); i += 16 {
		cell := binary.LittleEndian.Uint64([]byte(run.found[i : i+8]))
		field := int(uint32(cell) >> 1)
		if field == 0 {
			continue
		}
		at := r.place(pair{uint32(cell >> 32), r.metrics[field-1].Index}, next)
		next = at + 1
		r.read = append(r.read, readValue{at: int32(at), side: int8(side), value: math.Float64frombits(binary.LittleEndian.Uint64([]byte(run.found[i+8 : i+16])))})
		r.counts[at][side]++
		r.failed[at][side] = r.failed[at][side] || cell&1 != 0
	}
	// A failure counts even where the test left no value; a pass alone is no result.
	for i, test := range run.failedTests {
		for _, field := range r.linked[run.failedMetrics[i]] {
			r.failed[r.place(pair{test, field}, 0)][side] = true
		}
	}
	for i, test := range run.hashTests {
		if both := r.hashes[test]; both[side] == "" {
			both[side] = run.hashes[i]
			r.hashes[test] = both
		}
	}
	return nil
}

// grow makes room for n pairs.
func (r *reader) grow(n int) {
	r.places, r.pairs, r.read = make(map[uint64]int32, n), make([]pair, 0, n), make([]readValue, 0, 2*n)
	r.counts, r.failed = make([][2]int32, 0, n), make([][2]bool, 0, n)
}

func (r *reader) sides() sides {
	out := sides{pairs: r.pairs, both: make([][2]side, len(r.pairs))}
	all := make([]float64, len(r.read))
	next := 0
	for at := range out.both {
		for i := range 2 {
			n := int(r.counts[at][i])
			out.both[at][i] = side{values: all[next : next : next+n], failed: r.failed[at][i]}
			next += n
		}
	}
	for _, s := range r.read {
		found := &out.both[s.at][s.side]
		found.values = append(found.values, s.value)
	}
	return out
}

// readRuns reads what the runs at some positions say, those before and those after, into r. A run at a position of both counts on both
// sides. Each side's runs are read in one call.
func (s *Service) readRuns(ctx context.Context, in suiteView, r *reader, before, after []uint64) error {
	seqs := lo.Uniq(append(append([]uint64{}, before...), after...))
	if len(seqs) == 0 {
		return nil
	}
	older, newer := lo.Keyify(before), lo.Keyify(after)
	asked := with(ofSuite(in), store.Params{
		"seqs": seqs, "metrics": lo.Map(r.metrics, func(m metricChoice, _ int) string { return m.Name }), "statuses": lo.Keys(r.linked), "hash": r.hash,
	})
	return s.each(ctx, "compare_parts", asked, func(scan func(...any) error) error {
		var run runParts
		err := scan(&run.seq, &run.found, &run.failedTests, &run.failedMetrics, &run.hashTests, &run.hashes)
		if err != nil {
			return err
		}
		for side, of := range []map[uint64]struct{}{older, newer} {
			if _, counts := of[run.seq]; counts {
				if err := r.add(&run, side); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// readSides reads what two sets of runs say.
func (s *Service) readSides(ctx context.Context, in suiteView, before, after []uint64) (sides, error) {
	r := newReader(in)
	r.hash = "" // sets of runs are compared whatever their programs
	if err := s.readRuns(ctx, in, r, before, after); err != nil {
		return sides{}, err
	}
	return r.sides(), nil
}

// linkedStatuses are the metrics that say that a test failed, each with the fields of those it says it of.
func linkedStatuses(in suiteView) map[string][]int {
	linked := map[string][]int{}
	for _, m := range in.realMetrics() {
		if m.Status != "" {
			linked[m.Status] = append(linked[m.Status], m.Index)
		}
	}
	return linked
}
