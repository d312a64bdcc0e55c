package api

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"tidemark/pkg/store"
)

// The bytes of runs that are kept, and how many sets of tests. A run of 30 000 values takes half a MiB; the machines of a farm
// that report at the same time should all fit.
const (
	recentBytes = 64 << 20
	recentSets  = 256
)

// recent keeps what runs brought, by their positions, those used last. What an event brought never changes, so nothing here is
// ever wrong.
type recent struct {
	mu    sync.Mutex
	runs  *simplelru.LRU[runKey, *recentRun]
	bytes int
	sets  *simplelru.LRU[setKey, *testSet]
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
	r := &recent{}
	// Neither fails: the sizes are positive. Runs are bounded by their bytes.
	r.runs, _ = simplelru.NewLRU(recentBytes, func(_ runKey, run *recentRun) { r.bytes -= run.bytes() })
	r.sets, _ = simplelru.NewLRU[setKey, *testSet](recentSets, nil)
	return r
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
	if had, ok := r.sets.Get(at); ok && slices.Equal(had.ids, run.tests.ids) {
		run.tests = had
	} else {
		r.sets.Add(at, run.tests)
	}
	r.runs.Add(k, run)
	for r.bytes += run.bytes(); r.bytes > recentBytes; {
		r.runs.RemoveOldest()
	}
	return run
}

// testSet are the tests of a run, each once, in the order it named them.
type testSet struct {
	ids []uint32

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

// newRecentRun takes what it needs of a row of the ledger, and none of its body.
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
			run.hashes = append(run.hashes, rowHash{r.TextRow[i], cloned(text)})
		case text == failedText:
			run.failed = append(run.failed, failure{r.TextRow[i], cloned(metric)})
		}
	}
	run.sort()
	return run
}

// cloned is a text with memory of its own: the texts of a report are parts of its body.
func cloned(s string) string { return string([]byte(s)) }

// numbered gives each value's metric its number.
func (r *recentRun) numbered(metrics []string) []uint16 {
	numbers := make([]uint16, len(metrics))
	for i, name := range metrics {
		n := slices.Index(r.names, name)
		if n < 0 {
			n = len(r.names)
			r.names = append(r.names, cloned(name))
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

// bytes is about what a run takes; its tests count for each.
func (r *recentRun) bytes() int {
	const ofRun, ofTest, ofValue, ofText = 512, 32, 14, 64
	return ofRun + 4*len(r.at) + ofTest*len(r.tests.ids) + ofValue*len(r.value) + ofText*(len(r.failed)+len(r.hashes))
}
