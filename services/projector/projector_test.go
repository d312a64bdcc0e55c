package projector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"tidemark/pkg/event"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/registry"
	"tidemark/pkg/store"
)

// reference is what the story leaves when nothing goes wrong.
func reference(t testing.TB, events []event.Envelope) []store.LedgerRow {
	t.Helper()
	l, m := newFakeLog(), newMemory()
	l.add(t, events...)
	_, stop := start(t, quickConfig(), l, m)
	l.drained(t)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	return m.sorted()
}

func diffRows(want, got []store.LedgerRow) string {
	return cmp.Diff(want, got, cmpopts.IgnoreFields(store.LedgerRow{}, "StoredAt"), cmpopts.EquateEmpty())
}

// everyoneTold checks that every event of the log has an outcome, and that all outcomes of one place agree.
func everyoneTold(t testing.TB, l *fakeLog) {
	t.Helper()
	at := map[int64]event.Outcome{}
	for _, outcomes := range l.told() {
		for _, o := range outcomes {
			before, twice := at[o.Offset]
			if diff := cmp.Diff(before, o, cmpopts.IgnoreFields(event.Outcome{}, "StoredAt", "DecodeMS", "DecideMS", "InsertMS", "Compared")); twice && diff != "" {
				t.Errorf("offset %d was answered in two ways: %s", o.Offset, diff)
			}
			at[o.Offset] = o
		}
	}
	if len(at) != len(l.records) {
		t.Errorf("%d of %d events were answered", len(at), len(l.records))
	}
}

// deletionTold insists that everybody who asked for the deletion was told what is gone, the first time and every other.
func deletionTold(t testing.TB, l *fakeLog) {
	t.Helper()
	told := l.told()[deletionOfMachines().ID]
	if len(told) < 2 {
		t.Errorf("the deletion and its repetition were answered %d times", len(told))
	}
	for _, o := range told {
		if o.MachineName != "m2 now" || o.MachineID != 2 || !slices.Equal(o.DeletedRuns, []uint32{3, 5, 6, 7, 8, 9, 10, 11, 12, 100}) {
			t.Errorf("deletion at %d: %s, machine %d %q, runs %v", o.Offset, o.Status, o.MachineID, o.MachineName, o.DeletedRuns)
		}
	}
}

func TestProjector_Story_IsDecidedStoredAndTold(t *testing.T) {
	t.Parallel()
	l, m := newFakeLog(), newMemory()
	events := story()
	l.add(t, events...)
	p, stop := start(t, quickConfig(), l, m)
	l.drained(t)

	if err := p.Ready(); err != nil {
		t.Errorf("Ready: %v", err)
	}
	if p.LastFlush().IsZero() {
		t.Error("no flush was noted")
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	everyoneTold(t, l)
	rows := m.sorted()
	if len(rows) != len(events) {
		t.Fatalf("%d rows for %d events", len(rows), len(events))
	}
	var statuses []string
	for _, r := range rows {
		if r.Database == "default" && r.Suite == "nts" {
			statuses = append(statuses, fmt.Sprintf("%d %s %d run %d load %d -%v", r.Seq, r.Status, r.Code, r.RunID, r.LoadID, r.SupersededLoad))
		}
	}
	want := []string{
		"1 accepted 0 run 1 load 1 -[]", "2 accepted 0 run 2 load 2 -[]", "3 duplicate 0 run 0 load 0 -[]", "4 accepted 0 run 3 load 3 -[]",
		"5 rejected 409 run 0 load 0 -[]", "6 rejected 400 run 0 load 0 -[]", "7 accepted 0 run 1 load 4 -[1]", "8 duplicate 400 run 0 load 0 -[]",
		"9 accepted 0 run 4 load 5 -[]", "10 rejected 400 run 0 load 0 -[]", "11 accepted 0 run 0 load 0 -[]",
	}
	if diff := cmp.Diff(want, statuses[:len(want)]); diff != "" {
		t.Error(diff)
	}
	for _, o := range l.told()[events[0].ID] {
		switch o.Offset {
		case 0:
			if o.Status != event.Accepted || o.RunID != 1 || o.AddedSamples == 0 {
				t.Errorf("first: %+v", o)
			}
		case 3, 14:
			if o.Status != event.Duplicate || o.RunID != 1 || o.DuplicateOf != events[0].ID {
				t.Errorf("repeat: %+v", o)
			}
		case 5:
			if o.Status != event.Rejected || o.Code != 409 {
				t.Errorf("reused id: %+v", o)
			}
		}
	}
}

// Every way to die, then to come back: the rows are those of a run without trouble, and everybody has an answer.
func TestProjector_CrashAtEveryPoint_RowsAndAnswersUnchanged(t *testing.T) {
	t.Parallel()
	events := story()
	want := reference(t, events)
	for _, point := range []string{"before insert", "after insert", "before outcomes", "after outcomes, before commit", "after commit"} {
		for _, nth := range []int64{1, 2, 5} {
			t.Run(fmt.Sprintf("%s %d", point, nth), func(t *testing.T) {
				t.Parallel()
				l, m := newFakeLog(), newMemory()
				l.fetch = 2
				l.add(t, events...)
				cfg := quickConfig()
				cfg.BatchRecords = 3
				crashOnce(t, cfg, l, m, point, nth)
				_, stop := start(t, cfg, l, m)
				l.drained(t)
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				if diff := diffRows(want, m.sorted()); diff != "" {
					t.Error(diff)
				}
				everyoneTold(t, l)
				deletionTold(t, l)
			})
		}
	}
}

var errCrashed = errors.New("the process is gone")

// crashOnce runs a projector that dies at the nth time it comes to point: nothing it does after that has an effect.
func crashOnce(t testing.TB, cfg Config, l *fakeLog, s Store, point string, nth int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var dead atomic.Bool
	var count atomic.Int64
	at := func(here string) error {
		if dead.Load() || here == point && count.Add(1) == nth {
			dead.Store(true)
			cancel()
			return errCrashed
		}
		return nil
	}
	when := func(call, here string, wanted string) error {
		if call == wanted {
			return at(here)
		}
		return at("")
	}
	ghost := &ghostLog{fakeLog: l, at: at}
	p, err := New(cfg, Deps{Events: ghost, Outcomes: ghost, Store: &faulty{
		Store:  s,
		before: func(call string) error { return when(call, "before insert", "insert") },
		after:  func(call string) error { return when(call, "after insert", "insert") },
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(ctx); err != nil {
		t.Fatalf("Run: %v", err)
	}
	if !dead.Load() {
		t.Fatalf("never came to %q for the %d. time", point, nth)
	}
}

// ghostLog is the log as a process sees it that may die.
type ghostLog struct {
	*fakeLog
	at func(string) error
}

func (g *ghostLog) Append(ctx context.Context, topic string, recs ...eventlog.Record) ([]eventlog.Position, error) {
	if err := g.at("before outcomes"); err != nil {
		return nil, err
	}
	pos, err := g.fakeLog.Append(ctx, topic, recs...)
	if err != nil {
		return nil, err
	}
	return pos, g.at("after outcomes")
}

func (g *ghostLog) Consume(ctx context.Context, group, topic string, handle func(context.Context, Partition) error) error {
	return g.fakeLog.Consume(ctx, group, topic, func(ctx context.Context, p Partition) error {
		return handle(ctx, &ghostPartition{Partition: p, at: g.at})
	})
}

type ghostPartition struct {
	Partition
	at func(string) error
}

func (p *ghostPartition) Commit(ctx context.Context, next int64) error {
	if err := p.at("after outcomes, before commit"); err != nil {
		return err
	}
	if err := p.Partition.Commit(ctx, next); err != nil {
		return err
	}
	return p.at("after commit")
}

func TestProjector_BoundsRestartsAndOwners_GiveTheSameRows(t *testing.T) {
	t.Parallel()
	events := story()
	want := reference(t, events)
	rapid.Check(t, func(r *rapid.T) {
		l, m := newFakeLog(), newMemory()
		l.fetch = rapid.IntRange(1, 30).Draw(r, "fetch")
		l.add(t, events...)
		cfg := quickConfig()
		cfg.BatchRecords = rapid.IntRange(1, 30).Draw(r, "records")
		cfg.BatchSamples = rapid.IntRange(1, 300).Draw(r, "samples")
		cfg.BatchBytes = rapid.IntRange(1, 10_000).Draw(r, "bytes")
		for i := range rapid.IntRange(0, 2).Draw(r, "crashes") {
			point := rapid.SampledFrom([]string{"before insert", "after insert", "before outcomes", "after outcomes, before commit"}).Draw(r, "point")
			// The first time is always reached unless everything is committed already.
			if l.committed < int64(len(events)) || i == 0 {
				crashOrFinish(t, cfg, l, m, point)
			}
		}
		owners := rapid.IntRange(1, 2).Draw(r, "owners")
		stops := make([]func() error, owners)
		for i := range owners {
			_, stops[i] = start(t, cfg, l, m)
		}
		l.drained(t)
		for _, stop := range stops {
			if err := stop(); err != nil {
				r.Fatal(err)
			}
		}
		if diff := diffRows(want, m.sorted()); diff != "" {
			r.Fatal(diff)
		}
	})
}

// crashOrFinish dies at the first time it comes to point; with everything adopted it may never do.
func crashOrFinish(t testing.TB, cfg Config, l *fakeLog, m *memory, point string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var dead atomic.Bool
	at := func(here string) error {
		if dead.Load() || here == point {
			dead.Store(true)
			cancel()
			return errCrashed
		}
		return nil
	}
	ghost := &ghostLog{fakeLog: l, at: at}
	p, err := New(cfg, Deps{Events: ghost, Outcomes: ghost, Store: &faulty{
		Store:  m,
		before: func(call string) error { return at("before " + call) },
		after:  func(call string) error { return at("after " + call) },
	}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	l.until(ctx, func() bool { return l.committed >= int64(len(l.records)) })
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestProjector_TransientFailures_SameBatchIsRepeatedUntilStored(t *testing.T) {
	t.Parallel()
	events := story()
	want := reference(t, events)
	l, m := newFakeLog(), newMemory()
	var tokens []string
	failures := 0
	s := &recording{memory: m, fail: func(rows []store.LedgerRow) error {
		tokens = append(tokens, fmt.Sprint(rows))
		if failures++; failures%4 != 0 {
			return errors.New("connection refused")
		}
		return nil
	}}
	l.add(t, events...)
	_, stop := start(t, quickConfig(), l, s)
	l.drained(t)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(tokens); i += 4 {
		for _, again := range tokens[i+1 : i+4] {
			if again != tokens[i] {
				t.Fatal("a repeated batch differs from the first attempt")
			}
		}
	}
	if diff := diffRows(want, m.sorted()); diff != "" {
		t.Error(diff)
	}
}

type recording struct {
	*memory
	fail func([]store.LedgerRow) error
}

func (r *recording) Insert(ctx context.Context, rows []store.LedgerRow) error {
	if err := r.fail(rows); err != nil {
		return err
	}
	return r.memory.Insert(ctx, rows)
}

func TestProjector_ContradictingState_HoldsAndSaysSo(t *testing.T) {
	t.Parallel()
	l, m := newFakeLog(), newMemory()
	l.add(t, story()...)
	broken := atomic.Bool{}
	broken.Store(true)
	tries := make(chan struct{}, 1)
	s := &faulty{Store: m, before: func(call string) error {
		if call == "load" && broken.Load() {
			select {
			case tries <- struct{}{}:
			default:
			}
			return fmt.Errorf("%w: machine 1 comes twice", errContradiction)
		}
		return nil
	}}
	p, stop := start(t, quickConfig(), l, s)
	<-tries
	<-tries // the first failure has been noted by now
	if err := p.Ready(); err == nil || !strings.Contains(err.Error(), "machine 1 comes twice") {
		t.Errorf("Ready = %v, want the reason why it holds", err)
	}
	if rows := m.sorted(); len(rows) != 0 {
		t.Errorf("%d rows were stored over a contradiction", len(rows))
	}
	broken.Store(false)
	l.drained(t)
	if err := p.Ready(); err != nil {
		t.Errorf("Ready after repair: %v", err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestProjector_NoPartitionYet_NotReady(t *testing.T) {
	t.Parallel()
	l := newFakeLog()
	p, err := New(quickConfig(), Deps{Events: l, Outcomes: l, Store: newMemory()})
	if err != nil {
		t.Fatal(err)
	}
	if p.Ready() == nil {
		t.Error("ready without a partition")
	}
}

func TestProjector_OffsetGone_HoldsInsteadOfSkipping(t *testing.T) {
	t.Parallel()
	l, m := newFakeLog(), newMemory()
	l.add(t, story()...)
	tries := make(chan struct{}, 1)
	l.refuse = func(int64) error {
		select {
		case tries <- struct{}{}:
		default:
		}
		return eventlog.ErrOffsetOutOfRange
	}
	p, stop := start(t, quickConfig(), l, m)
	<-tries
	<-tries
	if err := p.Ready(); !errors.Is(err, eventlog.ErrOffsetOutOfRange) {
		t.Errorf("Ready = %v, want the gap", err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestProjector_PoisonRecords_RefusedWithTheirBytesNeighboursStored(t *testing.T) {
	t.Parallel()
	l, m := newFakeLog(), newMemory()
	good := []event.Envelope{submission("default", "m1", 1, 2, nil), submission("default", "m1", 2, 2, nil)}
	l.add(t, good[0])
	l.addRecord(eventlog.Record{
		Key: []byte("default/nts"), Value: []byte("not\x00an event"), Time: epoch,
		Headers: []eventlog.Header{{Key: "color", Value: []byte("red")}},
	})
	l.addRecord(eventlog.Record{Key: []byte{0xff}, Value: []byte("lost"), Time: epoch})
	l.add(t, good[1])
	l.add(t, submission("default", "m1", 3, 2, nil))
	l.damage = map[int64]struct{}{4: {}}
	_, stop := start(t, quickConfig(), l, m)
	l.drained(t)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	everyoneTold(t, l)

	byOffset := map[uint64]store.LedgerRow{}
	for _, r := range m.sorted() {
		byOffset[r.Offset] = r
	}
	if len(byOffset) != 5 {
		t.Fatalf("%d rows for 5 records", len(byOffset))
	}
	for offset, want := range map[uint64]string{0: "accepted default/nts 1", 1: "rejected default/nts 2", 2: "rejected _/_0 1", 3: "accepted default/nts 3", 4: "rejected default/nts 4"} {
		r := byOffset[offset]
		if got := fmt.Sprintf("%s %s/%s %d", r.Status, r.Database, r.Suite, r.Seq); got != want {
			t.Errorf("offset %d is %q, want %q", offset, got, want)
		}
		if !bytes.Equal(r.Body, l.records[offset].Value) && r.Status == "rejected" {
			t.Errorf("offset %d lost its bytes", offset)
		}
	}
	if r := byOffset[1]; r.Code != 400 || r.Message == "" || r.Params["record_header_color"] != "red" {
		t.Errorf("poison: %+v", r)
	}
	if byOffset[1].EventID == byOffset[4].EventID || byOffset[1].EventID == uuid.Nil {
		t.Error("poison records need ids of their own")
	}
}

// A log made anew has the offsets of the old one again; its events must not be taken for stored.
func TestProjector_LogMadeAnew_EventsAreDecided(t *testing.T) {
	t.Parallel()
	old, m := newFakeLog(), newMemory()
	old.add(t, story()...)
	_, stop := start(t, quickConfig(), old, m)
	old.drained(t)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	before := len(m.sorted())

	l := newFakeLog()
	l.add(t, submission("default", "new", 100, 2, nil), submission("default", "new", 101, 2, nil), story()[0])
	_, stop = start(t, quickConfig(), l, m)
	l.drained(t)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got := len(m.sorted()); got != before+3 {
		t.Fatalf("%d rows, want %d and 3 new ones", got, before)
	}
	for _, o := range l.told()[story()[0].ID] {
		if o.Status != event.Duplicate || o.RunID != 1 {
			t.Errorf("an event of before the loss is %+v, want a duplicate", o)
		}
	}
}

// While an insert is under way, what comes in gathers into one batch.
func TestProjector_SlowStore_BatchesGrow(t *testing.T) {
	t.Parallel()
	l, m := newFakeLog(), newMemory()
	l.fetch = 1
	entered, release := make(chan struct{}), make(chan struct{})
	first := true
	s := &faulty{Store: m, before: func(call string) error {
		if call == "insert" && first {
			first = false
			close(entered)
			<-release
		}
		return nil
	}}
	l.add(t, submission("default", "m1", 1, 1, nil))
	_, stop := start(t, quickConfig(), l, s)
	<-entered
	for i := range 20 {
		l.add(t, submission("default", "m1", 2+i, 1, nil))
	}
	l.wait(t, "taking of all records", func() bool { return l.taken == 21 })
	close(release)
	l.drained(t)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if m.largest < 15 {
		t.Errorf("largest insert had %d rows, want what gathered meanwhile", m.largest)
	}
}

func TestProjector_OutcomesTopicAway_WorkGoesOn(t *testing.T) {
	t.Parallel()
	l, m := newFakeLog(), newMemory()
	l.append = func(int) error { return eventlog.ErrUnavailable }
	l.add(t, story()...)
	cfg := quickConfig()
	cfg.PublishTimeout = 5 * time.Millisecond
	p, stop := start(t, cfg, l, m)
	l.drained(t)
	if err := p.Ready(); err != nil {
		t.Errorf("Ready: %v", err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestProjector_PartitionLost_StopsWithoutError(t *testing.T) {
	t.Parallel()
	events := story()
	want := reference(t, events)
	l, m := newFakeLog(), newMemory()
	l.commit = func(int64) error { return eventlog.ErrNotOwner }
	l.add(t, events...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p, err := New(quickConfig(), Deps{Events: l, Outcomes: l, Store: m})
	if err != nil {
		t.Fatal(err)
	}
	part := &fakePartition{log: l, committed: -1}
	if err := p.own(ctx, part); err != nil {
		t.Fatalf("own: %v", err)
	}
	l.commit = nil
	_, stop := start(t, quickConfig(), l, m)
	l.drained(t)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if diff := diffRows(want, m.sorted()); diff != "" {
		t.Error(diff)
	}
}

func TestPortion_BodiesThatDecompressLarge_AreNotDecodedTogether(t *testing.T) {
	t.Parallel()
	bomb := func(size string) eventlog.Record {
		return eventlog.Record{Value: []byte("tiny"), Headers: []eventlog.Header{{Key: "size", Value: []byte(size)}}}
	}
	for _, c := range []struct {
		why     string
		records []eventlog.Record
		want    int
	}{
		{"one beyond the bound goes alone", []eventlog.Record{bomb("50000000"), bomb("1")}, 1},
		{"as many as fit", []eventlog.Record{bomb("400"), bomb("400"), bomb("400")}, 2},
		{"no size, no claim", []eventlog.Record{{Value: []byte("a")}, {Value: []byte("b")}}, 2},
		{"a claim that decoding refuses counts as the bytes there are", []eventlog.Record{bomb("99999999999"), bomb("-1"), bomb("x")}, 3},
	} {
		if got := portion(c.records, 1000); got != c.want {
			t.Errorf("%s: %d, want %d", c.why, got, c.want)
		}
	}
}

func TestConfig_Impossible_AllReasonsAtOnce(t *testing.T) {
	t.Parallel()
	err := Config{RetryMin: 2, RetryMax: 1}.Validate()
	for _, name := range []string{"group", "events", "outcomes", "fetch_records", "batch_samples", "insert_timeout", "retry_max"} {
		if err == nil || !strings.Contains(err.Error(), "projector."+name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestMetrics_Story_CountsWhatHappened(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	l := newFakeLog()
	l.add(t, story()...)
	p, err := New(quickConfig(), Deps{Events: l, Outcomes: l, Store: newMemory(), Metrics: reg})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	l.drained(t)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, label := range m.GetLabel() {
				got[f.GetName()+" "+label.GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	for name, want := range map[string]float64{
		"tidemark_projector_events_total accepted": 31, "tidemark_projector_events_total duplicate": 4, "tidemark_projector_events_total rejected": 6,
		"tidemark_projector_rejected_total 400": 4, "tidemark_projector_rejected_total 404": 1, "tidemark_projector_rejected_total 409": 1,
	} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
}

// Whatever is in the log becomes an event, the same one each time, that the ledger can hold.
func FuzzDecode(f *testing.F) {
	key, value, headers, err := event.Encode(story()[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key, value, headers[0].Key, headers[0].Value, int64(7))
	f.Add([]byte("a/b"), []byte("x"), "size", []byte("1"), int64(0))
	f.Add([]byte{0xff}, []byte(nil), "", []byte(nil), int64(-1))
	p := &Projector{prepare: registry.Prepare}
	f.Fuzz(func(t *testing.T, key, value []byte, name string, header []byte, at int64) {
		r := eventlog.Record{
			Topic: "events", Partition: 1, Offset: 9, Key: key, Value: value, Time: time.UnixMilli(at),
			Headers: []eventlog.Header{{Key: name, Value: header}},
		}
		for _, corrupt := range []bool{false, true} {
			it, again := p.decode(&r, corrupt), p.decode(&r, corrupt)
			if diff := cmp.Diff(it.prepared.Envelope, again.prepared.Envelope); diff != "" {
				t.Fatal(diff)
			}
			e := it.envelope()
			if e.ID == uuid.Nil || e.Database == "" || e.Suite == "" || e.ReceivedAt.Year() < 1970 || e.ReceivedAt.Year() > 2299 {
				t.Fatalf("%+v cannot be stored", e)
			}
			d := registry.New(e.Database, e.Suite).Decide(it.prepared)
			row, err := store.Decided(store.LogPosition{Topic: "events", Partition: 1, Offset: it.offset}, &it.prepared, &d)
			if err != nil || row.Seq != 1 {
				t.Fatalf("row %+v: %v", row, err)
			}
		}
	})
}
