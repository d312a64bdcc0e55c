package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/httpx"
	"tidemark/pkg/suite"
)

// v5Request is what every v5 address says: a suite, which may not exist.
type v5Request struct {
	ctx context.Context //nolint:containedctx // lives as long as the request it describes
	key key
}

type v5Handler func(*fiber.Ctx, v5Request) error

// v5Error is an error as v5 shows it: {"error": {"code", "message"}}.
type v5Error struct {
	status     int
	code       string
	message    string
	retryAfter time.Duration
}

func (e *v5Error) Error() string { return e.message }

func invalid(format string, args ...any) error {
	return &v5Error{status: fiber.StatusBadRequest, code: "validation_error", message: fmt.Sprintf(format, args...)}
}

func missing(format string, args ...any) error {
	return &v5Error{status: fiber.StatusNotFound, code: "not_found", message: fmt.Sprintf(format, args...)}
}

const (
	defaultItems = 25
	maxItems     = 10_000
)

func (s *Service) answerV5(c *fiber.Ctx, handler v5Handler) error {
	shareV5(c)
	ctx, cancel := s.limited(c)
	defer cancel()
	q := v5Request{ctx: ctx, key: key{c.Params("db", s.cfg.DefaultDatabase), c.Params("suite")}}
	err := s.findDatabase(ctx, q.key.database)
	if err == nil {
		err = handler(c, q)
	}
	if err == nil {
		return nil
	}
	known := s.toV5Error(c, q.key, err)
	if known.retryAfter > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(max(1, int(known.retryAfter.Seconds()))))
	}
	return sendV5Error(c, known)
}

func (s *Service) toV5Error(c *fiber.Ctx, k key, err error) *v5Error {
	var known *v5Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, errUnknownDatabase):
		return &v5Error{status: fiber.StatusNotFound, code: "not_found", message: fmt.Sprintf("there is no database '%s'", k.database)}
	case errors.Is(err, errUnknownSuite):
		return &v5Error{status: fiber.StatusNotFound, code: "not_found", message: fmt.Sprintf("there is no test suite '%s'", k.suite)}
	case overloaded(err):
		return &v5Error{status: fiber.StatusServiceUnavailable, code: "unavailable", message: tooBusy, retryAfter: s.cfg.RetryAfter}
	}
	s.log.ErrorContext(c.UserContext(), "read failed", "request_id", httpx.RequestID(c), "err", err)
	return &v5Error{status: fiber.StatusInternalServerError, code: "internal_error", message: "the request failed; its id is " + httpx.RequestID(c)}
}

func sendV5Error(c *fiber.Ctx, e *v5Error) error {
	return c.Status(e.status).JSON(fiber.Map{"error": fiber.Map{"code": e.code, "message": e.message}})
}

func refuseMethodV5(c *fiber.Ctx) error {
	shareV5(c)
	if allowed(c, readMethods) {
		return nil
	}
	return sendV5Error(c, &v5Error{
		status: fiber.StatusMethodNotAllowed, code: "method_not_allowed", message: "the address does not know this method",
	})
}

func shareV5(c *fiber.Ctx) {
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	c.Set(fiber.HeaderAccessControlExposeHeaders, "ETag, Location, Retry-After")
}

// page is a v5 list. Previous is always null: pages go one way.
type page[T any] struct {
	Items  []T    `json:"items"`
	Cursor cursor `json:"cursor"`
}

type cursor struct {
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
}

// toPage cuts what was read, one item more than asked for, and points to what follows.
func toPage[T any](items []T, limit int, next func(last T) string) page[T] {
	p := page[T]{Items: items}
	if len(items) > limit {
		p.Items = items[:limit]
		token := base64.RawURLEncoding.EncodeToString([]byte(next(p.Items[limit-1])))
		p.Cursor.Next = &token
	}
	if p.Items == nil {
		p.Items = []T{}
	}
	return p
}

// query are the parameters of a v5 request, each named once at most and known.
type query map[string]string

// readQuery refuses parameters that the address does not know: a mistyped filter must not let
// everything pass.
func readQuery(c *fiber.Ctx, known ...string) (query, error) {
	q := query{}
	var problems []string
	c.Context().QueryArgs().VisitAll(func(k, v []byte) {
		name := string(k)
		switch _, twice := q[name]; {
		case !slices.Contains(known, name):
			problems = append(problems, fmt.Sprintf("unknown query parameter '%s'", name))
		case twice:
			problems = append(problems, fmt.Sprintf("query parameter '%s' is given twice", name))
		default:
			q[name] = string(v)
		}
	})
	if len(problems) > 0 {
		return nil, invalid("%s", strings.Join(problems, "; "))
	}
	return q, nil
}

// limit is the number of items asked for.
func (q query) limit() (int, error) {
	text, given := q["limit"]
	if !given {
		return defaultItems, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxItems {
		return 0, invalid("limit: '%s' is not a whole number from 1 to %d", text, maxItems)
	}
	return n, nil
}

// cursor is what toPage's next gave, "" on the first page.
func (q query) cursor() (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(q["cursor"])
	if err != nil {
		return "", errBadCursor
	}
	return string(text), nil
}

var errBadCursor = invalid("cursor: this is not a cursor that this list gave")

// oneOf checks a parameter that takes a few words, or nothing.
func (q query) oneOf(name string, words ...string) (string, error) {
	value, given := q[name]
	if given && !slices.Contains(words, value) {
		return "", invalid("%s: '%s' is none of %s", name, value, strings.Join(words, ", "))
	}
	return value, nil
}

// machines are the machines that a parameter names: by id when all digits, else by name, which
// several may share. At least one.
func (s *Service) machines(q v5Request, spec string) ([]machineRow, error) {
	var found []machineRow
	var err error
	if number := id(spec); !allDigits(spec) {
		found, err = s.read.Machine(q.ctx, q.key, 0, spec)
	} else if number > 0 {
		found, err = s.read.Machine(q.ctx, q.key, number, "")
	}
	if err == nil && len(found) == 0 {
		err = missing("there is no machine '%s'", spec)
	}
	return found, err
}

// test is the test that a parameter names: by name, else by id when all digits.
func (s *Service) test(q v5Request, spec string) (testRow, error) {
	found, err := s.read.Test(q.ctx, q.key, 0, spec)
	if number := id(spec); err == nil && len(found) == 0 && allDigits(spec) && number > 0 {
		found, err = s.read.Test(q.ctx, q.key, number, "")
	}
	if err != nil {
		return testRow{}, err
	}
	if len(found) == 0 {
		return testRow{}, missing("there is no test '%s'", spec)
	}
	return found[0], nil
}

// metric is the metric that a parameter names.
func metric(schema suite.Schema, name string) (suite.Metric, error) {
	_, m, ok := schema.Metric(name)
	if !ok {
		return m, invalid("metric: suite '%s' has no metric '%s'", schema.Name, name)
	}
	return m, nil
}

// suiteURL is the address of a suite's pages below prefix, as the client sees it.
func suiteURL(c *fiber.Ctx, k key, prefix string) string {
	return httpx.RootURL(c) + prefix + "db_" + url.PathEscape(k.database) + "/v4/" + url.PathEscape(k.suite) + "/"
}
