package web_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/config"
	"tidemark/pkg/event"
	"tidemark/pkg/httpx"
	"tidemark/pkg/readsql"
	"tidemark/pkg/testkit"
	"tidemark/pkg/testkit/browser"
	"tidemark/services/api"
	"tidemark/services/web"
	"tidemark/sql"
)

// sqlApp serves the pages of a world with people's SQL, through the gate and the rules of REST.
func (w *world) sqlApp(change func(*api.Config)) *fiber.App {
	w.t.Helper()
	gates := readsql.DefaultConfig()
	gates.Database, gates.Dial, gates.StatementsPerMinute = w.store.Database(), testkit.Engine(w.t).Reader(readsql.Limits{}).Dial, 100_000
	gate, err := readsql.New(gates, time.Now)
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := api.DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	rest, err := api.New(cfg, api.Deps{Store: w.store, Log: testkit.Logger(), SQL: gate})
	if err != nil {
		w.t.Fatal(err)
	}
	clock := func() time.Time { return noon }
	pages, err := web.New(web.DefaultConfig(), web.Deps{
		Store: w.store, Log: testkit.Logger(), Now: clock, Version: "test", SQL: rest, Settings: []config.Setting{{Name: "listen", Value: ":8080"}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	app := httpx.New(httpx.DefaultConfig(), testkit.Logger(), httpx.NewMetrics(prometheus.NewRegistry()), clock)
	rest.Routes(app)
	pages.Routes(app)
	app.Use(httpx.NotFound)
	return app
}

func sqlPath(statement string, params ...string) string {
	args := url.Values{"query": {statement}, "run": {"1"}}
	for i := 0; i+1 < len(params); i += 2 {
		args.Set("param."+params[i], params[i+1])
	}
	return "/sql?" + args.Encode()
}

func TestSQLPage_StatementInTheAddress_IsAnsweredShownAndDownloaded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history("default", 4, 12)
	w.submit("other", "nts", "elsewhere", "1", noon, test{"name": "t", "execution_time": 1.0})
	w.flush()
	app := w.sqlApp(nil)
	page := get(t, app, sqlPath("SELECT name, test_id, CAST(NULL, 'Nullable(UInt8)') AS nothing FROM v_tests WHERE database = {d:String} ORDER BY test_id", "d", "default"))
	mustContain(t, page.Body, "CTMark/7zip/7zip-benchmark", "&lt;script&gt;alert(1)&lt;/script&gt;", `<td class="num">3</td>`, "NULL", "12 rows", `name="param.d" value="default"`,
		`data-view="v_results"`, "Which tests are noisiest", `id="sql-chart"`, "SELECT name, test_id")
	mustNotContain(t, page.Body, "<script>alert")
	for _, format := range []string{"csv", "json", "parquet", "arrow"} {
		_, rest, _ := strings.Cut(page.Body, `<a class="button small" href="/api/v5/sql?format=`+format)
		address, _, found := strings.Cut(rest, `"`)
		if !found {
			t.Fatalf("no download of %s", format)
		}
		if p := get(t, app, "/api/v5/sql?format="+format+html.UnescapeString(address)); p.Status != http.StatusOK || p.Body == "" {
			t.Errorf("%s: %d %.100s", format, p.Status, p.Body)
		}
	}
	// One database's page sees its rows alone.
	mustContain(t, get(t, app, sqlPath("SELECT DISTINCT name FROM v_machines")).Body, "elsewhere", "m2-ultra-01")
	one := get(t, app, "/db_other"+sqlPath("SELECT DISTINCT name FROM v_machines")).Body
	mustContain(t, one, "elsewhere", `href="/api/db_other/v5/sql?format=csv`)
	mustNotContain(t, one, "m2-ultra-01")
	// An address without run only fills the editor in.
	waiting := get(t, app, "/sql?query=SELECT+1")
	mustContain(t, waiting.Body, ">SELECT 1</textarea>")
	mustNotContain(t, waiting.Body, `id="sql-table"`)
	mustContain(t, get(t, app, sqlPath("SELECT name FROM v_machines WHERE 0")).Body, "The answer has no rows")
	mustContain(t, get(t, app, sqlPath("SELECT number FROM numbers(5000)")).Body, "1000 rows", "there are more")
}

func TestSQLPage_WrongOrForbiddenStatement_SaysWhereAndWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history("default", 2, 6)
	w.flush()
	app := w.sqlApp(nil)
	for statement, c := range map[string]struct {
		status int
		says   []string
	}{
		"SELECT 1,\n  ) FROM v_tests":                     {400, []string{"The statement is wrong", "at line 2, column 3", `<mark>)</mark> FROM v_tests`}},
		"SELECT nam FROM v_tests":                         {400, []string{"nam"}},
		"SELECT * FROM v_tests WHERE name={n:UInt8}":      {400, []string{"The statement is wrong", `name="param.n"`}},
		"DROP TABLE ledger":                               {403, []string{"Refused"}},
		"SELECT * FROM ledger":                            {403, []string{"view v_ledger is"}},
		"SELECT * FROM url('http://x/','CSV','a String')": {403, []string{"Refused"}},
		"SELECT groupArray(toString(number)) FROM numbers(1000000000) GROUP BY number % 1000": {400, []string{"It takes more than a statement may", "memory", "Ask for less"}},
		"SELECT sleep(3)":    {403, []string{"Refused"}},
		"SELECT 1; SELECT 2": {403, []string{"Refused"}},
	} {
		p := get(t, app, sqlPath(statement))
		if p.Status != c.status {
			t.Errorf("%s: %d, want %d", statement, p.Status, c.status)
		}
		mustContain(t, p.Body, c.says...)
		mustNotContain(t, p.Body, `id="sql-table"`, "EXPLAIN AST")
	}
	if p := get(t, app, "/sql?query="+strings.Repeat("x", 9000)); p.Status != http.StatusBadRequest {
		t.Errorf("a long statement: %d", p.Status)
	}
	closed := w.sqlApp(func(cfg *api.Config) { cfg.SQLToken = true })
	if p := get(t, closed, sqlPath("SELECT 1")); p.Status != http.StatusUnauthorized || !strings.Contains(p.Body, "a token is needed") {
		t.Errorf("without a token: %d\n%s", p.Status, p.Body)
	}
	mustContain(t, w.get("/sql").Body, "SQL is not answered here")
}

func TestSQLPage_WorkedQuestions_AreAnsweredFromTheirLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.steps("default", w.history("default", 4, 6))
	w.flush()
	app := w.sqlApp(nil)
	worked, err := sql.Questions()
	if err != nil || len(worked) != 20 {
		t.Fatalf("%d questions, %v", len(worked), err)
	}
	page := get(t, app, "/sql").Body
	for _, q := range worked {
		mustContain(t, page, q.Asks)
		params := []string{
			"database", "default", "suite", "nts", "machine", "m2-ultra-01", "test", "CTMark/Bullet/bullet", "metric", "execution_time",
			"order", "500014", "a", "m2-ultra-01", "b", "graviton4-bench-07", "regression", "1", "position", "5",
		}
		p := get(t, app, sqlPath(q.Text, params...))
		if p.Status != http.StatusOK {
			t.Errorf("%s: %d", q.Name, p.Status)
			keep(t, p.Body)
		}
	}
}

func TestSQLPage_InABrowser_CompletesRunsAndDraws(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history("default", 12, 8)
	bad := w.refuse("default", noon.Add(-time.Minute))
	w.flush()
	b := openTab(t)
	root := listen(t, w.sqlApp(nil))

	// Somebody's report was refused: why, from home.
	b.Look(t, 1280, 900, false)
	b.Do(t, chromedp.Navigate(root+"/"))
	b.Follow(t, chromedp.Click(chromedp.CSS(".tiles a")))
	b.Follow(t, chromedp.Click(chromedp.CSS(`.tabs a[href$="/receipts"]`)))
	b.Follow(t, chromedp.Click(chromedp.CSS(`.receipts .lead a:has(.bad)`)))
	told := browser.See[string](t, b.Tab, `document.querySelector("main").textContent`)
	for _, want := range []string{bad.Field, "Refused with 400", "declares no such metric", "line 1"} {
		if !strings.Contains(told, want) {
			t.Errorf("the page does not tell %q", want)
		}
	}
	if got := browser.See[string](t, b.Tab, `document.querySelector("tr.wrong td").textContent`); !strings.Contains(got, `"cycles":1`) {
		t.Errorf("the line of the mistake is %q", got)
	}
	b.picture(t, "receipt")

	// The box suggests, and the keyboard goes there.
	browser.See[bool](t, b.Tab, `document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true, cancelable: true }))`)
	if got := browser.See[string](t, b.Tab, `document.activeElement.id`); got != "find" {
		t.Errorf("the key / leads to %q", got)
	}
	b.Do(t, chromedp.SendKeys(chromedp.CSS("#find"), "zen5"))
	b.Until(t, "something is suggested", `document.querySelectorAll("#found li").length > 0`)
	b.picture(t, "search-box")
	b.Do(t, chromedp.KeyEvent(kb.ArrowDown))
	b.Follow(t, chromedp.KeyEvent(kb.Enter))
	if got := b.Address(t); !strings.HasSuffix(got, "/v4/nts/machine/3") {
		t.Errorf("the suggestion leads to %s", got)
	}

	// A statement with a completed name.
	b.Do(t, chromedp.Navigate(root+"/sql"), chromedp.SendKeys(chromedp.CSS("#query"), "SELECT order_id, count() AS n FROM v_run"))
	b.Until(t, "names are offered", `document.querySelectorAll("#sql-words:not([hidden]) li").length > 1`)
	b.picture(t, "sql-completion")
	b.Do(t, chromedp.SendKeys(chromedp.CSS("#query"), "s WHERE suite = {s:String} GROUP BY order_id ORDER BY order_id"), chromedp.SendKeys(chromedp.CSS(`[name="param.s"]`), "nts"))
	browser.See[bool](t, b.Tab, `(document.querySelector("#query").focus(), true)`)
	b.Follow(t, chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(2)))
	b.Until(t, "the chart is drawn", `document.querySelector("#sql-chart")?.dataset.shown === "1"`)
	if n := browser.See[int](t, b.Tab, `document.querySelectorAll("#sql-table tbody tr").length`); n != 12 {
		t.Errorf("%d rows", n)
	}

	// It is kept in the browser, under a name too, and its link is on the clipboard or in the address bar.
	b.Do(t, chromedp.SendKeys(chromedp.CSS("#sql-name"), "runs by <order>"), chromedp.Click(chromedp.CSS("#sql-save")), chromedp.Click(chromedp.CSS("#sql-copy")))
	b.Until(t, "the link is copied", `document.querySelector("#sql-copy").textContent !== "Copy link"`)
	b.Do(t, chromedp.Navigate(root+"/sql"))
	if got := browser.See[string](t, b.Tab, `document.querySelector("#sql-saved a").textContent + "|" + document.querySelectorAll("#sql-last li").length`); got != "runs by <order>|1" {
		t.Errorf("the browser keeps %q", got)
	}
	b.Follow(t, chromedp.Click(chromedp.CSS("#sql-saved a")))
	if n := browser.See[int](t, b.Tab, `document.querySelectorAll("#sql-table tbody tr").length`); n != 12 {
		t.Errorf("the saved statement has %d rows", n)
	}
	if got := browser.See[string](t, b.Tab, `document.querySelector("#sql-chart").dataset.kind`); got != "lines" {
		t.Errorf("orders by number are drawn as %q", got)
	}
	saved := b.Address(t)
	b.Do(t, chromedp.Navigate(root+"/sql?run=1&query="+url.QueryEscape("SELECT name, machine_id AS a, machine_id * 2 AS b FROM v_machines ORDER BY name")))
	b.Until(t, "the chart is drawn", `document.querySelector("#sql-chart")?.dataset.shown === "2"`)
	if got := browser.See[string](t, b.Tab, `document.querySelector("#sql-chart").dataset.kind`); got != "bars" {
		t.Errorf("machines are drawn as %q", got)
	}
	if legend := browser.See[string](t, b.Tab, `document.querySelector("#sql-chart .u-legend").textContent`); strings.Contains(legend, "--") {
		t.Errorf("the legend without a cursor reads %q", legend)
	}
	b.picture(t, "sql-bars")
	b.Do(t, chromedp.Navigate(saved))
	b.Quiet(t)
	for _, view := range []struct {
		name  string
		width int64
		dark  bool
	}{{"sql-light", 1280, false}, {"sql-dark", 1280, true}, {"sql-phone", 400, false}} {
		b.Look(t, view.width, 900, view.dark)
		b.Do(t, chromedp.Reload())
		b.Until(t, "the chart is drawn", `document.querySelector("#sql-chart")?.dataset.shown === "1"`)
		if over := browser.See[int](t, b.Tab, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("%s: %d pixels too wide", view.name, over)
		}
		b.picture(t, view.name)
	}
	b.Look(t, 400, 900, true)
	for name, path := range map[string]string{
		"receipts-phone": "/v4/nts/receipts", "audit-phone": "/v4/nts/audit?show=all", "search-phone": "/search?q=bench", "test-phone": "/v4/nts/test/2",
		"sql-wrong-phone": sqlPath("SELECT 1,\n  ) FROM v_tests"),
	} {
		b.Do(t, chromedp.Navigate(root+path))
		if over := browser.See[int](t, b.Tab, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("%s: %d pixels too wide", name, over)
		}
		b.picture(t, name)
	}
}

func TestSQL_OfReaders_NeverTellsWhereSubscriptionsLead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("default", "nts", "m", "1", noon, test{"name": "t", "execution_time": 1.0})
	for i, target := range []string{`https://hooks.example.org:8443/hush?hush="1"&\\hush`, `hush@mail.example.net`, `https://chat.example.org/hush`} {
		body := map[string]any{"id": fmt.Sprintf("6b3c1f6e-3a55-4c0e-9d1a-11111111111%d", i), "name": fmt.Sprintf(`"target":"%d"`, i), "channel": []string{"webhook", "email", "slack"}[i], "target": target, "kinds": []string{"regression"}}
		if d := w.decide("default", "nts", event.SubscriptionSet, noon, []byte(object(t, body)), nil); d.Status != event.Accepted {
			t.Fatal(d.Error, d.Message)
		}
	}
	w.decide("default", "nts", event.SubscriptionSet, noon, []byte(`{"id":"no","url":"https://hush.example.org"}`), nil)
	w.flush()
	app := w.sqlApp(nil)
	ask := func(statement string) page {
		return get(t, app, "/api/v5/sql?limit=1000&query="+url.QueryEscape(statement))
	}
	var views struct {
		Items []struct{ Name string } `json:"items"`
	}
	if err := json.Unmarshal([]byte(get(t, app, "/api/v5/sql/views").Body), &views); err != nil || len(views.Items) < 40 {
		t.Fatalf("%d views, %v", len(views.Items), err)
	}
	for _, v := range views.Items {
		if p := ask("SELECT * FROM " + v.Name); p.Status != http.StatusOK || strings.Contains(p.Body, "hush") {
			t.Errorf("%s: %d %s", v.Name, p.Status, p.Body)
		}
	}
	for _, hidden := range []string{"v_raw_ledger", "v_raw_subscriptions", "v_ledger_records"} {
		if p := ask("SELECT * FROM " + hidden); p.Status != http.StatusForbidden {
			t.Errorf("%s: %d %s", hidden, p.Status, p.Body)
		}
	}
	told := ask("SELECT name, target FROM v_subscriptions ORDER BY id").Body
	mustContain(t, told, `https:\/\/hooks.example.org\/…`, "…@mail.example.net", `\"target\":\"2\"`)
	rest := get(t, app, "/api/v5/nts/subscriptions").Body
	mustContain(t, rest, "hooks.example.org")
	mustNotContain(t, rest, "hush")
}
