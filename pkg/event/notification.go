package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The states of a [Delivery].
const (
	// DeliveryStarted claims it: nobody else sends.
	DeliveryStarted = "started"
	// DeliveryDelivered was taken by the other side.
	DeliveryDelivered = "delivered"
	// DeliveryFailed was not; it may be started again.
	DeliveryFailed = "failed"
	// DeliveryUncertain may have been taken: nobody sends it again by himself.
	DeliveryUncertain = "uncertain"
)

// MaxDeliveries and MaxSignals are the largest numbers in one event. MaxDetail bounds in bytes what is said about one.
const (
	MaxDeliveries = 10_000
	MaxSignals    = 100_000
	MaxDetail     = 4096
)

// Notifications is the body of [NotificationRecorded], version 1, as JSON.
type Notifications struct {
	Deliveries []Delivery `json:"deliveries"`
}

// Delivery is one message on its way.
type Delivery struct {
	// ID is [DeliveryID] of the subscription and what the message tells.
	ID             uuid.UUID `json:"id"`
	SubscriptionID uuid.UUID `json:"subscription_id"`
	Status         string    `json:"status"`
	// Attempt counts from 1. Code is the HTTP status or the SMTP reply of the other side, 0 when there was none.
	Attempt uint16 `json:"attempt,omitempty"`
	Code    uint16 `json:"code,omitempty"`
	Error   string `json:"error,omitempty"`
	// RetryAfter is for how long, in seconds, the other side asked to be left alone after this attempt; 0 when it did not.
	RetryAfter uint32 `json:"retry_after_s,omitempty"`
	// ToSeq is the position up to which the subscription has heard everything with this message.
	ToSeq uint64 `json:"to_seq,omitempty"`
	// What it tells.
	ChangeIDs     []uint32 `json:"change_ids,omitempty"`
	RegressionIDs []uint32 `json:"regression_ids,omitempty"`
	Signals       []string `json:"signals,omitempty"`
}

// DeliveryID is the identity of what one subscription is told: the same parts are the same message.
func DeliveryID(subscription uuid.UUID, tells ...string) uuid.UUID {
	return derive(namespaceDelivery, func(h *hashed) {
		h.text(subscription.String())
		for _, part := range tells {
			h.text(part)
		}
	})
}

// Encode gives the body of a [NotificationRecorded] event.
func (n Notifications) Encode() ([]byte, error) { return encodeChecked(NotificationRecorded, n) }

// DecodeNotifications is the inverse of [Notifications.Encode].
func DecodeNotifications(body []byte) (Notifications, error) {
	return decodeChecked[Notifications](NotificationRecorded, body)
}

func (n Notifications) validate() error {
	if len(n.Deliveries) == 0 {
		return errors.New("deliveries: is missing")
	}
	if len(n.Deliveries) > MaxDeliveries {
		return fmt.Errorf("deliveries: %d exceed %d", len(n.Deliveries), MaxDeliveries)
	}
	known := make(map[uuid.UUID]bool, len(n.Deliveries))
	for i, d := range n.Deliveries {
		if err := d.validate(); err != nil {
			return fmt.Errorf("deliveries[%d].%w", i, err)
		}
		if known[d.ID] {
			return fmt.Errorf("deliveries[%d].id: comes twice", i)
		}
		known[d.ID] = true
	}
	return nil
}

func (d Delivery) validate() error {
	states := []string{DeliveryStarted, DeliveryDelivered, DeliveryFailed, DeliveryUncertain}
	switch {
	case d.ID == uuid.Nil:
		return errors.New("id: is missing")
	case d.SubscriptionID == uuid.Nil:
		return errors.New("subscription_id: is missing")
	case !slices.Contains(states, d.Status):
		return fmt.Errorf("status: %q is none of %s", d.Status, strings.Join(states, ", "))
	case len(d.Error) > MaxDetail:
		return fmt.Errorf("error: has %d bytes, more than %d", len(d.Error), MaxDetail)
	default:
		return nil
	}
}

// The values of [Signal.Signal].
const (
	// SignalSilence is a machine that does not report at all.
	SignalSilence = "silence"
	// SignalPartial is a machine that reports less than it did.
	SignalPartial = "partial"
)

// Signals is the body of [SignalChanged], version 1, as JSON.
type Signals struct {
	Signals []Signal `json:"signals"`
}

// Signal is what is missing from a machine, or no longer is.
type Signal struct {
	MachineID uint32 `json:"machine_id"`
	Signal    string `json:"signal"`
	Open      bool   `json:"open"`
	// Since is when it began, as RFC 3339 has it.
	Since time.Time `json:"since"`
	// Expected and Seen are in Unit.
	Expected float64 `json:"expected"`
	Seen     float64 `json:"seen"`
	Unit     string  `json:"unit"`
	Detail   string  `json:"detail,omitempty"`
}

// Encode gives the body of a [SignalChanged] event.
func (s Signals) Encode() ([]byte, error) { return encodeChecked(SignalChanged, s) }

// DecodeSignals is the inverse of [Signals.Encode].
func DecodeSignals(body []byte) (Signals, error) { return decodeChecked[Signals](SignalChanged, body) }

func (s Signals) validate() error {
	if len(s.Signals) == 0 {
		return errors.New("signals: is missing")
	}
	if len(s.Signals) > MaxSignals {
		return fmt.Errorf("signals: %d exceed %d", len(s.Signals), MaxSignals)
	}
	type key struct {
		machine uint32
		signal  string
	}
	known := make(map[key]bool, len(s.Signals))
	for i, one := range s.Signals {
		if err := one.validate(); err != nil {
			return fmt.Errorf("signals[%d].%w", i, err)
		}
		k := key{one.MachineID, one.Signal}
		if known[k] {
			return fmt.Errorf("signals[%d]: that signal of machine %d comes twice", i, one.MachineID)
		}
		known[k] = true
	}
	return nil
}

func (s Signal) validate() error {
	switch {
	case s.MachineID == 0:
		return errors.New("machine_id: is missing")
	case s.Signal != SignalSilence && s.Signal != SignalPartial:
		return fmt.Errorf("signal: %q is neither silence nor partial", s.Signal)
	case !validInstant(s.Since):
		return fmt.Errorf("since: is outside %d..%d", minYear, maxYear)
	case !finite(s.Expected) || !finite(s.Seen):
		return errors.New("expected, seen: one is not finite")
	case len(s.Unit) > MaxDetail || len(s.Detail) > MaxDetail:
		return fmt.Errorf("detail: has more than %d bytes", MaxDetail)
	default:
		return nil
	}
}
