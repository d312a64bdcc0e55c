package main

import (
	"context"
	"time"

	"tidemark/pkg/client"
	"tidemark/pkg/config"
)

type submitCmd struct {
	Files []string `arg:"" name:"file" help:"Reports, folders of reports, or - for standard input."`

	URL      string        `name:"url" help:"Root of the server, or the exact address to post to." default:"http://127.0.0.1:8080"`
	Database string        `help:"Database on the server; without one its default."`
	Suite    string        `help:"Suite the reports belong to; without one the report says."`
	Token    config.Secret `help:"What the AuthToken header carries."`

	Merge             string `help:"When the machine has a run of that order: reject, replace or append." enum:"reject,replace,append" default:"replace"`
	SelectMachine     string `help:"When the machine says something else about itself than before: match refuses, update believes it, split makes a second machine of that name." enum:"match,update,split" default:"match"`
	IgnoreRegressions bool   `help:"Do not look for changes in these runs."`

	Async    bool          `help:"Do not wait until a report is stored; print its receipt's address."`
	Wait     bool          `help:"Wait for the receipts of what was not stored at once."`
	Jobs     int           `short:"j" help:"Files sent at once; more than one leaves their order open." default:"1"`
	RetryFor time.Duration `help:"How long to try to deliver a file." default:"5m"`
	DryRun   bool          `short:"n" help:"Read the reports and say what would be sent."`
	Quiet    bool          `short:"q" help:"Print errors only."`
	JSON     bool          `name:"json" help:"Print one JSON object per file."`
}

// Run submits the files. The exit code is 1 when some were refused, 2 when some
// could not be delivered.
func (c *submitCmd) Run(ctx context.Context) error {
	err := client.Submit(ctx, c.options(), c.Files)
	if err == nil {
		return nil
	}
	return exit{err, client.ExitCode(err)}
}

func (c *submitCmd) options() client.Options {
	o := client.DefaultOptions()
	o.URL, o.Database, o.Suite, o.Token = c.URL, c.Database, c.Suite, string(c.Token)
	o.Merge, o.SelectMachine, o.IgnoreRegressions = c.Merge, c.SelectMachine, c.IgnoreRegressions
	o.Async, o.Wait, o.Concurrency, o.RetryFor = c.Async, c.Wait, c.Jobs, c.RetryFor
	o.DryRun, o.Quiet, o.JSON = c.DryRun, c.Quiet, c.JSON
	return o
}
