package web

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

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
	RunID    uint32 `ch:"run_id"`
	Machine  string `ch:"machine"`
	Revision string `ch:"revision"`
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
	rows, err := list[foundRow](c.UserContext(), s, "lnt_search", with(ofSuite(in), store.Params{
		"words": words, "machine_id": machineOf(c.Query("m")), "order_field": uint32(revisionField(in)), "order_text": order,
		"max_rows": uint64(limit),
	}))
	if err != nil {
		return err
	}
	found := make([][2]any, len(rows))
	for i, r := range rows {
		found[i] = [2]any{r.Machine + " #" + r.Revision, r.RunID}
	}
	body, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.Send(body)
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
