package registry

import (
	"fmt"
	"slices"
	"strconv"

	"tidemark/pkg/event"
)

// readKept reads the ids that the submission is to keep.
func (pl *plan) readKept(params map[string]string) *Refusal {
	var why *Refusal
	if pl.keepRun, why = keptID(params, event.ParamKeepRunID); why != nil {
		return why
	}
	pl.keepMachine, why = keptID(params, event.ParamKeepMachineID)
	return why
}

// keptID reads an id in decimal; absent or empty means any.
func keptID(params map[string]string, name string) (uint32, *Refusal) {
	text := params[name]
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n < 1 || n > event.MaxKeptID {
		return 0, refusal(badRequest, name, fmt.Sprintf("%s must be a number from 1 to %d", name, event.MaxKeptID), "")
	}
	return uint32(n), nil
}

// chooseFor finds the machine of a submission. One that keeps its machine's id belongs to that machine or to none.
func (s *State) chooseFor(pl plan, policy string) (*machine, *Refusal) {
	reported := reportedMachine(pl.report)
	if pl.keepMachine == 0 {
		return s.choose(reported, policy)
	}
	known := s.machines[pl.keepMachine]
	if known == nil {
		return reported, nil
	}
	changed := s.conflicts(known, reported)
	switch {
	case known.deleted || known.name != reported.name || len(changed) > 0 && policy == selectSplit:
		return nil, refusal(conflict, event.ParamKeepMachineID, fmt.Sprintf("another machine has the id %d", known.id), "")
	case len(changed) == 0 || policy == selectUpdate:
		return merged(known, reported), nil
	default:
		return nil, machineChanged(known, reported, changed)
	}
}

// freeRun refuses a run id that another run has, unless that run is to be replaced.
func (s *State) freeRun(pl plan) *Refusal {
	_, stands := s.runs.places[pl.keepRun]
	if !stands || slices.ContainsFunc(pl.replaced, func(r run) bool { return r.id == pl.keepRun }) {
		return nil
	}
	return refusal(conflict, event.ParamKeepRunID, fmt.Sprintf("another run has the id %d", pl.keepRun), "")
}
