package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tidemark/pkg/readsql"
	"tidemark/pkg/turns"
)

// Limits bounds what people may ask through ServeReadOnly.
type Limits = readsql.Limits

// DefaultLimits are the defaults of all fields.
func DefaultLimits() Limits { return readsql.DefaultLimits() }

// Reader answers statements of people, each read-only and within limits, however many ways lead to it:
// those that run at once are counted together.
type Reader struct {
	engine *Engine
	limits Limits
	turns  *turns.Share

	opening sync.Mutex
	pipe    *pipeListener // of Dial, once somebody dialled
}

// Reader is a way in for people. The engine need not be open yet.
func (e *Engine) Reader(limits Limits) *Reader {
	limits = limits.WithDefaults()
	return &Reader{engine: e, limits: limits, turns: readsql.NewTurns(limits)}
}

// ServeReadOnly answers as [Reader.Serve] does, within limits of its own.
func (e *Engine) ServeReadOnly(ctx context.Context, ln net.Listener, limits Limits) error {
	return e.Reader(limits).Serve(ctx, ln)
}

// Serve answers ClickHouse's HTTP interface on ln until ctx ends, for Host names of this machine.
// It returns nil on a clean stop and closes ln.
func (p *Reader) Serve(ctx context.Context, ln net.Listener) error {
	if !p.engine.open.Load() {
		return ErrClosed
	}
	server := p.engine.newServer(p.engine.handler(p))
	server.ReadTimeout = 30 * time.Second
	return serveUntil(ctx, ln, server)
}

// Dial connects inside this process, for the Host name localhost; network and addr are ignored.
func (p *Reader) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	pipe, err := p.open()
	if err != nil {
		return nil, err
	}
	return pipe.dial(ctx)
}

// open begins to answer Dial, until the engine closes.
func (p *Reader) open() (*pipeListener, error) {
	p.opening.Lock()
	defer p.opening.Unlock()
	if !p.engine.open.Load() {
		return nil, ErrClosed
	}
	if p.pipe == nil {
		p.pipe = newPipeListener()
		server := p.engine.newServer(p.engine.handler(p))
		go func() { _ = server.Serve(p.pipe) }() // ends when the listener closes
		context.AfterFunc(p.engine.alive, func() {
			_ = p.pipe.Close()
			_ = server.Close()
		})
	}
	return p.pipe, nil
}

// serveUntil serves until ctx ends, then lets requests under way finish for two seconds.
func serveUntil(ctx context.Context, ln net.Listener, server *http.Server) error {
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(ln)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve sql: %w", err)
}

// admits refuses what a web page could make a browser on this machine send: a Host that
// is not this machine (DNS rebinding), an Origin that is not this port.
func (p *Reader) admits(r *http.Request) error {
	host := r.Host
	if name, _, err := net.SplitHostPort(r.Host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if !p.isLocal(host) {
		return fmt.Errorf("host %q is not answered: this port is for this machine (localhost, 127.0.0.1); other names have to be configured", host)
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if parsed, err := url.Parse(origin); err != nil || !strings.EqualFold(parsed.Host, r.Host) {
			return fmt.Errorf("origin %q is not answered: pages of other sites cannot ask this port", origin)
		}
	}
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return errors.New("requests from pages of other sites are not answered")
	}
	return nil
}

func (p *Reader) isLocal(host string) bool {
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return true
	}
	lower := strings.ToLower(strings.TrimSuffix(host, "."))
	return lower == "localhost" || strings.HasSuffix(lower, ".localhost") ||
		slices.ContainsFunc(p.limits.Hosts, func(name string) bool { return strings.EqualFold(name, host) })
}

// enter waits for a turn, within the queue's bounds.
func (p *Reader) enter(ctx context.Context, a *answer) (leave func(), err error) {
	leave, err = p.turns.Enter(ctx)
	if errors.Is(err, readsql.ErrBusy) {
		a.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(p.limits.QueueWait.Seconds()))))
		return nil, exceptionf(codeTooManyQueries, "Too many statements at once: %d run, %d wait. (TOO_MANY_SIMULTANEOUS_QUERIES)", p.limits.Concurrent, p.limits.Queue)
	}
	if err != nil {
		return nil, errAbandoned
	}
	return leave, nil
}

// answerReader runs a statement under a reader's rules. Four things have to agree: the parser's
// class of the statement, the guard on its parse tree, the role without rights to write or to
// reach out, and readonly=1.
func (e *Engine) answerReader(ctx context.Context, q *request, a *answer, port *Reader) error {
	settings, err := port.limits.Settings(q.settings)
	if err != nil {
		return settingException(err)
	}
	if strings.EqualFold(q.database, "system") {
		return refusal(fmt.Errorf("database %s is not one to be in", q.database))
	}
	if q.rows != nil {
		return exceptionf(codeReadonly, "Cannot execute query in readonly mode. (READONLY)")
	}
	leave, err := port.enter(ctx, a)
	if err != nil {
		return err
	}
	defer leave()
	// The engine enforces the time between blocks; this is for what happens within one, and
	// for a client that does not read.
	ctx, cancel := context.WithTimeout(ctx, port.limits.MaxExecutionTime+2*time.Second)
	defer cancel()
	_ = http.NewResponseController(a.w).SetWriteDeadline(time.Now().Add(2*port.limits.MaxExecutionTime + 10*time.Second))
	if q.text == hello && q.format == "Native" {
		return e.answerHello(q, a)
	}
	err = e.run(ctx, q, a, settings, func(c *conn) error { return e.restrict(c, q, port.limits.Secrets) })
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return exceptionf(codeTimeoutExceeded, "Timeout exceeded: the statement took longer than %s. (TIMEOUT_EXCEEDED)", port.limits.MaxExecutionTime)
	}
	return err
}

// restrict takes the session's rights away and checks the statement.
func (e *Engine) restrict(c *conn, q *request, secrets map[string]struct{}) error {
	if _, err := c.query("SET ROLE reader", "Null", nil); err != nil {
		return fmt.Errorf("take the reader's role: %w", err)
	}
	switch found := c.classify(q.text); {
	case found.statements > 1:
		return exceptionf(codeSyntaxError, "Multi-statements are not allowed. (SYNTAX_ERROR)")
	case found.class == classUnknown:
		// Most often a typing error: let the engine word it. EXPLAIN AST only parses.
	case found.class != classReadOnly:
		return exceptionf(codeReadonly, "Cannot execute query in readonly mode. (READONLY)")
	}
	tree, err := c.query("EXPLAIN AST "+q.text, "TabSeparated", q.params)
	if err != nil {
		return err
	}
	if c.classify(q.text).class != classReadOnly {
		return exceptionf(codeReadonly, "Cannot execute query in readonly mode. (READONLY)")
	}
	return refusal(e.guard.CheckBeside(string(tree), secrets))
}

// refusal words why a statement is not run as a ClickHouse server would.
func refusal(err error) error {
	var why *readsql.RefusedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &why) && why.Setting:
		return exceptionf(codeReadonly, "%s in readonly mode, put them into the URL. (READONLY)", why.Reason)
	}
	return exceptionf(codeAccessDenied, "%v: this port is read-only and keeps to the tables. (ACCESS_DENIED)", err)
}

func settingException(err error) error {
	var why *readsql.SettingError
	if errors.As(err, &why) && why.Malformed {
		return exceptionf(codeBadArguments, "%v (BAD_ARGUMENTS)", err)
	}
	return exceptionf(codeSettingConstraint, "%v (SETTING_CONSTRAINT_VIOLATION)", err)
}
