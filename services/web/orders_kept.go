package web

import (
	"cmp"
	"context"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
)

// keptOrders bounds the orders whose names are kept, about 20 MB of them.
const keptOrders = 100_000

// orderBook keeps what orders are called and what sorts them: neither ever changes, and charts need those of thousands.
type orderBook = lru.Cache[nameKey, chartOrderRow]

func newOrderBook() *orderBook {
	return lo.Must(lru.New[nameKey, chartOrderRow](keptOrders)) // the only error is a size below one
}

// chartOrders are orders by id. One that cannot be read yet is missing.
func (s *Service) chartOrders(ctx context.Context, in suiteView, ids []uint32) (map[uint32]chartOrderRow, error) {
	found := make(map[uint32]chartOrderRow, len(ids))
	var missing []uint32
	for _, id := range ids {
		if row, ok := s.orderNames.Get(nameKey{anOrder, in.Database, in.Name, id}); ok {
			found[id] = row
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	slices.Sort(missing)
	rows, err := list[chartOrderRow](ctx, s, "page_chart_orders", with(ofSuite(in), store.Params{"order_ids": slices.Compact(missing)}))
	for _, row := range rows {
		found[row.ID] = row
		s.orderNames.Add(nameKey{anOrder, in.Database, in.Name, row.ID}, row)
	}
	return found, err
}

// compareOrders is the order of commits.
func compareOrders(a, b chartOrderRow) int {
	return cmp.Or(cmp.Compare(a.SortKey, b.SortKey), cmp.Compare(a.ID, b.ID))
}
