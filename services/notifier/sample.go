package notifier

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"tidemark/pkg/event"
)

// sample is a message about a finding that does not exist.
func sample(cfg Config, sub *Subscription, at time.Time) Message {
	id := event.DeliveryID(sub.ID, "test", at.UTC().Format(time.RFC3339Nano))
	m := composer{public: cfg.PublicURL}.message(Plan{ID: id, Sub: sub, Steps: []Step{{
		At: at, What: opened,
		Regression: Regression{
			ID: 0, UUID: uuid.Nil, Title: "execution_time +5.0 % in 1 test on 1 machine at r1234", Kind: string(event.Regression), Detector: "steps",
			StartOrder: "r1233", EndOrder: "r1234",
		},
		Findings: []Finding{{
			Machine: "a machine", Test: "a/test", Metric: "execution_time", Order: "r1234", Previous: "r1233", Direction: string(event.Up),
			Kind: string(event.Regression), Before: 100, After: 105, Effect: 0.05, EffectLow: 0.045, EffectHigh: 0.055, PValue: 1e-6, Detector: "steps",
		}},
	}}})
	m.Event = "test"
	return m
}

// Sample is a message of the kind a subscription gets, as text: exactly what would be sent, signature and all.
func Sample(cfg Config, key Key, sub Subscription, at time.Time) (string, error) {
	c, _, err := composeSample(cfg, key, &sub, at)
	return c.String(), err
}

// SendSample sends such a message, once.
func SendSample(ctx context.Context, cfg Config, key Key, sub Subscription, at time.Time) error {
	c, s, err := composeSample(cfg, key, &sub, at)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	if a := s.send(ctx, c); a.status != Delivered {
		return fmt.Errorf("%s: %s", a.status, a.reason)
	}
	return nil
}

func composeSample(cfg Config, key Key, sub *Subscription, at time.Time) (composed, sender, error) {
	s, ok := channels(cfg, time.Now, key)[sub.Channel]
	if !ok {
		return composed{}, nil, fmt.Errorf("subscription %s has a channel %q that is not known here", sub.ID, sub.Channel)
	}
	c, err := s.compose(sub, sample(cfg, sub, at), at)
	return c, s, err
}
