package intake

import (
	"net/http"
	"net/url"

	"tidemark/pkg/event"
	"tidemark/pkg/httpx"
	"tidemark/pkg/openapi"
)

// baselineWrites give orders names to compare with.
func (s *Service) baselineWrites() []v5Write {
	set := openapi.Operation{
		Method: http.MethodPost, Path: "baselines", ID: "setBaseline", Tag: "baselines", Scope: "triage", Summary: "give an order a name to compare with; the one that has the name loses it",
		Body: baselineBody{}, Answer: BaselineWritten{}, Status: http.StatusCreated,
	}
	remove := openapi.Operation{
		Method: http.MethodDelete, Path: "baselines/:name", ID: "removeBaseline", Tag: "baselines", Scope: "triage", Summary: "take the name away",
		Answer: BaselineWritten{},
	}
	return []v5Write{
		{Operation: set, readable: true, make: s.setBaseline},
		{Operation: remove, readable: true, make: s.removeBaseline},
	}
}

type baselineBody struct {
	Name    string       `json:"name" doc:"up to 32 characters"`
	Order   openapi.Text `json:"order" doc:"an order, by name or number"`
	Comment string       `json:"comment,omitempty" doc:"up to 256 characters"`
}

// BaselineWritten says which baseline was set or removed.
type BaselineWritten struct {
	Written
	Name string `json:"name"`
}

func (s *Service) setBaseline(w *v5Request) (v5Event, error) {
	var b baselineBody
	if err := w.read(&b); err != nil {
		return v5Event{}, err
	}
	if b.Order == "" {
		return v5Event{}, openapi.Invalid("order", "order: is missing")
	}
	order, err := s.lookup.Order(w.ctx, w.a.database, w.a.suite, string(b.Order))
	if err != nil {
		return v5Event{}, err
	}
	return v5Event{
		kind: event.BaselineSet, body: event.Baseline{Name: b.Name, OrderID: order, Comment: b.Comment},
		answer:   func(_ event.Outcome, told Written) any { return BaselineWritten{told, b.Name} },
		location: func(event.Outcome) string { return "baselines/" + url.PathEscape(b.Name) },
	}, nil
}

func (s *Service) removeBaseline(w *v5Request) (v5Event, error) {
	name := httpx.Unescaped(w.path("name"))
	return v5Event{
		kind: event.BaselineRemoved, body: event.BaselineRemoval{Name: name},
		answer: func(_ event.Outcome, told Written) any { return BaselineWritten{told, name} },
	}, nil
}
