package replayer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/sql"
)

const ledgerTable = "ledger"

// catalogue is what a database consists of, asked of the server: a table or column that is added later takes part without
// being named here.
type catalogue struct {
	// tables are the ledger first, then those its views fill, by name.
	tables []table
}

type table struct {
	name    string
	columns []column // without computed ones
	key     []string // its identity, from database and suite on
}

type column struct{ name, kind string }

var (
	queryTables  = sql.MustQuery("replay_tables")
	queryColumns = sql.MustQuery("replay_columns")
)

func readCatalogue(ctx context.Context, s *store.Store, database string) (catalogue, error) {
	type tableRow struct {
		Name string `ch:"name"`
		Key  string `ch:"sorting_key"`
	}
	type columnRow struct {
		Table string `ch:"table"`
		Name  string `ch:"name"`
		Kind  string `ch:"type"`
	}
	tables, err := store.Select[tableRow](ctx, s, queryTables, store.Params{"database": database})
	if err != nil {
		return catalogue{}, err
	}
	columns, err := store.Select[columnRow](ctx, s, queryColumns, store.Params{"database": database})
	if err != nil {
		return catalogue{}, err
	}
	of := lo.GroupBy(columns, func(c columnRow) string { return c.Table })
	return catalogue{tables: lo.Map(tables, func(t tableRow, _ int) table {
		return table{
			name: t.Name, key: strings.Split(t.Key, ", "),
			columns: lo.Map(of[t.Name], func(c columnRow, _ int) column { return column{c.Name, c.Kind} }),
		}
	})}, nil
}

// check refuses what is no database of ours.
func (c catalogue) check(database string) error {
	if len(c.tables) == 0 || c.tables[0].name != ledgerTable {
		return fmt.Errorf("database %s holds no ledger", database)
	}
	var problems []error
	for _, t := range c.tables {
		if len(t.key) < 2 || t.key[0] != "database" || t.key[1] != "suite" {
			problems = append(problems, fmt.Errorf("table %s of %s is not sorted by database and suite", t.name, database))
		}
	}
	return errors.Join(problems...)
}

func (c catalogue) ledger() table { return c.tables[0] }

// derived are the tables that the ledger's views fill.
func (c catalogue) derived() []table { return c.tables[1:] }

func (t table) kind(name string) string {
	c, _ := lo.Find(t.columns, func(c column) bool { return c.name == name })
	return c.kind
}

// tableNames are the tables and views of a database; none when it is not there.
func tableNames(ctx context.Context, s *store.Store, database string) ([]string, error) {
	return list[string](ctx, s, "list tables", "SELECT name AS value FROM system.tables WHERE database = {database:String} ORDER BY name",
		store.Params{"database": database})
}

// The statements below name databases, tables and columns: ClickHouse takes no parameters there in all places. Databases
// have passed [name], the others come from the server's catalogue.

// at names a table of a database.
func at(database, table string) string { return database + "." + quoted(table) }

func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "\\`") + "`" }

// list asks for one column, called value.
func list[T any](ctx context.Context, s *store.Store, what, text string, p store.Params) ([]T, error) {
	var out []T
	err := s.Each(ctx, sql.File{Name: what, Text: text}, p, func(scan func(...any) error) error {
		var v T
		err := scan(&v)
		out = append(out, v)
		return err
	})
	return out, err
}

// one asks for one value; the zero value when there is no row.
func one[T any](ctx context.Context, s *store.Store, what, text string, p store.Params) (v T, err error) {
	values, err := list[T](ctx, s, what, text, p)
	if err != nil || len(values) == 0 {
		return v, err
	}
	return values[0], nil
}
