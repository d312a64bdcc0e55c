package watcher

import (
	"errors"
	"time"
)

// Config says how often to look and what is missing.
type Config struct {
	// Interval is the length of a slot.
	Interval time.Duration
	// Timeout bounds the work of one slot.
	Timeout time.Duration
	// Floor is the least silence worth telling. For as long after the start nothing is called silent:
	// machines could not reach a server that was away.
	Floor time.Duration
	// Retired is the silence from which on a machine counts as taken out of service.
	Retired time.Duration
	// Share is the part of the usual series below which a run is partial.
	Share float64
}

// DefaultConfig looks every minute.
func DefaultConfig() Config {
	return Config{Interval: time.Minute, Timeout: time.Minute, Floor: 15 * time.Minute, Retired: 30 * 24 * time.Hour, Share: 0.8}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var problems []error
	refuse := func(bad bool, text string) {
		if bad {
			problems = append(problems, errors.New("watcher."+text))
		}
	}
	refuse(c.Interval < time.Second, "interval: must be at least 1s")
	refuse(c.Timeout <= 0, "timeout: must be above zero")
	refuse(c.Floor <= 0, "floor: must be above zero")
	refuse(c.Retired <= c.Floor, "retired: must be more than floor")
	refuse(!(c.Share > 0 && c.Share <= 1), "share: must be above zero and at most 1")
	return errors.Join(problems...)
}
