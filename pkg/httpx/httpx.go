package httpx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
)

// Config bounds connections and requests.
type Config struct {
	// ReadTimeout bounds reading one request, against clients that never finish.
	ReadTimeout time.Duration
	// WriteTimeout bounds writing one answer.
	WriteTimeout time.Duration
	// IdleTimeout bounds how long an unused connection is kept.
	IdleTimeout time.Duration
	// MaxConnections bounds the open connections.
	MaxConnections int
	// BufferedBodyBytes is how much of a body may be in memory before its
	// handler runs; the rest is streamed under the handler's own bound.
	BufferedBodyBytes int
}

// DefaultConfig suits bots on slow links and reports of tens of megabytes.
func DefaultConfig() Config {
	return Config{
		ReadTimeout:       2 * time.Minute,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxConnections:    4096,
		BufferedBodyBytes: 64 << 10,
	}
}

// Metrics count requests by route and status.
type Metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// NewMetrics registers the metrics of all HTTP services.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidemark_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tidemark_http_request_seconds", Help: "Time from the request's head to the end of its handler.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		}, []string{"method", "route"}),
	}
	reg.MustRegister(m.requests, m.seconds)
	return m
}

// New is an app with everything but routes.
func New(cfg Config, log *slog.Logger, metrics *Metrics, clock func() time.Time) *fiber.App {
	app := fiber.New(fiber.Config{
		// An address may hold a statement in SQL of 8 KiB, escaped.
		ReadBufferSize:        32 << 10,
		DisableStartupMessage: true,
		StreamRequestBody:     true,
		// With streaming this is how much is buffered, not how much is taken.
		BodyLimit:    cfg.BufferedBodyBytes,
		ReadTimeout:  cfg.ReadTimeout,
		WriteTimeout: cfg.WriteTimeout,
		IdleTimeout:  cfg.IdleTimeout,
		Concurrency:  cfg.MaxConnections,
		UnescapePath: true,
		Immutable:    true,
		// fasthttp would read forms by itself, outside every bound of ours.
		DisablePreParseMultipartForm: true,
		ErrorHandler:                 answerError(log),
	})
	app.Use(observe(log, metrics, clock), compressed)
	return app
}

// NoPage is what LNT tells programs of pages that are not there.
const NoPage = "The page you are looking for does not exist."

// NotFound is the last route of an app: the answer when nothing matched.
func NotFound(c *fiber.Ctx) error {
	c.Status(fiber.StatusNotFound)
	if AcceptsHTML(c) {
		c.Type("html", "utf-8")
		return c.SendString("<!doctype html><html lang=en><title>Not found</title><h1>Not found</h1><p>" + NoPage + `<p><a href="` + RootURL(c) + `">Home</a></html>`)
	}
	return c.JSON(fiber.Map{"error": NoPage})
}

// AcceptsHTML says whether the client would rather read a page than JSON.
func AcceptsHTML(c *fiber.Ctx) bool {
	return strings.Contains(c.Get(fiber.HeaderAccept), "text/html")
}

// Serve answers on ln until ctx ends, then lets requests under way finish,
// at most for grace.
func Serve(ctx context.Context, app *fiber.App, ln net.Listener, grace time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- app.Listener(ln) }()
	select {
	case err := <-ended:
		if err == nil {
			err = net.ErrClosed // by somebody else: the app takes that for its end
		}
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	err := app.ShutdownWithTimeout(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // what is left is slow clients; they are cut off
	}
	// A server that had not begun to accept when it was shut down knows of no listener to close, and would begin now.
	if closed := ln.Close(); closed != nil && !errors.Is(closed, net.ErrClosed) {
		err = errors.Join(err, closed)
	}
	if last := <-ended; !errors.Is(last, net.ErrClosed) {
		err = errors.Join(err, last)
	}
	return err
}

type requestKey int

const (
	keyID requestKey = iota
	keyAttrs
)

// RequestID is the request's id: the client's X-Request-Id when it is usable.
func RequestID(c *fiber.Ctx) string {
	id, _ := c.Locals(keyID).(string)
	return id
}

// AddLogAttrs puts attributes on the request's log line.
func AddLogAttrs(c *fiber.Ctx, attrs ...slog.Attr) {
	have, _ := c.Locals(keyAttrs).([]slog.Attr)
	c.Locals(keyAttrs, append(have, attrs...))
}

// observe gives the request its id and writes its line and metrics.
func observe(log *slog.Logger, metrics *Metrics, clock func() time.Time) fiber.Handler {
	return func(c *fiber.Ctx) error {
		started := clock()
		id := usableID(c.Get(fiber.HeaderXRequestID))
		c.Locals(keyID, id)
		c.Set(fiber.HeaderXRequestID, id)
		err := guarded(c, log)
		if err != nil {
			// Answered here, so that the line shows the status that was sent.
			err = c.App().ErrorHandler(c, err)
		}
		closeUnread(c)
		took := clock().Sub(started)
		route, status := routeOf(c), c.Response().StatusCode()
		metrics.requests.WithLabelValues(c.Method(), route, strconv.Itoa(status)).Inc()
		metrics.seconds.WithLabelValues(c.Method(), route).Observe(took.Seconds())
		attrs := []slog.Attr{
			slog.String("request_id", id),
			slog.String("method", c.Method()),
			slog.String("route", route),
			slog.String("path", c.Path()),
			slog.Int("status", status),
			slog.Int("bytes", answered(c)),
			slog.Float64("took_ms", float64(took.Microseconds())/1000),
		}
		added, _ := c.Locals(keyAttrs).([]slog.Attr)
		log.LogAttrs(c.UserContext(), slog.LevelInfo, "request answered", append(attrs, added...)...)
		return err
	}
}

// answered is the size of the answer; of a streamed one what is known before it
// is sent, -1 for nothing: asking for its bytes would gather them in memory.
func answered(c *fiber.Ctx) int {
	if c.Response().IsBodyStream() {
		return max(c.Response().Header.ContentLength(), -1)
	}
	return len(c.Response().Body())
}

// closeUnread ends the connection when a handler left part of the body unread:
// the rest would be taken for the next request, whoever wrote it. A handler that
// has read its body to the end says so with CloseBodyStream.
func closeUnread(c *fiber.Ctx) {
	if c.Request().IsBodyStream() && c.Request().Header.ContentLength() != 0 {
		c.Context().SetConnectionClose()
	}
}

// routeOf is the pattern that matched, never the path: paths would make one
// metric per machine.
func routeOf(c *fiber.Ctx) string {
	if r := c.Route(); r != nil && r.Path != "/" {
		return r.Path
	}
	if c.Path() == "/" {
		return "/"
	}
	return "unmatched"
}

func guarded(c *fiber.Ctx, log *slog.Logger) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.ErrorContext(c.UserContext(), "request panicked", "request_id", RequestID(c), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fiber.ErrInternalServerError
		}
	}()
	return c.Next()
}

// answerError speaks for handlers that returned an error instead of answering.
func answerError(log *slog.Logger) fiber.ErrorHandler {
	return func(c *fiber.Ctx, err error) error {
		var known *fiber.Error
		if errors.As(err, &known) && known.Code < fiber.StatusInternalServerError {
			return c.Status(known.Code).JSON(fiber.Map{"error": known.Message})
		}
		log.ErrorContext(c.UserContext(), "request failed", "request_id", RequestID(c), "err", err)
		return c.Status(fiber.StatusInternalServerError).JSON(fiber.Map{
			"error": "internal server error", "message": "request " + RequestID(c),
		})
	}
}

func usableID(given string) string {
	if given == "" || len(given) > 64 {
		return uuid.NewString()
	}
	for _, r := range given {
		if r <= ' ' || r > '~' {
			return uuid.NewString()
		}
	}
	return given
}

// RootURL is the address of "/" as the client sees it, ending in "/". A proxy
// tells it by X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-Prefix. Anybody
// can send these and Host: what could not be part of an address is not repeated.
func RootURL(c *fiber.Ctx) string {
	scheme := lastOf(c.Get(fiber.HeaderXForwardedProto))
	if scheme != "http" && scheme != "https" {
		scheme = "http"
		if c.Context().IsTLS() {
			scheme = "https"
		}
	}
	host := lastOf(c.Get(fiber.HeaderXForwardedHost))
	if !hosts.MatchString(host) {
		host = string(c.Request().Host())
	}
	if !hosts.MatchString(host) {
		host = "localhost"
	}
	prefix := strings.Trim(lastOf(c.Get("X-Forwarded-Prefix")), "/")
	if !prefixes.MatchString(prefix) || slices.ContainsFunc(strings.Split(prefix, "/"), isDots) {
		return scheme + "://" + host + "/"
	}
	return scheme + "://" + host + "/" + prefix + "/"
}

// A name or an address, in brackets with colons, and a port; and path segments
// that need no escape.
var (
	hosts    = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)
	prefixes = regexp.MustCompile(`^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*$`)
)

func isDots(segment string) bool { return segment == "." || segment == ".." }

// lastOf is the last element of a forwarded header: the one the nearest proxy wrote.
func lastOf(header string) string {
	parts := strings.Split(header, ",")
	return strings.TrimSpace(parts[len(parts)-1])
}
