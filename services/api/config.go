package api

import (
	"errors"
	"fmt"
	"time"

	"github.com/samber/lo"
)

// Config says what may be read and at what cost.
type Config struct {
	// Databases are the databases that exist. Each has the built-in suites from the start.
	Databases []string
	// DefaultDatabase is the one that addresses without a database mean.
	DefaultDatabase string
	// LNTVersion is the version of LNT that the v4 answers name in generated_by; clients look at it.
	LNTVersion string
	// QueryTimeout bounds all reads of one request together, in time.
	QueryTimeout time.Duration
	// MaxRunIDs bounds the runs that one samples request may name.
	MaxRunIDs int
	// MaxSampleRows bounds the sample rows of one answer.
	MaxSampleRows int
	// RetryAfter is the pause that a 503 asks for, in whole seconds.
	RetryAfter time.Duration
	// SQLToken asks for a token with the scope read before a statement is answered.
	SQLToken bool
}

// DefaultConfig serves one database called default.
func DefaultConfig() Config {
	return Config{
		Databases:       []string{"default"},
		DefaultDatabase: "default",
		LNTVersion:      "0.5.0",
		QueryTimeout:    20 * time.Second,
		MaxRunIDs:       1000,
		MaxSampleRows:   1_000_000,
		RetryAfter:      2 * time.Second,
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var problems []error
	if !lo.Contains(c.Databases, c.DefaultDatabase) {
		problems = append(problems, fmt.Errorf("api.default_database: %q is not among api.databases", c.DefaultDatabase))
	}
	for _, name := range lo.FindDuplicates(c.Databases) {
		problems = append(problems, fmt.Errorf("api.databases: %q is named twice", name))
	}
	if c.LNTVersion == "" {
		problems = append(problems, errors.New("api.lnt_version: is empty"))
	}
	for name, n := range map[string]int64{
		"query_timeout": int64(c.QueryTimeout), "max_run_ids": int64(c.MaxRunIDs),
		"max_sample_rows": int64(c.MaxSampleRows), "retry_after": int64(c.RetryAfter),
	} {
		if n <= 0 {
			problems = append(problems, fmt.Errorf("api.%s: must be above zero", name))
		}
	}
	return errors.Join(problems...)
}
