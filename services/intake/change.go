package intake

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/auth"
	"tidemark/pkg/event"
	"tidemark/pkg/httpx"
	"tidemark/pkg/suite"
)

// change is something that LNT's REST side does besides taking runs. It becomes one event, is answered after its outcome, and is
// seen by every reader from then on. Nothing is looked up here: whether a machine exists is decided in the log's order.
type change struct {
	scope auth.Scope
	// limit bounds the body in bytes; of bodies that mean nothing, none is read.
	limit func(Config) int64
	// media refuses a content type before the body is read; nil takes every one.
	media func(string) *apiError
	// make gives the type and the body of the event.
	make func(ch change, a *attempt, body []byte) (event.Type, []byte, *apiError)
	// answer says what to tell of an event that was accepted.
	answer func(a *attempt, out event.Outcome) answer
	// target is what the address names: the last segment of its path.
	target string
	// query gives the query's values, in LNT's order of preference before those of a form.
	query url.Values
}

// apiError is an answer in LNT's words: {"msg": …} from its own code, {"message": …} from its framework.
type apiError struct {
	code int
	key  string
	text string
}

func said(code int, text string) *apiError { return &apiError{code, "msg", text} }

const (
	noSuchURL = "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again."
	noMethod  = "The method is not allowed for the requested URL."
)

// Bounds of bodies, in bytes.
const (
	maxMachineBody = 1 << 20
	maxFormBody    = 64 << 10
)

func (s *Service) changeRoutes(r fiber.Router) {
	const v4 = "/api/db_:db/v4/:suite/"
	r.Put(v4+"machines/:spec", s.item(putMachine))
	r.Post(v4+"machines/:spec", s.item(postMachine))
	r.Delete(v4+"machines/:spec", s.item(deleteMachine))
	r.All(v4+"machines/:spec", s.others("DELETE, GET, HEAD, OPTIONS, POST, PUT", true))
	r.Delete(v4+"runs/:run", s.item(deleteRun))
	r.All(v4+"runs/:run", s.others("DELETE, GET, HEAD, OPTIONS", true))
	r.All(v4+"runs", s.others("OPTIONS, POST", false))
	r.Post(v4+"schema", s.change(postSchema))
	r.All(v4+"schema", s.others("GET, HEAD, OPTIONS, POST", false))
	r.Post(v4+"seed", s.change(postSeed))
	r.All(v4+"seed", s.others("OPTIONS, POST", false))
}

// item is a change of what exists without a trailing slash only; runs have numbers.
func (s *Service) item(ch change) fiber.Handler {
	handler := s.change(ch)
	return func(c *fiber.Ctx) error {
		if !isItem(c) {
			return httpx.NotFound(c)
		}
		return handler(c)
	}
}

func isItem(c *fiber.Ctx) bool {
	return !strings.HasSuffix(c.Path(), "/") && strings.Trim(c.Params("run"), "0123456789") == ""
}

// others answers the methods that an address does not have. Reading is left to whoever comes after, if the address can be read.
func (s *Service) others(methods string, item bool) fiber.Handler {
	readable := strings.Contains(methods, "GET")
	return func(c *fiber.Ctx) error {
		reading := c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead
		if reading && readable {
			return c.Next()
		}
		if item && !isItem(c) {
			return httpx.NotFound(c)
		}
		c.Set(fiber.HeaderAllow, methods)
		if c.Method() == fiber.MethodOptions {
			c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
			return nil
		}
		return s.send(c, answer{status: http.StatusMethodNotAllowed, body: map[string]any{"message": noMethod}}, true)
	}
}

// change answers requests for one kind of change.
func (s *Service) change(ch change) fiber.Handler {
	return func(c *fiber.Ctx) error {
		mine := ch
		mine.target = httpx.LastSegment(c)
		mine.query = queryOf(c)
		return s.handle(true, mine.run)(c)
	}
}

func queryOf(c *fiber.Ctx) url.Values {
	values := url.Values{}
	c.Context().QueryArgs().VisitAll(func(name, value []byte) { values.Add(string(name), string(value)) })
	return values
}

func (ch change) run(a *attempt, ctx context.Context) answer {
	a.change = true
	if !a.s.cfg.serves(a.database) {
		return a.unknownDatabase()
	}
	if why := a.enter(ch.scope, true); why != nil {
		return a.denied(why)
	}
	if ch.media != nil {
		if why := ch.media(a.media); why != nil {
			return a.said(why)
		}
	}
	lease, err := a.s.budget.open(ctx)
	if err != nil {
		return a.busy()
	}
	a.lease = lease
	defer lease.close()
	body, early := ch.receive(ctx, a)
	if early != nil {
		return *early
	}
	env, why, err := ch.envelope(ctx, a, body)
	switch {
	case err != nil:
		return a.busy()
	case why != nil:
		return a.said(why)
	case a.async:
		if _, err := a.store(ctx, env); err != nil {
			return a.unstored(ctx, err)
		}
		return a.receipt(resultAsync)
	}
	out, early := a.await(ctx, env)
	if early != nil {
		return *early
	}
	if out.Status == event.Rejected || out.Code >= http.StatusBadRequest {
		return a.overruled(out)
	}
	return ch.answer(a, out)
}

// receive reads the body, if one means anything.
func (ch change) receive(ctx context.Context, a *attempt) ([]byte, *answer) {
	a.receivedAt = a.s.now()
	if ch.limit == nil {
		return nil, nil
	}
	limit := min(ch.limit(a.s.cfg), a.s.cfg.BodyLimit)
	b := &bodyReader{lease: a.lease, limit: limit, encoding: a.encoding, media: a.media, rawOnly: true}
	a.wire.limit = b.wireLimit()
	got, err := b.read(ctx, a.wire)
	a.receivedAt = a.s.now()
	a.s.metrics.wireBytes.Add(float64(a.wire.read))
	if err == nil {
		return got.report, nil
	}
	var early answer
	switch refused := (*refusal)(nil); {
	case errors.As(err, &refused):
		early = a.failed(refused.code, "msg", refused.short)
	case errors.Is(err, errTooLarge):
		early = a.failed(http.StatusRequestEntityTooLarge, "msg", tooLarge(limit))
	case errors.Is(err, errSlow):
		early = a.slow()
	case errors.Is(err, errAborted):
		early = a.aborted()
	default:
		early = a.busy()
	}
	return nil, &early
}

// envelope makes the event. Reading a body is work for a core, as checking a report is; an error means that there was none free.
func (ch change) envelope(ctx context.Context, a *attempt, body []byte) (event.Envelope, *apiError, error) {
	free, err := a.core(ctx)
	if err != nil {
		return event.Envelope{}, nil, err
	}
	defer free()
	kind, content, why := ch.make(ch, a, body)
	if why == nil && !suite.ValidName(a.suite) {
		why = unknownSuite()
	}
	if why != nil {
		return event.Envelope{}, why, nil
	}
	params := map[string]string{}
	if refused := a.identify(params); refused != nil {
		return event.Envelope{}, said(refused.code, refused.short), nil
	}
	a.decode = a.s.now().Sub(a.started)
	return a.event(kind, fiber.MIMEApplicationJSON, params, content), nil, nil
}

func unknownSuite() *apiError { return &apiError{http.StatusNotFound, "message", noSuchURL} }

// overruled answers for an event that was refused when its turn came.
func (a *attempt) overruled(out event.Outcome) answer {
	why := said(out.Code, out.Error)
	switch {
	case out.Field == "suite" && out.Code == http.StatusBadRequest:
		why = unknownSuite()
	case out.Code < 400 || out.Code > 499:
		why.code = http.StatusBadRequest
	}
	failed := a.said(why)
	failed.result = resultRejected
	return failed
}

func (a *attempt) said(why *apiError) answer { return a.failed(why.code, why.key, why.text) }

func (a *attempt) failed(code int, key, text string) answer {
	result := resultRefused
	if code == http.StatusRequestEntityTooLarge {
		result = resultTooLarge
	}
	return answer{result: result, status: code, body: map[string]any{key: text}}
}

// done is LNT's answer to most changes: null.
func done(*attempt, event.Outcome) answer {
	return answer{result: resultAccepted, status: http.StatusOK}
}
