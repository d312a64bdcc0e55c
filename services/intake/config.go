package intake

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"tidemark/pkg/auth"
	"tidemark/pkg/event"
)

// Config bounds what submissions may cost and says who may send them.
type Config struct {
	// Databases are the names served; a submission to any other is answered 404.
	Databases []string
	// NewDatabases takes submissions to any database whose name is one, too: the first makes it.
	NewDatabases bool
	// Token is LNT's: the AuthToken header that carries it may do everything. Without it and without Tokens, every REST write is
	// refused.
	Token string
	// Tokens are those with a scope of their own.
	Tokens []auth.Token
	// RequireToken asks for a token on submitRun as well, which LNT never does.
	RequireToken bool
	// LNTVersion is the version of LNT that answers name in generated_by.
	LNTVersion string

	// BodyLimit is the largest report in bytes, as sent and as decompressed. A URL-encoded form may be three times as long on
	// the wire, because that is what the encoding costs.
	BodyLimit int64
	// InFlightLimit is how many bytes of submissions may be in memory at once, over all requests.
	InFlightLimit int64
	// AdmitTimeout is how long a request waits for room below InFlightLimit before it is answered 503.
	AdmitTimeout time.Duration
	// ReadIdleTimeout is how long a client may send nothing; ReadTimeout how long the whole body may take.
	ReadIdleTimeout, ReadTimeout time.Duration

	// AppendTimeout bounds the append to the log.
	AppendTimeout time.Duration
	// WaitTimeout bounds the wait for the outcome; after it the answer is 202 with a receipt.
	WaitTimeout time.Duration
	// ResultsWait bounds the comparison of a stored run with the one before it, which the answer carries; after it, or where it
	// is zero, the answer is without.
	ResultsWait time.Duration
	// ReadyTimeout bounds the wait for the outcomes topic to be followed, before the append.
	ReadyTimeout time.Duration
	// MaxWaiters is how many requests may wait for outcomes at once; those beyond get 202 with a receipt.
	MaxWaiters int
	// RetryAfter is what a client is told to wait after a 503. Whole seconds.
	RetryAfter time.Duration
}

// DefaultConfig serves the database LNT calls "default", open to everyone, as LNT does.
func DefaultConfig() Config {
	return Config{
		Databases:       []string{"default"},
		LNTVersion:      "0.5.0",
		BodyLimit:       64 << 20,
		InFlightLimit:   512 << 20,
		AdmitTimeout:    2 * time.Second,
		ReadIdleTimeout: 15 * time.Second,
		ReadTimeout:     5 * time.Minute,
		AppendTimeout:   10 * time.Second,
		WaitTimeout:     10 * time.Second,
		ResultsWait:     2 * time.Second,
		ReadyTimeout:    2 * time.Second,
		MaxWaiters:      10_000,
		RetryAfter:      2 * time.Second,
	}
}

// inFlightPerBody is how much room the largest body may need at its worst moment: the buffer it outgrows, the one it moves to,
// and the decompressor's window.
const inFlightPerBody = 3

// Validate reports everything that is wrong, joined.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Databases) == 0 {
		bad("databases: at least one is needed")
	}
	for _, name := range c.Databases {
		if name == "" || strings.ContainsAny(name, "/?#%") {
			bad("databases: %q is not a name", name)
		}
	}
	if c.RequireToken && c.Token == "" && len(c.Tokens) == 0 {
		bad("require_token: needs a token")
	}
	if c.LNTVersion == "" {
		bad("lnt_version: is empty")
	}
	if c.BodyLimit < 1 || c.BodyLimit > event.MaxBody {
		bad("body_limit: %d is not between 1 and %d", c.BodyLimit, event.MaxBody)
	}
	if least := inFlightPerBody*c.BodyLimit + baseCost; c.InFlightLimit < least {
		bad("in_flight_limit: %d has no room for one body of body_limit; it must be %d or more", c.InFlightLimit, least)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"admit_timeout", c.AdmitTimeout},
		{"read_idle_timeout", c.ReadIdleTimeout},
		{"read_timeout", c.ReadTimeout},
		{"append_timeout", c.AppendTimeout},
		{"wait_timeout", c.WaitTimeout},
		{"ready_timeout", c.ReadyTimeout},
	} {
		if d.value < time.Millisecond {
			bad("%s: %s is shorter than a millisecond", d.name, d.value)
		}
	}
	if c.ResultsWait != 0 && c.ResultsWait < time.Millisecond {
		bad("results_wait: %s is neither 0 nor at least a millisecond", c.ResultsWait)
	}
	if c.RetryAfter < time.Second {
		bad("retry_after: %s is shorter than a second", c.RetryAfter)
	}
	if c.MaxWaiters < 1 {
		bad("max_waiters: %d is less than 1", c.MaxWaiters)
	}
	return errors.Join(errs...)
}

func (c Config) serves(database string) bool {
	return c.names(database) || c.NewDatabases && databaseName.MatchString(database)
}

func (c Config) names(database string) bool { return slices.Contains(c.Databases, database) }

// databaseName is what a database made by its first submission can be called.
var databaseName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
