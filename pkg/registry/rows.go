package registry

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/suite"
)

// Decision is what became of one event.
type Decision struct {
	// Seq is the event's position in its suite, from 1. Every event gets one, refused and repeated ones too.
	Seq    uint64
	Status event.Status
	// Code is the HTTP status of a refusal, Error and Message its short and long text as LNT words them, Field the path of the value
	// at fault. A duplicate of a refused event carries that refusal.
	Code    int
	Error   string
	Message string
	Field   string
	// DuplicateOf is the event that this one repeats.
	DuplicateOf uuid.UUID
	// RunID, MachineID and OrderID are those of the submitted run; of the original for a duplicate; zero when there is none.
	// A retraction has the machine and order of the run, a change of a machine its id.
	RunID, MachineID, OrderID uint32
	// MachineName is the name of the machine that an event of machines was about. DeletedRuns are the runs that a retraction or a
	// machine's deletion took away, ascending. RegressionID is the regression that an event of regressions made or changed: the last
	// one of its rows.
	MachineName  string
	DeletedRuns  []uint32
	RegressionID uint32
	// Compared are the runs that LNT's report of a submission is about. Set with RunID for one that was accepted, or repeats such.
	Compared event.Compared
	// Rows is what the event adds to the tables; empty unless accepted. It belongs to the caller.
	Rows  Rows
	Added Added
}

// How far LNT looks back for tests, in orders. The bound on runs is ours: a machine may have any number of runs of an order.
const (
	ComparedOrders = 10
	ComparedRuns   = 64
)

// Added counts what an event brought, as LNT counts it.
type Added struct {
	// Runs is one less the number of runs replaced: zero or negative after a replacement. What is taken away counts below zero.
	Machines, Runs, Tests, Samples int
}

// Rows is what one accepted event adds to the tables.
type Rows struct {
	// Schema is set when the suite is new or changed; for a built-in suite, on its first accepted event.
	Schema *suite.Schema
	// MetricNames lists the suite's metrics in field order. Set with Schema or Run.
	MetricNames []string
	// Machines, Orders and Tests are new, or changed, in ascending id order.
	Machines []MachineRow
	Orders   []OrderRow
	Tests    []TestRow
	// Run is set for an accepted submission.
	Run *RunRow
	// DeletedRuns are run ids that are gone. A run replaced under its own id is not among them.
	DeletedRuns []uint32
	// Superseded are load ids whose samples no longer count.
	Superseded []uint32
	// Findings are what a detector found, or took back.
	Findings []FindingRow
	// Regressions are new, or changed, in ascending id order.
	Regressions []RegressionRow
	// Records are new, changed or removed: at most one of each kind and key.
	Records []RecordRow
}

// MachineRow is the whole of one machine, as it is from now on.
type MachineRow struct {
	ID   uint32
	Name string
	// Fields holds the declared fields that have a value.
	Fields map[string]string
	// Params is everything else the machine said about itself: a canonical JSON object (sorted keys, no blanks).
	Params  string
	Deleted bool
	// MergedInto is the machine whose runs this one's runs are now; 0 for none. A merged machine is deleted, too.
	MergedInto uint32
}

// OrderRow is one place in the suite's history.
type OrderRow struct {
	ID uint32
	// Values are the order fields, in the schema's order. They are the identity, compared exactly.
	Values []string
	// Name is the display form, SortKey the comparable one.
	Name    string
	SortKey string
}

// TestRow is one test name.
type TestRow struct {
	ID   uint32
	Name string
}

// RunRow is one accepted submission.
type RunRow struct {
	ID uint32
	// LoadID is the serial of accepted submissions: a run that replaces another keeps its ID and gets a new LoadID.
	LoadID             uint32
	MachineID, OrderID uint32
	// Start and End are UTC.
	Start, End time.Time
	// Fields holds the declared run fields that have a value; Params is the rest, a canonical JSON object.
	Fields map[string]string
	Params string
	// IgnoreRegressions says that detectors should not look at this run.
	IgnoreRegressions bool

	// FirstSampleID is the id of sample row 0, SampleRows the number of rows: row r has the id FirstSampleID + r.
	FirstSampleID uint64
	SampleRows    uint32
	// RowTestID is the test of each sample row, those without any value included.
	RowTestID []uint32
	Samples   Samples
	Profiles  Profiles
}

// Samples are the values of a run as columns, one entry per value that is present.
type Samples struct {
	// Row, TestID, Metric, Value and Failed have one entry per value of a Real metric. Failed is 1 when the linked status says so.
	Row    []uint32
	TestID []uint32
	Metric []string
	Value  []float64
	Failed []uint8
	// TextRow, TextTestID, TextMetric and Text have one entry per value of a Status or Hash metric.
	TextRow    []uint32
	TextTestID []uint32
	TextMetric []string
	Text       []string
}

// Profiles are the profiles of a run as columns, one entry per sample row that has one. Their bytes stay in the event's body.
type Profiles struct {
	Row    []uint32
	TestID []uint32
	// Counters are the counters of the whole program, "a=1,b=2", cut at 512 characters.
	Counters []string
	// Unmatched counts the profiles that no sample wanted; they are dropped.
	Unmatched int
}

// FindingRow is the whole of one finding, as it is from now on. As JSON it is a cell of the ledger.
type FindingRow struct {
	event.Finding
	// ChangeID is the finding's serial in the suite: the same finding, found again, keeps it.
	ChangeID uint32          `json:"change_id"`
	Detector string          `json:"detector"`
	Version  uint16          `json:"version"`
	Params   json.RawMessage `json:"params,omitempty"`
	DataSeq  uint64          `json:"data_seq"`
	// Dismissed says that people decided that it is no change. DismissedSeq is the position of the event that last changed that, and
	// DismissedEffect the effect that was dismissed.
	Dismissed       bool    `json:"dismissed,omitempty"`
	DismissedSeq    uint64  `json:"dismissed_seq,omitempty"`
	DismissedEffect float64 `json:"dismissed_effect,omitempty"`
	// Note is what was said about the last step.
	Note string `json:"note,omitempty"`
	// Shadow says that it counts nowhere.
	Shadow bool `json:"shadow,omitempty"`
}

// RegressionRow is the whole of one regression, as it is from now on. As JSON it is a cell of the ledger.
type RegressionRow = event.RegressionRow

// Kinds of [RecordRow].
const (
	RecordDetectorRule = "detector_rule"
	RecordSubscription = "subscription"
	RecordDelivery     = "delivery"
	RecordSignal       = "signal"
	RecordBaseline     = "baseline"
)

// RecordRow is the whole of one thing that was set, as it is from now on. As JSON it is a cell of the ledger.
type RecordRow struct {
	Kind    string `json:"kind"`
	Key     string `json:"key"`
	Deleted bool   `json:"deleted,omitempty"`
	// Body is the event's value: an [event.DetectorRule], [event.Subscription], [event.Baseline], [event.Delivery] or [event.Signal]; of a deleted one
	// the last.
	Body json.RawMessage `json:"body"`
}

// RecordState is a record that was not deleted. Seq is the position of the event that set it. Body is empty in the snapshot of a
// delivery, of which Status and Attempt are all that counts.
type RecordState struct {
	Kind, Key string
	Seq       uint64
	Body      json.RawMessage
	Status    string
	Attempt   uint16
}

// Tombstone is a regression that was deleted, and when.
type Tombstone struct {
	ID  uint32
	Seq uint64
}

// Snapshot is a state at rest. Lists are sorted by id. Loading it gives a state that decides what the original would have decided.
type Snapshot struct {
	// Schema is nil when no event has brought one: the suite is unknown, or built in and still without an accepted event.
	Schema *suite.Schema
	// LastSeq is the position of the last event; the others are the last serials given out.
	LastSeq       uint64
	LastLoadID    uint32
	LastRunID     uint32
	LastMachineID uint32
	LastOrderID   uint32
	LastTestID    uint32
	LastSampleID  uint64
	Machines      []MachineRow
	// Orders need ID and Values only.
	Orders []OrderRow
	Tests  []TestRow
	// Runs are those that stand.
	Runs []RunKey
	// Findings are all, those taken back too. Regressions are those that were not deleted; LastRegressionID counts the others too.
	Findings           []FindingRow
	Regressions        []RegressionRow
	DeletedRegressions []Tombstone
	LastRegressionID   uint32
	// Records are sorted by kind and key.
	Records []RecordState
	// Seen are all events but repetitions, sorted by EventID.
	Seen []SeenRow
}

// RunKey places one run. Seq is the position of its event, Start whole microseconds in UTC.
type RunKey struct {
	ID, LoadID, MachineID, OrderID uint32
	Seq                            uint64
	Start                          time.Time
}

// SeenRow is what is remembered of one event: enough to recognise it and to answer as the first time.
type SeenRow struct {
	EventID uuid.UUID
	// Digest is [event.Envelope.Digest].
	Digest uint64
	// Status is accepted or rejected.
	Status event.Status
	// Code, Error, Message and Field are set when it was rejected.
	Code    int
	Error   string
	Message string
	Field   string
	// RunID, MachineID and OrderID are set for an accepted submission; MachineID also for a change of a machine, and with OrderID for
	// a retraction.
	RunID, MachineID, OrderID uint32
	// MachineName, DeletedRuns and RegressionID are those of the decision.
	MachineName  string
	DeletedRuns  []uint32
	RegressionID uint32
}
