package projector

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

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

// ledgerRow lays an event and its decision out as a row.
func ledgerRow(topic string, partition int, it *item, d *registry.Decision) (store.LedgerRow, error) {
	e := it.envelope()
	row := store.LedgerRow{
		Database: e.Database, Suite: e.Suite, Seq: d.Seq,
		EventID: e.ID, EventType: string(e.Type), EventVersion: uint16(e.Version),
		Topic: topic, Partition: uint32(partition), Offset: uint64(it.offset),
		ReceivedAt: e.ReceivedAt, Actor: e.Actor, RequestID: e.RequestID, ContentType: e.ContentType, Params: e.Params,
		Body: e.Body, BodyDigest: it.prepared.Digest,
		Status: string(d.Status), DuplicateOf: repeats(e.ID, d),
		AddedMachines: int32(d.Added.Machines), AddedRuns: int32(d.Added.Runs),
		AddedTests: int32(d.Added.Tests), AddedSamples: int32(d.Added.Samples),
		DeletedRuns: d.Rows.DeletedRuns, SupersededLoad: d.Rows.Superseded,
		Code: uint16(d.Code), Error: d.Error, Message: d.Message, Field: d.Field,
	}
	if d.Rows.Schema != nil {
		row.SuiteSchema = string(d.Rows.Schema.Encode())
	}
	for _, m := range d.Rows.Machines {
		row.Machines = append(row.Machines, store.LedgerMachine{
			ID: m.ID, Name: m.Name, Fields: texts(m.Fields), Params: object(m.Params), Deleted: m.Deleted,
		})
	}
	for _, o := range d.Rows.Orders {
		row.Orders = append(row.Orders, store.LedgerOrder{ID: o.ID, Name: o.Name, Values: o.Values, SortKey: o.SortKey})
	}
	for _, t := range d.Rows.Tests {
		row.Tests = append(row.Tests, store.LedgerTest{ID: t.ID, Name: t.Name})
	}
	if d.Rows.Run != nil {
		row.LedgerRun = ledgerRun(d.Rows.Run)
	}
	for i := range d.Rows.Findings {
		text, err := json.Marshal(d.Rows.Findings[i])
		if err != nil {
			return store.LedgerRow{}, fmt.Errorf("finding %s of event %s: %w", d.Rows.Findings[i].ID, e.ID, err)
		}
		row.Findings = append(row.Findings, string(text))
	}
	return row, nil
}

// repeats is the event whose receipt stands for this one, too. An id that came back with another body is refused, and must
// not take the place of the first one's receipt.
func repeats(id uuid.UUID, d *registry.Decision) uuid.UUID {
	if d.Status == event.Rejected && d.Code == http.StatusConflict && d.Field == event.ParamIdempotencyKey {
		return id
	}
	return d.DuplicateOf
}

func ledgerRun(r *registry.RunRow) store.LedgerRun {
	return store.LedgerRun{
		RunID: r.ID, LoadID: r.LoadID, MachineID: r.MachineID, OrderID: r.OrderID,
		StartAt: r.Start, EndAt: r.End, RunFields: texts(r.Fields), RunParams: object(r.Params),
		FirstSampleID: r.FirstSampleID, RowTestID: r.RowTestID,
		SampleRow: r.Samples.Row, SampleTestID: r.Samples.TestID, SampleMetric: r.Samples.Metric,
		SampleValue: r.Samples.Value, SampleFailed: r.Samples.Failed,
		TextRow: r.Samples.TextRow, TextTestID: r.Samples.TextTestID, TextMetric: r.Samples.TextMetric, TextValue: r.Samples.Text,
	}
}

// texts is a JSON object with sorted keys.
func texts(m map[string]string) string {
	if len(m) == 0 {
		return "{}"
	}
	text, _ := json.Marshal(m) // a map of strings always encodes
	return string(text)
}

func object(params string) string {
	if params == "" {
		return "{}"
	}
	return params
}

// outcomeOf is the answer to an event; when its rows are readable is added later.
func outcomeOf(partition int, it *item, d *registry.Decision, decide time.Duration) event.Outcome {
	e := it.envelope()
	return event.Outcome{
		EventID: e.ID, Database: e.Database, Suite: e.Suite, Seq: d.Seq, Status: d.Status,
		Code: d.Code, Error: d.Error, Message: d.Message, Field: d.Field, DuplicateOf: d.DuplicateOf,
		RunID: d.RunID, MachineID: d.MachineID, OrderID: d.OrderID,
		AddedMachines: d.Added.Machines, AddedRuns: d.Added.Runs, AddedTests: d.Added.Tests, AddedSamples: d.Added.Samples,
		Partition: partition, Offset: it.offset,
		DecodeMS: millis(it.took), DecideMS: millis(decide),
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
