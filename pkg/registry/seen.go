package registry

import (
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"

	"tidemark/pkg/event"
)

// maxRemembered bounds in bytes each text that is remembered of a refusal. The full text is in the ledger; a repetition is answered
// with its beginning and its end.
const maxRemembered = 1024

// seen remembers every event by id, in 50 to 100 bytes each. Refusals are stored once per distinct text.
type seen struct {
	events map[uuid.UUID]memory
	// more has what only few events answer.
	more     map[uuid.UUID]answer
	refusals []Refusal
	index    map[Refusal]uint32
}

// memory is what is kept of one event. refusal is 1 + the index of its refusal, 0 for an accepted one.
type memory struct {
	digest              uint64
	run, machine, order uint32
	refusal             uint32
}

// answer is what the answer to an event of machines, runs or regressions says beyond ids.
type answer struct {
	machineName string
	deletedRuns []uint32
	regression  uint32
}

func newSeen() seen {
	return seen{events: make(map[uuid.UUID]memory), more: make(map[uuid.UUID]answer), index: make(map[Refusal]uint32)}
}

func (s *seen) find(id uuid.UUID) (memory, bool) {
	m, ok := s.events[id]
	return m, ok
}

func (s *seen) add(id uuid.UUID, digest uint64, d Decision) {
	m := memory{digest: digest, run: d.RunID, machine: d.MachineID, order: d.OrderID}
	if d.Status == event.Rejected {
		m.refusal = s.intern(Refusal{Code: d.Code, Error: d.Error, Message: d.Message, Field: d.Field})
	}
	if d.MachineName != "" || len(d.DeletedRuns) > 0 || d.RegressionID != 0 {
		s.more[id] = answer{machineName: d.MachineName, deletedRuns: slices.Clone(d.DeletedRuns), regression: d.RegressionID}
	}
	s.events[id] = m
}

func (s *seen) intern(r Refusal) uint32 {
	r.Error, r.Message, r.Field = shorten(r.Error), shorten(r.Message), shorten(r.Field)
	i, ok := s.index[r]
	if !ok {
		s.refusals = append(s.refusals, r)
		i = uint32(len(s.refusals))
		s.index[r] = i
	}
	return i
}

func (s *seen) refusal(m memory) *Refusal {
	if m.refusal == 0 {
		return nil
	}
	return &s.refusals[m.refusal-1]
}

// shorten keeps both ends of a long text: LNT's messages end with the advice. It leaves its own results alone.
func shorten(text string) string {
	const mark = " … "
	if len(text) <= maxRemembered {
		return text
	}
	half := (maxRemembered - len(mark)) / 2
	head, tail := half, len(text)-half
	for head > 0 && !utf8.RuneStart(text[head]) {
		head--
	}
	for tail < len(text) && !utf8.RuneStart(text[tail]) {
		tail++
	}
	return text[:head] + mark + text[tail:]
}
