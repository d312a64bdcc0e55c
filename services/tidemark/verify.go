package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"tidemark/services/replayer"
)

// Exit codes of verify.
const (
	exitDifferent  = 1
	exitNotCompare = 2
)

type verifyCmd struct {
	Against   string `help:"Compare with this database, as replay has left it; without one, with a replay made for it and dropped at the end." placeholder:"NAME"`
	AsDecided bool   `help:"Rebuild from the stored decisions instead of deciding every event anew."`
	Jobs      int    `short:"j" help:"Suites replayed at once; 0 means one per processor." default:"0"`

	tablesSettings
}

// Help is the long text of `tidemark verify --help`.
func (verifyCmd) Help() string {
	return `Compares the live tables with tables rebuilt from the ledger, by number of rows and digest of every table and suite, and
names the first row that differs, by its key, with both versions. Exit code: 0 equal, 1 different, 2 could not compare.
Nothing may store events meanwhile. See docs/operating.md.`
}

// Run compares.
func (c *verifyCmd) Run(ctx context.Context) error {
	equal, err := c.verify(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return exit{errors.New("stopped before everything was compared"), exitNotCompare}
	case err != nil:
		return exit{err, exitNotCompare}
	case !equal:
		return exit{nil, exitDifferent}
	}
	return nil
}

func (c *verifyCmd) verify(ctx context.Context) (equal bool, err error) {
	t, err := c.open(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	cfg := replayer.DefaultConfig()
	cfg.Source, cfg.Into, cfg.AsDecided = c.StoreDatabase, c.Against, c.AsDecided
	if c.Against == "" {
		cfg.Into = cfg.Source + "_verify"
	}
	if c.Jobs > 0 {
		cfg.Suites = c.Jobs
	}
	p := newReplayProgress(os.Stderr, "replaying")
	r, err := t.replayer(cfg, p.show)
	if err != nil {
		return false, err
	}
	if err := r.Open(ctx); err != nil {
		return false, errors.Join(err, r.Close())
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if c.Against == "" {
		return c.rebuilt(ctx, cfg, r, p)
	}
	return c.compare(ctx, cfg, r)
}

// rebuilt compares with a replay made for it.
func (c *verifyCmd) rebuilt(ctx context.Context, cfg replayer.Config, r *replayer.Replayer, p *replayProgress) (equal bool, err error) {
	if err := r.Drop(ctx); err != nil { // one that was cut off
		return false, err
	}
	defer func() { err = errors.Join(err, r.Drop(context.WithoutCancel(ctx))) }()
	summary, err := r.Run(ctx)
	p.end()
	if err != nil {
		return false, err
	}
	printReplay(os.Stdout, cfg.Into, summary)
	return c.compare(ctx, cfg, r)
}

func (c *verifyCmd) compare(ctx context.Context, cfg replayer.Config, r *replayer.Replayer) (bool, error) {
	compared, err := r.Compare(ctx)
	if err != nil {
		return false, err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	for _, t := range compared.Tables {
		verdict := "equal"
		if len(t.Suites) > 0 {
			verdict = fmt.Sprintf("DIFFERENT in %d suites", len(t.Suites))
		}
		fmt.Fprintf(w, "%s\t%s rows\t%016x\t%s\n", t.Table, count(t.Rows), t.Digest, verdict)
	}
	if err := w.Flush(); err != nil {
		return false, err
	}
	for _, t := range compared.Tables {
		for _, s := range t.Suites {
			printSuite(cfg, t.Table, s)
		}
	}
	return compared.Equal(), nil
}

func printSuite(cfg replayer.Config, table string, s replayer.SuiteComparison) {
	fmt.Printf("%s of %s/%s: %s rows in %s, %s in %s", table, s.Database, s.Suite, count(s.LiveRows), cfg.Source, count(s.OtherRows), cfg.Into)
	if s.First != nil {
		fmt.Printf("; first difference: %s", s.First.Text(cfg.Source, cfg.Into))
	}
	fmt.Println()
}
