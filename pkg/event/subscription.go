package event

import (
	"errors"
	"fmt"
	"math"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// The channels of a [Subscription].
const (
	ChannelWebhook = "webhook"
	ChannelSlack   = "slack"
	ChannelEmail   = "email"
)

// The values of [Subscription.Kinds] beside those of [Kind].
const KindSignal = "signal"

// The values of [Subscription.On]: what has to happen to a regression.
const (
	OnOpened   = "opened"
	OnExtended = "extended"
	OnVerify   = "verify"
	OnReturned = "returned"
)

// The values of [Subscription.Every]: at once, or together with what else happened.
const (
	EveryTime   = ""
	EveryHourly = "hourly"
	EveryDaily  = "daily"
)

// MaxTarget bounds in bytes where messages go.
const MaxTarget = 2048

// Subscription is the body of [SubscriptionSet], version 1, as JSON: who is told what, and how. It takes the place of the one with the
// same id. It holds no secret.
type Subscription struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
	// Channel is webhook, slack or email; Target a URL or an address.
	Channel string `json:"channel"`
	Target  string `json:"target"`
	// Machine, Test and Metric are patterns of [Glob]; empty stands for "*".
	Machine string `json:"machine,omitempty"`
	Test    string `json:"test,omitempty"`
	Metric  string `json:"metric,omitempty"`
	// Kinds are regression, improvement, signal; On are opened, extended, verify, returned. Empty stands for all.
	Kinds []string `json:"kinds,omitempty"`
	On    []string `json:"on,omitempty"`
	// MinEffect is the smallest effect that is worth a message: 0.01 is one percent.
	MinEffect float64 `json:"min_effect,omitempty"`
	// Every is empty, hourly or daily.
	Every string `json:"every,omitempty"`
}

// SubscriptionRemoval is the body of [SubscriptionRemoved], version 1, as JSON.
type SubscriptionRemoval struct {
	ID uuid.UUID `json:"id"`
}

// Encode gives the body of a [SubscriptionSet] event.
func (s Subscription) Encode() ([]byte, error) { return encodeChecked(SubscriptionSet, s) }

// Encode gives the body of a [SubscriptionRemoved] event.
func (s SubscriptionRemoval) Encode() ([]byte, error) { return encodeChecked(SubscriptionRemoved, s) }

// DecodeSubscription is the inverse of [Subscription.Encode].
func DecodeSubscription(body []byte) (Subscription, error) {
	return decodeChecked[Subscription](SubscriptionSet, body)
}

// DecodeSubscriptionRemoval is the inverse of [SubscriptionRemoval.Encode].
func DecodeSubscriptionRemoval(body []byte) (SubscriptionRemoval, error) {
	return decodeChecked[SubscriptionRemoval](SubscriptionRemoved, body)
}

// Validate reports everything that is wrong with the subscription.
func (s Subscription) Validate() error { return s.validate() }

func (s Subscription) validate() error {
	problems := []error{
		checkID(s.ID), s.checkTarget(), checkText("name", s.Name), checkPatterns(s.Machine, s.Test, s.Metric),
		checkWords("kinds", s.Kinds, string(Regression), string(Improvement), KindSignal),
		checkWords("on", s.On, OnOpened, OnExtended, OnVerify, OnReturned),
	}
	if s.Name == "" {
		problems = append(problems, errors.New("name: is missing"))
	}
	if !(s.MinEffect >= 0) || math.IsInf(s.MinEffect, 0) {
		problems = append(problems, errors.New("min_effect: is below 0 or not finite"))
	}
	if s.Every != EveryTime && s.Every != EveryHourly && s.Every != EveryDaily {
		problems = append(problems, fmt.Errorf("every: %q is neither empty nor hourly nor daily", s.Every))
	}
	return errors.Join(problems...)
}

func (s Subscription) checkTarget() error {
	if len(s.Target) > MaxTarget {
		return fmt.Errorf("target: has %d bytes, more than %d", len(s.Target), MaxTarget)
	}
	switch s.Channel {
	case ChannelWebhook, ChannelSlack:
		u, err := url.Parse(s.Target)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			return fmt.Errorf("target: %q is no http or https URL", s.Target)
		}
		if u.User != nil {
			return errors.New("target: a URL with a password would be read by everybody")
		}
	case ChannelEmail:
		address, err := mail.ParseAddress(s.Target)
		if err != nil || strings.ContainsAny(s.Target, "\r\n") || address.Address != s.Target {
			return fmt.Errorf("target: %q is no mail address", s.Target)
		}
	default:
		return fmt.Errorf("channel: %q is none of webhook, slack, email", s.Channel)
	}
	return nil
}

func (s SubscriptionRemoval) validate() error { return checkID(s.ID) }

func checkID(id uuid.UUID) error {
	if id == uuid.Nil {
		return errors.New("id: is missing")
	}
	return nil
}

func checkWords(field string, words []string, known ...string) error {
	for i, word := range words {
		if !slices.Contains(known, word) {
			return fmt.Errorf("%s[%d]: %q is none of %s", field, i, word, strings.Join(known, ", "))
		}
		if slices.Contains(words[:i], word) {
			return fmt.Errorf("%s[%d]: %q comes twice", field, i, word)
		}
	}
	return nil
}
