package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidemark/pkg/event"
)

// triage decides about regressions as somebody does, past the pages.
func (w *world) triage(t event.RegressionTriage) {
	w.t.Helper()
	body, err := t.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	if d := w.decide("default", "nts", event.RegressionTriaged, noon.Add(-10*time.Minute), body, nil); d.Status != event.Accepted {
		w.t.Fatalf("triage: %s %s", d.Error, d.Message)
	}
}

func TestRegressions_OfASuite_AreRankedNarrowedAndLeadToTheirPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 24, 14)
	w.steps("default", h)
	w.flush()
	all := w.ok("/v4/nts/regressions/")
	mustContain(t, all, "Regressions", `class="bars"`, "+18.2%", "Execution Time +18", ">p ", "x86-zen5 <lab>", "500112")
	mustNotContain(t, all, "<lab>", `id="bulk"`, "Sign in")
	rows := strings.Count(all, "<tr data-id=")
	if rows < 3 {
		t.Fatalf("%d regressions are shown", rows)
	}
	owner, fixed, title := "ada <x>", event.StateFixed, `"quoted" <b>title</b>`
	w.triage(event.RegressionTriage{RegressionID: 1, Owner: &owner, State: &fixed, Title: &title, AddTags: []string{"vec&tor"}, Note: "by <i>hand</i>"})
	w.flush()
	for query, want := range map[string]int{
		"state=fixed": 1, "state=22": 1, "state=open": rows - 1, "state=-1": rows, "state=10": 0, "state=all&owner=ada+%3Cx%3E": 1, "state=all&tag=vec%26tor": 1,
		"state=all&tag=vec": 0, "state=all&machine_filter=graviton4-bench-07": 1, "machine_id=3&state=all&kind=improvement": 0, "state=all&sort=newest": rows,
		"state=all&test=sqlite3&kind=improvement": 1, "page=9&state=all": 0,
	} {
		if got := strings.Count(w.ok("/v4/nts/regressions/?"+query), "<tr data-id="); got != want {
			t.Errorf("%s: %d regressions, want %d", query, got, want)
		}
	}
	for _, wrong := range []string{"state=7", "state=x", "kind=y", "metric=z", "machine_id=-1", "sort=q"} {
		if p := w.get("/v4/nts/regressions?" + wrong); p.Status != http.StatusBadRequest {
			t.Errorf("%s: %d", wrong, p.Status)
		}
	}
	one := w.ok("/db_default/v4/nts/regressions/1")
	mustContain(t, one, "Fixed", "ada <x>", `"quoted" <b>title</b>`, "vec&tor", "by <i>hand</i>", "Detected → Fixed", "opened as Detected", `class="spark"`, "Culprit")
	mustNotContain(t, one, "<b>title", "<i>hand", "ada <x>", `id="decide"`)
	mustContain(t, w.get("/v4/nts/regressions/99").Body, "has no regression 99")
}

func TestRegressions_LNTsAddresses_LeadOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history("default", 3, 6)
	w.flush()
	for path, to := range map[string]string{
		"/v4/nts/regressions/new":                               "/db_default/v4/nts/findings",
		"/db_default/v4/nts/regressions/new_from_graph/1/2/3/4": "/db_default/v4/nts/graph?plot.0=1.2.3&highlight_run=4",
	} {
		if p := w.get(path); p.Status != http.StatusFound || p.Header.Get("Location") != to {
			t.Errorf("%s: %d to %s, want %s", path, p.Status, p.Header.Get("Location"), to)
		}
	}
	mustContain(t, w.ok("/v4/nts/regressions/?state=10&machine_filter=&highlight="), "There are none in this state")
}

func TestRegressions_Deleted_SaysByWhom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 12, 6)
	w.steps("default", h)
	w.flush()
	deletion, err := event.RegressionDeletion{RegressionIDs: []uint32{2}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if d := w.decide("default", "nts", event.RegressionDeleted, noon, deletion, nil); d.Status != event.Accepted {
		t.Fatal(d.Error)
	}
	w.flush()
	p := w.get("/v4/nts/regressions/2")
	if p.Status != http.StatusNotFound {
		t.Errorf("a deleted regression: %d", p.Status)
	}
	mustContain(t, p.Body, "was deleted by bot on 2026-03-14")
}

func TestHome_ARegression_IsThreeClicksAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 12, 6)
	w.steps("default", h)
	w.flush()
	mustContain(t, w.ok("/"), `href="/db_default/v4/nts/"`)
	mustContain(t, w.ok("/db_default/v4/nts/"), `href="/db_default/v4/nts/regressions/"`)
	mustContain(t, w.ok("/db_default/v4/nts/regressions/"), `href="/db_default/v4/nts/regressions/1"`)
	mustContain(t, w.ok("/db_default/v4/nts/regressions/1"), "Culprit")
}

// Later data take every finding of a regression back that somebody has looked at: no size is made up for it.
func TestRegressions_AllFindingsWithdrawn_SayThatNothingStands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for order := range 3 {
		w.submit("default", "nts", "m", fmt.Sprint(order+1), noon.Add(time.Duration(order-60)*time.Minute), test{"name": "t", "execution_time": 1.0})
	}
	f := event.Finding{
		MachineID: 1, Metric: "execution_time", TestID: 1, OrderID: 2, PreviousOrderID: 1, Direction: event.Up, Kind: event.Regression, Before: 1, After: 1.5,
	}
	w.found("default", "nts", noon.Add(-20*time.Minute), f)
	owner := "ada"
	w.triage(event.RegressionTriage{RegressionID: 1, Owner: &owner})
	w.flush()
	pages := []string{"/", "/v4/nts/", "/v4/nts/regressions/", "/v4/nts/regressions/1"}
	for _, path := range pages {
		body := w.ok(path)
		mustContain(t, body, "+50.0%")
		mustNotContain(t, body, "withdrawn")
	}
	f.ID = event.FindingID("default", "nts", 1, 1, f.Metric, 2, event.Up, "step")
	w.say(event.ChangeFound, event.Changes{Detector: "step", Version: 1, Params: json.RawMessage(`{}`), DataSeq: w.offset, Findings: []event.Finding{f}})
	w.flush()
	for _, path := range pages {
		body := w.ok(path)
		mustContain(t, body, ">withdrawn</span>", "st-verify")
		mustNotContain(t, body, "+0.0%", "0 tests", "0 series", "p 0", "largest +")
	}
}

// Overviews read runs and findings as they were sent, and tell themselves which machine they count for.
func TestOverviews_MachinesMergedRenamedAndDeleted_ShowWhatCountsNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, machine := range []string{"old", "new", "doomed", "new", "new", "new", "new", "old"} {
		w.submit("default", "nts", machine, fmt.Sprint(i+1), noon.Add(time.Duration(i-60)*time.Minute), test{"name": "t/" + machine, "execution_time": 1.0})
	}
	for machine := uint32(1); machine <= 3; machine++ {
		w.found("default", "nts", noon.Add(-20*time.Minute), event.Finding{
			MachineID: machine, Metric: "execution_time", TestID: machine, OrderID: 2*machine + 1, PreviousOrderID: 2 * machine,
			Direction: event.Up, Kind: event.Regression, Before: 1, After: 1 + float64(machine)/10,
		})
	}
	w.flush()
	mustContain(t, w.ok("/"), "+10.0%", "+20.0%", "+30.0%", "<b>3</b> machines", "<b>8</b> runs", "nobody", ">old<", ">new<", ">doomed<")
	list := "/v4/nts/regressions/?state=all"
	if got := strings.Count(w.ok(list), "<tr data-id="); got != 3 {
		t.Fatalf("%d regressions, want one of each machine", got)
	}
	w.say(event.MachineMerged, event.MachineMerge{Machine: "1", Into: "2"})
	w.say(event.MachineDeleted, event.MachineDeletion{Machine: "3"})
	w.say(event.MachineRenamed, event.MachineRename{Machine: "2", Name: "renamed"})
	w.flush()
	home := w.ok("/")
	mustContain(t, home, "+10.0%", "+20.0%", ">renamed<", "<b>1</b> machine<", "<b>7</b> runs", "graph?plot.0=2.1.2&order=3")
	mustNotContain(t, home, ">+30.0%", ">old<", ">new<", ">doomed<", "/machine/1\"", "/machine/3\"")
	overview := w.ok("/v4/nts/")
	mustContain(t, overview, "renamed", "2 worse", "/db_default/v4/nts/order/8\"", "/db_default/v4/nts/8\"")
	mustNotContain(t, overview, ">+30.0%", ">doomed<", "/machine/1\"")
	machine := w.ok("/v4/nts/machine/2")
	mustContain(t, machine, "renamed", "all 2", "+10.0%", "+20.0%", "/db_default/v4/nts/8\"", "/db_default/v4/nts/1\"")
	for _, gone := range []string{"/v4/nts/machine/1", "/v4/nts/machine/3"} {
		if p := w.get(gone); p.Status != http.StatusNotFound {
			t.Errorf("%s: %d", gone, p.Status)
		}
	}
	for query, want := range map[string]int{"": 3, "&machine_id=2": 2, "&machine_filter=renamed": 2, "&machine_id=3": 0, "&machine_filter=old": 0, "&test=t/doomed": 0} {
		if got := strings.Count(w.ok(list+query), "<tr data-id="); got != want {
			t.Errorf("%s: %d regressions, want %d", query, got, want)
		}
	}
	findings := w.ok("/v4/nts/findings")
	mustContain(t, findings, "+10.0%", "+20.0%", "All <b>2</b>", ">renamed</a>")
	mustNotContain(t, findings, "+30.0%", `title="doomed"`, `title="old"`, "/machine/1\"", "plot.0=1.")
	for query, want := range map[string]int{"machine_id=2": 2, "machine=RENAM": 2, "machine=old": 0, "machine_id=1": 0, "machine_id=3": 0, "test=t/OLD": 1, "sort=order": 2, "kind=improvement": 0} {
		if got := strings.Count(w.ok("/v4/nts/findings?"+query), `class="num levels"`); got != want {
			t.Errorf("%s: %d findings, want %d", query, got, want)
		}
	}
	mustContain(t, w.ok("/v4/nts/order/3"), "+10.0%", ">renamed</a>")
	w.say(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{1}, Note: "seen"})
	w.flush()
	dismissed := w.ok("/v4/nts/findings?show=dismissed")
	mustContain(t, dismissed, "+10.0%", "seen", ">renamed</a>", "graph?plot.0=2.1.2&order=3")
	mustNotContain(t, dismissed, "+20.0%", `title="old"`)
	if p := w.get("/v4/nts/machine/2/latest"); p.Header.Get("Location") != "/db_default/v4/nts/8" {
		t.Errorf("the newest order's run is %s", p.Header.Get("Location"))
	}
}
