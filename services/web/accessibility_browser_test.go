package web_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// axeFile is axe-core, which knows the rules of WCAG; fetch-assets.sh puts it there.
const axeFile = "testdata/vendor/axe.min.js"

// judge runs axe over the page: contrast, names of controls, landmarks, tables. Its code comes by the protocol of the debugger,
// which the pages' policy for scripts does not bind.
func (b *browser) judge() []string {
	b.t.Helper()
	code, err := os.ReadFile(axeFile)
	if err != nil {
		b.t.Fatalf("%v; run services/web/fetch-assets.sh", err)
	}
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](string(code)+";true")); err != nil {
		b.t.Fatalf("load axe: %v", err)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`axe.run(document, {
		resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
	}).then((r) => r.violations.map((v) => v.id + ": " + v.help + ": " +
		v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " (" + (n.any[0]?.message ?? "") + ")").join(", ")))`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("run axe: %v", err)
	}
	return found
}

// shift is how much the page moved under its reader while it was loaded: the sum of layout shifts, 0 for none.
func (b *browser) shift() float64 {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	// Entries of the past are given in one call, which comes before the next frame but one.
	moved, err := chromedp.Run(ctx, chromedp.Evaluate[float64](`new Promise((done) => {
		let sum = 0;
		new PerformanceObserver((list) => {
			for (const e of list.getEntries()) sum += e.hadRecentInput ? 0 : e.value;
		}).observe({ type: "layout-shift", buffered: true });
		requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
	})`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("ask for layout shifts: %v", err)
	}
	return moved
}

// settled fails the test for a page that breaks a rule of WCAG or moved under its reader.
func (b *browser) settled(name string) {
	b.t.Helper()
	if moved := b.shift(); moved >= 0.005 { // a twentieth of what browsers' makers call good: nobody sees it
		b.t.Errorf("%s: its parts moved by %.3f while it was loaded", name, moved)
	}
	for _, problem := range b.judge() {
		b.t.Errorf("%s: %s", name, problem)
	}
}

func TestAxe_APageWithFaintTextAndANamelessField_IsNotPassed(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	b.do(chromedp.Navigate(`data:text/html,<html lang=en><title>x</title><main><h1>x</h1><p style="color:%23ccc;background:white">faint</p><input></main>`))
	if found := b.judge(); len(found) != 2 {
		t.Errorf("two rules are broken, found: %q", found)
	}
}
