package synth

import (
	"errors"
	"fmt"
	"time"
)

// Config is the size and the kind of the history.
type Config struct {
	// Seed decides everything below.
	Seed uint64
	// Machines, Tests and Orders are counts; every test runs on every machine.
	Machines, Tests, Orders int
	// Samples is the most samples of a test at one order.
	Samples int
	// FirstOrder is the number of the first order; orders count up in twos and threes.
	FirstOrder int
	// Start is the time of the first run, Every the time between two orders.
	Start time.Time
	Every time.Duration
	// ChangeRate is the share of series with changes of their own.
	ChangeRate float64
	// MissingRate is the share of orders a machine leaves out, FailureRate the
	// share of samples that fail, LateRate the share of runs that arrive late.
	MissingRate, FailureRate, LateRate float64
	// DriftRate is the share of noisy series that drift by up to 2 % either way from
	// the first order to the last, RampRate of those that climb or fall by up to 5 % over some
	// tens of orders, SpikeRate of those with single orders far off.
	DriftRate, RampRate, SpikeRate float64
	// MachineSwaps is how many machines are replaced once: all their series move.
	MachineSwaps int
}

// DefaultConfig is a small team's history of some months.
func DefaultConfig() Config {
	return Config{
		Seed:         1,
		Machines:     3,
		Tests:        40,
		Orders:       120,
		Samples:      3,
		FirstOrder:   500_000,
		Start:        time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC),
		Every:        12 * time.Hour,
		ChangeRate:   0.15,
		MissingRate:  0.04,
		FailureRate:  0.003,
		LateRate:     0.02,
		DriftRate:    0.1,
		SpikeRate:    0.2,
		MachineSwaps: 1,
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var problems []error
	for name, n := range map[string]int{"machines": c.Machines, "tests": c.Tests, "orders": c.Orders, "samples": c.Samples} {
		if n < 1 || n > 10_000_000 {
			problems = append(problems, fmt.Errorf("%s: %d is not from 1 to 10000000", name, n))
		}
	}
	for name, r := range map[string]float64{
		"change_rate": c.ChangeRate, "missing_rate": c.MissingRate, "failure_rate": c.FailureRate, "late_rate": c.LateRate,
		"drift_rate": c.DriftRate, "ramp_rate": c.RampRate, "spike_rate": c.SpikeRate,
	} {
		if !(r >= 0 && r <= 1) {
			problems = append(problems, fmt.Errorf("%s: %v is not from 0 to 1", name, r))
		}
	}
	if c.FirstOrder < 0 {
		problems = append(problems, errors.New("first_order: must not be negative"))
	}
	if c.MachineSwaps < 0 || c.MachineSwaps > c.Machines {
		problems = append(problems, fmt.Errorf("machine_swaps: %d is not from 0 to the number of machines", c.MachineSwaps))
	}
	return errors.Join(problems...)
}
