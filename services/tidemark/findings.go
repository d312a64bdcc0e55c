package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
)

type findingsCmd struct {
	List    findingsListCmd    `cmd:"" help:"List the findings that stand, newest first."`
	Show    findingsShowCmd    `cmd:"" help:"Show one finding with what became of it."`
	Dismiss findingsDismissCmd `cmd:"" help:"Say that findings are none, or take that back, by one event."`
}

type findingsListCmd struct {
	restFlags
	Machine  string `help:"Machine, by name or id."`
	Test     string `help:"Test, by name or id."`
	Metric   string `help:"Metric."`
	Kind     string `help:"regression or improvement." enum:",regression,improvement" default:""`
	Cause    string `help:"code or machine." enum:",code,machine" default:""`
	Detector string `help:"Who found it."`
	Shadow   bool   `help:"Those that detectors of mode shadow found, which count nowhere."`
	AsOf     string `help:"As it was at a time or a position."`
	Limit    int    `help:"How many at most; 0 is all." default:"0"`
}

// Run prints findings.
func (c *findingsListCmd) Run(ctx context.Context) error {
	query := given("machine", c.Machine, "test", c.Test, "metric", c.Metric, "kind", c.Kind, "cause", c.Cause, "detector", c.Detector, "as_of", c.AsOf)
	if c.Shadow {
		query.Set("shadow", "true")
	}
	columns := []string{"number", "machine", "test", "metric", "previous_order", "order", "direction", "kind", "cause", "before", "after", "effect", "p_value", "detector", "found_at"}
	return c.list(ctx, "findings", query, c.Limit, columns, func(raw json.RawMessage) []string {
		var f struct {
			Number                                        uint32
			Machine, Test, Metric, Order, Direction, Kind string
			Cause                                         string
			PreviousOrder                                 string `json:"previous_order"`
			Before, After, Effect                         float64
			PValue                                        float64 `json:"p_value"`
			Detector                                      struct{ Name string }
			FoundAt                                       string `json:"found_at"`
		}
		_ = json.Unmarshal(raw, &f) // what is not there is empty
		return []string{
			strconv.Itoa(int(f.Number)), f.Machine, f.Test, f.Metric, f.PreviousOrder, f.Order, f.Direction, f.Kind, f.Cause,
			rounded(f.Before), rounded(f.After), rounded(f.Effect), rounded(f.PValue), f.Detector.Name, f.FoundAt,
		}
	})
}

type findingsShowCmd struct {
	restFlags
	ID string `arg:"" help:"Number or uuid."`
}

// Run prints a finding as JSON.
func (c *findingsShowCmd) Run(ctx context.Context) error {
	return c.show(ctx, http.MethodGet, "findings/"+url.PathEscape(c.ID), nil, nil)
}

type findingsDismissCmd struct {
	restFlags
	chosenFlags
	Restore bool   `help:"Take earlier dismissals back."`
	Note    string `help:"Why."`
}

// Run dismisses findings.
func (c *findingsDismissCmd) Run(ctx context.Context) error {
	body := c.body()
	body["restore"], body["note"] = c.Restore, c.Note
	return c.show(ctx, http.MethodPost, "findings/dismiss", nil, body)
}

type whyCmd struct {
	restFlags
	Machine  string            `required:"" help:"Machine, by name or id."`
	Test     string            `required:"" help:"Test, by name or id."`
	Metric   string            `required:"" help:"Metric."`
	Order    string            `required:"" help:"First order after the change."`
	Detector string            `help:"Who judges; without one whoever judges the series by its rules."`
	Preset   string            `help:"Named set of parameters, instead of the rule's."`
	Param    map[string]string `help:"Parameter of the detector, instead of the rule's; may be given several times." placeholder:"NAME=VALUE" mapsep:"none"`
	Around   int               `help:"How many orders before and after it are told of, too." default:"3"`
	AsOf     string            `help:"By the data and rules as they were at a time or a position."`
	All      bool              `help:"Every check of every order, not just the order's own."`
}

// Help is the long text of `tidemark why --help`.
func (whyCmd) Help() string {
	return `Judges a series of the server anew. First come the checks of the order, each with its value, its threshold and whether it passed, then
one line for each neighbour with the check that stopped it. stopped_by is the first check not passed; it is empty where a change is
found. With --all, and in JSON, the neighbours' checks are told, too.`
}

// Run prints why a change is found at an order, or why not.
func (c *whyCmd) Run(ctx context.Context) error {
	query := given("machine", c.Machine, "test", c.Test, "metric", c.Metric, "order", c.Order, "detector", c.Detector, "preset", c.Preset, "around", strconv.Itoa(c.Around), "as_of", c.AsOf)
	for name, value := range c.Param {
		query.Set("param."+name, value)
	}
	if c.format() == "json" {
		return c.show(ctx, http.MethodGet, "why", query, nil)
	}
	var why whyTold
	if err := c.call(ctx, http.MethodGet, "why", query, nil, &why); err != nil {
		return restExit(err)
	}
	columns := []string{"order", "effect", "stopped_by", "check", "value", "threshold", "result"}
	if err := printRows(os.Stdout, c.format(), columns, why.rows(c.All), func(row []string) []string { return row }); err != nil {
		return err
	}
	if why.Note != "" {
		fmt.Fprintln(os.Stderr, "tidemark:", why.Note)
	}
	return nil
}

// whyTold is what the table is made of.
type whyTold struct {
	Order, Note string
	Places      []whyPlace
}

type whyPlace struct {
	Order     string
	Finding   bool
	Effect    *float64
	StoppedBy string `json:"stopped_by"`
	Checks    []struct {
		Name             string
		Value, Threshold *float64
		Passed           bool
	}
}

// rows are the checks of the order that was asked for, then its neighbours: a line each, or with all every check in the order of the
// series.
func (w whyTold) rows(all bool) [][]string {
	var own, others [][]string
	for _, p := range w.Places {
		asked := p.Order == w.Order
		if all || asked {
			own = append(own, p.checks()...)
		} else {
			others = append(others, p.line())
		}
	}
	return append(own, others...)
}

func (p whyPlace) result() string {
	if p.Finding {
		return "change"
	}
	return "no change"
}

// line is the check that stopped it, or that none did.
func (p whyPlace) line() []string {
	for _, c := range p.Checks {
		if c.Name == p.StoppedBy {
			return []string{p.Order, told(p.Effect), p.StoppedBy, c.Name, told(c.Value), told(c.Threshold), p.result()}
		}
	}
	return []string{p.Order, told(p.Effect), p.StoppedBy, "", "", "", p.result()}
}

func (p whyPlace) checks() [][]string {
	if len(p.Checks) == 0 {
		return [][]string{p.line()}
	}
	var rows [][]string
	for _, c := range p.Checks {
		result := "passed"
		if !c.Passed {
			result = "stopped"
		}
		rows = append(rows, []string{p.Order, told(p.Effect), p.StoppedBy, c.Name, told(c.Value), told(c.Threshold), result})
	}
	return rows
}
