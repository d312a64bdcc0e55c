package sql_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
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
	decider := testkit.NewDecider()
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
			row, _ := decider.Decide(t, store.LogPosition{Topic: event.TopicEvents, Offset: int64(len(rows))}, e.ReceivedAt, e)
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
		c.Findings[i].ID = f.IDOf(l.Database, l.Suite, event.DetectorKey(c.Detector, c.Shadow))
	}
	body, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// eventID is how a case writes the id of the event with a key: {id:key}.
func eventID(key string) uuid.UUID { return event.IDFromKey("default", "nts", key) }

func sorted[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
