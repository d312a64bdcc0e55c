package backtest

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"tidemark/pkg/detect"
	"tidemark/pkg/event"
)

// Errors that callers tell apart; their texts are for people.
var (
	// ErrInvalid says that what was asked for cannot be.
	ErrInvalid = errors.New("invalid")
	// ErrUnknown says that there is no such backtest.
	ErrUnknown = errors.New("unknown")
	// ErrState says that the backtest is too far, or not far enough.
	ErrState = errors.New("not in this state")
)

// refusal is an error of one of these kinds whose text is its reason alone.
type refusal struct{ kind, reason error }

func (r *refusal) Error() string { return r.reason.Error() }

func (r *refusal) Unwrap() []error { return []error{r.kind, r.reason} }

// DefaultMargin is how many orders of its machine a finding may lie from one that stands to be the same change.
const DefaultMargin = 5

// Spec is what people ask for.
type Spec struct {
	Detector string            `json:"detector,omitempty"` // empty: the default one
	Preset   string            `json:"preset,omitempty"`
	Params   map[string]string `json:"params,omitempty"`
	// Since and Until bound the orders at which something may be found, both included: an order by its name, or a
	// day or instant, which stands for the orders measured from then on, or until then. Empty is no bound.
	Since string `json:"since,omitempty"`
	Until string `json:"until,omitempty"`
	// Machine, Test and Metric are patterns of names with * and ?; empty is all.
	Machine string `json:"machine,omitempty"`
	Test    string `json:"test,omitempty"`
	Metric  string `json:"metric,omitempty"`
	// Margin is in orders of the machine; nil is [DefaultMargin].
	Margin *int `json:"margin,omitempty"`
	// Note says why it was asked for.
	Note string `json:"note,omitempty"`
}

// Asked is a [Spec] as it was taken: everything that has to be known to run it again and get the same.
type Asked struct {
	Spec
	// Version is that of the detector, Values are those of all its parameters.
	Version int               `json:"version"`
	Values  map[string]string `json:"values"`
	// SinceOrder and UntilOrder are ids of orders, 0 for no bound.
	SinceOrder uint32 `json:"since_order,omitempty"`
	UntilOrder uint32 `json:"until_order,omitempty"`
	// DataSeq is the position that data and decisions are looked at as of.
	DataSeq uint64 `json:"data_seq"`
	Actor   string `json:"actor"`
}

// State is how far a backtest is.
type State string

// The states; the last three are final.
const (
	Queued    State = "queued"
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// States are all states.
func States() []string {
	return []string{string(Queued), string(Running), string(Done), string(Failed), string(Cancelled)}
}

// Final says that nothing more will come.
func (s State) Final() bool { return s == Done || s == Failed || s == Cancelled }

// Progress is how a backtest goes.
type Progress struct {
	State State `json:"state"`
	// Owner is the process that runs it, Beat when it last said so.
	Owner uuid.UUID `json:"owner"`
	Beat  time.Time `json:"beat"`
	// Attempt counts the times it was begun.
	Attempt    uint32    `json:"attempt"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
	SeriesDone uint64    `json:"series_done"`
	SeriesAll  uint64    `json:"series_all"`
	// MemoryBytes is the most that the database used meanwhile, by its own count, whatever for.
	MemoryBytes uint64  `json:"memory_bytes"`
	Error       string  `json:"error,omitempty"`
	Report      *Report `json:"report,omitempty"`
}

// Backtest is one with all that is known of it.
type Backtest struct {
	Database, Suite string
	ID              uuid.UUID
	AskedAt         time.Time
	State           State
	Asked           Asked
	Progress        Progress
}

// Seconds it has run, as of now or of its end.
func (b Backtest) Seconds(now time.Time) float64 {
	switch {
	case b.Progress.StartedAt.IsZero():
		return 0
	case !b.Progress.FinishedAt.IsZero():
		now = b.Progress.FinishedAt
	case b.State.Final():
		now = b.Progress.Beat
	}
	return max(0, now.Sub(b.Progress.StartedAt).Seconds())
}

// maxNote bounds a note in bytes, maxText names and patterns.
const (
	maxNote = 4096
	maxText = 1024
)

// detector settles detector and parameters, and says everything that is wrong with what was asked.
func (s Spec) detector() (detect.Detector, error) {
	var problems []error
	d, err := detect.Resolve(s.Detector, s.Preset, s.Params)
	if err != nil {
		problems = append(problems, err)
	}
	for _, t := range []struct {
		field, text string
		most        int
	}{
		{"since", s.Since, maxText},
		{"until", s.Until, maxText},
		{"machine", s.Machine, maxText},
		{"test", s.Test, maxText},
		{"metric", s.Metric, maxText},
		{"note", s.Note, maxNote},
	} {
		if len(t.text) > t.most {
			problems = append(problems, fmt.Errorf("%s: has %d bytes, more than %d", t.field, len(t.text), t.most))
		}
	}
	if s.Margin != nil && (*s.Margin < 0 || *s.Margin > 1000) {
		problems = append(problems, fmt.Errorf("margin: %d is not from 0 to 1000", *s.Margin))
	}
	return d, errors.Join(problems...)
}

func (s Spec) margin() int {
	if s.Margin == nil {
		return DefaultMargin
	}
	return *s.Margin
}

// Promotion is the rule that has the detector judge, from now on, what it was tried on.
func (b Backtest) Promotion(mode event.Mode, reason string) event.DetectorRule {
	return event.DetectorRule{
		Detector: b.Asked.Detector, Mode: mode, Machine: b.Asked.Machine, Test: b.Asked.Test, Metric: b.Asked.Metric,
		Preset: b.Asked.Preset, Params: b.Asked.Params, Backtest: b.ID, Reason: reason,
	}
}
