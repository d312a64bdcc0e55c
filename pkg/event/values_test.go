package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"tidemark/pkg/event"
)

func TestNewID_FixedClockAndRandomness_GivesThisUUIDv7(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(0x0190_a5c0_7e57)
	id := event.NewID(now, bytes.NewReader([]byte{0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7}))
	if got, want := id.String(), "0190a5c0-7e57-7fff-bf01-020304050607"; got != want {
		t.Errorf("NewID = %s, want %s", got, want)
	}
	if id.Version() != 7 || id.Variant() != uuid.RFC4122 {
		t.Errorf("version %d, variant %s", id.Version(), id.Variant())
	}
}

func TestNewID_LaterMillisecond_SortsLater(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(0, 1<<47).Draw(t, "ms")
		a, b := event.NewID(time.UnixMilli(ms), nil), event.NewID(time.UnixMilli(ms+1), nil)
		if bytes.Compare(a[:], b[:]) >= 0 {
			t.Fatalf("%s does not come before %s", a, b)
		}
	})
}

func TestNewID_RandomnessEndsEarly_IsStillUnique(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1)
	if a, b := event.NewID(now, strings.NewReader("x")), event.NewID(now, strings.NewReader("x")); a == b {
		t.Errorf("two events got the id %s", a)
	}
}

// The derived ids are stored: these values may never change.
func TestDerivedIDs_NeverChange(t *testing.T) {
	t.Parallel()
	if got, want := event.IDFromKey("default", "nts", "build-17").String(), "4b41456c-921d-8b3b-b60e-60fbb6fe5ab6"; got != want {
		t.Errorf("IDFromKey = %s, want %s", got, want)
	}
	if got, want := event.FindingID("default", "nts", 1, 2, "execution_time", 3, event.Up, "lnt").String(), "66742178-626c-8310-bef3-86ff04c9fc51"; got != want {
		t.Errorf("FindingID = %s, want %s", got, want)
	}
}

func TestDerivedIDs_OtherParts_OtherID(t *testing.T) {
	t.Parallel()
	ids := map[uuid.UUID]string{}
	add := func(name string, id uuid.UUID) {
		if other, taken := ids[id]; taken {
			t.Errorf("%s and %s have the same id", name, other)
		}
		if id.Version() != 8 {
			t.Errorf("%s has version %d", name, id.Version())
		}
		ids[id] = name
	}
	add("a,b,c", event.IDFromKey("a", "b", "c"))
	add("ab,,c", event.IDFromKey("ab", "", "c"))
	add("a,bc,", event.IDFromKey("a", "bc", ""))
	add("finding", event.FindingID("a", "b", 1, 2, "m", 3, event.Up, "d"))
	add("machine", event.FindingID("a", "b", 2, 2, "m", 3, event.Up, "d"))
	add("test", event.FindingID("a", "b", 1, 1, "m", 3, event.Up, "d"))
	add("metric", event.FindingID("a", "b", 1, 2, "n", 3, event.Up, "d"))
	add("order", event.FindingID("a", "b", 1, 2, "m", 4, event.Up, "d"))
	add("direction", event.FindingID("a", "b", 1, 2, "m", 3, event.Down, "d"))
	add("detector", event.FindingID("a", "b", 1, 2, "m", 3, event.Up, "e"))
}

func TestOutcome_Encoded_DecodesToTheSame(t *testing.T) {
	t.Parallel()
	want := event.Outcome{
		EventID: sample().ID, Database: "default", Suite: "nts", Seq: 9, Status: event.Rejected, Code: 400, Error: "import failure: x",
		Message: "long", Field: "machine.os", DuplicateOf: uuid.Max, RunID: 1, MachineID: 2, OrderID: 3,
		MachineName: "m", DeletedRuns: []uint32{1, 4}, RegressionID: 7, AddedMachines: 1, AddedRuns: -2,
		AddedTests: 4, AddedSamples: 5, Compared: event.Compared{Run: 9, Previous: 8, Beside: []uint64{8, 1}}, Partition: 6, Offset: 1 << 40, StoredAt: sample().ReceivedAt, DecodeMS: 0.5, DecideMS: 1.5, InsertMS: 20,
	}
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := event.DecodeOutcome(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}

func TestDecodeOutcome_WrittenByTheFirstVersion_DecodesForEver(t *testing.T) {
	t.Parallel()
	got, err := event.DecodeOutcome([]byte(`{"event_id":"0190a5c0-7e57-7abc-8def-0123456789ab","database":"default","suite":"nts","seq":3,` +
		`"status":"accepted","run_id":2,"machine_id":1,"order_id":2,"added_machines":0,"added_runs":1,"added_tests":2,"added_samples":4,` +
		`"partition":1,"offset":17,"stored_at":"2026-02-03T04:05:07Z","decode_ms":0.1,"decide_ms":0.2,"insert_ms":21.5}`))
	if err != nil {
		t.Fatal(err)
	}
	want := event.Outcome{
		EventID: sample().ID, Database: "default", Suite: "nts", Seq: 3, Status: event.Accepted, RunID: 2, MachineID: 1, OrderID: 2,
		AddedRuns: 1, AddedTests: 2, AddedSamples: 4, Partition: 1, Offset: 17, StoredAt: time.Date(2026, 2, 3, 4, 5, 7, 0, time.UTC),
		DecodeMS: 0.1, DecideMS: 0.2, InsertMS: 21.5,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}

func TestDecodeOutcome_NotAnOutcome_IsMalformed(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		``, `null`, `[]`, `{}`, `{"event_id":"0190a5c0-7e57-7abc-8def-0123456789ab","status":"maybe"}`,
		`{"status":"accepted"}`, strings.Repeat(" ", event.MaxOutcome+1),
	} {
		if _, err := event.DecodeOutcome([]byte(data)); !errors.Is(err, event.ErrMalformed) {
			t.Errorf("DecodeOutcome(%.60q) = %v, want ErrMalformed", data, err)
		}
	}
}

func changes() event.Changes {
	return event.Changes{
		Detector: "step", Version: 1, Params: json.RawMessage(`{"window":10}`), DataSeq: 7,
		Findings: []event.Finding{{
			MachineID: 1, TestID: 2, Metric: "execution_time", OrderID: 3, PreviousOrderID: 2, Direction: event.Up, Kind: event.Regression,
			Before: 1, After: 1.5, Spread: 0.01, Effect: 0.5, Statistic: 12, PValue: 0.001, Active: true, ID: uuid.Max,
		}},
	}
}

func TestChanges_Encoded_DecodeToTheSame(t *testing.T) {
	t.Parallel()
	data, err := changes().Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := event.DecodeChanges(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, changes()); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}

func TestChanges_NotWellFormed_ErrorNamesTheField(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		spoil func(*event.Changes)
		want  string
	}{
		"no detector":   {func(c *event.Changes) { c.Detector = "" }, "detector is missing"},
		"direction":     {func(c *event.Changes) { c.Findings[0].Direction = "left" }, "findings[0].direction"},
		"kind":          {func(c *event.Changes) { c.Findings[0].Kind = "" }, "findings[0].kind"},
		"metric":        {func(c *event.Changes) { c.Findings[0].Metric = "" }, "findings[0].metric"},
		"id":            {func(c *event.Changes) { c.Findings[0].ID = uuid.Nil }, "findings[0].id"},
		"NaN":           {func(c *event.Changes) { c.Findings[0].After = math.NaN() }, "findings[0].after: is not finite"},
		"infinite":      {func(c *event.Changes) { c.Findings[0].PValue = math.Inf(1) }, "findings[0].p_value: is not finite"},
		"too many":      {func(c *event.Changes) { c.Findings = make([]event.Finding, event.MaxFindings+1) }, "exceed"},
		"second faulty": {func(c *event.Changes) { c.Findings = append(c.Findings, event.Finding{}) }, "findings[1]."},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			value := changes()
			c.spoil(&value)
			if _, err := value.Encode(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Encode = %v, want %q", err, c.want)
			}
		})
	}
}

func TestDecodeChanges_HostileText_IsAnError(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"detector":"d"} {}`, `{"detector":"d","other":1}`, `{"detector":"d","findings":[{"before":1e999}]}`,
		`{"detector":"d","findings":[{"machine_id":-1}]}`, `{"detector":"d","findings":[{"machine_id":4294967296}]}`,
	} {
		if c, err := event.DecodeChanges([]byte(body)); err == nil {
			t.Errorf("DecodeChanges(%q) = %+v, want an error", body, c)
		}
	}
}

func FuzzDecodeChanges(f *testing.F) {
	good, err := changes().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"detector":"d","findings":[{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := event.DecodeChanges(body)
		if err != nil {
			return
		}
		if _, err := c.Encode(); err != nil {
			t.Fatalf("decoded but cannot be encoded: %v", err)
		}
	})
}

func FuzzDecodeOutcome(f *testing.F) {
	f.Add([]byte(`{"event_id":"0190a5c0-7e57-7abc-8def-0123456789ab","status":"accepted"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := event.DecodeOutcome(data)
		if err != nil {
			return
		}
		if _, err := o.Encode(); err != nil {
			t.Fatalf("decoded but cannot be encoded: %v", err)
		}
	})
}
