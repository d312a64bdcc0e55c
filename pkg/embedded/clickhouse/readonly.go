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
	"sync/atomic"
	"time"
)

// Limits bounds what people may ask through ServeReadOnly. A zero field takes its default.
type Limits struct {
	MaxExecutionTime time.Duration // of one statement; default 30 s
	MaxMemory        int64         // bytes of one statement; default 1 GiB
	MaxRowsToRead    int64         // default 2e9
	MaxResultRows    int64         // default 1e6
	MaxResultBytes   int64         // default 256 MiB
	MaxThreads       int           // of one statement; default 2
	MaxStatement     int           // bytes of statement text; default 256 KiB
	Concurrent       int           // statements running at once; default 4
	Queue            int           // statements waiting; default 32, more get 503
	QueueWait        time.Duration // longest wait; default 5 s, then 503
	Hosts            []string      // Host names answered besides loopback ones
}

// DefaultLimits are the defaults of all fields.
func DefaultLimits() Limits {
	return Limits{
		MaxExecutionTime: 30 * time.Second, MaxMemory: 1 << 30, MaxRowsToRead: 2e9, MaxResultRows: 1e6,
		MaxResultBytes: 256 << 20, MaxThreads: 2, MaxStatement: 256 << 10,
		Concurrent: 4, Queue: 32, QueueWait: 5 * time.Second,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	orDefault(&l.MaxExecutionTime, d.MaxExecutionTime)
	orDefault(&l.MaxMemory, d.MaxMemory)
	orDefault(&l.MaxRowsToRead, d.MaxRowsToRead)
	orDefault(&l.MaxResultRows, d.MaxResultRows)
	orDefault(&l.MaxResultBytes, d.MaxResultBytes)
	orDefault(&l.MaxThreads, d.MaxThreads)
	orDefault(&l.MaxStatement, d.MaxStatement)
	orDefault(&l.Concurrent, d.Concurrent)
	orDefault(&l.Queue, d.Queue)
	orDefault(&l.QueueWait, d.QueueWait)
	return l
}

func orDefault[T int | int64 | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

// bounds are the settings a request may lower and not raise.
func (l Limits) bounds() map[string]float64 {
	return map[string]float64{
		"max_execution_time": l.MaxExecutionTime.Seconds(),
		"max_memory_usage":   float64(l.MaxMemory),
		"max_rows_to_read":   float64(l.MaxRowsToRead),
		"max_result_rows":    float64(l.MaxResultRows),
		"max_result_bytes":   float64(l.MaxResultBytes),
		"max_threads":        float64(l.MaxThreads),
	}
}

// fixed are settings no request can change; they hold whatever the statement is.
var fixed = map[string]string{
	"readonly":                      "1",
	"allow_ddl":                     "0",
	"allow_introspection_functions": "0",
	"function_sleep_max_microseconds_per_block": "1",
	"implicit_select": "0",
	"use_query_cache": "0",
	"max_temporary_data_on_disk_size_for_query": strconv.Itoa(2 << 30),
	"max_execution_speed":                       "0",
	"timeout_overflow_mode":                     "throw",
	"read_overflow_mode":                        "throw",
	"result_overflow_mode":                      "throw",
}

// Settings a request may bring: how answers look and how NULLs and time zones behave. Others
// are ignored, as most are tuning; those that would loosen a rule are refused.
var settingsTaken = []string{
	"output_format_", "format_csv_", "format_tsv_", "date_time_output_format", "session_timezone", "join_use_nulls",
	"group_by_use_nulls", "union_default_mode", "prefer_column_name_to_alias", "limit", "offset", "extremes",
	"aggregate_functions_null_for_empty", "enable_http_compression", "network_compression_method",
}

// settings merges a request's settings with the rules.
func (l Limits) settings(asked map[string]string) (map[string]string, error) {
	settings := map[string]string{}
	for name, value := range asked {
		if name == "readonly" && (value == "1" || value == "2") {
			continue
		}
		if rule, ok := fixed[name]; ok && value != rule {
			return nil, exceptionf(codeSettingConstraint, "Setting %s is %s on this port and cannot be changed. (SETTING_CONSTRAINT_VIOLATION)", name, rule)
		}
		if slices.ContainsFunc(settingsTaken, func(taken string) bool {
			return name == taken || strings.HasSuffix(taken, "_") && strings.HasPrefix(name, taken)
		}) {
			settings[name] = value
		}
	}
	for name, bound := range l.bounds() {
		settings[name] = strconv.FormatFloat(bound, 'f', -1, 64)
		value, ok := asked[name]
		if !ok {
			continue
		}
		number, err := settingNumber(value)
		if err != nil || !(number >= 0) {
			return nil, exceptionf(codeBadArguments, "Setting %s: %s is not a number. (BAD_ARGUMENTS)", name, value)
		}
		if loose := number == 0 || number > bound; loose && name == "max_execution_time" {
			continue // clients derive it from their own deadlines; ours holds
		} else if loose {
			return nil, exceptionf(codeSettingConstraint, "Setting %s can be at most %s on this port, not %s. (SETTING_CONSTRAINT_VIOLATION)", name, settings[name], value)
		}
		settings[name] = value
	}
	for name, value := range fixed {
		settings[name] = value
	}
	return settings, nil
}

// reader is one read-only port.
type reader struct {
	limits  Limits
	slots   chan struct{}
	waiting atomic.Int64
}

// ServeReadOnly answers ClickHouse's HTTP interface on ln until ctx ends: every statement
// read-only, within limits, for Host names of this machine. It returns nil on a clean stop
// and closes ln.
func (e *Engine) ServeReadOnly(ctx context.Context, ln net.Listener, limits Limits) error {
	if !e.open.Load() {
		return ErrClosed
	}
	limits = limits.withDefaults()
	port := &reader{limits: limits, slots: make(chan struct{}, limits.Concurrent)}
	server := e.newServer(e.handler(port))
	server.ReadTimeout = 30 * time.Second
	return serveUntil(ctx, ln, server)
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
func (p *reader) admits(r *http.Request) error {
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

func (p *reader) isLocal(host string) bool {
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return true
	}
	lower := strings.ToLower(strings.TrimSuffix(host, "."))
	return lower == "localhost" || strings.HasSuffix(lower, ".localhost") ||
		slices.ContainsFunc(p.limits.Hosts, func(name string) bool { return strings.EqualFold(name, host) })
}

// enter waits for a slot, within the queue's bounds.
func (p *reader) enter(ctx context.Context, a *answer) (leave func(), err error) {
	leave = func() { <-p.slots }
	select {
	case p.slots <- struct{}{}:
		return leave, nil
	default:
	}
	full := func() error {
		a.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(p.limits.QueueWait.Seconds()))))
		return exceptionf(codeTooManyQueries, "Too many statements at once: %d run, %d wait. (TOO_MANY_SIMULTANEOUS_QUERIES)", p.limits.Concurrent, p.limits.Queue)
	}
	if p.waiting.Add(1) > int64(p.limits.Queue) {
		p.waiting.Add(-1)
		return nil, full()
	}
	defer p.waiting.Add(-1)
	timer := time.NewTimer(p.limits.QueueWait)
	defer timer.Stop()
	select {
	case p.slots <- struct{}{}:
		return leave, nil
	case <-timer.C:
		return nil, full()
	case <-ctx.Done():
		return nil, errAbandoned
	}
}

// answerReader runs a statement under a reader's rules. Four things have to agree: the parser's
// class of the statement, the guard on its parse tree, the role without rights to write or to
// reach out, and readonly=1.
func (e *Engine) answerReader(ctx context.Context, q *request, a *answer, port *reader) error {
	settings, err := port.limits.settings(q.settings)
	if err != nil {
		return err
	}
	if strings.EqualFold(q.database, "system") {
		return refused("database %s is not one to be in", q.database)
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
	err = e.run(ctx, q, a, settings, func(c *conn) error { return e.restrict(c, q) })
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return exceptionf(codeTimeoutExceeded, "Timeout exceeded: the statement took longer than %s. (TIMEOUT_EXCEEDED)", port.limits.MaxExecutionTime)
	}
	return err
}

// restrict takes the session's rights away and checks the statement.
func (e *Engine) restrict(c *conn, q *request) error {
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
	return e.guard.check(string(tree))
}
