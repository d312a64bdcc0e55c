package notifier

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"time"

	"github.com/samber/lo"
)

// Config says how to send.
type Config struct {
	// Interval is how often the store is asked what is new.
	Interval time.Duration
	// Timeout bounds one request or one mail; Concurrency is how many are under way at once.
	Timeout     time.Duration
	Concurrency int
	// ClaimFor is how long another notifier may take from claiming a delivery to saying how it went. Then it counts as gone.
	ClaimFor time.Duration
	// Attempts bounds how often a delivery is tried; the pauses between grow from RetryMin, tripling, to RetryMax.
	Attempts           uint16
	RetryMin, RetryMax time.Duration
	// KeyFile holds the key from which those of subscriptions are derived. It is made at the first start.
	KeyFile string
	// Key is that key itself, as text; then there is no file.
	Key string
	// PublicURL is the root of the pages as people reach them, for links; none are made without.
	PublicURL string
	// PrivateAddresses lets messages go to loopback, private and link-local addresses.
	PrivateAddresses bool
	// SMTP is the server for mail; without an address there is none.
	SMTP SMTP
}

// minKey is the least length of a key that is set as text, in bytes.
const minKey = 32

// SMTP is a mail server.
type SMTP struct {
	// Address is host:port, From the sender.
	Address, From string
	// Username and Password are left out when the server asks for none.
	Username, Password string
	// TLS is starttls (needed), opportunistic (STARTTLS where the server has it), implicit (from the first byte) or none.
	TLS string
}

// The ways in which mail is encrypted.
const (
	tlsRequired      = "starttls"
	tlsOpportunistic = "opportunistic"
	tlsImplicit      = "implicit"
	tlsNone          = "none"
)

// DefaultConfig tries a delivery ten times within about four hours.
func DefaultConfig() Config {
	return Config{
		Interval: 2 * time.Second, Timeout: 10 * time.Second, Concurrency: 8, ClaimFor: 3 * time.Minute,
		Attempts: 10, RetryMin: 10 * time.Second, RetryMax: time.Hour,
		PrivateAddresses: true, SMTP: SMTP{TLS: tlsRequired},
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var problems []error
	refuse := func(bad bool, field, rule string) {
		if bad {
			problems = append(problems, fmt.Errorf("notifier.%s: %s", field, rule))
		}
	}
	refuse(c.Interval < 100*time.Millisecond, "interval", "must be at least 100ms")
	refuse(c.Timeout <= 0, "timeout", "must be above zero")
	refuse(c.Concurrency < 1 || c.Concurrency > 1000, "concurrency", "must be from 1 to 1000")
	refuse(c.ClaimFor < 4*c.Timeout, "claim_for", "must be at least four times the timeout")
	refuse(c.Attempts < 1 || c.Attempts > 100, "attempts", "must be from 1 to 100")
	refuse(c.RetryMin <= 0 || c.RetryMax < c.RetryMin, "retry_min", "must be above zero and no more than retry_max")
	refuse(c.KeyFile == "" && c.Key == "", "key_file", "is missing")
	refuse(c.Key != "" && len(c.Key) < minKey, "key", "must have at least 32 characters")
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		refuse(err != nil || u.Host == "" || !slices.Contains([]string{"http", "https"}, lo.FromPtr(u).Scheme), "public_url", "must be an http or https address")
	}
	problems = append(problems, c.SMTP.problems()...)
	return errors.Join(problems...)
}

func (s SMTP) problems() []error {
	var problems []error
	if !slices.Contains([]string{tlsRequired, tlsOpportunistic, tlsImplicit, tlsNone}, s.TLS) {
		problems = append(problems, errors.New("notifier.smtp.tls: must be starttls, opportunistic, implicit or none"))
	}
	if s.Address == "" {
		return problems
	}
	if _, _, err := net.SplitHostPort(s.Address); err != nil {
		problems = append(problems, fmt.Errorf("notifier.smtp.address: %w", err))
	}
	if _, err := mail.ParseAddress(s.From); err != nil {
		problems = append(problems, fmt.Errorf("notifier.smtp.from: %w", err))
	}
	return problems
}
