package detector

import (
	"errors"
	"fmt"
	"time"

	"tidemark/pkg/detect"
)

// Config says how often to look, and how, where no rule says otherwise.
type Config struct {
	// Interval is the length of a slot.
	Interval time.Duration
	// Timeout bounds the work on one suite in one slot.
	Timeout time.Duration
	// SlotSamples bounds the samples of the runs that one slot takes up for one
	// suite; the others wait for the next. A run more is always taken.
	SlotSamples int
	// StepsIn are the suites that the detector "steps" looks at when no rule says anything, StepsPreset and StepsParams how.
	StepsIn     Suites
	StepsPreset string
	StepsParams map[string]string
	// Full is the pass over everything.
	Full Full
	// LNT is the detector "lnt".
	LNT LNT
}

// Full says how the pass works that judges wholly what slots looked at near the new data only.
type Full struct {
	// Every is the time between two passes over a suite.
	Every time.Duration
	// Budget is how long one slot works on them. What is not done then goes on in the next slot.
	Budget time.Duration
	// Bulk is how many samples a slot judges of one machine; where more were touched, the pass does it.
	Bulk int
}

// LNT says where LNT's own rules are followed, and how long that may take. The rules have no parameters.
type LNT struct {
	// In are the suites; none means that the detector is off.
	In Suites
	// Wait is how long a run waits for what was found in the one before, and Budget how long one slot works on a suite. What is not
	// done then goes on in the next slot.
	Wait, Budget time.Duration
}

// DefaultConfig looks every five seconds.
func DefaultConfig() Config {
	return Config{
		Interval:    5 * time.Second,
		Timeout:     2 * time.Minute,
		SlotSamples: 5_000_000,
		StepsIn:     Suites{"*"},
		Full:        Full{Every: time.Hour, Budget: 3 * time.Second, Bulk: 3_000_000},
		LNT:         LNT{Wait: 2 * time.Second, Budget: 10 * time.Second},
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var problems []error
	refuse := func(bad bool, field, rule string) {
		if bad {
			problems = append(problems, fmt.Errorf("detector.%s: %s", field, rule))
		}
	}
	refuse(c.Interval < time.Second, "interval", "must be at least 1s")
	refuse(c.Timeout <= 0, "timeout", "must be above zero")
	refuse(c.SlotSamples < 1, "slot_samples", "must be above zero")
	for field, suites := range map[string]Suites{"steps_in": c.StepsIn, "lnt.in": c.LNT.In} {
		refuse(suites.problem() != "", field, suites.problem())
	}
	refuse(c.Full.Every < time.Second, "full.every", "must be at least 1s")
	refuse(c.Full.Budget <= 0, "full.budget", "must be above zero")
	refuse(c.Full.Bulk < 1, "full.bulk", "must be above zero")
	refuse(c.LNT.Wait <= 0, "lnt.wait", "must be above zero")
	refuse(c.LNT.Budget <= 0, "lnt.budget", "must be above zero")
	if _, err := detect.Resolve(detect.Default, c.StepsPreset, c.StepsParams); err != nil {
		problems = append(problems, fmt.Errorf("detector.steps: %w", err))
	}
	return errors.Join(problems...)
}
