// Command tidemark keeps benchmark results and finds the commits where
// performance moved. `tidemark up` runs everything in one process.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"tidemark/pkg/config"
)

// version is set by the build.
var version = "dev"

// cli is every command. Commands that run roles share one tree of settings.
type cli struct {
	Config kong.ConfigFlag `help:"YAML file with settings." type:"path" placeholder:"FILE"`

	Up        upCmd        `cmd:"" help:"Run everything in one process: the whole product."`
	Intake    intakeCmd    `cmd:"" help:"Take submissions in."`
	Projector projectorCmd `cmd:"" help:"Decide events and store them."`
	Detector  detectorCmd  `cmd:"" help:"Look for changes on a schedule."`
	Notifier  notifierCmd  `cmd:"" help:"Send what was found to those who subscribed to it."`
	API       apiCmd       `cmd:"" name:"api" help:"Serve REST and pages."`
	Servers   serversCmd   `cmd:"" help:"Run the embedded engine and broker alone, for roles in processes of their own."`
	Migrate   migrateCmd   `cmd:"" help:"Bring topics and tables up to date."`
	Replay    replayCmd    `cmd:"" help:"Rebuild every table from the ledger, beside the live ones."`
	Verify    verifyCmd    `cmd:"" help:"Compare the tables with tables rebuilt from the ledger."`

	Detect detectCmd `cmd:"" help:"Look for changes in a CSV, without a server."`
	Submit submitCmd `cmd:"" help:"Send reports to a server."`
	SQL    sqlCmd    `cmd:"" name:"sql" help:"Ask a server in SQL, at a terminal or in a script."`
	Noise  noiseCmd  `cmd:"" help:"Ask a server how noisy the series of a machine are."`

	Findings      findingsCmd      `cmd:"" help:"Look at the findings of a server, and dismiss them."`
	Regressions   regressionsCmd   `cmd:"" help:"Look at the regressions of a server, and triage them."`
	Why           whyCmd           `cmd:"" help:"Ask a server why a change is found at an order, or why not."`
	Detectors     detectorsCmd     `cmd:"" help:"Look at the detectors of a server, and set how they judge."`
	Subscriptions subscriptionsCmd `cmd:"" help:"Look at who is told what, and change it."`
	Baselines     baselinesCmd     `cmd:"" help:"Look at the orders that have names to compare with, and change them."`

	Backtest backtestCmd `cmd:"" help:"Try a detector on the history that a server has."`
	Import   importCmd   `cmd:"" help:"Bring history from elsewhere."`
	Synth    synthCmd    `cmd:"" help:"Make synthetic reports with known changes."`
	Suite    suiteCmd    `cmd:"" help:"Look at schema files."`
	Token    tokenCmd    `cmd:"" help:"Make tokens."`
	Notify   notifyCmd   `cmd:"" help:"Look at and try out messages to subscriptions."`

	Health     healthCmd                 `cmd:"" help:"Ask a running process whether it is ready."`
	Check      checkCmd                  `cmd:"" help:"Build everything from the settings, open nothing, and say what is wrong."`
	Show       configCmd                 `cmd:"" name:"config" help:"Print the effective settings."`
	Version    versionCmd                `cmd:"" help:"Print the version."`
	Completion kongcompletion.Completion `cmd:"" help:"Print what a shell needs to complete commands and flags."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// exit is an error with an exit code of its own.
type exit struct {
	error
	code int
}

func (e exit) Unwrap() error { return e.error }

func newParser(c *cli) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("tidemark"),
		kong.Description("Keeps benchmark results and finds the commits where performance moved."),
		kong.UsageOnError(),
		kong.DefaultEnvars("TIDEMARK"),
		kong.Configuration(config.YAML),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.ExplicitGroups(groups),
	)
}

// groups order the help of commands with settings.
var groups = []kong.Group{
	{Key: "place", Title: "Where things are:"},
	{Key: "product", Title: "What is served:"},
	{Key: "intake", Title: "Taking submissions:"},
	{Key: "projector", Title: "Storing:"},
	{Key: "store", Title: "Reading:"},
	{Key: "sql", Title: "SQL for people:"},
	{Key: "detector", Title: "Detecting:"},
	{Key: "notifier", Title: "Telling people:"},
	{Key: "process", Title: "The process:"},
}

func run(ctx context.Context, args []string) int {
	var c cli
	parser, err := newParser(&c)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tidemark:", err)
		return 2
	}
	kongcompletion.Register(parser)
	k, err := parser.Parse(args)
	if err != nil {
		parser.Errorf("%s", err)
		var usage *kong.ParseError
		if errors.As(err, &usage) && len(args) == 0 {
			_ = usage.Context.PrintUsage(true)
		}
		return 2
	}
	k.BindTo(ctx, (*context.Context)(nil))
	if err := k.Run(); err != nil {
		var coded exit
		if errors.As(err, &coded) {
			if coded.error != nil {
				parser.Errorf("%s", coded.error)
			}
			return coded.code
		}
		parser.Errorf("%s", err)
		return 1
	}
	return 0
}
