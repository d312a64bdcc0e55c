package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tidemark/pkg/event"
)

func TestTriage_TwentyAtOnce_AreDecidedUndoneAndTellWhoItWas(t *testing.T) {
	t.Parallel()
	w := newGuardedWorld(t)
	h := w.history("default", 60, 8)
	w.steps("default", h)
	// Every second order, so that none of them touches another.
	for i := range 20 {
		order := orderID(2 + 2*i)
		w.found("default", "nts", noon, event.Finding{
			MachineID: uint32(i%3 + 1), TestID: uint32(i%len(h.Tests) + 1), Metric: "compile_time", OrderID: order, PreviousOrderID: order - 1,
			Direction: event.Up, Kind: event.Regression, Before: 1, After: 1.02 + 0.01*float64(i), Spread: 0.003, Statistic: 41, PValue: 1e-12,
		})
	}
	w.flush()
	root := listen(t, w.app)
	b := openBrowser(t)
	b.look(1280, 900, false)
	b.do(chromedp.Navigate(root + "/v4/nts/regressions/?metric=compile_time"))
	if eval[bool](b, `!!document.querySelector(".pick")`) {
		t.Error("somebody who has not signed in is offered boxes")
	}
	b.picture("regressions-anonymous")
	b.follow(chromedp.Click(chromedp.CSS("a.who")))
	b.picture("signin")
	b.do(chromedp.SendKeys(chromedp.CSS("#token"), w.secrets["triage"]))
	b.follow(chromedp.Click(chromedp.CSS("form button.first")))
	b.until("the board is there", `document.querySelectorAll("#board td.pick input").length === 20`)
	if got := eval[string](b, `document.cookie + JSON.stringify(localStorage)`); strings.Contains(got, "tidemark_session") || strings.Contains(got, "tmk_") {
		t.Errorf("scripts can read %s", got)
	}
	// With the keyboard: the second row, then all.
	b.do(chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("x"))
	if got := eval[string](b, `document.querySelector("#chosen").textContent + document.querySelectorAll("tr.here.chosen").length`); got != "11" {
		t.Errorf("j j x chose %s", got)
	}
	b.do(chromedp.KeyEvent("a"))
	if got := eval[string](b, `document.querySelector("#chosen").textContent`); got != "20" {
		t.Errorf("a chose %s", got)
	}
	b.picture("triage-board")
	b.do(chromedp.KeyEvent("s"))
	eval[bool](b, `((s) => { s.value = "not_to_be_fixed"; return true; })(document.querySelector("#bulk-state"))`)
	b.do(chromedp.SendKeys(chromedp.CSS("#bulk-note"), "a new compiler flag"))
	eval[bool](b, `(document.querySelector("#bulk").requestSubmit(), true)`)
	b.until("it is told", `document.querySelector("#told:not([hidden])")?.textContent.startsWith("20 regressions set to Not to be fixed.") === true`)
	if n := eval[int](b, `document.querySelectorAll("#board tbody tr").length`); n != 0 {
		t.Errorf("%d are still open", n)
	}
	b.picture("triage-done")
	b.do(chromedp.KeyEvent("u"))
	b.until("they are open again", `document.querySelectorAll("#board td.pick input").length === 20 && document.querySelector("#told").textContent === "Undone."`)
	b.follow(chromedp.Click(chromedp.CSS("#board tbody tr a.name")))
	page := eval[string](b, `document.querySelector("main").textContent`)
	for _, want := range []string{"triageer", "a new compiler flag", "Detected → Not to be fixed", "Not to be fixed → Detected", "Save"} {
		if !strings.Contains(page, want) {
			t.Errorf("the history does not tell %q", want)
		}
	}
	b.picture("regression-signed-in")
	b.quiet()
}

func TestTriage_ByWhoMayNot_IsNotOfferedAndRefused(t *testing.T) {
	t.Parallel()
	w := newGuardedWorld(t)
	h := w.history("default", 12, 6)
	w.steps("default", h)
	w.flush()
	reader := w.signIn("read")
	page := w.get("/v4/nts/regressions/?state=all", "Cookie", reader).Body
	mustNotContain(t, page, `class="pick"`, `id="bulk"`)
	mustNotContain(t, w.get("/v4/nts/regressions/1", "Cookie", reader).Body, `id="decide"`, `class="undo"`)
	csrf := csrfField.FindStringSubmatch(page)[1]
	body := `{"ids":[1],"changes":{"state":"fixed"}}`
	for name, c := range map[string]struct {
		header []string
		status int
	}{
		"nobody":              {nil, 401},
		"a reader":            {[]string{"Cookie", reader, "X-CSRF-Token", csrf}, 403},
		"a sheriff's cookie":  {[]string{"Cookie", w.signIn("triage")}, 403},
		"somebody else's sum": {[]string{"Cookie", w.signIn("triage"), "X-CSRF-Token", csrf}, 403},
	} {
		if got := w.send("/api/v5/nts/regressions/triage", body, c.header...); got != c.status {
			t.Errorf("%s: %d, want %d", name, got, c.status)
		}
	}
	if got := strings.Count(w.ok("/v4/nts/regressions/?state=fixed"), "<tr data-id="); got != 0 {
		t.Errorf("%d are fixed", got)
	}
}
