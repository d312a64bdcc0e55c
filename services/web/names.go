package web

import (
	"context"

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

// keptNames is how many names of tests and orders a process keeps in memory, some ten megabytes of them. They never change once
// they are given; those of machines do, and are read each time.
const keptNames = 1 << 16

// want asks for a name.
func (n names) want(kind, database, suite string, id uint32) {
	n[nameKey{kind, database, suite, id}] = ""
}

// all says whether things that are wanted have names: one that cannot be read yet is about to appear.
func (n names) all(wanted ...nameKey) bool {
	for _, w := range wanted {
		if _, known := n[w]; !known {
			return false
		}
	}
	return true
}

// read finds the names that are wanted; what has none is wanted no more.
func (s *Service) read(ctx context.Context, wanted names) error {
	missing := map[string][]nameKey{}
	for w := range wanted {
		if name, kept := s.named.Get(w); kept {
			wanted[w] = name
			continue
		}
		delete(wanted, w)
		if w.id != 0 {
			missing[w.kind] = append(missing[w.kind], w)
		}
	}
	for kind, query := range map[string]string{aMachine: "page_machine_named", aTest: "page_test_names", anOrder: "page_order_names"} {
		if len(missing[kind]) == 0 {
			continue
		}
		if err := s.readNames(ctx, query, kind, missing[kind], wanted); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) readNames(ctx context.Context, query, kind string, missing []nameKey, into names) error {
	databases, suites, ids := make([]string, len(missing)), make([]string, len(missing)), make([]uint32, len(missing))
	for i, m := range missing {
		databases[i], suites[i], ids[i] = m.database, m.suite, m.id
	}
	rows, err := list[struct {
		Database string `ch:"database"`
		Suite    string `ch:"suite"`
		ID       uint32 `ch:"id"`
		Name     string `ch:"name"`
	}](ctx, s, query, store.Params{"databases": databases, "suites": suites, "ids": ids})
	for _, r := range rows {
		key := nameKey{kind, r.Database, r.Suite, r.ID}
		into[key] = r.Name
		if kind != aMachine {
			s.named.Add(key, r.Name)
		}
	}
	return err
}
