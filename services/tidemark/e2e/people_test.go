package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tidemark/pkg/synth"
	"tidemark/pkg/testkit/browser"
)

// visitor is a person at a browser, with the demo in front of them.
type visitor struct {
	*server
	*browser.Tab
	suite string
}

// openDemo starts a product with the demo's data and waits until everything in it was judged.
func openDemo(t *testing.T) visitor {
	t.Helper()
	g, err := synth.New(synth.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, t.TempDir(), "--demo", "--detector-interval", "1s", "--auth-token", token)
	s.database = "demo"
	b := browser.New(t, folderOfAll)
	b.Look(t, 1280, 900, false)
	eventually(t, "all runs in the demo database", patience, func() bool { return s.runs(t) == strconv.Itoa(g.Count()) })
	// What it finds is an event too, which comes after.
	eventually(t, "the detector has seen them all and people could decide", patience, func() bool {
		return s.scalar(t, `SELECT (SELECT max(to_seq) FROM v_job_runs WHERE database = 'demo' AND error = '') >=
			(SELECT max(seq) FROM v_receipts WHERE database = 'demo' AND event_type = 'run.submitted')
			AND (SELECT count() FROM v_regressions WHERE database = 'demo') > 20`) == "1"
	})
	return visitor{server: s, Tab: b, suite: s.url + "/db_demo/v4/nts/"}
}

// reads fails the test unless a person finds all the words in what the page shows.
func (v visitor) reads(t *testing.T, words ...string) {
	t.Helper()
	text := browser.See[string](t, v.Tab, `document.querySelector("main").innerText`)
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s does not show %q:\n%.1500s", v.Address(t), w, text)
		}
	}
}

// settled waits for the charts that the page has.
func (v visitor) settled(t *testing.T) {
	t.Helper()
	v.Until(t, "the page is drawn", `document.readyState === "complete" && [...document.querySelectorAll("#chart")].every((c) => c.dataset.shown !== undefined)`)
}

// isLivedIn gives the demo what people leave behind: a decision, a rule, a backtest, a subscription.
func (v visitor) isLivedIn(t *testing.T) {
	t.Helper()
	for _, write := range [][2]string{
		{"regressions/triage", `{"ids": ["1"], "changes": {"state": "active", "owner": "ada", "bug": "https://bugs.example.org/4711"}, "note": "bisecting"}`},
		{"detectors/rules", `{"detector": "perfherder", "mode": "shadow", "reason": "how does it compare?"}`},
		{"backtests", `{"detector": "stepfit"}`},
		{"subscriptions", `{"name": "compiler team", "channel": "slack", "target": "https://hooks.example.org/T0/B0", "kinds": ["regression"], "on": ["opened", "verify"]}`},
	} {
		a := mustAsk(t, http.MethodPost, v.url+"/api/db_demo/v5/nts/"+write[0], []byte(write[1]), "Authorization", "Bearer "+token, "Content-Type", "application/json")
		if a.code >= http.StatusBadRequest {
			t.Fatalf("%s: %d %s", write[0], a.code, a.text)
		}
	}
}

func TestPeople_OnTheDemo_DoWhatTheyCameFor(t *testing.T) {
	t.Parallel()
	v := openDemo(t)
	for _, journey := range []struct {
		name string
		goes func(visitor, *testing.T)
	}{
		{"from home to a regression in three clicks", visitor.findsARegression},
		{"an old address of LNT", visitor.followsAnOldLink},
		{"two machines side by side", visitor.comparesMachines},
		{"why a report was refused", visitor.findsWhyItWasRefused},
		{"twenty at once, and back", visitor.triagesTwenty},
		// After the undoing, which is refused when anything else changes one of the twenty: a rule has everything judged again.
		{"decisions of others", visitor.isLivedIn},
		{"every page", visitor.seesEveryPage},
	} {
		began := time.Now()
		if !t.Run(journey.name, func(t *testing.T) {
			journey.goes(v, t)
			v.Quiet(t)
		}) {
			return
		}
		t.Logf("%s: %s", journey.name, time.Since(began).Round(time.Millisecond))
	}
}

// findsARegression: what moved, where, how sure, whose and since when are on the page that three clicks lead to.
func (v visitor) findsARegression(t *testing.T) {
	v.Open(t, v.url+"/")
	v.reads(t, "What moved", "demo")
	v.Click(t, `.tiles a[href$="/db_demo/v4/nts/"]`)
	v.Click(t, `.tabs a[href$="/regressions/"]`)
	worst := browser.See[string](t, v.Tab, `document.querySelector("#board tbody a.name").textContent`)
	v.Click(t, "#board tbody tr a.name")
	v.reads(t, worst, "Detected", "Culprit", "Owner", "nobody", "Change points", "How sure", "p ", "%", "History")
	if n := browser.See[int](t, v.Tab, `document.querySelectorAll(".members tbody tr .delta .arrow").length`); n == 0 {
		t.Error("no series of the regression is shown with the way it went")
	}
}

// followsAnOldLink: addresses that LNT put into mails and bug reports lead to the matching page.
func (v visitor) followsAnOldLink(t *testing.T) {
	v.Open(t, v.suite+"recent_activity")
	v.reads(t, "Open regressions", "Machines")
	v.Open(t, v.suite+"machine/1/latest")
	v.reads(t, "Compared with", "the order before on this machine")
	run := browser.See[string](t, v.Tab, `location.pathname.split("/").pop()`)
	v.Open(t, v.suite+run+"/graph?test.1=2")
	v.settled(t)
	if shown := browser.See[string](t, v.Tab, `document.querySelector("h1").textContent + document.querySelector("#readout").textContent`); !strings.Contains(shown, "Execution Time") {
		t.Errorf("the chart of a run's test tells %q", shown)
	}
	v.Open(t, v.suite+"graph?show_all=yes&show_moving_average=yes&moving_window_size=10&plot.0=1.1.2&plot.2=2.1.2&highlight_run="+run)
	v.settled(t)
	if lines := browser.See[int](t, v.Tab, `document.querySelectorAll("#legend li").length`); lines != 2 {
		t.Errorf("%d lines are named, want 2", lines)
	}
}

// comparesMachines: from a machine's page to another machine's runs beside its own.
func (v visitor) comparesMachines(t *testing.T) {
	v.Open(t, v.suite)
	names := browser.See[[]string](t, v.Tab, `[...document.querySelectorAll(".machines .main a.name")].map((a) => a.textContent)`)
	if len(names) < 2 {
		t.Fatalf("machines on the overview: %q", names)
	}
	v.Click(t, ".machines .main a.name")
	v.Click(t, `.steps-nav a[href*="compare"]`)
	open := browser.See[bool](t, v.Tab, `document.querySelector(".compare-form details").open`)
	if !open {
		v.Do(t, chromedp.Click(chromedp.CSS(".compare-form summary")))
	}
	for side, machine := range map[string]string{"before": names[0], "after": names[1]} {
		field := fmt.Sprintf(`.compare-form [name="%s.machine"]`, side)
		browser.See[bool](t, v.Tab, fmt.Sprintf(`(document.querySelectorAll('.compare-form [name^="%s."]').forEach((f) => f.value = ""), true)`, side))
		v.Do(t, chromedp.SendKeys(chromedp.CSS(field), machine))
	}
	v.Click(t, ".compare-form button.first")
	v.reads(t, "different machines", "Execution Time", "Mean change", "Effect", "significant", names[0], names[1])
	if n := browser.See[int](t, v.Tab, `document.querySelectorAll(".compared tbody tr").length`); n < 20 {
		t.Errorf("%d results are compared", n)
	}
}

// findsWhyItWasRefused: a bot's report did not come through; its owner starts at home.
func (v visitor) findsWhyItWasRefused(t *testing.T) {
	report := strings.Replace(string(reportOf("bench-01", "500001")), `"name": "beta"`, `"nme": "beta"`, 1)
	refused := mustAsk(t, http.MethodPost, v.submitURL(), form([]byte(report)), "Content-Type", formType)
	if refused.code != http.StatusBadRequest {
		t.Fatalf("submitted: %d %s", refused.code, refused.text)
	}
	v.Open(t, v.url+"/")
	v.Click(t, `.tiles a[href$="/db_demo/v4/nts/"]`)
	v.Click(t, `.tabs a[href$="/receipts"]`)
	v.Click(t, `.chips a[href*="rejected"]`)
	v.reads(t, "refused 400")
	v.Click(t, ".receipts tbody tr:first-child .lead a")
	v.reads(t, "Refused with 400", "tests[1].name", "is missing", "Nothing of it was stored", `"nme": "beta"`)
	if line := browser.See[string](t, v.Tab, `document.querySelector("#wrong td")?.textContent ?? ""`); !strings.Contains(line, `"nme"`) {
		t.Errorf("line %q is marked as wrong", line)
	}
}

// triagesTwenty chosen with the keyboard, once signed in, and takes it back.
func (v visitor) triagesTwenty(t *testing.T) {
	v.Open(t, v.suite+"regressions/?sort=newest")
	v.Click(t, "a.who")
	v.Do(t, chromedp.SendKeys(chromedp.CSS("#token"), token))
	v.Click(t, "form button.first")
	v.Until(t, "the board is there", `document.querySelectorAll("#board td.pick input").length >= 20`)
	chosen := browser.See[[]string](t, v.Tab, `[...document.querySelectorAll("#board td.pick input")].slice(0, 20).map((box) => box.value)`)
	for range chosen {
		v.Do(t, chromedp.KeyEvent("j"), chromedp.KeyEvent("x"))
	}
	if got := browser.See[string](t, v.Tab, `document.querySelector("#chosen").textContent`); got != "20" {
		t.Fatalf("%s are chosen", got)
	}
	// The list of a select belongs to the desktop, which is not there.
	browser.See[bool](t, v.Tab, `((state) => { state.value = "not_to_be_fixed"; return true; })(document.querySelector("#bulk-state"))`)
	v.Do(t, chromedp.SendKeys(chromedp.CSS("#bulk-note"), "a new flag"), chromedp.Click(chromedp.CSS("#bulk button.first")))
	v.Until(t, "it is told", `document.querySelector("#told:not([hidden])")?.textContent.startsWith("20 regressions set to Not to be fixed.") === true`)
	here := func() int {
		return browser.See[int](t, v.Tab, fmt.Sprintf(`[...document.querySelectorAll("#board tbody tr")].filter((row) => %q.split(" ").includes(row.dataset.id)).length`, strings.Join(chosen, " ")))
	}
	if n := here(); n != 0 {
		t.Errorf("%d of the twenty are still open", n)
	}
	v.Do(t, chromedp.KeyEvent("u"))
	v.Until(t, "there is an answer to the undoing", `/^(Undone|Nothing was changed)/.test(document.querySelector("#told")?.textContent)`)
	if told := browser.See[string](t, v.Tab, `document.querySelector("#told").textContent`); told != "Undone." {
		t.Fatal(told)
	}
	if n := here(); n != 20 {
		t.Errorf("%d of the twenty are open again", n)
	}
	v.Open(t, v.suite+"regressions/"+chosen[0])
	v.reads(t, "a new flag", " → Not to be fixed", "Not to be fixed → ")
}

// sight is a page as a person meets it.
type sight struct {
	name string
	// path is below the suite, or below the root with a slash at its front.
	path string
	// link is followed from there: addresses with numbers that only the page knows.
	link string
	// dark and phone also have pictures.
	dark, phone bool
}

var sights = []sight{
	{name: "home", path: "/", phone: true},
	{name: "suite", path: "", dark: true, phone: true},
	{name: "machine", path: "machine/1"},
	{name: "run", path: "machine/1/latest", phone: true},
	{name: "order", path: "all_orders?page=2", link: ".orders .main a"},
	{name: "orders", path: "all_orders"},
	{name: "compare", path: "compare?before.machine=1&before.newest=5&after.machine=2&after.newest=5"},
	{name: "heatmap", path: "heatmap?machine=1", dark: true},
	{name: "matrix", path: "matrix?plot.0=1.1.2&plot.1=1.2.2&plot.2=2.1.2&plot.3=2.2.2"},
	{name: "daily", path: "daily_report"},
	{name: "latest", path: "latest_runs_report"},
	{name: "status", path: "global_status"},
	{name: "graph", path: "regressions/", link: "#board a.name >> .members a.name", dark: true, phone: true},
	{name: "graph-many", path: "graph?plot.0=1.1.2&plot.1=2.1.2&plot.2=3.1.2&band=range&show_moving_median=1"},
	{name: "table", path: "graph?plot.0=1.1.2&plot.1=2.1.2&view=table"},
	{name: "why", path: "regressions/", link: "#board a.name >> .members a.name >> a[aria-label^=Why]"},
	{name: "findings", path: "findings?sort=effect"},
	{name: "regressions", path: "regressions/", dark: true, phone: true},
	{name: "regression", path: "regressions/", link: "#board a.name", dark: true, phone: true},
	{name: "noise", path: "noise"},
	{name: "detectors", path: "detectors"},
	{name: "backtests", path: "backtests"},
	{name: "backtest", path: "backtests", link: "main table a"},
	{name: "subscriptions", path: "subscriptions"},
	{name: "job-runs", path: "job_runs"},
	{name: "receipts", path: "receipts"},
	{name: "receipt", path: "receipts?status=rejected", link: ".receipts .lead a"},
	{name: "audit", path: "audit"},
	{name: "test", path: "test/1"},
	{name: "search", path: "/search?q=bench"},
	{name: "sql", path: "/db_demo/sql?run=1&query=" + url.QueryEscape("SELECT machine, countIf(kind = 'regression') AS worse, countIf(kind = 'improvement') AS better\nFROM v_findings\nGROUP BY machine\nORDER BY worse DESC")},
	{name: "admin", path: "/admin"},
	{name: "admin-audit", path: "/admin/audit"},
	{name: "empty", path: "/db_default/v4/compile/"},
	{name: "problem", path: "graph?plot.0=1.x.2"},
	{name: "signin", path: "/signin"},
}

// seesEveryPage of the product itself, each without a complaint of the browser.
func (v visitor) seesEveryPage(t *testing.T) {
	for _, page := range sights {
		t.Run(page.name, func(t *testing.T) {
			v.visit(t, page)
			if page.name != "problem" { // its status is one to the browser
				v.Quiet(t)
			}
			v.Forget()
			if *pictures != "" {
				v.pose(t, page)
			}
		})
	}
}

// pose for the pictures that are wanted of the page.
func (v visitor) pose(t *testing.T, page sight) {
	t.Helper()
	v.photograph(t, page.name, 1280)
	if page.dark {
		v.Look(t, 1280, 900, true)
		v.settled(t)
		v.photograph(t, page.name+"-dark", 1280)
	}
	if page.phone {
		v.Look(t, 390, 844, false)
		v.settled(t)
		v.photograph(t, page.name+"-phone", 390)
	}
	v.Look(t, 1280, 900, false)
}

func (v visitor) visit(t *testing.T, page sight) {
	t.Helper()
	address := v.suite + page.path
	if strings.HasPrefix(page.path, "/") {
		address = v.url + page.path
	}
	if page.name == "problem" {
		v.Do(t, chromedp.Navigate(address))
	} else {
		v.Open(t, address)
	}
	for link := range strings.SplitSeq(page.link, " >> ") {
		if link != "" {
			v.settled(t)
			v.Click(t, link)
		}
	}
	v.settled(t)
}
