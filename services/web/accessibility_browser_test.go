package web_test

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"tidemark/pkg/testkit/browser"
)

// axeFile is axe-core, which knows the rules of WCAG; fetch-assets.sh puts it there.
const axeFile = "testdata/vendor/axe.min.js"

// judge runs axe over the page: contrast, names of controls, landmarks, tables. Its code comes by the protocol of the debugger,
// which the pages' policy for scripts does not bind.
func (b tab) judge(t testing.TB) []string {
	t.Helper()
	code, err := os.ReadFile(axeFile)
	if err != nil {
		t.Fatalf("%v; run services/web/fetch-assets.sh", err)
	}
	browser.See[bool](t, b.Tab, string(code)+";true")
	return browser.See[[]string](t, b.Tab, `axe.run(document, {
		resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
	}).then((r) => r.violations.map((v) => v.id + ": " + v.help + ": " +
		v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " (" + (n.any[0]?.message ?? "") + ")").join(", ")))`, chromedp.EvalAwaitPromise)
}

// shift is how much the page moved under its reader while it was loaded: the sum of layout shifts, 0 for none.
func (b tab) shift(t testing.TB) float64 {
	t.Helper()
	// Entries of the past are given in one call, which comes before the next frame but one.
	return browser.See[float64](t, b.Tab, `new Promise((done) => {
		let sum = 0;
		new PerformanceObserver((list) => {
			for (const e of list.getEntries()) sum += e.hadRecentInput ? 0 : e.value;
		}).observe({ type: "layout-shift", buffered: true });
		requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
	})`, chromedp.EvalAwaitPromise)
}

// settled fails the test for a page that breaks a rule of WCAG or moved under its reader.
func (b tab) settled(t testing.TB, name string) {
	t.Helper()
	if moved := b.shift(t); moved >= 0.005 { // a twentieth of what browsers' makers call good: nobody sees it
		t.Errorf("%s: its parts moved by %.3f while it was loaded", name, moved)
	}
	for _, problem := range b.judge(t) {
		t.Errorf("%s: %s", name, problem)
	}
}

func TestAxe_APageWithFaintTextAndANamelessField_IsNotPassed(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	b.Do(t, chromedp.Navigate(`data:text/html,<html lang=en><title>x</title><main><h1>x</h1><p style="color:%23ccc;background:white">faint</p><input></main>`))
	if found := b.judge(t); len(found) != 2 {
		t.Errorf("two rules are broken, found: %q", found)
	}
}
