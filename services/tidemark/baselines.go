package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

type baselinesCmd struct {
	List   baselinesListCmd   `cmd:"" help:"List the orders that have a name to compare with."`
	Set    baselinesSetCmd    `cmd:"" help:"Give an order a name; the one that has it loses it."`
	Remove baselinesRemoveCmd `cmd:"" help:"Take a name away."`
}

type baselinesListCmd struct{ restFlags }

// Run prints baselines.
func (c *baselinesListCmd) Run(ctx context.Context) error {
	var answer struct{ Items []json.RawMessage }
	if err := c.call(ctx, http.MethodGet, "baselines", nil, nil, &answer); err != nil {
		return restExit(err)
	}
	return c.rows([]string{"name", "order", "comment", "actor"}, answer.Items, func(raw json.RawMessage) []string {
		var b struct{ Name, Order, Comment, Actor string }
		_ = json.Unmarshal(raw, &b) // what is not there is empty
		return []string{b.Name, b.Order, b.Comment, b.Actor}
	})
}

type baselinesSetCmd struct {
	restFlags
	Name    string `arg:"" help:"The name, of up to 32 characters."`
	Order   string `arg:"" help:"The order, by name or number."`
	Comment string `help:"What it is."`
	DryRun  bool   `short:"n" help:"Print the request, and send nothing."`
}

// Run gives an order a name.
func (c *baselinesSetCmd) Run(ctx context.Context) error {
	body := map[string]any{"name": c.Name, "order": c.Order}
	if c.Comment != "" {
		body["comment"] = c.Comment
	}
	return c.change(ctx, c.DryRun, http.MethodPost, "baselines", nil, body)
}

type baselinesRemoveCmd struct {
	restFlags
	Name   string `arg:"" help:"The name."`
	DryRun bool   `short:"n" help:"Print the request, and send nothing."`
}

// Run takes a name away.
func (c *baselinesRemoveCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.DryRun, http.MethodDelete, "baselines/"+url.PathEscape(c.Name), nil, nil)
}
