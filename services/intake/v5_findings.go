package intake

import (
	"net/http"

	"tidemark/pkg/event"
	"tidemark/pkg/openapi"
)

// findingWrites are what people do with findings.
func (s *Service) findingWrites() []v5Write {
	return []v5Write{{Operation: openapi.Operation{
		Method: http.MethodPost, Path: "findings/dismiss", ID: "dismissFindings", Tag: "findings", Scope: "triage",
		Summary: "say that findings are none, or take that back, by one event",
		Details: "A dismissed finding does not come back unless it grows to more than twice its effect. One that was withdrawn is refused with 409.",
		Body:    dismissBody{}, Answer: Triaged{}, Errors: []int{http.StatusConflict},
	}, make: s.dismiss}}
}

type dismissBody struct {
	choice
	Restore bool   `json:"restore,omitempty" doc:"take earlier dismissals back"`
	Note    string `json:"note,omitempty" doc:"why"`
}

func (s *Service) dismiss(w *v5Request) (v5Event, error) {
	var body dismissBody
	if err := w.read(&body); err != nil {
		return v5Event{}, err
	}
	ids, err := w.chosen(body.choice, s.lookup.ChangeNumbers, s.lookup.ChangesOf)
	if err != nil {
		return v5Event{}, err
	}
	dismissal := event.ChangeDismissal{ChangeIDs: ids, Restore: body.Restore, Standing: !body.Restore, Note: body.Note, Filter: body.words()}
	if _, err := dismissal.Encode(); err != nil {
		return v5Event{}, unencodable(err)
	}
	return body.many(event.ChangeIgnored, dismissal, ids), nil
}
