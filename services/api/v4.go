package api

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/auth"
	"tidemark/pkg/bounds"
	"tidemark/pkg/httpx"
	"tidemark/pkg/suite"
)

// v4Request is what every v4 address says: a suite that exists.
type v4Request struct {
	ctx    context.Context //nolint:containedctx // lives as long as the request it describes
	key    key
	schema suite.Schema
}

type v4Handler func(*fiber.Ctx, v4Request) error

// v4Error is an error that LNT has a body for: {"msg": …} or {"message": …}.
type v4Error struct {
	status int
	key    string
	text   string
}

func (e *v4Error) Error() string { return e.text }

// refusal is the body of what LNT's own code refuses.
func refusal(status int, text string) error { return &v4Error{status, "msg", text} }

// notThere is the body of what its framework does not find.
func notThere(text string) error { return &v4Error{fiber.StatusNotFound, "message", text} }

const noSuchURL = "The requested URL was not found on the server. " +
	"If you entered the URL manually please check your spelling and try again."

var errNoSuchPage = errors.New("no such page")

// answerV4 finds the suite, runs the handler and puts errors into LNT's shapes.
func (s *Service) answerV4(c *fiber.Ctx, handler v4Handler) error {
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	ctx, cancel := s.limited(c)
	defer cancel()
	err := s.keep.Answer(c, auth.VisitorOf(c).Key(), func() error { return s.makeV4(ctx, c, handler) })
	if err == nil {
		return nil
	}
	return s.answerV4Error(c, err)
}

func (s *Service) makeV4(ctx context.Context, c *fiber.Ctx, handler v4Handler) error {
	q := v4Request{ctx: ctx, key: key{c.Params("db"), c.Params("suite")}}
	var err error
	if q.schema, err = s.schema(ctx, q.key); err == nil {
		err = handler(c, q)
	}
	return err
}

func (s *Service) answerV4Error(c *fiber.Ctx, err error) error {
	var (
		known   *v4Error
		reached *bounds.Error
	)
	switch {
	case errors.As(err, &known):
	case errors.As(err, &reached):
		s.askForPatience(c)
		known = &v4Error{fiber.StatusServiceUnavailable, "message", reached.Narrow()}
	case errors.Is(err, errNoSuchPage):
		c.Response().Header.Del(fiber.HeaderAccessControlAllowOrigin)
		return httpx.NotFound(c)
	case errors.Is(err, errUnknownDatabase):
		known = &v4Error{fiber.StatusNotFound, "message", "Unknown database."}
	case errors.Is(err, errUnknownSuite):
		known = &v4Error{fiber.StatusNotFound, "message", noSuchURL}
	case overloaded(err):
		s.askForPatience(c)
		known = &v4Error{fiber.StatusServiceUnavailable, "message", tooBusy}
	default:
		s.log.ErrorContext(c.UserContext(), "read failed", "request_id", httpx.RequestID(c), "err", err)
		known = &v4Error{fiber.StatusInternalServerError, "message", "Internal Server Error"}
	}
	c.Status(known.status)
	body := appendString([]byte{'{'}, known.key)
	body = appendString(append(body, ':'), known.text)
	return sendJSON(c, append(body, "}\n"...))
}

const tooBusy = "The server is busy; try again shortly."

func (s *Service) askForPatience(c *fiber.Ctx) {
	c.Set(fiber.HeaderRetryAfter, strconv.Itoa(max(1, int(s.cfg.RetryAfter.Seconds()))))
}

func refuseMethodV4(c *fiber.Ctx, methods string) error {
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	if allowed(c, methods) {
		return nil
	}
	c.Status(fiber.StatusMethodNotAllowed)
	return sendJSON(c, []byte(`{"message":"The method is not allowed for the requested URL."}`+"\n"))
}

// sendJSON sends body, which is not used by anyone else afterwards, without copying it.
func sendJSON(c *fiber.Ctx, body []byte) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	c.Response().SetBodyRaw(body)
	return nil
}

// open begins an answer that is an object: generated_by sorts before what most of them hold.
func (s *Service) open(size int) []byte {
	return s.generatedBy(append(make([]byte, 0, size), '{'))
}

func (s *Service) generatedBy(b []byte) []byte {
	return appendString(append(b, `"generated_by":`...), "LNT Server v"+s.cfg.LNTVersion)
}

// send ends an answer that is an object.
func send(c *fiber.Ctx, b []byte) error { return sendJSON(c, append(b, "}\n"...)) }

// list appends elements with commas between.
type list struct{ begun bool }

func (l *list) next(b []byte) []byte {
	if cap(b)-len(b) < 4096 {
		b = slices.Grow(b, len(b)+4096) // twice as large: append alone grows large slices by a quarter
	}
	if l.begun {
		return append(b, ',')
	}
	l.begun = true
	return b
}

// id reads digits as an id; no row has id 0, so what no id can be is 0.
func id(digits string) uint32 {
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
