package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

type detectorsCmd struct {
	List    detectorsListCmd    `cmd:"" help:"List the detectors of a server."`
	Show    detectorsShowCmd    `cmd:"" help:"Show a detector with its parameters and presets."`
	Rules   detectorsRulesCmd   `cmd:"" help:"List the rules by which they judge: the last that matches a series counts."`
	Set     detectorsSetCmd     `cmd:"" help:"Set a rule: how a detector judges the series that match."`
	Unset   detectorsUnsetCmd   `cmd:"" help:"Take a rule away."`
	History detectorsHistoryCmd `cmd:"" help:"List every rule that was set or taken away."`
	Shadow  detectorsShadowCmd  `cmd:"" help:"Compare what detectors of mode shadow find with what stands."`
}

type detectorsListCmd struct{ restFlags }

// Run prints detectors.
func (c *detectorsListCmd) Run(ctx context.Context) error {
	var answer struct{ Items []json.RawMessage }
	if err := c.call(ctx, http.MethodGet, "detectors", nil, nil, &answer); err != nil {
		return restExit(err)
	}
	return c.rows([]string{"name", "version", "default", "presets", "params", "failing", "error", "purpose"}, answer.Items, func(raw json.RawMessage) []string {
		var d struct {
			Name, Purpose, Error string
			Version              int
			Default              bool
			Params, Presets      []struct{ Name string }
			Failing              []struct{ Job string }
		}
		_ = json.Unmarshal(raw, &d) // what is not there is empty
		names := func(of []struct{ Name string }) string {
			var all []string
			for _, one := range of {
				all = append(all, one.Name)
			}
			return strings.Join(all, ",")
		}
		return []string{
			d.Name, strconv.Itoa(d.Version), strconv.FormatBool(d.Default), names(d.Presets), names(d.Params), strconv.Itoa(len(d.Failing)), d.Error, d.Purpose,
		}
	})
}

type detectorsShowCmd struct {
	restFlags
	Name string `arg:"" help:"Detector."`
}

// Run prints a detector as JSON.
func (c *detectorsShowCmd) Run(ctx context.Context) error {
	return c.show(ctx, http.MethodGet, "detectors/"+url.PathEscape(c.Name), nil, nil)
}

type detectorsRulesCmd struct {
	restFlags
	Detector string `help:"Only the rules of this one."`
}

// Run prints rules.
func (c *detectorsRulesCmd) Run(ctx context.Context) error {
	return c.rules(ctx, "detectors/rules", c.Detector)
}

type detectorsHistoryCmd struct {
	restFlags
	Detector string `help:"Only the rules of this one."`
}

// Run prints what was set and taken away.
func (c *detectorsHistoryCmd) Run(ctx context.Context) error {
	return c.rules(ctx, "detectors/rules/history", c.Detector)
}

type detectorsShadowCmd struct {
	restFlags
	Detector string `help:"Only this one."`
}

// Help is the long text of `tidemark detectors shadow --help`.
func (detectorsShadowCmd) Help() string {
	return `found: findings of the shadow; agreed: of these, found by who is active, too; alone: by the shadow alone; missed: what stands where the
shadow judges, and it did not find. real and not_real: what people say of its findings. agreement is agreed of found, covered agreed of
what stands, precision real of what people judged. tidemark findings list --shadow --detector NAME lists what it found.`
}

// Run prints scores.
func (c *detectorsShadowCmd) Run(ctx context.Context) error {
	var answer struct{ Items []json.RawMessage }
	if err := c.call(ctx, http.MethodGet, "detectors/shadow", given("detector", c.Detector), nil, &answer); err != nil {
		return restExit(err)
	}
	columns := []string{"detector", "rules", "found", "agreed", "alone", "missed", "real", "not_real", "agreement", "covered", "precision"}
	return c.rows(columns, answer.Items, func(raw json.RawMessage) []string {
		var s struct {
			Detector                     string
			Rules                        []json.RawMessage
			Found, Agreed, Alone, Missed uint64
			Real                         uint64 `json:"found_real"`
			NotReal                      uint64 `json:"found_not_real"`
			Agreement, Covered           *float64
			Precision                    *float64
		}
		_ = json.Unmarshal(raw, &s) // what is not there is empty
		whole := func(n uint64) string { return strconv.FormatUint(n, 10) }
		return []string{
			s.Detector, strconv.Itoa(len(s.Rules)), whole(s.Found), whole(s.Agreed), whole(s.Alone), whole(s.Missed), whole(s.Real), whole(s.NotReal),
			told(s.Agreement), told(s.Covered), told(s.Precision),
		}
	})
}

// told is a number, or nothing where there is none.
func told(n *float64) string {
	if n == nil {
		return ""
	}
	return rounded(*n)
}

func (f restFlags) rules(ctx context.Context, path, detector string) error {
	var answer struct{ Items []json.RawMessage }
	if err := f.call(ctx, http.MethodGet, path, given("detector", detector), nil, &answer); err != nil {
		return restExit(err)
	}
	columns := []string{"seq", "detector", "mode", "machine", "test", "metric", "preset", "params", "removed", "actor", "at", "reason"}
	return f.rows(columns, answer.Items, func(raw json.RawMessage) []string {
		var r struct {
			Seq                                           uint64
			Detector, Mode, Machine, Test, Metric, Preset string
			Params                                        map[string]string
			Removed                                       bool
			Actor, At, Reason                             string
		}
		_ = json.Unmarshal(raw, &r) // what is not there is empty
		var params []string
		for _, name := range slices.Sorted(maps.Keys(r.Params)) {
			params = append(params, name+"="+r.Params[name])
		}
		return []string{
			fmt.Sprint(r.Seq), r.Detector, r.Mode, r.Machine, r.Test, r.Metric, r.Preset, strings.Join(params, " "), strconv.FormatBool(r.Removed), r.Actor, r.At, r.Reason,
		}
	})
}

// ruleFlags are what a rule is known by.
type ruleFlags struct {
	Detector string `arg:"" help:"Detector."`
	Machine  string `help:"Pattern of machines, with * and ?; without one all."`
	Test     string `help:"Pattern of tests."`
	Metric   string `help:"Pattern of metrics."`
	Reason   string `help:"Why."`
	DryRun   bool   `short:"n" help:"Check it, and change nothing."`
}

type detectorsSetCmd struct {
	restFlags
	ruleFlags
	Mode   string            `help:"active; shadow, which is looked at and counts nowhere; or off." enum:"active,shadow,off" default:"active"`
	Preset string            `help:"Named set of parameters."`
	Param  map[string]string `help:"Parameter; may be given several times." placeholder:"NAME=VALUE" mapsep:"none"`
}

// Run sets a rule.
func (c *detectorsSetCmd) Run(ctx context.Context) error {
	body := map[string]any{"detector": c.Detector, "mode": c.Mode, "dry_run": c.DryRun}
	for name, value := range map[string]string{"machine": c.Machine, "test": c.Test, "metric": c.Metric, "preset": c.Preset, "reason": c.Reason} {
		if value != "" {
			body[name] = value
		}
	}
	if len(c.Param) > 0 {
		body["params"] = c.Param
	}
	return c.show(ctx, http.MethodPost, "detectors/rules", nil, body)
}

type detectorsUnsetCmd struct {
	restFlags
	ruleFlags
	Shadow bool `help:"The rule is one of mode shadow."`
}

// Run takes a rule away.
func (c *detectorsUnsetCmd) Run(ctx context.Context) error {
	query := given("detector", c.Detector, "machine", c.Machine, "test", c.Test, "metric", c.Metric, "reason", c.Reason)
	if c.Shadow {
		query.Set("shadow", "true")
	}
	return c.change(ctx, c.DryRun, http.MethodDelete, "detectors/rules", query, nil)
}

type subscriptionsCmd struct {
	List   subscriptionsListCmd   `cmd:"" help:"List who is told what."`
	Add    subscriptionsAddCmd    `cmd:"" help:"Tell somebody of what is found."`
	Remove subscriptionsRemoveCmd `cmd:"" help:"Tell them no more."`
}

type subscriptionsListCmd struct{ restFlags }

// Run prints subscriptions.
func (c *subscriptionsListCmd) Run(ctx context.Context) error {
	var answer struct{ Items []json.RawMessage }
	if err := c.call(ctx, http.MethodGet, "subscriptions", nil, nil, &answer); err != nil {
		return restExit(err)
	}
	columns := []string{"id", "name", "channel", "target", "machine", "test", "metric", "kinds", "on", "min_effect", "every"}
	return c.rows(columns, answer.Items, func(raw json.RawMessage) []string {
		var s struct {
			ID, Name, Channel, Target, Machine, Test, Metric, Every string
			Kinds, On                                               []string
			MinEffect                                               float64 `json:"min_effect"`
		}
		_ = json.Unmarshal(raw, &s) // what is not there is empty
		return []string{
			s.ID, s.Name, s.Channel, s.Target, s.Machine, s.Test, s.Metric, strings.Join(s.Kinds, ","), strings.Join(s.On, ","), rounded(s.MinEffect), s.Every,
		}
	})
}

type subscriptionsAddCmd struct {
	restFlags
	Name      string   `arg:"" help:"What it is called."`
	Channel   string   `required:"" help:"webhook, slack or email." enum:"webhook,slack,email"`
	Target    string   `required:"" help:"URL or mail address."`
	Machine   string   `help:"Pattern of machines, with * and ?; without one all."`
	Test      string   `help:"Pattern of tests."`
	Metric    string   `help:"Pattern of metrics."`
	Kinds     []string `help:"regression, improvement, signal; without one all."`
	On        []string `help:"opened, extended, verify, returned; without one all."`
	MinEffect float64  `help:"Smallest relative effect that is worth a message."`
	Every     string   `help:"Together instead of at once: hourly or daily." enum:",hourly,daily" default:""`
	DryRun    bool     `short:"n" help:"Print the request, and send nothing."`
}

// Run adds a subscription.
func (c *subscriptionsAddCmd) Run(ctx context.Context) error {
	body := map[string]any{
		"name": c.Name, "channel": c.Channel, "target": c.Target, "machine": c.Machine, "test": c.Test, "metric": c.Metric,
		"kinds": append([]string{}, c.Kinds...), "on": append([]string{}, c.On...), "min_effect": c.MinEffect,
	}
	if c.Every != "" {
		body["every"] = c.Every
	}
	return c.change(ctx, c.DryRun, http.MethodPost, "subscriptions", nil, body)
}

type subscriptionsRemoveCmd struct {
	restFlags
	ID     string `arg:"" help:"Its id."`
	DryRun bool   `short:"n" help:"Print the request, and send nothing."`
}

// Run removes a subscription.
func (c *subscriptionsRemoveCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.DryRun, http.MethodDelete, "subscriptions/"+url.PathEscape(c.ID), nil, nil)
}
