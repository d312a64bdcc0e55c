package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/samber/lo"

	"tidemark/pkg/readsql"
)

// ErrInUse is wrapped by Open's error when another process has the data folder.
var ErrInUse = errors.New("in use by another tidemark")

// Engine is the ClickHouse engine in this process. Open it once, early; a process holds one.
type Engine struct {
	cfg    Config
	log    *slog.Logger
	native *native

	anchor *conn // stays open: closing the last connection shuts the engine down
	asking sync.Mutex
	lock   *os.File

	slots  chan struct{} // statements running through Dial
	pipe   *pipeListener
	server *http.Server
	gate   sync.RWMutex // read-held by requests being answered, from either way in

	settings map[string]struct{} // names the engine knows
	guard    *readsql.Guard

	runningMu sync.Mutex
	running   map[string]struct{} // query ids
	writes    atomic.Uint64       // see Writes

	bootID  string
	syncing sync.Mutex    // held while the folder is synced; guards doubt
	doubt   time.Time     // see InDoubtSince
	synced  chan struct{} // closed when keepSynced has ended

	timezone string
	version  string
	open     atomic.Bool
	stop     context.CancelFunc
	alive    context.Context
}

// process allows one open engine: libchdb has one data path per process.
var process struct {
	sync.Mutex
	engine *Engine
}

// New checks cfg and opens nothing.
func New(cfg Config) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("embedded clickhouse: %w", err)
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("embedded clickhouse: %w", err)
	}
	return &Engine{
		cfg:     cfg,
		log:     cfg.Logger,
		slots:   make(chan struct{}, cfg.MaxConnections),
		running: map[string]struct{}{},
	}, nil
}

// Open loads the library, starts the engine on its folder and serves Dial.
func (e *Engine) Open(ctx context.Context) (err error) {
	process.Lock()
	defer process.Unlock()
	if process.engine != nil {
		return fmt.Errorf("open the engine on %s: this process has one open on %s", e.cfg.Path, process.engine.cfg.Path)
	}
	started := time.Now()
	library := e.cfg.Library
	if library == "" {
		if library, err = FindLibrary(); err != nil {
			return err
		}
	}
	if e.native, err = load(library); err != nil {
		return err
	}
	if err := e.takeFolder(); err != nil {
		return err
	}
	if err := e.noteBoot(); err != nil {
		e.leaveFolder()
		return err
	}
	if err := e.start(); err != nil {
		e.leaveFolder()
		return err
	}
	if err := e.learn(ctx); err != nil {
		e.anchor.close()
		e.leaveFolder()
		return fmt.Errorf("ask the engine about itself: %w", err)
	}
	e.alive, e.stop = context.WithCancel(context.Background())
	e.pipe = newPipeListener()
	e.server = e.newServer(e.handler(nil))
	go func() { _ = e.server.Serve(e.pipe) }() // ends when Close closes the listener
	e.synced = make(chan struct{})
	go func() {
		defer close(e.synced)
		e.keepSynced(e.alive)
	}()
	e.open.Store(true)
	process.engine = e
	e.log.InfoContext(ctx, "engine opened", "path", e.cfg.Path, "version", e.version, "took", time.Since(started))
	return nil
}

// Close stops what is running, waits for it, and shuts the engine down.
func (e *Engine) Close() error {
	process.Lock()
	defer process.Unlock()
	if !e.open.CompareAndSwap(true, false) {
		return nil
	}
	_ = e.pipe.Close()
	e.stop()
	e.gate.Lock() // the last request has been answered; later ones find the engine closed
	defer e.gate.Unlock()
	_ = e.server.Close()
	e.anchor.close()
	<-e.synced
	err := e.forgetBoot()
	e.leaveFolder()
	process.engine = nil
	e.log.Info("engine closed", "path", e.cfg.Path)
	return err
}

// takeFolder makes the data folder and locks it. The engine has a lock of its own but
// reports it only as a failed connect.
func (e *Engine) takeFolder() error {
	if err := os.MkdirAll(e.cfg.Path, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(e.cfg.Path, "tidemark.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock the data folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return fmt.Errorf("data folder %s is %w", e.cfg.Path, ErrInUse)
	}
	e.lock = file
	return nil
}

func (e *Engine) leaveFolder() {
	_ = e.lock.Close() // closing releases the lock
	e.lock = nil
}

// start makes the first connection, which boots the engine.
func (e *Engine) start() error {
	args, err := e.bootArguments()
	if err != nil {
		return fmt.Errorf("write the engine's configuration: %w", err)
	}
	if err := keepSignals(func() {
		e.native.setSignalHandlers(0)
		e.anchor = e.native.dial(args)
	}); err != nil {
		return err
	}
	if e.anchor == nil {
		return fmt.Errorf("the engine did not start on %s; it may be in use by another program, or written by a newer engine", e.cfg.Path)
	}
	return nil
}

// learn reads what checks need: names of settings, functions, version and time zone.
func (e *Engine) learn(ctx context.Context) error {
	rows, err := e.ask("SELECT version(), timezone()")
	if err != nil {
		return err
	}
	e.version, e.timezone = rows[0][0], rows[0][1]
	names, err := e.ask("SELECT name FROM system.settings")
	if err != nil {
		return err
	}
	e.settings = make(map[string]struct{}, len(names))
	for _, row := range names {
		e.settings[row[0]] = struct{}{}
	}
	tables, err := e.ask("SELECT name FROM system.table_functions")
	if err != nil {
		return err
	}
	functions, err := e.ask("SELECT name FROM system.functions")
	if err != nil {
		return err
	}
	e.guard = readsql.NewGuard(firsts(tables), firsts(functions))
	return ctx.Err()
}

// firsts are the rows' first columns.
func firsts(rows [][]string) []string {
	return lo.Map(rows, func(row []string, _ int) string { return row[0] })
}

// ask runs a short internal statement and returns its tab-separated rows.
func (e *Engine) ask(statement string) ([][]string, error) {
	e.asking.Lock()
	defer e.asking.Unlock()
	out, err := e.anchor.query(statement, "TabSeparated", nil)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for line := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows, nil
}

// Writes counts the statements through Dial that may have written, from the start of the process: as long as it stands, what they wrote
// stands. A statement counts once it has ended, also when it failed; what the engine does by itself, merging and finishing
// mutations nobody waited for, does not.
func (e *Engine) Writes() uint64 { return e.writes.Load() }

// session is a fresh connection: settings, temporary tables and the current database of one
// statement can never reach the next. Making one takes 0.3 ms.
func (e *Engine) session(settings map[string]string) (*conn, error) {
	args := []string{"clickhouse", "--path=" + e.cfg.Path}
	for name, value := range settings {
		args = append(args, "--"+name+"="+value)
	}
	c := e.native.dial(args)
	if c != nil {
		return c, nil
	}
	// The engine refuses a bad value without saying which: SET says it.
	c = e.native.dial(args[:2])
	if c == nil {
		return nil, exceptionf(codeStandardException, "the engine refused a connection")
	}
	defer c.close()
	for name, value := range settings {
		if _, err := c.query("SET "+name+" = "+quoteString(value), "Null", nil); err != nil {
			return nil, err
		}
	}
	return nil, exceptionf(codeBadArguments, "the engine refused the settings")
}

// register claims a query id; a second statement with the id is refused, as a server does.
func (e *Engine) register(id string) error {
	e.runningMu.Lock()
	defer e.runningMu.Unlock()
	if _, taken := e.running[id]; taken {
		return exceptionf(codeQueryIDInUse, "Query with id = %s is already running. (QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING)", id)
	}
	e.running[id] = struct{}{}
	return nil
}

func (e *Engine) unregister(id string) {
	e.runningMu.Lock()
	defer e.runningMu.Unlock()
	delete(e.running, id)
}

// watch stops the statement with the id when ctx ends before release is called. The
// library cannot name a statement's query id, so the id travels as its log_comment, where
// system.processes shows it. A kill can come before the engine lists the statement, so it repeats.
func (e *Engine) watch(ctx context.Context, id string) (release func()) {
	finished := make(chan struct{})
	gone := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(gone)
		for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
			select {
			case <-finished:
				return
			default:
			}
			if _, err := e.ask("KILL QUERY WHERE Settings['log_comment'] = " + quoteString(id) + " ASYNC"); err != nil {
				e.log.Warn("stop of a statement failed", "query_id", id, "err", err)
			}
			select {
			case <-finished:
				return
			case <-time.After(wait):
			}
		}
	})
	return func() {
		close(finished)
		if !stop() {
			<-gone
		}
	}
}

// acquire takes one of the slots of Dial's statements.
func (e *Engine) acquire(ctx context.Context) (release func(), err error) {
	select {
	case e.slots <- struct{}{}:
		return func() { <-e.slots }, nil
	case <-ctx.Done():
		return nil, exceptionf(codeQueryCancelled, "Cancelled while waiting for a connection")
	}
}

func quoteString(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\t", `\t`, "\r", `\r`, "\x00", `\0`).Replace(s) + "'"
}

func quoteIdentifier(s string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(s) + "`"
}
