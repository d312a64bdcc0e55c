package backtester

import (
	"errors"
	"time"
)

// Config says how often to look.
type Config struct {
	// Interval is the time between two looks at the queue.
	Interval time.Duration
	// Beat is the time between two signs of life of a backtest under way.
	Beat time.Duration
	// Silence is how long one may give none before another process begins it again.
	Silence time.Duration
}

// DefaultConfig looks every second.
func DefaultConfig() Config {
	return Config{Interval: time.Second, Beat: 2 * time.Second, Silence: 30 * time.Second}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var problems []error
	if c.Interval <= 0 {
		problems = append(problems, errors.New("backtester.interval: must be above zero"))
	}
	if c.Beat <= 0 {
		problems = append(problems, errors.New("backtester.beat: must be above zero"))
	}
	if c.Silence < 3*c.Beat {
		problems = append(problems, errors.New("backtester.silence: must be at least three beats"))
	}
	return errors.Join(problems...)
}
