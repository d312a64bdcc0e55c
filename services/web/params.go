package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
)

// maxText bounds a text typed into a filter.
const maxText = 256

// pathID reads a positive id from the path.
func pathID(c *fiber.Ctx, name, what string) (uint32, error) {
	id, err := strconv.ParseUint(c.Params(name), 10, 32)
	if err != nil || id == 0 {
		return 0, badParameter(what, c.Params(name), "The end of the address must be a number from 1 on, as in the links of the lists.")
	}
	return uint32(id), nil
}

// number reads a non-negative number from the query; absent is 0.
func number(c *fiber.Ctx, name string, most uint64) (uint64, error) {
	text := c.Query(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > most {
		return 0, badParameter(name, text, fmt.Sprintf("%s must be a whole number from 0 to %d.", name, most))
	}
	return n, nil
}

// text reads a filter text from the query.
func text(c *fiber.Ctx, name string) (string, error) {
	value := c.Query(name)
	switch {
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return "", badParameter(name, strings.ToValidUTF8(value, "?"), name+" must be text in UTF-8.")
	case utf8.RuneCountInString(value) > maxText:
		return "", badParameter(name, value, fmt.Sprintf("%s may have at most %d characters.", name, maxText))
	}
	return strings.TrimSpace(value), nil
}

// choice reads one of some words from the query; absent is the first of them.
func choice(c *fiber.Ctx, name string, words ...string) (string, error) {
	value := c.Query(name)
	if value == "" {
		return words[0], nil
	}
	if !slices.Contains(words, value) {
		return "", badParameter(name, value, fmt.Sprintf("%s must be one of: %s.", name, listed(words)))
	}
	return value, nil
}

func listed(words []string) string {
	shown := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
	return strings.Join(shown, ", ")
}

// maxPage keeps offsets within what a list may be asked to skip.
const maxPage = 100_000

// pager is the place in a list of several pages.
type pager struct {
	Page, Rows, Total int
	// Query is the address of the list, to which the page number is added.
	Query string
}

func readPager(c *fiber.Ctx, rows int) (pager, error) {
	n, err := number(c, "page", maxPage)
	if err != nil {
		return pager{}, err
	}
	return pager{Page: max(1, int(n)), Rows: rows, Query: addressWithout(c, "page")}, nil
}

func (p pager) offset() uint32 { return uint32((p.Page - 1) * p.Rows) }

// Pages is how many pages there are.
func (p pager) Pages() int { return max(1, (p.Total+p.Rows-1)/p.Rows) }

// First and Last are the numbers of the rows shown.
func (p pager) First() int { return min(p.Total, (p.Page-1)*p.Rows+1) }

// Last is the number of the last row shown.
func (p pager) Last() int { return min(p.Total, p.Page*p.Rows) }

// Previous is the address of the page before, "" on the first one.
func (p pager) Previous() string { return p.at(p.Page - 1) }

// Next is the address of the page after, "" on the last one.
func (p pager) Next() string { return p.at(p.Page + 1) }

// FirstPage is where to go from a page that is beyond the end.
func (p pager) FirstPage() string { return p.at(1) }

func (p pager) at(page int) string {
	if page < 1 || page > p.Pages() {
		return ""
	}
	return p.Query + "page=" + strconv.Itoa(page)
}

// addressWithout is the query of this page without some parameters, ending so that
// another one can be added.
func addressWithout(c *fiber.Ctx, names ...string) string {
	args := fiber.AcquireArgs()
	defer fiber.ReleaseArgs(args)
	c.Context().QueryArgs().VisitAll(func(key, value []byte) {
		if len(value) > 0 && !slices.Contains(names, string(key)) {
			args.AddBytesKV(key, value)
		}
	})
	if args.Len() == 0 {
		return "?"
	}
	return "?" + args.String() + "&"
}

// stepped is a page of a list of which one row more was read than a page has, newest first, with the addresses of the page after it and of the
// first page; "" where there is none. before says of the last row where the next page begins.
func stepped[T any](c *fiber.Ctx, rows []T, most int, before func(last T) string) (page []T, older, newest string) {
	base := addressWithout(c, "before")
	if len(rows) > most {
		rows = rows[:most]
		older = base + "before=" + url.QueryEscape(before(rows[most-1]))
	}
	if c.Query("before") != "" {
		newest = base
	}
	return rows, older, newest
}

// readPlots reads every plot.<anything>=<machine>.<test>.<field> in the order of
// their names: plot.2 before plot.10.
func readPlots(c *fiber.Ctx, most int) ([]plot, error) {
	type named struct {
		name string
		plot plot
	}
	var (
		found []named
		wrong error
	)
	c.Context().QueryArgs().VisitAll(func(key, value []byte) {
		name := string(key)
		if wrong != nil || !strings.HasPrefix(name, "plot.") {
			return
		}
		p, err := parsePlot(string(value))
		if err != nil {
			wrong = badParameter(clip(name, 60), string(value), err.Error())
			return
		}
		found = append(found, named{name, p})
	})
	if wrong != nil {
		return nil, wrong
	}
	if len(found) > most {
		return nil, badParameter("plot", fmt.Sprintf("%d lines", len(found)), fmt.Sprintf("A chart has at most %d lines: leave some out.", most))
	}
	slices.SortStableFunc(found, func(a, b named) int { return compareNumbered(a.name, b.name) })
	var plots []plot
	for _, f := range found {
		if !slices.Contains(plots, f.plot) {
			plots = append(plots, f.plot)
		}
	}
	return plots, nil
}

// compareNumbered orders names that end in a number by that number.
func compareNumbered(a, b string) int {
	x, errX := strconv.Atoi(strings.TrimPrefix(a, "plot."))
	y, errY := strconv.Atoi(strings.TrimPrefix(b, "plot."))
	if errX == nil && errY == nil {
		return x - y
	}
	return strings.Compare(a, b)
}

// parsePlot reads "machine.test.field".
func parsePlot(value string) (plot, error) {
	parts := strings.Split(value, ".")
	wrong := fmt.Errorf("Write it as machine id, test id and field index with points between them, for example 1.7.2.") //nolint:staticcheck,revive // shown as a sentence on a page
	if len(parts) != 3 {
		return plot{}, wrong
	}
	machine, errMachine := strconv.ParseUint(parts[0], 10, 32)
	test, errTest := strconv.ParseUint(parts[1], 10, 32)
	field, errField := strconv.ParseUint(parts[2], 10, 16)
	if errMachine != nil || errTest != nil || errField != nil || machine == 0 || test == 0 {
		return plot{}, wrong
	}
	return plot{Machine: uint32(machine), Test: uint32(test), Field: int(field)}, nil
}
