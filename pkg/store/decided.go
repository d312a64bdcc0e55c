package store

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
)

// LogPosition is where in the log an event came from.
type LogPosition struct {
	Topic     string
	Partition int
	Offset    int64
}

// Decided lays an event and its decision out as a row of the ledger. When the row
// is stored is for the caller to say. The error names a finding that is no JSON.
func Decided(at LogPosition, p *registry.Prepared, d *registry.Decision) (LedgerRow, error) {
	e := &p.Envelope
	row := LedgerRow{
		Database: e.Database, Suite: e.Suite, Seq: d.Seq,
		EventID: e.ID, EventType: string(e.Type), EventVersion: uint16(e.Version),
		Topic: at.Topic, Partition: uint32(at.Partition), Offset: uint64(at.Offset),
		ReceivedAt: e.ReceivedAt, Actor: e.Actor, RequestID: e.RequestID, ContentType: e.ContentType, Params: e.Params,
		Body: e.Body, BodyDigest: p.Digest,
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
		row.Machines = append(row.Machines, LedgerMachine{
			ID: m.ID, Name: m.Name, Fields: texts(m.Fields), Params: object(m.Params), Deleted: m.Deleted, MergedInto: m.MergedInto,
		})
	}
	for _, o := range d.Rows.Orders {
		row.Orders = append(row.Orders, LedgerOrder{ID: o.ID, Name: o.Name, Values: o.Values, SortKey: o.SortKey})
	}
	for _, t := range d.Rows.Tests {
		row.Tests = append(row.Tests, LedgerTest{ID: t.ID, Name: t.Name})
	}
	switch {
	case d.Rows.Run != nil:
		row.LedgerRun = decidedRun(d.Rows.Run)
	case d.Status == event.Accepted: // what the event was about; a repetition is about what its original says
		row.MachineID, row.OrderID = d.MachineID, d.OrderID
	}
	for i := range d.Rows.Findings {
		text, err := json.Marshal(d.Rows.Findings[i])
		if err != nil {
			return LedgerRow{}, fmt.Errorf("finding %s of event %s: %w", d.Rows.Findings[i].ID, e.ID, err)
		}
		row.Findings = append(row.Findings, string(text))
	}
	for i := range d.Rows.Regressions {
		text, err := json.Marshal(d.Rows.Regressions[i])
		if err != nil {
			return LedgerRow{}, fmt.Errorf("regression %d of event %s: %w", d.Rows.Regressions[i].ID, e.ID, err)
		}
		row.Regressions = append(row.Regressions, string(text))
	}
	for i := range d.Rows.Records {
		text, err := json.Marshal(d.Rows.Records[i])
		if err != nil {
			return LedgerRow{}, fmt.Errorf("record %s %s of event %s: %w", d.Rows.Records[i].Kind, d.Rows.Records[i].Key, e.ID, err)
		}
		row.Records = append(row.Records, string(text))
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

func decidedRun(r *registry.RunRow) LedgerRun {
	return LedgerRun{
		RunID: r.ID, LoadID: r.LoadID, MachineID: r.MachineID, OrderID: r.OrderID,
		StartAt: r.Start, EndAt: r.End, RunFields: texts(r.Fields), RunParams: object(r.Params),
		FirstSampleID: r.FirstSampleID, RowTestID: r.RowTestID,
		SampleRow: r.Samples.Row, SampleTestID: r.Samples.TestID, SampleMetric: r.Samples.Metric,
		SampleValue: r.Samples.Value, SampleFailed: r.Samples.Failed,
		TextRow: r.Samples.TextRow, TextTestID: r.Samples.TextTestID, TextMetric: r.Samples.TextMetric, TextValue: r.Samples.Text,
		ProfileRow: r.Profiles.Row, ProfileTestID: r.Profiles.TestID, ProfileCounters: r.Profiles.Counters,
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
