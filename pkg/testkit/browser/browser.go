// Package browser gives tests a Chromium with one tab, and steps in it as a
// person takes them. Every step has a deadline and fails the test that takes
// it. What the browser complains about is kept until somebody asks: Quiet.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// How long a step may take, and a page to become what is waited for.
const (
	stepTime = time.Minute
	waitTime = 30 * time.Second
)

// find is the program of a Chromium. A test that needs one fails without.
func find(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("TIDEMARK_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no browser: run services/web/fetch-chromium.sh, or set TIDEMARK_CHROMIUM to one")
	return ""
}

// Tab is one tab with everything it complained about.
type Tab struct {
	ctx      context.Context
	mu       sync.Mutex
	problems []string
}

// New starts a browser for as long as the test runs. Its profile is below the folder, below that of the system without one.
func New(t testing.TB, folder string) *Tab {
	t.Helper()
	// Not t.TempDir: the browser's children write there for a moment after its end.
	profile, err := os.MkdirTemp(folder, "tidemark-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(find(t)), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("hide-scrollbars", true),
	)
	// The test's own context ends before its cleanups run.
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		closeTab()
		stop()
		_ = os.RemoveAll(profile)
	})
	b := &Tab{ctx: ctx}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatalf("the browser does not start: %v", err)
	}
	return b
}

// Context is the tab's, for steps that are not here.
func (b *Tab) Context() context.Context { return b.ctx }

// hear collects exceptions, warnings and whatever the policy for scripts and styles stops.
func (b *Tab) hear(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, "exception: "+e.ExceptionDetails.Text+" "+e.ExceptionDetails.Exception.Description)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			b.problems = append(b.problems, fmt.Sprintf("console.%s", e.Type))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			b.problems = append(b.problems, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	}
}

// Forget is everything the browser complained about since the last call.
func (b *Tab) Forget() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	problems := b.problems
	b.problems = nil
	return problems
}

// Quiet fails the test when the browser complained about anything since the last call.
func (b *Tab) Quiet(t testing.TB) {
	t.Helper()
	for _, p := range b.Forget() {
		t.Errorf("the browser complains: %s", p)
	}
}

// Do takes steps that stay on the page.
func (b *Tab) Do(t testing.TB, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// Follow does what leads to another page and waits for that page, which must be there.
func (b *Tab) Follow(t testing.TB, step chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status != 200 {
		t.Fatalf("%s: %d", answer.URL, answer.Status)
	}
}

// Open goes to an address, which must be there.
func (b *Tab) Open(t testing.TB, address string) {
	t.Helper()
	b.Follow(t, chromedp.Navigate(address))
}

// Click follows the first element that the selector names.
func (b *Tab) Click(t testing.TB, selector string) {
	t.Helper()
	b.Follow(t, chromedp.Click(chromedp.CSS(selector)))
}

// See is what a script gives in the page.
func See[T any](t testing.TB, b *Tab, script string, options ...chromedp.EvaluateOption) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, options...))
	if err != nil {
		t.Fatalf("%.300s: %v", script, err)
	}
	return value
}

// Address is where the tab is.
func (b *Tab) Address(t testing.TB) string {
	t.Helper()
	return See[string](t, b, `location.href`)
}

// Until asks a script until it says true. Asking anew each time outlives the change
// from one page to the next, in which a question has nobody to answer it.
func (b *Tab) Until(t testing.TB, what, script string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitTime)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script))
		if err == nil && yes {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waiting until %s: %v", what, errors.Join(err, ctx.Err()))
		case <-again.C:
		}
	}
}

// Look sets the size of the window and the colours the reader prefers.
func (b *Tab) Look(t testing.TB, width, height int64, dark bool) {
	t.Helper()
	b.Do(t, chromedp.EmulateViewport(width, height, chromedp.EmulateScale(1)))
	scheme := map[bool]string{true: "dark", false: "light"}[dark]
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}); err != nil {
		t.Fatal(err)
	}
}
