package web

import (
	"errors"
	"fmt"
	"time"
)

// Config bounds what one page shows.
type Config struct {
	// Databases are shown even while they hold nothing.
	Databases []string
	// ListRows is how many rows a page of a list has.
	ListRows int
	// ResultRows is how many results a page of a run has.
	ResultRows int
	// RecentRows is how many runs and findings an overview shows.
	RecentRows int
	// MaxPlots is how many lines one chart may have.
	MaxPlots int
	// MaxOrders is how many orders, the newest ones, a line has at most.
	MaxOrders int
	// RetryAfter is what a client is told to wait when too many reads are under way.
	RetryAfter time.Duration
}

// DefaultConfig keeps every page below half a megabyte.
func DefaultConfig() Config {
	return Config{
		Databases:  []string{"default"},
		ListRows:   50,
		ResultRows: 100,
		RecentRows: 12,
		MaxPlots:   32,
		MaxOrders:  5000,
		RetryAfter: 5 * time.Second,
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var problems []error
	for _, bound := range []struct {
		name  string
		value int
	}{
		{"list_rows", c.ListRows},
		{"result_rows", c.ResultRows},
		{"recent_rows", c.RecentRows},
		{"max_plots", c.MaxPlots},
		{"max_orders", c.MaxOrders},
	} {
		if bound.value < 1 || bound.value > 100_000 {
			problems = append(problems, fmt.Errorf("web.%s: %d is not between 1 and 100000", bound.name, bound.value))
		}
	}
	if c.RetryAfter < time.Second {
		problems = append(problems, fmt.Errorf("web.retry_after: %s is less than 1s", c.RetryAfter))
	}
	for i, name := range c.Databases {
		if name == "" {
			problems = append(problems, fmt.Errorf("web.databases[%d]: is empty", i))
		}
	}
	return errors.Join(problems...)
}
