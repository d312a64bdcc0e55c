package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/auth"
	"tidemark/pkg/bounds"
	"tidemark/pkg/httpx"
	"tidemark/pkg/openapi"
	"tidemark/pkg/suite"
)

// v5Request is what every v5 address says: a suite, which may not exist, and the parameters that its operation has.
type v5Request struct {
	ctx    context.Context //nolint:containedctx // lives as long as the request it describes
	key    key
	params query
	op     openapi.Operation
}

type v5Handler func(*fiber.Ctx, v5Request) error

// operation is what the API says of an address, and who answers there.
type operation struct {
	openapi.Operation
	answer v5Handler
}

func invalid(format string, args ...any) error { return openapi.Invalid("", format, args...) }

// wrong is invalid with the parameter or member that it is about.
func wrong(field, format string, args ...any) error {
	return openapi.Invalid(field, field+": "+format, args...)
}

func missing(format string, args ...any) error { return openapi.Missing(format, args...) }

const (
	defaultItems = 25
	maxItems     = 10_000
)

// Parameters that several operations have.
var (
	limitParam   = openapi.Param{Name: "limit", Type: openapi.Integer, Min: 1, Max: maxItems, Default: strconv.Itoa(defaultItems), Help: "The number of items on a page."}
	cursorParam  = openapi.Param{Name: "cursor", Help: "What cursor.next of the page before says."}
	machineParam = openapi.Param{Name: "machine", Help: "A machine by name, or by number."}
	testParam    = openapi.Param{Name: "test", Help: "A test by name, or by number."}
	metricParam  = openapi.Param{Name: "metric", Help: "A metric of the suite, by name."}
)

// required is a parameter without which there is no answer.
func required(p openapi.Param) openapi.Param {
	p.Required = true
	return p
}

func (s *Service) answerV5(c *fiber.Ctx, op operation) error {
	httpx.Share(c)
	ctx, cancel := s.limited(c)
	defer cancel()
	q := v5Request{ctx: ctx, op: op.Operation, key: key{c.Params("db", s.cfg.DefaultDatabase), c.Params("suite")}}
	answer := func() error { return s.makeV5(c, op, q) }
	var err error
	if slices.Contains(unsteady, op.Tag) {
		err = answer()
	} else {
		err = s.keep.Answer(c, auth.VisitorOf(c).Key(), answer)
	}
	if err == nil {
		// A stream's bytes are on their way; it brings a tag of its own where it can.
		if op.Tagged && !c.Response().IsBodyStream() && c.Response().StatusCode() == fiber.StatusOK && len(c.Response().Header.Peek(fiber.HeaderETag)) == 0 {
			return tagged(c)
		}
		return nil
	}
	return sendV5Error(c, s.toV5Error(c, q.key, err))
}

// unsteady are the groups of operations whose answers depend on more than the data: on what runs, on the time, and on quotas.
var unsteady = []string{"sql", "detectors", "backtests"}

func (s *Service) makeV5(c *fiber.Ctx, op operation, q v5Request) error {
	err := s.findDatabase(q.ctx, q.key.database)
	if err == nil {
		q.params, err = readQuery(c, op.Operation)
	}
	if err != nil {
		return err
	}
	return op.answer(c, q)
}

// tagged marks an answer with its own hash, and leaves it out for a client that has it.
func tagged(c *fiber.Ctx) error {
	body := c.Response().Body()
	tag := fmt.Sprintf(`W/"%016x"`, xxhash.Sum64(body))
	if knows(c, tag) {
		c.Response().ResetBody()
		return c.SendStatus(fiber.StatusNotModified)
	}
	mark(c, tag)
	return nil
}

func (s *Service) toV5Error(c *fiber.Ctx, k key, err error) *openapi.Error {
	if known, ok := s.known5(k, err); ok {
		return known
	}
	s.log.ErrorContext(c.UserContext(), "read failed", "request_id", httpx.RequestID(c), "err", err)
	return &openapi.Error{Status: fiber.StatusInternalServerError, Message: "the request failed; its id is " + httpx.RequestID(c)}
}

// known5 is an error in v5's words; false for one that is a fault of ours.
func (s *Service) known5(k key, err error) (*openapi.Error, bool) {
	var (
		known   *openapi.Error
		reached *bounds.Error
	)
	switch {
	case errors.As(err, &known):
		return known, true
	case errors.As(err, &reached):
		return &openapi.Error{Status: fiber.StatusServiceUnavailable, Message: reached.Narrow(), RetryAfter: s.cfg.RetryAfter}, true
	case errors.Is(err, errUnknownDatabase):
		return openapi.Missing("there is no database '%s'", k.database), true
	case errors.Is(err, errUnknownSuite):
		return openapi.Missing("there is no test suite '%s'", k.suite), true
	case overloaded(err):
		return &openapi.Error{Status: fiber.StatusServiceUnavailable, Message: tooBusy, RetryAfter: s.cfg.RetryAfter}, true
	}
	return nil, false
}

func sendV5Error(c *fiber.Ctx, e *openapi.Error) error {
	if e.RetryAfter > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(max(1, int(e.RetryAfter.Seconds()))))
	}
	return c.Status(e.Status).JSON(e.Body())
}

// refuseMethodV5 answers the methods that an address does not have.
func refuseMethodV5(methods string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		httpx.Share(c)
		if allowed(c, methods) {
			return nil
		}
		return sendV5Error(c, &openapi.Error{Status: fiber.StatusMethodNotAllowed, Message: "the address does not know this method"})
	}
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

// query are the parameters of a v5 request: the ones that its operation has, each once, each with a value that it may have.
type query openapi.Values

func readQuery(c *fiber.Ctx, op openapi.Operation) (query, error) {
	values, err := op.ReadQuery(func(each func(name, value string)) {
		c.Context().QueryArgs().VisitAll(func(k, v []byte) { each(string(k), string(v)) })
	})
	return query(values), err
}

// limit is the number of items asked for.
func (q query) limit() int {
	n, err := strconv.Atoi(q["limit"])
	if err != nil { // not given: what is given was checked
		return defaultItems
	}
	return n
}

// cursor is what toPage's next gave, "" on the first page.
func (q query) cursor() (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(q["cursor"])
	if err != nil {
		return "", errBadCursor
	}
	return string(text), nil
}

var errBadCursor = wrong("cursor", "this is not a cursor that this list gave")

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
		return m, wrong("metric", "suite '%s' has no metric '%s'", schema.Name, name)
	}
	return m, nil
}

// suiteURL is the address of a suite's pages below prefix, as the client sees it.
func suiteURL(c *fiber.Ctx, k key, prefix string) string {
	return httpx.RootURL(c) + prefix + "db_" + url.PathEscape(k.database) + "/v4/" + url.PathEscape(k.suite) + "/"
}
