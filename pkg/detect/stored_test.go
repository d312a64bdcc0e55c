package detect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

// history is a suite with data in it.
type history struct {
	t       *testing.T
	store   *store.Store
	decider *testkit.Decider
	offset  uint64
	tests   map[string]uint32 // ids by name, once they were asked for
}

func newHistory(t *testing.T) *history {
	t.Helper()
	return &history{t: t, store: testkit.Store(t), decider: testkit.NewDecider(), tests: map[string]uint32{}}
}

func (h *history) add(events ...event.Envelope) {
	h.t.Helper()
	for _, some := range lo.Chunk(events, 300) {
		rows := lo.Map(some, func(e event.Envelope, _ int) store.LedgerRow {
			h.offset++
			e.ID = event.IDFromKey("default", "nts", strconv.FormatUint(h.offset, 10))
			e.Version, e.Database, e.Suite = 1, "default", "nts"
			e.ReceivedAt = time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
			row, d := h.decider.Decide(h.t, store.LogPosition{Topic: event.TopicEvents, Offset: int64(h.offset)}, e.ReceivedAt, e) //nolint:gosec // a few
			if d.Status != event.Accepted {
				h.t.Fatalf("event %d: %s %s", h.offset, d.Status, d.Error)
			}
			return row
		})
		if err := h.store.InsertLedger(h.t.Context(), rows); err != nil {
			h.t.Fatal(err)
		}
	}
}

// run is a report: values by test; those below zero failed.
func run(machine string, order int, merge string, values map[string]float64) event.Envelope {
	tests := lo.MapToSlice(values, func(name string, v float64) map[string]any {
		return map[string]any{"name": name, "execution_time": v, "execution_status": lo.Ternary(v < 0, 1, 0)}
	})
	return event.Envelope{Type: event.RunSubmitted, Params: map[string]string{event.ParamMerge: merge}, Body: lo.Must(json.Marshal(map[string]any{
		"format_version": "2", "machine": map[string]any{"name": machine},
		"run":   map[string]any{"llvm_project_revision": strconv.Itoa(order), "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00"},
		"tests": tests,
	}))}
}

// level is what the test series measure at an order: noise around levels that step now and then, or leave the order out.
func level(r *rand.Rand, test, order int) (v float64, ok bool) {
	base := []float64{10, 10.5, 12, 11.9, 10, 10.8, 9}[(order/(83+31*test)+test)%7]
	v = base * (1 + 0.004*r.NormFloat64())
	return v, r.IntN(10) >= test
}

// reports are the runs of a machine at orders 1 to n of tests t0, t1, …; t0 has every order, the further ones leave out more.
func reports(machine string, n, tests int, name func(string) string) []event.Envelope {
	return lo.Times(n, func(i int) event.Envelope {
		r := rand.New(rand.NewPCG(uint64(i), 7)) //nolint:gosec // reproducible by design
		values := map[string]float64{name("always"): 1}
		for test := range tests {
			if v, ok := level(r, test, i+1); ok {
				values[name("t"+strconv.Itoa(test))] = v
			}
		}
		return run(machine, i+1, "append", values)
	})
}

func same(s string) string { return s }

// named is a row with names instead of numbers.
type named struct {
	Machine, Test, Metric, Order, Previous string
	detect.Row
}

func (h *history) judge(name string, params map[string]string, explain bool, sel detect.Selection) []named {
	h.t.Helper()
	sel.Database, sel.Suite = "default", "nts"
	d := lo.Must(detect.Resolve(name, "", params))
	names := func(what string) map[uint32]string {
		type row struct {
			ID   uint32 `ch:"id"`
			Name string `ch:"name"`
		}
		rows := lo.Must(store.Select[row](h.t.Context(), h.store, sql.File{Text: "SELECT " + what + "_id AS id, name FROM v_" + what + "s"}, nil))
		return lo.SliceToMap(rows, func(r row) (uint32, string) { return r.ID, r.Name })
	}
	machines, tests, orders := names("machine"), names("test"), names("order")
	var out []named
	var last, all uint64
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute) // the store's own bound is for pages
	defer cancel()
	err := detect.Stored(ctx, h.store, sel, d, explain, func(done, of uint64) { last, all = done, of }, func(r detect.StoredRow) error {
		row := r.Row
		row.Series, row.Place = 0, 0
		out = append(out, named{machines[r.MachineID], tests[r.TestID], r.Metric, orders[r.OrderID], orders[r.PreviousOrderID], row})
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if last != all {
		h.t.Errorf("said that %d of %d series are judged", last, all)
	}
	slices.SortFunc(out, func(a, b named) int { return strings.Compare(a.key(), b.key()) })
	return out
}

func (n named) key() string {
	return fmt.Sprintf("%s %s %s %8s", n.Machine, n.Test, n.Metric, n.Order)
}

// near lets sums differ by the order of their additions.
var near = cmpopts.EquateApprox(1e-9, 1e-12)

func sameRows(t *testing.T, what string, want, got []named) {
	t.Helper()
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Errorf("%s (-want +got):\n%.4000s", what, diff)
	}
}

var everyDetector = map[string]map[string]string{
	"steps": nil, "threshold": {"percent": "4"}, "perfherder": {"min_pct": "1"}, "otava": nil, "stepfit": nil,
}

func TestStored_AnyDetector_SaysTheSameHoweverTheDataCame(t *testing.T) {
	t.Parallel()
	const n, tests = 500, 4
	plain, shuffled := newHistory(t), newHistory(t)
	events := reports("m", n, tests, same)
	plain.add(events...)
	plain.add(reports("other", 40, tests, same)...)
	// other ids for everything: other names, another order, another machine first
	relabel := func(s string) string { return "z" + strconv.Itoa(9-len(s)) + s }
	shuffled.add(reports("zero", 3, 2, func(s string) string { return s + "-alone" })...)
	events = reports("m", n, tests, relabel)
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // reproducible by design
	r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	shuffled.add(events...)
	for name, params := range everyDetector {
		want := plain.judge(name, params, false, detect.Selection{MachineIDs: []uint32{1}})
		if len(want) < 10 {
			t.Errorf("%s: %d findings are too few to tell anything", name, len(want))
		}
		back := lo.Map(shuffled.judge(name, params, false, detect.Selection{MachineIDs: []uint32{2}}), func(n named, _ int) named {
			n.Test = n.Test[2:]
			return n
		})
		sameRows(t, name+" relabelled, in another order", want, back)
		for _, test := range []string{"t0", "t3"} {
			alone := plain.judge(name, params, false, detect.Selection{MachineIDs: []uint32{1}, TestIDs: []uint32{plain.test(test)}, Metrics: []string{"execution_time"}})
			sameRows(t, name+" alone", lo.Filter(want, func(n named, _ int) bool { return n.Test == test }), alone)
		}
	}
}

func (h *history) test(name string) uint32 {
	h.t.Helper()
	type row struct {
		ID uint32 `ch:"test_id"`
	}
	if _, known := h.tests[name]; !known {
		h.tests[name] = lo.Must(store.Select[row](h.t.Context(), h.store, sql.File{Text: "SELECT test_id FROM v_tests WHERE name = {name:String}"}, store.Params{"name": name}))[0].ID
	}
	return h.tests[name]
}

// TestStored_OnePiece_IsWhatTheDetectorSays: a series shorter than a block is judged as the points are.
func TestStored_OnePiece_IsWhatTheDetectorSays(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	var series []float64
	var events []event.Envelope
	for i := range 60 {
		v := lo.Ternary(i < 30, 10.0, 11.0) + 0.05*float64(i%3)
		series = append(series, v)
		events = append(events, run("m", i+1, "append", map[string]float64{"a": v, "bad": -v}))
	}
	h.add(events...)
	want := rows(t, h.store, "steps", map[string]string{"stretch": "2000"}, true, series)
	got := h.judge("steps", nil, true, detect.Selection{})
	if len(got) != len(want) {
		t.Fatalf("%d places of %d", len(got), len(want))
	}
	slices.SortFunc(got, func(a, b named) int { return lo.Must(strconv.Atoi(a.Order)) - lo.Must(strconv.Atoi(b.Order)) })
	for i := range want {
		want[i].Series, want[i].Place = 0, 0
		if diff := cmp.Diff(want[i], got[i].Row, near); diff != "" {
			t.Errorf("place %d: %s", i, diff)
		}
	}
	if got[30].StoppedBy != "" || got[30].Previous != "30" || got[0].Previous != "" {
		t.Errorf("at 31 after %q stopped by %q; at 1 after %q", got[30].Previous, got[30].StoppedBy, got[0].Previous)
	}
}

func TestStored_UpToAPosition_IsWhatWasSaidThen(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	events := reports("m", 320, 4, same)
	h.add(events[:300]...)
	then := h.offset
	want := h.judge("steps", nil, false, detect.Selection{})
	if len(want) < 2 {
		t.Fatalf("%d findings are too few to tell anything", len(want))
	}
	since := events[300:]
	for order := 40; order < 60; order++ { // what stood there is replaced, appended to and taken back
		switch order % 3 {
		case 0:
			since = append(since, run("m", order, "replace", map[string]float64{"t0": 99, "t1": 98}))
		case 1:
			since = append(since, run("m", order, "append", map[string]float64{"t0": 3, "t1": 4, "t2": 5}))
		case 2:
			since = append(since, event.Envelope{Type: event.RunRetracted, Body: lo.Must(event.Retraction{RunID: uint32(order)}.Encode())}) //nolint:gosec // small
		}
	}
	h.add(since...)
	sameRows(t, "as of then", want, h.judge("steps", nil, false, detect.Selection{UpTo: then}))
	if cmp.Equal(want, h.judge("steps", nil, false, detect.Selection{}), near) {
		t.Error("nothing changed since, so the test tells nothing")
	}
	sameRows(t, "as of now", h.judge("steps", nil, false, detect.Selection{}), h.judge("steps", nil, false, detect.Selection{UpTo: h.offset}))
}

// TestStored_LateOrder_ChangesNothingOutsideTheBlocksThatSeeIt also proves that those are few, and that naming the order judges just them.
func TestStored_LateOrder_ChangesNothingOutsideTheBlocksThatSeeIt(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	const n, late = 2000, 900
	events := reports("m", n, 3, same)
	h.add(append(slices.Clone(events[:late-1]), events[late:]...)...)
	before := h.judge("steps", nil, false, detect.Selection{})
	h.add(events[late-1])
	after := h.judge("steps", nil, false, detect.Selection{})
	order := uint32(n) // it came last
	touched := detect.Selection{Database: "default", Suite: "nts", Touched: []uint32{order}}
	some := h.judge("steps", nil, false, touched)
	places := func(list []named) []detect.Place {
		return lo.Map(list, func(r named, _ int) detect.Place {
			id := uint32(lo.Must(strconv.Atoi(r.Order))) //nolint:gosec // small
			if id >= late {
				id--
			}
			if r.Order == strconv.Itoa(late) {
				id = order
			}
			return detect.Place{MachineID: 1, TestID: h.test(r.Test), Metric: r.Metric, OrderID: id}
		})
	}
	split := func(list []named) (judged, others []named) {
		at := places(list)
		answer, err := detect.Judged(t.Context(), h.store, touched, lo.Must(detect.Resolve("steps", "", nil)), at)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range list {
			is, ok := answer[at[i]]
			if !ok {
				t.Errorf("nothing is said of %v", at[i])
			}
			if is {
				judged = append(judged, r)
			} else {
				others = append(others, r)
			}
		}
		return judged, others
	}
	_, outsideBefore := split(before)
	inside, outside := split(after)
	sameRows(t, "outside", outsideBefore, outside)
	sameRows(t, "inside", inside, some)
	if len(inside) == 0 || len(outside) <= len(inside) {
		t.Errorf("%d findings inside, %d outside", len(inside), len(outside))
	}
}

func TestLine_Cuts_MoveOnlyAroundALateOrder(t *testing.T) {
	t.Parallel()
	names := func(n int) detect.Line {
		line := make(detect.Line, n)
		for i := range line {
			line[i].OrderID, line[i].Name = uint32(i), "r"+strconv.Itoa(i) //nolint:gosec // small
		}
		return line
	}
	begins := func(l detect.Line) []string {
		return lo.Map(l.Cuts(), func(i, _ int) string { return l[i].Name })
	}
	line := names(40_000)
	cuts := line.Cuts()
	edges := append(append([]int{0}, cuts...), len(line))
	for i := 1; i < len(edges); i++ {
		if n := edges[i] - edges[i-1]; n < 1 || n > 1000 {
			t.Errorf("block %d has %d orders", i, n)
		}
	}
	if mean := len(line) / len(edges); mean < 150 || mean > 350 {
		t.Errorf("%d orders a block", mean)
	}
	whole := begins(line)
	for _, late := range []int{1, 777, 20_000, 39_999} {
		missing := begins(slices.Delete(slices.Clone(line), late, late+1))
		gone, fresh := lo.Difference(whole, missing)
		if len(gone)+len(fresh) > 4 {
			t.Errorf("without order %d %v no longer begin blocks, and %v do", late, gone, fresh)
		}
	}
}
