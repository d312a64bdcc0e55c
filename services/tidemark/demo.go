package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/synth"
	"tidemark/sql"
)

// demoDatabase is where `up --demo` puts its history; "default" stays empty.
const demoDatabase = "demo"

// demoHistory is what the demo shows: enough for charts with several steps each.
func demoHistory() synth.Config { return synth.DefaultConfig() }

// demo fills the demo database unless it has runs already. Every event's id
// follows from its place in the history, so a start that was cut off goes on
// where it ended and nothing is there twice.
func (p *process) demo(ctx context.Context) error {
	switch appended, err := p.fillDemo(ctx); {
	case err == nil:
		p.log.InfoContext(ctx, "demo database has its runs", "appended", appended)
	case ctx.Err() == nil:
		p.log.ErrorContext(ctx, "demo database not filled", "err", err)
	}
	<-ctx.Done()
	return nil
}

// fillDemo returns how many runs it appended: all of them or none.
func (p *process) fillDemo(ctx context.Context) (int, error) {
	g, err := synth.New(demoHistory())
	if err != nil {
		return 0, err
	}
	type row struct {
		Runs uint64 `ch:"runs"`
	}
	have, err := store.Select[row](ctx, p.work, sql.MustQuery("database_runs"), store.Params{"database": demoDatabase})
	if err != nil {
		return 0, fmt.Errorf("count the demo's runs: %w", err)
	}
	if len(have) == 1 && have[0].Runs >= uint64(g.Count()) { //nolint:gosec // a count
		return 0, nil
	}
	bar := progress(g.Count(), "filling the demo database")
	defer bar.Finish() //nolint:errcheck // a progress bar
	batch := make([]event.Envelope, 0, 20)
	flush := func() error {
		if err := (appender{p.events}).Append(ctx, batch...); err != nil {
			return fmt.Errorf("append the demo's runs: %w", err)
		}
		_ = bar.Add(len(batch))
		batch = batch[:0]
		return nil
	}
	for run := range g.Runs() {
		batch = append(batch, demoEvent(run))
		if len(batch) < cap(batch) {
			continue
		}
		if err := flush(); err != nil {
			return 0, err
		}
	}
	return g.Count(), flush()
}

func demoEvent(run synth.Run) event.Envelope {
	return event.Envelope{
		ID: event.IDFromKey(demoDatabase, "nts", "demo "+run.Machine+" "+run.Order), Type: event.RunSubmitted, Version: 1,
		Database: demoDatabase, Suite: "nts", ContentType: "application/json", Actor: "demo",
		ReceivedAt: time.Now().UTC().Truncate(time.Millisecond),
		Params:     map[string]string{event.ParamMerge: "reject"}, Body: run.Body,
	}
}

// progress shows itself on a terminal only.
func progress(total int, what string) *progressbar.ProgressBar {
	if !term.IsTerminal(int(os.Stderr.Fd())) { //nolint:gosec // a file descriptor
		return progressbar.DefaultSilent(int64(total))
	}
	return progressbar.NewOptions(total,
		progressbar.OptionSetDescription(what), progressbar.OptionShowCount(), progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
}
