package registry

import (
	"errors"
	"fmt"

	"tidemark/pkg/event"
	"tidemark/pkg/report"
)

// MachineUpdate is an [event.MachineUpdate] with its values read.
type MachineUpdate struct {
	Machine string
	// Values has an empty name when none was given.
	Values report.Machine
}

// Seed is an [event.Seed] with the values of its machines read. Machines and Values have equal lengths.
type Seed struct {
	event.Seed
	Values []report.Machine
}

func readUpdate(body []byte) (MachineUpdate, error) {
	update, err := event.DecodeMachineUpdate(body)
	if err != nil {
		return MachineUpdate{}, err
	}
	values, err := report.ParseMachine(update.Values, report.Options{})
	if err != nil {
		return MachineUpdate{}, detailed(err)
	}
	return MachineUpdate{Machine: update.Machine, Values: values}, nil
}

func readSeed(body []byte) (Seed, error) {
	seed, err := event.DecodeSeed(body)
	if err != nil {
		return Seed{}, err
	}
	values := make([]report.Machine, len(seed.Machines))
	for i, m := range seed.Machines {
		if len(m.Values) == 0 {
			continue
		}
		if values[i], err = report.ParseMachine(m.Values, report.Options{}); err != nil {
			return Seed{}, fmt.Errorf("machines[%d]: %w", i, detailed(err))
		}
	}
	return Seed{Seed: seed, Values: values}, nil
}

// detailed is a report's error without the words for submissions.
func detailed(err error) error {
	var problem *report.Error
	if errors.As(err, &problem) && problem.Detail != "" {
		return errors.New(problem.Detail)
	}
	return err
}
