package auth_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/auth"
)

// doorway is an app behind a door that tells which secret reached it.
type doorway struct {
	app     *fiber.App
	keys    *auth.Keys
	secrets map[string]string
	now     time.Time
}

func newDoorway(t *testing.T, change func(*auth.DoorConfig)) *doorway {
	t.Helper()
	d := &doorway{secrets: map[string]string{}, now: time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)}
	var tokens []auth.Token
	for name, given := range map[string]struct {
		scope     auth.Scope
		databases []string
	}{"reader": {auth.Read, nil}, "sheriff": {auth.Triage, nil}, "guest": {auth.Triage, []string{"lab"}}} {
		token, secret, err := auth.Issue(name, given.scope, given.databases, nil)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
		d.secrets[name] = secret
	}
	var err error
	if d.keys, err = auth.NewKeys("", tokens); err != nil {
		t.Fatal(err)
	}
	cfg := auth.DefaultDoorConfig()
	if change != nil {
		change(&cfg)
	}
	door, err := auth.NewDoor(cfg, d.keys, func() time.Time { return d.now })
	if err != nil {
		t.Fatal(err)
	}
	d.app = fiber.New()
	d.app.Use(door.Handle)
	d.app.Post("/signin", func(c *fiber.Ctx) error {
		if _, err := door.SignIn(c, string(c.Body())); err != nil {
			return c.Status(http.StatusUnauthorized).SendString(err.Error())
		}
		return nil
	})
	d.app.Get("/csrf", func(c *fiber.Ctx) error { return c.SendString(auth.VisitorOf(c).CSRF) })
	d.app.All("/*", func(c *fiber.Ctx) error {
		secret, _ := auth.Secret(func(name string) string { return c.Get(name) })
		who, err := d.keys.Identify(secret)
		if err != nil {
			return c.SendString("nobody")
		}
		return c.SendString(who.Name)
	})
	return d
}

func (d *doorway) ask(t *testing.T, method, path, body string, header ...string) (int, string, http.Header) {
	t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := d.app.Test(req, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(answer), res.Header
}

// signIn gives the Cookie header of a session and its CSRF token.
func (d *doorway) signIn(t *testing.T, name string) (cookie, csrf string) {
	t.Helper()
	status, said, header := d.ask(t, http.MethodPost, "/signin", d.secrets[name])
	if status != http.StatusOK {
		t.Fatalf("sign in: %d %s", status, said)
	}
	set := header.Get("Set-Cookie")
	if low := strings.ToLower(set); !strings.Contains(low, "httponly") || !strings.Contains(low, "samesite=lax") || strings.Contains(set, d.secrets[name]) {
		t.Fatalf("the cookie is %q", set)
	}
	cookie, _, _ = strings.Cut(set, ";")
	_, csrf, _ = d.ask(t, http.MethodGet, "/csrf", "", "Cookie", cookie)
	return cookie, csrf
}

const triage = "/api/v5/nts/regressions/triage"

func TestDoor_SessionWithItsCSRFToken_WritesAsItsHolder(t *testing.T) {
	t.Parallel()
	d := newDoorway(t, nil)
	cookie, csrf := d.signIn(t, "sheriff")
	if status, who, _ := d.ask(t, http.MethodPost, triage, "{}", "Cookie", cookie, auth.CSRFHeader, csrf, "Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"); status != 200 || who != "sheriff" {
		t.Errorf("write: %d by %s", status, who)
	}
	if _, who, _ := d.ask(t, http.MethodGet, "/v4/nts/", "", "Cookie", cookie); who != "sheriff" {
		t.Errorf("read by %s", who)
	}
	if _, who, _ := d.ask(t, http.MethodPost, triage, "{}", "Cookie", cookie, "Authorization", "Bearer "+d.secrets["reader"]); who != "reader" {
		t.Errorf("a program's own token does not count beside a cookie, but that of %s", who)
	}
	if status, who, _ := d.ask(t, http.MethodPost, "/v4/nts/submitRun", "x", "Cookie", cookie); status != 200 || who != "nobody" {
		t.Errorf("a run sent from a browser: %d by %s, want it to come from nobody", status, who)
	}
}

func TestDoor_WriteWithoutItsCSRFTokenOrFromElsewhere_IsRefused(t *testing.T) {
	t.Parallel()
	d := newDoorway(t, nil)
	cookie, csrf := d.signIn(t, "sheriff")
	_, other := d.signIn(t, "sheriff")
	for name, c := range map[string]struct {
		header []string
		status int
	}{
		"no CSRF token":              {[]string{"Cookie", cookie}, 403},
		"a wrong one":                {[]string{"Cookie", cookie, auth.CSRFHeader, csrf + "x"}, 403},
		"that of another session":    {[]string{"Cookie", cookie, auth.CSRFHeader, other}, 403},
		"another site says Fetch":    {[]string{"Cookie", cookie, auth.CSRFHeader, csrf, "Sec-Fetch-Site", "cross-site"}, 403},
		"another site as the origin": {[]string{"Cookie", cookie, auth.CSRFHeader, csrf, "Origin", "https://evil.example"}, 403},
		"the null origin":            {[]string{"Cookie", cookie, auth.CSRFHeader, csrf, "Origin", "null"}, 403},
		"a cookie that was changed":  {[]string{"Cookie", cookie[:len(cookie)-2] + "AA", auth.CSRFHeader, csrf}, 401},
		"a cookie of one's own":      {[]string{"Cookie", auth.CookieName + "=" + d.secrets["sheriff"], auth.CSRFHeader, csrf}, 401},
	} {
		for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodPut} {
			if status, said, _ := d.ask(t, method, triage, "{}", c.header...); status != c.status || !strings.Contains(said, `"error"`) {
				t.Errorf("%s, %s: %d %s, want %d", name, method, status, said, c.status)
			}
		}
	}
	if _, who, _ := d.ask(t, http.MethodPost, triage, "{}"); who != "nobody" {
		t.Errorf("without a cookie it is %s who writes", who)
	}
}

func TestDoor_FormOfAPage_BringsItsCSRFTokenInAField(t *testing.T) {
	t.Parallel()
	d := newDoorway(t, nil)
	cookie, csrf := d.signIn(t, "sheriff")
	form := func(method, token, media string, more ...string) (int, string) {
		header := append([]string{"Cookie", cookie, "Content-Type", media, "Sec-Fetch-Site", "same-origin"}, more...)
		status, who, _ := d.ask(t, method, triage, "note=x&csrf="+url.QueryEscape(token), header...)
		return status, who
	}
	const media = "application/x-www-form-urlencoded"
	if status, who := form(http.MethodPost, csrf, media+"; charset=utf-8"); status != 200 || who != "sheriff" {
		t.Errorf("%d by %s", status, who)
	}
	for name, status := range map[string]int{
		"a wrong token":  first(form(http.MethodPost, csrf+"x", media)),
		"no token":       first(form(http.MethodPost, "", media)),
		"another method": first(form(http.MethodPut, csrf, media)),
		"another type":   first(form(http.MethodPost, csrf, "text/plain")),
		"from elsewhere": first(form(http.MethodPost, csrf, media, "Origin", "https://evil.example")),
	} {
		if status != http.StatusForbidden {
			t.Errorf("%s: %d", name, status)
		}
	}
}

func first(status int, _ string) int { return status }

func TestDoor_FormOfAnEndedSession_GetsAPageWithWhatWasWritten(t *testing.T) {
	t.Parallel()
	d := newDoorway(t, nil)
	cookie, csrf := d.signIn(t, "sheriff")
	post := func(cookie, csrf string, more ...string) (int, string, http.Header) {
		header := append([]string{"Cookie", cookie, "Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html"}, more...)
		fields := url.Values{"csrf": {csrf}, "note": {`slow <since> "May"`}, "next": {"/v4/nts/detectors"}, "path.id": {"7"}, "list.kinds": {"signal"}, "lines.params": {"a=1\r\nb=2"}}
		return d.ask(t, http.MethodPost, triage, fields.Encode(), header...)
	}
	has := func(what, page string, want bool, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if strings.Contains(page, part) != want {
				t.Errorf("%s: %q in the page: %t\n%s", what, part, !want, page)
			}
		}
	}
	d.now = d.now.Add(13 * time.Hour)
	status, page, header := post(cookie, csrf, "Sec-Fetch-Site", "same-origin")
	if status != 401 || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || header.Get("Cache-Control") != "no-store" || !strings.Contains(header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("an ended session: %d %v", status, header)
	}
	has("an ended session", page, true, "Nothing was changed", "Your session has ended", "signin?next=%2Fv4%2Fnts%2Fdetectors", `value="slow &lt;since&gt; &#34;May&#34;"`, "a=1\r\nb=2</textarea>",
		`name="path.id" value="7"`, `kinds: <b>signal</b>`, "Send it again")
	has("an ended session", page, false, csrf)
	// Signed in again, the same form is shown once more, with the new session's token.
	again, fresh := d.signIn(t, "sheriff")
	status, page, _ = post(again, csrf, "Origin", "http://example.com")
	has("a form of before", page, true, "before you signed in", `name="csrf" value="`+fresh+`"`, "slow &lt;since&gt;")
	if status != 403 {
		t.Errorf("a form of before: %d", status)
	}
	if status, _, _ = post(again, fresh, "Origin", "http://example.com"); status != 200 {
		t.Errorf("sent again: %d", status)
	}
	// What may be another site's is not offered.
	for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}, {}} {
		status, page, _ = post(again, csrf, from...)
		if status != 403 {
			t.Errorf("from %v: %d", from, status)
		}
		has(fmt.Sprint(from), page, false, fresh, "slow", "Send it again")
	}
}

func TestDoor_SessionThatEndedOrWhoseTokenIsGone_NoLongerWrites(t *testing.T) {
	t.Parallel()
	d := newDoorway(t, nil)
	cookie, csrf := d.signIn(t, "sheriff")
	write := func() int {
		status, _, _ := d.ask(t, http.MethodPost, triage, "{}", "Cookie", cookie, auth.CSRFHeader, csrf)
		return status
	}
	d.now = d.now.Add(12*time.Hour - time.Second)
	if got := write(); got != 200 {
		t.Errorf("a second before its end: %d", got)
	}
	d.now = d.now.Add(time.Second)
	if got := write(); got != 401 {
		t.Errorf("at its end: %d", got)
	}
	if _, who, _ := d.ask(t, http.MethodGet, "/", "", "Cookie", cookie); who != "nobody" {
		t.Errorf("an ended session reads as %s", who)
	}
	d.now = d.now.Add(-time.Hour)
	if err := d.keys.Replace(nil); err != nil {
		t.Fatal(err)
	}
	if got := write(); got != 401 {
		t.Errorf("with a token that was taken away: %d", got)
	}
	if status, _, _ := d.ask(t, http.MethodPost, "/signin", "tmk_nobody"); status != 401 {
		t.Errorf("a wrong token signs in: %d", status)
	}
	if status, _, _ := d.ask(t, http.MethodPost, "/signin", d.secrets["reader"], "Sec-Fetch-Site", "cross-site"); status != 401 {
		t.Errorf("another site signs somebody in: %d", status)
	}
}

func TestDoor_AnonymousReadingOff_AsksEverybodyWhoReads(t *testing.T) {
	t.Parallel()
	d := newDoorway(t, func(c *auth.DoorConfig) { c.AnonymousReads = false })
	if status, _, header := d.ask(t, http.MethodGet, "/v4/nts/?a=1", "", "Accept", "text/html"); status != 303 || header.Get("Location") != "http://example.com/signin?next=%2Fv4%2Fnts%2F%3Fa%3D1" {
		t.Errorf("a page: %d to %s", status, header.Get("Location"))
	}
	for _, path := range []string{"/v4/nts/graph?json=1", "/api/v5/nts/findings", "/DB_default/v4/nts/", "/staticx"} {
		if status, _, _ := d.ask(t, http.MethodGet, path, ""); status != 401 {
			t.Errorf("%s without a token: %d", path, status)
		}
	}
	if status, _, _ := d.ask(t, http.MethodPost, "/api/v5/sql", "{}"); status != 401 {
		t.Error("SQL without a token")
	}
	for _, path := range []string{"/ping", "/static/app.css", "/favicon.ico"} {
		if status, _, _ := d.ask(t, http.MethodGet, path, ""); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _, _ := d.ask(t, http.MethodPost, "/db_default/v4/nts/submitRun", "x"); status != 200 {
		t.Errorf("a run: %d", status)
	}
	guest, _ := d.signIn(t, "guest")
	for path, want := range map[string]int{"/db_lab/v4/nts/": 200, "/api/db_lab/v5/nts/findings": 200, "/v4/nts/": 403, "/": 403, "/Db_other/v4/nts/": 403} {
		if status, _, _ := d.ask(t, http.MethodGet, path, "", "Cookie", guest); status != want {
			t.Errorf("%s with a token for the database lab: %d, want %d", path, status, want)
		}
	}
	if status, _, _ := d.ask(t, http.MethodGet, "/v4/nts/", "", "AuthToken", d.secrets["reader"]); status != 200 {
		t.Errorf("a program's token: %d", status)
	}
}

func TestDoorConfig_WhatCannotWork_IsSaid(t *testing.T) {
	t.Parallel()
	cfg := auth.DoorConfig{Key: []byte("short"), Lifetime: time.Second}
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "lifetime") || !strings.Contains(err.Error(), "session key") {
		t.Errorf("got %v", err)
	}
}

func FuzzSealer_Open(f *testing.F) {
	s, err := auth.NewSealer([]byte("a key of sixteen or more"))
	if err != nil {
		f.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	good, err := s.Seal("tmk_x", now.Add(time.Hour))
	if err != nil {
		f.Fatal(err)
	}
	if secret, err := s.Open(good, now); secret != "tmk_x" || err != nil {
		f.Fatalf("got %q, %v", secret, err)
	}
	f.Add("")
	f.Add(good[:len(good)-1])
	f.Fuzz(func(t *testing.T, session string) {
		if secret, err := s.Open(session, now); err == nil && session != good {
			t.Fatalf("%q opens to %q", session, secret)
		}
	})
}
