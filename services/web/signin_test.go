package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"tidemark/pkg/auth"
)

// post sends a form, as a browser does.
func (w *world) post(path string, form url.Values, header ...string) page {
	w.t.Helper()
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "text/html")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := w.app.Test(req, 60_000)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end below
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return page{res.StatusCode, string(body), res.Header}
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// signIn gives the Cookie header of a session.
func (w *world) signIn(scope string) string {
	w.t.Helper()
	p := w.post("/signin", url.Values{"token": {w.secrets[scope]}, "next": {"/v4/nts/"}})
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/v4/nts/" {
		w.t.Fatalf("sign in: %d to %q\n%s", p.Status, p.Header.Get("Location"), p.Body)
	}
	cookie, _, _ := strings.Cut(p.Header.Get("Set-Cookie"), ";")
	return cookie
}

func TestSignIn_WithAToken_ShowsWhoReadsUntilSignedOut(t *testing.T) {
	t.Parallel()
	w := newGuardedWorld(t)
	w.history("default", 2, 6)
	w.flush()
	mustContain(t, w.ok("/v4/nts/findings?kind=regression"), `href="/signin?next=%2Fv4%2Fnts%2Ffindings%3Fkind%3Dregression"`)
	cookie := w.signIn("triage")
	signedIn := w.get("/v4/nts/", "Cookie", cookie).Body
	mustContain(t, signedIn, "triageer", `action="/signout"`, `<meta name="csrf-token"`)
	mustNotContain(t, signedIn, w.secrets["triage"], "/signin?next")
	csrf := csrfField.FindStringSubmatch(signedIn)[1]
	if p := w.post("/signout", url.Values{"csrf": {csrf + "x"}}, "Cookie", cookie); p.Status != http.StatusForbidden {
		t.Errorf("signed out by another site: %d", p.Status)
	}
	out := w.post("/signout", url.Values{"csrf": {csrf}}, "Cookie", cookie)
	if out.Status != http.StatusSeeOther || !strings.HasPrefix(out.Header.Get("Set-Cookie"), auth.CookieName+"=;") {
		t.Errorf("sign out: %d %s", out.Status, out.Header.Get("Set-Cookie"))
	}
}

func TestSignIn_WithAWrongTokenOrForm_SaysSo(t *testing.T) {
	t.Parallel()
	w := newGuardedWorld(t)
	for name, c := range map[string]struct {
		form   url.Values
		header []string
		status int
		says   string
	}{
		"wrong":        {url.Values{"token": {"tmk_nobody"}}, nil, 401, "Nobody has this token"},
		"none":         {url.Values{}, nil, 400, "Paste a token first"},
		"long":         {url.Values{"token": {strings.Repeat("x", 9000)}}, nil, 413, "Paste the token alone"},
		"another site": {url.Values{"token": {w.secrets["read"]}}, []string{"Origin", "https://evil.example"}, 403, "not from here"},
	} {
		p := w.post("/signin", c.form, c.header...)
		if p.Status != c.status || p.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d, cookie %q", name, p.Status, p.Header.Get("Set-Cookie"))
		}
		mustContain(t, p.Body, c.says)
	}
	for _, next := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, "javascript:alert(1)", "/%0d%0ax"} {
		p := w.post("/signin", url.Values{"token": {w.secrets["read"]}, "next": {next}})
		if to := p.Header.Get("Location"); to != "/" && to != "/%0d%0ax" {
			t.Errorf("next=%q leads to %q", next, to)
		}
	}
	mustContain(t, newWorld(t).ok("/signin"), "nobody can sign in")
}

// send posts JSON, as a script does, and gives the status.
func (w *world) send(path, body string, header ...string) int {
	w.t.Helper()
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := w.app.Test(req, 60_000)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode
}
