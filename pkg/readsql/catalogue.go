package readsql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/samber/lo"

	"tidemark/sql"
)

// View is a view that may be read.
type View struct {
	Name    string       `json:"name"`
	Purpose string       `json:"purpose"`
	Columns []ViewColumn `json:"columns"`
}

// ViewColumn is a column of a [View]. Unit is empty for what has none.
type ViewColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Unit string `json:"unit"`
	Help string `json:"help"`
}

// catalogue is what the gate knows of the database: which names are views and which are tables.
type catalogue struct {
	database  string
	views     map[string]View
	tables    map[string]string   // engines of what is no view, by name
	beneath   map[string][]string // the tables beneath each view
	functions map[string]struct{} // lower case
	foreign   map[string]struct{} // functions that people defined
	unsteady  map[string]struct{} // functions whose answers change by themselves; nil when unknown
	guard     *Guard
	readAt    time.Time
}

// catalogueAge is how long a catalogue is taken for true.
const catalogueAge = time.Minute

// load asks the engine what there is.
func load(ctx context.Context, t *target, now time.Time) (*catalogue, error) {
	c := &catalogue{
		database: t.database, readAt: now, views: map[string]View{}, tables: map[string]string{}, beneath: map[string][]string{},
		functions: map[string]struct{}{}, foreign: map[string]struct{}{}, unsteady: map[string]struct{}{},
	}
	ours, err := productViews()
	if err != nil {
		return nil, err
	}
	sources := map[string]string{}
	err = t.rows(ctx, "SELECT name, engine, as_select FROM system.tables WHERE database = currentDatabase()", func(row []string) {
		if row[1] != "View" || !strings.HasPrefix(row[0], "v_") {
			c.tables[row[0]] = row[1]
			return
		}
		sources[row[0]] = row[2]
		if ours[row[0]] {
			c.tables[row[0]] = row[1]
			return
		}
		c.views[row[0]] = View{Name: row[0]}
	})
	if err != nil {
		return nil, err
	}
	if err := c.loadColumns(ctx, t); err != nil {
		return nil, err
	}
	for name := range c.views {
		c.beneath[name] = c.tablesBeneath(name, sources)
	}
	return c, c.loadFunctions(ctx, t)
}

// productViews are the views that only the product reads: their header says "readers: no".
func productViews() (map[string]bool, error) {
	files, err := sql.Views()
	if err != nil {
		return nil, err
	}
	return lo.SliceToMap(files, func(f sql.File) (string, bool) { return f.Header["name"], f.Header["readers"] == "no" }), nil
}

func (c *catalogue) loadColumns(ctx context.Context, t *target) error {
	told, err := sql.Columns()
	if err != nil {
		return err
	}
	err = t.rows(ctx, "SELECT table, name, type FROM system.columns WHERE database = currentDatabase() AND startsWith(table, 'v_') ORDER BY table, position",
		func(row []string) {
			view, known := c.views[row[0]]
			if !known {
				return
			}
			of, _ := told.Of(row[0], row[1])
			view.Columns = append(view.Columns, ViewColumn{Name: row[1], Type: row[2], Unit: of.Unit, Help: of.Help})
			c.views[row[0]] = view
		})
	if err != nil {
		return err
	}
	files, err := sql.Views()
	if err != nil {
		return err
	}
	for _, f := range files {
		if view, known := c.views[f.Header["name"]]; known {
			view.Purpose = f.Purpose
			c.views[view.Name] = view
		}
	}
	return nil
}

// loadFunctions also makes the guard. Engines name the column that tells of clocks and chance differently; without it
// every answer counts as new.
func (c *catalogue) loadFunctions(ctx context.Context, t *target) error {
	var names, tableFunctions []string
	err := t.rows(ctx, "SELECT name, toString(origin) FROM system.functions", func(row []string) {
		lower := strings.ToLower(row[0])
		names = append(names, row[0])
		c.functions[lower] = struct{}{}
		if row[1] != "System" {
			c.foreign[lower] = struct{}{}
		}
	})
	if err != nil {
		return err
	}
	err = t.rows(ctx, "SELECT name FROM system.table_functions", func(row []string) { tableFunctions = append(tableFunctions, row[0]) })
	if err != nil {
		return err
	}
	c.guard = NewGuard(tableFunctions, names)
	for _, column := range []string{"deterministic", "is_deterministic"} {
		if err = t.rows(ctx, "SELECT name FROM system.functions WHERE "+column+" = 0", func(row []string) {
			c.unsteady[strings.ToLower(row[0])] = struct{}{}
		}); err == nil {
			delete(c.unsteady, "arrayjoin") // answers several rows, the same ones each time
			return nil
		}
	}
	c.unsteady = nil
	return ctx.Err()
}

// tablesBeneath are the tables that a view reads, through whatever views.
func (c *catalogue) tablesBeneath(name string, sources map[string]string) []string {
	seen, found := map[string]bool{name: true}, map[string]struct{}{}
	for open := []string{name}; len(open) > 0; {
		text := sources[open[0]]
		open = open[1:]
		Scan(text, func(t Token) bool {
			if t.Kind != Word && t.Kind != Quoted {
				return false
			}
			_, table := c.tables[t.Text]
			switch _, view := sources[t.Text]; {
			case view && !seen[t.Text]:
				seen[t.Text] = true
				open = append(open, t.Text)
			case table && !view:
				found[t.Text] = struct{}{}
			}
			return false
		})
	}
	return sorted(found)
}

func sorted[V any](set map[string]V) []string {
	names := lo.Keys(set)
	slices.Sort(names)
	return names
}

// list are the views by name.
func (c *catalogue) list() []View {
	return lo.Map(sorted(c.views), func(name string, _ int) View { return c.views[name] })
}

// filters is the setting that holds each view to the rows of some databases.
func (c *catalogue) filters(databases []string) string {
	within := "database IN (" + strings.Join(lo.Map(databases, func(d string, _ int) string { return quoteText(d) }), ", ") + ")"
	var pairs []string
	for _, v := range c.list() {
		if v.has("database") {
			pairs = append(pairs, quoteText(c.database+"."+v.Name)+": "+quoteText(within))
		}
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

func (v View) has(column string) bool {
	return slices.ContainsFunc(v.Columns, func(c ViewColumn) bool { return c.Name == column })
}

func quoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\t", `\t`, "\r", `\r`, "\x00", `\0`).Replace(s) + "'"
}

// position is a digest of where the tables beneath views stand: it moves with every insert into one of them, and not when
// the engine merges what is there. Empty when a table keeps no numbers.
func (c *catalogue) position(ctx context.Context, t *target, views map[string]struct{}) (string, error) {
	tables := lo.Uniq(lo.FlatMap(sorted(views), func(v string, _ int) []string { return c.beneath[v] }))
	slices.Sort(tables)
	for _, table := range tables {
		if !strings.HasSuffix(c.tables[table], "MergeTree") {
			return "", nil
		}
	}
	names := "(" + strings.Join(lo.Map(append(tables, ""), func(n string, _ int) string { return quoteText(n) }), ", ") + ")"
	var at string
	err := t.rows(ctx, fmt.Sprintf(`SELECT hex(sipHash128(
		(SELECT groupArray(p) FROM (
			SELECT (table, partition_id, max(max_block_number), max(data_version)) AS p
			FROM system.parts WHERE database = currentDatabase() AND active AND table IN %[1]s
			GROUP BY table, partition_id ORDER BY table, partition_id)),
		(SELECT groupArray(u) FROM (
			SELECT (name, toString(uuid)) AS u FROM system.tables WHERE database = currentDatabase() AND name IN %[1]s ORDER BY name))))`, names),
		func(row []string) { at = row[0] })
	return at, err
}
