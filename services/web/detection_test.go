package web_test

import (
	"net/http"
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
