package web_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/gofiber/fiber/v2"
)

// findBrowser is the program of a Chromium. A test that needs one fails without.
func findBrowser(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("TIDEMARK_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no browser for the browser tests: run services/web/fetch-chromium.sh, or set TIDEMARK_CHROMIUM to one")
	return ""
}

// listen serves the app on a free port and gives its address.
func listen(t testing.TB, app *fiber.App) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- app.Listener(ln) }()
	t.Cleanup(func() {
		_ = app.ShutdownWithTimeout(5 * time.Second)
		<-ended
	})
	return "http://" + ln.Addr().String()
}

// browser is one tab with everything it complained about.
type browser struct {
	t   testing.TB
	ctx context.Context
	// pictures is where screenshots go: TIDEMARK_SCREENSHOTS, or away with the test.
	pictures string
	mu       sync.Mutex
	problems []string
}

func openBrowser(t testing.TB) *browser {
	t.Helper()
	// Not t.TempDir: the browser's children write there for a moment after its end.
	profile, err := os.MkdirTemp("", "tidemark-chromium-")
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
	b := &browser{t: t, ctx: ctx, pictures: os.Getenv("TIDEMARK_SCREENSHOTS")}
	if b.pictures == "" {
		b.pictures = t.TempDir()
	}
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
		b.problems = append(b.problems, "exception: "+e.ExceptionDetails.Text+" "+string(e.ExceptionDetails.Exception.Description))
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

// quiet fails the test when the browser complained about anything.
func (b *browser) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Errorf("the browser complains: %s", p)
	}
	b.problems = nil
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// eval runs a script in the page.
func eval[T any](b *browser, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return value
}

// until waits for a script to say true.
func (b *browser) until(what, script string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](script, chromedp.WithPollingInterval(20*time.Millisecond))); err != nil {
		b.t.Fatalf("waiting until %s: %v", what, err)
	}
}

// look sets the size of the window and the colours the reader prefers.
func (b *browser) look(width, height int64, dark bool) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height, chromedp.EmulateScale(1)))
	scheme := map[bool]string{true: "dark", false: "light"}[dark]
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}); err != nil {
		b.t.Fatal(err)
	}
}

// picture keeps what the whole page looks like.
func (b *browser) picture(name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.pictures, name+".png"), shot, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

const drawn = `document.querySelector("#chart").dataset.shown !== undefined`

// painted counts the chart's pixels that are close to a colour of the style sheet.
func painted(b *browser, colour string) int {
	b.t.Helper()
	return eval[int](b, fmt.Sprintf(`(() => {
		const probe = document.createElement("canvas").getContext("2d");
		probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(%q).trim();
		probe.fillRect(0, 0, 1, 1);
		const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
		const canvas = document.querySelector("#chart canvas");
		const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
		let n = 0;
		for (let i = 0; i < data.length; i += 4) {
			if (data[i + 3] > 200 && Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 24) n++;
		}
		return n;
	})()`, colour))
}

// everyPage are pages of a filled suite that a person would visit.
var everyPage = map[string]string{
	"home": "/", "database": "/db_default/", "suite": "/db_default/v4/nts/", "machine": "/db_default/v4/nts/machine/1",
	"run": "/db_default/v4/nts/%d", "run-filtered": "/db_default/v4/nts/%d?show=unchanged&test=Bench", "order": "/db_default/v4/nts/order/15",
	"orders": "/db_default/v4/nts/all_orders", "findings": "/db_default/v4/nts/findings?kind=regression",
	"receipts": "/db_default/v4/nts/receipts", "table": "/db_default/v4/nts/graph?plot.0=1.1.2&view=table",
	"graph": "/db_default/v4/nts/graph?plot.0=1.1.2&order=20", "graph-many": "/db_default/v4/nts/graph?plot.0=1.1.2&plot.1=2.2.2&plot.2=3.3.8",
	"graph-failed": "/db_default/v4/nts/graph?plot.0=1.4.2",
	"empty":        "/db_default/v4/compile/", "problem": "/db_default/v4/nts/graph?plot.0=1.x.2",
}

func TestPages_InABrowser_AreQuietAndFitPhoneAndDesktopLightAndDark(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 30, 26)
	w.steps("default", h)
	w.refuse("default", noon.Add(-time.Minute))
	w.flush()
	root := listen(t, w.app)
	b := openBrowser(t)
	for _, view := range []struct {
		name          string
		width, height int64
		dark          bool
	}{{"phone-light", 360, 740, false}, {"phone-dark", 390, 844, true}, {"desktop-light", 1280, 800, false}, {"desktop-dark", 1440, 900, true}} {
		b.look(view.width, view.height, view.dark)
		for name, path := range everyPage {
			if strings.Contains(path, "%d") {
				path = fmt.Sprintf(path, 3*h.Orders-2)
			}
			b.do(chromedp.Navigate(root + path))
			if strings.HasPrefix(name, "graph") {
				b.until("the chart of "+name+" is drawn", drawn)
			}
			wide := eval[[]string](b, `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 &&
				!e.closest(".wide, pre, .tabs, .uplot, .unseen, .skip, thead")).map(e => e.tagName + "." + e.className).slice(0, 5)`)
			if over := eval[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 || len(wide) > 0 {
				t.Errorf("%s at %s: %d pixels too wide: %v", name, view.name, over, wide)
			}
			b.picture(name + "-" + view.name)
			if name != "problem" {
				b.quiet()
			}
			b.mu.Lock()
			b.problems = nil
			b.mu.Unlock()
		}
	}
}
