package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"tidemark/pkg/lifecycle"
	"tidemark/pkg/observe"
)

type upCmd struct {
	Settings
	Demo bool `help:"Fill a database named demo with synthetic history on the first start." group:"product"`
}

// Run is the whole product. Without other addresses it brings its own engine
// and broker.
func (c *upCmd) Run(ctx context.Context) error {
	if c.Demo {
		c.Databases = append(c.Databases, demoDatabase)
	}
	if err := c.takeOwnToken(); err != nil {
		return err
	}
	p, err := build(c.Settings, all)
	if err != nil {
		return err
	}
	if c.Demo {
		p.add(lifecycle.Component{Name: "demo", Run: p.demo})
	}
	return p.run(ctx)
}

type intakeCmd struct{ Settings }

// Run takes submissions in.
func (c *intakeCmd) Run(ctx context.Context) error {
	return runRole(ctx, c.Settings, roles{Intake: true})
}

type projectorCmd struct{ Settings }

// Run decides and stores.
func (c *projectorCmd) Run(ctx context.Context) error {
	return runRole(ctx, c.Settings, roles{Projector: true})
}

type detectorCmd struct{ Settings }

// Run looks for changes.
func (c *detectorCmd) Run(ctx context.Context) error {
	return runRole(ctx, c.Settings, roles{Detector: true})
}

type notifierCmd struct{ Settings }

// Run tells people and programs what was found.
func (c *notifierCmd) Run(ctx context.Context) error {
	return runRole(ctx, c.Settings, roles{Notifier: true})
}

type apiCmd struct{ Settings }

// Run serves REST and pages.
func (c *apiCmd) Run(ctx context.Context) error { return runRole(ctx, c.Settings, roles{Reads: true}) }

// runRole runs a role beside others: they can only meet on shared servers.
func runRole(ctx context.Context, s Settings, r roles) error {
	if s.embeddedClickhouse() || (s.embeddedKafka() && r != (roles{Reads: true})) {
		return errors.New("a role of its own needs --kafka and --clickhouse: an embedded server belongs to one process; use `tidemark up`")
	}
	p, err := build(s, r)
	if err != nil {
		return err
	}
	return p.run(ctx)
}

type migrateCmd struct{ Settings }

// Run brings topics and tables up to date and ends.
func (c *migrateCmd) Run(ctx context.Context) error {
	p, err := build(c.Settings, roles{Intake: true, Migrate: true})
	if err != nil {
		return err
	}
	ctx, done := context.WithCancel(ctx)
	defer done()
	// Everything up to the store: what needs migrating is opened, nothing is served.
	upTo := 0
	for i, part := range p.components {
		if part.Name == "store" {
			upTo = i
		}
	}
	return lifecycle.Run(ctx, p.log, c.Grace, p.components[1:upTo+1], func() {
		fmt.Println("topics and tables are up to date")
		done()
	})
}

type checkCmd struct{ Settings }

// Run builds the graph and opens nothing.
func (c *checkCmd) Run() error {
	p, err := build(c.Settings, all)
	if err != nil {
		return err
	}
	for _, part := range p.components {
		fmt.Println("ok", part.Name)
	}
	return nil
}

func build(s Settings, r roles) (*process, error) {
	log, err := observe.NewLogger(os.Stderr, s.LogLevel, s.LogFormat)
	if err != nil {
		return nil, err
	}
	return compose(s, r, log)
}

// run opens everything, says so once it is ready, and stops in order on SIGTERM.
func (p *process) run(ctx context.Context) error {
	return lifecycle.Run(ctx, p.log, p.settings.Grace, p.components, func() { go p.announce(ctx) })
}

// announce prints the one line people and scripts wait for.
func (p *process) announce(ctx context.Context) {
	admin := observe.NewAdmin(p.reg, p.checks)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for admin.Ready() != nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	line := "tidemark is ready:"
	for _, part := range []struct{ name, listener string }{{"pages and REST", "http"}, {"SQL", "sql"}, {"engine", "engine"}, {"admin", "admin"}} {
		if url := p.listeners[part.listener].url(); url != "" {
			line += " " + part.name + " " + url
		}
	}
	if p.brokers != nil {
		line += " broker " + strings.Join(p.brokers(), ",")
	}
	if file := p.settings.own.file; file != "" {
		line += " token in " + file
	}
	fmt.Println(line)
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run() error {
	fmt.Println("tidemark", version)
	return nil
}
