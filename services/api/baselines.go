package api

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/httpx"
	"tidemark/pkg/openapi"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// baselineOperations tell which orders have a name to compare with.
func (s *Service) baselineOperations() []operation {
	return []operation{
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "baselines", ID: "listBaselines", Tag: "baselines", Summary: "the orders that people gave a name, to compare with them",
			Answer: page[baselineItem]{}, Tagged: true,
		}, s.listBaselines},
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "baselines/:name", ID: "getBaseline", Tag: "baselines", Summary: "one baseline",
			Answer: baselineItem{}, Tagged: true,
		}, s.getBaseline},
	}
}

// baselineItem is an order with the name that people gave it.
type baselineItem struct {
	Name      string    `ch:"name" json:"name"`
	OrderID   uint32    `ch:"order_id" json:"order_id"`
	Order     string    `ch:"order_name" json:"order"`
	Comment   string    `ch:"comment" json:"comment"`
	Seq       uint64    `ch:"seq" json:"seq"`
	ChangedAt time.Time `ch:"changed_at" json:"changed_at"`
	Actor     string    `ch:"actor" json:"actor"`
}

var qBaselines = sql.MustQuery("baselines")

func (r storeReads) Baselines(ctx context.Context, k key, names []string) ([]baselineItem, error) {
	return store.Select[baselineItem](ctx, r.Store, qBaselines, k.params("names", names))
}

func (s *Service) baselines(q v5Request, names ...string) ([]baselineItem, error) {
	if _, err := s.schema(q.ctx, q.key); err != nil {
		return nil, err
	}
	rows, err := s.read.Baselines(q.ctx, q.key, append([]string{}, names...))
	for i := range rows {
		rows[i].ChangedAt = rows[i].ChangedAt.UTC()
	}
	return rows, err
}

func (s *Service) listBaselines(c *fiber.Ctx, q v5Request) error {
	rows, err := s.baselines(q)
	if err != nil {
		return err
	}
	return c.JSON(page[baselineItem]{Items: append([]baselineItem{}, rows...)})
}

func (s *Service) getBaseline(c *fiber.Ctx, q v5Request) error {
	name := httpx.Unescaped(c.Params("name"))
	rows, err := s.baselines(q, name)
	if err == nil && len(rows) == 0 {
		err = missing("there is no baseline '%s'", name)
	}
	if err != nil {
		return err
	}
	return c.JSON(rows[0])
}

// Order is the id of an order that is named by its name, or by its id.
func (l Lookup) Order(ctx context.Context, database, suite, spec string) (id uint32, err error) {
	err = l.ask(ctx, database, suite, func(q v5Request) error {
		found, err := l.s.order(q, spec)
		id = found.ID
		return err
	})
	return id, err
}
