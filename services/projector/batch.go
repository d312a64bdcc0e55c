package projector

import (
	"time"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/store"
)

// batch is what one insert stores. It grows until it is handed over, and is never changed after that: repeating it must
// repeat the same bytes.
type batch struct {
	rows     []store.LedgerRow
	outcomes []event.Outcome
	bytes    int // of bodies
	samples  int
	insert   time.Duration
	done     chan struct{} // closed when everything before it is done; such a batch has no rows
}

func (b *batch) next() int64 { return int64(b.rows[len(b.rows)-1].Offset) + 1 }

func (b *batch) full(c Config) bool {
	return len(b.rows) >= c.BatchRecords || b.bytes >= c.BatchBytes || b.samples >= c.BatchSamples
}

func (b *batch) add(row store.LedgerRow, outcome event.Outcome) {
	b.rows = append(b.rows, row)
	b.outcomes = append(b.outcomes, outcome)
	b.bytes += len(row.Body)
	b.samples += len(row.SampleRow) + len(row.TextRow)
}

// freeze gives the rows the time they are stored at.
func (b *batch) freeze(at time.Time) {
	at = at.UTC().Truncate(time.Millisecond)
	for i := range b.rows {
		b.rows[i].StoredAt = at
	}
}

// outcomeOf is the answer to an event; when its rows are readable is added later.
func outcomeOf(partition int, it *item, d *registry.Decision, decide time.Duration) event.Outcome {
	e := it.envelope()
	return event.Outcome{
		EventID: e.ID, Database: e.Database, Suite: e.Suite, Seq: d.Seq, Status: d.Status,
		Code: d.Code, Error: d.Error, Message: d.Message, Field: d.Field, DuplicateOf: d.DuplicateOf,
		RunID: d.RunID, MachineID: d.MachineID, OrderID: d.OrderID,
		MachineName: d.MachineName, DeletedRuns: told(d.DeletedRuns), RegressionID: d.RegressionID,
		AddedMachines: d.Added.Machines, AddedRuns: d.Added.Runs, AddedTests: d.Added.Tests, AddedSamples: d.Added.Samples,
		Compared:  d.Compared,
		Partition: partition, Offset: it.offset,
		DecodeMS: millis(it.took), DecideMS: millis(decide),
	}
}

// toldRuns bounds the list of deleted runs in an answer; the ledger has all of them. At eleven bytes each they stay below
// [event.MaxOutcome].
const toldRuns = 1_000_000

func told(runs []uint32) []uint32 { return runs[:min(len(runs), toldRuns)] }

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
