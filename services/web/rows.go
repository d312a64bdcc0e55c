package web

import (
	"time"

	"github.com/google/uuid"
)

// The rows of the queries. Times are UTC; a time that is missing is 1970.

type suiteRow struct {
	Database string `ch:"database"`
	Suite    string `ch:"suite"`
	Schema   string `ch:"schema"`
}

type suiteCountRow struct {
	Database       string    `ch:"database"`
	Suite          string    `ch:"suite"`
	Runs           uint64    `ch:"run_count"`
	OwnMachines    []uint32  `ch:"own_machine_ids"`
	Orders         uint64    `ch:"order_count"`
	Values         uint64    `ch:"value_count"`
	LastReceivedAt time.Time `ch:"last_received_at"`
	// Machines and Tests are counted apart.
	Machines, Tests uint64
}

// runRow is a run in a list. Not every list fills every column.
type runRow struct {
	Database    string    `ch:"database"`
	Suite       string    `ch:"suite"`
	RunID       uint32    `ch:"run_id"`
	MachineID   uint32    `ch:"machine_id"`
	OwnID       uint32    `ch:"own_machine_id"`
	Machine     string    `ch:"machine"`
	OrderID     uint32    `ch:"order_id"`
	Order       string    `ch:"order_name"`
	StartAt     time.Time `ch:"start_at"`
	EndAt       time.Time `ch:"end_at"`
	ReceivedAt  time.Time `ch:"received_at"`
	SampleCount uint32    `ch:"sample_count"`
	Total       uint64    `ch:"total_count"`
}

type findingRow struct {
	Database      string    `ch:"database"`
	Suite         string    `ch:"suite"`
	ID            uuid.UUID `ch:"finding_id"`
	MachineID     uint32    `ch:"machine_id"`
	Machine       string    `ch:"machine"`
	Metric        string    `ch:"metric"`
	TestID        uint32    `ch:"test_id"`
	Test          string    `ch:"test"`
	OrderID       uint32    `ch:"order_id"`
	Order         string    `ch:"order_name"`
	PreviousID    uint32    `ch:"previous_order_id"`
	PreviousOrder string    `ch:"previous_order_name"`
	Direction     string    `ch:"direction"`
	Kind          string    `ch:"kind"`
	Before        float64   `ch:"before"`
	After         float64   `ch:"after"`
	Spread        float64   `ch:"spread"`
	Effect        float64   `ch:"effect"`
	Statistic     float64   `ch:"statistic"`
	PValue        float64   `ch:"p_value"`
	Detector      string    `ch:"detector"`
	FoundAt       time.Time `ch:"found_at"`
}

type kindCountRow struct {
	Kind  string `ch:"kind"`
	Count uint64 `ch:"finding_count"`
}

// machineRow is a machine with what it reported and what was found there.
type machineRow struct {
	ID             uint32
	Name           string
	Runs           uint64
	LastReceivedAt time.Time
	LastRunID      uint32
	NewestOrderID  uint32
	NewestOrder    string
	Regressions    uint64
	Improvements   uint64
}

// reportedRow is what the machine that sent them did in its runs; machine 0 stands for all of them.
type reportedRow struct {
	OwnID          uint32    `ch:"own_machine_id"`
	Runs           uint64    `ch:"run_count"`
	Orders         uint64    `ch:"order_count"`
	Values         uint64    `ch:"value_count"`
	LastReceivedAt time.Time `ch:"last_received_at"`
	LastRunID      uint32    `ch:"last_run_id"`
	LastSeq        uint64    `ch:"last_seq"`
	NewestOrderID  uint32    `ch:"newest_order_id"`
	NewestKey      string    `ch:"newest_sort_key"`
}

// movedRow is how much was found on a machine.
type movedRow struct {
	OwnID        uint32 `ch:"own_machine_id"`
	Regressions  uint64 `ch:"regression_count"`
	Improvements uint64 `ch:"improvement_count"`
}

type machineNameRow struct {
	ID   uint32 `ch:"machine_id"`
	Name string `ch:"machine"`
}

type machineDetailRow struct {
	machineStateRow
	Fields map[string]string `ch:"fields"`
	Params string            `ch:"params"`
	// Own are the machines whose runs count for it.
	Own []uint32
}

type runDetailRow struct {
	RunID       uint32            `ch:"run_id"`
	Seq         uint64            `ch:"seq"`
	MachineID   uint32            `ch:"own_machine_id"`
	OrderID     uint32            `ch:"order_id"`
	StartAt     time.Time         `ch:"start_at"`
	EndAt       time.Time         `ch:"end_at"`
	ReceivedAt  time.Time         `ch:"received_at"`
	Fields      map[string]string `ch:"fields"`
	Params      string            `ch:"params"`
	SampleRows  uint32            `ch:"sample_rows"`
	SampleCount uint32            `ch:"sample_count"`
	// Machine and Order are the names, orderKey sorts the order.
	Machine  string `ch:"-"`
	Order    string `ch:"-"`
	orderKey string `ch:"-"`
}

// neighbourRow is a run of the order before (-1), of the same order (0) or of the one after (1).
type neighbourRow struct {
	RunID   uint32 `ch:"run_id"`
	Seq     uint64 `ch:"seq"`
	OrderID uint32 `ch:"order_id"`
	Order   string `ch:"-"`
	Side    int    `ch:"-"`
}

// aroundRow are the orders before and after one, 0 for none.
type aroundRow struct {
	Before uint32 `ch:"before"`
	After  uint32 `ch:"after"`
}

type testRow struct {
	ID   uint32 `ch:"test_id"`
	Name string `ch:"test"`
}

type orderRow struct {
	ID     uint32   `ch:"order_id"`
	Name   string   `ch:"order_name"`
	Values []string `ch:"values"`
	Side   int8     `ch:"side"`
}

type orderListRow struct {
	ID             uint32    `ch:"order_id"`
	Name           string    `ch:"order_name"`
	Total          uint64    `ch:"total_count"`
	Runs           uint64    `ch:"run_count"`
	Machines       uint64    `ch:"machine_count"`
	LastReceivedAt time.Time `ch:"last_received_at"`
	Regressions    uint64    `ch:"regression_count"`
	Improvements   uint64    `ch:"improvement_count"`
}

// pointRow is one order of a series; the three lists go together.
type pointRow struct {
	OrderID uint32    `ch:"order_id"`
	RunIDs  []uint32  `ch:"run_ids"`
	Values  []float64 `ch:"sample_values"`
	Failed  []uint8   `ch:"sample_failed"`
}

// positionRow says how far a suite's log goes, and what of it can be read.
type positionRow struct {
	Position uint64 `ch:"position"`
	Seen     uint64 `ch:"seen"`
}

type receiptRow struct {
	EventID      uuid.UUID `ch:"event_id"`
	Seq          uint64    `ch:"seq"`
	ReceivedAt   time.Time `ch:"received_at"`
	StoredAt     time.Time `ch:"stored_at"`
	Status       string    `ch:"status"`
	Code         uint16    `ch:"code"`
	Error        string    `ch:"error"`
	Message      string    `ch:"message"`
	Field        string    `ch:"field"`
	RunID        uint32    `ch:"run_id"`
	MachineID    uint32    `ch:"machine_id"`
	OrderID      uint32    `ch:"order_id"`
	Machine      string    `ch:"machine"`
	Order        string    `ch:"order_name"`
	AddedSamples int32     `ch:"added_samples"`
	Topic        string    `ch:"topic"`
	Partition    uint32    `ch:"partition"`
	Offset       uint64    `ch:"offset"`
	Actor        string    `ch:"actor"`
	BodyBytes    uint64    `ch:"body_bytes"`
}

// receiptDetailRow is one receipt with its counters.
type receiptDetailRow struct {
	EventID       uuid.UUID `ch:"event_id"`
	Seq           uint64    `ch:"seq"`
	Type          string    `ch:"event_type"`
	ReceivedAt    time.Time `ch:"received_at"`
	StoredAt      time.Time `ch:"stored_at"`
	Status        string    `ch:"status"`
	Code          uint16    `ch:"code"`
	Error         string    `ch:"error"`
	Message       string    `ch:"message"`
	Field         string    `ch:"field"`
	RunID         uint32    `ch:"run_id"`
	MachineID     uint32    `ch:"machine_id"`
	OrderID       uint32    `ch:"order_id"`
	Machine       string    `ch:"machine"`
	Order         string    `ch:"order_name"`
	AddedMachines int32     `ch:"added_machines"`
	AddedRuns     int32     `ch:"added_runs"`
	AddedTests    int32     `ch:"added_tests"`
	AddedSamples  int32     `ch:"added_samples"`
	Topic         string    `ch:"topic"`
	Partition     uint32    `ch:"partition"`
	Offset        uint64    `ch:"offset"`
	Actor         string    `ch:"actor"`
	RequestID     string    `ch:"request_id"`
	BodyBytes     uint64    `ch:"body_bytes"`
}

// sentRow is what came with an event.
type sentRow struct {
	ContentType string            `ch:"content_type"`
	Params      map[string]string `ch:"params"`
	Sent        string            `ch:"sent"`
}
