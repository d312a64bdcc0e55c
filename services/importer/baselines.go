package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"tidemark/pkg/suite"
)

// baselines gives orders that are here the names that LNT's baselines give them. Each is sent under a key made of what it says, so another
// import of the same says nothing new, and what people have set or removed here since stays. It returns what people are to hear of it.
func (i *Importer) baselines(ctx context.Context, j *job, marks []BaselineMark, here func(BaselineMark) bool) (notes []string, err error) {
	came, elsewhere := 0, 0
	for n, mark := range marks {
		if !here(mark) { // its name might be the number of another order
			elsewhere++
			continue
		}
		switch err := j.target.setBaseline(ctx, mark, i.cfg.Salt); {
		case isStatus(err, http.StatusUnauthorized, http.StatusForbidden):
			return append(notes, fmt.Sprintf("%d baselines are not imported, which needs a token of scope triage: %v", len(marks)-n, err)), nil
		case isStatus(err, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity):
			notes = append(notes, fmt.Sprintf("baseline %q is left out: %v", mark.Name, err))
		case err != nil:
			return nil, err
		default:
			came++
		}
	}
	if elsewhere > 0 {
		notes = append(notes, fmt.Sprintf("%d baselines are of orders that were not imported, and are left out", elsewhere))
	}
	return append(notes, fmt.Sprintf("%d baselines imported", came)), nil
}

// setBaseline names an order.
func (t *target) setBaseline(ctx context.Context, mark BaselineMark, salt string) error {
	body, err := json.Marshal(struct {
		Name    string `json:"name"`
		Order   string `json:"order"`
		Comment string `json:"comment,omitempty"`
	}{mark.Name, suite.DisplayOrder(mark.Order), mark.Comment})
	if err != nil {
		return fmt.Errorf("baselines of suite %s: %w", t.suite, err)
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{"lnt baseline 1", t.database, t.suite, salt, string(body)}, "\x00")))
	got, err := t.ask(ctx, request{
		method: http.MethodPost, path: "/api/db_" + url.PathEscape(t.database) + "/v5/" + url.PathEscape(t.suite) + "/baselines",
		header: map[string]string{"Content-Type": "application/json", "Idempotency-Key": "baseline-" + hex.EncodeToString(sum[:20])}, body: body,
	})
	if err != nil {
		return fmt.Errorf("baselines of suite %s: %w", t.suite, err)
	}
	if got.status >= http.StatusMultipleChoices {
		return fmt.Errorf("baselines of suite %s: %w", t.suite, &refusedError{"POST baselines", got.status, saying(got.body)})
	}
	return nil
}
