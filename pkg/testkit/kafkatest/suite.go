package kafkatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"tidemark/pkg/eventlog"
	"tidemark/pkg/testkit/await"
)

// Run checks every promise of pkg/eventlog against the broker.
func Run(t *testing.T, b *Broker) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, b *Broker)
	}{
		{"Append_ManyKeys_PositionsAreThoseRead", appendPositions},
		{"Append_OddRecords_ReadAsAppended", oddRecords},
		{"Append_ManyCallers_ShareRequests", groupCommit},
		{"Append_LargeRecords_ReadAsAppended", largeRecords},
		{"Append_OverTheLimit_TooLarge", overTheLimit},
		{"Append_UnknownTopic_SaysSo", unknownTopic},
		{"Append_AfterClose_Closed", appendAfterClose},
		{"Ensure_OtherPartitionCount_Refused", partitionCount},
		{"Consume_Restarted_ResumesAtCommitted", resume},
		{"Consume_StartAt_BeginsThere", startAt},
		{"Consume_CommittedBeyondTheEnd_OutOfRange", outOfRange},
		{"Consume_ForeignRecord_CorruptAndGoesOn", corruptRecord},
		{"Consume_SlowHandler_BufferIsBounded", slowConsumer},
		{"Consume_HandlerFails_EndsWithItsError", handlerFails},
		{"Consume_SecondMember_NothingSkipped", twoOwners},
		{"Consume_HandlerOverstays_GroupMovesOn", overstay},
		{"Tail_Ready_SeesEverythingAfterwards", tail},
		{"Outage_BrokerComesBack_NothingLost", outage},
		{"Outage_BrokerAway_Unavailable", brokerAway},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, b) })
	}
}

func appendPositions(t *testing.T, b *Broker) {
	l := Open(t, b.Config)
	topic := newTopic(t, l, 3)
	want := map[eventlog.Position]string{}
	var recs []eventlog.Record
	for i := range 60 {
		recs = append(recs, record(fmt.Sprint("key", i%7), i))
	}
	pos, err := l.Append(await.Context(t), topic, recs...)
	if err != nil {
		t.Fatal(err)
	}
	partitionOfKey := map[string]int{}
	for i, p := range pos {
		want[p] = fmt.Sprint(i)
		key := string(recs[i].Key)
		if old, ok := partitionOfKey[key]; ok && old != p.Partition {
			t.Errorf("%s is in partitions %d and %d", key, old, p.Partition)
		}
		partitionOfKey[key] = p.Partition
	}
	if len(want) != len(recs) {
		t.Fatalf("%d distinct positions for %d records", len(want), len(recs))
	}

	var s seen
	stop := Background(t, func(ctx context.Context) error { return l.Consume(ctx, newGroup(), topic, consumeInto(&s)) })
	await.True(t, "all records read", func() bool { return s.len() >= len(recs) })
	stop()
	got := map[eventlog.Position]string{}
	last := map[int]int64{}
	for _, r := range s.recs {
		got[eventlog.Position{Partition: r.Partition, Offset: r.Offset}] = string(r.Value)
		if prev, ok := last[r.Partition]; ok && r.Offset != prev+1 {
			t.Errorf("partition %d: offset %d after %d", r.Partition, r.Offset, prev)
		}
		last[r.Partition] = r.Offset
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("positions told (-) and read (+):\n%s", d)
	}
	first, end, err := l.Offsets(await.Context(t), topic)
	if err != nil || len(first) != 3 || end[0]+end[1]+end[2] != int64(len(recs)) {
		t.Errorf("offsets: first %v, end %v, %v", first, end, err)
	}
}

func oddRecords(t *testing.T, b *Broker) {
	at := time.UnixMilli(1_700_000_000_123)
	recs := []eventlog.Record{
		{Key: []byte("k"), Value: []byte("v"), Time: at, Headers: []eventlog.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")}}},
		{Key: []byte("k"), Value: []byte{}, Time: at},
		{Key: []byte("k"), Value: bytes.Repeat([]byte("compressible "), 10_000), Time: at},
		{Key: []byte("k"), Value: append([]byte{0x28, 0xb5, 0x2f, 0xfd}, make([]byte, 5000)...), Time: at},
	}
	for _, codec := range []string{"zstd", "lz4", "none"} {
		cfg := b.Config
		cfg.Compression = codec
		l := Open(t, cfg)
		topic := newTopic(t, l, 1)
		appendAll(t, l, topic, recs...)
		var s seen
		stop := Background(t, func(ctx context.Context) error { return l.Consume(ctx, newGroup(), topic, consumeInto(&s)) })
		await.True(t, "all records read", func() bool { return s.len() >= len(recs) })
		stop()
		for i, got := range s.recs {
			want := recs[i]
			want.Topic, want.Offset = topic, int64(i)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, record %d (-appended +read):\n%s", codec, i, d)
			}
		}
	}
}

func groupCommit(t *testing.T, b *Broker) {
	l := Open(t, b.Config)
	topic := newTopic(t, l, 1)
	const callers, each = 32, 10
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				if _, err := l.Append(await.Context(t), topic, record(fmt.Sprint(c), i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	st := l.Stats()
	if st.Records != callers*each || st.Batches > st.Records/3 {
		t.Errorf("%d records went in %d requests", st.Records, st.Batches)
	}
}

func largeRecords(t *testing.T, b *Broker) {
	cfg := b.Config
	cfg.MaxRecordBytes = 40 << 20
	l := Open(t, cfg)
	topic := newTopic(t, l, 1)
	sizes := []int{20 << 20, 1, cfg.MaxRecordBytes - 128, 1}
	random := rand.NewChaCha8([32]byte{1})
	var recs []eventlog.Record
	for _, n := range sizes {
		value := make([]byte, n)
		_, _ = random.Read(value) // never fails
		recs = append(recs, eventlog.Record{Key: []byte("k"), Value: value})
	}
	appendAll(t, l, topic, recs...)
	var s seen
	stop := Background(t, func(ctx context.Context) error { return l.Consume(ctx, newGroup(), topic, consumeInto(&s)) })
	await.True(t, "all records read", func() bool { return s.len() >= len(recs) })
	stop()
	for i := range recs {
		if !bytes.Equal(recs[i].Value, s.recs[i].Value) {
			t.Errorf("record %d of %d bytes came back with %d bytes, or others", i, len(recs[i].Value), len(s.recs[i].Value))
		}
	}
}

func overTheLimit(t *testing.T, b *Broker) {
	cfg := b.Config
	cfg.MaxRecordBytes = 1 << 20
	l := Open(t, cfg)
	topic := newTopic(t, l, 1)
	if _, err := l.Append(await.Context(t), topic, record("k", make([]byte, 1<<20))); !errors.Is(err, eventlog.ErrTooLarge) {
		t.Errorf("a record over our own limit: %v", err)
	}

	narrow := eventlog.TopicSpec{Name: topic + "-narrow", Partitions: 1, Config: map[string]string{"max.message.bytes": "10000"}}
	if err := l.Ensure(await.Context(t), narrow); err != nil {
		t.Fatal(err)
	}
	random := make([]byte, 50_000)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(random) // never fails
	big := eventlog.Record{Key: []byte("k"), Value: random}
	pos, err := l.Append(await.Context(t), narrow.Name, record("k", 1), big, record("k", 2))
	var ae *eventlog.AppendError
	if !errors.Is(err, eventlog.ErrTooLarge) || errors.Is(err, eventlog.ErrUnavailable) || !errors.As(err, &ae) {
		t.Fatalf("a record over the topic's limit: %v", err)
	}
	if ae.Errs[0] != nil || ae.Errs[1] == nil || ae.Errs[2] != nil || pos[0].Offset != 0 || pos[1].Offset != -1 || pos[2].Offset != 1 {
		t.Errorf("its neighbours: positions %v, errors %v", pos, ae.Errs)
	}
}

func unknownTopic(t *testing.T, b *Broker) {
	l := Open(t, b.Config)
	if _, err := l.Append(await.Context(t), "test-no-such-topic", record("k", 1)); !errors.Is(err, eventlog.ErrUnknownTopic) {
		t.Errorf("append: %v", err)
	}
	err := l.Consume(await.Context(t), newGroup(), "test-no-such-topic", nil)
	if !errors.Is(err, eventlog.ErrUnknownTopic) {
		t.Errorf("consume: %v", err)
	}
}

func appendAfterClose(t *testing.T, b *Broker) {
	l := Open(t, b.Config)
	topic := newTopic(t, l, 1)
	if err := l.Close(await.Context(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(context.Background(), topic, record("k", 1)); !errors.Is(err, eventlog.ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
}

func partitionCount(t *testing.T, b *Broker) {
	l := Open(t, b.Config)
	topic := newTopic(t, l, 2)
	if err := l.Ensure(await.Context(t), eventlog.TopicSpec{Name: topic, Partitions: 2}); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := l.Ensure(await.Context(t), eventlog.TopicSpec{Name: topic, Partitions: 3}); !errors.Is(err, eventlog.ErrPartitionCount) {
		t.Errorf("another number: %v", err)
	}
}

func resume(t *testing.T, b *Broker) {
	l := Open(t, b.Config)
	topic, group := newTopic(t, l, 1), newGroup()
	for i := range 10 {
		appendAll(t, l, topic, record("k", i))
	}
	stopAfter := errors.New("seen enough")
	var first []string
	err := l.Consume(await.Context(t), group, topic, func(ctx context.Context, p *eventlog.Partition) error {
		if p.Committed() != -1 {
			t.Errorf("a new group has committed %d", p.Committed())
		}
		for range 6 {
			r, err := p.Next(ctx)
			if err != nil {
				return err
			}
			first = append(first, string(r.Value))
		}
		if err := p.Commit(ctx, 4); err != nil { // the last two are not done
			return err
		}
		return stopAfter
	})
	if !errors.Is(err, stopAfter) {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"0", "1", "2", "3", "4", "5"}, first); d != "" {
		t.Errorf("the first member (-want +got):\n%s", d)
	}

	var second []string
	l = Open(t, b.Config)
	err = l.Consume(await.Context(t), group, topic, func(ctx context.Context, p *eventlog.Partition) error {
		if p.Committed() != 4 {
			t.Errorf("committed is %d, want 4", p.Committed())
		}
		for range 6 {
			r, err := p.Next(ctx)
			if err != nil {
				return err
			}
			second = append(second, string(r.Value))
		}
		if hw, err := p.HighWatermark(ctx); err != nil || hw != 10 || p.Lag() != 0 {
			t.Errorf("high watermark %d, lag %d, %v", hw, p.Lag(), err)
		}
		return stopAfter
	})
	if !errors.Is(err, stopAfter) {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"4", "5", "6", "7", "8", "9"}, second); d != "" {
		t.Errorf("the second member (-want +got):\n%s", d)
	}
}

func startAt(t *testing.T, b *Broker) {
	l := Open(t, b.Config)
	topic := newTopic(t, l, 1)
	for i := range 5 {
		appendAll(t, l, topic, record("k", i))
	}
	stopAfter := errors.New("seen enough")
	err := l.Consume(await.Context(t), newGroup(), topic, func(ctx context.Context, p *eventlog.Partition) error {
		if err := p.StartAt(3); err != nil {
			return err
		}
		recs, err := p.NextBatch(ctx, 10, 1<<20)
		if err != nil {
			return err
		}
		if recs[0].Offset != 3 {
			t.Errorf("began at %d", recs[0].Offset)
		}
		if p.StartAt(0) == nil {
			t.Error("the position could be changed after reading had begun")
		}
		return stopAfter
	})
	if !errors.Is(err, stopAfter) {
		t.Fatal(err)
	}
}

func outOfRange(t *testing.T, b *Broker) {
	l := Open(t, b.Config)
	topic, group := newTopic(t, l, 1), newGroup()
	appendAll(t, l, topic, record("k", 1))
	stopAfter := errors.New("committed")
	err := l.Consume(await.Context(t), group, topic, func(ctx context.Context, p *eventlog.Partition) error {
		if err := p.Commit(ctx, 1000); err != nil {
			return err
		}
		return stopAfter
	})
	if !errors.Is(err, stopAfter) {
		t.Fatal(err)
	}
	err = l.Consume(await.Context(t), group, topic, func(ctx context.Context, p *eventlog.Partition) error {
		_, err := p.Next(ctx)
		return err
	})
	if !errors.Is(err, eventlog.ErrOffsetOutOfRange) {
		t.Errorf("committed beyond the end: %v", err)
	}
}

// foreign appends records with another client, as they are.
func foreign(t *testing.T, b *Broker, recs ...*kgo.Record) {
	t.Helper()
	opts := []kgo.Opt{kgo.SeedBrokers(b.Config.Brokers...)}
	if b.Config.Dial != nil {
		opts = append(opts, kgo.Dialer(b.Config.Dial))
	}
	c, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.ProduceSync(await.Context(t), recs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func corruptRecord(t *testing.T, b *Broker) {
	l := Open(t, b.Config)
	topic := newTopic(t, l, 1)
	appendAll(t, l, topic, record("k", "good"))
	foreign(t, b, &kgo.Record{
		Topic: topic, Key: []byte("k"), Value: []byte("bad"),
		Headers: []kgo.RecordHeader{{Key: "tm-log-crc32c", Value: []byte{1, 2, 3, 4}}},
	})
	foreign(t, b, &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("bare")})
	appendAll(t, l, topic, record("k", "good again"))

	var got []string
	stopAfter := errors.New("seen enough")
	err := l.Consume(await.Context(t), newGroup(), topic, func(ctx context.Context, p *eventlog.Partition) error {
		for range 4 {
			r, err := p.Next(ctx)
			got = append(got, fmt.Sprintf("%d %s %t", r.Offset, r.Value, errors.Is(err, eventlog.ErrCorrupt)))
		}
		return stopAfter
	})
	if !errors.Is(err, stopAfter) {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"0 good false", "1 bad true", "2 bare true", "3 good again false"}, got); d != "" {
		t.Errorf("offset, value, corrupt (-want +got):\n%s", d)
	}
}

func slowConsumer(t *testing.T, b *Broker) {
	cfg := b.Config
	cfg.BufferBytes, cfg.FetchBytes, cfg.Compression = 1<<20, 256<<10, "none"
	l := Open(t, cfg)
	topic := newTopic(t, l, 1)
	const records, size = 160, 64 << 10
	value := make([]byte, size)
	for range records {
		appendAll(t, l, topic, eventlog.Record{Key: []byte("k"), Value: value})
	}
	atMost := (cfg.BufferBytes+cfg.FetchBytes)/size + 1
	stopAfter := errors.New("seen enough")
	err := l.Consume(await.Context(t), newGroup(), topic, func(ctx context.Context, p *eventlog.Partition) error {
		n := 0
		if _, err := p.Next(ctx); err != nil {
			return err
		}
		// Let it read ahead until it stops by itself.
		await.True(t, "the buffer is full", func() bool { return p.Buffered()*size >= cfg.BufferBytes-size })
		for n = 1; n < records; n++ {
			if got := p.Buffered(); got > atMost {
				t.Errorf("%d records are buffered, %d may be", got, atMost)
			}
			if _, err := p.Next(ctx); err != nil {
				return err
			}
		}
		return stopAfter
	})
	if !errors.Is(err, stopAfter) {
		t.Fatal(err)
	}
}

func handlerFails(t *testing.T, b *Broker) {
	l := Open(t, b.Config)
	topic := newTopic(t, l, 2)
	broken := errors.New("broken")
	err := l.Consume(await.Context(t), newGroup(), topic, func(ctx context.Context, p *eventlog.Partition) error {
		if p.ID() == 1 {
			return broken
		}
		<-ctx.Done() // the other partition's handler is told to end
		return nil
	})
	if !errors.Is(err, broken) {
		t.Errorf("consume ended with %v", err)
	}
}

// twoOwners has a member join and the first one leave while records are being appended. Each record's effect is there at
// least once, in order, and an owner begins where the one before had committed.
func twoOwners(t *testing.T, b *Broker) {
	l := Open(t, b.Config)
	topic, group := newTopic(t, l, 4), newGroup()
	const records = 400
	var s seen
	handler := func(who string) func(context.Context, *eventlog.Partition) error {
		return func(ctx context.Context, p *eventlog.Partition) error {
			t.Logf("%s has partition %d from %d", who, p.ID(), p.Committed())
			return consumeInto(&s)(ctx, p)
		}
	}
	one, two := Open(t, b.Config), Open(t, b.Config)
	stopOne := Background(t, func(ctx context.Context) error { return one.Consume(ctx, group, topic, handler("one")) })
	var stopTwo func()
	for i := range records {
		appendAll(t, l, topic, record(fmt.Sprint(i%16), i))
		switch i {
		case 100:
			await.True(t, "the first member reads", func() bool { return s.len() > 50 })
			joined := make(chan struct{}, 8)
			stopTwo = Background(t, func(ctx context.Context) error {
				return two.Consume(ctx, group, topic, func(ctx context.Context, p *eventlog.Partition) error {
					joined <- struct{}{}
					return handler("two")(ctx, p)
				})
			})
			select {
			case <-joined:
			case <-time.After(await.Patience):
				t.Fatal("the second member got no partition")
			}
		case 250:
			stopOne()
		}
	}
	distinct := func() int {
		v := s.values()
		slices.Sort(v)
		return len(slices.Compact(v))
	}
	await.True(t, "every record was handled", func() bool { return distinct() == records })
	stopTwo()
	// Per partition, the first sight of each offset is in order and without a gap.
	next := map[int]int64{}
	for _, r := range s.recs {
		if r.Offset > next[r.Partition] {
			t.Errorf("partition %d: offset %d came before %d", r.Partition, r.Offset, next[r.Partition])
		}
		next[r.Partition] = max(next[r.Partition], r.Offset+1)
	}
	t.Logf("%d records were handled %d times", records, s.len())
}

// overstay keeps a handler busy beyond its context: the group goes on without it, and its commit is refused.
func overstay(t *testing.T, b *Broker) {
	cfg := b.Config
	cfg.HandoverTimeout = 300 * time.Millisecond
	one, two := Open(t, cfg), Open(t, cfg)
	topic, group := newTopic(t, one, 1), newGroup()
	appendAll(t, one, topic, record("k", 1))
	holding, release, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	oneCtx, endOne := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- one.Consume(oneCtx, group, topic, func(ctx context.Context, p *eventlog.Partition) error {
			if _, err := p.Next(ctx); err != nil {
				return err
			}
			close(holding)
			<-release
			result <- p.Commit(context.WithoutCancel(ctx), 1)
			return nil
		})
	}()
	<-holding
	endOne()
	var s seen
	stop := Background(t, func(ctx context.Context) error { return two.Consume(ctx, group, topic, consumeInto(&s)) })
	await.True(t, "the second member has the record", func() bool { return s.len() == 1 })
	close(release)
	if err := <-result; !errors.Is(err, eventlog.ErrNotOwner) {
		t.Errorf("commit of the one that overstayed: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the first member ended with: %v", err)
	}
	stop()
}

func tail(t *testing.T, b *Broker) {
	l := Open(t, b.Config)
	topic := newTopic(t, l, 3)
	appendAll(t, l, topic, record("old", "old"))
	var s seen
	ready := make(chan struct{})
	stop := Background(t, func(ctx context.Context) error {
		return l.Tail(ctx, topic, func() { close(ready) }, func(r eventlog.Record) { s.add(r) })
	})
	<-ready
	var want []string
	for i := range 30 {
		appendAll(t, l, topic, record(fmt.Sprint(i), fmt.Sprintf("%02d", i)))
		want = append(want, fmt.Sprintf("%02d", i))
	}
	await.True(t, "all records seen", func() bool { return s.len() >= len(want) })
	stop()
	got := s.values()
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("seen (-want +got):\n%s", d)
	}
}

func outage(t *testing.T, b *Broker) {
	l := Open(t, b.Config)
	topic := newTopic(t, l, 2)
	var consumed, tailed seen
	ready := make(chan struct{})
	stopTail := Background(t, func(ctx context.Context) error {
		return l.Tail(ctx, topic, func() { close(ready) }, func(r eventlog.Record) { tailed.add(r) })
	})
	<-ready
	stop := Background(t, func(ctx context.Context) error { return l.Consume(ctx, newGroup(), topic, consumeInto(&consumed)) })
	const records = 60
	for i := range records {
		if i%20 == 10 {
			b.Stop(t)
			time.AfterFunc(300*time.Millisecond, func() { b.Start(t) })
		}
		appendAll(t, l, topic, record(fmt.Sprint(i), i)) // rides the outage out
	}
	distinct := func(s *seen) int {
		v := s.values()
		slices.Sort(v)
		return len(slices.Compact(v))
	}
	await.True(t, "the tail has everything", func() bool { return distinct(&tailed) == records })
	await.True(t, "the group has everything", func() bool { return distinct(&consumed) == records })
	stop()
	stopTail()
	t.Logf("%d records: tail saw %d, group handled %d", records, tailed.len(), consumed.len())
}

func brokerAway(t *testing.T, b *Broker) {
	cfg := b.Config
	cfg.AppendTimeout = 700 * time.Millisecond
	known, fresh := Open(t, cfg), Open(t, cfg)
	topic := newTopic(t, known, 1)
	appendAll(t, known, topic, record("k", 1))
	b.Stop(t)
	defer b.Start(t)
	for name, l := range map[string]*eventlog.Log{"a client that knows the topic": known, "a new client": fresh} {
		began := time.Now()
		_, err := l.Append(context.Background(), topic, record("k", 2))
		if !errors.Is(err, eventlog.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); took > 3*cfg.AppendTimeout {
			t.Errorf("%s: it took %s", name, took)
		}
	}
}
