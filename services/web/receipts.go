package web

import (
	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
)

type receiptsBody struct {
	Receipts []receiptRow
	Status   string
	Tabs     []tab
	// Older leads to the submissions before these, "" when there are none.
	Older string
	// Newest leads back to the newest ones, "" when these are they.
	Newest string
}

// receipts answers /receipts.
func (s *Service) receipts(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Submissions", "receipts")
	if err != nil {
		return err
	}
	v.crumb("Submissions")
	var body receiptsBody
	if body.Status, err = choice(c, "status", "", "accepted", "rejected"); err != nil {
		return err
	}
	before, err := number(c, "before", 1<<63)
	if err != nil {
		return err
	}
	rows, err := list[receiptRow](c.UserContext(), s, "page_receipts", with(ofSuite(in), store.Params{
		"status": body.Status, "before": before, "limit": uint32(s.cfg.ListRows + 1),
	}))
	if err != nil {
		return err
	}
	base := addressWithout(c, "before")
	if len(rows) > s.cfg.ListRows {
		rows = rows[:s.cfg.ListRows]
		body.Older = base + "before=" + uintText(rows[len(rows)-1].Seq)
	}
	if before > 0 {
		body.Newest = base
	}
	body.Receipts, body.Tabs = rows, statusTabs(body.Status)
	v.Body = body
	return s.render(c, "receipts", v)
}

func statusTabs(current string) []tab {
	return lo.Map([]tab{
		{Text: "All", Address: "?"},
		{Text: "Accepted", Address: "?status=accepted"},
		{Text: "Refused", Address: "?status=rejected", Class: "bad"},
	}, func(t tab, _ int) tab {
		t.Current = t.Address == lo.Ternary(current == "", "?", "?status="+current)
		return t
	})
}
