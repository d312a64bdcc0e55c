package store

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"net"
	"reflect"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/samber/lo"

	"tidemark/pkg/bounds"
	"tidemark/pkg/turns"
	"tidemark/sql"
)

// ErrBusy is returned for a read that found no place among the running and
// waiting ones. Callers answer 503 with Retry-After.
var ErrBusy = turns.ErrBusy

// Store is a ClickHouse database with a bounded pool of readers.
type Store struct {
	cfg    Config
	reads  driver.Conn
	writes driver.Conn
	pool   *turns.Pool
	// share is that of reads whose context names none.
	share *turns.Share
	// opened counts the connections of each pool, once it is there.
	opened struct {
		sync.Mutex
		count []func() int
	}
	// scratch has the writers for tables of a moment, where there are none here.
	scratch *Store
}

// UseScratch lets a store without writers use another's, in Exec and InsertColumns alone: who judges stored series puts what he
// judges into a table of a moment. It is called before Open, and the other store is opened and closed by its owner.
func (s *Store) UseScratch(of *Store) { s.scratch = of }

// New checks the configuration and opens nothing.
func New(cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, pool: turns.NewPool(cfg.MaxReads)}
	s.share = s.Share("other", cfg.MaxReads)
	return s, nil
}

// Pool are the places for reads, as many as there are connections.
func (s *Store) Pool() *turns.Pool { return s.pool }

// Share is a part of the pool, of at least one place and at most all; of a third of these beside what comes first, see
// [turns.Pool.First]. A read takes its place there when its context says so, see [turns.With].
func (s *Store) Share(name string, most int) *turns.Share {
	most = min(max(most, 1), s.cfg.MaxReads)
	return s.pool.Share(name, turns.Limits{Most: most, Beside: max(most/3, 1), Queue: s.cfg.MaxQueuedReads, Wait: s.cfg.MaxReadWait})
}

// Open connects and asks the server for an answer.
func (s *Store) Open(ctx context.Context) error {
	var err error
	if s.reads, err = s.connect(s.cfg.MaxReads, s.cfg.ReadTimeout, s.cfg.readSettings()); err != nil {
		return fmt.Errorf("connect readers: %w", err)
	}
	first := s.reads
	if s.cfg.MaxWrites > 0 {
		if s.writes, err = s.connect(s.cfg.MaxWrites, s.cfg.WriteTimeout, fixedSettings); err != nil {
			return fmt.Errorf("connect writers: %w", err)
		}
		first = s.writes
	}
	if err := first.Ping(ctx); err != nil {
		return fmt.Errorf("reach clickhouse: %w", err)
	}
	return nil
}

// Close ends all connections.
func (s *Store) Close() error {
	var problems []error
	for _, conn := range []driver.Conn{s.reads, s.writes} {
		if conn != nil {
			problems = append(problems, conn.Close())
		}
	}
	return errors.Join(problems...)
}

// Database is the name of the database that holds the tables.
func (s *Store) Database() string { return s.cfg.Database }

func (s *Store) connect(conns int, timeout time.Duration, settings clickhouse.Settings) (driver.Conn, error) {
	opts, err := Options(s.cfg)
	if err != nil {
		return nil, err
	}
	opts.MaxOpenConns = conns
	opts.MaxIdleConns = conns
	opts.HttpMaxConnsPerHost = conns
	opts.ReadTimeout = timeout
	opts.Settings = settings
	places := make(chan struct{}, conns)
	if opts.Protocol == clickhouse.HTTP {
		opts.DialContext = atMost(places, opts.DialContext)
	}
	conn, err := clickhouse.Open(opts)
	if err != nil {
		return nil, err
	}
	s.opened.Lock()
	defer s.opened.Unlock()
	s.opened.count = append(s.opened.count, func() int {
		if opts.Protocol == clickhouse.HTTP {
			return len(places)
		}
		now := conn.Stats()
		return now.Open + now.Idle
	})
	return conn, nil
}

// Connections are how many to ClickHouse are open, those of readers and of writers.
func (s *Store) Connections() int {
	s.opened.Lock()
	defer s.opened.Unlock()
	return lo.SumBy(s.opened.count, func(count func() int) int { return count() })
}

// atMost holds a new connection back until there is a place for it: a transport counts a connection as closed when it has
// decided so, and dials the next.
func atMost(places chan struct{}, dial func(ctx context.Context, addr string) (net.Conn, error)) func(context.Context, string) (net.Conn, error) {
	if dial == nil {
		dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}
	}
	return func(ctx context.Context, addr string) (net.Conn, error) {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		conn, err := dial(ctx, addr)
		if err != nil {
			<-places
			return nil, err
		}
		return &placed{Conn: conn, leave: sync.OnceFunc(func() { <-places })}, nil
	}
}

// placed is a connection that gives its place back when it is closed.
type placed struct {
	net.Conn
	leave func()
}

func (p *placed) Close() error {
	defer p.leave()
	return p.Conn.Close()
}

// Options are the driver's options for cfg.
func Options(cfg Config) (*clickhouse.Options, error) {
	if cfg.Dial == nil {
		opts, err := clickhouse.ParseDSN(cfg.DSN)
		if err != nil {
			return nil, fmt.Errorf("clickhouse address: %w", err)
		}
		opts.Auth.Database = cfg.Database
		return opts, nil
	}
	return &clickhouse.Options{
		Protocol: clickhouse.HTTP,
		Addr:     []string{"embedded"},
		Auth:     clickhouse.Auth{Database: cfg.Database},
		DialContext: func(ctx context.Context, addr string) (net.Conn, error) {
			return cfg.Dial(ctx, "tcp", addr)
		},
	}, nil
}

// OpenDB is a database/sql handle on one database, for migrations.
func OpenDB(cfg Config, database string) (*stdsql.DB, error) {
	opts, err := Options(cfg)
	if err != nil {
		return nil, err
	}
	opts.Auth.Database = database
	// On by default in some builds; a version must be in the table when the insert returns.
	opts.Settings = clickhouse.Settings{"async_insert": 0}
	return clickhouse.OpenDB(opts), nil
}

// Params are the values of a statement's {name:Type} parameters. Text is a string;
// a []uint8 is a list of numbers, Array(UInt8), as every other slice is a list. A
// nil slice is an empty list.
type Params map[string]any

func (p Params) args() []any {
	args := make([]any, 0, len(p))
	for name, value := range p {
		args = append(args, clickhouse.Named(name, parameter(value)))
	}
	return args
}

// parameter is value in a shape that the driver does not mistake: it sends bytes as
// text, nil slices as NULL and texts of a named type in quotes.
func parameter(value any) any {
	if numbers, ok := value.([]uint8); ok {
		return lo.Map(numbers, func(n uint8, _ int) uint16 { return uint16(n) })
	}
	switch v := reflect.ValueOf(value); {
	case v.Kind() == reflect.Slice && v.IsNil():
		return []string{}
	case v.Kind() == reflect.String:
		return v.String()
	}
	return value
}

// Select runs a query and returns its rows as T, a struct whose fields carry
// `ch:"column"` tags.
func Select[T any](ctx context.Context, s *Store, q sql.File, p Params) ([]T, error) {
	ctx, release, err := s.turn(ctx)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", q.Name, err)
	}
	defer release()
	var out []T
	if err := s.reads.Select(ctx, &out, q.Text, p.args()...); err != nil {
		return nil, fmt.Errorf("query %s: %w", q.Name, reasonOf(ctx, err))
	}
	return out, nil
}

// Each runs a query and hands each row's scanner to row, in order. The pointers
// given to scan match the columns of the query.
func (s *Store) Each(ctx context.Context, q sql.File, p Params, row func(scan func(dest ...any) error) error) error {
	ctx, release, err := s.turn(ctx)
	if err != nil {
		return fmt.Errorf("query %s: %w", q.Name, err)
	}
	defer release()
	rows, err := s.reads.Query(ctx, q.Text, p.args()...)
	if err != nil {
		return fmt.Errorf("query %s: %w", q.Name, reasonOf(ctx, err))
	}
	defer rows.Close() //nolint:errcheck // the rows' own error is read below
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return fmt.Errorf("query %s: %w", q.Name, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("query %s: %w", q.Name, reasonOf(ctx, err))
	}
	return nil
}

// WithQuickPlan marks the reads of a context as over few rows: such a statement costs more to plan than to run, so the planner leaves its
// expressions as they are written. Over many rows it would take longer.
func WithQuickPlan(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"query_plan_merge_expressions": 0}))
}

// reasonOf is err with why a read was cut off: the driver tells of a broken connection, the server of a bound.
func reasonOf(ctx context.Context, err error) error {
	why := ctx.Err()
	if exception := (*clickhouse.Exception)(nil); why == nil && errors.As(err, &exception) {
		if what := bounds.Of(int(exception.Code)); what != "" {
			why = &bounds.Error{What: what}
		}
	}
	if why == nil || errors.Is(err, why) {
		return err
	}
	return fmt.Errorf("%w: %w", why, err)
}

// Exec runs a statement on a writer's connection.
func (s *Store) Exec(ctx context.Context, text string, p Params) error {
	if s.writes == nil && s.scratch != nil {
		return s.scratch.Exec(ctx, text, p)
	}
	if s.writes == nil {
		return errReadOnly
	}
	ctx, cancel := bounded(ctx, s.cfg.WriteTimeout)
	defer cancel()
	if err := s.writes.Exec(ctx, text, p.args()...); err != nil {
		return fmt.Errorf("run statement: %w", err)
	}
	return nil
}

// Reads says how many reads run and how many wait.
func (s *Store) Reads() (running, waiting int) {
	for _, share := range s.pool.Shares() {
		now := share.Load()
		running, waiting = running+now.Running, waiting+now.Waiting
	}
	return running, waiting
}

// turn waits for a place among the readers.
func (s *Store) turn(ctx context.Context) (context.Context, func(), error) {
	ctx, cancel := bounded(ctx, s.cfg.ReadTimeout)
	leave, err := turns.Of(ctx, s.share).Enter(ctx)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	return ctx, func() { leave(); cancel() }, nil
}

// errReadOnly is about a store that was opened for reads alone.
var errReadOnly = errors.New("this store has no connections for writes")

func bounded(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}
