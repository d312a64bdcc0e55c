package registry_test

import (
	stdcmp "cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
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
	Start   string // empty for one of its own
	Tests   []testEntry
	Merge   string
	Select  string
	// KeepRun and KeepMachine are the ids asked for; empty for any.
	KeepRun, KeepMachine string
}

// nothing stands for a null among attributes.
const nothing = "<null>"

type testEntry struct {
	Name   string
	Metric string
	Values []float64
}

func (s submission) body() []byte {
	machine := map[string]any{"name": s.Machine}
	for k, v := range s.Attrs {
		machine[k] = v
		if v == nothing {
			machine[k] = nil
		}
	}
	tests := []map[string]any{}
	for _, t := range s.Tests {
		tests = append(tests, map[string]any{"name": t.Name, t.Metric: t.Values})
	}
	body, err := json.Marshal(map[string]any{
		"format_version": "2", "machine": machine, "tests": tests,
		"run": map[string]any{"llvm_project_revision": s.Order, "start_time": stdcmp.Or(s.Start, "2026-02-03T04:05:06"), "end_time": "2026-02-03T05:00:00"},
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
	if s.KeepRun != "" {
		params[event.ParamKeepRunID] = s.KeepRun
	}
	if s.KeepMachine != "" {
		params[event.ParamKeepMachineID] = s.KeepMachine
	}
	return event.Envelope{
		ID: id, Type: event.RunSubmitted, Version: 1, Database: "default", Suite: "nts", ReceivedAt: received, Params: params, Body: s.body(),
	}
}

var received = time.Date(2026, 2, 3, 6, 0, 0, 0, time.UTC)

func drawSubmission(t *rapid.T) submission {
	attrs := map[string]string{}
	for _, name := range []string{"hardware", "os", "cc"} {
		if v := rapid.SampledFrom([]string{"", "a", "a", "b", nothing}).Draw(t, name); v != "" {
			attrs[name] = v
		}
	}
	return submission{
		Machine: rapid.SampledFrom([]string{"m1", "m2"}).Draw(t, "machine"),
		Attrs:   attrs,
		Order:   rapid.SampledFrom([]string{"1", "2", "r2", "03"}).Draw(t, "order"),
		Start:   rapid.SampledFrom([]string{"", "2026-02-03T04:05:05", "2026-02-03T04:05:07"}).Draw(t, "start"),
		Merge:   rapid.SampledFrom([]string{"", "reject", "replace", "replace", "append", "append", "overwrite"}).Draw(t, "merge"),
		Select:  rapid.SampledFrom([]string{"", "match", "update", "split", "guess"}).Draw(t, "select"),

		KeepRun:     rapid.SampledFrom([]string{"", "", "", "", "", "3", "9", "0"}).Draw(t, "keep run"),
		KeepMachine: rapid.SampledFrom([]string{"", "", "", "", "", "2", "7", "x"}).Draw(t, "keep machine"),
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
		switch kind := rapid.IntRange(0, 19).Draw(t, "kind"); {
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
		case kind > 10:
			e.Params = nil
			e.Type, e.Body = drawChange(t)
		}
		log = append(log, e)
	}
	return log
}

func numbered(i int) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, i)) }

// model is LNT's rules told as plainly as possible: lists that are searched from end to end.
type model struct {
	machines []*modelMachine
	orders   []modelName
	tests    []modelName
	runs     []modelRun
	lastRun  uint32
	loads    uint32
	samples  uint64
	answers  map[uuid.UUID]registry.Decision
	bodies   map[uuid.UUID]string
	seq      uint64
}

type modelMachine struct {
	id      uint32
	name    string
	attrs   map[string]string
	deleted bool
	into    uint32
}

// modelName is an order or a test.
type modelName struct {
	id   uint32
	name string
}

type modelRun struct {
	id, load, machine, order uint32
	seq                      uint64
	start                    time.Time
}

// compared says it over all runs: what the state works out from the machine's own.
func (m *model) compared(id uint32) event.Compared {
	own, ok := lo.Find(m.runs, func(r modelRun) bool { return r.id == id })
	if !ok {
		return event.Compared{}
	}
	at := func(r modelRun) string {
		return suite.SortKey(m.orders[slices.IndexFunc(m.orders, func(o modelName) bool { return o.id == r.order })].name)
	}
	runs := lo.Filter(m.runs, func(r modelRun, _ int) bool {
		return r.machine == own.machine && (at(r) < at(own) || r.order == own.order || at(r) == at(own))
	})
	slices.SortFunc(runs, func(a, b modelRun) int {
		return stdcmp.Or(strings.Compare(at(b), at(a)), stdcmp.Compare(b.order, a.order), stdcmp.Compare(a.id, b.id))
	})
	c := event.Compared{Run: own.seq}
	earlier := lo.Filter(runs, func(r modelRun, _ int) bool { return at(r) < at(own) })
	var orders []uint32
	for _, r := range earlier {
		if orders = append(orders, r.order); len(lo.Uniq(orders)) <= registry.ComparedOrders {
			c.Beside = append(c.Beside, r.seq)
		}
	}
	if len(earlier) > 0 {
		nearest := lo.Filter(earlier, func(r modelRun, _ int) bool { return at(r) == at(earlier[0]) })
		c.Previous = slices.MinFunc(nearest, func(a, b modelRun) int { return stdcmp.Compare(a.id, b.id) }).seq
	}
	first := lo.Filter(runs, func(r modelRun, _ int) bool { return r.order == runs[len(runs)-1].order })
	newest := slices.MinFunc(first, func(a, b modelRun) int { return stdcmp.Or(b.start.Compare(a.start), stdcmp.Compare(a.id, b.id)) }).seq
	if newest != own.seq && !slices.Contains(c.Beside, newest) {
		c.Beside = append(c.Beside, newest)
	}
	c.Beside = c.Beside[:min(len(c.Beside), registry.ComparedRuns-1)]
	return c
}

// next is the id after the largest.
func next[T any](list []T, id func(T) uint32) uint32 {
	var largest uint32
	for _, item := range list {
		largest = max(largest, id(item))
	}
	return largest + 1
}

func nameID(n modelName) uint32        { return n.id }
func machineID(m *modelMachine) uint32 { return m.id }

// named gives the id of a name; 0 for none.
func named(list []modelName, name string) uint32 {
	for _, n := range list {
		if n.name == name {
			return n.id
		}
	}
	return 0
}

func (m *model) machine(id uint32) *modelMachine {
	for _, known := range m.machines {
		if known.id == id {
			return known
		}
	}
	return nil
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
			MachineName: first.MachineName, DeletedRuns: first.DeletedRuns, Compared: m.compared(first.RunID),
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
		return m.submit(e)
	case "weather.changed":
		return refuse(501, "Unknown event type '%s'", e.Type)
	default:
		return m.change(e)
	}
}

func (m *model) submit(e event.Envelope) registry.Decision {
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
	for _, name := range []string{"keep_run_id", "keep_machine_id"} {
		if text := e.Params[name]; text == "0" || text == "x" {
			return refuse(400, "%s must be a number from 1 to 2147483647", name)
		}
	}
	keepRun, keepMachine := number(e.Params["keep_run_id"]), number(e.Params["keep_machine_id"])
	at, taken, differing := m.findMachine(body.Machine, policy, keepMachine)
	switch {
	case taken:
		return refuse(409, "another machine has the id %d", keepMachine)
	case differing != nil:
		return refuse(400, "import failure: '%s' on machine '%s' changed.", strings.Join(differing, ", "), body.Machine["name"])
	}
	order := named(m.orders, body.Run["llvm_project_revision"])
	var there []modelRun
	for _, r := range m.runs {
		if at != nil && r.machine == at.id && r.order == order {
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
	if merge == "append" {
		there = nil
	}
	for _, r := range m.runs {
		if r.id == keepRun && !slices.Contains(there, r) {
			return refuse(409, "another run has the id %d", keepRun)
		}
	}

	d := registry.Decision{Status: event.Accepted, Added: registry.Added{Runs: 1 - len(there)}}
	if at == nil {
		at = &modelMachine{id: next(m.machines, machineID), name: body.Machine["name"], attrs: map[string]string{}}
		if keepMachine != 0 {
			at.id = keepMachine
		}
		m.machines = append(m.machines, at)
		d.Added.Machines = 1
	}
	for k, v := range body.Machine {
		_, have := at.attrs[k]
		// A null, which is an empty text here, is kept of what is not declared until there is a value.
		if k != "name" && (v != "" || k == "cc" && !have) {
			at.attrs[k] = v
		}
	}
	if order == 0 {
		order = next(m.orders, nameID)
		m.orders = append(m.orders, modelName{order, body.Run["llvm_project_revision"]})
	}
	m.loads++
	run := registry.RunRow{ID: m.lastRun + 1, LoadID: m.loads, MachineID: at.id, OrderID: order, FirstSampleID: m.samples + 1}
	slices.SortFunc(there, func(a, b modelRun) int { return int(a.id) - int(b.id) })
	if len(there) > 0 {
		run.ID = there[len(there)-1].id
	}
	if keepRun != 0 {
		run.ID = keepRun
	}
	for _, r := range there {
		d.Rows.Superseded = append(d.Rows.Superseded, r.load)
		if r.id != run.ID {
			d.Rows.DeletedRuns = append(d.Rows.DeletedRuns, r.id)
		}
		m.runs = slices.DeleteFunc(m.runs, func(other modelRun) bool { return other == r })
	}
	m.lastRun = max(m.lastRun, run.ID)
	m.runs = append(m.runs, modelRun{
		id: run.ID, load: run.LoadID, machine: at.id, order: order, seq: m.seq, start: lo.Must(time.Parse("2006-01-02T15:04:05", body.Run["start_time"])),
	})
	for _, t := range body.Tests {
		m.addTest(t, &run, &d)
	}
	m.samples += uint64(run.SampleRows)
	d.Rows.Run = &run
	d.Added.Samples = int(run.SampleRows)
	d.RunID, d.MachineID, d.OrderID = run.ID, run.MachineID, run.OrderID
	d.Compared = m.compared(run.ID)
	return d
}

func number(text string) uint32 {
	n, _ := strconv.Atoi(text)
	return uint32(n) //nolint:gosec // of a test
}

func (m *model) addTest(t map[string]any, run *registry.RunRow, d *registry.Decision) {
	name := t["name"].(string)
	id := named(m.tests, name)
	if id == 0 {
		id = next(m.tests, nameID)
		m.tests = append(m.tests, modelName{id, name})
		d.Added.Tests++
		d.Rows.Tests = append(d.Rows.Tests, registry.TestRow{ID: id, Name: name})
	}
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

// findMachine gives the machine that a report belongs to; nil for a new one.
func (m *model) findMachine(reported map[string]string, policy string, keep uint32) (at *modelMachine, taken bool, differing []string) {
	if known := m.machine(keep); known != nil {
		different := differences(known, reported)
		if known.deleted || known.name != reported["name"] || different != nil && policy == "split" {
			return nil, true, nil
		}
		if policy == "update" {
			different = nil
		}
		return known, false, different
	} else if keep != 0 {
		return nil, false, nil
	}
	var newest *modelMachine
	for _, known := range m.namesakes(reported["name"]) {
		different := differences(known, reported)
		if different == nil {
			return known, false, nil
		}
		if newest == nil {
			newest, differing = known, different
		}
	}
	switch {
	case newest == nil || policy == "split":
		return nil, false, nil
	case policy == "update":
		return newest, false, nil
	default:
		return nil, false, differing
	}
}

// namesakes are the machines of a name that were not deleted, the largest id first.
func (m *model) namesakes(name string) []*modelMachine {
	list := lo.Filter(m.machines, func(known *modelMachine, _ int) bool { return known.name == name && !known.deleted })
	slices.SortFunc(list, func(a, b *modelMachine) int { return int(b.id) - int(a.id) })
	return list
}

func differences(known *modelMachine, reported map[string]string) []string {
	var different []string
	for _, attr := range []string{"hardware", "os", "cc"} {
		was, is := known.attrs[attr], reported[attr]
		if was != "" && is != "" && was != is {
			different = append(different, attr)
		}
	}
	return different
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
	slices.SortFunc(m.machines, func(a, b *modelMachine) int { return int(a.id) - int(b.id) })
	for i, row := range snap.Machines {
		attrs := maps.Clone(row.Fields)
		var params map[string]string
		if err := json.Unmarshal([]byte(row.Params), &params); err != nil {
			t.Fatalf("params %q: %v", row.Params, err)
		}
		maps.Copy(attrs, params)
		want := m.machines[i]
		if row.ID != want.id || row.Name != want.name || !maps.Equal(attrs, want.attrs) || row.Deleted != want.deleted || row.MergedInto != want.into {
			t.Fatalf("machine %d = %+v, want %+v", want.id, row, want)
		}
	}
	runs := lo.Map(m.runs, func(r modelRun, _ int) registry.RunKey {
		return registry.RunKey{ID: r.id, LoadID: r.load, MachineID: r.machine, OrderID: r.order, Seq: r.seq, Start: r.start}
	})
	slices.SortFunc(runs, func(a, b registry.RunKey) int { return int(a.ID) - int(b.ID) })
	if diff := cmp.Diff(snap.Runs, runs, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("runs: got - want +\n%s", diff)
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
