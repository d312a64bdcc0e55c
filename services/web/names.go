package web

import (
	"context"

	"github.com/samber/lo"

	"tidemark/pkg/store"
)

// nameKey is a machine, a test or an order of a suite.
type nameKey struct {
	kind, database, suite string
	id                    uint32
}

// names are what some machines, tests and orders are called. A list is sorted and cut by ids, and what is left is named by the index:
// joins would read every name of a suite.
type names map[nameKey]string

// The kinds of things that have names.
const (
	aMachine = "machine"
	aTest    = "test"
	anOrder  = "order"
)

// want asks for a name.
func (n names) want(kind, database, suite string, id uint32) {
	n[nameKey{kind, database, suite, id}] = ""
}

// all says whether things that are wanted have names: one that cannot be read yet is about to appear.
func (n names) all(wanted ...nameKey) bool {
	return lo.EveryBy(wanted, func(w nameKey) bool { _, known := n[w]; return known })
}

// read finds the names that are wanted; what has none is wanted no more.
func (s *Service) read(ctx context.Context, wanted names) error {
	if len(wanted) == 0 {
		return nil
	}
	p := store.Params{}
	for _, kind := range []string{aMachine, aTest, anOrder} {
		databases, suites, ids := []string{}, []string{}, []uint32{}
		for w := range wanted {
			if w.kind == kind {
				databases, suites, ids = append(databases, w.database), append(suites, w.suite), append(ids, w.id)
			}
		}
		p[kind+"_databases"], p[kind+"_suites"], p[kind+"_ids"] = databases, suites, ids
	}
	rows, err := list[struct {
		Kind     string `ch:"kind"`
		Database string `ch:"database"`
		Suite    string `ch:"suite"`
		ID       uint32 `ch:"id"`
		Name     string `ch:"name"`
	}](ctx, s, "page_names", p)
	clear(wanted)
	for _, r := range rows {
		wanted[nameKey{r.Kind, r.Database, r.Suite, r.ID}] = r.Name
	}
	return err
}
