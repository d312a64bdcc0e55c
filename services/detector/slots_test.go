package detector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/synth"
	"tidemark/services/detector"
)

func TestSlots_HistoryCutInAnyWay_SameFindingsStand(t *testing.T) {
	t.Parallel()
	_, bodies := generate(t, func(c *synth.Config) {
		c.Seed, c.Machines, c.Tests, c.Orders, c.MachineSwaps = 21, 2, 8, 60, 1
		c.ChangeRate, c.MissingRate, c.LateRate, c.FailureRate = 0.6, 0.1, 0.2, 0.25
	})
	whole := judgeAll(t, bodies)
	if len(whole) < 20 {
		t.Fatalf("%d findings: too few to tell anything", len(whole))
	}
	inSlots := func(bodies [][]byte, size int) []finding {
		w := newWorld(t)
		for _, some := range lo.Chunk(bodies, size) {
			w.log.submit("nts", nil, some...)
			if err := w.slot(); err != nil {
				t.Fatal(err)
			}
		}
		w.settle()
		w.full()
		return w.log.standing()
	}
	shuffled := append([][]byte{}, bodies...)
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // reproducible by design
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for name, got := range map[string][]finding{
		"in many small slots":     inSlots(bodies, 30),
		"shuffled, in some slots": inSlots(shuffled, 45),
		"shuffled, in one slot":   judgeAll(t, shuffled),
		"in bounded bites":        judgeAll(t, bodies, func(c *detector.Config) { c.SlotSamples = 1500 }),
	} {
		if diff := cmp.Diff(whole, got); diff != "" {
			t.Errorf("%s (-whole +got):\n%s", name, diff)
		}
	}
}

// TestSlot_LedgerAheadOfItsTables_WaitsInsteadOfPassingOver stops an insert half way: one view has not written yet.
func TestSlot_LedgerAheadOfItsTables_WaitsInsteadOfPassingOver(t *testing.T) {
	t.Parallel()
	for _, view := range []string{"mv_runs", "mv_orders"} {
		t.Run(view, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.log.submit("nts", nil, history("m", "a", level(10, 10)...)...)
			w.settle()
			w.log.exec("DETACH TABLE " + view)
			w.log.submit("nts", nil, history("m", "a", append(level(10, 10), level(12, 10)...)...)[10:]...)
			if err := w.slot(); err != nil {
				t.Fatal(err)
			}
			if to := w.log.jobRuns()[len(w.log.jobRuns())-1].To; to > 10 {
				t.Errorf("came to %d with nothing behind it to read", to)
			}
			w.log.exec("ATTACH TABLE " + view)
			if err := w.log.store.ReinsertLedger(t.Context(), event.TopicEvents, 0, 0, w.log.offset+1); err != nil {
				t.Fatal(err)
			}
			w.settle()
			if got := places(w.log.standing()); !cmp.Equal(got, []string{"a@11"}) {
				t.Errorf("stands: %v", got)
			}
		})
	}
}

func TestSlot_LateDataContradicts_FindingIsWithdrawn_AndComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	again := func(v float64) {
		for order := 11; order <= 18; order++ {
			w.log.submit("nts", map[string]string{event.ParamMerge: "replace"}, report("m", strconv.Itoa(order), map[string]map[string]any{"a": {"execution_time": v + 0.01*float64(order%3)}}))
		}
		w.settle()
	}
	w.log.submit("nts", nil, history("m", "a", append(level(10, 10), level(12, 8)...)...)...)
	w.settle()
	if got := places(w.log.standing()); !cmp.Equal(got, []string{"a@11"}) {
		t.Fatalf("stands: %v", got)
	}
	again(10)
	if got := places(w.log.standing()); len(got) != 0 {
		t.Errorf("stands although the data say otherwise: %v", got)
	}
	again(12)
	if got := places(w.log.standing()); !cmp.Equal(got, []string{"a@11"}) {
		t.Errorf("the same step once more: %v", got)
	}
	ids := map[string]bool{}
	for _, e := range w.log.found() {
		for _, f := range lo.Must(event.DecodeChanges(e.Body)).Findings {
			if f.OrderID == 11 {
				ids[f.ID.String()] = true
			}
		}
	}
	if len(ids) != 1 {
		t.Errorf("the same step had %d identities", len(ids))
	}
}

func TestSlot_RunsRetracted_FindingMovesAndIsTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	retract := func(runs ...uint32) {
		for _, id := range runs {
			w.log.do(event.RunRetracted, event.Retraction{RunID: id})
		}
		w.settle()
	}
	w.log.submit("nts", nil, history("m", "a", append(level(10, 10), level(12, 5)...)...)...)
	w.settle()
	retract(11) // the run of order 11
	moved := w.log.changes()
	if got := places(w.log.standing()); !cmp.Equal(got, []string{"a@12"}) || len(moved) != 1 {
		t.Errorf("without its first order stands %v, as %+v: the same finding has to move", got, moved)
	}
	retract(13, 14, 15)
	if got := w.log.changes(); len(w.log.standing()) != 0 || len(got) != 1 || got[0].Active != 0 {
		t.Errorf("with a single order of the new level: %+v", got)
	}
}

func TestSlot_MachineMerged_FindingStandsUnderTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.submit("nts", nil, history("old", "a", append(level(10, 10), level(12, 8)...)...)...)
	w.log.submit("nts", nil, history("new", "a", level(12, 22)...)[18:]...)
	w.settle()
	w.log.do(event.MachineMerged, event.MachineMerge{Machine: "old", Into: "new"})
	w.settle()
	stands := lo.Map(w.log.standing(), func(f finding, _ int) string { return f.Machine + " " + f.Test + "@" + f.Order })
	if !cmp.Equal(stands, []string{"new a@11"}) {
		t.Errorf("stands: %v", stands)
	}
	of := lo.Map(w.log.changes(), func(c changeState, _ int) string {
		return fmt.Sprint("machine ", c.Machine, " at ", c.Order, " ", c.Active)
	})
	if !cmp.Equal(of, []string{"machine 1 at 11 0", "machine 2 at 11 1"}) {
		t.Errorf("known: %v", of)
	}
}

func TestSlot_DismissedFinding_StaysSoWhenRenewed_AndReturnsDoubled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	values := append(level(10, 10), level(12, 20)...)
	bodies := history("m", "a", values...)
	w.log.submit("nts", nil, bodies[:15]...)
	w.settle()
	w.log.do(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{1}})
	told := len(w.log.found())
	for _, some := range lo.Chunk(bodies[15:], 5) {
		w.log.submit("nts", nil, some...)
		w.settle()
		if got := w.log.changes(); len(got) != 1 || got[0].Dismissed != 1 || got[0].Active != 1 {
			t.Fatalf("renewed: %+v", got)
		}
	}
	if len(w.log.found()) == told {
		t.Fatal("nothing was renewed: the test tells nothing")
	}
	for order := 11; order <= 30; order++ {
		w.log.submit("nts", map[string]string{event.ParamMerge: "replace"}, report("m", strconv.Itoa(order), map[string]map[string]any{"a": {"execution_time": 15 + 0.01*float64(order%3)}}))
	}
	w.settle()
	if got := w.log.changes(); len(got) != 1 || got[0].Dismissed != 0 || got[0].Active != 1 {
		t.Errorf("with more than twice the effect: %+v", got)
	}
}

func TestSlot_LateOrder_MovesTheStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	values := append(level(10, 10), level(12, 10)...)
	bodies := history("m", "a", values...)
	w.log.submit("nts", nil, lo.Reject(bodies, func(_ []byte, i int) bool { return i == 10 })...)
	w.settle()
	if got := places(w.log.standing()); !cmp.Equal(got, []string{"a@12"}) {
		t.Fatalf("without order 11: %v", got)
	}
	w.log.submit("nts", nil, bodies[10])
	w.settle()
	if got := places(w.log.standing()); !cmp.Equal(got, []string{"a@11"}) {
		t.Errorf("with order 11: %v", got)
	}
}

func TestSlot_EveryStep_IsRecordedWithWhatItSaw(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.slot(); err != nil {
		t.Fatal(err)
	}
	w.log.submit("nts", nil, history("m", "a", append(level(10, 10), level(12, 10)...)...)...)
	for range 3 { // the second and third have nothing to do
		if err := w.slot(); err != nil {
			t.Fatal(err)
		}
	}
	w.slots += 6
	w.log.submit("nts", nil, history("n", "a", 1)...)
	if err := w.slot(); err != nil {
		t.Fatal(err)
	}
	at := func(slot int) time.Time { return start.Add(time.Duration(slot) * 5 * time.Second) }
	want := []jobRun{
		{Suite: "nts", At: at(2), From: 0, To: 20, Rows: 1},
		{Suite: "nts", At: at(11), From: 20, To: 22, Missed: 6}, // 21 was the finding itself
	}
	if diff := cmp.Diff(want, w.log.jobRuns()); diff != "" {
		t.Error(diff)
	}
	changes := lo.Must(event.DecodeChanges(w.log.found()[0].Body))
	var params map[string]string
	if err := json.Unmarshal(changes.Params, &params); err != nil || params["min_t"] != "4.5" {
		t.Errorf("parameters %s, %v", changes.Params, err)
	}
	if changes.DataSeq != 20 || changes.Detector != "steps" || changes.Version != 2 {
		t.Errorf("found by %s version %d with data to %d", changes.Detector, changes.Version, changes.DataSeq)
	}
}

func TestSlot_RepeatedAfterACrash_AppendsNothingNew(t *testing.T) {
	t.Parallel()
	for name, stored := range map[string]bool{"findings stored": true, "findings only in the log": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.log.submit("nts", nil, history("m", "a", append(level(10, 10), level(12, 10)...)...)...)
			w.log.hold = !stored
			if err := w.slot(); err != nil {
				t.Fatal(err)
			}
			w.log.exec("TRUNCATE TABLE job_runs") // as if the process had ended before it could note the slot
			next := newDetector(t, w.log)
			if err := next.slot(); err != nil {
				t.Fatal(err)
			}
			if w.log.hold {
				w.log.release()
			}
			next.settle()
			ids := lo.Uniq(lo.Map(w.log.found(), func(e event.Envelope, _ int) string { return e.ID.String() }))
			if len(ids) != 1 {
				t.Errorf("%d different events for one finding", len(ids))
			}
			if got := places(w.log.standing()); !cmp.Equal(got, []string{"a@11"}) {
				t.Errorf("stands: %v", got)
			}
		})
	}
}

func TestSlot_OwnFindingsNotStoredYet_SuiteWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.submit("nts", nil, history("m", "a", append(level(10, 10), level(12, 10)...)...)...)
	w.log.hold = true
	if err := w.slot(); err != nil {
		t.Fatal(err)
	}
	w.log.submit("nts", nil, report("m", "21", map[string]map[string]any{"a": {"execution_time": 12.0}}))
	w.log.submit("compile", nil, report("m", "1", map[string]map[string]any{"a": {"user_time": 12.0}}))
	if err := w.slot(); err != nil {
		t.Fatal(err)
	}
	suites := func() []string {
		return lo.Map(w.log.jobRuns(), func(r jobRun, _ int) string { return fmt.Sprint(r.Suite, " ", r.To) })
	}
	if want := []string{"nts 20", "compile 1"}; !cmp.Equal(suites(), want) {
		t.Errorf("judged %v, want %v: nts has to wait for its findings, compile has not", suites(), want)
	}
	w.log.release()
	if err := w.slot(); err != nil {
		t.Fatal(err)
	}
	if want := "nts 21"; lo.LastOrEmpty(suites()) != want {
		t.Errorf("judged %v, want %s last", suites(), want)
	}
}

func TestSlot_StatementFails_IsRecordedAndNeitherOthersNorLaterSlotsSuffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type view struct {
		Text string `ch:"create_table_query"`
	}
	whole := rows[view](w.log, "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'v_run_samples'")[0].Text
	w.log.exec("CREATE OR REPLACE VIEW v_run_samples AS SELECT * REPLACE (v + throwIf(suite = 'compile', 'a broken view') AS value) FROM (SELECT *, value AS v FROM (" + whole[strings.Index(whole, "AS SELECT")+3:] + "))")
	w.log.submit("compile", nil, report("m", "1", map[string]map[string]any{"a": {"user_time": 1.0}}))
	w.log.submit("nts", nil, history("m", "a", append(level(10, 10), level(12, 10)...)...)...)
	for range 2 {
		if err := w.slot(); err == nil || !strings.Contains(err.Error(), "a broken view") || !strings.Contains(err.Error(), "default/compile") {
			t.Errorf("a slot with a broken view: %v", err)
		}
	}
	if got := places(w.log.standing()); !cmp.Equal(got, []string{"a@11"}) {
		t.Errorf("in the other suite stands: %v", got)
	}
	w.log.exec(strings.Replace(whole, "CREATE VIEW", "CREATE OR REPLACE VIEW", 1))
	if err := w.slot(); err != nil {
		t.Error(err)
	}
	var got []string
	for _, r := range w.log.jobRuns() {
		got = append(got, fmt.Sprint(r.Suite, " ", r.From, "-", r.To, " ", lo.Ternary(strings.Contains(r.Error, "a broken view"), "broken", r.Error)))
	}
	if want := []string{"compile 0-0 broken", "nts 0-20 ", "compile 0-0 broken", "compile 0-1 "}; !cmp.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

func TestSlot_LogAway_RepeatsWhatItCouldNotSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.submit("nts", nil, history("m", "a", append(level(10, 10), level(12, 10)...)...)...)
	w.log.fail = errors.New("the log is away")
	if err := w.slot(); !errors.Is(err, w.log.fail) {
		t.Errorf("a slot without a log: %v", err)
	}
	w.log.fail = nil
	w.settle()
	if got := places(w.log.standing()); !cmp.Equal(got, []string{"a@11"}) {
		t.Errorf("stands: %v", got)
	}
	if runs := w.log.jobRuns(); len(runs) != 2 || !strings.Contains(runs[0].Error, "the log is away") || runs[0].To != 0 || runs[1].To != 20 {
		t.Errorf("recorded %+v", runs)
	}
}

func TestSlot_LongHistory_IsWorkedOffInBites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *detector.Config) { c.SlotSamples = 8 })
	w.log.submit("nts", nil, history("m", "a", append(level(10, 10), level(12, 10)...)...)...)
	w.settle()
	to := lo.Map(w.log.jobRuns(), func(r jobRun, _ int) uint64 { return r.To })
	if want := []uint64{8, 16, 20}; !cmp.Equal(to, want) {
		t.Errorf("came to %v, want %v", to, want)
	}
	if got := places(w.log.standing()); !cmp.Equal(got, []string{"a@11"}) {
		t.Errorf("stands: %v", got)
	}
}

// TestRun_SlotTakesLong_NextOnesAreAlignedAndMissedOnesCounted has a database that takes twelve seconds to be away.
func TestRun_SlotTakesLong_NextOnesAreAlignedAndMissedOnesCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := store.DefaultConfig()
		var slow atomic.Int64
		cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
			time.Sleep(time.Duration(slow.Load()))
			return nil, errors.New("away")
		}
		s := lo.Must(store.New(cfg))
		_ = s.Open(t.Context()) // there is nothing to open
		defer s.Close()         //nolint:errcheck // nor to close
		var lines bytes.Buffer
		registry := prometheus.NewRegistry()
		d, err := detector.New(detector.DefaultConfig(), detector.Deps{
			Store: s, Clock: time.Now, Logger: slog.New(slog.NewJSONHandler(&lines, nil)), Registerer: registry,
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(1234 * time.Millisecond) // the process starts at any time
		begun := time.Now().Truncate(5 * time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		time.Sleep(11 * time.Second)        // slots at 5 and 10
		slow.Store(int64(12 * time.Second)) // the slot at 15 ends at 27
		time.Sleep(17 * time.Second)
		slow.Store(0) // slots at 30 and 35
		time.Sleep(10 * time.Second)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stopped with %v", err)
		}
		var slots []float64
		for line := range strings.Lines(lines.String()) {
			var entry struct {
				Message string    `json:"msg"`
				At      time.Time `json:"slot_at"`
			}
			if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Message != "slot not finished" && entry.Message != "tables of points not looked through" {
				t.Errorf("logged %s", line)
			}
			if entry.Message == "slot not finished" {
				slots = append(slots, entry.At.Sub(begun).Seconds())
			}
		}
		if want := []float64{5, 10, 15, 30, 35}; !cmp.Equal(slots, want) {
			t.Errorf("slots at %v, want %v", slots, want)
		}
		if missed := counter(t, registry, "tidemark_detector_missed_slots_total"); missed != 2 {
			t.Errorf("%v slots missed, want those at 20 and 25", missed)
		}
	})
}

func counter(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestConfig_BadSettings_AreAllNamed(t *testing.T) {
	t.Parallel()
	_, err := detector.New(detector.Config{StepsParams: map[string]string{"min_t": "-1"}}, detector.Deps{})
	for _, key := range []string{"interval", "timeout", "slot_samples", "full.every", "full.budget", "full.bulk", "lnt.wait", "steps"} {
		if err == nil || !strings.Contains(err.Error(), "detector."+key+":") {
			t.Errorf("%s is not named: %v", key, err)
		}
	}
	if err := detector.DefaultConfig().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
}
