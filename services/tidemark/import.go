package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"tidemark/pkg/config"
	"tidemark/services/importer"
)

type importCmd struct {
	LNT importLNTCmd `cmd:"" name:"lnt" help:"From an LNT server or its database."`
}

type importLNTCmd struct {
	From string        `name:"from" help:"Root of an LNT server: reads its REST." xor:"source" required:"" placeholder:"URL"`
	DB   config.Secret `name:"db" help:"LNT's own database: postgresql://user@host/name, a SQLite file, or the folder of an instance." xor:"source" required:"" placeholder:"DSN"`
	To   string        `name:"to" help:"Root of the Tidemark server." default:"http://127.0.0.1:8080"`

	AuthToken config.Secret `name:"auth-token" help:"What the AuthToken header carries; an administrator's for --keep-ids and for suites to be defined."`

	Database []string `help:"Database to import; NAME=OTHER when the server calls it otherwise." default:"default" placeholder:"NAME"`
	Suite    []string `help:"Suite to import; all that are found without it." placeholder:"NAME"`
	Machine  []string `help:"Machine to import, by name or id; all without it." placeholder:"NAME"`
	Since    string   `help:"Leave out runs that started before this day or time (UTC)." placeholder:"2026-01-31"`
	Limit    int      `help:"Most runs of a suite to import, the oldest first; 0: all." default:"0"`

	KeepIDs  bool   `name:"keep-ids" help:"Give machines, orders, tests and runs the ids they have in LNT, so that old links work."`
	Detect   bool   `help:"Look for changes in imported runs, too."`
	Profiles string `help:"Folder of LNT's profile files, with --db." type:"path" placeholder:"DIR"`
	Salt     string `help:"Any text: imports again what was imported and deleted." placeholder:"TEXT"`
	DryRun   bool   `short:"n" help:"Count, and send nothing."`

	State    string        `help:"Folder that keeps what is done, so that an import goes on where it ended." default:"tidemark-import" type:"path"`
	Jobs     int           `short:"j" help:"Suites at once." default:"2"`
	Readers  int           `help:"Runs of a suite read at once." default:"3"`
	Verify   int           `help:"Runs of each suite to compare value by value at the end; -1: all." default:"20"`
	RetryFor time.Duration `help:"How long a request is tried." default:"10m"`
	LogLevel slog.Level    `help:"Least severe line to log." default:"warn"`
}

// Run imports. The exit code is 1 when the server then does not hold what LNT does, 2 when the import could not be done.
func (c *importLNTCmd) Run(ctx context.Context) error {
	cfg, err := c.config()
	if err != nil {
		return exit{err, 2}
	}
	i, err := importer.New(cfg, importer.Deps{
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: c.LogLevel})),
		Out:    os.Stdout, Err: os.Stderr, Now: time.Now,
	})
	if err != nil {
		return exit{err, 2}
	}
	err = i.Run(ctx)
	if different := (*importer.Different)(nil); err != nil && !errors.As(err, &different) {
		return exit{err, 2}
	}
	return err
}

func (c *importLNTCmd) config() (importer.Config, error) {
	cfg := importer.DefaultConfig()
	cfg.URL, cfg.DSN, cfg.To, cfg.Token = c.From, string(c.DB), c.To, string(c.AuthToken)
	cfg.Databases, cfg.Suites, cfg.Machines, cfg.Limit = c.Database, c.Suite, c.Machine, c.Limit
	cfg.KeepIDs, cfg.Detect, cfg.Profiles, cfg.Salt, cfg.DryRun = c.KeepIDs, c.Detect, c.Profiles, c.Salt, c.DryRun
	cfg.State, cfg.Jobs, cfg.Readers, cfg.Verify, cfg.RetryFor = c.State, c.Jobs, c.Readers, c.Verify, c.RetryFor
	if c.Since == "" {
		return cfg, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04:05", time.DateTime} {
		if at, err := time.Parse(layout, c.Since); err == nil {
			cfg.Since = at
			return cfg, nil
		}
	}
	return cfg, errors.New("since: want a day or time such as 2026-01-31 or 2026-01-31T12:00:00")
}
