package httpx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/httpx"
	"tidemark/pkg/testkit/await"
)

// edge is an app with what it logged.
type edge struct {
	*fiber.App
	log      *bytes.Buffer
	registry *prometheus.Registry
}

func newEdge(t *testing.T) *edge {
	t.Helper()
	e := &edge{log: &bytes.Buffer{}, registry: prometheus.NewRegistry()}
	now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	clock := func() time.Time { now = now.Add(250 * time.Millisecond); return now }
	e.App = httpx.New(httpx.DefaultConfig(), slog.New(slog.NewJSONHandler(e.log, nil)), httpx.NewMetrics(e.registry), clock)
	return e
}

// ask sends a request with headers, given as name and value in turn.
func (e *edge) ask(t *testing.T, method, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	req := httptest.NewRequest(method, path, http.NoBody)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := e.Test(req, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// lines are the log lines with a message.
func (e *edge) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range strings.Lines(e.log.String()) {
		entry := map[string]any{}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry["msg"] == message {
			out = append(out, entry)
		}
	}
	return out
}

func TestRequest_ID_IsTheClientsWhenUsable(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.Get("/", func(c *fiber.Ctx) error { return c.SendString(httpx.RequestID(c)) })
	seen := map[string]bool{}
	for _, given := range []string{"", "client-1", strings.Repeat("x", 64), strings.Repeat("x", 65), "two words", "tab\there", "é", "~!"} {
		usable := given == "client-1" || given == "~!" || len(given) == 64
		res, body := e.ask(t, http.MethodGet, "/", "X-Request-Id", given)
		if header := res.Header.Get("X-Request-Id"); header != body || body == "" || len(body) > 64 {
			t.Errorf("%q: answered with %q, handled as %q", given, header, body)
		}
		if (body == given) != usable || seen[body] {
			t.Errorf("%q became %q", given, body)
		}
		seen[body] = true
	}
}

func TestRequest_Answered_WritesOneLineWithItsStatusAndWhatWasAdded(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.Get("/run/:id", func(c *fiber.Ctx) error {
		httpx.AddLogAttrs(c, slog.String("event_id", "e1"))
		httpx.AddLogAttrs(c, slog.Int("decode_ms", 7))
		return c.Status(http.StatusAccepted).SendString("taken")
	})
	e.Get("/refuse", func(*fiber.Ctx) error { return fiber.NewError(http.StatusTeapot, "no coffee") })
	e.Get("/stream", func(c *fiber.Ctx) error { return c.SendStream(strings.NewReader("abc"), 3) })
	e.Use(httpx.NotFound)
	for _, c := range []struct {
		path, route string
		status      float64
		bytes       float64
	}{
		{"/run/12", "/run/:id", http.StatusAccepted, 5},
		{"/refuse", "/refuse", http.StatusTeapot, float64(len(`{"error":"no coffee"}`))},
		{"/stream", "/stream", http.StatusOK, 3},
		{"/nowhere", "unmatched", http.StatusNotFound, float64(len(`{"error":"The page you are looking for does not exist."}`))},
	} {
		e.log.Reset()
		res, body := e.ask(t, http.MethodGet, c.path, "X-Request-Id", "r1")
		lines := e.lines(t, "request answered")
		if len(lines) != 1 || strings.Count(e.log.String(), "\n") != 1 {
			t.Fatalf("%s wrote %s", c.path, e.log)
		}
		line := lines[0]
		want := map[string]any{"request_id": "r1", "method": "GET", "route": c.route, "path": c.path, "status": c.status, "bytes": c.bytes, "took_ms": 250.0, "level": "INFO"}
		for key, value := range want {
			if line[key] != value {
				t.Errorf("%s: %s is %v, want %v", c.path, key, line[key], value)
			}
		}
		if res.StatusCode != int(c.status) || float64(len(body)) != c.bytes {
			t.Errorf("%s: answered %d with %d bytes", c.path, res.StatusCode, len(body))
		}
		if added := line["event_id"] == "e1" && line["decode_ms"] == 7.0; added != (c.route == "/run/:id") {
			t.Errorf("%s: what was added is %v, %v", c.path, line["event_id"], line["decode_ms"])
		}
	}
	if n := routes(t, e.registry); n != 4 {
		t.Errorf("%d routes counted, want one each", n)
	}
}

func routes(t *testing.T, registry *prometheus.Registry) int {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "tidemark_http_requests_total" {
			return len(f.GetMetric())
		}
	}
	return 0
}

func TestRequest_HandlerPanicsOrFails_AnswersWithTheIDAlone(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.Get("/panic", func(*fiber.Ctx) error { panic("the secret is 42") })
	e.Get("/fail", func(*fiber.Ctx) error { return errors.New("the secret is 42") })
	e.Get("/fiber", func(*fiber.Ctx) error { return fiber.NewError(http.StatusBadGateway, "the secret is 42") })
	e.Get("/fine", func(c *fiber.Ctx) error { return c.SendString("fine") })
	for _, path := range []string{"/panic", "/fail", "/fiber"} {
		e.log.Reset()
		res, body := e.ask(t, http.MethodGet, path, "X-Request-Id", "r7")
		if want := `{"error":"internal server error","message":"request r7"}`; res.StatusCode != http.StatusInternalServerError || body != want {
			t.Errorf("%s: %d %s, want 500 %s", path, res.StatusCode, body, want)
		}
		if lines := e.lines(t, "request answered"); len(lines) != 1 || lines[0]["status"] != 500.0 {
			t.Errorf("%s: logged %v", path, lines)
		}
		if !strings.Contains(e.log.String(), "the secret is 42") {
			t.Errorf("%s: the log does not say what happened: %s", path, e.log)
		}
		if panicked := len(e.lines(t, "request panicked")) == 1 && strings.Contains(e.log.String(), "edge_test.go"); panicked != (path == "/panic") {
			t.Errorf("%s: where it panicked is logged: %v", path, panicked)
		}
	}
	if res, body := e.ask(t, http.MethodGet, "/fine"); res.StatusCode != http.StatusOK || body != "fine" {
		t.Errorf("afterwards: %d %s", res.StatusCode, body)
	}
}

func TestRootURL_HoweverForwarded_IsTheClientsAddressAndNothingElse(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.Get("/*", func(c *fiber.Ctx) error { return c.SendString(httpx.RootURL(c)) })
	for _, c := range []struct {
		why     string
		headers []string
		want    string
	}{
		{"no proxy", nil, "http://perf.example:8080/"},
		{"an address", []string{"Host", "[::1]:8080"}, "http://[::1]:8080/"},
		{"a proxy", []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "p.example", "X-Forwarded-Prefix", "/perf"}, "https://p.example/perf/"},
		{"a deep prefix", []string{"X-Forwarded-Prefix", "/a/b-c/~d.e/"}, "http://perf.example:8080/a/b-c/~d.e/"},
		{"two proxies: the nearest counts", []string{"X-Forwarded-Proto", "http, https", "X-Forwarded-Host", "evil.example, p.example:8443"}, "https://p.example:8443/"},
		{"an empty header", []string{"X-Forwarded-Proto", "", "X-Forwarded-Host", "", "X-Forwarded-Prefix", ""}, "http://perf.example:8080/"},
		{"another scheme", []string{"X-Forwarded-Proto", "javascript"}, "http://perf.example:8080/"},
		{"another scheme by another header", []string{"X-Url-Scheme", "javascript"}, "http://perf.example:8080/"},
		{"a scheme with more", []string{"X-Forwarded-Proto", "https://evil.example/?"}, "http://perf.example:8080/"},
		{"a host with a path", []string{"X-Forwarded-Host", "evil.example/x"}, "http://perf.example:8080/"},
		{"a host with a user", []string{"X-Forwarded-Host", "p.example@evil.example"}, "http://perf.example:8080/"},
		{"a host with markup", []string{"X-Forwarded-Host", `"><script>`}, "http://perf.example:8080/"},
		{"a host with a port that is none", []string{"X-Forwarded-Host", "p.example:80x"}, "http://perf.example:8080/"},
		{"a Host with markup", []string{"Host", `x"><script>`}, "http://localhost/"},
		{"a prefix with markup", []string{"X-Forwarded-Prefix", `/"><script>`}, "http://perf.example:8080/"},
		{"a prefix with a query", []string{"X-Forwarded-Prefix", "/a?b=c"}, "http://perf.example:8080/"},
		{"a prefix that climbs", []string{"X-Forwarded-Prefix", "/a/../b"}, "http://perf.example:8080/"},
		{"a prefix that is a host", []string{"X-Forwarded-Prefix", "//evil.example"}, "http://perf.example:8080/evil.example/"},
		{"a prefix with a line of its own", []string{"X-Forwarded-Prefix", "/a%0d%0ab"}, "http://perf.example:8080/"},
		{"a prefix with a host inside", []string{"X-Forwarded-Prefix", "/a//evil.example"}, "http://perf.example:8080/"},
	} {
		headers := c.headers
		if len(headers) == 0 || headers[0] != "Host" {
			headers = append([]string{"Host", "perf.example:8080"}, headers...)
		}
		if _, got := e.ask(t, http.MethodGet, "/some/page", headers...); got != c.want {
			t.Errorf("%s: %s, want %s", c.why, got, c.want)
		}
	}
}

func TestNotFound_AnswersInTheShapeTheClientReads(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.Use(httpx.NotFound)
	const text = "The page you are looking for does not exist."
	for accept, page := range map[string]bool{
		"": false, "*/*": false, "application/json": false, "text/plain": false,
		"text/html,application/xhtml+xml,*/*;q=0.8": true, "text/html": true,
	} {
		res, body := e.ask(t, http.MethodGet, "/nowhere", "Accept", accept, "Host", "perf.example", "X-Forwarded-Prefix", "/perf")
		kind := "application/json"
		if page {
			kind = "text/html; charset=utf-8"
		}
		if res.StatusCode != http.StatusNotFound || res.Header.Get("Content-Type") != kind || !strings.Contains(body, text) {
			t.Errorf("Accept %q: %d %s %s", accept, res.StatusCode, res.Header.Get("Content-Type"), body)
		}
		if page != strings.Contains(body, `<a href="http://perf.example/perf/">`) || page == json.Valid([]byte(body)) {
			t.Errorf("Accept %q: %s", accept, body)
		}
	}
}

func TestServe_ClientNeverEnds_IsCutOffAfterTheGrace(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	e.Get("/", func(*fiber.Ctx) error {
		close(entered)
		<-release
		return nil
	})
	ln, err := new(net.ListenConfig).Listen(await.Context(t), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- httpx.Serve(ctx, e.App, ln, 20*time.Millisecond) }()
	conn, err := new(net.Dialer).DialContext(await.Context(t), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // ended by the test
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-entered
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("ended with %v", err)
		}
	case <-await.Context(t).Done():
		t.Fatal("still serving")
	}
	if _, err := new(net.Dialer).DialContext(await.Context(t), "tcp", ln.Addr().String()); err == nil {
		t.Error("new connections are still taken")
	}
}
