package web_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

func TestHome_OfAnEmptyServer_ShowsHowToSendAReport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, submit := range map[string]string{
		"/": "http://example.com/db_default/v4/nts/submitRun", "/db_default/": "http://example.com/db_default/v4/nts/submitRun",
		"/v4/compile": "http://example.com/db_default/v4/compile/submitRun",
	} {
		body := html.UnescapeString(w.ok(path))
		mustContain(t, body, "Send the first report", "lnt submit "+submit+" report.json", "tidemark submit --url "+submit+" report.json",
			"curl --fail-with-body -F 'input_data=<report.json' "+submit)
	}
	behind := w.get("/", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "perf.example.org", "X-Forwarded-Prefix", "/bench").Body
	mustContain(t, behind, "lnt submit https://perf.example.org/bench/db_default/v4/nts/submitRun", `href="/bench/static/app.css?v=`, `href="/bench/db_default/"`)
}

// The report on the first page must be one that is taken, or the first step fails.
func TestHome_SampleReports_AreAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, suiteName := range []string{"nts", "compile"} {
		body := html.UnescapeString(w.ok("/v4/" + suiteName))
		_, rest, _ := strings.Cut(body, "<<'EOF'\n")
		report, _, found := strings.Cut(rest, "\nEOF")
		if !found {
			t.Fatalf("%s shows no report", suiteName)
		}
		if d := w.decide("default", suiteName, event.RunSubmitted, noon, []byte(report), nil); d.Status != event.Accepted || d.Added.Samples == 0 {
			t.Errorf("%s: %s %s %s", suiteName, d.Status, d.Error, d.Message)
		}
	}
}

func TestPages_OfAFilledSuite_AreAllThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 24, 14)
	w.steps("default", h)
	w.refuse("default", noon.Add(-time.Minute))
	w.flush()

	home := w.ok("/")
	mustContain(t, home, "+18.2%", "SingleSource/<wbr>Benchmarks/<wbr>Shootout/<wbr>matrix", "802.1\u00a0ms", "947.7\u00a0ms", "m2-ultra-01",
		`href="/db_default/v4/nts/graph?plot.0=1.1.2&amp;order=16"`, `<b>72</b> runs`)
	mustContain(t, w.ok("/db_default/v4/nts/"), "graviton4-bench-07", "12 worse", "1 better")
	machine := w.ok("/v4/nts/machine/1")
	mustContain(t, machine, "m2-ultra-01", "aarch64", "governor", "performance", `href="/db_default/v4/nts/70"`, `>Started</th>`, `class="late began"><time datetime="2026-`)
	mustContain(t, w.ok("/db_default/v4/nts/70"), "New failure", "MicroBenchmarks/", "Compared with", `href="https://ci.example.org/builders/clang/builds/7"`)
	mustContain(t, w.ok("/db_default/v4/nts/order/12"), "500084", "500077", "500091", "largest first", `>Started</th>`)
	mustContain(t, w.ok("/v4/nts/all_orders"), "500168", "500007")
	receipts := w.ok("/v4/nts/receipts")
	mustContain(t, receipts, "refused 400", "declares no such metric", "tests[0].cycles", "run 72")
	mustNotContain(t, w.ok("/v4/nts/receipts?status=rejected"), "run 72")
	mustContain(t, w.ok("/v4/nts/graph?plot.0=1.1.2"), `data-src="/db_default/v4/nts/graph/data?plot.0=1.1.2`, "Change points", "+18.2%")
	mustContain(t, w.ok("/v4/nts/graph?plot.0=1.1.2&plot.1=2.1.2&view=table"), "500168", "graviton4-bench-07", "2026-03-14")
	mustContain(t, w.ok("/db_default/v4/nts/70?compare_to=1"), "run 1</a> at", "500007")
}

func TestFindings_Filters_Narrow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 24, 14)
	w.steps("default", h)
	w.flush()
	for query, want := range map[string]int{
		"": 17, "kind=regression": 13, "kind=improvement": 4, "machine_id=1": 4, "machine_id=2": 1, "machine=ZEN5": 12, "metric=score": 3,
		"test=sqlite3": 2, "test=SQLITE3&metric=code_size": 1, "machine_id=2&kind=regression": 0, "test=" + "%25": 1, "sort=effect": 17, "sort=order": 17,
	} {
		body := w.ok("/v4/nts/findings?" + query)
		if got := strings.Count(body, `<td class="lead">`); got != want {
			t.Errorf("%s: %d findings, want %d", query, got, want)
		}
	}
	largest := w.ok("/v4/nts/findings?sort=effect")
	if changes := column(t, largest, "lead"); !strings.Contains(changes[0], "+18.2%") {
		t.Errorf("the largest finding is not the first one of %q", changes)
	}
}

func TestPages_AwkwardNames_AreTextEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	machine := `<img src=x onerror="alert(1)"> & 'm'`
	entries := []test{}
	for _, name := range awkward {
		entries = append(entries, test{"name": name, "execution_time": 1.5})
	}
	w.submit("default", "nts", machine, `1 <u>"&`, noon.Add(-2*time.Hour), entries...)
	w.submit("default", "nts", machine, `2 <u>"&`, noon.Add(-time.Hour), entries...)
	var found []event.Finding
	for i := range awkward {
		found = append(found, event.Finding{
			MachineID: 1, TestID: uint32(i + 1), Metric: "execution_time", OrderID: 2, PreviousOrderID: 1,
			Direction: event.Up, Kind: event.Regression, Before: 1, After: 1.5,
		})
	}
	w.found("default", "nts", noon, found...)
	w.flush()
	for _, path := range []string{
		"/", "/v4/nts", "/v4/nts/machine/1", "/v4/nts/2", "/v4/nts/order/2", "/v4/nts/all_orders", "/v4/nts/findings", "/v4/nts/receipts",
		"/v4/nts/graph?plot.0=1.1.2&plot.1=1.2.2", "/v4/nts/graph?plot.0=1.5.2&view=table", "/v4/nts/2?test=" + "%3Cu%3E%22",
		"/v4/nts/findings?test=" + "%3C%2Ftitle%3E%3Cscript%3E", "/v4/nts/%3Cscript%3Ealert(1)", "/db_%3Cscript%3E/v4/nts/", "/v4/nts/graph?plot.%3Cb%3E=%3Cscript%3E",
	} {
		body := w.get(path).Body
		mustNotContain(t, body, "<script>", "<img", "<u>", "onerror=\"", "ZgotmplZ")
		if strings.Count(body, "</title>") != 1 {
			t.Errorf("%s: the title ends early", path)
		}
	}
	body := html.UnescapeString(strings.ReplaceAll(w.ok("/v4/nts/2"), "<wbr>", ""))
	for _, name := range awkward {
		mustContain(t, body, name)
	}
	for _, needle := range []string{`'single'`, "日本語", "${x}", "#f%20g", `"quoted" &`} {
		found := w.get("/v4/nts/2?test=" + strings.NewReplacer("%", "%25", "#", "%23", "&", "%26", `"`, "%22", " ", "%20").Replace(needle)).Body
		if got := strings.Count(found, `<td class="lead">`); got != 1 {
			t.Errorf("filter %q finds %d tests, want one", needle, got)
		}
	}
}

func TestOrders_AreSortedAsCommitsEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Submitted out of order, and named so that text order differs from commit order.
	for i, order := range []string{"100", "9", "1000", "10"} {
		w.submit("default", "nts", "m", order, noon.Add(time.Duration(i-10)*time.Minute), test{"name": "t", "execution_time": float64(len(order))})
	}
	w.flush()
	if got, want := column(t, w.ok("/v4/nts/machine/1"), "order"), []string{"1000", "100", "10", "9"}; !cmp.Equal(got, want) {
		t.Errorf("runs of the machine: %v, want %v", got, want)
	}
	if got, want := column(t, w.ok("/v4/nts/all_orders"), "order"), []string{"1000", "100", "10", "9"}; !cmp.Equal(got, want) {
		t.Errorf("orders: %v, want %v", got, want)
	}
	// Run 1 is of order 100; the order before it is 10, which came last.
	mustContain(t, w.ok("/v4/nts/1"), `Compared with <a href="/db_default/v4/nts/4">run 4</a> at <a href="/db_default/v4/nts/order/4">10</a>`)
	mustContain(t, w.ok("/v4/nts/2"), "first order")
	data := chartOf(t, w, "plot.0=1.1.2")
	if got, want := names(data), []string{"9", "10", "100", "1000"}; !cmp.Equal(got, want) {
		t.Errorf("chart: %v, want %v", got, want)
	}
	redirect := w.get("/v4/nts/machine/1/latest")
	if redirect.Status != http.StatusFound || redirect.Header.Get("Location") != "/db_default/v4/nts/3" {
		t.Errorf("latest: %d %s", redirect.Status, redirect.Header.Get("Location"))
	}
}

var cellOf = regexp.MustCompile(`(?s)<td class="([^"]*)">(.*?)</td>`)

var tags = regexp.MustCompile(`<[^>]*>`)

// column is the text of every cell of a class.
func column(t *testing.T, body, class string) []string {
	t.Helper()
	var out []string
	for _, m := range cellOf.FindAllStringSubmatch(body, -1) {
		if strings.Contains(" "+m[1]+" ", " "+class+" ") {
			out = append(out, strings.TrimSpace(html.UnescapeString(tags.ReplaceAllString(m[2], ""))))
		}
	}
	return out
}

// chart is what the pages' script is given.
type chart struct {
	Position uint64
	Orders   []struct {
		ID       uint32
		Name, At string
	}
	Series []struct {
		Plot, Aggregate string
		Points          []struct {
			At      int
			Value   *float64
			Run     uint32
			Samples [][3]float64
		}
		Findings []struct {
			At, From              int
			Kind                  string
			Before, After, Effect float64
		}
	}
}

func chartOf(t *testing.T, w *world, query string) chart {
	t.Helper()
	var out chart
	body := w.ok("/db_default/v4/nts/graph/data?" + query)
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	return out
}

func names(c chart) []string {
	out := []string{}
	for _, o := range c.Orders {
		out = append(out, o.Name)
	}
	return out
}

func TestGraphData_ShowsFailedSamplesAndLeavesThemOutOfTheValue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("default", "nts", "m", "1", noon,
		test{"name": "t", "execution_time": []float64{3, 1, 2}, "execution_status": []int{0, 1, 0}, "score": []float64{3, 1, 2}})
	w.submit("default", "nts", "m", "2", noon, test{"name": "t", "execution_time": 5.5, "execution_status": 1})
	w.submit("default", "nts", "m", "3", noon, test{"name": "t", "execution_time": []float64{4, 8}, "score": []float64{4, 8}})
	w.found("default", "nts", noon, event.Finding{
		MachineID: 1, TestID: 1, Metric: "execution_time", OrderID: 3, PreviousOrderID: 2,
		Direction: event.Up, Kind: event.Regression, Before: 2, After: 4,
	})
	w.flush()

	line := chartOf(t, w, "plot.0=1.1.2").Series[0]
	if len(line.Points) != 3 || *line.Points[0].Value != 2 || line.Points[1].Value != nil || *line.Points[2].Value != 4 {
		t.Fatalf("points %+v", line.Points)
	}
	if want := [][3]float64{{3, 1, 0}, {1, 1, 1}, {2, 1, 0}}; !cmp.Equal(line.Points[0].Samples, want) {
		t.Errorf("samples: %s", cmp.Diff(line.Points[0].Samples, want))
	}
	if f := line.Findings; len(f) != 1 || f[0].At != 2 || f[0].From != 1 || f[0].Kind != "regression" || f[0].Effect != 1 {
		t.Errorf("findings %+v", f)
	}
	for how, want := range map[string]float64{"": 8, "min": 4, "max": 8, "mean": 6, "median": 6} {
		if got := chartOf(t, w, "plot.0=1.1.4&aggregation_function="+how).Series[0].Points[1].Value; *got != want {
			t.Errorf("score by %q: got %v, want %v", how, *got, want)
		}
	}
	if got := names(chartOf(t, w, "plot.0=1.1.2&limit=2")); !cmp.Equal(got, []string{"2", "3"}) {
		t.Errorf("the newest two orders are %v", got)
	}
	mustContain(t, w.ok("/v4/nts/graph?plot.0=1.1.2&view=table"), `<span class="bad">failed</span>`, "(failed)")
}

func TestGraphData_IsAskedForAgainOnlyWhenTheSuiteHasNewData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("default", "nts", "m", "1", noon, test{"name": "t", "execution_time": 1.0})
	w.flush()
	const path = "/v4/nts/graph/data?plot.0=1.1.2"
	tag := w.get(path).Header.Get("ETag")
	if again := w.get(path, "If-None-Match", tag); again.Status != http.StatusNotModified || again.Body != "" {
		t.Errorf("nothing new: %d %q", again.Status, again.Body)
	}
	if other := w.get(path+"&aggregation_function=max", "If-None-Match", tag); other.Status != http.StatusOK {
		t.Errorf("another question with the same tag: %d", other.Status)
	}
	w.submit("default", "nts", "m", "2", noon, test{"name": "t", "execution_time": 2.0})
	w.flush()
	newer := w.get(path, "If-None-Match", tag)
	if newer.Status != http.StatusOK || !strings.Contains(newer.Body, `"name":"2"`) {
		t.Errorf("after a submission: %d %s", newer.Status, newer.Body)
	}
}

func TestRun_Replaced_ShowsTheNewValuesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	replace := map[string]string{event.ParamMerge: "replace"}
	w.submit("default", "nts", "m", "1", noon, test{"name": "t", "execution_time": 1.5})
	w.submit("default", "nts", "m", "2", noon, test{"name": "t", "execution_time": 9.5})
	w.submitWith(replace, "default", "nts", "m", "2", noon, test{"name": "t", "execution_time": 1.75})
	w.flush()
	body := w.ok("/v4/nts/2")
	mustContain(t, body, "+16.7%", "1.750\u00a0s")
	mustNotContain(t, body, "9.5")
	if line := chartOf(t, w, "plot.0=1.1.2").Series[0]; len(line.Points) != 2 || len(line.Points[1].Samples) != 1 || *line.Points[1].Value != 1.75 {
		t.Errorf("points %+v", line.Points)
	}
}

func TestRun_OfManyTests_IsALightPageWithTheWorstFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const tests = 7500
	report := func(slower int) []test {
		out := make([]test, tests)
		for i := range out {
			out[i] = test{
				"name":           fmt.Sprintf("MultiSource/Benchmarks/Some-Long-Folder-Name/Group-%02d/case-%05d", i%40, i),
				"execution_time": 1.0, "compile_time": 0.5, "score": 100.0, "code_size": 4096,
			}
		}
		for i := range slower {
			out[i*7]["execution_time"] = 1.02 + float64(i)/1000
		}
		return out
	}
	w.submit("default", "nts", "m", "1", noon, report(0)...)
	d := w.submit("default", "nts", "m", "2", noon, report(300)...)
	w.flush()
	path := fmt.Sprintf("/v4/nts/%d", d.RunID)
	started := time.Now()
	body := w.ok(path)
	t.Logf("first view: %d bytes in %s", len(body), time.Since(started))
	if len(body) > 500_000 {
		t.Errorf("the first view has %d bytes", len(body))
	}
	mustContain(t, body, "case-02093", "+31.9%", "1–100 of 30\u202f000", "Regressed <b>300</b>")
	changes := column(t, body, "lead")
	if len(changes) != 100 || !strings.Contains(changes[0], "+31.9%") || !strings.Contains(changes[99], "+22.0%") {
		t.Errorf("%d results from %q to %q", len(changes), changes[0], changes[len(changes)-1])
	}
	mustContain(t, w.ok(path+"?show=regressed&page=3"), "+2.00%", "201–300 of 300")
	if few := column(t, w.ok(path+"?test=case-0209&metric=execution_time"), "main"); len(few) != 10 || !strings.Contains(few[0], "case-02093") {
		t.Errorf("ten tests are called case-0209x, found %q", few)
	}
	mustContain(t, w.ok(path+"?page=9999"), "The list has 300 pages.", "?page=1")
}

func TestLNTAddresses_LeadToTheMatchingPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 4, 6)
	w.history("other", 3, 6)
	w.steps("default", h)
	w.flush()
	for path, want := range map[string]string{
		"/v4/nts/1": "Run 1", "/db_other/v4/nts/1/": "Run 1", "/v4/nts/machine/2/": "graviton4-bench-07", "/v4/nts/order/2": "500014",
		"/v4/nts/graph?plot.0=1.1.2": "matrix", "/v4/nts/graph?plot.x=1.1.2&highlight_run=3&json=": "matrix", "/db_other/v4/nts/": "other", "/v4/nts/": "Machines",
	} {
		mustContain(t, w.ok(path), want)
	}
	for path, want := range map[string]string{
		"/v4/nts/recent_activity": "/db_default/v4/nts/", "/db_other/v4/nts/recent_activity": "/db_other/v4/nts/", "/v4/nts/machine/": "/db_default/v4/nts/",
		"/v4/nts/graph?plot.0=1.1.2&add_machine=3": "/db_default/v4/nts/graph?plot.0=1.1.2&plot.1=3.1.2", "/favicon.ico": "/static/icon.svg",
	} {
		got := w.get(path)
		if got.Status/100 != 3 || !strings.HasPrefix(got.Header.Get("Location"), want) {
			t.Errorf("%s leads to %d %s, want %s", path, got.Status, got.Header.Get("Location"), want)
		}
	}
}

func TestWrongParameters_AreNamedWithTheRemedy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history("default", 2, 6)
	w.flush()
	for path, want := range map[string][]string{
		"/v4/nts/graph":                                       {"400", "names no line", "plot.0="},
		"/v4/nts/graph?plot.0=1.x.2":                          {"400", "plot.0=1.x.2", "for example 1.7.2"},
		"/v4/nts/graph?plot.0=1.1.1":                          {"400", "plot.0=1.1.1", "2 (Execution Time)"},
		"/v4/nts/graph?plot.0=1.1.99":                         {"400", "field 99"},
		"/v4/nts/graph?plot.0=9.1.2":                          {"404", "no machine 9"},
		"/v4/nts/graph?plot.0=1.1.2&plot.7=1.999.2":           {"404", "no test 999"},
		"/v4/nts/graph?plot.0=1.1.2&aggregation_function=sum": {"400", "aggregation_function=sum", "min, max, mean, median"},
		"/v4/nts/graph?plot.0=1.1.2&limit=-1":                 {"400", "limit=-1"},
		"/v4/nts/graph?plot.0=1.1.2&view=pie":                 {"400", "view=pie", "chart, table"},
		"/v4/nts/99":                                          {"404", "no run 99"},
		"/v4/nts/0":                                           {"400", "run=0"},
		"/v4/nts/99999999999":                                 {"400", "99999999999"},
		"/v4/nts/1?compare_to=77":                             {"404", "run 77", "compare_to"},
		"/v4/nts/1?show=nonsense":                             {"400", "show=nonsense", "regressed"},
		"/v4/nts/1?metric=hash":                               {"400", "metric=hash", "execution_time"},
		"/v4/nts/1?page=x":                                    {"400", "page=x"},
		"/v4/nts/machine/77":                                  {"404", "no machine 77"},
		"/v4/nts/machine/x":                                   {"400", "machine=x"},
		"/v4/nts/order/77":                                    {"404", "no order 77"},
		"/v4/nts/findings?kind=bad":                           {"400", "kind=bad", "regression, improvement"},
		"/v4/nts/findings?machine_id=abc":                     {"400", "machine_id=abc"},
		"/v4/nts/findings?sort=x":                             {"400", "sort=x"},
		"/v4/nts/findings?test=%FF":                           {"400", "UTF-8"},
		"/v4/nts/findings?test=" + strings.Repeat("x", 300):   {"400", "at most 256"},
		"/v4/nts/receipts?status=lost":                        {"400", "status=lost", "accepted, rejected"},
		"/v4/nts/receipts?before=x":                           {"400", "before=x"},
		"/v4/nosuch/":                                         {"404", "no suite called nosuch", "nts"},
		"/db_nosuch/v4/nts/":                                  {"404", "no database called nosuch", "default"},
		"/db_nosuch/":                                         {"404", "no database called nosuch"},
		"/v4/nts/nosuchpage":                                  {"404", "no page called nosuchpage"},
	} {
		p := w.get(path)
		if fmt.Sprint(p.Status) != want[0] {
			t.Errorf("%s: status %d, want %s", path, p.Status, want[0])
			keep(t, p.Body)
		}
		mustContain(t, html.UnescapeString(p.Body), append(want[1:], "</html>")...)
		mustNotContain(t, p.Body, "goroutine", ".go:")
	}
	data := w.get("/v4/nts/graph/data?plot.0=1.x.2")
	var said struct{ Error, Message string }
	if err := json.Unmarshal([]byte(data.Body), &said); err != nil || data.Status != http.StatusBadRequest || !strings.Contains(said.Message, "plot.0=1.x.2") {
		t.Errorf("data: %d %s", data.Status, data.Body)
	}
	many := "/v4/nts/graph?x=1"
	for i := range 40 {
		many += fmt.Sprintf("&plot.%d=1.%d.2", i, i%6+1)
	}
	mustContain(t, w.get(many).Body, "at most 32 lines")
}

func TestPages_WhenAllReadersAreTaken_AnswerBusyWithRetryAfter(t *testing.T) {
	t.Parallel()
	cfg := testkit.Migrated(t)
	cfg.MaxReads, cfg.MaxQueuedReads = 1, 0
	s := testkit.Open(t, cfg)
	app := serve(t, s)
	release := occupy(t, s)
	for _, path := range []string{"/", "/v4/nts/", "/v4/nts/graph/data?plot.0=1.1.2"} {
		p := get(t, app, path)
		if p.Status != http.StatusServiceUnavailable || p.Header.Get("Retry-After") != "5" || !strings.Contains(p.Body, "Busy right now") {
			t.Errorf("%s: %d, Retry-After %q\n%s", path, p.Status, p.Header.Get("Retry-After"), p.Body)
		}
	}
	release()
	if p := get(t, app, "/"); p.Status != http.StatusOK {
		t.Errorf("afterwards: %d", p.Status)
	}
}

func TestPages_ReadsBeyondABound_AskToNarrow(t *testing.T) {
	t.Parallel()
	cfg := testkit.Migrated(t)
	cfg.ReadMemoryBytes = 1
	app := serve(t, testkit.Open(t, cfg))
	for _, path := range []string{"/v4/nts/all_orders", "/v4/nts/global_status"} {
		p := get(t, app, path)
		if p.Status != http.StatusServiceUnavailable || p.Header.Get("Retry-After") != "5" || !strings.Contains(p.Body, "memory") || !strings.Contains(p.Body, "Ask for less") {
			t.Errorf("%s: %d, Retry-After %q\n%s", path, p.Status, p.Header.Get("Retry-After"), p.Body)
		}
	}
}

// occupy holds one reader's place until the returned function is called.
func occupy(t *testing.T, s *store.Store) (release func()) {
	t.Helper()
	taken, done, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	q := mustQuery(t, "suite_position")
	go func() {
		ended <- s.Each(t.Context(), q, store.Params{"database": "d", "suite": "s"}, func(scan func(dest ...any) error) error {
			close(taken)
			<-done
			var position, seen uint64
			return scan(&position, &seen)
		})
	}()
	select {
	case <-taken:
	case err := <-ended:
		t.Fatalf("no reader's place was taken: %v", err)
	}
	return func() {
		close(done)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
}

func TestPages_HaveThePolicyThatForbidsInlineScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/", "/v4/nts/graph", "/v4/nts/", "/static/app.css"} {
		h := w.get(path).Header
		policy := h.Get("Content-Security-Policy")
		mustContain(t, policy, "default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'", "base-uri 'none'")
		mustNotContain(t, policy, "unsafe")
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") == "" {
			t.Errorf("%s: headers %v", path, h)
		}
		mustNotContain(t, w.get(path).Body, "style=\"", "onclick=", "<style")
	}
}

var stylesheet = regexp.MustCompile(`href="(/static/app\.css\?v=[0-9a-f]+)"`)

func TestStatic_IsKeptForEverByItsHash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := stylesheet.FindStringSubmatch(w.ok("/"))
	if m == nil {
		t.Fatal("the page has no style sheet")
	}
	byHash := w.get(m[1], "Accept-Encoding", "gzip")
	if !strings.Contains(byHash.Header.Get("Cache-Control"), "immutable") || byHash.Header.Get("Content-Encoding") != "gzip" ||
		!strings.HasPrefix(byHash.Header.Get("Content-Type"), "text/css") {
		t.Errorf("headers %v", byHash.Header)
	}
	plain := w.get("/static/app.css")
	if plain.Header.Get("Cache-Control") != "no-cache" || !strings.Contains(plain.Body, "--accent") {
		t.Errorf("without its hash: %v", plain.Header)
	}
	if again := w.get("/static/app.css", "If-None-Match", plain.Header.Get("ETag")); again.Status != http.StatusNotModified {
		t.Errorf("unchanged: %d", again.Status)
	}
	for _, path := range []string{"/static/nothing.js", "/static/../web.go", "/static/%2e%2e/web.go", "/static/"} {
		if p := w.get(path); p.Status == http.StatusOK {
			t.Errorf("%s: %d", path, p.Status)
		}
	}
}

func TestReceipts_OlderOnesAreAPageAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 60 {
		w.submit("default", "nts", "m", fmt.Sprint(i+1), noon, test{"name": "t", "execution_time": 1.0})
	}
	w.flush()
	first := w.ok("/v4/nts/receipts")
	mustContain(t, first, ">run 60<", ">run 11<", "?before=11")
	mustNotContain(t, first, ">run 10<")
	second := w.ok("/v4/nts/receipts?before=11")
	mustContain(t, second, ">run 10<", ">run 1<")
	mustNotContain(t, second, ">run 11<", "Older")
}
