package replayer

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
)

// Config says what is rebuilt, where, and how.
type Config struct {
	// Source is the live database; it holds the ledger.
	Source string
	// Into is the database in which the tables are rebuilt. It is made when missing.
	Into string
	// AsDecided copies the decisions instead of deciding anew: for a history whose rules have changed since.
	AsDecided bool
	// Strict stops a replay at the first decision that is not the stored one.
	Strict bool

	// Suites is how many suites are worked on at once.
	Suites int
	// ChunkEvents, ChunkBytes (of bodies) and ChunkSamples (values) close a chunk, which is stored at once. One event may
	// exceed them alone.
	ChunkEvents, ChunkBytes, ChunkSamples int
	// Shown bounds the differences of which both versions are looked up.
	Shown int
}

// DefaultConfig suits two cores.
func DefaultConfig() Config {
	return Config{
		Source:       "tidemark",
		Into:         "tidemark_replay",
		Suites:       min(runtime.NumCPU(), 4),
		ChunkEvents:  500,
		ChunkBytes:   16 << 20,
		ChunkSamples: 200_000,
		Shown:        10,
	}
}

// name is what a database may be called: it stands in statements as it is.
var name = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var problems []error
	for what, text := range map[string]string{"source": c.Source, "into": c.Into} {
		if !name.MatchString(text) {
			problems = append(problems, fmt.Errorf("replay.%s: %q is no name of a database: letters, digits and _ only", what, text))
		}
	}
	if c.Source == c.Into {
		problems = append(problems, fmt.Errorf("replay.into: %s is the live database; name another one", c.Into))
	}
	for what, n := range map[string]int{
		"suites": c.Suites, "chunk_events": c.ChunkEvents, "chunk_bytes": c.ChunkBytes, "chunk_samples": c.ChunkSamples,
	} {
		if n <= 0 {
			problems = append(problems, fmt.Errorf("replay.%s: must be above zero", what))
		}
	}
	if c.Shown < 0 {
		problems = append(problems, errors.New("replay.shown: must not be negative"))
	}
	return errors.Join(problems...)
}
