package api

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/auth"
	"tidemark/pkg/httpx"
	"tidemark/pkg/readsql"
	"tidemark/pkg/testkit"
)

// sqlServer is one with two runs in two databases, and a way in for tokens.
func sqlServer(t *testing.T, change func(*Config, *Deps)) *fiber.App {
	t.Helper()
	return sqlServerBehind(t, nil, change)
}

func sqlServerBehind(t *testing.T, keys *auth.Keys, change func(*Config, *Deps)) *fiber.App {
	t.Helper()
	s := testkit.Store(t)
	events := newFeed(s)
	events.add(t, input{Body: report("m1", "1", map[string]any{"name": "t1", "execution_time": 1.5})})
	events.add(t, input{Database: "other", Body: report("m2", "1", map[string]any{"name": "t3", "execution_time": 1.5})})
	cfg, deps := testConfig(), Deps{Store: s, Log: testkit.Logger(), SQL: newGate(t, s)}
	if change != nil {
		change(&cfg, &deps)
	}
	service, err := New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	app := httpx.New(httpx.DefaultConfig(), testkit.Logger(), httpx.NewMetrics(prometheus.NewRegistry()), time.Now)
	if keys != nil {
		door, err := auth.NewDoor(auth.DefaultDoorConfig(), keys, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		app.Use(door.Handle)
	}
	service.Routes(app)
	return app
}

// askSQL gets a statement's answer.
func askSQL(t *testing.T, app *fiber.App, base, statement, format, token string) (*http.Response, string) {
	t.Helper()
	headers := []string{}
	if token != "" {
		headers = append(headers, "AuthToken", token)
	}
	res, body := ask(t, app, http.MethodGet, base+"sql?format="+format+"&query="+url.QueryEscape(statement), headers...)
	return res, string(body)
}

func TestSQL_Formats_ComeWithTheirTypes(t *testing.T) {
	t.Parallel()
	app := sqlServer(t, nil)
	for format, want := range map[string][2]string{
		"csv":     {"text/csv; charset=utf-8; header=present", "name\n\"t1\"\n\"t3\"\n"},
		"tsv":     {"text/tab-separated-values; charset=utf-8", "name\nt1\nt3\n"},
		"jsonl":   {"application/x-ndjson; charset=utf-8", "{\"name\":\"t1\"}\n{\"name\":\"t3\"}\n"},
		"parquet": {"application/vnd.apache.parquet", "PAR1"},
		"arrow":   {"application/vnd.apache.arrow.file", "ARROW1"},
	} {
		res, body := askSQL(t, app, "/api/v5/", "SELECT name FROM v_tests ORDER BY name", format, "")
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != want[0] || !strings.HasPrefix(body, want[1]) || res.Header.Get("ETag") == "" {
			t.Errorf("%s: %d %v %.60q", format, res.StatusCode, res.Header, body)
		}
	}
}

func TestSQL_LongAnswer_IsWhole(t *testing.T) {
	t.Parallel()
	app := sqlServer(t, nil)
	_, body := askSQL(t, app, "/api/v5/", "SELECT number, now() > 0 FROM numbers(300000)", "json", "")
	var got sqlAnswer
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Data) != 300000 || got.Rows != 300000 {
		t.Errorf("%d rows of %d: %v", len(got.Data), got.Rows, err)
	}
}

func TestSQL_Tokens_SeeTheirDatabases(t *testing.T) {
	t.Parallel()
	all, allSecret, err := auth.Issue("all", auth.Read, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	one, oneSecret, err := auth.Issue("one", auth.Read, []string{"other"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := auth.NewKeys("", []auth.Token{all, one})
	if err != nil {
		t.Fatal(err)
	}
	open := sqlServerBehind(t, keys, nil)
	closed := sqlServerBehind(t, keys, func(c *Config, _ *Deps) { c.SQLToken = true })
	for _, tt := range []struct {
		app          *fiber.App
		base, token  string
		status       int
		want, reason string
	}{
		{open, "/api/v5/", "", 200, "name\nt1\nt3\n", "without a token, where none is needed"},
		{closed, "/api/v5/", "", 401, "a token is needed", "without a token, where one is"},
		{open, "/api/v5/", "wrong", 401, "not known", "a wrong token"},
		{closed, "/api/v5/", "wrong", 401, "not known", "a wrong token"},
		{closed, "/api/v5/", allSecret, 200, "name\nt1\nt3\n", "a token for all"},
		{closed, "/api/v5/", oneSecret, 200, "name\nt3\n", "a token for one database"},
		{closed, "/api/db_other/v5/", oneSecret, 200, "name\nt3\n", "the same, by its name"},
		{closed, "/api/db_default/v5/", oneSecret, 403, "is not for database 'default'", "the same, by another's name"},
		{closed, "/api/db_default/v5/", allSecret, 200, "name\nt1\n", "a token for all in one database"},
	} {
		res, body := askSQL(t, tt.app, tt.base, "SELECT name FROM v_tests ORDER BY name", "tsv", tt.token)
		if res.StatusCode != tt.status || !strings.Contains(body, tt.want) || tt.status == 200 && body != tt.want {
			t.Errorf("%s: %d %s", tt.reason, res.StatusCode, body)
		}
	}
}

func TestSQL_Shed_SaysWhenToTryAgain(t *testing.T) {
	t.Parallel()
	app := sqlServer(t, func(_ *Config, d *Deps) {
		cfg := readsql.DefaultConfig()
		cfg.Database, cfg.Dial = d.Store.Database(), testkit.Engine(t).Reader(readsql.Limits{}).Dial
		cfg.StatementsPerMinute = 1
		gate, err := readsql.New(cfg, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		d.SQL = gate
	})
	if res, body := askSQL(t, app, "/api/v5/", "SELECT 1", "csv", ""); res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	res, body := askSQL(t, app, "/api/v5/", "SELECT 1", "csv", "")
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" || !strings.Contains(body, "too_many_requests") {
		t.Errorf("%d %v %s", res.StatusCode, res.Header, body)
	}
}

func TestSQL_WithoutAGate_SaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	app := sqlServer(t, func(_ *Config, d *Deps) { d.SQL = nil })
	res, body := askSQL(t, app, "/api/v5/", "SELECT 1", "csv", "")
	if res.StatusCode != http.StatusNotFound || !strings.Contains(body, "--sql-clickhouse") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

func TestSQL_Post_TakesParametersOfEveryKind(t *testing.T) {
	t.Parallel()
	app := sqlServer(t, nil)
	body := `{"query": "SELECT {n:UInt64} AS n, {t:String} AS t, {a:Array(Nullable(UInt8))} AS a, {b:Bool} AS b, {u:Nullable(String)} AS u",
		"params": {"n": 9007199254740993, "t": "it's\t\\N", "a": [1, null], "b": true, "u": null}, "format": "jsonl"}`
	r := httptest.NewRequest(http.MethodPost, "/api/v5/sql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	res, err := app.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if want := `{"n":9007199254740993,"t":"it's\t\\N","a":[1,null],"b":true,"u":null}` + "\n"; err != nil || string(text) != want {
		t.Errorf("got %d %s, want %s", res.StatusCode, text, want)
	}
}
