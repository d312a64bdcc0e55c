package web

import (
	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/store"
)

type orderBody struct {
	Order          orderRow
	Values         []attribute
	Previous, Next *orderRow
	Runs           []runRow
	Pager          pager
	Findings       []finding
	Counts         counts
	Baselines      orderBaselines
}

// order answers /order/<id>.
func (s *Service) order(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "orders")
	if err != nil {
		return err
	}
	body, err := s.findOrder(c, v.L, in)
	if err != nil {
		return err
	}
	v.Title = "Order " + body.Order.Name
	v.Crumbs = append(v.Crumbs, crumb{"Orders", v.L.Orders(in.Database, in.Name)})
	v.crumb(body.Order.Name)
	if body.Pager, err = readPager(c, s.cfg.ListRows); err != nil {
		return err
	}
	if body.Baselines, err = s.orderBaselines(c, v, in, body.Order.ID); err != nil {
		return err
	}
	ctx := c.UserContext()
	body.Runs, err = list[runRow](ctx, s, "page_order_runs", with(ofSuite(in), store.Params{
		"order_id": body.Order.ID, "limit": uint32(body.Pager.Rows), "offset": body.Pager.offset(),
	}))
	if err != nil {
		return err
	}
	body.Pager.Total = totalOf(body.Runs)
	q := findingQuery{Database: in.Database, Suite: in.Name, OrderID: body.Order.ID, Sort: "effect", Limit: uint32(s.cfg.ListRows)}
	machines, err := s.fleet(ctx, in.Database, in.Name)
	if err != nil {
		return err
	}
	if body.Findings, body.Counts, err = s.findings(ctx, v.L, in, machines, q); err != nil {
		return err
	}
	v.Body = body
	return s.render(c, "order", v)
}

func (s *Service) findOrder(c *fiber.Ctx, l links, in suiteView) (orderBody, error) {
	id, err := pathID(c, "order", "order")
	if err != nil {
		return orderBody{}, err
	}
	rows, err := list[orderRow](c.UserContext(), s, "page_order", with(ofSuite(in), store.Params{"order_id": id}))
	if err != nil {
		return orderBody{}, err
	}
	var body orderBody
	for i := range rows {
		switch rows[i].Side {
		case -1:
			body.Previous = &rows[i]
		case 1:
			body.Next = &rows[i]
		default:
			body.Order = rows[i]
		}
	}
	if body.Order.ID == 0 {
		return orderBody{}, notHere("Suite "+in.Name+" has no order "+digitsOf(id)+".",
			"Choose one from the list of orders.", l.Orders(in.Database, in.Name), "Orders of "+in.Name)
	}
	for i, name := range in.OrderFields() {
		if i < len(body.Order.Values) {
			body.Values = append(body.Values, attribute{name, body.Order.Values[i]})
		}
	}
	return body, nil
}

type ordersBody struct {
	Orders    []orderListRow
	Pager     pager
	Baselines []baselineRow
}

// orders answers /all_orders.
func (s *Service) orders(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Orders", "orders")
	if err != nil {
		return err
	}
	v.crumb("Orders")
	var body ordersBody
	if body.Pager, err = readPager(c, s.cfg.ListRows); err != nil {
		return err
	}
	body.Orders, err = list[orderListRow](c.UserContext(), s, "page_orders", with(ofSuite(in), store.Params{
		"limit": uint32(body.Pager.Rows), "offset": body.Pager.offset(),
	}))
	if err != nil {
		return err
	}
	if len(body.Orders) > 0 {
		body.Pager.Total = int(body.Orders[0].Total)
	}
	if body.Baselines, err = s.baselines(c.UserContext(), in); err != nil {
		return err
	}
	v.Body = body
	return s.render(c, "orders", v)
}
