package event

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Status is what became of an event.
type Status string

// The three statuses. An event has exactly one, for ever.
const (
	Accepted  Status = "accepted"
	Rejected  Status = "rejected"
	Duplicate Status = "duplicate"
)

// MaxOutcome is the largest encoded outcome that is read, in bytes.
const MaxOutcome = 16 << 20

// Outcome is what the projector answers about one event, on [TopicOutcomes], keyed by event id, as JSON.
type Outcome struct {
	EventID  uuid.UUID `json:"event_id"`
	Database string    `json:"database"`
	Suite    string    `json:"suite"`
	// Seq is the event's position in its suite, from 1.
	Seq    uint64 `json:"seq"`
	Status Status `json:"status"`
	// Code is the HTTP status of a rejected event. Error and Message are LNT's: a sentence and its long form. Field is the path of
	// the value at fault.
	Code    int    `json:"code,omitzero"`
	Error   string `json:"error,omitzero"`
	Message string `json:"message,omitzero"`
	Field   string `json:"field,omitzero"`
	// DuplicateOf is the event that this one repeats.
	DuplicateOf uuid.UUID `json:"duplicate_of,omitzero"`

	RunID     uint32 `json:"run_id,omitzero"`
	MachineID uint32 `json:"machine_id,omitzero"`
	OrderID   uint32 `json:"order_id,omitzero"`
	// MachineName is the name of the machine that an event of machines was about, as the event left it.
	MachineName string `json:"machine_name,omitzero"`
	// DeletedRuns are the runs that a retraction or the deletion of a machine took away, ascending.
	DeletedRuns []uint32 `json:"deleted_runs,omitempty"`
	// RegressionID is the regression that the event made or changed.
	RegressionID uint32 `json:"regression_id,omitzero"`
	// AddedRuns is zero or negative when a run replaced others.
	AddedMachines int `json:"added_machines"`
	AddedRuns     int `json:"added_runs"`
	AddedTests    int `json:"added_tests"`
	AddedSamples  int `json:"added_samples"`

	Compared Compared `json:"compared,omitzero"`

	// Partition and Offset are the event's place in the log; StoredAt is when its rows were readable.
	Partition int       `json:"partition"`
	Offset    int64     `json:"offset"`
	StoredAt  time.Time `json:"stored_at"`
	// Milliseconds spent per stage.
	DecodeMS float64 `json:"decode_ms"`
	DecideMS float64 `json:"decide_ms"`
	InsertMS float64 `json:"insert_ms"`
}

// Compared are the positions of the runs that LNT's report of a run is about, as they stand after the event; zero when there are
// none, and when the outcome is told once more after a crash: the answer is then without a comparison.
type Compared struct {
	// Run is the run's own; Previous that of the run it is compared with: on its machine, at the place before its own, the one with
	// the smallest id. 0 when there is none.
	Run      uint64 `json:"run"`
	Previous uint64 `json:"previous,omitzero"`
	// Beside are the other runs whose tests are listed, newest first: those of some orders before, and the newest of the machine's
	// first order.
	Beside []uint64 `json:"beside,omitempty"`
}

// Encode gives the record value. It fails only on a time or duration that JSON cannot hold.
func (o Outcome) Encode() ([]byte, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode outcome of %s: %w", o.EventID, err)
	}
	return data, nil
}

// DecodeOutcome is the inverse of [Outcome.Encode]; keys it does not know are ignored. Errors wrap [ErrMalformed].
func DecodeOutcome(data []byte) (Outcome, error) {
	if len(data) > MaxOutcome {
		return Outcome{}, fmt.Errorf("%w: outcome of %d bytes exceeds %d", ErrMalformed, len(data), MaxOutcome)
	}
	var o Outcome
	if err := json.Unmarshal(data, &o); err != nil {
		return Outcome{}, fmt.Errorf("%w: outcome: %w", ErrMalformed, err)
	}
	if o.EventID == uuid.Nil {
		return Outcome{}, fmt.Errorf("%w: outcome names no event", ErrMalformed)
	}
	switch o.Status {
	case Accepted, Rejected, Duplicate:
		return o, nil
	default:
		return Outcome{}, fmt.Errorf("%w: outcome has status %q", ErrMalformed, o.Status)
	}
}
