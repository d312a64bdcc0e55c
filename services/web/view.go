package web

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/auth"
	"tidemark/pkg/httpx"
	"tidemark/pkg/suite"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pageNames are the pages; each has a template file of its name.
var pageNames = []string{
	"receipt", "audit", "search", "test", "sql", "admin",
	"home", "suite", "machine", "run", "order", "orders", "graph", "why", "findings", "receipts", "problem", "signin",
	"regressions", "regression", "detectors", "backtests", "backtest", "subscriptions", "job_runs", "noise",
	"compare", "heatmap",
	"receipt", "audit",
	"receipt",
	"compare", "heatmap", "matrix", "daily", "latest", "status", "profile",
}

// view is what every page is made from.
type view struct {
	Title string
	// Section is the tab to mark as the current one.
	Section string
	L       links
	// Database and Suite are "" on pages that are not about one.
	Database, Suite string
	Crumbs          []crumb
	Menu            []menuEntry
	Now             time.Time
	Version         string
	// Chart says that the page draws one.
	Chart bool
	// Script is the page's own script, "" for none.
	Script string
	// Query is what was looked for.
	Query string
	// Who reads the page; SignIn leads to where one becomes known, "" where nobody can.
	Who    auth.Visitor
	SignIn string
	Body   any
}

// crumb is one step of the way to this page; the last one has no address.
type crumb struct{ Text, Address string }

// menuEntry is a database with its suites.
type menuEntry struct {
	Database string
	Suites   []string
}

// suiteView is a suite that a page is about.
type suiteView struct {
	Database string
	suite.Schema
	// Known is false for a built-in suite that has not seen an event.
	Known bool
}

// realMetrics are the metrics that have a chart, with their field index.
func (s suiteView) realMetrics() []metricChoice {
	return lo.FilterMap(s.Metrics, func(m suite.Metric, i int) (metricChoice, bool) {
		return metricChoice{Index: i, Metric: m}, m.Type == suite.Real
	})
}

type metricChoice struct {
	Index int
	suite.Metric
}

func parseTemplates(found *assets) (map[string]*template.Template, error) {
	base, err := template.New("layout.html").Funcs(templateFuncs(found)).
		ParseFS(templateFiles, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, name := range pageNames {
		page, err := base.Clone()
		if err == nil {
			page, err = page.ParseFS(templateFiles, "templates/"+name+".html")
		}
		if err != nil {
			return nil, fmt.Errorf("parse template %s: %w", name, err)
		}
		pages[name] = page
	}
	return pages, nil
}

func templateFuncs(found *assets) template.FuncMap {
	return template.FuncMap{
		"asset":     found.path,
		"hasChart":  found.HasChart,
		"count":     integer[uint64],
		"count32":   integer[uint32],
		"number":    integer[int],
		"signed":    integer[int32],
		"size":      size,
		"instant":   instant,
		"machine":   machineTime,
		"known":     known,
		"ago":       ago,
		"exact":     exact,
		"took":      took,
		"share":     func(of *float64) string { return fmt.Sprintf("%.2f", *of) },
		"clip":      clip,
		"breakable": breakable,
		"plural": func(n uint64, one, many string) string {
			return lo.Ternary(n == 1, one, many)
		},
		"chance":   chanceText,
		"contains": strings.Contains,
		"dict":     dict,
		// sub is the place of the i-th of n counted from the end.
		"sub": func(n, i int) int { return n - 1 - i },
	}
}

// breakable lets a long name break after the signs that part it, and nowhere else
// while it can.
func breakable(name string) template.HTML {
	var out strings.Builder
	for _, part := range strings.SplitAfter(name, "/") {
		out.WriteString(template.HTMLEscapeString(part))
		out.WriteString("<wbr>")
	}
	return template.HTML(strings.TrimSuffix(out.String(), "<wbr>")) //nolint:gosec // every part is escaped above
}

// dict lets a template hand several values to another one.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d values are not pairs", len(pairs))
	}
	made := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is not a name", pairs[i])
		}
		made[name] = pairs[i+1]
	}
	return made, nil
}

// view starts a page.
func (s *Service) view(c *fiber.Ctx, title string) view {
	v := view{Title: title, L: newLinks(httpx.RootURL(c)), Now: s.nowOf(c), Version: s.version, Who: auth.VisitorOf(c)}
	if s.door != nil && s.door.Keys().Any() {
		v.SignIn = v.L.SignIn() + "?next=" + url.QueryEscape(c.OriginalURL())
	}
	return v
}

// render writes a page. A template that fails leaves nothing half-written.
func (s *Service) render(c *fiber.Ctx, name string, v view) error {
	return s.renderPart(c, name, "layout.html", v)
}

// renderPart writes a part of a page, for a script that puts it into another.
func (s *Service) renderPart(c *fiber.Ctx, name, part string, v view) error {
	var out bytes.Buffer
	if err := s.templates[name].ExecuteTemplate(&out, part, v); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.Send(out.Bytes())
}

// defaultDatabase is the one LNT's addresses without a database mean.
const defaultDatabase = "default"

// databaseOf is the database the address names.
func databaseOf(c *fiber.Ctx) string { return c.Params("db", defaultDatabase) }

// catalog is every suite that has seen an event.
type catalog []suiteRow

func (s *Service) catalog(ctx context.Context) (catalog, error) {
	return list[suiteRow](ctx, s, "page_suites", nil)
}

// menu is every database with its suites: those with data, and the configured ones.
func (s *Service) menu(known catalog) []menuEntry {
	names := lo.Uniq(append(slices.Clone(s.cfg.Databases), lo.Map(known, func(r suiteRow, _ int) string { return r.Database })...))
	slices.Sort(names)
	return lo.Map(names, func(name string, _ int) menuEntry {
		return menuEntry{Database: name, Suites: known.suites(name)}
	})
}

// suites are the suites of a database with data, or the built-in ones where there is none.
func (k catalog) suites(database string) []string {
	found := lo.FilterMap(k, func(r suiteRow, _ int) (string, bool) { return r.Suite, r.Database == database })
	if len(found) == 0 {
		return lo.Map(suite.BuiltIns(), func(b suite.Schema, _ int) string { return b.Name })
	}
	return found
}

// schemas are the schemas of all suites by "database/suite".
func (k catalog) schemas() map[string]suiteView {
	found := map[string]suiteView{}
	for _, row := range k {
		// A suite whose schema cannot be read has no metrics to link to; its own page says so.
		if schema, err := suite.Decode([]byte(row.Schema)); err == nil {
			found[row.Database+"/"+row.Suite] = suiteView{Database: row.Database, Schema: schema, Known: true}
		}
	}
	return found
}

// suitePage starts a page about a suite: it finds the suite the address names.
func (s *Service) suitePage(c *fiber.Ctx, title, section string) (view, suiteView, error) {
	known, err := s.catalog(c.UserContext())
	if err != nil {
		return view{}, suiteView{}, err
	}
	v := s.view(c, title)
	database, name := databaseOf(c), c.Params("suite")
	found, err := s.findSuite(known, v.L, database, name)
	if err != nil {
		return view{}, suiteView{}, err
	}
	v.Database, v.Suite, v.Section, v.Menu = database, name, section, s.menu(known)
	v.Crumbs = []crumb{
		{database, v.L.Database(database)},
		{name, v.L.Suite(database, name)},
	}
	around := v
	around.Section = ""
	c.Locals(surroundings, around)
	return v, found, nil
}

func (s *Service) findSuite(known catalog, l links, database, name string) (suiteView, error) {
	row, ok := lo.Find(known, func(r suiteRow) bool { return r.Database == database && r.Suite == name })
	if ok {
		schema, err := suite.Decode([]byte(row.Schema))
		if err != nil {
			return suiteView{}, fmt.Errorf("schema of %s/%s: %w", database, name, err)
		}
		return suiteView{Database: database, Schema: schema, Known: true}, nil
	}
	if err := s.findDatabase(known, l, database); err != nil {
		return suiteView{}, err
	}
	if schema, ok := suite.BuiltIn(name); ok {
		return suiteView{Database: database, Schema: schema}, nil
	}
	return suiteView{}, notHere(fmt.Sprintf("Database %s has no suite called %s.", database, clip(name, 100)),
		"It has: "+strings.Join(known.suites(database), ", ")+". A suite appears with its first submission.",
		l.Database(database), "Suites of "+database)
}

func (s *Service) findDatabase(known catalog, l links, database string) error {
	menu := s.menu(known)
	if lo.ContainsBy(menu, func(m menuEntry) bool { return m.Database == database }) {
		return nil
	}
	names := lo.Map(menu, func(m menuEntry, _ int) string { return m.Database })
	return notHere(fmt.Sprintf("There is no database called %s.", clip(database, 100)),
		"There are: "+strings.Join(names, ", ")+".", l.Home(), "All databases")
}

// May says whether the reader may do in the page's database what needs this scope.
func (v view) May(word string) (bool, error) {
	scope, err := auth.ParseScope(word)
	return err == nil && v.Who.CSRF != "" && v.Who.May(scope, v.Database), err
}

// crumb ends the way to this page.
func (v *view) crumb(text string) {
	v.Crumbs = append(v.Crumbs, crumb{Text: text})
}

// attribute is one line of what is known about a machine or a run.
type attribute struct{ Name, Value string }

// attributes lists declared fields in their declared order, then all others by name.
func attributes(declared []suite.Field, fields map[string]string, params string) []attribute {
	var out []attribute
	for _, f := range declared {
		if value := fields[f.Name]; value != "" {
			out = append(out, attribute{f.Name, value})
		}
	}
	free := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(params), &free); err != nil {
		return out
	}
	names := lo.Keys(free)
	slices.Sort(names)
	for _, name := range names {
		value := string(free[name])
		var plain string
		if json.Unmarshal(free[name], &plain) == nil {
			value = plain
		}
		out = append(out, attribute{name, value})
	}
	return out
}
