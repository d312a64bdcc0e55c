package web_test

import (
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
	mustContain(t, all, "Regressions", `class="bars"`, "+18.2%", "x86-zen5 <lab>", "500112")
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
