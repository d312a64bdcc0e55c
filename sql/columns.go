package sql

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed views/columns.txt
var columnsText string

// ColumnHelp says what a view's column holds.
type ColumnHelp struct {
	// Unit is that of its values; empty for what has none.
	Unit string
	// Help is for people.
	Help string
}

// ColumnHelps are the helps of all columns, by name or by view.name.
type ColumnHelps map[string]ColumnHelp

// Columns reads views/columns.txt.
func Columns() (ColumnHelps, error) { return parseColumns(columnsText) }

// Of is the help of a view's column: its own, else that of its name.
func (h ColumnHelps) Of(view, column string) (ColumnHelp, bool) {
	if own, found := h[view+"."+column]; found {
		return own, true
	}
	of, found := h[column]
	return of, found
}

// parseColumns reads lines of name | unit | help, and skips empty ones and those that begin with #.
func parseColumns(text string) (ColumnHelps, error) {
	helps := ColumnHelps{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.SplitN(line, "|", 3)
		if len(parts) != 3 || strings.TrimSpace(parts[0]) == "" || strings.TrimSpace(parts[2]) == "" {
			return nil, fmt.Errorf("sql/views/columns.txt:%d: want name | unit | help", number)
		}
		name := strings.TrimSpace(parts[0])
		if _, twice := helps[name]; twice {
			return nil, fmt.Errorf("sql/views/columns.txt:%d: %s is there twice", number, name)
		}
		helps[name] = ColumnHelp{Unit: strings.TrimSpace(parts[1]), Help: strings.TrimSpace(parts[2])}
	}
	return helps, nil
}
