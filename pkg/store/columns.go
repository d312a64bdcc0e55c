package store

import (
	"context"
	"fmt"
	"strings"
)

// Column is a part of a column: its name and a slice of its values.
type Column struct {
	Name   string
	Values any
}

// InsertColumns appends one block to a table. All columns have equally many values, of
// the Go types that belong to the table's.
func (s *Store) InsertColumns(ctx context.Context, table string, columns ...Column) error {
	if s.writes == nil && s.scratch != nil {
		return s.scratch.InsertColumns(ctx, table, columns...)
	}
	if s.writes == nil {
		return errReadOnly
	}
	ctx, cancel := bounded(ctx, s.cfg.WriteTimeout)
	defer cancel()
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	batch, err := s.writes.PrepareBatch(ctx, "INSERT INTO "+table+" ("+strings.Join(names, ", ")+")")
	if err != nil {
		return fmt.Errorf("insert into %s: prepare: %w", table, err)
	}
	defer batch.Close() //nolint:errcheck // after Send there is nothing left to close; before it the first error tells more
	for i, c := range columns {
		if err := batch.Column(i).Append(c.Values); err != nil {
			return fmt.Errorf("insert into %s: column %s: %w", table, c.Name, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert into %s: send: %w", table, err)
	}
	return nil
}
