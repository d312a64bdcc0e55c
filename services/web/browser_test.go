package web_test

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/testkit/browser"
)

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

// tab is a browser that shows the pages of this package.
type tab struct{ *browser.Tab }

func openTab(t testing.TB) tab {
	t.Helper()
	return tab{browser.New(t, "")}
}

// picture keeps what the whole page looks like in the folder TIDEMARK_SCREENSHOTS; none are taken without.
func (b tab) picture(t testing.TB, name string) {
	t.Helper()
	folder := os.Getenv("TIDEMARK_SCREENSHOTS")
	if folder == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), shot, 0o600); err != nil {
		t.Fatal(err)
	}
}

const drawn = `document.querySelector("#chart")?.dataset.shown !== undefined`

// painted counts the chart's pixels that are close to each of some colours of the
// style sheet. The canvas is read once: the browser complains about more.
func painted(t testing.TB, b tab, colours ...string) []int {
	t.Helper()
	return browser.See[[]int](t, b.Tab, fmt.Sprintf(`((names) => {
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

func (b tab) plotBox(t testing.TB) plotBox {
	t.Helper()
	return browser.See[plotBox](t, b.Tab, `(() => {
		const chart = document.querySelector("#chart");
		chart.scrollIntoView({ block: "center" });
		const { left, top, width, height } = chart.querySelector(".u-over").getBoundingClientRect();
		return { Left: left, Top: top, Width: width, Height: height };
	})()`)
}

// shown is the range of orders in sight, from 0.
func (b tab) shown(t testing.TB) (lo, hi float64) {
	t.Helper()
	if _, err := fmt.Sscan(browser.See[string](t, b.Tab, `document.querySelector("#chart").dataset.shown`), &lo, &hi); err != nil {
		t.Fatal(err)
	}
	return lo, hi
}

func (b tab) wantShown(t testing.TB, when string, lo, hi float64) {
	t.Helper()
	if gotLo, gotHi := b.shown(t); math.Abs(gotLo-lo) > 0.01 || math.Abs(gotHi-hi) > 0.01 {
		t.Errorf("%s: orders %v to %v are shown, want %v to %v", when, gotLo, gotHi, lo, hi)
	}
}

func (b tab) readout(t testing.TB) string {
	t.Helper()
	return browser.See[string](t, b.Tab, `document.querySelector("#readout").textContent`)
}

func TestChart_FromTheFirstPage_IsDrawnMarkedAndZoomed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 30, 8)
	w.steps("default", h)
	w.flush()
	root := listen(t, w.app)
	b := openTab(t)
	b.Look(t, 1280, 900, false)
	b.Do(t, chromedp.Navigate(root+"/"))
	b.Follow(t, chromedp.Click(chromedp.CSS(`.regressions .lead a[href*="plot.0=1.1.2"]`)))
	b.Until(t, "the chart is drawn", drawn)
	if pixels := painted(t, b, "--s0", "--bad"); pixels[0] < 300 || pixels[1] < 100 {
		t.Errorf("%d pixels of the line and %d of the change point are painted", pixels[0], pixels[1])
	}
	whole := float64(h.Orders) - 0.5
	width := whole + 0.5
	b.wantShown(t, "at first", -0.5, whole)
	if text := b.readout(t); !strings.Contains(text, fmt.Sprint(500000+h.Step*7)) || !strings.Contains(text, "+18.2% regression") {
		t.Errorf("the order of the finding is not told about: %s", text)
	}

	box := b.plotBox(t)
	middle := box.Top + box.Height/2
	b.Do(t, chromedp.DragAndDropXY(box.Left+box.Width/2, middle, box.Left+box.Width*3/4, middle))
	lo, hi := b.shown(t)
	if math.Abs(lo-(width/2-0.5)) > 0.6 || math.Abs(hi-(width*3/4-0.5)) > 0.6 {
		t.Errorf("half to three quarters were dragged over, shown are %v to %v of %v", lo, hi, whole)
	}
	zoomed := b.Address(t)
	if !strings.Contains(zoomed, "from=") || !strings.Contains(zoomed, "to=") {
		t.Errorf("the address does not say what is shown: %s", zoomed)
	}
	b.Do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(zoomed))
	b.Until(t, "the chart is drawn again", drawn)
	lo2, hi2 := b.shown(t)
	if math.Abs(lo2-lo) > 1 || math.Abs(hi2-hi) > 1 {
		t.Errorf("the address shows %v to %v, it was taken at %v to %v", lo2, hi2, lo, hi)
	}

	box = b.plotBox(t)
	x, y := box.Left+box.Width/2, box.Top+box.Height/2
	b.Do(t, chromedp.MouseClickXY(x, y), chromedp.MouseClickXY(x, y, chromedp.ClickCount(2)))
	b.wantShown(t, "after a double click", -0.5, whole)
	if got := b.Address(t); strings.Contains(got, "from=") {
		t.Errorf("the whole history still has a range in its address: %s", got)
	}
	b.Quiet(t)

	chartOfMany(t, w, b, root)
	b.Quiet(t)
}

func TestChart_WithTheKeyboardAlone_IsReadAndLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 20, 8)
	w.steps("default", h)
	w.flush()
	root := listen(t, w.app)
	b := openTab(t)
	b.Look(t, 1000, 900, true)
	b.Do(t, chromedp.Navigate(root+"/v4/nts/graph?plot.0=1.1.2"))
	b.Until(t, "the chart is drawn", drawn)
	if pixels := painted(t, b, "--s0"); pixels[0] < 300 {
		t.Errorf("%d pixels of the dark line are painted", pixels[0])
	}
	browser.See[bool](t, b.Tab, `(document.querySelector("#chart").focus(), true)`)
	order := func(n int) string { return fmt.Sprint(500000 + n*7) }
	for _, step := range []struct{ key, want string }{
		{kb.ArrowLeft, order(19)}, {kb.ArrowLeft, order(18)}, {kb.ArrowRight, order(19)}, {kb.Home, order(1)}, {kb.End, order(20)}, {kb.PageUp, order(18)},
	} {
		b.Do(t, chromedp.KeyEvent(step.key))
		if got := b.readout(t); !strings.HasPrefix(got, step.want) {
			t.Errorf("%q tells about %s, want order %s", step.key, got, step.want)
		}
	}
	b.Do(t, chromedp.KeyEvent("+"))
	if lo, hi := b.shown(t); hi-lo > 11 || lo > 17 || hi < 17 {
		t.Errorf("zoomed in, %v to %v is shown", lo, hi)
	}
	b.Do(t, chromedp.KeyEvent("0"))
	b.wantShown(t, "after 0", -0.5, 19.5)
	b.Do(t, chromedp.Click(chromedp.CSS(`button[data-do="in"]`)), chromedp.Click(chromedp.CSS(`button[data-do="left"]`)))
	if lo, hi := b.shown(t); hi-lo > 11 || lo < -0.5 || hi > 19 {
		t.Errorf("after the buttons, %v to %v is shown", lo, hi)
	}
	b.Do(t, chromedp.Click(chromedp.CSS(`button[data-do="reset"]`)))
	b.wantShown(t, "after reset", -0.5, 19.5)
	browser.See[bool](t, b.Tab, `(document.querySelector("#chart").focus(), true)`)
	b.Follow(t, chromedp.KeyEvent(kb.Enter))
	if got := b.Address(t); !strings.HasSuffix(got, "/v4/nts/52") {
		t.Errorf("Enter leads to %s, want the run of the order told about", got)
	}
	b.Quiet(t)
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
func (b tab) visit(t testing.TB, root, name, path string, h history) {
	t.Helper()
	if strings.Contains(path, "%d") {
		path = fmt.Sprintf(path, 3*h.Orders-2)
	}
	b.Do(t, chromedp.Navigate(root+path))
	if strings.HasPrefix(name, "graph") {
		b.Until(t, "the chart of "+name+" is drawn", drawn)
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
	b := openTab(t)
	for _, view := range []struct {
		name          string
		width, height int64
		dark          bool
	}{{"phone-light", 360, 740, false}, {"desktop-dark", 1440, 900, true}, {"phone-dark", 390, 844, true}, {"desktop-light", 1280, 800, false}} {
		b.Look(t, view.width, view.height, view.dark)
		for name, path := range everyPage {
			b.visit(t, root, name, path, h)
			if view.width > 1000 {
				b.settled(t, name+" at "+view.name)
			}
			wide := browser.See[[]string](t, b.Tab, `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 &&
				!e.closest(".wide, pre, .tabs, .uplot, .unseen, .skip, .crumbs, thead")).map(e => e.tagName + "." + e.className).slice(0, 5)`)
			if over := browser.See[int](t, b.Tab, `document.documentElement.scrollWidth - innerWidth`); over > 0 || len(wide) > 0 {
				t.Errorf("%s at %s: %d pixels too wide: %v", name, view.name, over, wide)
			}
			b.picture(t, name+"-"+view.name)
			if name != "problem" {
				b.Quiet(t)
			}
			b.Forget()
		}
	}
}
