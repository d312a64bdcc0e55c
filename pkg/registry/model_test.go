package registry_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/samber/lo"
	"pgregory.net/rapid"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/suite"
)

// submission describes a report from a small world, so that coincidences are common.
type submission struct {
	Machine string
	Attrs   map[string]string // hardware and os are declared, cc is not
	Order   string
	Tests   []testEntry
	Merge   string
	Select  string
}

type testEntry struct {
	Name   string
	Metric string
	Values []float64
}

func (s submission) body() []byte {
	machine := map[string]any{"name": s.Machine}
	for k, v := range s.Attrs {
		machine[k] = v
	}
	tests := []map[string]any{}
	for _, t := range s.Tests {
		tests = append(tests, map[string]any{"name": t.Name, t.Metric: t.Values})
	}
	body, err := json.Marshal(map[string]any{
		"format_version": "2", "machine": machine, "tests": tests,
		"run": map[string]any{"llvm_project_revision": s.Order, "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00"},
	})
	if err != nil {
		panic(err)
	}
	return body
}

func (s submission) envelope(id uuid.UUID) event.Envelope {
	params := map[string]string{}
	if s.Merge != "" {
		params[event.ParamMerge] = s.Merge
	}
	if s.Select != "" {
		params[event.ParamSelectMachine] = s.Select
	}
	return event.Envelope{
		ID: id, Type: event.RunSubmitted, Version: 1, Database: "default", Suite: "nts", ReceivedAt: received, Params: params, Body: s.body(),
	}
}

var received = time.Date(2026, 2, 3, 6, 0, 0, 0, time.UTC)

func drawSubmission(t *rapid.T) submission {
	attrs := map[string]string{}
	for _, name := range []string{"hardware", "os", "cc"} {
		if v := rapid.SampledFrom([]string{"", "a", "a", "b"}).Draw(t, name); v != "" {
			attrs[name] = v
		}
	}
	return submission{
		Machine: rapid.SampledFrom([]string{"m1", "m2"}).Draw(t, "machine"),
		Attrs:   attrs,
		Order:   rapid.SampledFrom([]string{"1", "2", "r2", "03"}).Draw(t, "order"),
		Merge:   rapid.SampledFrom([]string{"", "reject", "replace", "replace", "append", "append", "overwrite"}).Draw(t, "merge"),
		Select:  rapid.SampledFrom([]string{"", "match", "update", "split", "guess"}).Draw(t, "select"),
		Tests: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) testEntry {
			return testEntry{
				Name:   rapid.SampledFrom([]string{"t1", "t2", "t3", "t4", "t5"}).Draw(t, "test"),
				Metric: rapid.SampledFrom([]string{"execution_time", "execution_time", "compile_time", "score", "code_size", "nope"}).Draw(t, "metric"),
				Values: rapid.SliceOfN(rapid.SampledFrom([]float64{0.5, 1, 2}), 0, 3).Draw(t, "values"),
			}
		}), 0, 4).Draw(t, "tests"),
	}
}

// drawLog gives a log of submissions in which ids come again, sometimes with another body, and other events are strewn in.
func drawLog(t *rapid.T) []event.Envelope {
	var log []event.Envelope
	n := rapid.IntRange(1, 25).Draw(t, "length")
	for i := range n {
		e := drawSubmission(t).envelope(numbered(i))
		switch kind := rapid.IntRange(0, 11).Draw(t, "kind"); {
		case kind == 0 && i > 0: // the same event again
			e = log[rapid.IntRange(0, i-1).Draw(t, "again")]
		case kind == 1 && i > 0: // the same id, another body
			e.ID = log[rapid.IntRange(0, i-1).Draw(t, "reused")].ID
		case kind == 2:
			e.Type, e.Params = event.SubmissionRefused, map[string]string{event.ParamRefusedCode: "413", event.ParamRefusedError: "too large"}
		case kind == 3:
			e.Type = "weather.changed"
		case kind == 4:
			nts, _ := suite.BuiltIn("nts")
			e.Type, e.Body = event.SuiteDefined, nts.Encode()
		}
		log = append(log, e)
	}
	return log
}

func numbered(i int) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, i)) }

// model is LNT's rules told as plainly as possible: lists that are searched from end to end.
type model struct {
	machines []modelMachine
	orders   []string
	tests    []string
	runs     []modelRun
	lastRun  uint32
	loads    uint32
	samples  uint64
	answers  map[uuid.UUID]registry.Decision
	bodies   map[uuid.UUID]string
	seq      uint64
}

type modelMachine struct {
	name  string
	attrs map[string]string
}

type modelRun struct {
	id, load       uint32
	machine, order int
}

func newModel() *model {
	return &model{answers: map[uuid.UUID]registry.Decision{}, bodies: map[uuid.UUID]string{}}
}

// decide predicts a decision: everything but Message, Field and the texts of Rows that are not ids.
func (m *model) decide(e event.Envelope) registry.Decision {
	m.seq++
	first, seen := m.answers[e.ID]
	switch {
	case seen && m.bodies[e.ID] != string(e.Body):
		return registry.Decision{Seq: m.seq, Status: event.Rejected, Code: 409, Error: "idempotency key was used for a different body"}
	case seen:
		return registry.Decision{
			Seq: m.seq, Status: event.Duplicate, DuplicateOf: e.ID, Code: first.Code, Error: first.Error,
			RunID: first.RunID, MachineID: first.MachineID, OrderID: first.OrderID,
		}
	}
	d := m.judge(e)
	d.Seq = m.seq
	m.answers[e.ID], m.bodies[e.ID] = d, string(e.Body)
	return d
}

func refuse(code int, format string, args ...any) registry.Decision {
	return registry.Decision{Status: event.Rejected, Code: code, Error: fmt.Sprintf(format, args...)}
}

func (m *model) judge(e event.Envelope) registry.Decision {
	switch e.Type {
	case event.SubmissionRefused:
		return refuse(413, "too large")
	case event.SuiteDefined:
		return registry.Decision{Status: event.Accepted}
	case event.RunSubmitted:
	default:
		return refuse(501, "Unknown event type '%s'", e.Type)
	}
	var body struct {
		Machine map[string]string
		Run     map[string]string
		Tests   []map[string]any
	}
	if err := json.Unmarshal(e.Body, &body); err != nil {
		panic(err)
	}
	policy := e.Params[event.ParamSelectMachine]
	if policy == "guess" {
		return refuse(400, "select_machine must be 'match', 'update' or 'split'")
	}
	for _, t := range body.Tests {
		if _, bad := t["nope"]; bad {
			return refuse(400, "import failure: test %s: Metric 'nope' unknown in suite ", t["name"])
		}
	}
	at, isNew, differing := m.findMachine(body.Machine, policy)
	if differing != nil {
		return refuse(400, "import failure: '%s' on machine '%s' changed.", strings.Join(differing, ", "), body.Machine["name"])
	}
	order := slices.Index(m.orders, body.Run["llvm_project_revision"])
	var there []modelRun
	for _, r := range m.runs {
		if !isNew && r.machine == at && r.order == order {
			there = append(there, r)
		}
	}
	merge := e.Params[event.ParamMerge]
	switch {
	case len(there) == 0 || merge == "append" || merge == "replace":
	case merge == "" || merge == "reject":
		return refuse(400, "import failure: Duplicate submission for '%s'", body.Run["llvm_project_revision"])
	default:
		return refuse(400, "import failure: Invalid Run mergeStrategy '%s'", merge)
	}

	d := registry.Decision{Status: event.Accepted, Added: registry.Added{Runs: 1}}
	if isNew {
		m.machines = append(m.machines, modelMachine{name: body.Machine["name"], attrs: map[string]string{}})
		at, d.Added.Machines = len(m.machines)-1, 1
	}
	for k, v := range body.Machine {
		if k != "name" {
			m.machines[at].attrs[k] = v
		}
	}
	if order < 0 {
		m.orders = append(m.orders, body.Run["llvm_project_revision"])
		order = len(m.orders) - 1
	}
	m.loads++
	run := registry.RunRow{LoadID: m.loads, MachineID: uint32(at + 1), OrderID: uint32(order + 1), FirstSampleID: m.samples + 1}
	if merge == "replace" && len(there) > 0 {
		slices.SortFunc(there, func(a, b modelRun) int { return int(a.id) - int(b.id) })
		d.Added.Runs = 1 - len(there)
		for _, r := range there {
			d.Rows.Superseded = append(d.Rows.Superseded, r.load)
			d.Rows.DeletedRuns = append(d.Rows.DeletedRuns, r.id)
			m.runs = slices.DeleteFunc(m.runs, func(other modelRun) bool { return other == r })
		}
		run.ID = there[len(there)-1].id
		d.Rows.DeletedRuns = d.Rows.DeletedRuns[:len(there)-1]
	} else {
		m.lastRun++
		run.ID = m.lastRun
	}
	m.runs = append(m.runs, modelRun{id: run.ID, load: run.LoadID, machine: at, order: order})
	for _, t := range body.Tests {
		m.addTest(t, &run, &d)
	}
	m.samples += uint64(run.SampleRows)
	d.Rows.Run = &run
	d.Added.Samples = int(run.SampleRows)
	d.RunID, d.MachineID, d.OrderID = run.ID, run.MachineID, run.OrderID
	return d
}

func (m *model) addTest(t map[string]any, run *registry.RunRow, d *registry.Decision) {
	name := t["name"].(string)
	if !slices.Contains(m.tests, name) {
		m.tests = append(m.tests, name)
		d.Added.Tests++
		d.Rows.Tests = append(d.Rows.Tests, registry.TestRow{ID: uint32(len(m.tests)), Name: name})
	}
	id := uint32(slices.Index(m.tests, name) + 1)
	for metric, values := range t {
		if metric == "name" {
			continue
		}
		for _, v := range values.([]any) {
			run.Samples.Row = append(run.Samples.Row, run.SampleRows)
			run.Samples.TestID = append(run.Samples.TestID, id)
			run.Samples.Metric = append(run.Samples.Metric, metric)
			run.Samples.Value = append(run.Samples.Value, v.(float64))
			run.Samples.Failed = append(run.Samples.Failed, 0)
			run.RowTestID = append(run.RowTestID, id)
			run.SampleRows++
		}
	}
}

func (m *model) findMachine(reported map[string]string, policy string) (at int, isNew bool, differing []string) {
	newest := -1
	for i := len(m.machines) - 1; i >= 0; i-- {
		if m.machines[i].name != reported["name"] {
			continue
		}
		var different []string
		for _, attr := range []string{"hardware", "os", "cc"} {
			was, is := m.machines[i].attrs[attr], reported[attr]
			if was != "" && is != "" && was != is {
				different = append(different, attr)
			}
		}
		if different == nil {
			return i, false, nil
		}
		if newest < 0 {
			newest, differing = i, different
		}
	}
	switch {
	case newest < 0 || policy == "split":
		return 0, true, nil
	case policy == "update":
		return newest, false, nil
	default:
		return 0, false, differing
	}
}

// numbersOnly keeps of a decision what the model predicts. The order of samples within a run is the report's business.
var numbersOnly = cmp.Options{
	cmpopts.IgnoreFields(registry.Decision{}, "Message", "Field"),
	cmpopts.IgnoreFields(registry.Rows{}, "Schema", "MetricNames", "Machines", "Orders"),
	cmpopts.IgnoreFields(registry.RunRow{}, "Start", "End", "Fields", "Params", "IgnoreRegressions", "Samples"),
	cmpopts.EquateEmpty(),
}

func TestDecide_AnyLog_DecidesAsTheNaiveModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state, model := registry.New("default", "nts"), newModel()
		for i, e := range drawLog(t) {
			got, want := state.Decide(registry.Prepare(e)), model.decide(e)
			if diff := cmp.Diff(got, want, numbersOnly); diff != "" {
				t.Fatalf("event %d: got - want +\n%s\nmessage %q", i, diff, got.Message)
			}
			if got.Rows.Run != nil {
				if diff := cmp.Diff(values(got.Rows.Run.Samples), values(want.Rows.Run.Samples)); diff != "" {
					t.Fatalf("event %d: samples: got - want +\n%s", i, diff)
				}
			}
		}
		checkMachines(t, state, model)
	})
}

// values gives samples as sorted text.
func values(s registry.Samples) []string {
	lines := make([]string, len(s.Row))
	for i := range s.Row {
		lines[i] = fmt.Sprint(s.Row[i], s.TestID[i], s.Metric[i], s.Value[i], s.Failed[i])
	}
	slices.Sort(lines)
	return lines
}

func checkMachines(t *rapid.T, state *registry.State, m *model) {
	snap := state.Snapshot()
	if len(snap.Machines) != len(m.machines) || len(snap.Runs) != len(m.runs) || len(snap.Orders) != len(m.orders) {
		t.Fatalf("%d machines, %d runs, %d orders; want %d, %d, %d",
			len(snap.Machines), len(snap.Runs), len(snap.Orders), len(m.machines), len(m.runs), len(m.orders))
	}
	for i, row := range snap.Machines {
		attrs := maps.Clone(row.Fields)
		var params map[string]string
		if err := json.Unmarshal([]byte(row.Params), &params); err != nil {
			t.Fatalf("params %q: %v", row.Params, err)
		}
		maps.Copy(attrs, params)
		want := m.machines[i]
		if row.ID != uint32(i+1) || row.Name != want.name || !maps.Equal(attrs, want.attrs) {
			t.Fatalf("machine %d = %+v, want %+v", i+1, row, want)
		}
	}
}

func decideAll(state *registry.State, log []event.Envelope) []registry.Decision {
	decisions := make([]registry.Decision, len(log))
	for i, e := range log {
		decisions[i] = state.Decide(registry.Prepare(e))
	}
	return decisions
}

// The second state is given events that were prepared long before: preparing depends on nothing.
func TestDecide_SameLogTwice_SameDecisions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log := drawLog(t)
		first, second := registry.New("default", "nts"), registry.New("default", "nts")
		ahead := lo.Map(log, func(e event.Envelope, _ int) registry.Prepared { return registry.Prepare(e) })
		again := lo.Map(ahead, func(p registry.Prepared, _ int) registry.Decision { return second.Decide(p) })
		if diff := cmp.Diff(decideAll(first, log), again); diff != "" {
			t.Fatalf("first - second +\n%s", diff)
		}
		if diff := cmp.Diff(first.Snapshot(), second.Snapshot()); diff != "" {
			t.Fatalf("snapshots: first - second +\n%s", diff)
		}
	})
}

func TestDecide_SuitesInterleavedAnyHow_EachDecidesAsAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		logs := map[string][]event.Envelope{"a": drawLog(t), "b": drawLog(t)}
		alone, states, got := map[string][]registry.Decision{}, map[string]*registry.State{}, map[string][]registry.Decision{}
		for _, db := range []string{"a", "b"} {
			for i := range logs[db] {
				logs[db][i].Database = db
			}
			alone[db] = decideAll(registry.New(db, "nts"), logs[db])
			states[db] = registry.New(db, "nts")
		}
		for len(logs["a"])+len(logs["b"]) > 0 {
			db := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "next")
			if len(logs[db]) == 0 {
				continue
			}
			got[db] = append(got[db], states[db].Decide(registry.Prepare(logs[db][0])))
			logs[db] = logs[db][1:]
		}
		if diff := cmp.Diff(got, alone); diff != "" {
			t.Fatalf("interleaved - alone +\n%s", diff)
		}
	})
}

func TestLoad_SnapshotOfAnyPrefix_ContinuesAlike(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log := drawLog(t)
		cut := rapid.IntRange(0, len(log)).Draw(t, "cut")
		state := registry.New("default", "nts")
		decideAll(state, log[:cut])
		snap := state.Snapshot()
		loaded, err := registry.Load("default", "nts", snap)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(loaded.Snapshot(), snap); diff != "" {
			t.Fatalf("loaded - snapshot +\n%s", diff)
		}
		if diff := cmp.Diff(decideAll(loaded, log[cut:]), decideAll(state, log[cut:])); diff != "" {
			t.Fatalf("loaded - original +\n%s", diff)
		}
		if diff := cmp.Diff(loaded.Snapshot(), state.Snapshot()); diff != "" {
			t.Fatalf("at the end: loaded - original +\n%s", diff)
		}
	})
}

func TestDecide_RefusedOrRepeated_ChangesOnlyPositionAndMemory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := registry.New("default", "nts")
		for _, e := range drawLog(t) {
			before := state.Snapshot()
			d := state.Decide(registry.Prepare(e))
			if d.Status == event.Accepted {
				continue
			}
			checkUntouched(t, before, state.Snapshot(), d)
			if d.Status == event.Duplicate && state.Snapshot().LastSeq == before.LastSeq+1 && len(state.Snapshot().Seen) != len(before.Seen) {
				t.Fatalf("a repetition was remembered as an event of its own")
			}
		}
	})
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func checkUntouched(t failer, before, after registry.Snapshot, d registry.Decision) {
	t.Helper()
	if after.LastSeq != before.LastSeq+1 || d.Seq != after.LastSeq {
		t.Fatalf("position went from %d to %d, decision says %d", before.LastSeq, after.LastSeq, d.Seq)
	}
	if diff := cmp.Diff(d.Rows, registry.Rows{}); diff != "" || d.Added != (registry.Added{}) {
		t.Fatalf("a refusal has rows or counts %+v:\n%s", d.Added, diff)
	}
	if diff := cmp.Diff(after, before, cmpopts.IgnoreFields(registry.Snapshot{}, "LastSeq", "Seen")); diff != "" {
		t.Fatalf("after - before +\n%s", diff)
	}
	if len(after.Seen) > len(before.Seen)+1 {
		t.Fatalf("%d events remembered, was %d", len(after.Seen), len(before.Seen))
	}
}
