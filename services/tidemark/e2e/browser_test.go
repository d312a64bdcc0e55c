package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// findBrowser is the program of a Chromium. A test that needs one fails without.
func findBrowser(t *testing.T) string {
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

// browser is one tab with everything it complained about.
type browser struct {
	ctx      context.Context
	mu       sync.Mutex
	problems []string
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	// Not t.TempDir: the browser's children write there for a moment after its end.
	profile, err := os.MkdirTemp(folderOfAll, "chromium-")
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(findBrowser(t)), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
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
	b := &browser{ctx: ctx}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatalf("the browser does not start: %v", err)
	}
	return b
}

// hear collects exceptions, warnings and whatever the policy for scripts and styles stops.
func (b *browser) hear(ev any) {
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

// quiet fails the test when the browser complained about anything since the last call.
func (b *browser) quiet(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		t.Errorf("the browser complains: %s", p)
	}
	b.problems = nil
}

func (b *browser) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// follow does what leads to another page and waits for that page, which must be there.
func (b *browser) follow(t *testing.T, step chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status != 200 {
		t.Fatalf("%s: %d", answer.URL, answer.Status)
	}
}

// open goes to an address.
func (b *browser) open(t *testing.T, address string) {
	t.Helper()
	b.follow(t, chromedp.Navigate(address))
}

// click follows the first element that the selector names.
func (b *browser) click(t *testing.T, selector string) {
	t.Helper()
	b.follow(t, chromedp.Click(chromedp.CSS(selector)))
}

// see is what a script gives in the page.
func see[T any](t *testing.T, b *browser, script string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return value
}

// reads fails the test unless a person finds all the words in what the page shows.
func (b *browser) reads(t *testing.T, words ...string) {
	t.Helper()
	text := see[string](t, b, `document.querySelector("main").innerText`)
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s does not show %q:\n%.1500s", see[string](t, b, `location.href`), w, text)
		}
	}
}

// until asks a script until it says true. Asking anew each time outlives the change
// from one page to the next, in which a question has nobody to answer it.
func (b *browser) until(t *testing.T, what, script string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
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

// settled waits for the charts that the page has.
func (b *browser) settled(t *testing.T) {
	t.Helper()
	b.until(t, "the page is drawn", `document.readyState === "complete" && [...document.querySelectorAll("#chart")].every((c) => c.dataset.shown !== undefined)`)
}

// look sets the size of the window and the colours the reader prefers.
func (b *browser) look(t *testing.T, width, height int64, dark bool) {
	t.Helper()
	b.do(t, chromedp.EmulateViewport(width, height, chromedp.EmulateScale(1)))
	scheme := map[bool]string{true: "dark", false: "light"}[dark]
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}); err != nil {
		t.Fatal(err)
	}
}
