package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"tidemark/pkg/config"
	"tidemark/pkg/embedded/clickhouse"
	"tidemark/pkg/observe"
	"tidemark/pkg/store"
	"tidemark/services/replayer"
)

// tablesSettings say where the tables are: the part of [Settings] that commands about stored tables share.
type tablesSettings struct {
	Data          string        `help:"Folder of the embedded engine; no other process may use it meanwhile." default:"data" type:"path" group:"place"`
	Clickhouse    config.Secret `help:"ClickHouse address, such as clickhouse://user:password@host:9000; none means the embedded engine." group:"place"`
	StoreDatabase string        `name:"store-database" help:"ClickHouse database that holds the tables." default:"tidemark" group:"place"`
	Libchdb       string        `name:"libchdb" help:"Engine library to load instead of the fetched one." type:"path" group:"place"`
	EngineMemory  config.Bytes  `help:"Memory the embedded engine may use." default:"4GiB" group:"place"`
	LogLevel      string        `help:"Least level logged: debug, info, warn or error." default:"warn" enum:"debug,info,warn,error" group:"process"`
	LogFormat     string        `help:"Form of log lines: text or json." default:"text" enum:"text,json" group:"process"`
}

// tables are the stored tables while a command uses them.
type tables struct {
	store store.Config
	sync  func() error // nil: the server sees to it
	log   *slog.Logger
	close func() error
}

// open reaches the server, or opens the embedded engine on its folder.
func (s tablesSettings) open(ctx context.Context) (*tables, error) {
	log, err := observe.NewLogger(os.Stderr, s.LogLevel, s.LogFormat)
	if err != nil {
		return nil, err
	}
	settings := Settings{Data: s.Data, Clickhouse: s.Clickhouse, Libchdb: s.Libchdb, EngineMemory: s.EngineMemory}
	t := &tables{store: store.DefaultConfig(), log: log, close: func() error { return nil }}
	t.store.DSN, t.store.Database = string(s.Clickhouse), s.StoreDatabase
	if !settings.embeddedClickhouse() {
		return t, nil
	}
	cfg := settings.engineConfig()
	cfg.Logger = log.With("component", "engine")
	if _, err := os.Stat(cfg.Path); err != nil {
		return nil, fmt.Errorf("no embedded engine in %s: %w", filepath.Dir(cfg.Path), err)
	}
	engine, err := clickhouse.New(cfg)
	if err != nil {
		return nil, err
	}
	if err := engine.Open(ctx); err != nil {
		if errors.Is(err, clickhouse.ErrInUse) {
			return nil, fmt.Errorf("%w: stop that one first", err)
		}
		return nil, err
	}
	yieldToEngine()
	if since, doubtful := engine.InDoubtSince(); doubtful {
		err := fmt.Errorf("the machine stopped without warning at about %s and the tables are not filled again yet: run `tidemark migrate` first", since.Format(time.RFC3339))
		return nil, errors.Join(err, engine.Close())
	}
	t.store.Dial, t.sync, t.close = engine.Dial, engine.Settled, engine.Close
	return t, nil
}

func (t *tables) replayer(cfg replayer.Config, progress func(replayer.Progress)) (*replayer.Replayer, error) {
	return replayer.New(cfg, replayer.Deps{
		Store: t.store, Sync: t.sync, Progress: progress, Logger: t.log.With("component", "replayer"), Now: time.Now,
	})
}

type replayCmd struct {
	Into       string `help:"Database to rebuild in, beside the live one; without one the live one's name and _replay." placeholder:"NAME"`
	AsDecided  bool   `help:"Copy the stored decisions instead of deciding every event anew: for a history whose rules have changed since."`
	Strict     bool   `help:"Stop at the first event that is decided otherwise than it was."`
	Jobs       int    `short:"j" help:"Suites worked on at once; 0 means one per processor." default:"0"`
	Swap       bool   `env:"-" help:"Put the rebuilt tables in the place of the live ones when the replay is at its end. Nothing may store events meanwhile."`
	WithLedger bool   `help:"With --swap: the rebuilt ledger, too. Needed when events are decided otherwise than they were."`
	Drop       bool   `env:"-" help:"Drop the database of an earlier replay, or the old tables that a swap has left, and end."`
	DryRun     bool   `short:"n" help:"Say what would be done."`

	tablesSettings
}

// Help is the long text of `tidemark replay --help`.
func (replayCmd) Help() string {
	return `Rebuilds every table from the ledger in a database of its own, beside the live one, which goes on serving. Each event is
decided anew from the bytes as they came; a decision that is not the stored one is reported. A replay that was stopped goes on
where it was. See docs/operating.md.`
}

// Run rebuilds. Its exit code is 1 when it could not, or when --strict found a difference.
func (c *replayCmd) Run(ctx context.Context) (err error) {
	t, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	p := newReplayProgress(os.Stderr, "replaying")
	r, err := t.replayer(c.config(), p.show)
	if err != nil {
		return err
	}
	if err := r.Open(ctx); err != nil {
		return errors.Join(err, r.Close())
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	switch {
	case c.Drop:
		return c.drop(ctx, r)
	case c.DryRun:
		return c.plan(ctx, r)
	}
	return c.replay(ctx, r, p)
}

func (c *replayCmd) config() replayer.Config {
	cfg := replayer.DefaultConfig()
	cfg.Source, cfg.Into = c.StoreDatabase, c.Into
	if cfg.Into == "" {
		cfg.Into = cfg.Source + "_replay"
	}
	if c.Jobs > 0 {
		cfg.Suites = c.Jobs
	}
	cfg.AsDecided, cfg.Strict = c.AsDecided, c.Strict
	return cfg
}

func (c *replayCmd) drop(ctx context.Context, r *replayer.Replayer) error {
	into := c.config().Into
	if c.DryRun {
		fmt.Printf("would drop database %s\n", into)
		return nil
	}
	if err := r.Drop(ctx); err != nil {
		return err
	}
	fmt.Printf("dropped database %s\n", into)
	return nil
}

func (c *replayCmd) plan(ctx context.Context, r *replayer.Replayer) error {
	plan, err := r.Plan(ctx)
	if err != nil {
		return err
	}
	cfg := c.config()
	for _, s := range plan.Suites {
		fmt.Printf("would replay events %d to %d of %s/%s into %s\n", s.Done+1, s.Events, s.Database, s.Suite, cfg.Into)
	}
	fmt.Printf("%d suites; the live tables take %s on disk, the rebuilt ones about as much\n", len(plan.Suites), humanize.IBytes(plan.Bytes))
	if c.Swap {
		for _, s := range r.SwapPlan(c.WithLedger).Statements(cfg.Source) {
			fmt.Println("would run", s)
		}
	}
	return nil
}

func (c *replayCmd) replay(ctx context.Context, r *replayer.Replayer, p *replayProgress) error {
	cutOff, err := r.SwapCutOff(ctx)
	if err != nil {
		return err
	}
	if !cutOff || !c.Swap {
		summary, err := r.Run(ctx)
		p.end()
		printReplay(os.Stdout, c.config().Into, summary)
		if ctx.Err() != nil {
			return errors.New("stopped; the same command goes on from here")
		}
		if err != nil {
			return err
		}
	}
	if !c.Swap {
		return nil
	}
	swapped, err := r.Swap(ctx, c.WithLedger)
	if errors.Is(err, replayer.ErrLedgerDiffers) {
		return fmt.Errorf("%w (--with-ledger, or --drop and then --as-decided)", err)
	}
	if err != nil {
		return err
	}
	fmt.Printf("swapped %s: the rebuilt tables are the live ones now, the old ones are in %s\n", strings.Join(swapped.Tables, ", "), swapped.Old)
	fmt.Printf("when you no longer need them: tidemark replay --drop --into %s\n", swapped.Old)
	return nil
}

// printReplay tells what a replay did, and which decisions are not what they were.
func printReplay(out io.Writer, into string, s replayer.Summary) {
	for _, d := range s.Shown {
		fmt.Fprintln(out, d)
	}
	if more := s.Differences - uint64(len(s.Shown)); s.Differences > 0 {
		fmt.Fprintf(out, "%d events are decided otherwise than they were (%d not shown)\n", s.Differences, more)
	}
	seconds := max(s.Took.Seconds(), 0.001)
	fmt.Fprintf(out, "replayed %s events and %s samples of %d suites into %s in %s (%s events/s, %s samples/s)", count(s.Events), count(s.Samples), s.Suites, into,
		s.Took.Round(10*time.Millisecond), count(uint64(float64(s.Events)/seconds)), count(uint64(float64(s.Samples)/seconds)))
	if s.Resumed > 0 {
		fmt.Fprintf(out, "; %s events were there already", count(s.Resumed))
	}
	fmt.Fprintln(out)
}

func count(n uint64) string { return humanize.Comma(int64(n)) } //nolint:gosec // a count

// replayProgress shows how far a replay is: a bar on a terminal, a line now and then elsewhere.
type replayProgress struct {
	out  io.Writer
	what string
	bar  *progressbar.ProgressBar // nil: lines
	said time.Time
}

const betweenLines = 10 * time.Second

func newReplayProgress(out *os.File, what string) *replayProgress {
	p := &replayProgress{out: out, what: what, said: time.Now()}
	if term.IsTerminal(int(out.Fd())) { //nolint:gosec // a file descriptor
		p.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
	}
	return p
}

func (p *replayProgress) show(now replayer.Progress) {
	if p.bar != nil {
		p.bar.ChangeMax64(int64(now.Total)) //nolint:gosec // a count
		_ = p.bar.Set64(int64(now.Done))    //nolint:gosec // a count
		return
	}
	if time.Since(p.said) < betweenLines {
		return
	}
	p.said = time.Now()
	fmt.Fprintf(p.out, "%s: %s of %s events (%s)\n", p.what, count(now.Done), count(now.Total), now.Suite)
}

func (p *replayProgress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
