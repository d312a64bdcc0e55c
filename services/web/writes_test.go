package web_test

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/auth"
	"tidemark/pkg/event"
	"tidemark/pkg/openapi"
)

// writes are those of the REST side that pages use, with its addresses, its bodies, its scopes and its answers: each is one event
// that is decided and stored before the answer.
func (w *world) writes(r fiber.Router, keys *auth.Keys) {
	var mu sync.Mutex
	// priors are the regressions that an event changed, as they were before it.
	priors, now := map[uint64][]event.RegressionRow{}, map[uint32]event.RegressionRow{}
	answer := func(scope auth.Scope, do func(c *fiber.Ctx) (event.Type, interface{ Encode() ([]byte, error) }, error)) fiber.Handler {
		return func(c *fiber.Ctx) error {
			refuse := func(status int, text string) error {
				return c.Status(status).JSON((&openapi.Error{Status: status, Message: text}).Body())
			}
			secret, _ := auth.Secret(func(name string) string { return c.Get(name) })
			who, err := keys.Identify(secret)
			if err != nil {
				return refuse(http.StatusUnauthorized, err.Error())
			}
			database := c.Params("db", "default")
			if err := who.Allow(scope, database); err != nil {
				return refuse(http.StatusForbidden, err.Error())
			}
			mu.Lock()
			defer mu.Unlock()
			kind, body, err := do(c)
			if err != nil {
				return refuse(http.StatusBadRequest, err.Error())
			}
			encoded, err := body.Encode()
			if err != nil {
				return refuse(http.StatusBadRequest, err.Error())
			}
			for _, row := range w.regressions {
				now[row.ID] = row
			}
			w.actor = who.Name
			d := w.decide(database, c.Params("suite"), kind, noon, encoded, nil)
			if d.Status != event.Accepted {
				return refuse(d.Code, d.Error)
			}
			w.flush()
			for _, row := range d.Rows.Regressions {
				before, there := now[row.ID]
				if !there {
					before = event.RegressionRow{ID: row.ID, Deleted: true}
				}
				priors[d.Seq] = append(priors[d.Seq], before)
			}
			told := fiber.Map{"event_id": "0", "seq": d.Seq, "receipt_url": ""}
			if kind == event.RegressionTriaged {
				return c.JSON(fiber.Map{"dry_run": false, "matched": 1, "numbers": []int{}, "event": told})
			}
			return c.JSON(told)
		}
	}
	for _, base := range []string{"/api/v5/:suite/", "/api/db_:db/v5/:suite/"} {
		r.Post(base+"regressions/triage", answer(auth.Triage, func(c *fiber.Ctx) (event.Type, interface{ Encode() ([]byte, error) }, error) {
			var asked struct {
				IDs     []uint32 `json:"ids"`
				Note    string   `json:"note"`
				Changes struct {
					State *string `json:"state"`
				} `json:"changes"`
			}
			if err := json.Unmarshal(c.Body(), &asked); err != nil {
				return "", nil, err
			}
			out := event.RegressionTriage{RegressionIDs: asked.IDs, Note: asked.Note}
			if asked.Changes.State != nil {
				number, ok := openapi.StateNumber(*asked.Changes.State)
				if !ok {
					return "", nil, openapi.Invalid("state", "no such state")
				}
				out.State = &number
			}
			return event.RegressionTriaged, out, nil
		}))
		r.Post(base+"regressions/undo", answer(auth.Triage, func(c *fiber.Ctx) (event.Type, interface{ Encode() ([]byte, error) }, error) {
			var asked struct {
				Seq uint64 `json:"seq"`
			}
			if err := json.Unmarshal(c.Body(), &asked); err != nil {
				return "", nil, err
			}
			return event.RegressionRestored, event.RegressionRestoration{Undoes: asked.Seq, Regressions: priors[asked.Seq]}, nil
		}))
	}
}
