package clickhouse_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
)

// ownerPort serves with every right, and returns where.
func ownerPort(t *testing.T, password string) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- engine.ServeOwner(ctx, ln, password) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + ln.Addr().String() + "/"
}

// asOwner runs a statement and gives the status and the exception's code.
func asOwner(t *testing.T, address, statement string, change func(*http.Request)) (status int, code string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(statement))
	if err != nil {
		t.Fatal(err)
	}
	change(req)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode, res.Header.Get("X-ClickHouse-Exception-Code")
}

func TestServeOwner_OnlyTheRightPasswordUnderALocalNameMayWrite(t *testing.T) {
	t.Parallel()
	address := ownerPort(t, "right")
	write := "CREATE DATABASE IF NOT EXISTS owned"
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
		code   string
	}{
		"no password":     {func(*http.Request) {}, http.StatusForbidden, "516"},
		"wrong password":  {func(r *http.Request) { r.SetBasicAuth("default", "wrong") }, http.StatusForbidden, "516"},
		"basic":           {func(r *http.Request) { r.SetBasicAuth("default", "right") }, http.StatusOK, ""},
		"header":          {func(r *http.Request) { r.Header.Set("X-ClickHouse-Key", "right") }, http.StatusOK, ""},
		"query parameter": {func(r *http.Request) { r.URL.RawQuery = "password=right" }, http.StatusOK, ""},
		"foreign host": {func(r *http.Request) {
			r.SetBasicAuth("default", "right")
			r.Host = "attacker.example"
		}, http.StatusForbidden, ""},
		"page of another site": {func(r *http.Request) {
			r.SetBasicAuth("default", "right")
			r.Header.Set("Origin", "http://attacker.example")
		}, http.StatusForbidden, ""},
	} {
		if status, code := asOwner(t, address, write, c.change); status != c.status || code != c.code {
			t.Errorf("%s: %d %q, want %d %q", name, status, code, c.status, c.code)
		}
	}
}

func TestServeOwner_WithoutAPassword_DoesNotServe(t *testing.T) {
	t.Parallel()
	if err := engine.ServeOwner(t.Context(), nil, ""); err == nil {
		t.Error("serves whoever comes")
	}
}
