package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/samber/lo"
	"golang.org/x/term"
)

type backtestCmd struct {
	restFlags
	Detector string            `help:"Detector to try; without one the default." placeholder:"NAME"`
	Preset   string            `help:"Named set of parameters to begin with." placeholder:"NAME"`
	Param    map[string]string `help:"Parameter of the detector; may be given several times." placeholder:"NAME=VALUE" mapsep:"none"`
	Since    string            `help:"First order at which something may be found, by name, or a day such as 2026-01-31: the orders measured from then on." placeholder:"ORDER"`
	Until    string            `help:"Last order, or day." placeholder:"ORDER"`
	Machine  string            `help:"Machines, as a pattern of names with * and ?." placeholder:"GLOB"`
	Test     string            `help:"Tests, as a pattern." placeholder:"GLOB"`
	Metric   string            `help:"Metrics, as a pattern." placeholder:"GLOB"`
	Margin   int               `help:"How many orders of its machine a finding may lie from one that stands to be the same change." default:"5"`
	Note     string            `help:"Why; kept with the backtest."`
	Diff     []string          `help:"Parts of the difference to show: new, lost, moved, same." enum:"new,lost,moved,same" default:"new,lost,moved"`

	Wait        bool   `help:"Wait for the report; --no-wait prints the id and ends." default:"true" negatable:""`
	KeepWaiting bool   `help:"Go on waiting when the server cannot be reached for a while."`
	ID          string `name:"id" help:"Show a backtest that there is, instead of asking for one." placeholder:"ID"`
	Cancel      bool   `help:"With --id: have it end."`
	Promote     bool   `help:"When it is done: have the detector judge, from now on, what it was tried on. Needs a token with the scope manage."`
	Shadow      bool   `help:"With --promote: judge as a shadow, whose findings count nowhere."`
	Quiet       bool   `short:"q" help:"No progress."`
}

// Help is the long text of `tidemark backtest --help`.
func (backtestCmd) Help() string {
	return `Tries a detector on the history that a server has and shows the difference from what stands: findings that are new, lost, or moved
by a few orders, with what people said of them. Nothing that counts is changed, unless --promote is given. When a detector, a
parameter or a pattern is wrong nothing is queued, and the exit code is 2. See docs/backtesting.md.`
}

// backtestItem is a backtest as the server tells of it.
type backtestItem struct {
	ID              string            `json:"id"`
	State           string            `json:"state"`
	Detector        string            `json:"detector"`
	Version         int               `json:"version"`
	Params          map[string]string `json:"params"`
	SeriesDone      uint64            `json:"series_done"`
	SeriesAll       uint64            `json:"series_all"`
	Seconds         float64           `json:"seconds"`
	SeriesPerSecond float64           `json:"series_per_second"`
	MemoryBytes     uint64            `json:"memory_bytes"`
	Error           string            `json:"error"`
	Report          *backtestReport   `json:"report"`
}

type backtestReport struct {
	Found             uint64   `json:"found"`
	Standing          uint64   `json:"standing"`
	New               uint64   `json:"new"`
	Lost              uint64   `json:"lost"`
	Moved             uint64   `json:"moved"`
	Same              uint64   `json:"same"`
	FoundReal         uint64   `json:"found_real"`
	FoundNotReal      uint64   `json:"found_not_real"`
	KnownReal         uint64   `json:"known_real"`
	KnownNotReal      uint64   `json:"known_not_real"`
	Precision         *float64 `json:"precision"`
	Recall            *float64 `json:"recall"`
	StandingPrecision *float64 `json:"standing_precision"`
}

type backtestRow struct {
	Diff          string  `json:"diff"`
	Label         int     `json:"label"`
	Machine       string  `json:"machine"`
	Test          string  `json:"test"`
	Metric        string  `json:"metric"`
	Order         string  `json:"order"`
	StandingOrder string  `json:"standing_order"`
	MovedOrders   int     `json:"moved_orders"`
	Direction     string  `json:"direction"`
	Kind          string  `json:"kind"`
	Before        float64 `json:"before"`
	After         float64 `json:"after"`
	Effect        float64 `json:"effect"`
	PValue        float64 `json:"p_value"`
}

var backtestColumns = []string{
	"diff", "label", "machine", "test", "metric", "order", "standing_order", "moved_orders", "kind", "before", "after", "effect", "p_value",
}

// Run asks for a backtest, follows it and shows its report. The exit code is 2 when nothing was queued, 1 when it did not end well.
func (c *backtestCmd) Run(ctx context.Context) error {
	if c.ID == "" && c.Cancel || c.Shadow && !c.Promote {
		return exit{errors.New("--cancel needs --id, and --shadow needs --promote"), exitNotJudged}
	}
	b, err := c.begin(ctx)
	if err != nil || c.Cancel {
		return err
	}
	if c.ID == "" && !c.Wait {
		fmt.Println(b.ID)
		return nil
	}
	if c.Wait {
		if b, err = c.follow(ctx, b); err != nil {
			return err
		}
	}
	if b.State != "done" {
		return fmt.Errorf("backtest %s is %s%s", b.ID, b.State, lo.Ternary(b.Error == "", "", ": "+b.Error))
	}
	if err := c.show(ctx, b); err != nil {
		return err
	}
	if !c.Promote {
		return nil
	}
	return c.promote(ctx, b)
}

// begin asks for a backtest, or finds the one that --id names.
func (c *backtestCmd) begin(ctx context.Context) (backtestItem, error) {
	var b backtestItem
	var err error
	switch {
	case c.Cancel:
		err = c.call(ctx, http.MethodDelete, "backtests/"+url.PathEscape(c.ID), nil, nil, nil)
	case c.ID != "":
		err = c.call(ctx, http.MethodGet, "backtests/"+url.PathEscape(c.ID), nil, nil, &b)
	default:
		err = c.call(ctx, http.MethodPost, "backtests", nil, map[string]any{
			"detector": c.Detector, "preset": c.Preset, "params": c.Param, "since": c.Since, "until": c.Until,
			"machine": c.Machine, "test": c.Test, "metric": c.Metric, "margin": c.Margin, "note": c.Note,
		}, &b)
	}
	var refused *restError
	if errors.As(err, &refused) {
		return b, exit{refused, exitNotJudged}
	}
	return b, err
}

// pollEvery is the time between two questions about the progress.
const pollEvery = 500 * time.Millisecond

// follow asks until the backtest is at its end, and shows how far it is.
func (c *backtestCmd) follow(ctx context.Context, b backtestItem) (backtestItem, error) {
	bar := newBacktestBar(os.Stderr, c.Quiet)
	defer bar.end()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for b.State == "queued" || b.State == "running" {
		bar.show(b)
		select {
		case <-ctx.Done():
			return b, fmt.Errorf("no longer waiting for backtest %s, which goes on; look at it with --id", b.ID)
		case <-tick.C:
		}
		var now backtestItem
		err := c.call(ctx, http.MethodGet, "backtests/"+b.ID, nil, nil, &now)
		var refused *restError
		switch {
		case err == nil:
			b = now
		case errors.As(err, &refused) && refused.status < http.StatusInternalServerError, !c.KeepWaiting && ctx.Err() == nil:
			return b, fmt.Errorf("backtest %s: %w", b.ID, err)
		}
	}
	bar.show(b)
	return b, nil
}

// show prints the difference, and on standard error what it comes to.
func (c *backtestCmd) show(ctx context.Context, b backtestItem) error {
	var rows []backtestRow
	for _, diff := range c.Diff {
		if err := pages(ctx, c.restFlags, "backtests/"+b.ID+"/findings", url.Values{"diff": {diff}, "limit": {"10000"}}, func(r backtestRow) error {
			rows = append(rows, r)
			return nil
		}); err != nil {
			return err
		}
	}
	number := lo.Ternary(c.format() == "table", rounded, exact)
	if err := printRows(os.Stdout, c.format(), backtestColumns, rows, func(r backtestRow) []string {
		label := map[int]string{1: "real", -1: "not real"}[r.Label]
		return []string{
			r.Diff, label, r.Machine, r.Test, r.Metric, r.Order, r.StandingOrder, strconv.Itoa(r.MovedOrders), r.Kind,
			number(r.Before), number(r.After), number(r.Effect), number(r.PValue),
		}
	}); err != nil {
		return err
	}
	fmt.Fprint(os.Stderr, b.summary())
	return nil
}

// summary is the report in words.
func (b backtestItem) summary() string {
	var s strings.Builder
	fmt.Fprintf(&s, "backtest %s of %s (version %d): %d series in %.1f s\n", b.ID, b.Detector, b.Version, b.SeriesDone, b.Seconds)
	r := b.Report
	if r == nil {
		return s.String()
	}
	fmt.Fprintf(&s, "found %d, %d stand: %d new, %d lost, %d moved, %d same\n", r.Found, r.Standing, r.New, r.Lost, r.Moved, r.Same)
	percent := func(p *float64) string {
		if p == nil {
			return "unknown"
		}
		return strconv.FormatFloat(100**p, 'f', 1, 64) + " %"
	}
	fmt.Fprintf(&s, "of those with a label: precision %s (what stands: %s), recall %s; %d real and %d not real of those found, %d and %d of those known\n",
		percent(r.Precision), percent(r.StandingPrecision), percent(r.Recall), r.FoundReal, r.FoundNotReal, r.KnownReal, r.KnownNotReal)
	return s.String()
}

func (c *backtestCmd) promote(ctx context.Context, b backtestItem) error {
	mode := lo.Ternary(c.Shadow, "shadow", "active")
	err := c.call(ctx, http.MethodPost, "backtests/"+b.ID+"/promote", nil, map[string]any{"mode": mode, "reason": c.Note}, nil)
	if err != nil {
		return fmt.Errorf("not promoted: %w", err)
	}
	fmt.Fprintf(os.Stderr, "%s judges from now on (%s)\n", b.Detector, mode)
	return nil
}

// backtestBar is one line on a terminal that says how far a backtest is.
type backtestBar struct {
	out   io.Writer
	drawn bool
}

func newBacktestBar(out *os.File, quiet bool) *backtestBar {
	if quiet || !term.IsTerminal(int(out.Fd())) { //nolint:gosec // a file descriptor
		return &backtestBar{}
	}
	return &backtestBar{out: out}
}

func (b *backtestBar) show(item backtestItem) {
	if b.out == nil {
		return
	}
	b.drawn = true
	const width = 30
	filled := 0
	if item.SeriesAll > 0 {
		filled = int(width * item.SeriesDone / item.SeriesAll) //nolint:gosec // at most width
	}
	fmt.Fprintf(b.out, "\r\x1b[K%-8s [%s%s] %d of %d series, %.0f a second", item.State,
		strings.Repeat("#", filled), strings.Repeat(" ", width-filled), item.SeriesDone, item.SeriesAll, item.SeriesPerSecond)
}

func (b *backtestBar) end() {
	if b.drawn {
		fmt.Fprintln(b.out)
	}
}
