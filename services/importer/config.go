package importer

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Config says what to import, from where and into what. Begin with [DefaultConfig].
type Config struct {
	// URL is the root of an LNT server, DSN the address of its database: postgresql://…, a SQLite file, or the folder of an
	// instance with one. Exactly one of them is given.
	URL, DSN string
	// To is the root of the Tidemark server, Token what its AuthToken header carries.
	To, Token string

	// Databases are names at the source, with "=name" behind where the target's differs. A DSN has one, whose name is the
	// target's.
	Databases []string
	// Suites to import; without any all that are found.
	Suites []string
	// Machines to import, by name or id; without any all.
	Machines []string
	// Since leaves out runs that started before it; zero: none.
	Since time.Time
	// Limit is how many runs of a suite are imported at most, the oldest first; 0: all.
	Limit int

	// KeepIDs gives machines, orders, tests and runs the ids they have at the source. The token must be an administrator's.
	KeepIDs bool
	// Detect lets detectors judge imported runs as if they had just arrived.
	Detect bool
	// Profiles is the folder of LNT's profile files; with a DSN only.
	Profiles string
	// Salt makes other idempotency keys, to import again what was imported and deleted.
	Salt string
	// DryRun counts and sends nothing.
	DryRun bool

	// State is the folder where progress is kept.
	State string
	// Suites at once, runs read at once, and the most runs of a suite that are sent but not yet known to be stored.
	Jobs, Readers, Window int
	// Verify is how many runs of each suite are compared value by value at the end; -1: all.
	Verify int
	// RetryFor bounds how long a request is tried, AttemptTimeout one try, DecideFor how long a sent run may stay undecided.
	RetryFor, AttemptTimeout, DecideFor time.Duration
}

// DefaultConfig is gentle to the source: an LNT server answers five requests at once.
func DefaultConfig() Config {
	return Config{
		To:             "http://127.0.0.1:8080",
		Databases:      []string{defaultDatabase},
		State:          "tidemark-import",
		Jobs:           2,
		Readers:        3,
		Window:         256,
		Verify:         20,
		RetryFor:       10 * time.Minute,
		AttemptTimeout: 5 * time.Minute,
		DecideFor:      10 * time.Minute,
	}
}

// defaultDatabase is LNT's name for the database of addresses that name none.
const defaultDatabase = "default"

// Validate reports every problem at once.
func (c Config) Validate() error {
	var problems []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	refuse((c.URL == "") == (c.DSN == ""), "give either the address of an LNT server or of its database")
	refuse(c.URL != "" && !isRoot(c.URL), "from: %q is not an http or https address", c.URL)
	refuse(!isRoot(c.To), "to: %q is not an http or https address", c.To)
	refuse(len(c.Databases) == 0, "database: none is named")
	refuse(c.DSN != "" && len(c.Databases) > 1, "database: a database has one name")
	refuse(c.KeepIDs && c.Token == "" && !c.DryRun, "keep-ids: needs the token of an administrator")
	refuse(c.Profiles != "" && c.DSN == "", "profiles: LNT's REST does not say which sample a profile belongs to; import from its database")
	refuse(c.State == "", "state: no folder is named")
	refuse(c.Limit < 0, "limit: %d is negative", c.Limit)
	refuse(c.Verify < -1, "verify: %d is below -1", c.Verify)
	for name, n := range map[string]int{"jobs": c.Jobs, "readers": c.Readers, "window": c.Window} {
		refuse(n < 1, "%s: %d is below 1", name, n)
	}
	for name, d := range map[string]time.Duration{"retry_for": c.RetryFor, "attempt_timeout": c.AttemptTimeout, "decide_for": c.DecideFor} {
		refuse(d <= 0, "%s: %s is not positive", name, d)
	}
	return errors.Join(problems...)
}

func isRoot(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// route is one database's way: its name at the source and at the target.
type route struct{ from, to string }

func (c Config) routes() []route {
	var routes []route
	for _, text := range c.Databases {
		from, to, given := strings.Cut(text, "=")
		if !given {
			to = from
		}
		routes = append(routes, route{from, to})
	}
	return routes
}
