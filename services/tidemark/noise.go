package main

import (
	"cmp"
	"context"
	"math"
	"net/url"
	"os"
	"slices"
	"strconv"

	"github.com/samber/lo"
)

type noiseCmd struct {
	restFlags
	Machine string  `required:"" help:"Machine, by name or id."`
	Metric  string  `help:"Metric; without one all."`
	Test    string  `help:"Test, by name or id; without one all."`
	Orders  int     `help:"How many of the machine's newest orders to look at, from 2 to 1000." default:"50"`
	Goal    float64 `help:"Relative change that should be seen; says how many samples per order that takes." default:"0.01"`
}

// Help is the long text of `tidemark noise --help`.
func (noiseCmd) Help() string {
	return `Tells of each series of a machine how noisy it is: the spread within an order, that from order to order, the part of it that the
machine does to all series of a metric, the smallest change that can be seen and the samples per order that the goal takes. Spreads
are in the metric's unit. A table begins with the series in which the least can be seen. See docs/noise.md.`
}

// noiseItem is a series as the server tells of it.
type noiseItem struct {
	Metric          string   `json:"metric"`
	Unit            string   `json:"unit"`
	TestID          uint32   `json:"test_id"`
	Test            string   `json:"test"`
	Orders          uint32   `json:"orders"`
	SamplesPerOrder uint32   `json:"samples_per_order"`
	Level           float64  `json:"level"`
	WithinSpread    *float64 `json:"within_spread"`
	RunSpread       *float64 `json:"run_spread"`
	MachineSpread   *float64 `json:"machine_spread"`
	MinEffect       *float64 `json:"min_effect"`
	SamplesNeeded   *uint64  `json:"samples_needed"`
	LimitedBy       string   `json:"limited_by"`
	SameCodePairs   uint32   `json:"same_code_pairs"`
	SameCodeSpread  *float64 `json:"same_code_spread"`
}

var noiseColumns = []string{
	"test", "metric", "unit", "orders", "samples_per_order", "level", "within_spread", "run_spread", "machine_spread", "min_effect",
	"samples_needed", "limited_by", "same_code_pairs", "same_code_spread",
}

// Run prints the noise of a machine's series.
func (c *noiseCmd) Run(ctx context.Context) error {
	query := url.Values{
		"machine": {c.Machine}, "orders": {strconv.Itoa(c.Orders)}, "goal": {strconv.FormatFloat(c.Goal, 'g', -1, 64)},
		"limit": {"10000"},
	}
	for name, value := range map[string]string{"metric": c.Metric, "test": c.Test} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var items []noiseItem
	if err := pages(ctx, c.restFlags, "noise", query, func(i noiseItem) error {
		items = append(items, i)
		return nil
	}); err != nil {
		return err
	}
	number := exact
	if c.format() == "table" {
		number = rounded
		seen := func(i noiseItem) float64 { return lo.FromPtrOr(i.MinEffect, math.Inf(1)) }
		slices.SortStableFunc(items, func(a, b noiseItem) int { return cmp.Compare(seen(b), seen(a)) })
	}
	return printRows(os.Stdout, c.format(), noiseColumns, items, func(i noiseItem) []string { return i.fields(number) })
}

// fields are the values in the order of the columns; what is not known is empty.
func (i noiseItem) fields(number func(float64) string) []string {
	known := func(n *float64) string {
		if n == nil {
			return ""
		}
		return number(*n)
	}
	needed := ""
	if i.SamplesNeeded != nil {
		needed = strconv.FormatUint(*i.SamplesNeeded, 10)
	}
	whole := func(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
	return []string{
		i.Test, i.Metric, i.Unit, whole(i.Orders), whole(i.SamplesPerOrder), number(i.Level), known(i.WithinSpread), known(i.RunSpread),
		known(i.MachineSpread), known(i.MinEffect), needed, i.LimitedBy, whole(i.SameCodePairs), known(i.SameCodeSpread),
	}
}
