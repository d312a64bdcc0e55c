package detector

import (
	"errors"
	"fmt"
	"time"
)

// Config says how often to look and what to call a step.
type Config struct {
	// Interval is the length of a slot.
	Interval time.Duration
	// Timeout bounds the work on one suite in one slot.
	Timeout time.Duration
	// BatchSamples bounds the samples read by one statement, and so its memory.
	BatchSamples int
	// SlotSamples bounds the samples of the runs that one slot takes up for one
	// suite; the others wait for the next. A run more is always taken.
	SlotSamples int
	// StepsIn are the suites that the detector "steps" looks at, and Steps its parameters.
	StepsIn Suites
	Steps   Steps
	// LNT is the detector "lnt".
	LNT LNT
}

// LNT says where LNT's own rules are followed, and how long that may take. The rules have no parameters.
type LNT struct {
	// In are the suites; none means that the detector is off.
	In Suites
	// Wait is how long a run waits for what was found in the one before, and Budget how long one slot works on a suite. What is not
	// done then goes on in the next slot.
	Wait, Budget time.Duration
}

// Steps are the parameters of sql/jobs/detect_steps.sql.
type Steps struct {
	// Window is how many orders on either side are compared.
	Window uint16 `json:"window"`
	// Peak is how many orders around it a step must be the strongest.
	Peak uint16 `json:"peak"`
	// Gaps is how far a series may leave orders of its machine out: Window and Peak
	// points count while they lie within Gaps times as many orders. A series
	// measured less often than that is judged by fewer points, one that has fewer
	// than MinBefore points in Gaps*Window orders not at all.
	Gaps uint16 `json:"gaps"`
	// MinBefore and MinAfter are the fewest orders needed on either side.
	MinBefore uint16 `json:"min_before"`
	MinAfter  uint16 `json:"min_after"`
	// MaxPValue bounds the chance of seeing the difference without a step.
	MaxPValue float64 `json:"max_p_value"`
	// MinEffect is the smallest relative change worth a finding.
	MinEffect float64 `json:"min_effect"`
	// MinSigmas is the smallest change in units of the series' spread.
	MinSigmas float64 `json:"min_sigmas"`
}

// DefaultConfig looks every five seconds.
func DefaultConfig() Config {
	return Config{
		Interval:     5 * time.Second,
		Timeout:      time.Minute,
		BatchSamples: 1_000_000,
		SlotSamples:  5_000_000,
		StepsIn:      Suites{"*"},
		LNT:          LNT{Wait: 2 * time.Second, Budget: 10 * time.Second},
		Steps: Steps{
			Window:    12,
			Peak:      6,
			Gaps:      2,
			MinBefore: 5,
			MinAfter:  3,
			MaxPValue: 1e-5,
			MinEffect: 0.005,
			MinSigmas: 1.5,
		},
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
	refuse(c.BatchSamples < 1000, "batch_samples", "must be at least 1000")
	refuse(c.SlotSamples < 1, "slot_samples", "must be above zero")
	for field, suites := range map[string]Suites{"steps_in": c.StepsIn, "lnt.in": c.LNT.In} {
		refuse(suites.problem() != "", field, suites.problem())
	}
	refuse(c.LNT.Wait <= 0, "lnt.wait", "must be above zero")
	refuse(c.LNT.Budget <= 0, "lnt.budget", "must be above zero")
	s := c.Steps
	refuse(s.MinBefore < 2, "steps.min_before", "must be at least 2")
	refuse(s.MinAfter < 1, "steps.min_after", "must be at least 1")
	refuse(s.Window < max(s.MinBefore, s.MinAfter), "steps.window", "must not be below min_before or min_after")
	refuse(s.Window > 1000, "steps.window", "must be at most 1000")
	refuse(s.Peak < 1 || s.Peak > s.Window, "steps.peak", "must be from 1 to window")
	refuse(s.Gaps < 1 || s.Gaps > 10, "steps.gaps", "must be from 1 to 10")
	refuse(s.MaxPValue <= 0 || s.MaxPValue >= 1, "steps.max_p_value", "must be between 0 and 1")
	refuse(s.MinEffect < 0, "steps.min_effect", "must not be negative")
	refuse(s.MinSigmas < 0, "steps.min_sigmas", "must not be negative")
	return errors.Join(problems...)
}

// reach is how far, in orders of the machine, that which decides about an order
// can lie: its rivals and their windows, stretched over gaps.
func (s Steps) reach() uint16 {
	return s.Gaps * (s.Window + s.Peak)
}
