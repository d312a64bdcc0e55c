package web

import (
	"context"

	"github.com/samber/lo"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/store"
)

// readValue is one value of a pair as it was read.
type readValue struct {
	// at is the pair's place in the table.
	at     int32
	after  bool
	failed bool
	value  float64
}

// sides is what two sets of runs say about the tests and metrics they have, in no order.
type sides struct {
	pairs []pair
	// both are the values before and after; the newest run's come first. They share memory: read only.
	both [][2]side
}

// reader turns samples into sides without an allocation for each pair.
type reader struct {
	places map[pair]int32
	pairs  []pair
	read   []readValue
	counts [][2]int32
	failed [][2]bool
}

func (r *reader) place(p pair) int32 {
	at, ok := r.places[p]
	if !ok {
		at = int32(len(r.pairs))
		r.places[p] = at
		r.pairs = append(r.pairs, p)
		r.counts = append(r.counts, [2]int32{})
		r.failed = append(r.failed, [2]bool{})
	}
	return at
}

func (r *reader) add(p pair, after, failed bool, value float64) {
	at := r.place(p)
	r.read = append(r.read, readValue{at: at, after: after, failed: failed, value: value})
	r.counts[at][which(after)]++
	r.fail(at, after, failed)
}

func (r *reader) fail(at int32, after, failed bool) {
	r.failed[at][which(after)] = r.failed[at][which(after)] || failed
}

func which(after bool) int {
	if after {
		return 1
	}
	return 0
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
		found := &out.both[s.at][which(s.after)]
		found.values = append(found.values, s.value)
	}
	return out
}

// readSides reads what the runs at some positions say, those before and those after. A run at a position of both
// counts on both sides.
func (s *Service) readSides(ctx context.Context, in suiteView, before, after []uint64) (sides, error) {
	metrics := in.realMetrics()
	names := lo.Map(metrics, func(m metricChoice, _ int) string { return m.Name })
	older, newer := lo.Keyify(before), lo.Keyify(after)
	r := reader{places: map[pair]int32{}}
	asked := with(ofSuite(in), store.Params{"seqs": lo.Uniq(append(append([]uint64{}, before...), after...)), "metrics": names})
	each := func(seq uint64, use func(after bool)) {
		if _, ok := older[seq]; ok {
			use(false)
		}
		if _, ok := newer[seq]; ok {
			use(true)
		}
	}
	var (
		seq    uint64
		test   uint32
		field  uint16
		value  float64
		failed uint8
	)
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error {
		return s.each(both, "compare_values", asked, func(scan func(...any) error) error {
			if err := scan(&seq, &test, &field, &value, &failed); err != nil {
				return err
			}
			p := pair{test, metrics[field-1].Index}
			each(seq, func(after bool) { r.add(p, after, failed != 0, value) })
			return nil
		})
	})
	linked := linkedStatuses(in)
	var failures []failureRow
	if len(linked) > 0 {
		group.Go(func() (err error) {
			failures, err = list[failureRow](both, s, "compare_failures", with(asked, store.Params{"metrics": lo.Keys(linked)}))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return sides{}, err
	}
	// A failure counts even where the test left no value; a pass alone is no result.
	for _, row := range failures {
		for _, field := range linked[row.Metric] {
			each(row.Seq, func(after bool) { r.fail(r.place(pair{row.TestID, field}), after, true) })
		}
	}
	return r.sides(), nil
}

// failureRow is a test that failed in a run.
type failureRow struct {
	Seq    uint64 `ch:"seq"`
	TestID uint32 `ch:"test_id"`
	Metric string `ch:"metric"`
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

// compareNames are the names of tests, by their ids.
func (s *Service) compareNames(ctx context.Context, in suiteView, ids []uint32) (map[uint32]string, error) {
	names := make(map[uint32]string, len(ids))
	if len(ids) == 0 {
		return names, nil
	}
	var (
		id   uint32
		name string
	)
	err := s.each(ctx, "compare_names", with(ofSuite(in), store.Params{"test_ids": lo.Uniq(ids)}), func(scan func(...any) error) error {
		if err := scan(&id, &name); err != nil {
			return err
		}
		names[id] = name
		return nil
	})
	return names, err
}
