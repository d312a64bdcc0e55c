package api

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"tidemark/pkg/store"
)

// recentBytes bounds the runs that are kept, their sets of tests included. A run of 30 000 values of 7 500 tests takes a MiB; the
// machines of a farm that report at the same time should all fit.
const recentBytes = 64 << 20

// recent keeps what runs brought, by their positions, those used last. What an event brought never changes, so nothing here is
// ever wrong.
type recent struct {
	mu    sync.Mutex
	runs  *simplelru.LRU[runKey, *recentRun]
	bytes int
	sets  map[setKey]*testSet // those of the runs kept
}

// runKey is a position in a suite, setKey a digest of test ids in one.
type (
	runKey struct {
		key
		seq uint64
	}
	setKey struct {
		key
		digest uint64
	}
)

func newRecent() *recent {
	r := &recent{sets: map[setKey]*testSet{}}
	// It does not fail: the size is positive. Runs are bounded by their bytes.
	r.runs, _ = simplelru.NewLRU(recentBytes, r.drop)
	return r
}

// drop forgets a run, and its set of tests with the last run that has it.
func (r *recent) drop(k runKey, run *recentRun) {
	r.bytes -= run.bytes()
	if run.tests.runs--; run.tests.runs > 0 {
		return
	}
	if at := (setKey{k.key, run.tests.digest()}); r.sets[at] == run.tests {
		delete(r.sets, at)
	}
}

func (r *recent) get(k runKey) (*recentRun, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs.Get(k)
}

// add keeps a run. Sets of tests are shared: a machine's reports mostly have the same.
func (r *recent) add(k runKey, run *recentRun) *recentRun {
	r.mu.Lock()
	defer r.mu.Unlock()
	if had, ok := r.runs.Get(k); ok {
		return had
	}
	at := setKey{k.key, run.tests.digest()}
	if had := r.sets[at]; had != nil && slices.Equal(had.ids, run.tests.ids) {
		run.tests = had
	} else {
		r.sets[at] = run.tests
	}
	run.tests.runs++
	r.runs.Add(k, run)
	for r.bytes += run.bytes(); r.bytes > recentBytes; {
		r.runs.RemoveOldest()
	}
	return run
}

// testSet are the tests of a run, each once, in the order it named them.
type testSet struct {
	ids []uint32
	// runs counts those kept that have it; it belongs to recent.
	runs int

	mu sync.Mutex
	// sorted are the places in ids in the order of the tests' names, and names those names; nil until somebody asked.
	sorted []uint32
	names  []string
}

func (s *testSet) digest() uint64 {
	d := xxhash.New()
	var b [4]byte
	for _, id := range s.ids {
		binary.LittleEndian.PutUint32(b[:], id)
		_, _ = d.Write(b[:]) // never fails
	}
	return d.Sum64()
}

// byName gives the tests in the order of their names; load gives the names by id.
func (s *testSet) byName(load func() (map[uint32]string, error)) (places []uint32, names []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil && len(s.ids) > 0 {
		known, err := load()
		if err != nil {
			return nil, nil, err
		}
		places := make([]uint32, len(s.ids))
		for i := range places {
			places[i] = uint32(i)
		}
		slices.SortFunc(places, func(a, b uint32) int { return cmp.Compare(known[s.ids[a]], known[s.ids[b]]) })
		s.sorted, s.names = places, make([]string, len(places))
		for i, place := range places {
			s.names[i] = known[s.ids[place]]
		}
	}
	return s.sorted, s.names, nil
}

// recentRun is what a run brought, in the order of its rows. Metrics are numbered by their places in names.
type recentRun struct {
	tests *testSet
	at    []uint32 // per row: the place of its test in tests
	names []string // of the metrics it has

	row    []uint32 // per value
	metric []uint16
	value  []float64

	failed []failure
	hashes []rowHash
}

// failure is a Status metric of a row that says so; rowHash its hash.
type (
	failure struct {
		row    uint32
		metric string
	}
	rowHash struct {
		row  uint32
		hash string
	}
)

// The words of a failure and of the metric that holds a hash.
const (
	failedText = "1"
	hashMetric = "hash"
)

// newRecentRun takes what it needs of a row of the ledger, and none of its body, of which a report's texts may be parts.
func newRecentRun(r *store.LedgerRun) *recentRun {
	run := &recentRun{tests: &testSet{}, at: make([]uint32, len(r.RowTestID)), row: r.SampleRow, value: r.SampleValue}
	places := make(map[uint32]uint32, len(r.RowTestID))
	for row, id := range r.RowTestID {
		place, ok := places[id]
		if !ok {
			place = uint32(len(run.tests.ids))
			places[id] = place
			run.tests.ids = append(run.tests.ids, id)
		}
		run.at[row] = place
	}
	run.metric = run.numbered(r.SampleMetric)
	for i, text := range r.TextValue {
		switch metric := r.TextMetric[i]; {
		case metric == hashMetric:
			run.hashes = append(run.hashes, rowHash{r.TextRow[i], strings.Clone(text)})
		case text == failedText:
			run.failed = append(run.failed, failure{r.TextRow[i], strings.Clone(metric)})
		}
	}
	run.sort()
	return run
}

// numbered gives each value's metric its number.
func (r *recentRun) numbered(metrics []string) []uint16 {
	numbers := make([]uint16, len(metrics))
	for i, name := range metrics {
		n := slices.Index(r.names, name)
		if n < 0 {
			n = len(r.names)
			r.names = append(r.names, strings.Clone(name))
		}
		numbers[i] = uint16(n)
	}
	return numbers
}

// sort puts values and hashes in the order of rows, in which most of them are.
func (r *recentRun) sort() {
	slices.SortStableFunc(r.hashes, func(a, b rowHash) int { return cmp.Compare(a.row, b.row) })
	if slices.IsSorted(r.row) {
		return
	}
	order := make([]int, len(r.row))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(r.row[a], r.row[b]) })
	row, metric, value := make([]uint32, len(order)), make([]uint16, len(order)), make([]float64, len(order))
	for i, from := range order {
		row[i], metric[i], value[i] = r.row[from], r.metric[from], r.value[from]
	}
	r.row, r.metric, r.value = row, metric, value
}

// bytes is about what a run takes; its tests, with their names, count for each run that has them.
func (r *recentRun) bytes() int {
	const ofRun, ofTest, ofValue, ofText = 512, 80, 14, 64
	return ofRun + 4*len(r.at) + ofTest*len(r.tests.ids) + ofValue*len(r.value) + ofText*(len(r.failed)+len(r.hashes))
}
