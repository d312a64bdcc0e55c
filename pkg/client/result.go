package client

import (
	"errors"
	"fmt"
)

// Status is what became of one file.
type Status string

// The statuses of a file.
const (
	Stored   Status = "stored"   // the server has a run of it
	Received Status = "received" // the server has it, and will decide
	Refused  Status = "refused"  // the server, or a dry run, says no
	Failed   Status = "failed"   // it could not be read or delivered
	Planned  Status = "planned"  // a dry run would send it
)

// Result is what became of one file, and the object that is printed for it.
type Result struct {
	File       string  `json:"file"`
	Status     Status  `json:"status"`
	RunID      uint32  `json:"run_id,omitzero"`
	ResultURL  string  `json:"result_url,omitzero"`
	EventID    string  `json:"event_id,omitzero"`
	ReceiptURL string  `json:"receipt_url,omitzero"`
	Code       int     `json:"code,omitzero"` // the HTTP status of the last answer
	Error      string  `json:"error,omitzero"`
	Message    string  `json:"message,omitzero"`
	Plan       string  `json:"plan,omitzero"` // of a dry run, for people
	Key        string  `json:"idempotency_key,omitzero"`
	Bytes      int64   `json:"bytes,omitzero"`      // of the report
	SentBytes  int     `json:"sent_bytes,omitzero"` // of one try
	Attempts   int     `json:"attempts,omitzero"`
	TookMS     float64 `json:"took_ms"`
}

// Incomplete says that not every file was stored.
type Incomplete struct{ Files, Refused, Failed int } //nolint:errname // callers read client.Incomplete

func (e *Incomplete) Error() string {
	return fmt.Sprintf("%d of %d files were not stored: %d refused, %d not delivered", e.Refused+e.Failed, e.Files, e.Refused, e.Failed)
}

// ExitCode is 0 when all files were stored, 1 when some were refused, 2 when some could not be delivered or the request to
// submit made no sense.
func ExitCode(err error) int {
	var some *Incomplete
	switch {
	case err == nil:
		return 0
	case errors.As(err, &some) && some.Failed == 0:
		return 1
	default:
		return 2
	}
}
