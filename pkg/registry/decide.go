package registry

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/suite"
)

// keyReused is the refusal of an event whose id was used before for another body.
const keyReused = "idempotency key was used for a different body"

// Decide says what becomes of the next event. Every event advances the position; only an accepted one changes anything else that
// later decisions depend on, apart from being remembered.
func (s *State) Decide(p Prepared) Decision {
	s.seq++
	d := s.decide(p)
	d.Seq = s.seq
	return d
}

func (s *State) decide(p Prepared) Decision {
	id := p.Envelope.ID
	if first, ok := s.seen.find(id); ok {
		if first.digest != p.Digest {
			return rejected(refusal(conflict, event.ParamIdempotencyKey, keyReused, ""))
		}
		return s.repeated(id, first)
	}
	d := s.judge(p)
	s.seen.add(id, p.Digest, d)
	return d
}

// repeated answers as the first time, and adds nothing.
func (s *State) repeated(id uuid.UUID, first memory) Decision {
	d := Decision{Status: event.Duplicate, DuplicateOf: id, RunID: first.run, MachineID: first.machine, OrderID: first.order}
	more := s.seen.more[id]
	d.Compared = s.compared(d.RunID)
	d.MachineName, d.DeletedRuns, d.RegressionID = more.machineName, slices.Clone(more.deletedRuns), more.regression
	if why := s.seen.refusal(first); why != nil {
		d.Code, d.Error, d.Message, d.Field = why.Code, why.Error, why.Message, why.Field
	}
	return d
}

func (s *State) judge(p Prepared) Decision {
	if e := p.Envelope; e.Database != s.database || e.Suite != s.name {
		return rejected(refusal(internalError, "suite",
			fmt.Sprintf("event of %s was given to %s/%s", e.Key(), s.database, s.name), ""))
	}
	switch {
	case p.Envelope.Type == event.RunSubmitted:
		return s.submit(p)
	case p.Refusal != nil:
		return rejected(p.Refusal)
	case p.Schema != nil:
		return s.define(*p.Schema)
	case s.schema == nil:
		return rejected(s.unknownSuite())
	case p.Changes != nil:
		return s.record(*p.Changes)
	case p.Dismissal != nil:
		return s.dismiss(*p.Dismissal)
	case p.Regression != nil:
		return s.regress(p.Regression)
	case p.Record != nil:
		return s.set(p.Record)
	case p.Retraction != nil:
		return s.retract(*p.Retraction)
	case p.Seed != nil:
		return s.seed(*p.Seed)
	default:
		return s.judgeMachine(p)
	}
}

func (s *State) judgeMachine(p Prepared) Decision {
	switch {
	case p.Update != nil:
		return s.update(*p.Update)
	case p.Rename != nil:
		return s.rename(*p.Rename)
	case p.Merge != nil:
		return s.merge(*p.Merge)
	case p.Deletion != nil:
		return s.remove(*p.Deletion)
	default:
		return rejected(refusal(internalError, "", "event was not prepared", ""))
	}
}

// accepted completes the rows of an accepted event: the first one brings the schema with it.
func (s *State) accepted(d Decision) Decision {
	d.Status = event.Accepted
	if !s.announced {
		s.announced = true
		d.Rows.Schema = s.schema
	}
	if d.Rows.Schema != nil {
		schema := d.Rows.Schema.Clone()
		d.Rows.Schema = &schema
	}
	if d.Rows.Schema != nil || d.Rows.Run != nil {
		d.Rows.MetricNames = metricNames(s.schema)
	}
	return d
}

func rejected(why *Refusal) Decision {
	return Decision{Status: event.Rejected, Code: why.Code, Error: why.Error, Message: why.Message, Field: why.Field}
}

func (s *State) unknownSuite() *Refusal {
	return refusal(badRequest, "suite", fmt.Sprintf("Unknown test suite '%s'!", s.name), "")
}

func metricNames(schema *suite.Schema) []string {
	names := make([]string, len(schema.Metrics))
	for i, m := range schema.Metrics {
		names[i] = m.Name
	}
	return names
}
