package web_test

import (
	"context"
	"errors"
	"fmt"
	"math"
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
	"github.com/chromedp/chromedp/kb"
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
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

// browser is one tab with everything it complained about.
type browser struct {
	t   testing.TB
	ctx context.Context
	// pictures is where screenshots go: TIDEMARK_SCREENSHOTS; none are taken without.
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

// follow does what leads to another page and waits for that page.
func (b *browser) follow(step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		b.t.Fatal(err)
	}
	if answer.Status != 200 {
		b.t.Fatalf("%s: %d", answer.URL, answer.Status)
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

// until asks a script until it says true. Asking anew each time outlives the change
// from one page to the next, in which a question has nobody to answer it.
func (b *browser) until(what, script string) {
	b.t.Helper()
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
			b.t.Fatalf("waiting until %s: %v", what, errors.Join(err, ctx.Err()))
		case <-again.C:
		}
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
	if b.pictures == "" {
		return
	}
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

const drawn = `document.querySelector("#chart")?.dataset.shown !== undefined`

// painted counts the chart's pixels that are close to each of some colours of the
// style sheet. The canvas is read once: the browser complains about more.
func painted(b *browser, colours ...string) []int {
	b.t.Helper()
	return eval[[]int](b, fmt.Sprintf(`((names) => {
		const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
		const wanted = names.split(" ").map((name) => {
			probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
			probe.fillRect(0, 0, 1, 1);
			return probe.getImageData(0, 0, 1, 1).data;
		});
		const canvas = document.querySelector("#chart canvas");
		const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
		const near = (i, [r, g, b]) => data[i + 3] > 200 && Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 24;
		return wanted.map((colour) => {
			let n = 0;
			for (let i = 0; i < data.length; i += 4) n += near(i, colour);
			return n;
		});
	})(%q)`, strings.Join(colours, " ")))
}

// plotBox is where the chart's plotting area is on the screen.
type plotBox struct{ Left, Top, Width, Height float64 }

func (b *browser) plotBox() plotBox {
	return eval[plotBox](b, `(() => {
		const chart = document.querySelector("#chart");
		chart.scrollIntoView({ block: "center" });
		const { left, top, width, height } = chart.querySelector(".u-over").getBoundingClientRect();
		return { Left: left, Top: top, Width: width, Height: height };
	})()`)
}

// shown is the range of orders in sight, from 0.
func (b *browser) shown() (lo, hi float64) {
	b.t.Helper()
	if _, err := fmt.Sscan(eval[string](b, `document.querySelector("#chart").dataset.shown`), &lo, &hi); err != nil {
		b.t.Fatal(err)
	}
	return lo, hi
}

func (b *browser) wantShown(when string, lo, hi float64) {
	b.t.Helper()
	if gotLo, gotHi := b.shown(); math.Abs(gotLo-lo) > 0.01 || math.Abs(gotHi-hi) > 0.01 {
		b.t.Errorf("%s: orders %v to %v are shown, want %v to %v", when, gotLo, gotHi, lo, hi)
	}
}

func (b *browser) address() string {
	b.t.Helper()
	return eval[string](b, `location.href`)
}

func (b *browser) readout() string {
	b.t.Helper()
	return eval[string](b, `document.querySelector("#readout").textContent`)
}

func TestChart_FromTheFirstPage_IsDrawnMarkedAndZoomed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 30, 8)
	w.steps("default", h)
	w.flush()
	root := listen(t, w.app)
	b := openBrowser(t)
	b.look(1280, 900, false)
	b.do(chromedp.Navigate(root + "/"))
	b.follow(chromedp.Click(chromedp.CSS(".findings tbody tr:first-child a.name")))
	b.until("the chart is drawn", drawn)
	if pixels := painted(b, "--s0", "--bad"); pixels[0] < 300 || pixels[1] < 100 {
		t.Errorf("%d pixels of the line and %d of the change point are painted", pixels[0], pixels[1])
	}
	whole := float64(h.Orders) - 0.5
	width := whole + 0.5
	b.wantShown("at first", -0.5, whole)
	if text := b.readout(); !strings.Contains(text, fmt.Sprint(500000+h.Step*7)) || !strings.Contains(text, "+18.2% regression") {
		t.Errorf("the order of the finding is not told about: %s", text)
	}

	box := b.plotBox()
	middle := box.Top + box.Height/2
	b.do(chromedp.DragAndDropXY(box.Left+box.Width/2, middle, box.Left+box.Width*3/4, middle))
	lo, hi := b.shown()
	if math.Abs(lo-(width/2-0.5)) > 0.6 || math.Abs(hi-(width*3/4-0.5)) > 0.6 {
		t.Errorf("half to three quarters were dragged over, shown are %v to %v of %v", lo, hi, whole)
	}
	zoomed := b.address()
	if !strings.Contains(zoomed, "from=") || !strings.Contains(zoomed, "to=") {
		t.Errorf("the address does not say what is shown: %s", zoomed)
	}
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(zoomed))
	b.until("the chart is drawn again", drawn)
	lo2, hi2 := b.shown()
	if math.Abs(lo2-lo) > 1 || math.Abs(hi2-hi) > 1 {
		t.Errorf("the address shows %v to %v, it was taken at %v to %v", lo2, hi2, lo, hi)
	}

	box = b.plotBox()
	x, y := box.Left+box.Width/2, box.Top+box.Height/2
	b.do(chromedp.MouseClickXY(x, y), chromedp.MouseClickXY(x, y, chromedp.ClickCount(2)))
	b.wantShown("after a double click", -0.5, whole)
	if got := b.address(); strings.Contains(got, "from=") {
		t.Errorf("the whole history still has a range in its address: %s", got)
	}
	b.quiet()

	chartOfMany(w, b, root)
	b.quiet()
}

func TestChart_WithTheKeyboardAlone_IsReadAndLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 20, 8)
	w.steps("default", h)
	w.flush()
	root := listen(t, w.app)
	b := openBrowser(t)
	b.look(1000, 900, true)
	b.do(chromedp.Navigate(root + "/v4/nts/graph?plot.0=1.1.2"))
	b.until("the chart is drawn", drawn)
	if pixels := painted(b, "--s0"); pixels[0] < 300 {
		t.Errorf("%d pixels of the dark line are painted", pixels[0])
	}
	eval[bool](b, `(document.querySelector("#chart").focus(), true)`)
	order := func(n int) string { return fmt.Sprint(500000 + n*7) }
	for _, step := range []struct{ key, want string }{
		{kb.ArrowLeft, order(19)}, {kb.ArrowLeft, order(18)}, {kb.ArrowRight, order(19)}, {kb.Home, order(1)}, {kb.End, order(20)}, {kb.PageUp, order(18)},
	} {
		b.do(chromedp.KeyEvent(step.key))
		if got := b.readout(); !strings.HasPrefix(got, step.want) {
			t.Errorf("%q tells about %s, want order %s", step.key, got, step.want)
		}
	}
	b.do(chromedp.KeyEvent("+"))
	if lo, hi := b.shown(); hi-lo > 11 || lo > 17 || hi < 17 {
		t.Errorf("zoomed in, %v to %v is shown", lo, hi)
	}
	b.do(chromedp.KeyEvent("0"))
	b.wantShown("after 0", -0.5, 19.5)
	b.do(chromedp.Click(chromedp.CSS(`button[data-do="in"]`)), chromedp.Click(chromedp.CSS(`button[data-do="left"]`)))
	if lo, hi := b.shown(); hi-lo > 11 || lo < -0.5 || hi > 19 {
		t.Errorf("after the buttons, %v to %v is shown", lo, hi)
	}
	b.do(chromedp.Click(chromedp.CSS(`button[data-do="reset"]`)))
	b.wantShown("after reset", -0.5, 19.5)
	eval[bool](b, `(document.querySelector("#chart").focus(), true)`)
	b.follow(chromedp.KeyEvent(kb.Enter))
	if got := b.address(); !strings.HasSuffix(got, "/v4/nts/52") {
		t.Errorf("Enter leads to %s, want the run of the order told about", got)
	}
	b.quiet()
}

// everyPage are pages of a filled suite that a person would visit.
var everyPage = map[string]string{
	"home": "/", "database": "/db_default/", "suite": "/db_default/v4/nts/", "machine": "/db_default/v4/nts/machine/1",
	"run": "/db_default/v4/nts/%d", "run-filtered": "/db_default/v4/nts/%d?show=unchanged&test=Bench", "order": "/db_default/v4/nts/order/15",
	"orders": "/db_default/v4/nts/all_orders", "findings": "/db_default/v4/nts/findings?kind=regression",
	"receipts": "/db_default/v4/nts/receipts", "audit": "/db_default/v4/nts/audit?show=all", "table": "/db_default/v4/nts/graph?plot.0=1.1.2&view=table",
	"graph": "/db_default/v4/nts/graph?plot.0=1.1.2&order=20", "graph-many": "/db_default/v4/nts/graph?plot.0=1.1.2&plot.1=2.2.2&plot.2=3.3.8",
	"why": "/db_default/v4/nts/why?plot.0=1.1.2&order=20", "graph-failed": "/db_default/v4/nts/graph?plot.0=1.4.2",
	"empty": "/db_default/v4/compile/", "problem": "/db_default/v4/nts/graph?plot.0=1.x.2",
	"regressions": "/db_default/v4/nts/regressions/", "regression": "/db_default/v4/nts/regressions/2", "signin": "/signin",
	"detectors": "/db_default/v4/nts/detectors", "backtests": "/db_default/v4/nts/backtests", "subscriptions": "/db_default/v4/nts/subscriptions", "job-runs": "/db_default/v4/nts/job_runs",
	"compare": "/db_default/v4/nts/compare?before.machine=1&before.newest=3&after.machine=2&after.newest=3", "heatmap": "/db_default/v4/nts/heatmap?machine=1",
	"matrix": "/db_default/v4/nts/matrix?plot.0=1.1.2&plot.1=2.2.2", "daily": "/db_default/v4/nts/daily_report", "latest": "/db_default/v4/nts/latest_runs_report",
	"status": "/db_default/v4/nts/global_status", "noise": "/db_default/v4/nts/noise", "search": "/search?q=bench", "test": "/db_default/v4/nts/test/1",
}

// visit opens a page of a suite with that history and waits for its chart.
func (b *browser) visit(root, name, path string, h history) {
	b.t.Helper()
	if strings.Contains(path, "%d") {
		path = fmt.Sprintf(path, 3*h.Orders-2)
	}
	b.do(chromedp.Navigate(root + path))
	if strings.HasPrefix(name, "graph") {
		b.until("the chart of "+name+" is drawn", drawn)
	}
}

func TestPages_InABrowser_AreQuietFitEveryScreenAndKeepWCAGLightAndDark(t *testing.T) {
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
	}{{"phone-light", 360, 740, false}, {"desktop-dark", 1440, 900, true}, {"phone-dark", 390, 844, true}, {"desktop-light", 1280, 800, false}} {
		b.look(view.width, view.height, view.dark)
		for name, path := range everyPage {
			b.visit(root, name, path, h)
			if view.width > 1000 {
				b.settled(name + " at " + view.name)
			}
			wide := eval[[]string](b, `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 &&
				!e.closest(".wide, pre, .tabs, .uplot, .unseen, .skip, .crumbs, thead")).map(e => e.tagName + "." + e.className).slice(0, 5)`)
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
