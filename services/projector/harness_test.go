package projector

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/registry"
	"tidemark/pkg/store"
)

// fakeLog is a topic of one partition, the group's position in it and the outcomes told.
type fakeLog struct {
	mu        sync.Mutex
	records   []eventlog.Record
	committed int64
	taken     int64 // by NextBatch
	outcomes  []event.Outcome
	changed   chan struct{} // closed and renewed at every change

	fetch  int                      // records per NextBatch; 0: all there are
	commit func(next int64) error   // before a commit counts
	append func(n int) error        // before outcomes count
	damage map[int64]struct{}       // offsets that come with ErrCorrupt
	refuse func(offset int64) error // in place of records
}

func newFakeLog() *fakeLog { return &fakeLog{committed: -1, changed: make(chan struct{})} }

func (l *fakeLog) change() { // under mu
	close(l.changed)
	l.changed = make(chan struct{})
}

// add appends events as intake does.
func (l *fakeLog) add(t testing.TB, events ...event.Envelope) {
	t.Helper()
	for _, e := range events {
		key, value, headers, err := event.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		r := eventlog.Record{Key: key, Value: value, Time: e.ReceivedAt}
		for _, h := range headers {
			r.Headers = append(r.Headers, eventlog.Header(h))
		}
		l.addRecord(r)
	}
}

func (l *fakeLog) addRecord(r eventlog.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Topic, r.Partition, r.Offset = event.TopicEvents, 0, int64(len(l.records))
	l.records = append(l.records, r)
	l.change()
}

// wait returns when the condition holds; it is asked after every change.
func (l *fakeLog) wait(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if !l.until(ctx, condition) {
		t.Fatalf("no %s within 30 s", what)
	}
}

// until is wait for as long as ctx lives.
func (l *fakeLog) until(ctx context.Context, condition func() bool) bool {
	for {
		l.mu.Lock()
		changed, holds := l.changed, condition()
		l.mu.Unlock()
		if holds {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// drained waits until the position is behind the last record.
func (l *fakeLog) drained(t testing.TB) {
	t.Helper()
	l.wait(t, "committed end of the log", func() bool { return l.committed >= int64(len(l.records)) })
}

func (l *fakeLog) told() map[uuid.UUID][]event.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	told := map[uuid.UUID][]event.Outcome{}
	for _, o := range l.outcomes {
		told[o.EventID] = append(told[o.EventID], o)
	}
	return told
}

func (l *fakeLog) Append(_ context.Context, topic string, recs ...eventlog.Record) ([]eventlog.Position, error) {
	if topic != event.TopicOutcomes {
		return nil, fmt.Errorf("append to %q", topic)
	}
	if l.append != nil {
		if err := l.append(len(recs)); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range recs {
		o, err := event.DecodeOutcome(r.Value)
		if err != nil {
			return nil, err
		}
		l.outcomes = append(l.outcomes, o)
	}
	l.change()
	return make([]eventlog.Position, len(recs)), nil
}

// Consume hands out the one partition, as the group knows it now, to whoever asks: two members may both believe to own it.
func (l *fakeLog) Consume(ctx context.Context, _, _ string, handle func(context.Context, Partition) error) error {
	l.mu.Lock()
	p := &fakePartition{log: l, committed: l.committed}
	l.mu.Unlock()
	p.next = max(p.committed, 0)
	err := handle(ctx, p)
	<-ctx.Done()
	return err
}

type fakePartition struct {
	log             *fakeLog
	committed, next int64
}

func (p *fakePartition) Topic() string    { return event.TopicEvents }
func (p *fakePartition) ID() int          { return 0 }
func (p *fakePartition) Committed() int64 { return p.committed }
func (p *fakePartition) Lag() int64       { return 0 }

func (p *fakePartition) NextBatch(ctx context.Context, maxRecords, _ int) ([]eventlog.Record, error) {
	l := p.log
	if l.fetch > 0 {
		maxRecords = min(maxRecords, l.fetch)
	}
	for {
		l.mu.Lock()
		changed := l.changed
		if l.refuse != nil {
			if err := l.refuse(p.next); err != nil {
				l.mu.Unlock()
				return nil, err
			}
		}
		if there := l.records[p.next:]; len(there) > 0 {
			defer l.mu.Unlock()
			defer func() { l.taken = p.next; l.change() }()
			recs := slices.Clone(there[:min(maxRecords, len(there))])
			for i := range recs {
				if _, bad := l.damage[recs[i].Offset]; bad && i == 0 {
					p.next++
					return recs[:1], eventlog.ErrCorrupt
				} else if bad {
					recs = recs[:i]
					break
				}
			}
			p.next += int64(len(recs))
			return recs, nil
		}
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *fakePartition) Commit(_ context.Context, next int64) error {
	if p.log.commit != nil {
		if err := p.log.commit(next); err != nil {
			return err
		}
	}
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	p.log.committed = next
	p.log.change()
	return nil
}

// memory is a store that keeps rows by their key, as the ledger does.
type memory struct {
	mu      sync.Mutex
	rows    map[string]store.LedgerRow
	inserts int
	largest int // rows of the largest insert
	again   int // rows reinserted
}

func newMemory() *memory { return &memory{rows: map[string]store.LedgerRow{}} }

func (m *memory) Insert(_ context.Context, rows []store.LedgerRow) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range rows {
		m.rows[fmt.Sprintf("%s/%s/%020d", r.Database, r.Suite, r.Seq)] = r
	}
	m.inserts++
	m.largest = max(m.largest, len(rows))
	return nil
}

func (m *memory) sorted() []store.LedgerRow {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := make([]store.LedgerRow, 0, len(m.rows))
	for _, key := range slices.Sorted(maps.Keys(m.rows)) {
		rows = append(rows, m.rows[key])
	}
	return rows
}

// Load decides the suite's rows again, which is a second way to the same state.
func (m *memory) Load(_ context.Context, database, suite string) (registry.Snapshot, bool, error) {
	state, found := registry.New(database, suite), false
	for _, r := range m.sorted() {
		if r.Database != database || r.Suite != suite {
			continue
		}
		found = true
		d := state.Decide(registry.Prepare(event.Envelope{
			ID: r.EventID, Type: event.Type(r.EventType), Version: int(r.EventVersion), Database: database, Suite: suite,
			ContentType: r.ContentType, ReceivedAt: r.ReceivedAt, Actor: r.Actor, RequestID: r.RequestID, Params: r.Params, Body: r.Body,
		}))
		if string(d.Status) != r.Status || d.Seq != r.Seq {
			return registry.Snapshot{}, false, fmt.Errorf("row %d is %s, deciding it again gives %s", r.Seq, r.Status, d.Status)
		}
	}
	return state.Snapshot(), found, nil
}

func (m *memory) Ahead(_ context.Context, topic string, partition int, offset int64, limit int) ([]Stored, error) {
	var out []Stored
	for _, r := range m.sorted() {
		if r.Topic == topic && int(r.Partition) == partition && r.Offset >= uint64(offset) {
			out = append(out, Stored{
				Offset: r.Offset, EventID: r.EventID, Database: r.Database, Suite: r.Suite, Seq: r.Seq, StoredAt: r.StoredAt,
				Status: r.Status, Code: r.Code, Error: r.Error, Message: r.Message, Field: r.Field, DuplicateOf: r.DuplicateOf,
				RunID: r.RunID, MachineID: r.MachineID, OrderID: r.OrderID,
				AddedMachines: r.AddedMachines, AddedRuns: r.AddedRuns, AddedTests: r.AddedTests, AddedSamples: r.AddedSamples,
			})
			out[len(out)-1].MachineName, out[len(out)-1].DeletedRuns = answered(r)
		}
	}
	for i := range out {
		for _, first := range m.sorted() {
			if out[i].Status == string(event.Duplicate) && first.EventID == out[i].DuplicateOf && first.DuplicateOf == uuid.Nil {
				out[i].RunID, out[i].MachineID, out[i].OrderID = first.RunID, first.MachineID, first.OrderID
				out[i].MachineName, out[i].DeletedRuns = answered(first)
			}
		}
	}
	slices.SortFunc(out, func(a, b Stored) int { return int(a.Offset) - int(b.Offset) })
	return out[:min(len(out), limit)], nil
}

// answered is what the answer to an event of machines or runs says beyond ids.
func answered(r store.LedgerRow) (machineName string, deletedRuns []uint32) {
	for _, machine := range r.Machines {
		if machine.ID == r.MachineID && strings.HasPrefix(r.EventType, "machine.") {
			machineName = machine.Name
		}
	}
	if r.EventType == string(event.RunRetracted) || r.EventType == string(event.MachineDeleted) {
		deletedRuns = r.DeletedRuns
	}
	return machineName, deletedRuns
}

func (m *memory) Reinsert(_ context.Context, _ string, _ int, from, next int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.again += int(next - from)
	return nil
}

// faulty is a store whose calls can be made to fail before or after they take effect.
type faulty struct {
	Store
	before, after func(call string) error
}

func (f *faulty) do(call string, act func() error) error {
	if f.before != nil {
		if err := f.before(call); err != nil {
			return err
		}
	}
	if err := act(); err != nil {
		return err
	}
	if f.after != nil {
		return f.after(call)
	}
	return nil
}

func (f *faulty) Insert(ctx context.Context, rows []store.LedgerRow) error {
	return f.do("insert", func() error { return f.Store.Insert(ctx, rows) })
}

func (f *faulty) Load(ctx context.Context, database, suite string) (s registry.Snapshot, ok bool, err error) {
	err = f.do("load", func() error { s, ok, err = f.Store.Load(ctx, database, suite); return err })
	return s, ok, err
}

func (f *faulty) Reinsert(ctx context.Context, topic string, partition int, from, next int64) error {
	return f.do("reinsert", func() error { return f.Store.Reinsert(ctx, topic, partition, from, next) })
}

func (f *faulty) Ahead(ctx context.Context, topic string, partition int, offset int64, limit int) (rows []Stored, err error) {
	err = f.do("ahead", func() error { rows, err = f.Store.Ahead(ctx, topic, partition, offset, limit); return err })
	return rows, err
}

func quickConfig() Config {
	c := DefaultConfig()
	c.RetryMin, c.RetryMax = time.Millisecond, 5*time.Millisecond
	c.Grace = time.Second
	c.PublishTimeout = 20 * time.Millisecond
	return c
}

// start runs a projector; stop ends it and returns what Run returned.
func start(t testing.TB, cfg Config, l *fakeLog, s Store) (p *Projector, stop func() error) {
	t.Helper()
	p, err := New(cfg, Deps{Events: l, Outcomes: l, Store: s})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(20 * time.Second):
			return errors.New("projector does not stop")
		}
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return p, stop
}

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// submission is an event with a report of one run.
func submission(database, machine string, order, tests int, params map[string]string) event.Envelope {
	var b strings.Builder
	fmt.Fprintf(&b, `{"format_version":"2","machine":{"name":%q,"hardware":"x86"},"run":{"start_time":"2026-03-01T10:00:00","end_time":"2026-03-01T11:00:00","llvm_project_revision":"%d"},"tests":[`, machine, order)
	for i := range tests {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"name":"suite/test-%d","execution_time":%d.5,"compile_time":[1.25,%d],"execution_status":%d}`, i, order+i, i+1, i%3)
	}
	b.WriteString("]}")
	return event.Envelope{
		ID:   event.IDFromKey(database, "nts", fmt.Sprintf("%s %d %v", machine, order, params)),
		Type: event.RunSubmitted, Version: 1, Database: database, Suite: "nts", ContentType: "application/json",
		ReceivedAt: epoch.Add(time.Duration(order) * time.Minute), Actor: "bot", RequestID: fmt.Sprintf("r%d", order),
		Params: params, Body: []byte(b.String()),
	}
}

// story is a log with everything that can become of an event in it: new things, repeats, replacements, refusals, findings.
func story() []event.Envelope {
	first := submission("default", "m1", 1, 5, nil)
	reused := submission("default", "m1", 9, 2, nil)
	reused.ID = first.ID
	broken := submission("default", "m1", 3, 2, nil)
	broken.Body = []byte(`{"format_version":"2"`)
	unknown := submission("default", "m1", 4, 2, nil)
	unknown.Suite = "nowhere"
	changes, err := event.Changes{Detector: "step", Version: 1, Params: []byte(`{"window":5}`), DataSeq: 3, Findings: []event.Finding{{
		MachineID: 1, TestID: 2, Metric: "execution_time", OrderID: 2, PreviousOrderID: 1, Direction: event.Up, Kind: event.Regression,
		Before: 1, After: 2, Spread: 0.5, Effect: 1, Statistic: 4, PValue: 0.01, Active: true,
		ID: event.FindingID("default", "nts", 1, 2, "execution_time", 2, event.Up, "step"),
	}}}.Encode()
	if err != nil {
		panic(err)
	}
	found := event.Envelope{
		ID: event.IDFromKey("default", "nts", "finding"), Type: event.ChangeFound, Version: 1, Database: "default", Suite: "nts",
		ReceivedAt: epoch, Body: changes,
	}
	events := []event.Envelope{
		first,
		submission("default", "m1", 2, 5, nil),
		submission("other", "m1", 1, 3, nil),
		first,
		submission("default", "m2", 1, 7, nil),
		reused,
		broken,
		submission("default", "m1", 1, 6, map[string]string{event.ParamMerge: "replace"}),
		unknown,
		broken,
		submission("default", "m1", 2, 2, map[string]string{event.ParamMerge: "append"}),
		submission("default", "m1", 2, 4, map[string]string{"note": "place is taken"}),
		found,
		submission("default", "m1", 2, 3, map[string]string{event.ParamMerge: "replace"}),
		first,
		submission("other", "m 3\t'\\", 12, 1, nil),
	}
	for i := range 8 {
		events = append(events, submission("default", "m4", 20+i, 3, nil))
	}
	return append(events, changesOfMachines()...)
}

// changesOfMachines go on in suite default/nts of the story: everything that takes back, renames, merges and seeds.
func changesOfMachines() []event.Envelope {
	deletion := deletionOfMachines()
	return []event.Envelope{
		change(event.SuiteSeeded, event.Seed{
			Machines: []event.SeededMachine{{ID: 40, Name: "m4"}}, Orders: []event.SeededOrder{{ID: 90, Values: []string{"77"}}},
			Tests: []event.SeededTest{{ID: 30, Name: "seeded"}},
		}),
		change(event.ChangeFound, shadowFound()),
		change(event.RegressionTriaged, event.RegressionTriage{RegressionIDs: []uint32{1}, AddTags: []string{"t"}, Note: "seen"}),
		change(event.DetectorConfigured, event.DetectorRule{Detector: "step", Mode: event.ModeShadow, Machine: "m1"}),
		change(event.MachineUpdated, event.MachineUpdate{Machine: "m2", Values: []byte(`{"os":"linux","cores":8}`)}),
		change(event.MachineRenamed, event.MachineRename{Machine: "m2", Name: "m2 now"}),
		change(event.MachineRenamed, event.MachineRename{Machine: "m1", Name: "m2 now"}),
		submission("default", "m5", 77, 2, map[string]string{event.ParamKeepRunID: "100", event.ParamKeepMachineID: "50"}),
		change(event.MachineMerged, event.MachineMerge{Machine: "m5", Into: "3"}),
		submission("default", "m5", 78, 2, nil),
		change(event.MachineMerged, event.MachineMerge{Machine: "m5", Into: "m1"}),
		change(event.MachineMerged, event.MachineMerge{Machine: "3", Into: "m2 now"}),
		change(event.RunRetracted, event.Retraction{RunID: 1}),
		change(event.RunRetracted, event.Retraction{RunID: 7777}),
		deletion,
		deletion,
		submission("default", "m2 now", 79, 2, nil),
	}
}

func shadowFound() event.Changes {
	f := event.Finding{
		MachineID: 1, TestID: 1, Metric: "execution_time", OrderID: 2, PreviousOrderID: 1, Direction: event.Up, Kind: event.Regression,
		Before: 1, After: 2, Effect: 1, EffectLow: 0.5, EffectHigh: 2, Active: true,
	}
	f.ID = f.IDOf("default", "nts", event.DetectorKey("step", true))
	return event.Changes{Detector: "step", Version: 1, Shadow: true, Findings: []event.Finding{f}}
}

// deletionOfMachines deletes a machine that others had been merged into.
func deletionOfMachines() event.Envelope {
	return change(event.MachineDeleted, event.MachineDeletion{Machine: "m2 now"})
}

func change(kind event.Type, body interface{ Encode() ([]byte, error) }) event.Envelope {
	text, err := body.Encode()
	if err != nil {
		panic(err)
	}
	return event.Envelope{
		ID: event.IDFromKey("default", "nts", string(kind)+string(text)), Type: kind, Version: 1, Database: "default", Suite: "nts",
		ReceivedAt: epoch, Actor: "admin", Body: text,
	}
}

func (l *fakeLog) committedNow() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.committed
}
