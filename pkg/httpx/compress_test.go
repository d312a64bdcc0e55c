package httpx_test

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/httpx"
)

var long = strings.Repeat(`{"name":"alpha","value":1.25}`, 200)

func compressingApp() *fiber.App {
	app := httpx.New(httpx.DefaultConfig(), slog.New(slog.DiscardHandler), httpx.NewMetrics(prometheus.NewRegistry()), time.Now)
	app.Get("/data", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderETag, `"7"`)
		c.Set(fiber.HeaderContentType, "application/json")
		return c.SendString(long)
	})
	app.Get("/page", func(c *fiber.Ctx) error { return c.Type("html", "utf-8").SendString(long) })
	app.Get("/short", func(c *fiber.Ctx) error { return c.JSON("short") })
	app.Get("/picture", func(c *fiber.Ctx) error { return c.Type("png").SendString(long) })
	app.Get("/packed", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentEncoding, "br")
		return c.Type("html").SendString(long)
	})
	app.Get("/stream", func(c *fiber.Ctx) error {
		c.Type("txt")
		c.Context().SetBodyStreamWriter(func(w *bufio.Writer) { _, _ = w.WriteString(long) })
		return nil
	})
	return app
}

func TestAnswers_AcceptEncoding_DecidesTheEncoding(t *testing.T) {
	t.Parallel()
	app := compressingApp()
	for _, tc := range []struct{ path, accept, want string }{
		{"/data", "gzip, deflate, br, zstd", "zstd"},
		{"/data", "gzip", "gzip"},
		{"/page", "gzip;q=1.0, zstd;q=0.5", "gzip"},
		{"/data", "GZIP", "gzip"},
		{"/data", "*", "zstd"},
		{"/data", "*;q=0.5, zstd;q=0", "gzip"},
		{"/data", "gzip;q=0", ""},
		{"/data", "gzip;q=x", ""},
		{"/data", "br, deflate", ""},
		{"/data", "", ""},
		{"/short", "gzip", ""},
		{"/picture", "gzip", ""},
		{"/packed", "gzip", "br"},
		{"/stream", "gzip", ""},
	} {
		req := httptest.NewRequest(http.MethodGet, tc.path, http.NoBody)
		req.Header.Set("Accept-Encoding", tc.accept)
		res, err := app.Test(req, -1)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got := res.Header.Get("Content-Encoding"); got != tc.want {
			t.Errorf("%s, %q: encoding %q, want %q", tc.path, tc.accept, got, tc.want)
			continue
		}
		if tc.path == "/short" || tc.path == "/packed" {
			continue
		}
		if got := decoded(t, tc.want, body); got != long {
			t.Errorf("%s, %q: %d bytes came back as %d", tc.path, tc.accept, len(long), len(got))
		}
		if tc.want != "" && (len(body) > len(long)/4 || res.Header.Get("Vary") != "Accept-Encoding") {
			t.Errorf("%s: %d bytes, Vary %q", tc.path, len(body), res.Header.Get("Vary"))
		}
		if tag := res.Header.Get("ETag"); tc.path == "/data" && tag != map[bool]string{true: `"7"`, false: `W/"7"`}[tc.want == ""] {
			t.Errorf("%s, %q: tag %s", tc.path, tc.accept, tag)
		}
	}
}

func decoded(t *testing.T, coding string, body []byte) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(body)
	switch coding {
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	case "zstd":
		z, err := zstd.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestAnswers_Head_NoBodyIsCompressed(t *testing.T) {
	t.Parallel()
	req := httptest.NewRequest(http.MethodHead, "/data", http.NoBody)
	req.Header.Set("Accept-Encoding", "gzip")
	res, err := compressingApp().Test(req, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Encoding") != "" {
		t.Errorf("%d, %q", res.StatusCode, res.Header.Get("Content-Encoding"))
	}
}
