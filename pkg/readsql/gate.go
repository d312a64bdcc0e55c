package readsql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tidemark/pkg/bounds"
	"tidemark/pkg/turns"
)

// Config says where ClickHouse is and what people may ask of it.
type Config struct {
	// URL is ClickHouse's HTTP interface with a read-only user: http://reader:password@host:8123. Not used when Dial is set.
	URL string
	// Dial reaches the embedded engine's read-only side.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Database holds the views.
	Database string
	// Limits bound each statement, and how many run and wait.
	Limits Limits
	// StatementsPerMinute and BusyPerMinute bound what one token asks in a minute: how many statements, and how long they run.
	StatementsPerMinute int
	BusyPerMinute       time.Duration
}

// DefaultConfig suits two cores.
func DefaultConfig() Config {
	limits := DefaultLimits()
	limits.MaxResultBytes = 64 << 20
	return Config{Database: "tidemark", Limits: limits, StatementsPerMinute: 120, BusyPerMinute: time.Minute}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var problems []error
	if c.Database == "" {
		problems = append(problems, errors.New("readsql.database: a name is needed"))
	}
	if c.StatementsPerMinute <= 0 {
		problems = append(problems, errors.New("readsql.statements_per_minute: must be above zero"))
	}
	if c.BusyPerMinute <= 0 {
		problems = append(problems, errors.New("readsql.busy_per_minute: must be above zero"))
	}
	if c.Dial == nil && c.URL == "" {
		problems = append(problems, errors.New("readsql.url: an address is needed"))
	}
	return errors.Join(problems...)
}

// Gate is the one way for people's SQL.
type Gate struct {
	cfg    Config
	now    func() time.Time
	target *target
	turns  *turns.Share
	quota  *quota

	mu     sync.Mutex
	known  *catalogue
	asking map[string]context.CancelFunc
}

// New checks the configuration and opens nothing.
func New(cfg Config, now func() time.Time) (*Gate, error) {
	cfg.Limits = cfg.Limits.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	t, err := newTarget(cfg)
	if err != nil {
		return nil, err
	}
	return &Gate{
		cfg: cfg, now: now, target: t, turns: NewTurns(cfg.Limits), asking: map[string]context.CancelFunc{},
		quota: newQuota(cfg.StatementsPerMinute, cfg.BusyPerMinute, now),
	}, nil
}

// Question is a statement of somebody.
type Question struct {
	Text   string
	Params map[string]string // of {name:Type}; texts as [TextParam] has them
	Format Format
	// Limit is the most rows of the answer; 0 leaves it to the statement and the gate's bounds.
	Limit int
	// Databases are those whose rows may be seen; none are all.
	Databases []string
	// Who is whose quota it counts for.
	Who string
	// ID lets the question be cancelled; empty when it is not to be.
	ID string
	// Known says whether the asker has an answer with this tag; nil has none.
	Known func(tag string) bool
}

// Answer is what a question gave. Body has to be closed; that also ends the statement.
type Answer struct {
	Tag   string // of this answer, as in ETag but without quotes; empty when it could differ next time
	Known bool   // the asker has it: there is no body
	Body  io.ReadCloser
}

// LimitError says that a statement went beyond a bound.
type LimitError struct{ Reason string }

func (e *LimitError) Error() string { return e.Reason }

// ErrCancelled is returned for a question that was cancelled by its id.
var ErrCancelled = errors.New("the statement was cancelled")

// Ask checks a question and begins to answer it. Errors are [*RefusedError], [*QuotaError], [*LimitError], [*EngineError] for what the
// engine does not understand, [ErrBusy], [ErrCancelled], ctx's, or the engine's absence.
func (g *Gate) Ask(ctx context.Context, q Question) (*Answer, error) {
	if len(q.Text) > g.cfg.Limits.MaxStatement {
		return nil, refuse("a statement has at most %d bytes", g.cfg.Limits.MaxStatement)
	}
	s, err := readText(q.Text)
	if err != nil {
		return nil, err
	}
	done, err := g.quota.take(q.Who)
	if err != nil {
		return nil, err
	}
	leave, err := g.turns.Enter(ctx)
	if err != nil {
		return nil, err
	}
	began := g.now()
	ctx, cancel, err := g.follow(ctx, q.ID)
	if err != nil {
		leave()
		return nil, err
	}
	end := sync.OnceFunc(func() {
		cancel()
		leave()
		done(g.now().Sub(began))
	})
	answer, err := g.answer(ctx, q, s)
	if err != nil {
		err = g.explain(ctx, err)
		end()
		return nil, err
	}
	if answer.Body == nil {
		end()
		return answer, nil
	}
	answer.Body = &body{ReadCloser: answer.Body, end: end, explain: func(err error) error { return g.explain(ctx, err) }}
	return answer, nil
}

// body ends its statement when it is closed.
type body struct {
	io.ReadCloser
	end     func()
	explain func(error) error
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.explain(err)
	}
	return n, err
}

func (b *body) Close() error {
	b.end()
	return b.ReadCloser.Close()
}

var errOverdue = errors.New("overdue")

// follow bounds a question's time and lets it be cancelled.
func (g *Gate) follow(ctx context.Context, id string) (context.Context, func(), error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(g.cfg.Limits.MaxExecutionTime+5*time.Second, func() { cancel(errOverdue) })
	stop := func() { timer.Stop(); cancel(nil) }
	if id == "" {
		return ctx, stop, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, taken := g.asking[id]; taken {
		stop()
		return nil, nil, refuse("id: a statement with this id is running")
	}
	g.asking[id] = func() { cancel(ErrCancelled) }
	return ctx, func() {
		g.mu.Lock()
		delete(g.asking, id)
		g.mu.Unlock()
		stop()
	}, nil
}

// Cancel ends the question with the id; false when there is none.
func (g *Gate) Cancel(id string) bool {
	g.mu.Lock()
	cancel, found := g.asking[id]
	g.mu.Unlock()
	if found {
		cancel()
	}
	return found
}

// Load says how many statements run and how many wait.
func (g *Gate) Load() (running, waiting int) {
	now := g.turns.Load()
	return now.Running, now.Waiting
}

// Views are those that may be read.
func (g *Gate) Views(ctx context.Context) ([]View, error) {
	c, err := g.catalogue(ctx)
	if err != nil {
		return nil, g.explain(ctx, err)
	}
	return c.list(), nil
}

func (g *Gate) catalogue(ctx context.Context) (*catalogue, error) {
	g.mu.Lock()
	known := g.known
	g.mu.Unlock()
	now := g.now()
	if known != nil && now.Sub(known.readAt) < catalogueAge {
		return known, nil
	}
	read, err := load(ctx, g.target, now)
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known = read
	return read, nil
}

func (g *Gate) answer(ctx context.Context, q Question, s statement) (*Answer, error) {
	c, err := g.catalogue(ctx)
	if err != nil {
		return nil, err
	}
	settings, err := g.settings(c, q)
	if err != nil {
		return nil, err
	}
	tree, err := g.target.text(ctx, explainAST+s.text, settings, q.Params)
	if err != nil {
		return nil, inPlace(err)
	}
	found, err := c.checkViews(parseTree(tree))
	if err != nil {
		return nil, err
	}
	if err := g.checkColumnsTarget(c, s.text, tree, &found); err != nil {
		return nil, err
	}
	tag, err := g.tag(ctx, c, q, s, found)
	if err != nil {
		return nil, err
	}
	if tag != "" && q.Known != nil && q.Known(tag) {
		return &Answer{Tag: tag, Known: true}, nil
	}
	w := writer{target: g.target, question: q, statement: s, settings: settings}
	stream, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	return &Answer{Tag: tag, Body: stream}, nil
}

const explainAST = "EXPLAIN AST "

var positionPattern = regexp.MustCompile(`failed at position (\d+)`)

// inPlace counts the position of a syntax error in what the person wrote.
func inPlace(err error) error {
	var engine *EngineError
	if !errors.As(err, &engine) {
		return err
	}
	moved := *engine
	moved.Message = positionPattern.ReplaceAllStringFunc(engine.Message, func(at string) string {
		number, _ := strconv.Atoi(positionPattern.FindStringSubmatch(at)[1])
		return "failed at position " + strconv.Itoa(max(1, number-len(explainAST)))
	})
	return &moved
}

// checkColumnsTarget reads what the parse tree of SHOW COLUMNS does not tell.
func (g *Gate) checkColumnsTarget(c *catalogue, text, tree string, found *finding) error {
	if !strings.HasPrefix(tree, "ShowColumns") {
		return nil
	}
	name := columnsTarget(text)
	if name == "" {
		return refuse("SHOW COLUMNS takes FROM and a view's name")
	}
	found.steady = false
	return c.readTable(name, found)
}

// settings are the bounds, and what the question asks for.
func (g *Gate) settings(c *catalogue, q Question) (map[string]string, error) {
	asked := map[string]string{"output_format_json_quote_64bit_integers": "0"}
	if q.Limit > 0 {
		asked["limit"] = strconv.Itoa(q.Format.rows(q.Limit))
	}
	if len(q.Databases) > 0 {
		asked["additional_table_filters"] = c.filters(q.Databases)
	}
	settings, err := g.cfg.Limits.Settings(asked)
	if err != nil {
		return nil, err
	}
	// A server's user may change settings within the bounds of its profile; readonly itself cannot be set there.
	if g.cfg.Dial == nil {
		for name := range fixed {
			delete(settings, name)
		}
	}
	return settings, nil
}

// tag is a digest of the question and of where the data stand.
func (g *Gate) tag(ctx context.Context, c *catalogue, q Question, s statement, found finding) (string, error) {
	if !found.steady || c.unsteady == nil || !s.query {
		return "", nil
	}
	at, err := c.position(ctx, g.target, found.views)
	if err != nil || at == "" {
		return "", err
	}
	h := sha256.New()
	part := func(text string) { fmt.Fprintf(h, "%d:%s", len(text), text) } //nolint:errcheck // a hash takes everything
	part(at)
	part(s.text)
	part(string(q.Format))
	part(strconv.Itoa(q.Limit))
	for _, name := range sorted(q.Params) {
		part(name)
		part(q.Params[name])
	}
	part("")
	databases := slices.Clone(q.Databases)
	slices.Sort(databases)
	part(strings.Join(databases, "\x00"))
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// explain turns the engine's refusals into the gate's, and ends of contexts into their reasons.
func (g *Gate) explain(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	var engine *EngineError
	switch {
	case errors.Is(cause, ErrCancelled):
		return ErrCancelled
	case errors.Is(cause, errOverdue):
		return &LimitError{fmt.Sprintf("the statement ran longer than %s", g.cfg.Limits.MaxExecutionTime)}
	case !errors.As(err, &engine):
		return err
	case engine.Code == 202:
		return ErrBusy
	case engine.Code == 164 || engine.Code == 497 || engine.Code == 452 || engine.Code == 392:
		reason, _, _ := strings.Cut(engine.Message, ": this port ")
		return &RefusedError{Reason: reason}
	case bounds.Of(engine.Code) != "":
		return &LimitError{bounds.Of(engine.Code) + ": " + engine.Message}
	}
	return err
}
