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
}

// Help is the long text of `tidemark why --help`.
func (whyCmd) Help() string {
	return `Judges a series of the server anew and tells of the order and its neighbours each check with its value, its threshold and whether
it passed. stopped_by is the first check not passed; it is empty where a change is found.`
}

// Run prints why a change is found at an order, or why not.
func (c *whyCmd) Run(ctx context.Context) error {
	query := given("machine", c.Machine, "test", c.Test, "metric", c.Metric, "order", c.Order, "detector", c.Detector, "preset", c.Preset, "around", strconv.Itoa(c.Around))
	for name, value := range c.Param {
		query.Set("param."+name, value)
	}
	if c.format() == "json" {
		return c.show(ctx, http.MethodGet, "why", query, nil)
	}
	type check struct {
		Name             string
		Value, Threshold *float64
		Passed           bool
	}
	var why struct {
		Detector, Mode, Rule, Order, Note string
		Found                             bool
		Places                            []struct {
			Order     string
			Effect    *float64
			StoppedBy string `json:"stopped_by"`
			Checks    []check
		}
	}
	if err := c.call(ctx, http.MethodGet, "why", query, nil, &why); err != nil {
		return restExit(err)
	}
	number := func(n *float64) string {
		if n == nil {
			return ""
		}
		return rounded(*n)
	}
	var rows [][]string
	for _, p := range why.Places {
		for _, one := range p.Checks {
			passed := "passed"
			if !one.Passed {
				passed = "stopped"
			}
			rows = append(rows, []string{p.Order, number(p.Effect), p.StoppedBy, one.Name, number(one.Value), number(one.Threshold), passed})
		}
	}
	columns := []string{"order", "effect", "stopped_by", "check", "value", "threshold", "result"}
	if err := printRows(os.Stdout, c.format(), columns, rows, func(row []string) []string { return row }); err != nil {
		return err
	}
	if why.Note != "" {
		fmt.Fprintln(os.Stderr, "tidemark:", why.Note)
	}
	return nil
}
