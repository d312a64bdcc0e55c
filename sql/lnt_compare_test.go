package sql_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/samber/lo"

	"tidemark/pkg/lntstat"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

// lntSample is one sample of a test: nil is LNT's NULL.
type lntSample struct {
	Value  *float64
	Status *int
	Hash   *string
}

// UnmarshalJSON reads [value, status, hash] without the nulls at its end.
func (s *lntSample) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &fields{&s.Value, &s.Status, &s.Hash})
}

// fields is a JSON list whose entries have types of their own; the last may be missing.
type fields []any

func (f *fields) UnmarshalJSON(data []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	for i, entry := range list {
		if err := json.Unmarshal(entry, (*f)[i]); err != nil {
			return err
		}
	}
	return nil
}

// lntOptions are those of a metric and of a comparison.
type lntOptions struct {
	Bigger, SameHash, Linked bool
	Confidence               float64
	Small                    bool
}

func (o *lntOptions) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &fields{&o.Bigger, &o.SameHash, &o.Linked, &o.Confidence, &o.Small})
}

// lntResult is what is said of a metric of a test; nil is None.
type lntResult struct {
	Current, Previous  *float64
	Delta, Pct         float64
	Stddev, MAD        *float64
	Failed, PrevFailed bool
	Hash, PrevHash     *string
	TestStatus         string
	ValueStatus        *string
}

func (r *lntResult) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &fields{
		&r.Current, &r.Previous, &r.Delta, &r.Pct, &r.Stddev, &r.MAD, &r.Failed, &r.PrevFailed, &r.Hash, &r.PrevHash, &r.TestStatus, &r.ValueStatus,
	})
}

// lntCase is a comparison: runs newest first.
type lntCase struct {
	Current, Previous [][]lntSample
	Options           lntOptions
	Want              lntResult
}

func (c *lntCase) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &fields{&c.Current, &c.Previous, &c.Options, &c.Want})
}

// comparedRow is a row of lnt_compare.
type comparedRow struct {
	Metric      string   `ch:"metric"`
	TestID      uint32   `ch:"test_id"`
	Current     *float64 `ch:"current"`
	Previous    *float64 `ch:"previous"`
	Delta       float64  `ch:"delta"`
	Pct         float64  `ch:"pct"`
	Stddev      *float64 `ch:"stddev"`
	MAD         *float64 `ch:"mad"`
	Failed      uint8    `ch:"failed"`
	PrevFailed  uint8    `ch:"prev_failed"`
	Hash        string   `ch:"hash"`
	PrevHash    string   `ch:"prev_hash"`
	TestStatus  string   `ch:"test_status"`
	ValueStatus string   `ch:"value_status"`
}

func (r comparedRow) result() lntResult {
	return lntResult{
		Current: r.Current, Previous: r.Previous, Delta: r.Delta, Pct: r.Pct, Stddev: r.Stddev, MAD: r.MAD,
		Failed: r.Failed == 1, PrevFailed: r.PrevFailed == 1, Hash: lo.EmptyableToPtr(r.Hash), PrevHash: lo.EmptyableToPtr(r.PrevHash),
		TestStatus: r.TestStatus, ValueStatus: lo.EmptyableToPtr(r.ValueStatus),
	}
}

// One metric per kind: more is better or not, judged with its hash or not, linked to a status or not.
var (
	lntMetrics = lo.Times(8, func(i int) string { return fmt.Sprintf("metric_%d", i) })
	lntParams  = store.Params{
		"metrics": lntMetrics, "bigger": kinds(1), "same_hash": kinds(2),
		"statuses": lo.Map(kinds(4), func(linked uint8, _ int) string { return lo.Ternary(linked == 1, "status", "") }),
	}
)

func kinds(bit int) []uint8 {
	return lo.Times(8, func(i int) uint8 { return uint8(i / bit % 2) }) //nolint:gosec // 0 or 1
}

func (o lntOptions) metric() string {
	return lntMetrics[lo.Ternary(o.Bigger, 1, 0)+lo.Ternary(o.SameHash, 2, 0)+lo.Ternary(o.Linked, 4, 0)]
}

// The runs of the cases: current ones at seqs 20 and 19, previous ones at 10, 9 and 8.
const newestCurrent, newestPrevious = 20, 10

// storeLNT stores the cases side by side: the case at place i is test i+1.
func storeLNT(t testing.TB, s *store.Store, cases []lntCase) {
	t.Helper()
	rows := map[uint64]*store.LedgerRow{}
	for i, c := range cases {
		for side, runs := range map[int][][]lntSample{newestCurrent: c.Current, newestPrevious: c.Previous} {
			for back, samples := range runs {
				seq := uint64(side - back) //nolint:gosec // two or three runs
				if rows[seq] == nil {
					rows[seq] = &store.LedgerRow{Database: "default", Suite: "nts", Seq: seq, Offset: seq, EventType: "run.submitted", Status: "accepted"}
					rows[seq].RunID = uint32(seq) //nolint:gosec // small
				}
				for _, sample := range samples {
					addLNT(rows[seq], uint32(i+1), c.Options, sample) //nolint:gosec // small
				}
			}
		}
	}
	list := lo.Map(sorted(rows), func(seq uint64, _ int) store.LedgerRow { return *rows[seq] })
	if err := s.InsertLedger(t.Context(), list); err != nil {
		t.Fatal(err)
	}
}

func addLNT(row *store.LedgerRow, test uint32, o lntOptions, s lntSample) {
	at := uint32(len(row.RowTestID)) //nolint:gosec // small
	row.RowTestID = append(row.RowTestID, test)
	if s.Value != nil {
		row.SampleRow, row.SampleTestID = append(row.SampleRow, at), append(row.SampleTestID, test)
		row.SampleMetric, row.SampleValue = append(row.SampleMetric, o.metric()), append(row.SampleValue, *s.Value)
		row.SampleFailed = append(row.SampleFailed, 0)
	}
	text := func(metric, value string) {
		row.TextRow, row.TextTestID = append(row.TextRow, at), append(row.TextTestID, test)
		row.TextMetric, row.TextValue = append(row.TextMetric, metric), append(row.TextValue, value)
	}
	if s.Status != nil {
		text("status", fmt.Sprint(*s.Status))
	}
	if s.Hash != nil {
		text("hash", *s.Hash)
	}
}

// compareLNT asks lnt_compare about the cases, all of one suite.
func compareLNT(t testing.TB, cases []lntCase) []lntResult {
	t.Helper()
	s := testkit.Store(t)
	storeLNT(t, s, cases)
	type options struct {
		confidence float64
		small      bool
	}
	out := make([]lntResult, len(cases))
	for o := range lo.KeyBy(cases, func(c lntCase) options { return options{c.Options.Confidence, c.Options.Small} }) {
		rows := selectLNT(t, s, o.confidence, o.small, []uint64{newestCurrent, newestCurrent - 1}, []uint64{newestPrevious, newestPrevious - 1, newestPrevious - 2})
		for _, r := range rows {
			if c := cases[r.TestID-1]; (options{c.Options.Confidence, c.Options.Small}) == o && c.Options.metric() == r.Metric {
				out[r.TestID-1] = r.result()
			}
		}
	}
	return out
}

func selectLNT(t testing.TB, s *store.Store, confidence float64, small bool, current, previous []uint64) []comparedRow {
	t.Helper()
	rows, err := store.Select[comparedRow](t.Context(), s, sql.MustDetector("lnt_compare"), lo.Assign(lntParams, store.Params{
		"database": "default", "suite": "nts", "current_seqs": current, "previous_seqs": previous,
		"confidence": confidence, "small_differences": uint8(lo.Ternary(small, 1, 0)), //nolint:gosec // 0 or 1
	}))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// Spreads may differ in their last digits, and be zero where LNT has the rounding of its mean.
var alike = cmp.Options{cmpopts.EquateApprox(1e-12, 1e-8)}

func diffLNT(t *testing.T, cases []lntCase, got []lntResult, want func(lntCase) lntResult) {
	t.Helper()
	wrong := 0
	for i, c := range cases {
		if d := cmp.Diff(want(c), got[i], alike); d != "" {
			if wrong++; wrong <= 10 {
				text, _ := json.Marshal(c)
				t.Errorf("case %d: %s\n-want +got:\n%s", i, text, d)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d differ", wrong, len(cases))
	}
}

// The cases are recorded from LNT 0.4.20 by testdata/record-lnt-compare.py 400 1.
func TestLNTCompare_RecordedFromLNT_SaysTheSame(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/lnt_compare.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var cases []lntCase
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c lntCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil || len(cases) < 400 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	diffLNT(t, cases, compareLNT(t, cases), func(c lntCase) lntResult { return c.Want })
	// what the random cases below are held against is held against LNT itself
	diffLNT(t, cases, lo.Map(cases, func(c lntCase, _ int) lntResult { return reference(c) }), func(c lntCase) lntResult { return c.Want })
}

func TestLNTCompare_RandomSamples_SaysWhatTheReferenceSays(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 1)) //nolint:gosec // reproducible by design
	cases := lo.Filter(lo.Times(2000, func(int) lntCase { return randomCase(r) }), func(c lntCase, _ int) bool { return c.tells() })
	diffLNT(t, cases, compareLNT(t, cases), reference)
}

// tells reports whether there is a row about the case at all.
func (c lntCase) tells() bool {
	return slices.ContainsFunc(slices.Concat(append(c.Current, c.Previous...)...), func(s lntSample) bool {
		return s.Value != nil || c.Options.Linked && fails(s)
	})
}

func randomCase(r *rand.Rand) lntCase {
	c := lntCase{Options: lntOptions{
		Bigger: r.IntN(2) == 0, SameHash: r.IntN(3) == 0, Linked: r.IntN(2) == 0, Small: r.IntN(4) == 0,
		Confidence: []float64{0.1, 0.05, 0.01}[r.IntN(3)],
	}}
	level := []float64{0, 0.003, 1, -2, 40, 1e7}[r.IntN(6)]
	most := []int{1, 2, 5, 12, 24}[r.IntN(5)]
	c.Current = randomRuns(r, 2, r.IntN(most+1), level+level*0.02*float64(r.IntN(4)))
	c.Previous = randomRuns(r, 3, r.IntN(most+1), level)
	return c
}

// randomRuns spreads n samples near a level, often equal ones, over up to most runs.
func randomRuns(r *rand.Rand, most, n int, level float64) [][]lntSample {
	runs := make([][]lntSample, 1+r.IntN(most))
	step := []float64{0.001, 0.01, 0.3}[r.IntN(3)] * math.Max(math.Abs(level), 1)
	odd := r.IntN(3) == 0
	for range n {
		var s lntSample
		if !odd || r.IntN(6) > 0 {
			s.Value = lo.ToPtr(level + step*float64(r.IntN(5)-2))
		}
		if odd && r.IntN(8) == 0 {
			s.Status = lo.ToPtr(r.IntN(3))
		}
		if odd && r.IntN(2) == 0 {
			s.Hash = lo.ToPtr([]string{"a", "b"}[r.IntN(2)])
		}
		at := r.IntN(len(runs))
		runs[at] = append(runs[at], s)
	}
	return runs
}

// TestLNTCompare_HandChecked_SaysWhatLNTSays holds the cases that tell the rules apart, each run through LNT.
func TestLNTCompare_HandChecked_SaysWhatLNTSays(t *testing.T) {
	t.Parallel()
	const none = ""
	vectors := []struct {
		current, previous []float64
		options           string
		want              string
		nearest           float64
	}{
		{[]float64{10}, []float64{5}, "", "REGRESSED", 5},
		{[]float64{5}, []float64{10}, "", "IMPROVED", 10},
		{[]float64{5}, []float64{10}, "bigger", "REGRESSED", 10},
		{[]float64{10}, []float64{5}, "bigger", "IMPROVED", 5},
		{[]float64{1.009}, []float64{1}, "", "UNCHANGED_PASS", 1},
		{[]float64{1.009}, []float64{1}, "small", "REGRESSED", 1},
		{[]float64{1.01}, []float64{1}, "", "REGRESSED", 1},
		{[]float64{0.009}, []float64{0.001}, "", "UNCHANGED_PASS", 0.001},
		{[]float64{0.009}, []float64{0.001}, "small", "REGRESSED", 0.001},
		{[]float64{0.0015}, []float64{0.001}, "small", "UNCHANGED_PASS", 0.001},
		{[]float64{0}, []float64{5}, "", none, 0},
		{[]float64{5}, nil, "", none, 0},
		{nil, []float64{5}, "", none, 0},
		{[]float64{5}, []float64{0}, "", "UNCHANGED_PASS", 0},
		{[]float64{5}, []float64{0}, "small", "REGRESSED", 0},
		{[]float64{10}, []float64{5, 5, 5, 10}, "", "UNCHANGED_PASS", 10},
		{[]float64{6}, []float64{5, 7}, "", "IMPROVED", 7},
		{[]float64{6}, []float64{7, 5}, "", "REGRESSED", 5},
		{[]float64{10, 20}, []float64{5}, "", "UNCHANGED_PASS", 5},
		{[]float64{10, 10.1}, []float64{5}, "", "REGRESSED", 5},
		{[]float64{10, 10}, []float64{5}, "", "REGRESSED", 5},
		{[]float64{10, 10.1, 10.2, 10.3}, []float64{5, 5.1, 5.2, 5.3}, "", "REGRESSED", 5.3},
		{[]float64{10, 13, 16, 19}, []float64{9, 14, 15, 20}, "", "UNCHANGED_PASS", 9},
		{[]float64{10}, []float64{5}, "same hash", "UNCHANGED_PASS", 5},
		{[]float64{10}, []float64{5}, "other hash", "REGRESSED", 5},
		{[]float64{10}, []float64{5}, "fails", "UNCHANGED_FAIL", 5},
		{[]float64{10}, []float64{5}, "failed", "UNCHANGED_PASS", 5},
		{[]float64{0.0887, 0.0919, 0.0903}, []float64{0.0858}, "", "UNCHANGED_PASS", 0.0858},
		// one sample is judged by the relative change, several by the absolute one
		{[]float64{-5}, []float64{-10}, "", "IMPROVED", -10},
		{[]float64{-5, -5}, []float64{-10}, "", "REGRESSED", -10},
	}
	cases := lo.Map(vectors, func(v struct {
		current, previous []float64
		options           string
		want              string
		nearest           float64
	}, _ int,
	) lntCase {
		return handCase(v.current, v.previous, v.options)
	})
	got := compareLNT(t, cases)
	for i, v := range vectors {
		if status := lo.FromPtr(got[i].ValueStatus); status != v.want {
			t.Errorf("%v against %v %s: %q, want %q", v.current, v.previous, v.options, status, v.want)
		}
		if (got[i].Previous == nil) != (v.want == none) || lo.FromPtr(got[i].Previous) != v.nearest {
			t.Errorf("%v against %v %s: compared with %v, want %v", v.current, v.previous, v.options, lo.FromPtr(got[i].Previous), v.nearest)
		}
	}
}

func handCase(current, previous []float64, options string) lntCase {
	c := lntCase{Options: lntOptions{
		Bigger: options == "bigger", Small: options == "small", Linked: true, Confidence: 0.05, SameHash: strings.HasSuffix(options, "hash"),
	}}
	run := func(values []float64, status int, hash string) [][]lntSample {
		return [][]lntSample{lo.Map(values, func(v float64, _ int) lntSample {
			return lntSample{Value: &v, Status: &status, Hash: &hash}
		})}
	}
	c.Current = run(current, lo.Ternary(options == "fails", 1, 0), "a")
	c.Previous = run(previous, lo.Ternary(options == "failed", 1, 0), lo.Ternary(options == "other hash", "b", "a"))
	return c
}

func TestLNTCompare_FailureWithoutAValue_FailsTheLinkedMetrics(t *testing.T) {
	t.Parallel()
	one, zero, fail := 1.0, 0.0, 1
	cases := []lntCase{
		{Current: [][]lntSample{{{Status: &fail}}}, Previous: [][]lntSample{{{Value: &one}}}, Options: lntOptions{Linked: true, Confidence: 0.05}},
		{Current: [][]lntSample{{{Status: &fail}}}, Previous: [][]lntSample{{{Status: &fail}}}, Options: lntOptions{Linked: true, Confidence: 0.05}},
		{Current: [][]lntSample{{{Value: &one}}}, Previous: [][]lntSample{{{Status: &fail}}}, Options: lntOptions{Linked: true, Confidence: 0.05}},
		{Current: [][]lntSample{{{Status: &fail, Value: &zero}}}, Previous: [][]lntSample{{{Value: &one}}}, Options: lntOptions{Confidence: 0.05}},
	}
	got := compareLNT(t, cases)
	for i, want := range []string{"REGRESSED", "UNCHANGED_FAIL", "IMPROVED", "UNCHANGED_PASS"} {
		if got[i].TestStatus != want || got[i].ValueStatus != nil {
			t.Errorf("case %d: %s and %v, want %s and nothing", i, got[i].TestStatus, got[i].ValueStatus, want)
		}
	}
}

// LNT raises an error at any other level; so does the statement, rather than say something.
func TestLNTCompare_UnknownConfidence_IsRefused(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	_, err := store.Select[comparedRow](t.Context(), s, sql.MustDetector("lnt_compare"), lo.Assign(lntParams, store.Params{
		"database": "default", "suite": "nts", "current_seqs": []uint64{1}, "previous_seqs": []uint64{}, "confidence": 0.2, "small_differences": uint8(0),
	}))
	if err == nil || !strings.Contains(err.Error(), "confidence") {
		t.Errorf("got %v", err)
	}
}

// reference is LNT's comparison as lntstat has it, with what only the statement says besides.
func reference(c lntCase) lntResult {
	current, previous := slices.Concat(c.Current...), slices.Concat(c.Previous...)
	var r lntResult
	if c.Options.Linked {
		r.Failed, r.PrevFailed = slices.ContainsFunc(current, fails), slices.ContainsFunc(previous, fails)
	}
	r.Hash, _ = lo.Find(lo.Map(current, func(s lntSample, _ int) *string { return s.Hash }), func(h *string) bool { return h != nil })
	if first, ok := lo.Find(previous, func(s lntSample) bool { return s.Value != nil }); ok {
		r.PrevHash = first.Hash
	}
	a, b := valuesOf(current), valuesOf(previous)
	said := lntstat.Compare(
		lntstat.Side{Values: a, Failed: r.Failed, Hash: lo.FromPtr(r.Hash)},
		lntstat.Side{Values: b, Failed: r.PrevFailed, Hash: lo.FromPtr(r.PrevHash)},
		lntstat.Options{
			BiggerIsBetter: c.Options.Bigger, SameHash: c.Options.SameHash, SmallDifferences: c.Options.Small, Confidence: c.Options.Confidence,
		})
	r.Delta, r.Pct, r.TestStatus, r.ValueStatus = said.Delta, said.Pct, string(said.Test), lo.EmptyableToPtr(string(said.Value))
	if said.HasCurrent {
		r.Current = &said.Current
	}
	if said.HasPrevious {
		r.Previous = &said.Previous
	}
	if len(a) > 1 {
		r.Stddev, r.MAD = &said.Stddev, lo.ToPtr(medianDeviation(a))
	}
	return r
}

func fails(s lntSample) bool { return s.Status != nil && *s.Status == 1 }

func valuesOf(samples []lntSample) []float64 {
	return lo.FilterMap(samples, func(s lntSample, _ int) (float64, bool) { return lo.FromPtr(s.Value), s.Value != nil })
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func medianDeviation(values []float64) float64 {
	middle := median(values)
	return median(lo.Map(values, func(v float64, _ int) float64 { return math.Abs(v - middle) }))
}

func TestLNTMannWhitney_EveryEntry_IsTheCriticalValueOrAKnownOddity(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	rows, err := store.Select[struct {
		Confidence float64 `ch:"confidence"`
		N          uint8   `ch:"n"`
		Critical   []uint8 `ch:"critical"`
	}](t.Context(), s, sql.File{Name: "table", Text: "SELECT confidence, n, critical FROM v_lnt_mann_whitney ORDER BY confidence, n"}, nil)
	if err != nil || len(rows) != 3*17 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	for i, row := range rows {
		want := lo.Times(17, func(j int) uint8 { return uint8(lntstat.Critical(int(row.N), j+4, row.Confidence)) }) //nolint:gosec // at most 138
		if !bytes.Equal(row.Critical, want) || int(row.N) != 4+i%17 {
			t.Errorf("%v, %d:\ngot  %v\nwant %v", row.Confidence, row.N, row.Critical, want)
		}
	}
}
