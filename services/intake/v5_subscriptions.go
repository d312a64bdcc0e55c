package intake

import (
	"net/http"

	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/openapi"
)

// subscriptionWrites say who is told what.
func (s *Service) subscriptionWrites() []v5Write {
	op := func(method, path, id, summary string, body any) openapi.Operation {
		return openapi.Operation{
			Method: method, Path: path, ID: id, Tag: "subscriptions", Scope: "manage", Summary: summary, Body: body, Answer: SubscriptionWritten{}, Errors: []int{http.StatusConflict},
		}
	}
	add := op(http.MethodPost, "subscriptions", "addSubscription", "tell somebody of what is found", subscriptionBody{})
	add.Status = http.StatusCreated
	return []v5Write{
		{Operation: add, readable: true, make: s.addSubscription},
		{Operation: op(http.MethodPut, "subscriptions/:id", "replaceSubscription", "say all of a subscription anew", subscriptionBody{}), readable: true, make: s.replaceSubscription},
		{Operation: op(http.MethodDelete, "subscriptions/:id", "removeSubscription", "tell them no more", nil), readable: true, make: s.removeSubscription},
	}
}

type subscriptionBody struct {
	Name      string   `json:"name"`
	Channel   string   `json:"channel" enum:"webhook,slack,email"`
	Target    string   `json:"target" doc:"a URL, or a mail address"`
	Machine   string   `json:"machine,omitempty" doc:"a pattern with * and ?; all when absent"`
	Test      string   `json:"test,omitempty" doc:"as machine"`
	Metric    string   `json:"metric,omitempty" doc:"as machine"`
	Kinds     []string `json:"kinds,omitempty" enum:"regression,improvement,signal" doc:"all when absent"`
	On        []string `json:"on,omitempty" enum:"opened,extended,verify,returned" doc:"all when absent"`
	MinEffect float64  `json:"min_effect,omitempty" doc:"0.01 is one percent"`
	Every     string   `json:"every,omitempty" enum:"hourly,daily" doc:"at once when absent"`
}

// SubscriptionWritten says which subscription was set or removed.
type SubscriptionWritten struct {
	Written
	ID uuid.UUID `json:"id"`
}

func (s *Service) setSubscription(w *v5Request, id uuid.UUID) (v5Event, error) {
	var b subscriptionBody
	if err := w.read(&b); err != nil {
		return v5Event{}, err
	}
	set := event.Subscription{
		ID: id, Name: b.Name, Channel: b.Channel, Target: b.Target, Machine: b.Machine, Test: b.Test, Metric: b.Metric,
		Kinds: b.Kinds, On: b.On, MinEffect: b.MinEffect, Every: b.Every,
	}
	return v5Event{
		kind: event.SubscriptionSet, body: set,
		answer:   func(_ event.Outcome, told Written) any { return SubscriptionWritten{told, id} },
		location: func(event.Outcome) string { return "subscriptions/" + id.String() },
	}, nil
}

func (s *Service) addSubscription(w *v5Request) (v5Event, error) {
	return s.setSubscription(w, event.NewID(w.a.receivedAt, s.random))
}

func (s *Service) replaceSubscription(w *v5Request) (v5Event, error) {
	id, err := w.subscription()
	if err != nil {
		return v5Event{}, err
	}
	made, err := s.setSubscription(w, id)
	made.location = nil
	return made, err
}

func (s *Service) removeSubscription(w *v5Request) (v5Event, error) {
	id, err := w.subscription()
	return v5Event{
		kind: event.SubscriptionRemoved, body: event.SubscriptionRemoval{ID: id},
		answer: func(_ event.Outcome, told Written) any { return SubscriptionWritten{told, id} },
	}, err
}

func (w *v5Request) subscription() (uuid.UUID, error) {
	id, err := uuid.Parse(w.path("id"))
	if err != nil || id == uuid.Nil {
		return uuid.Nil, openapi.Missing("there is no subscription '%s'", w.path("id"))
	}
	return id, w.a.s.lookup.Subscription(w.ctx, w.a.database, w.a.suite, id)
}
