package httpx_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/httpx"
	"tidemark/pkg/testkit/await"
	"tidemark/pkg/turns"
)

// shelf is an app whose /page says how often it was made, for whoever the header Reader says.
type shelf struct {
	*fiber.App
	at   atomic.Int64 // where the data stand
	made atomic.Int64
	body func(c *fiber.Ctx) error
}

func newShelf(most int) *shelf {
	s := &shelf{App: fiber.New(fiber.Config{Immutable: true})}
	s.body = func(c *fiber.Ctx) error { return c.SendString("data " + strconv.FormatInt(s.at.Load(), 10)) }
	keep := httpx.NewKeeper(most, func(context.Context) (string, error) { return strconv.FormatInt(s.at.Load(), 10), nil })
	s.Get("/*", func(c *fiber.Ctx) error {
		return keep.Answer(c, c.Get("Reader"), func() error { s.made.Add(1); return s.body(c) })
	})
	return s
}

type said struct {
	code      int
	body, tag string
	header    http.Header
}

func (s *shelf) ask(t *testing.T, path string, headers ...string) said {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.Test(r, -1)
	if err != nil {
		t.Error(err)
		return said{}
	}
	defer res.Body.Close() //nolint:errcheck // in memory
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return said{res.StatusCode, string(body), res.Header.Get("ETag"), res.Header}
}

func TestKeeper_NothingMoved_MadeOnceAndLeftOutForWhoHasIt(t *testing.T) {
	t.Parallel()
	s := newShelf(1 << 20)
	first, again := s.ask(t, "/page"), s.ask(t, "/page")
	if s.made.Load() != 1 || again.body != first.body || again.tag != first.tag || again.header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("made %d times: %+v, then %+v", s.made.Load(), first, again)
	}
	if known := s.ask(t, "/page", "If-None-Match", `"x", `+first.tag); known.code != http.StatusNotModified || known.body != "" || known.tag != first.tag {
		t.Errorf("for who has it: %+v", known)
	}
	s.at.Add(1)
	if known := s.ask(t, "/page", "If-None-Match", "*"); known.code != http.StatusNotModified || known.body != "" {
		t.Errorf("whatever there is: %d %q", known.code, known.body)
	}
	moved := s.ask(t, "/page", "If-None-Match", first.tag)
	if moved.code != http.StatusOK || moved.body != "data 1" || s.made.Load() != 2 {
		t.Errorf("after a write: %+v, made %d times", moved, s.made.Load())
	}
	s.body = func(c *fiber.Ctx) error { return c.SendString("data 1") } // a write that changes nothing here
	s.at.Add(1)
	if same := s.ask(t, "/page", "If-None-Match", moved.tag); same.code != http.StatusNotModified || s.made.Load() != 3 {
		t.Errorf("the same answer at another position: %+v, made %d times", same, s.made.Load())
	}
}

func TestKeeper_NoPlaceAmongTheReads_RefusedBeforeAnythingIsAsked(t *testing.T) {
	t.Parallel()
	share := turns.New(turns.Limits{Most: 1})
	var asked atomic.Int64
	keep := httpx.NewKeeper(1<<20, func(ctx context.Context) (string, error) {
		asked.Add(1)
		if turns.Of(ctx, nil) != nil {
			t.Error("the question needs a place of its own while its askers have them all")
		}
		return "here", nil
	})
	app := fiber.New(fiber.Config{ErrorHandler: func(c *fiber.Ctx, err error) error {
		if !errors.Is(err, turns.ErrBusy) {
			t.Error(err)
		}
		return c.SendStatus(http.StatusServiceUnavailable)
	}})
	app.Use(httpx.Reads(time.Minute, func(string) *turns.Share { return share }))
	app.Get("/", func(c *fiber.Ctx) error { return keep.Answer(c, "", func() error { return c.SendString("made") }) })
	ask := func() int {
		res, err := app.Test(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), -1)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close() //nolint:errcheck // in memory
		return res.StatusCode
	}
	leave, err := share.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if code := ask(); code != http.StatusServiceUnavailable || asked.Load() != 0 {
		t.Errorf("while all places are taken: %d, asked %d times where the data stand", code, asked.Load())
	}
	leave()
	if code := ask(); code != http.StatusOK || asked.Load() != 1 {
		t.Errorf("when one is free: %d, asked %d times", code, asked.Load())
	}
	if _, err := share.Enter(t.Context()); err != nil {
		t.Errorf("its place was not given back: %v", err)
	}
}

func TestKeeper_OtherReaderAddressOrKind_IsAnotherAnswer(t *testing.T) {
	t.Parallel()
	s := newShelf(1 << 20)
	s.body = func(c *fiber.Ctx) error {
		return c.SendString(c.Get("Reader") + c.OriginalURL() + c.Hostname() + c.Get("Accept"))
	}
	seen := map[string]bool{}
	for i, headers := range [][]string{
		{"Reader", "a"}, {"Reader", "b"}, {"Reader", "a", "Accept", "text/html"}, {"Reader", "a", "X-Forwarded-Prefix", "/p"}, {"Reader", "a", "X-Forwarded-Host", "h"},
	} {
		for _, path := range []string{"/x?a=1", "/x?a=2", "/y?a=1"} {
			got := s.ask(t, path, headers...)
			if seen[got.tag] || s.made.Load() != int64(len(seen)+1) {
				t.Errorf("case %d %s: an answer of others", i, path)
			}
			seen[got.tag] = true
			if stolen := s.ask(t, path+"&b", append(headers, "If-None-Match", got.tag)...); stolen.code != http.StatusOK {
				t.Errorf("case %d: the tag counts for another address", i)
			}
			seen[got.tag+"&b"] = true
		}
	}
}

func TestKeeper_WhatMustNotBeShared_IsMadeEachTime(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]func(c *fiber.Ctx) error{
		"an error":      func(c *fiber.Ctx) error { return fiber.ErrTeapot },
		"another code":  func(c *fiber.Ctx) error { return c.SendStatus(http.StatusServiceUnavailable) },
		"a cookie":      func(c *fiber.Ctx) error { c.Cookie(&fiber.Cookie{Name: "a", Value: "b"}); return c.SendString("x") },
		"not to store":  func(c *fiber.Ctx) error { c.Set("Cache-Control", "no-store"); return c.SendString("x") },
		"a stream":      func(c *fiber.Ctx) error { return c.SendStream(strings.NewReader("x")) },
		"a large thing": func(c *fiber.Ctx) error { return c.SendString(strings.Repeat("x", 4096)) },
	} {
		s := newShelf(8192)
		s.body = body
		s.ask(t, "/page")
		s.ask(t, "/page")
		if s.made.Load() != 2 {
			t.Errorf("%s was made %d times, want 2", name, s.made.Load())
		}
	}
	s := newShelf(8192)
	s.ask(t, "/page")
	if s.ask(t, "/page", "Cache-Control", "no-cache"); s.made.Load() != 2 {
		t.Error("a reader who wants to see for himself got what was kept")
	}
}

func TestKeeper_ManyAnswers_TheOldestGo(t *testing.T) {
	t.Parallel()
	s := newShelf(16 << 10)
	s.body = func(c *fiber.Ctx) error { return c.SendString(strings.Repeat("x", 3000)) }
	for i := range 20 {
		s.ask(t, "/"+strconv.Itoa(i))
		s.ask(t, "/0")
	}
	if s.made.Load() != 20 {
		t.Errorf("made %d times, want 20: what is asked for often stays", s.made.Load())
	}
	if s.ask(t, "/1"); s.made.Load() != 21 {
		t.Error("more is kept than fits")
	}
}

func TestKeeper_EqualRequestsAtOnce_OneWorksAndItsFailureIsItsOwn(t *testing.T) {
	t.Parallel()
	for _, fails := range []bool{false, true} {
		s := newShelf(1 << 20)
		let := make(chan struct{})
		var first atomic.Bool
		s.body = func(c *fiber.Ctx) error {
			if first.CompareAndSwap(false, true) {
				<-let
				if fails {
					return errors.New("mine alone")
				}
			}
			return c.SendString("x")
		}
		var readers sync.WaitGroup
		var right atomic.Int64
		for range 5 {
			readers.Go(func() {
				if a := s.ask(t, "/page"); a.code == http.StatusOK && a.body == "x" {
					right.Add(1)
				}
			})
		}
		await.True(t, "somebody at work", first.Load)
		close(let)
		readers.Wait()
		if want := map[bool]int64{false: 5, true: 4}[fails]; right.Load() != want {
			t.Errorf("%d of 5 were answered, want %d", right.Load(), want)
		}
		if n := s.made.Load(); !fails && n != 1 {
			t.Errorf("made %d times for five at once", n)
		}
	}
}
