package detector_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/services/detector"
)

// told are the findings that stand by detector, shadow ones too.
func (l *memoryLog) told() []string {
	l.t.Helper()
	type row struct {
		Text string `ch:"text"`
	}
	return lo.Map(rows[row](l, `SELECT concat(detector, if(shadow = 1, ' (shadow) ', ' '), t.name, ' at ', o.name) AS text
		FROM v_finding_states AS f
		INNER JOIN v_tests AS t ON t.suite = f.suite AND t.test_id = f.test_id
		INNER JOIN v_orders AS o ON o.suite = f.suite AND o.order_id = f.order_id
		WHERE active = 1 ORDER BY text`), func(r row, _ int) string { return r.Text })
}

func (w *world) rule(r event.DetectorRule) {
	w.log.do(event.DetectorConfigured, r)
}

// TestSlot_OneDetectorCannotWork_TheOthersDo sets rules that this program cannot follow beside some that it can.
func TestSlot_OneDetectorCannotWork_TheOthersDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.submit("nts", nil, history("m", "a", append(level(10, 10), level(12, 8)...)...)...)
	w.rule(event.DetectorRule{Detector: "otava", Mode: event.ModeActive, Params: map[string]string{"no_such": "1"}})
	w.rule(event.DetectorRule{Detector: "threshold", Mode: event.ModeShadow, Params: map[string]string{"percent": "15"}})
	if err := w.slot(); err == nil || !strings.Contains(err.Error(), "no_such") {
		t.Errorf("a slot with a rule that nobody can follow: %v", err)
	}
	want := []string{"steps a at 11", "threshold (shadow) a at 11"}
	if diff := cmp.Diff(want, w.log.told()); diff != "" {
		t.Error(diff)
	}
	type row struct {
		Job   string `ch:"job"`
		Error string `ch:"error"`
	}
	var failed []string
	for _, r := range rows[row](w.log, "SELECT job, error FROM v_job_runs WHERE error != '' ORDER BY job") {
		failed = append(failed, r.Job)
	}
	if !slices.Contains(failed, "detect_otava") || slices.Contains(failed, "detect_steps") {
		t.Errorf("recorded as failed: %v", failed)
	}
}

// TestRules_SetAndTakenBack_AreFollowedForWhatIsStored: what nobody judges any more is taken back, parameters hold for old data.
func TestRules_SetAndTakenBack_AreFollowedForWhatIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []string{"a", "b"} {
		w.log.submit("nts", map[string]string{event.ParamMerge: "append"}, history("m", test, append(level(10, 10), level(12, 8)...)...)...)
	}
	w.settle()
	w.rule(event.DetectorRule{Detector: "steps", Mode: event.ModeOff, Test: "a"})
	w.rule(event.DetectorRule{Detector: "steps", Mode: event.ModeActive, Test: "b", Params: map[string]string{"min_effect": "0.1"}})
	w.settle()
	if diff := cmp.Diff([]string{"steps b at 11"}, w.log.told()); diff != "" {
		t.Error(diff)
	}
	w.rule(event.DetectorRule{Detector: "steps", Mode: event.ModeActive, Test: "b", Params: map[string]string{"min_effect": "0.5"}})
	w.settle()
	if diff := cmp.Diff([]string{}, w.log.told()); diff != "" {
		t.Error(diff)
	}
}

// TestRules_LastOfADetectorTakenAway_FindingsAreTakenBack: with its last rule a detector has nothing to judge, and nothing stands of it.
func TestRules_LastOfADetectorTakenAway_FindingsAreTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.submit("nts", nil, history("m", "a", append(level(10, 10), level(12, 8)...)...)...)
	rules := []event.DetectorRule{
		{Detector: "threshold", Mode: event.ModeActive, Params: map[string]string{"percent": "15"}},
		{Detector: "stepfit", Mode: event.ModeShadow},
	}
	for _, r := range rules {
		w.rule(r)
	}
	w.settle()
	if diff := cmp.Diff([]string{"stepfit (shadow) a at 11", "steps a at 11", "threshold a at 11"}, w.log.told()); diff != "" {
		t.Fatal(diff)
	}
	for _, r := range rules {
		r.Remove = true
		w.rule(r)
	}
	w.settle()
	if diff := cmp.Diff([]string{"steps a at 11"}, w.log.told()); diff != "" {
		t.Error(diff)
	}
}

// TestSlot_ImportTooLargeForASlot_IsJudgedByTheFullPass leaves all to the pass, in portions.
func TestSlot_ImportTooLargeForASlot_IsJudgedByTheFullPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *detector.Config) { c.Full.Bulk = 1 })
	w.log.submit("nts", nil, history("m", "a", append(level(10, 20), level(12, 20)...)...)...)
	w.settle()
	if got := places(w.log.standing()); !cmp.Equal(got, []string{"a@21"}) {
		t.Errorf("stands: %v", got)
	}
}

// TestSlot_AMachineMovesAsAWhole_IsSaidUntilAnotherMovesToo has twelve tests that move at once on one machine, later on the other.
func TestSlot_AMachineMovesAsAWhole_IsSaidUntilAnotherMovesToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	submit := func(machine string, from, to int, factor float64) {
		for order := from; order <= to; order++ {
			w.log.submit("nts", nil, report(machine, strconv.Itoa(order), lo.SliceToMap(lo.Range(12), func(i int) (string, map[string]any) {
				return "t" + strconv.Itoa(i), map[string]any{"execution_time": factor * float64(10+i) * (1 + 0.01*float64((order*7+i*3)%5-2))}
			})))
		}
	}
	causes := func() string {
		type row struct {
			Machine string `ch:"machine"`
			Cause   string `ch:"cause"`
			N       uint64 `ch:"n"`
		}
		return fmt.Sprint(lo.Map(rows[row](w.log, "SELECT machine, cause, count() AS n FROM v_findings GROUP BY machine, cause ORDER BY machine, cause"),
			func(r row, _ int) string { return fmt.Sprint(r.Machine, " ", r.Cause, " ", r.N) }))
	}
	submit("m", 1, 20, 10)
	submit("n", 1, 20, 10)
	w.settle()
	submit("m", 21, 26, 12)
	w.settle()
	if got, want := causes(), "[m machine 12]"; got != want {
		t.Fatalf("one machine moved: %s, want %s", got, want)
	}
	submit("n", 21, 26, 12)
	w.settle()
	if got, want := causes(), "[m  12 n  12]"; got != want {
		t.Errorf("both moved: %s, want %s", got, want)
	}
}

// TestSlot_PartOfAMachineMoves_TheMachineIsNotToBlame has twelve tests that move, and thirty others that come in runs of their own.
func TestSlot_PartOfAMachineMoves_TheMachineIsNotToBlame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	submit := func(name string, tests, from, to int, factor float64) {
		var bodies [][]byte
		for order := from; order <= to; order++ {
			bodies = append(bodies, report("m", strconv.Itoa(order), lo.SliceToMap(lo.Range(tests), func(i int) (string, map[string]any) {
				return name + strconv.Itoa(i), map[string]any{"execution_time": factor * float64(10+i) * (1 + 0.01*float64((order*7+i*3)%5-2))}
			})))
		}
		w.log.submit("nts", map[string]string{event.ParamMerge: "append"}, bodies...)
		w.settle()
	}
	submit("moving", 12, 1, 20, 10)
	submit("steady", 30, 1, 26, 10)
	submit("moving", 12, 21, 26, 12)
	type row struct {
		Cause string `ch:"cause"`
		N     uint64 `ch:"n"`
	}
	if got := rows[row](w.log, "SELECT cause, count() AS n FROM v_findings GROUP BY cause"); !cmp.Equal(got, []row{{"", 12}}) {
		t.Errorf("causes of what moved: %+v", got)
	}
}
