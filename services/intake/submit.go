package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"tidemark/pkg/auth"
	"tidemark/pkg/event"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/httpx"
	"tidemark/pkg/report"
	"tidemark/pkg/suite"
)

// attempt is one request to submit a report. It begins with what the request says and gathers the rest on its way: receive,
// check, append, wait. The request's own memory is not used after begin, except for its body.
type attempt struct {
	s              *Service
	rest           bool // an address of LNT's REST side, not one of its pages
	change         bool // not a submission
	root           string
	database       string
	suite          string // empty until known
	secret         string // the token that was sent
	bearer         bool   // as Authorization: Bearer
	actor          string // the token's name, once it is known
	key            string // Idempotency-Key
	requestID      string
	media          string
	encoding       string
	async          bool
	query          func(string) string
	wire           *wire
	lease          *lease
	id             uuid.UUID
	started        time.Time
	receivedAt     time.Time
	reportBytes    int
	decode, append time.Duration
	waited         time.Duration
	compared       time.Duration
	schema         *suite.Schema   // of a change that defines one
	checked        func() *refusal // of a report; see check
}

// begin notes what the request says before its body.
func (s *Service) begin(c *fiber.Ctx, rest bool, database, suite string) *attempt {
	secret, bearer := auth.Secret(func(name string) string { return c.Get(name) })
	a := &attempt{
		s: s, rest: rest, root: httpx.RootURL(c), database: strings.Clone(database), suite: strings.Clone(suite),
		secret: strings.Clone(secret), bearer: bearer,
		key:       strings.Clone(c.Get("Idempotency-Key")),
		requestID: strings.Clone(httpx.RequestID(c)),
		media:     strings.Clone(c.Get(fiber.HeaderContentType)),
		encoding:  strings.ToLower(strings.TrimSpace(c.Get(fiber.HeaderContentEncoding))),
		async:     wantsAsync(c.Get("Prefer")),
		query:     func(name string) string { return strings.Clone(c.Query(name)) },
		started:   s.now(),
	}
	a.wire = &wire{
		now: s.now, idle: s.cfg.ReadIdleTimeout, until: a.started.Add(s.cfg.ReadTimeout), length: -1,
	}
	if a.wire.stream = c.Context().RequestBodyStream(); a.wire.stream != nil {
		a.wire.length = int64(c.Request().Header.ContentLength())
		if conn := c.Context().Conn(); conn != nil {
			a.wire.deadline = conn.SetReadDeadline
		}
	} else {
		a.wire.stream = bytes.NewReader(c.Request().Body())
	}
	return a
}

// run takes the submission as far as it goes and says what to answer.
func (a *attempt) run(ctx context.Context) answer {
	if !a.s.cfg.serves(a.database) {
		return a.unknownDatabase()
	}
	if why := a.enter(auth.Submit, a.rest || a.s.cfg.RequireToken); why != nil {
		return a.denied(why)
	}
	lease, err := a.s.budget.open(ctx)
	if err != nil {
		return a.busy()
	}
	a.lease = lease
	defer lease.close()
	got, err := a.receive(ctx)
	if err != nil {
		return a.unread(ctx, err)
	}
	env, refused := a.envelope(got)
	if refused != nil && (refused.code == http.StatusUnauthorized || refused.code == http.StatusForbidden) {
		return a.denied(refused)
	}
	if refused != nil {
		return a.refuse(ctx, refused, got.report, got.contentType)
	}
	if a.checked, err = a.check(ctx, got.report); err != nil {
		return a.busy()
	}
	got.report = nil
	if a.s.opens(a.database) && a.bad() == nil {
		a.s.open(ctx, a.database)
	}
	if a.async {
		return a.record(ctx, env)
	}
	return a.sync(ctx, env)
}

// receive reads the body whole.
func (a *attempt) receive(ctx context.Context) (received, error) {
	b := &bodyReader{lease: a.lease, limit: a.s.cfg.BodyLimit, encoding: a.encoding, media: a.media, rawOnly: a.rest}
	a.wire.limit = b.wireLimit()
	got, err := b.read(ctx, a.wire)
	a.receivedAt = a.s.now()
	a.s.metrics.wireBytes.Add(float64(a.wire.read))
	a.reportBytes = len(got.report)
	a.s.metrics.reportBytes.Add(float64(a.reportBytes))
	return got, err
}

// unread answers for a body that did not yield a report.
func (a *attempt) unread(ctx context.Context, err error) answer {
	switch refused := (*refusal)(nil); {
	case errors.As(err, &refused):
		return a.refuse(ctx, refused, a.wire.keep(), a.media)
	case errors.Is(err, errTooLarge):
		return a.refuse(ctx, a.tooLarge(), nil, "")
	case errors.Is(err, errSlow):
		return a.slow()
	case errors.Is(err, errAborted):
		return a.aborted()
	default:
		return a.busy()
	}
}

func tooLarge(limit int64) string {
	return fmt.Sprintf("the body exceeds the limit of %d bytes", limit)
}

func (a *attempt) tooLarge() *refusal {
	return &refusal{
		code: http.StatusRequestEntityTooLarge, short: tooLarge(a.s.cfg.BodyLimit),
		detail: "the limit holds for what is sent and for what it decompresses to",
	}
}

// envelope makes the event of a report, or says why there can be none.
func (a *attempt) envelope(got received) (event.Envelope, *refusal) {
	if a.suite == "" {
		if a.suite = report.Guess(got.report); a.suite == "" {
			a.suite = defaultSuite
		}
	}
	if !suite.ValidName(a.suite) {
		name := a.suite
		a.suite = refusedSuite
		return event.Envelope{}, refuse("suite", "Unknown test suite '%s'!", shown(name))
	}
	params, refused := choices(got.fields, a.query)
	if refused != nil {
		return event.Envelope{}, refused
	}
	if params[event.ParamKeepRunID] != "" || params[event.ParamKeepMachineID] != "" {
		if refused := a.enter(auth.Admin, true); refused != nil {
			return event.Envelope{}, refused
		}
	}
	if refused := a.identify(params); refused != nil {
		return event.Envelope{}, refused
	}
	return a.event(event.RunSubmitted, got.contentType, params, got.report), nil
}

// identify gives the event its id, from the client's key where there is one, and notes the key.
func (a *attempt) identify(params map[string]string) *refusal {
	if refused := checkKey(a.key); refused != nil {
		a.key = ""
		return refused
	}
	if a.key == "" {
		a.id = event.NewID(a.receivedAt, a.s.random)
		return nil
	}
	a.id = event.IDFromKey(a.database, a.suite, a.key)
	params[event.ParamIdempotencyKey] = a.key
	return nil
}

func (a *attempt) event(kind event.Type, media string, params map[string]string, body []byte) event.Envelope {
	return event.Envelope{
		ID: a.id, Type: kind, Version: 1, Database: a.database, Suite: a.suite,
		ContentType: mediaOf(media), ReceivedAt: a.receivedAt.UTC().Truncate(time.Millisecond),
		Actor: a.actor, RequestID: a.requestID, Params: params, Body: body,
	}
}

// check begins to look for what can be known without the suite's state, so that everybody hears of it at once, and gives what to
// call for what was found: meanwhile the event is on its way into the log, which takes the bad ones, too. The projector does it
// again, with the same code, and what it says goes into the ledger.
func (a *attempt) check(ctx context.Context, body []byte) (found func() *refusal, err error) {
	free, err := a.core(ctx)
	if err != nil {
		return nil, err
	}
	read := a.s.reports(body)
	type verdict struct {
		bad *refusal
		at  time.Time
	}
	reached := make(chan verdict, 1)
	go func() {
		defer free()
		bad := asRefusal(read())
		reached <- verdict{bad, a.s.now()}
	}()
	return sync.OnceValue(func() *refusal {
		v := <-reached
		a.decode = v.at.Sub(a.started)
		a.s.metrics.stage(stageDecode, a.decode)
		return v.bad
	}), nil
}

// bad is why the submission cannot become a run, as far as that is known without the suite; it waits for the check.
func (a *attempt) bad() *refusal {
	if a.checked == nil {
		return nil
	}
	return a.checked()
}

func asRefusal(err error) *refusal {
	if err == nil {
		return nil
	}
	if known := (*report.Error)(nil); errors.As(err, &known) {
		return &refusal{code: known.Status, short: known.Text, detail: known.Detail, field: known.Field}
	}
	return &refusal{code: http.StatusBadRequest, short: err.Error()}
}

// core waits for a core to work on; errBusy when there is none in time.
func (a *attempt) core(ctx context.Context) (free func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, a.s.cfg.WaitTimeout)
	defer cancel()
	select {
	case a.s.checks <- struct{}{}:
		return func() { <-a.s.checks }, nil
	case <-ctx.Done():
		return nil, errBusy
	}
}

// record appends the event and answers without waiting: the refusal, or a receipt.
func (a *attempt) record(ctx context.Context, env event.Envelope) answer {
	_, err := a.store(ctx, env)
	bad := a.bad()
	switch {
	case err != nil:
		return a.unstored(ctx, err)
	case bad != nil:
		return a.refused(bad)
	default:
		return a.receipt(resultAsync)
	}
}

// sync appends the event and waits for its outcome.
func (a *attempt) sync(ctx context.Context, env event.Envelope) answer {
	out, early := a.await(ctx, env)
	if early != nil {
		return *early
	}
	return a.decided(ctx, out)
}

// await appends the event and waits for its outcome; the answer is not nil when there is none to wait for, or none in time.
func (a *attempt) await(ctx context.Context, env event.Envelope) (event.Outcome, *answer) {
	said := func(early answer) (event.Outcome, *answer) { return event.Outcome{}, &early }
	var w *waiter
	if a.s.outcomes.waitReady(ctx, a.s.cfg.ReadyTimeout) {
		if own, err := a.s.outcomes.register(a.id); err == nil {
			w = own
			defer w.forget()
		}
	}
	at, err := a.store(ctx, env)
	bad := a.bad()
	if err != nil {
		return said(a.unstored(ctx, err))
	}
	if bad != nil {
		return said(a.refused(bad))
	}
	// The log has the bytes: nothing of them is needed while waiting.
	env.Body = nil
	a.lease.close()
	if w == nil {
		return said(a.receipt(resultPending))
	}
	from := a.s.now()
	out, err := w.wait(ctx, at, a.s.cfg.WaitTimeout)
	a.waited = a.s.now().Sub(from)
	a.s.metrics.stage(stageWait, a.waited)
	if err != nil {
		return said(a.receipt(resultPending))
	}
	return out, nil
}

// store appends the event to the log.
func (a *attempt) store(ctx context.Context, env event.Envelope) (eventlog.Position, error) {
	from := a.s.now()
	defer func() {
		a.append = a.s.now().Sub(from)
		a.s.metrics.stage(stageAppend, a.append)
	}()
	key, value, headers, err := event.Encode(env)
	if err != nil {
		return eventlog.Position{}, fmt.Errorf("encode event: %w", err)
	}
	rec := eventlog.Record{Key: key, Value: value, Time: env.ReceivedAt}
	for _, h := range headers {
		rec.Headers = append(rec.Headers, eventlog.Header(h))
	}
	ctx, cancel := context.WithTimeout(ctx, a.s.cfg.AppendTimeout)
	defer cancel()
	at, err := a.s.log.Append(ctx, event.TopicEvents, rec)
	if err != nil {
		return eventlog.Position{}, fmt.Errorf("append event: %w", err)
	}
	if len(at) != 1 {
		return eventlog.Position{}, fmt.Errorf("append event: %d positions for one record", len(at))
	}
	return at[0], nil
}

// unstored answers for an event that the log did not take.
func (a *attempt) unstored(ctx context.Context, err error) answer {
	if errors.Is(err, eventlog.ErrTooLarge) && a.change {
		return a.failed(http.StatusRequestEntityTooLarge, "msg", "the request is larger than the log accepts")
	}
	if errors.Is(err, eventlog.ErrTooLarge) {
		return a.refuse(ctx, &refusal{code: http.StatusRequestEntityTooLarge, short: "the report is larger than the log accepts"}, nil, "")
	}
	a.s.logger.WarnContext(ctx, "submission not stored", "request_id", a.requestID, "event_id", a.id, "err", err)
	return a.unavailable()
}

// refuse records a submission that cannot become a run, with the head of its bytes, and answers why. Its id is always new: a
// better attempt with the same Idempotency-Key must not be taken for a repeat of it.
func (a *attempt) refuse(ctx context.Context, why *refusal, body []byte, media string) answer {
	if !suite.ValidName(a.suite) {
		a.suite = refusedSuite
	}
	a.id = event.NewID(a.receivedAt, a.s.random)
	params := map[string]string{
		event.ParamRefusedCode: strconv.Itoa(why.code), event.ParamRefusedError: clip(why.short),
		"refused_bytes": strconv.FormatInt(a.wire.read, 10),
	}
	for name, value := range map[string]string{
		event.ParamRefusedDetail: clip(why.detail), event.ParamRefusedField: clip(why.field),
		event.ParamIdempotencyKey: a.usableKey(), "content_encoding": a.knownEncoding(),
	} {
		if value != "" {
			params[name] = value
		}
	}
	env := a.event(event.SubmissionRefused, media, params, body[:min(len(body), keptBytes)])
	if _, err := a.store(ctx, env); err != nil {
		a.s.logger.WarnContext(ctx, "refusal not stored", "request_id", a.requestID, "err", err)
		return a.unavailable()
	}
	return a.refused(why)
}

func (a *attempt) usableKey() string {
	if checkKey(a.key) != nil {
		return ""
	}
	return a.key
}

func (a *attempt) knownEncoding() string {
	if len(a.encoding) > 64 || !printable(a.encoding) {
		return ""
	}
	return a.encoding
}

// clip keeps a text within what a header of the log holds.
func clip(s string) string {
	const most = 4 << 10
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

// logAttrs are what the request's log line says about the submission.
func (a *attempt) logAttrs(result string) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("database", a.database), slog.String("suite", a.suite), slog.String("result", result),
		slog.Int64("body_bytes", a.wire.read), slog.Int("report_bytes", a.reportBytes),
		slog.Float64("decode_ms", millis(a.decode)), slog.Float64("append_ms", millis(a.append)), slog.Float64("wait_ms", millis(a.waited)),
		slog.Float64("results_ms", millis(a.compared)),
	}
	if a.id != uuid.Nil {
		attrs = append(attrs, slog.String("event_id", a.id.String()))
	}
	return attrs
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
