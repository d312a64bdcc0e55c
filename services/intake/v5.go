package intake

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/auth"
	"tidemark/pkg/event"
	"tidemark/pkg/httpx"
	"tidemark/pkg/openapi"
	"tidemark/pkg/suite"
)

// maxV5Body bounds the bodies of v5's writes, in bytes.
const maxV5Body = 1 << 20

// v5Write is an operation of v5 that changes something: one event, answered after its outcome, when every reader sees it. What can
// be known without the suite's state is checked before; the rest is decided in the log's order.
type v5Write struct {
	openapi.Operation
	// readable says that the address can be read, too: GET is left to whoever comes after.
	readable bool
	// make gives what is to happen; its error is an [openapi.Error], or that of reading what it had to know.
	make func(w *v5Request) (v5Event, error)
}

// v5Event is what a request comes to.
type v5Event struct {
	kind event.Type
	body interface{ Encode() ([]byte, error) }
	// instead is answered when there is nothing to put into the log, such as for a dry run.
	instead any
	// answer tells of the outcome; nil tells what every write is told.
	answer func(out event.Outcome, told Written) any
	// location is the address of what was made, below the suite's.
	location func(out event.Outcome) string
}

// Written is what every write is told: the event, and its position among those of the suite, by which it can be undone.
type Written struct {
	EventID    uuid.UUID `json:"event_id"`
	Seq        uint64    `json:"seq" doc:"the position of the event in the suite"`
	ReceiptURL string    `json:"receipt_url"`
}

// v5Request is a request to change something.
type v5Request struct {
	ctx    context.Context //nolint:containedctx // lives as long as the request it describes
	a      *attempt
	path   func(name string) string
	params openapi.Values
	body   []byte
}

// read reads the body into v, strictly.
func (w *v5Request) read(v any) error { return openapi.Decode(w.body, v) }

// v5Writes are all of them, addresses with fixed words before those that take any.
func (s *Service) v5Writes() []v5Write {
	return slices.Concat(s.importWrites(), s.regressionWrites(), s.findingWrites(), s.ruleWrites(), s.subscriptionWrites(), s.baselineWrites(), s.backtestWrites())
}

// Operations are those that this service answers, for whoever describes the API.
func Operations() []openapi.Operation {
	return lo.Map((&Service{}).v5Writes(), func(w v5Write, _ int) openapi.Operation { return w.Operation })
}

func (s *Service) v5Routes(r fiber.Router) {
	writes := s.v5Writes()
	for _, base := range []string{"/api/v5/:suite/", "/api/db_:db/v5/:suite/"} {
		for _, w := range writes {
			r.Add(w.Method, base+w.Path, s.v5Handler(w))
			r.All(base+w.Path, s.v5Others(w, lo.ContainsBy(writes, func(o v5Write) bool { return o.Path == w.Path && o.readable })))
		}
	}
}

// v5Others answers the methods that an address does not have; those that another operation here has are passed on, and reading is.
func (s *Service) v5Others(w v5Write, readable bool) fiber.Handler {
	operations := Operations()
	if readable {
		operations = append(operations, openapi.Operation{Method: http.MethodGet, Path: w.Path})
	}
	methods := openapi.Methods(operations, w.Path, false)
	return func(c *fiber.Ctx) error {
		if c.Method() != http.MethodOptions && lo.Contains(strings.Split(methods, ", "), c.Method()) {
			return c.Next()
		}
		httpx.Share(c)
		c.Set(fiber.HeaderAllow, methods)
		if c.Method() == http.MethodOptions {
			return nil
		}
		refused := openapi.Error{Status: http.StatusMethodNotAllowed, Message: "the address does not know this method"}
		return c.Status(refused.Status).JSON(refused.Body())
	}
}

func (s *Service) v5Handler(write v5Write) fiber.Handler {
	return func(c *fiber.Ctx) error {
		httpx.Share(c)
		path := map[string]string{}
		for _, name := range write.Names() {
			path[name] = strings.Clone(c.Params(name))
		}
		query, badQuery := write.ReadQuery(func(each func(name, value string)) {
			c.Context().QueryArgs().VisitAll(func(name, value []byte) { each(string(name), string(value)) })
		})
		return s.v5Do(write, func(name string) string { return path[name] }, query, badQuery)(c)
	}
}

// v5Do does what an address asks for, whatever the address looked like.
func (s *Service) v5Do(write v5Write, path func(name string) string, query openapi.Values, badQuery error) fiber.Handler {
	return s.handle(true, func(a *attempt, ctx context.Context) answer {
		a.change = true
		said, err := write.run(&v5Request{ctx: ctx, a: a, params: query, path: path}, badQuery)
		if err != nil {
			said = a.v5Refusal(err)
		}
		return v5Shape(said)
	})
}

// run takes the request as far as it goes. An error is one that the client is told; answers of the machinery are answers.
func (write v5Write) run(w *v5Request, badQuery error) (answer, error) {
	a := w.a
	if !a.s.cfg.serves(a.database) {
		return answer{}, openapi.Missing("there is no database '%s'", a.database)
	}
	scope, err := auth.ParseScope(write.Scope)
	if err != nil {
		return answer{}, fmt.Errorf("operation %s: %w", write.ID, err)
	}
	if why := a.enter(scope, true); why != nil {
		return a.denied(why), nil
	}
	if badQuery != nil {
		return answer{}, badQuery
	}
	if media, _, err := mime.ParseMediaType(a.media); write.Body != nil && (err != nil || media != fiber.MIMEApplicationJSON) {
		return answer{}, &openapi.Error{Status: http.StatusUnsupportedMediaType, Message: "the body has to be JSON: Content-Type: application/json"}
	}
	if !suite.ValidName(a.suite) {
		return answer{}, openapi.Missing("there is no test suite '%s'", a.suite)
	}
	lease, err := a.s.budget.open(w.ctx)
	if err != nil {
		return a.busy(), nil
	}
	a.lease = lease
	defer lease.close()
	if write.Body != nil {
		body, early := change{limit: fixed(maxV5Body)}.receive(w.ctx, a)
		if early != nil {
			return *early, nil
		}
		w.body = body
	} else {
		a.receivedAt = a.s.now()
	}
	made, err := write.make(w)
	switch {
	case err != nil:
		return answer{}, err
	case made.instead != nil:
		return answer{result: resultAccepted, status: write.OK(), body: made.instead}, nil
	}
	return write.put(w, made)
}

// put puts the event into the log and answers with its outcome.
func (write v5Write) put(w *v5Request, made v5Event) (answer, error) {
	a := w.a
	body, err := made.body.Encode()
	if err != nil {
		return answer{}, unencodable(err)
	}
	params := map[string]string{}
	if refused := a.identify(params); refused != nil {
		return answer{}, openapi.Invalid("Idempotency-Key", "%s", refused.short)
	}
	a.decode = a.s.now().Sub(a.started)
	env := a.event(made.kind, fiber.MIMEApplicationJSON, params, body)
	if a.async {
		if _, err := a.store(w.ctx, env); err != nil {
			return a.unstored(w.ctx, err), nil
		}
		return a.receipt(resultAsync), nil
	}
	out, early := a.await(w.ctx, env)
	if early != nil {
		return *early, nil
	}
	if out.Status == event.Rejected || out.Code >= http.StatusBadRequest {
		return answer{}, v5Overruled(a, out)
	}
	return write.done(a, made, out), nil
}

func (write v5Write) done(a *attempt, made v5Event, out event.Outcome) answer {
	told := Written{EventID: out.EventID, Seq: out.Seq, ReceiptURL: a.receiptURL()}
	said := answer{result: resultAccepted, status: write.OK(), body: told}
	if made.answer != nil {
		said.body = made.answer(out, told)
	}
	if made.location != nil {
		base := openapi.About{Root: a.root}
		if a.database != defaultDatabase {
			base.Database = a.database
		}
		said.location = base.Base() + "/" + a.suite + "/" + made.location(out)
	}
	return said
}

// unencodable is what the event's own check says, without the words that are for us.
func unencodable(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		err = cause
	}
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	field, _, found := strings.Cut(text, ": ")
	if !found || strings.ContainsAny(field, " ;") || strings.Contains(text, "; ") {
		field = ""
	}
	return openapi.Invalid(field, "%s", text)
}

// v5Overruled answers for an event that was refused when its turn came.
func v5Overruled(a *attempt, out event.Outcome) error {
	why := &openapi.Error{Status: out.Code, Message: out.Error, Field: out.Field}
	switch {
	case out.Field == "suite" && out.Code == http.StatusBadRequest:
		return openapi.Missing("there is no test suite '%s'", a.suite)
	case why.Status < 400 || why.Status > 499:
		why.Status = http.StatusBadRequest
	}
	return why
}

// v5Refusal is the answer to an error.
func (a *attempt) v5Refusal(err error) answer {
	var known *openapi.Error
	if !errors.As(err, &known) {
		a.s.logger.Warn("write not prepared", "request_id", a.requestID, "err", err)
		known = &openapi.Error{Status: http.StatusServiceUnavailable, Message: textBusy, RetryAfter: time.Second}
	}
	return answer{result: resultRefused, status: known.Status, body: known.Body(), retry: known.RetryAfter > 0}
}

// v5Shape turns what the machinery says in LNT's words into v5's.
func v5Shape(said answer) answer {
	words, isMap := said.body.(map[string]any)
	if said.status < http.StatusBadRequest || !isMap {
		return said
	}
	why := openapi.Error{Status: said.status}
	for _, name := range []string{"error", "msg", "message"} {
		if text, ok := words[name].(string); ok {
			why.Message = text
		}
	}
	if said.status == http.StatusUnauthorized {
		why.Message = "this needs a token that is known: Authorization: Bearer TOKEN"
	}
	said.body = why.Body()
	return said
}
