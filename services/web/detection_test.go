package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tidemark/pkg/backtest"
	"tidemark/pkg/event"
)

// say puts an event about detection into the world.
func (w *world) say(kind event.Type, body interface{ Encode() ([]byte, error) }) {
	w.t.Helper()
	encoded, err := body.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	if d := w.decide("default", "nts", kind, noon, encoded, nil); d.Status != event.Accepted {
		w.t.Fatalf("%s: %s %s", kind, d.Error, d.Message)
	}
}

func TestDetection_RulesSubscriptionsAndSlots_AreShown(t *testing.T) {
	t.Parallel()
	w := newGuardedWorld(t)
	w.history("default", 3, 6)
	w.say(event.DetectorConfigured, event.DetectorRule{Detector: "perfherder", Mode: "active", Test: "CTMark/*", Reason: "quieter <b>there</b>", Params: map[string]string{"t": "7"}})
	w.say(event.SubscriptionSet, event.Subscription{ID: uuid.New(), Name: "sheriffs <x>", Channel: "webhook", Target: "https://hooks.example.org/secret", Kinds: []string{"regression"}})
	w.say(event.SignalChanged, event.Signals{Signals: []event.Signal{{
		MachineID: 1, Signal: "silence", Open: true, Since: noon.Add(-48 * time.Hour), Expected: 4, Seen: 50, Unit: "hours", Detail: "a run <every> 4 h",
	}}})
	w.flush()
	// Backtests are kept for some months only, by the database's clock.
	asked, err := backtest.NewQueue(w.store, time.Now).Create(t.Context(), "default", "nts", backtest.Spec{Detector: "steps", Note: "a <try>"}, "ada")
	if err != nil {
		t.Fatal(err)
	}
	mustContain(t, w.ok("/v4/nts/backtests"), "steps", "queued", "a <try>", "by ada", asked.ID.String())
	mustContain(t, w.ok("/v4/nts/backtests/"+asked.ID.String()), "queued", "a <try>", "show here when it is done")
	mustContain(t, w.ok("/v4/nts/machine/1"), "silence", "2026-03-12 12:00", "a run <every> 4 h")
	rules := w.ok("/v4/nts/detectors")
	mustContain(t, rules, "perfherder", "CTMark/*", "t=7", "quieter <b>there</b>", "Misses")
	mustNotContain(t, rules, "<b>there")
	open := w.ok("/v4/nts/subscriptions")
	mustContain(t, open, "sheriffs <x>", "webhook", "Nothing has been sent yet")
	mustNotContain(t, open, "secret", "<x>")
	mustContain(t, w.get("/v4/nts/subscriptions", "Cookie", w.signIn("manage")).Body, "https://hooks.example.org/secret")
	mustContain(t, w.ok("/v4/nts/job_runs?show=failing"), "Nothing fails")
	for path, status := range map[string]int{"/v4/nts/backtests/x": 404, "/v4/nts/backtests/" + uuid.NewString(): 404, "/v4/nts/job_runs?show=x": 400} {
		if p := w.get(path); p.Status != status {
			t.Errorf("%s: %d", path, p.Status)
		}
	}
	if p := w.get("/v4/compile/backtests"); p.Status != http.StatusOK {
		t.Errorf("a suite without backtests: %d", p.Status)
	}
}

func TestDetectors_RuleTried_ShowsWhatItWouldMatchAndIsSetByAForm(t *testing.T) {
	t.Parallel()
	w := newGuardedWorld(t)
	h := w.history("default", 12, 6)
	w.steps("default", h)
	w.say(event.DetectorConfigured, event.DetectorRule{Detector: "perfherder", Mode: "shadow", Machine: "grav*"})
	w.flush()
	cookie := w.signIn("manage")
	signedIn := func(path string) string { return w.get(path, "Cookie", cookie).Body }
	const form = "/v4/nts/detectors?try=1&detector=steps&mode=off&machine=grav*&test=*&metric=exec*&preset=&params=min_t%3D5&reason=%3Cquiet%3E"
	tried := signedIn(form)
	mustContain(t, tried, "1 machine", "graviton4-bench-07", "Findings that stand there", "min_t=5", `action="/db_default/v4/nts/forms/setRule"`, `name="csrf"`,
		`{"detector":"steps","machine":"grav*","metric":"exec*","mode":"off","params":{"min_t":"5"},"test":"*"}`, "Set this rule", "Try it on history first",
		`action="/db_default/v4/nts/forms/removeRule"`)
	mustNotContain(t, tried, "<quiet>")
	open := w.ok(form)
	mustContain(t, open, "graviton4-bench-07", "Sign in")
	mustNotContain(t, open, "Set this rule", "Take away")
	for query, problem := range map[string]string{
		"detector=steps&machine=zz*":                    "No machine of this suite matches",
		"detector=steps&test=zz*":                       "No test of this suite matches",
		"detector=steps&metric=hash":                    "No metric with numbers",
		"detector=steps&params=min_t":                   "is not name=value",
		"detector=steps&params=min_t%3D-1":              "min_t",
		"detector=crystal":                              "crystal",
		"detector=lnt&params=a%3Db":                     "lnt has no parameters",
		"detector=perfherder&mode=shadow&machine=grav*": "takes the place of the rule",
	} {
		mustContain(t, signedIn("/v4/nts/detectors?try=1&"+query), problem)
	}
	if p := w.get("/v4/nts/detectors?mode=loud"); p.Status != http.StatusBadRequest {
		t.Errorf("an unknown mode: %d", p.Status)
	}
	mustContain(t, signedIn("/v4/nts/detectors?done=set"), "The rule is set.")
	mustContain(t, signedIn("/v4/nts/backtests?detector=otava&params=p%3D0.01"), "<option selected>otava</option>", "p=0.01", "forms/createBacktest")
	mustContain(t, signedIn("/v4/nts/subscriptions"), "forms/addSubscription")
	mustNotContain(t, w.ok("/v4/nts/subscriptions"), "forms/addSubscription")
}

func TestFindings_DismissedOnes_AreListedAndRestoredByAForm(t *testing.T) {
	t.Parallel()
	w := newGuardedWorld(t)
	h := w.history("default", 12, 6)
	w.steps("default", h)
	w.flush()
	cookie := w.signIn("triage")
	signedIn := func(path string) string { return w.get(path, "Cookie", cookie).Body }
	before := strings.Count(signedIn("/v4/nts/findings"), `name="list.ids"`)
	w.say(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{1}, Note: "a <noisy> day"})
	w.flush()
	standing := signedIn("/v4/nts/findings")
	mustContain(t, standing, "forms/dismissFindings", "Dismiss those that are ticked")
	if after := strings.Count(standing, `name="list.ids"`); before == 0 || after != before-1 {
		t.Errorf("%d findings, then %d", before, after)
	}
	gone := signedIn("/v4/nts/findings?show=dismissed")
	mustContain(t, gone, "a <noisy> day", "Restore those that are ticked", `name="yes.restore"`)
	if n := strings.Count(gone, `name="list.ids"`); n != 1 {
		t.Errorf("%d dismissed", n)
	}
	mustNotContain(t, gone, "<noisy>")
	mustNotContain(t, w.ok("/v4/nts/findings?show=dismissed"), `name="list.ids"`)
}

func TestNoise_OfAMachine_SaysHowSmallAChangeIsSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history("default", 24, 8)
	w.flush()
	page := w.ok("/v4/nts/noise")
	mustContain(t, page, "Smallest change seen", "x86-zen5 <lab>", "Execution Time", "Per metric on")
	mustNotContain(t, page, "<lab>")
	if all, some := strings.Count(page, `<td class="main">`), strings.Count(w.ok("/v4/nts/noise?test=sqlite3&metric=execution_time"), `<td class="main">`); some != 1 || all <= some {
		t.Errorf("%d series, with a filter %d", all, some)
	}
	mustContain(t, w.ok("/v4/nts/noise?test=nothing"), "No series matches")
	for _, sort := range []string{"quiet", "within", "run", "samples", "test"} {
		w.ok("/v4/nts/noise?machine_id=2&orders=5&sort=" + sort)
	}
	for query, status := range map[string]int{"machine_id=99": 400, "sort=x": 400, "orders=x": 400, "metric=x": 400} {
		if p := w.get("/v4/nts/noise?" + query); p.Status != status {
			t.Errorf("%s: %d", query, p.Status)
		}
	}
	mustContain(t, w.ok("/v4/compile/noise"), "No machine has reported yet")
}
