package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tidemark/pkg/event"
	"tidemark/pkg/testkit/browser"
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
	b := openTab(t)
	b.Look(t, 1280, 900, false)
	b.Do(t, chromedp.Navigate(root+"/v4/nts/regressions/?metric=compile_time"))
	if browser.See[bool](t, b.Tab, `!!document.querySelector(".pick")`) {
		t.Error("somebody who has not signed in is offered boxes")
	}
	b.picture(t, "regressions-anonymous")
	b.Follow(t, chromedp.Click(chromedp.CSS("a.who")))
	b.picture(t, "signin")
	b.Do(t, chromedp.SendKeys(chromedp.CSS("#token"), w.secrets["triage"]))
	b.Follow(t, chromedp.Click(chromedp.CSS("form button.first")))
	b.Until(t, "the board is there", `document.querySelectorAll("#board td.pick input").length === 20`)
	if got := browser.See[string](t, b.Tab, `document.cookie + JSON.stringify(localStorage)`); strings.Contains(got, "tidemark_session") || strings.Contains(got, "tmk_") {
		t.Errorf("scripts can read %s", got)
	}
	// With the keyboard: the second row, then all.
	b.Do(t, chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("x"))
	if got := browser.See[string](t, b.Tab, `document.querySelector("#chosen").textContent + document.querySelectorAll("tr.here.chosen").length`); got != "11" {
		t.Errorf("j j x chose %s", got)
	}
	b.Do(t, chromedp.KeyEvent("a"))
	if got := browser.See[string](t, b.Tab, `document.querySelector("#chosen").textContent`); got != "20" {
		t.Errorf("a chose %s", got)
	}
	b.picture(t, "triage-board")
	b.Do(t, chromedp.KeyEvent("s"))
	browser.See[bool](t, b.Tab, `((s) => { s.value = "not_to_be_fixed"; return true; })(document.querySelector("#bulk-state"))`)
	b.Do(t, chromedp.SendKeys(chromedp.CSS("#bulk-note"), "a new compiler flag"))
	browser.See[bool](t, b.Tab, `(document.querySelector("#bulk").requestSubmit(), true)`)
	b.Until(t, "it is told", `document.querySelector("#told:not([hidden])")?.textContent.startsWith("20 regressions set to Not to be fixed.") === true`)
	if n := browser.See[int](t, b.Tab, `document.querySelectorAll("#board tbody tr").length`); n != 0 {
		t.Errorf("%d are still open", n)
	}
	b.picture(t, "triage-done")
	b.Do(t, chromedp.KeyEvent("u"))
	b.Until(t, "they are open again", `document.querySelectorAll("#board td.pick input").length === 20 && document.querySelector("#told").textContent === "Undone."`)
	b.Follow(t, chromedp.Click(chromedp.CSS("#board tbody tr a.name")))
	page := browser.See[string](t, b.Tab, `document.querySelector("main").textContent`)
	for _, want := range []string{"triageer", "a new compiler flag", "Detected → Not to be fixed", "Not to be fixed → Detected", "Save"} {
		if !strings.Contains(page, want) {
			t.Errorf("the history does not tell %q", want)
		}
	}
	b.picture(t, "regression-signed-in")
	b.Quiet(t)
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
