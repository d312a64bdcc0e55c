package notifier

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"tidemark/pkg/event"
)

// The channels.
const (
	webhook = event.ChannelWebhook
	slack   = event.ChannelSlack
	email   = event.ChannelEmail
)

// The occasions on which a subscription may want to hear something.
const (
	opened   = event.OnOpened   // a regression was made, or a signal went missing
	extended = event.OnExtended // findings joined a regression
	verify   = event.OnVerify   // a regression recovered, or a signal came back
	returned = event.OnReturned // a closed regression is open again
)

// Subscription says who wants to hear of what.
type Subscription struct {
	Database string    `ch:"database"`
	Suite    string    `ch:"suite"`
	ID       uuid.UUID `ch:"id"`
	Name     string    `ch:"name"`
	Channel  string    `ch:"channel"`
	// Target is an address of the channel's kind: a URL, or a mail address.
	Target string `ch:"target"`
	// Machine, Test and Metric are patterns of names; empty ones match everything.
	Machine string `ch:"machine"`
	Test    string `ch:"test"`
	Metric  string `ch:"metric"`
	// Kinds are of regression, improvement and signal, On of the occasions; none stand for all.
	Kinds     []string `ch:"kinds"`
	On        []string `ch:"on"`
	MinEffect float64  `ch:"min_effect"`
	// Every is "", hourly or daily.
	Every string `ch:"every"`
	// FirstSeq is the position at which the subscription was made, ChangedAt when it was last set.
	FirstSeq  uint64    `ch:"first_seq"`
	ChangedAt time.Time `ch:"changed_at"`
}

// wants picks from a step what the subscription wants to hear; false when that is nothing.
func (s *Subscription) wants(step Step) (Step, bool) {
	if step.Seq <= s.FirstSeq || !among(s.On, step.What) {
		return Step{}, false
	}
	if step.Signal != nil {
		return step, among(s.Kinds, event.KindSignal) && matches(s.Machine, step.Signal.Machine)
	}
	if step.What == verify || step.What == returned {
		// Told of the regression as a whole: its findings were told before.
		told := slices.ContainsFunc(step.Members, func(f Finding) bool { return s.matches(f) && f.size() >= s.MinEffect })
		step.Findings = nil
		return step, told
	}
	var mine []Finding
	for _, f := range step.Findings {
		if s.matches(f) && f.size() >= s.MinEffect && f.Earlier < s.MinEffect {
			mine = append(mine, f)
		}
	}
	step.Findings = mine
	return step, len(mine) > 0
}

func (s *Subscription) matches(f Finding) bool {
	return among(s.Kinds, f.Kind) && matches(s.Machine, f.Machine) && matches(s.Test, f.Test) && matches(s.Metric, f.Metric)
}

// length of a digest's time, 0 for none.
func (s *Subscription) digest() time.Duration {
	switch s.Every {
	case event.EveryHourly:
		return time.Hour
	case event.EveryDaily:
		return 24 * time.Hour
	default:
		return 0
	}
}

func matches(pattern, name string) bool { return pattern == "" || event.Glob(pattern, name) }

// among says whether a word is one of some; none stand for all.
func among(words []string, word string) bool { return len(words) == 0 || slices.Contains(words, word) }
