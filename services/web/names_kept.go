package web

import (
	"cmp"
	"context"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"

	"tidemark/pkg/store"
)

// keptOrders is how many orders a process keeps in memory, some fifteen megabytes of them: what they are called and what sorts them. Charts
// need thousands.
const keptOrders = 100_000

// mostKept is how many names are kept of one read: one of more is not what pages show.
const mostKept = 25_000

// keptOf splits ids into those that a book has and those that are missing.
func keptOf[T any](book *lru.Cache[nameKey, T], in suiteView, kind string, ids []uint32) (found map[uint32]T, missing []uint32) {
	found = make(map[uint32]T, len(ids))
	for _, id := range ids {
		if row, ok := book.Get(nameKey{kind, in.Database, in.Name, id}); ok {
			found[id] = row
		} else if id != 0 { // which nothing has
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	return found, slices.Compact(missing)
}

// chartOrders are orders by id. One that cannot be read yet is missing.
func (s *Service) chartOrders(ctx context.Context, in suiteView, ids []uint32) (map[uint32]chartOrderRow, error) {
	found, missing := keptOf(s.orderBook, in, anOrder, ids)
	if len(missing) == 0 {
		return found, nil
	}
	rows, err := list[chartOrderRow](ctx, s, "page_chart_orders", with(ofSuite(in), store.Params{"order_ids": missing}))
	for _, row := range rows {
		found[row.ID] = row
		if len(rows) <= mostKept {
			s.orderBook.Add(nameKey{anOrder, in.Database, in.Name, row.ID}, row)
		}
	}
	return found, err
}

// testNames are the names of tests, by their ids.
func (s *Service) testNames(ctx context.Context, in suiteView, ids []uint32) (map[uint32]string, error) {
	found, missing := keptOf(s.named, in, aTest, ids)
	if len(missing) == 0 {
		return found, nil
	}
	var (
		id   uint32
		name string
	)
	err := s.each(ctx, "page_tests", with(ofSuite(in), store.Params{"test_ids": missing}), func(scan func(...any) error) error {
		if err := scan(&id, &name); err != nil {
			return err
		}
		found[id] = name
		if len(missing) <= mostKept {
			s.named.Add(nameKey{aTest, in.Database, in.Name, id}, name)
		}
		return nil
	})
	return found, err
}

// compareOrders is the order of commits.
func compareOrders(a, b chartOrderRow) int {
	return cmp.Or(cmp.Compare(a.SortKey, b.SortKey), cmp.Compare(a.ID, b.ID))
}
