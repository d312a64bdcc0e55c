package eventlog

import "errors"

var (
	// ErrUnavailable says that the brokers cannot be reached or did not answer in time. Trying again later is right.
	ErrUnavailable = errors.New("event log unavailable")
	// ErrOutcomeUnknown comes together with ErrUnavailable when the record was sent and no answer came: it may or may not
	// be in the log, or may still arrive.
	ErrOutcomeUnknown = errors.New("outcome of the append is unknown")
	// ErrTooLarge says that a record is larger than the log accepts. Trying again is pointless.
	ErrTooLarge = errors.New("record too large")
	// ErrCorrupt says that what was read is not what was appended.
	ErrCorrupt = errors.New("record is corrupt")
	// ErrOffsetOutOfRange says that a position lies outside what the log still holds.
	ErrOffsetOutOfRange = errors.New("offset out of range")
	// ErrNotOwner says that the partition now belongs to another member or another generation.
	ErrNotOwner = errors.New("partition is no longer owned")
	// ErrClosed says that the log has been closed.
	ErrClosed = errors.New("event log is closed")
	// ErrUnknownTopic says that the brokers have no such topic.
	ErrUnknownTopic = errors.New("unknown topic")
	// ErrPartitionCount says that a topic exists with another number of partitions than asked for.
	ErrPartitionCount = errors.New("topic has another number of partitions")
)

// AppendError tells, record by record, what became of an Append that failed in part or in whole.
type AppendError struct {
	// Errs has one element per record, nil where the record is in the log.
	Errs []error
}

// Error gives the first failure and how many records share it.
func (e *AppendError) Error() string {
	return appendErrorText(e.Errs)
}

// Unwrap makes errors.Is and errors.As look at every record's error.
func (e *AppendError) Unwrap() []error {
	out := make([]error, 0, len(e.Errs))
	for _, err := range e.Errs {
		if err != nil {
			out = append(out, err)
		}
	}
	return out
}
