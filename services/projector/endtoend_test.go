package projector

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"tidemark/pkg/embedded/kafka"
	"tidemark/pkg/event"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/testkit"
	"tidemark/pkg/testkit/kafkatest"
)

// answers collects outcomes as intake does.
type answers struct {
	mu      sync.Mutex
	byEvent map[uuid.UUID]event.Outcome
	came    chan struct{}
}

func follow(t testing.TB, log *eventlog.Log) *answers {
	t.Helper()
	a := &answers{byEvent: map[uuid.UUID]event.Outcome{}, came: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		done <- log.Tail(ctx, event.TopicOutcomes, func() { once.Do(func() { close(ready) }) }, func(r eventlog.Record) {
			o, err := event.DecodeOutcome(r.Value)
			if err != nil {
				t.Errorf("outcome: %v", err)
				return
			}
			a.mu.Lock()
			a.byEvent[o.EventID] = o
			a.mu.Unlock()
			select {
			case a.came <- struct{}{}:
			default:
			}
		})
	}()
	<-ready
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Tail: %v", err)
		}
	})
	return a
}

// wait returns the outcomes of all events.
func (a *answers) wait(t testing.TB, events ...event.Envelope) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for _, e := range events {
		for {
			a.mu.Lock()
			_, ok := a.byEvent[e.ID]
			a.mu.Unlock()
			if ok {
				break
			}
			select {
			case <-a.came:
			case <-deadline:
				t.Fatalf("event %s was not answered", e.ID)
			}
		}
	}
}

func appendEvents(t testing.TB, log *eventlog.Log, events ...event.Envelope) {
	t.Helper()
	for _, e := range events {
		key, value, headers, err := event.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		r := eventlog.Record{Key: key, Value: value}
		for _, h := range headers {
			r.Headers = append(r.Headers, eventlog.Header(h))
		}
		if _, err := log.Append(t.Context(), event.TopicEvents, r); err != nil {
			t.Fatal(err)
		}
	}
}

// Through the real log into the real store; the second member of the group takes over half the partitions, then the first
// leaves.
func TestEndToEnd_MembersComeAndGo_ViewsUnchanged(t *testing.T) {
	t.Parallel()
	var events []event.Envelope
	for i := range 12 {
		for _, database := range []string{"a", "b", "c", "d"} {
			events = append(events, submission(database, fmt.Sprintf("m%d", i%3), 1+i/3, 4, nil))
		}
	}
	reference, s := testkit.Store(t), testkit.Store(t)
	l := newFakeLog()
	l.add(t, events...)
	project(t, quickConfig(), l, ClickHouse(reference))

	broker := kafkatest.Embedded(t, kafka.Topic{Name: event.TopicEvents, Partitions: 2}, kafka.Topic{Name: event.TopicOutcomes, Partitions: 1})
	cfg := quickConfig()
	cfg.PublishTimeout = DefaultConfig().PublishTimeout // every outcome is waited for here, and a busy broker takes its time
	member := func() (stop func()) {
		log := kafkatest.Open(t, broker.Config)
		p, err := New(cfg, Deps{Events: Kafka(log), Outcomes: log, Store: ClickHouse(s), Logger: testkit.Logger()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		stop = sync.OnceFunc(func() {
			cancel()
			if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("Run: %v", err)
			}
		})
		t.Cleanup(stop)
		return stop
	}
	client := kafkatest.Open(t, broker.Config)
	told := follow(t, client)

	stopFirst := member()
	appendEvents(t, client, events[:16]...)
	told.wait(t, events[:16]...)
	stopSecond := member()
	appendEvents(t, client, events[16:32]...)
	told.wait(t, events[16:32]...)
	stopFirst()
	appendEvents(t, client, events[32:]...)
	told.wait(t, events...)
	stopSecond()

	want, got := digests(t, reference), digests(t, s)
	for _, positions := range []string{"ledger", "receipts"} { // they say where in the log, which differs
		delete(want, positions)
		delete(got, positions)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkLatency is one submission of 5 000 samples at a time: from append to outcome.
func BenchmarkLatency(b *testing.B) {
	s := testkit.Store(b)
	broker := kafkatest.Embedded(b, kafka.Topic{Name: event.TopicEvents, Partitions: 1}, kafka.Topic{Name: event.TopicOutcomes, Partitions: 1})
	log := kafkatest.Open(b, broker.Config)
	told := follow(b, log)
	p, err := New(DefaultConfig(), Deps{Events: Kafka(log), Outcomes: log, Store: ClickHouse(s)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	}()
	send := func(order int) event.Outcome {
		e := submission("default", "m1", order, 1250, nil) // 3 values of real metrics and 1 status per test
		appendEvents(b, log, e)
		told.wait(b, e)
		told.mu.Lock()
		defer told.mu.Unlock()
		return told.byEvent[e.ID]
	}
	send(1)
	var decode, decide, insert float64
	order := 1
	for b.Loop() {
		order++
		o := send(order)
		decode, decide, insert = decode+o.DecodeMS, decide+o.DecideMS, insert+o.InsertMS
	}
	n := float64(b.N)
	b.ReportMetric(decode/n, "decode-ms")
	b.ReportMetric(decide/n, "decide-ms")
	b.ReportMetric(insert/n, "insert-ms")
}
