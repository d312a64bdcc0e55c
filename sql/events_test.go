package sql_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/store"
)

// line is one line of events.jsonl: an event by its body, or, shorter, a run or a
// stretch of runs.
type line struct {
	Type     event.Type        `json:"type"`
	Database string            `json:"database"`
	Suite    string            `json:"suite"`
	Key      string            `json:"key"` // events of one key have one id
	Params   map[string]string `json:"params"`
	Body     json.RawMessage   `json:"body"`
	Run      *runLine          `json:"run"`
	Series   *seriesLine       `json:"series"`
}

// runLine is a report: per test the value, or the values, of each metric.
type runLine struct {
	Machine    string                    `json:"machine"`
	Attributes map[string]string         `json:"attributes"`
	Order      string                    `json:"order"`
	Fields     map[string]string         `json:"fields"`
	Tests      map[string]map[string]any `json:"tests"`
}

// seriesLine is one run per place: what every test measured there. null leaves the
// test out, and the run when nothing is left of it; a list is several samples.
type seriesLine struct {
	Machine string           `json:"machine"`
	Metric  string           `json:"metric"`
	Orders  []string         `json:"orders"` // 1, 2, 3 … when missing
	Tests   map[string][]any `json:"tests"`
}

// decided are the ledger rows of a case in the order of the log.
func decided(t *testing.T, jsonl []byte) []store.LedgerRow {
	t.Helper()
	states := map[string]*registry.State{}
	var rows []store.LedgerRow
	for text := range bytes.Lines(jsonl) {
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		in := line{Type: event.RunSubmitted, Database: "default", Suite: "nts"}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		for _, body := range in.bodies(t) {
			key := in.Key
			if key == "" {
				key = strconv.Itoa(len(rows))
			}
			e := event.Envelope{
				ID: event.IDFromKey(in.Database, in.Suite, key), Type: in.Type, Version: 1, Database: in.Database, Suite: in.Suite,
				ReceivedAt: time.Date(2026, 2, 3, 0, 0, len(rows), 0, time.UTC), Actor: "bot",
				RequestID: "request-" + strconv.Itoa(len(rows)), Params: in.Params, Body: body,
			}
			if states[e.Key()] == nil {
				states[e.Key()] = registry.New(e.Database, e.Suite)
			}
			row := ledgerRow(t, e, states[e.Key()].Decide(registry.Prepare(e)))
			row.Offset = uint64(len(rows))
			rows = append(rows, row)
		}
	}
	return rows
}

func (l line) bodies(t *testing.T) [][]byte {
	t.Helper()
	switch {
	case l.Run != nil:
		return [][]byte{l.Run.body(t)}
	case l.Series != nil:
		return l.Series.bodies(t)
	case l.Type == event.ChangeFound:
		return [][]byte{withFindingIDs(t, l)}
	default:
		return [][]byte{l.Body}
	}
}

func (r runLine) body(t *testing.T) []byte {
	t.Helper()
	machine := lo.Assign(map[string]string{"name": r.Machine}, r.Attributes)
	run := lo.Assign(map[string]string{
		"llvm_project_revision": r.Order, "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00",
	}, r.Fields)
	var tests []map[string]any
	for _, name := range sorted(r.Tests) {
		tests = append(tests, lo.Assign(map[string]any{"name": name}, r.Tests[name]))
	}
	return encoded(t, map[string]any{"format_version": "2", "machine": machine, "run": run, "tests": lo.CoalesceSliceOrEmpty(tests)})
}

func (s seriesLine) bodies(t *testing.T) [][]byte {
	t.Helper()
	var bodies [][]byte
	places := lo.Max(lo.Map(lo.Values(s.Tests), func(values []any, _ int) int { return len(values) }))
	for place := range places {
		order := strconv.Itoa(place + 1)
		if len(s.Orders) > 0 {
			order = s.Orders[place]
		}
		run := runLine{Machine: s.Machine, Order: order, Tests: map[string]map[string]any{}}
		for name, values := range s.Tests {
			if place < len(values) && values[place] != nil {
				run.Tests[name] = map[string]any{s.Metric: values[place]}
			}
		}
		if len(run.Tests) > 0 {
			bodies = append(bodies, run.body(t))
		}
	}
	return bodies
}

// withFindingIDs fills the ids of findings, which follow from the rest.
func withFindingIDs(t *testing.T, l line) []byte {
	t.Helper()
	var c event.Changes
	if err := json.Unmarshal(l.Body, &c); err != nil {
		t.Fatal(err)
	}
	for i, f := range c.Findings {
		c.Findings[i].ID = event.FindingID(l.Database, l.Suite, f.MachineID, f.TestID, f.Metric, f.OrderID, f.Direction, c.Detector)
	}
	body, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// ledgerRow lays an event and its decision out as the projector does.
func ledgerRow(t *testing.T, e event.Envelope, d registry.Decision) store.LedgerRow {
	t.Helper()
	row := store.LedgerRow{
		Database: e.Database, Suite: e.Suite, Seq: d.Seq, EventID: e.ID, EventType: string(e.Type), EventVersion: uint16(e.Version),
		Topic: event.TopicEvents, ReceivedAt: e.ReceivedAt, StoredAt: e.ReceivedAt,
		Actor: e.Actor, RequestID: e.RequestID, Params: e.Params, Body: e.Body, BodyDigest: e.Digest(),
		Status: string(d.Status), Code: uint16(d.Code), Error: d.Error, Message: d.Message, Field: d.Field, DuplicateOf: d.DuplicateOf,
		AddedMachines: int32(d.Added.Machines), AddedRuns: int32(d.Added.Runs),
		AddedTests: int32(d.Added.Tests), AddedSamples: int32(d.Added.Samples),
		DeletedRuns: d.Rows.DeletedRuns, SupersededLoad: d.Rows.Superseded,
	}
	if d.Code == http.StatusConflict {
		row.DuplicateOf = e.ID // the first answer stands
	}
	if d.Rows.Schema != nil {
		row.SuiteSchema = string(d.Rows.Schema.Encode())
	}
	for _, m := range d.Rows.Machines {
		row.Machines = append(row.Machines, store.LedgerMachine{
			ID: m.ID, Name: m.Name, Fields: string(encoded(t, m.Fields)), Params: m.Params, Deleted: m.Deleted,
		})
	}
	for _, o := range d.Rows.Orders {
		row.Orders = append(row.Orders, store.LedgerOrder{ID: o.ID, Name: o.Name, Values: o.Values, SortKey: o.SortKey})
	}
	for _, test := range d.Rows.Tests {
		row.Tests = append(row.Tests, store.LedgerTest(test))
	}
	for _, finding := range d.Rows.Findings {
		row.Findings = append(row.Findings, string(encoded(t, finding)))
	}
	if r := d.Rows.Run; r != nil {
		row.LedgerRun = store.LedgerRun{
			RunID: r.ID, LoadID: r.LoadID, MachineID: r.MachineID, OrderID: r.OrderID, StartAt: r.Start, EndAt: r.End,
			RunFields: string(encoded(t, r.Fields)), RunParams: r.Params, FirstSampleID: r.FirstSampleID, RowTestID: r.RowTestID,
			SampleRow: r.Samples.Row, SampleTestID: r.Samples.TestID, SampleMetric: r.Samples.Metric,
			SampleValue: r.Samples.Value, SampleFailed: r.Samples.Failed,
			TextRow: r.Samples.TextRow, TextTestID: r.Samples.TextTestID, TextMetric: r.Samples.TextMetric, TextValue: r.Samples.Text,
		}
	}
	return row
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) == "null" {
		return []byte("{}")
	}
	return text
}

// eventID is how a case writes the id of the event with a key: {id:key}.
func eventID(key string) uuid.UUID { return event.IDFromKey("default", "nts", key) }

func sorted[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
