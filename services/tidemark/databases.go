package main

import (
	"context"
	"slices"
	"sync"

	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/sql"
)

// databases says which databases readers may ask for: those of the settings and, with --new-databases, those that an event has made.
type databases struct {
	settings Settings
	store    *store.Store

	mu    sync.Mutex
	known map[string]bool // once made, a database stays
}

// serves reports whether a database exists.
func (d *databases) serves(ctx context.Context, name string) (bool, error) {
	if slices.Contains(d.settings.Databases, name) {
		return true, nil
	}
	d.mu.Lock()
	known := d.known[name]
	d.mu.Unlock()
	if known || !d.settings.NewDatabases {
		return known, nil
	}
	rows, err := store.Select[definedSuite](ctx, d.store, sql.MustQuery("suites_defined"), nil)
	if err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known = lo.SliceToMap(rows, func(r definedSuite) (string, bool) { return r.Database, true })
	return d.known[name], nil
}
