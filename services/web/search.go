package web

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
)

// Bounds of one search.
const (
	defaultFound = 8
	mostFound    = 1000
)

// orderWord is a word that means an order: its digits, which may follow an r or a #.
var orderWord = regexp.MustCompile(`^[r#]?([0-9]+)`)

type foundRow struct {
	RunID   uint32 `ch:"run_id"`
	OwnID   uint32 `ch:"own_machine_id"`
	OrderID uint32 `ch:"order_id"`
}

// search answers /search: runs for people who type part of a machine's name and of an order. Words are
// looked for in the names of machines, all of them; the first word that begins with a number is looked
// for in orders. Without a word the machine is the one that m names.
//
// LNT says that this JSON is HTML, and its pages expect that; what HTML would understand is escaped.
func (s *Service) search(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	q, err := text(c, "q")
	if err != nil {
		return err
	}
	if q == "" {
		p := badParameter("q", "", "Say what to look for: part of a machine's name, an order, or both.")
		p.Back, p.BackText = v.L.Suite(in.Database, in.Name), "Machines of "+in.Name
		return p
	}
	limit, err := wholeNumber(c, "l", defaultFound, mostFound)
	if err != nil {
		return err
	}
	words, order := searchWords(q)
	found, err := s.findRuns(c.UserContext(), in, words, machineOf(c.Query("m")), order, limit)
	if err != nil {
		return err
	}
	body, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.Send(body)
}

// findRuns are the newest runs of the machines that have every word in their names, or of one machine when there are no words, at
// orders that have this text: what they are called, and their ids.
func (s *Service) findRuns(ctx context.Context, in suiteView, words []string, machine uint32, order string, limit int) ([][2]any, error) {
	machines, err := s.fleet(ctx, in.Database, in.Name)
	if err != nil {
		return nil, err
	}
	var own []uint32
	for _, m := range machines.standing() {
		if len(words) == 0 && m.ID == machine || len(words) > 0 && lo.EveryBy(words, func(w string) bool { return strings.Contains(m.Name, w) }) {
			own = append(own, machines.own(nameKey{aMachine, in.Database, in.Name, m.ID})...)
		}
	}
	found := [][2]any{}
	if len(own) == 0 {
		return found, nil
	}
	field := uint32(revisionField(in))
	rows, err := list[foundRow](ctx, s, "lnt_search", with(ofSuite(in), store.Params{
		"own_machine_ids": own, "order_field": field, "order_text": order, "max_rows": uint64(limit),
	}))
	if err != nil || len(rows) == 0 {
		return found, err
	}
	revisions, err := list[struct {
		OrderID  uint32 `ch:"order_id"`
		Revision string `ch:"revision"`
	}](ctx, s, "lnt_search_orders", with(ofSuite(in), store.Params{
		"order_ids": lo.Uniq(lo.Map(rows, func(r foundRow, _ int) uint32 { return r.OrderID })), "order_field": field,
	}))
	called := map[uint32]string{}
	for _, r := range revisions {
		called[r.OrderID] = r.Revision
	}
	for _, r := range rows {
		name, known := machines.called(nameKey{aMachine, in.Database, in.Name, r.OwnID})
		if revision, placed := called[r.OrderID]; known && placed {
			found = append(found, [2]any{name + " #" + revision, r.RunID})
		}
	}
	return found, err
}

// searchWords are the words that machines must have, and the digits that an order must have, "" for any.
func searchWords(q string) (words []string, order string) {
	words = []string{}
	for word := range strings.SplitSeq(q, " ") {
		if word == "" {
			continue
		}
		m := orderWord.FindStringSubmatch(word)
		switch {
		case m == nil:
			words = append(words, word)
		case order == "":
			order = strings.TrimLeft(m[1], "0")
			if order == "" {
				order = "0"
			}
		}
	}
	return words, order
}

// machineOf reads the id of a machine; what is none means no machine.
func machineOf(text string) uint32 {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(id)
}
