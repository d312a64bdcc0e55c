package web_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/event"
	"tidemark/pkg/testkit/browser"
)

// fourOrders has one series of 10, 12, 11 and 22 at orders 1 to 4, the second measured last.
func fourOrders(w *world) {
	for order, times := range [][]float64{{10, 14, 12}, {12}, {11, 13}, {22}} {
		at := noon.Add(-time.Duration(10-order) * time.Hour)
		if order == 1 {
			at = noon
		}
		w.submit("default", "nts", "m", fmt.Sprint(order+1), at, test{"name": "t", "execution_time": times, "compile_time": 1})
	}
}

// drawnLine is what a chart's data says of a line.
type drawnLine struct {
	Reference *float64
	Note      string
	Panel     int
	Points    []struct {
		At               int
		Value, Low, High *float64
	}
	Derived []struct {
		Kind   string
		Points [][2]float64
	}
	Baselines []struct {
		Title string
		Value float64
	}
	Findings []struct{ At, Regression int }
}

func linesOf(t *testing.T, w *world, query string) (orders []string, lines []drawnLine) {
	t.Helper()
	var out struct {
		Orders []struct{ Name string }
		Series []drawnLine
	}
	if err := json.Unmarshal([]byte(w.ok("/v4/nts/graph/data?"+query)), &out); err != nil {
		t.Fatal(err)
	}
	for _, o := range out.Orders {
		orders = append(orders, o.Name)
	}
	return orders, out.Series
}

func TestGraphData_WithEveryChoice_SaysWhatIsDrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fourOrders(w)
	w.found("default", "nts", noon, event.Finding{
		MachineID: 1, TestID: 1, Metric: "execution_time", OrderID: 4, PreviousOrderID: 3,
		Direction: event.Up, Kind: event.Regression, Before: 11, After: 22,
	})
	w.flush()
	const line = "plot.0=1.1.2"
	show := func(v any) string { return fmt.Sprintf("%v", v) }
	values := func(l drawnLine) (out []float64) {
		for _, p := range l.Points {
			out = append(out, *p.Value)
		}
		return out
	}
	orders, got := linesOf(t, w, line+"&band=range&show_moving_average=1&show_moving_median=1&moving_window_size=1&show_cumulative_minimum=1&show_linear_regression=1&baseline.old=2&baseline_order=3")
	if show(orders) != "[1 2 3 4]" || show(values(got[0])) != "[10 12 11 22]" {
		t.Errorf("orders %v values %v", orders, values(got[0]))
	}
	if p := got[0].Points[0]; *p.Low != 10 || *p.High != 14 || got[0].Points[1].Low != nil {
		t.Errorf("the spread of 10, 14, 12 is %v to %v, that of one value %v", *p.Low, *p.High, got[0].Points[1].Low)
	}
	want := map[string]string{
		"average": "[[0 10] [1 11] [2 11.5] [3 16.5]]", "median": "[[0 10] [1 11] [2 11.5] [3 16.5]]", "best": "[[0 10] [1 10] [2 10] [3 10]]",
		"trend": "[[0 8.5] [1 12] [2 15.5] [3 19]]",
	}
	for _, d := range got[0].Derived {
		if show(d.Points) != want[d.Kind] {
			t.Errorf("%s: %v, want %s", d.Kind, d.Points, want[d.Kind])
		}
	}
	if len(got[0].Derived) != 4 || show(got[0].Baselines) != "[{old, run 2 12} {order 3 11}]" || show(got[0].Findings) != "[{3 1}]" {
		t.Errorf("%d lines, baselines %v, findings %v", len(got[0].Derived), got[0].Baselines, got[0].Findings)
	}
	for how, reference := range map[string]float64{"first": 10, "median": 11.5, "baseline&baseline_order=3": 11} {
		if _, got := linesOf(t, w, line+"&band=stddev&normalize="+how); *got[0].Reference != reference || *got[0].Points[3].Value != 22/reference {
			t.Errorf("normalized by %s: 22 is %v of %v", how, *got[0].Points[3].Value, *got[0].Reference)
		}
	}
	if _, got := linesOf(t, w, line+"&normalize=baseline&baseline.x=1&plot.1=1.1.0"); got[1].Note != "" || *got[1].Points[0].Value != 1 {
		t.Errorf("the second line by its own baseline: %+v", got[1])
	}
	if orders, got = linesOf(t, w, line+"&xaxis_date=1"); show(orders) != "[1 3 4 2]" || show(values(got[0])) != "[10 11 22 12]" {
		t.Errorf("by date: %v, %v", orders, values(got[0]))
	}
	for how, first := range map[string]float64{"newest": 12, "geomean": 11.8878, "max": 14} {
		if _, got := linesOf(t, w, line+"&aggregation_function="+how); fmt.Sprintf("%.3f", *got[0].Points[0].Value) != fmt.Sprintf("%.3f", first) {
			t.Errorf("%s of 10, 14, 12: %v, want %v", how, *got[0].Points[0].Value, first)
		}
	}
	if _, got := linesOf(t, w, "mean=1.2&plot.0=1.1.2&plot.1=1.1.0"); show(values(got[2])) == "" || fmt.Sprintf("%.3f", values(got[2])[3]) != "22.000" || got[1].Panel != 1 || got[2].Panel != 0 {
		t.Errorf("the mean of one test: %+v", got[2])
	}
	rows, err := csv.NewReader(strings.NewReader(w.ok("/v4/nts/graph/data?" + line + "&band=range&format=csv"))).ReadAll()
	if err != nil || len(rows) != 8 || !cmp.Equal(rows[1][:14], []string{"m", "t", "execution_time", "s", "1", "1", "2026-03-14T01:30:00Z", "1", "10", "0", "min", "10", "10", "14"}) {
		t.Errorf("CSV: %v\n%q", err, rows)
	}
	file := w.get("/v4/nts/graph/data?" + line + "&download=1").Header.Get("Content-Disposition")
	if !strings.HasPrefix(file, "attachment; filename=nts-") || !strings.HasSuffix(file, ".json") {
		t.Errorf("the file is called %q", file)
	}
	mustContain(t, w.ok("/v4/nts/graph?"+line+"&view=table&band=range&show_moving_average=1&normalize=first"), "Moving average", "least to most", "1 to 1.400")
}

func TestGraph_Pinned_StaysAsItWasWhateverComesLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fourOrders(w)
	w.found("default", "nts", noon, event.Finding{
		MachineID: 1, TestID: 1, Metric: "execution_time", OrderID: 4, PreviousOrderID: 3,
		Direction: event.Up, Kind: event.Regression, Before: 11, After: 22,
	})
	w.flush()
	page := w.ok("/v4/nts/graph?plot.0=1.1.2&normalize=first")
	permalink := html.UnescapeString(regexp.MustCompile(`href="([^"]*as_of=5)" id="permalink"`).FindStringSubmatch(page)[1])
	mustContain(t, page, `/why?plot.0=1.1.2&amp;order=4"`)
	mustContain(t, w.ok(permalink), `/why?plot.0=1.1.2&amp;order=4&amp;as_of=5"`)
	mustContain(t, w.ok(permalink+"&view=table"), `/why?plot.0=1.1.2&amp;order=4&amp;as_of=5"`)
	data := strings.Replace(permalink, "/graph?", "/graph/data?", 1)
	was := w.ok(data)
	if !strings.Contains(was, `"pinned":true`) {
		t.Errorf("%s is not pinned", data)
	}
	// A new order, a replaced run, one that comes late at an old order, and a finding that is taken back.
	w.submit("default", "nts", "m", "5", noon, test{"name": "t", "execution_time": 30.0})
	w.submitWith(map[string]string{event.ParamMerge: "replace"}, "default", "nts", "m", "2", noon, test{"name": "t", "execution_time": 99.0})
	w.submitWith(map[string]string{event.ParamMerge: "append"}, "default", "nts", "m", "3", noon, test{"name": "t", "execution_time": 1.0})
	w.found("default", "nts", noon, event.Finding{
		MachineID: 1, TestID: 1, Metric: "execution_time", OrderID: 5, PreviousOrderID: 4,
		Direction: event.Up, Kind: event.Regression, Before: 22, After: 30,
	})
	w.flush()
	strip := func(body string) string { return regexp.MustCompile(`,"at":"[^"]*"`).ReplaceAllString(body, "") }
	if now := w.ok(data); strip(now) != strip(was) {
		t.Errorf("the pinned chart changed:\n%s\nwas\n%s", now, was)
	}
	if _, now := linesOf(t, w, "plot.0=1.1.2"); len(now[0].Points) != 5 || *now[0].Points[1].Value != 99 || *now[0].Points[2].Value != 1 || len(now[0].Findings) != 2 {
		t.Errorf("the newest: %+v", now[0])
	}
	mustContain(t, w.ok(permalink), "pinned to position 5", "Show the newest")
	mustContain(t, w.ok("/v4/nts/graph?plot.0=1.1.2&as_of=2099-01-01T00:00:00Z"), "pinned to position 9")
}

func TestGraph_Addresses_OfFormsSearchesAndLNT_LeadToTheChart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 3, 8)
	w.flush()
	for path, want := range map[string]string{
		"/v4/nts/graph?plot.0=1.1.2&set=1&aggregation_function=&band=mad&normalize=&charts=line&limit=&moving_window_size=10&baseline.Baseline=&logarithmic_scale=1&baseline_order=": "/db_default/v4/nts/graph?plot.0=1.1.2&band=mad&charts=line&logarithmic_scale=1",
		"/v4/nts/graph?plot.a=1.1.2&show_stddev=yes&normalize_by_median=1&xaxis_date=yes&set=1":                                                                                      "/db_default/v4/nts/graph?plot.0=1.1.2&band=stddev&normalize=median&xaxis_date=1",
		"/v4/nts/2/graph?test.3=2&test.1=4":                   "/db_default/v4/nts/graph?plot.0=2.3.2&plot.1=2.1.4&highlight_run=2&test.3=2&test.1=4",
		"/v4/nts/graph_for_sample/1/execution_time?limit=100": "/db_default/v4/nts/graph?plot.0=1.1.2&highlight_run=1&limit=100",
	} {
		got := w.get(path)
		if got.Status/100 != 3 || got.Header.Get("Location") != want {
			t.Errorf("%s leads to %d %s, want %s", path, got.Status, got.Header.Get("Location"), want)
		}
		if p := w.get(got.Header.Get("Location")); p.Status != http.StatusOK {
			t.Errorf("%s: %d", want, p.Status)
		}
	}
	mustContain(t, w.ok("/v4/nts/graph?plot.0=1.1.2&highlight_run=4"), `data-order="2"`)
	found := w.ok("/v4/nts/graph?plot.0=1.1.2&find=SQLITE+multi&on=0&field=4&part=found")
	mustContain(t, found, "MultiSource/", `href="/db_default/v4/nts/graph?plot.0=1.1.2&plot.1=2.2.4&find=SQLITE+multi&on=0&field=4"`)
	mustNotContain(t, found, "<html", "Shootout")
	mustContain(t, w.ok("/v4/nts/graph?plot.0=1.1.2&find=nothing+like+it&on=1"), "No test has these words")
	mustContain(t, w.ok("/v4/nts/graph?mean=1.2"), "Geometric mean")
	for path, want := range map[string][]string{
		"graph?plot.0=1.1.2&band=wide":                        {"400", "band=wide", "range, stddev, mad"},
		"graph?plot.0=1.1.2&normalize=baseline":               {"400", "normalize=baseline", "baseline_order"},
		"graph?plot.0=1.1.2&plot.1=1.1.4&charts=one":          {"400", "charts=one", "normalize=first"},
		"graph?plot.0=1.1.2&moving_window_size=-3":            {"400", "moving_window_size=-3"},
		"graph?plot.0=1.1.2&from=x":                           {"400", "from=x"},
		"graph?plot.0=1.1.2&baseline.a=b":                     {"400", "baseline.a=b", "number of a run"},
		"graph?plot.0=1.1.2&baseline.a=999&view=table":        {"404", "no run 999"},
		"graph?plot.0=1.1.2&as_of=yesterday":                  {"400", "as_of=yesterday", "2026-02-03T04:05:06Z"},
		"graph?plot.0=1.1.2&as_of=0":                          {"400", "as_of=0", "1 to 9"},
		"graph?plot.0=1.1.2&as_of=10":                         {"400", "as_of=10", "1 to 9"},
		"graph?plot.0=1.1.2&find=x&field=1":                   {"400", "field=1", "2 (Execution Time)"},
		"graph?mean=1":                                        {"400", "mean=1", "for example 1.2"},
		"graph/data?plot.0=1.1.2&format=xml":                  {"400", "format=xml", "json, csv"},
		"graph_for_sample/x/execution_time":                   {"400", "sample=x"},
		"graph_for_sample/1/nosuch":                           {"400", "metric=nosuch", "execution_time"},
		"graph_for_sample/99999999/execution_time":            {"404", "no sample 99999999"},
		"1/graph?test.x=2":                                    {"400", "test.x=2", "test.7=2"},
		fmt.Sprintf("%d/graph?test.1=2", 3*h.Orders+1):        {"404", "no run 10"},
		"graph?plot.0=1.1.2&find=" + strings.Repeat("x", 300): {"400", "at most 256"},
	} {
		p := w.get("/v4/nts/" + path)
		if fmt.Sprint(p.Status) != want[0] {
			t.Errorf("%s: %d, want %s", path, p.Status, want[0])
		}
		mustContain(t, p.Body, want[1:]...)
	}
}

// chartOfMany goes on in a browser that shows a chart: it adds a line by its name, zooms with the keyboard, and follows the permanent
// link after new runs came.
func chartOfMany(t testing.TB, w *world, b tab, root string) {
	b.Do(t, chromedp.Navigate(root+"/v4/nts/graph?plot.0=1.1.2"))
	b.Until(t, "the chart is drawn", drawn)
	if shifted := b.shift(t); shifted > 0 {
		t.Errorf("the page moves by %v while it loads", shifted)
	}
	b.Do(t, chromedp.SendKeys(chromedp.CSS(`#finder input[type="search"]`), "sqlite"))
	b.Until(t, "the test is found", `document.querySelector("#found li a:only-of-type")?.href.includes("find=sqlite&") === true`)
	browser.See[bool](t, b.Tab, `(document.querySelector("#found li a").click(), true)`)
	b.Until(t, "both lines are drawn", drawn+` && document.querySelectorAll("#legend li").length === 2`)
	b.Do(t, chromedp.Navigate(root+"/v4/nts/graph?plot.0=1.1.2&plot.1=1.1.8&plot.2=2.2.2&band=range&show_moving_average=1&baseline_order=3&order=20"))
	b.Until(t, "two charts are drawn", drawn+` && document.querySelectorAll("#chart canvas").length === 2`)
	browser.See[bool](t, b.Tab, `(document.querySelector("#chart").focus(), true)`)
	b.Do(t, chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent("+"), chromedp.KeyEvent("+"))
	lo, hi := b.shown(t)
	if hi-lo > 10 {
		t.Errorf("twice + leaves %v to %v in sight", lo, hi)
	}
	if same := browser.See[bool](t, b.Tab, `new Set([...document.querySelectorAll("#chart .u-over")].map((e) => Math.round(e.getBoundingClientRect().left))).size === 1`); !same {
		t.Error("the charts do not begin at one edge")
	}
	cursors := browser.See[[]float64](t, b.Tab, `[...document.querySelectorAll("#chart .u-cursor-x")].map((e) => Math.round(new DOMMatrix(getComputedStyle(e).transform).m41))`)
	if len(cursors) != 2 || cursors[0] != cursors[1] || cursors[0] <= 0 {
		t.Errorf("the cursors stand at %v", cursors)
	}
	b.picture(t, "graph-panels")
	permalink := browser.See[string](t, b.Tab, `document.querySelector("#permalink").href`)
	if !strings.Contains(permalink, "from=") || !strings.Contains(permalink, "as_of=") {
		t.Errorf("the permanent link is %s", permalink)
	}
	const picture = `fetch(document.querySelector("#chart").dataset.src).then((r) => r.json()).then((d) => JSON.stringify([d.orders, d.series]) + document.querySelector("#chart").dataset.shown)`
	b.Do(t, chromedp.Navigate(permalink))
	b.Until(t, "the pinned chart is drawn", drawn)
	was := browser.See[string](t, b.Tab, picture, chromedp.EvalAwaitPromise)
	w.submit("default", "nts", "m2-ultra-01", "900000", noon, test{"name": "SingleSource/Benchmarks/Shootout/matrix", "execution_time": 9.0, "score": 2.0})
	w.flush()
	b.Do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(permalink))
	b.Until(t, "the pinned chart is drawn again", drawn)
	if now := browser.See[string](t, b.Tab, picture, chromedp.EvalAwaitPromise); now != was {
		t.Errorf("the permanent link shows something else after a new run:\n%.300s\nwas\n%.300s", now, was)
	}
	b.Do(t, chromedp.Navigate(root+"/v4/nts/graph?plot.0=1.1.2&plot.1=1.1.8&charts=one&normalize=first&logarithmic_scale=1&xaxis_date=1&show_moving_median=1&show_linear_regression=1"))
	b.Until(t, "relative values are drawn by date", drawn+` && document.querySelectorAll("#chart canvas").length === 1`)
	if text := b.readout(t); !strings.HasPrefix(text, "900000") {
		t.Errorf("the newest is told as %s", text)
	}
	b.picture(t, "graph-normalized")
	if marks := browser.See[string](t, b.Tab, `document.querySelector("#chart .mark").getAttribute("href")`); !strings.Contains(marks, "/regressions/") {
		t.Errorf("a change point leads to %s", marks)
	}
	box := b.plotBox(t)
	b.Do(t, chromedp.MouseClickXY(box.Left+box.Width/3, box.Top+box.Height/2))
	b.Until(t, "the click is answered", `!document.querySelector("#why").hidden && !!document.querySelector("#why table, #why .empty")`)
}
