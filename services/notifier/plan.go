package notifier

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
)

// Plan is one message to be sent: what a subscription hears of one step, or of all since its last digest.
type Plan struct {
	// ID follows from the subscription and what is told: every notifier makes the same one.
	ID    uuid.UUID
	Sub   *Subscription
	Steps []Step
	// ToSeq is the position up to which the subscription has heard everything with this message.
	ToSeq uint64
}

func deliveryID(s *Subscription, what string) uuid.UUID {
	return event.DeliveryID(s.ID, s.Database, s.Suite, what)
}

// item names what a step tells.
func (s *Step) item() string {
	if s.Signal != nil {
		return fmt.Sprintf("signal %d %s at %d", s.Signal.ID, s.Signal.Signal, s.Seq)
	}
	return fmt.Sprintf("%s %d at %d", s.What, s.Regression.ID, s.Seq)
}

// plans are what a subscription is told of steps at once.
func plans(sub *Subscription, steps []Step) []Plan {
	var out []Plan
	for _, step := range steps {
		if told, ok := sub.wants(step); ok {
			out = append(out, Plan{ID: deliveryID(sub, told.item()), Sub: sub, Steps: []Step{told}, ToSeq: step.Seq})
		}
	}
	return out
}

// digest is what a subscription is told of steps after position from that happened before an instant; false when that is nothing.
func digest(sub *Subscription, from uint64, steps []Step, before time.Time) (Plan, bool) {
	plan := Plan{ID: deliveryID(sub, fmt.Sprintf("digest after %d", from)), Sub: sub}
	for _, step := range steps {
		if !step.At.Before(before) {
			break // what follows is for the next one, so that nothing is passed over
		}
		if told, ok := sub.wants(step); ok {
			plan.Steps = append(plan.Steps, told)
			plan.ToSeq = step.Seq
		}
	}
	return plan, len(plan.Steps) > 0
}

// findings are the changes and regressions that the plan tells of, and its signals.
func (p *Plan) findings() (changes, regressions []uint32, signals []string) {
	for _, s := range p.Steps {
		if s.Signal != nil {
			signals = append(signals, s.Signal.Machine+": "+s.Signal.Signal)
			continue
		}
		regressions = append(regressions, s.Regression.ID)
		for _, f := range s.Findings {
			changes = append(changes, f.ChangeID)
		}
	}
	return lo.Uniq(changes), lo.Uniq(regressions), lo.Uniq(signals)
}
