package kafkatest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"tidemark/pkg/eventlog"
)

// patience is how long a test waits for what must happen soon; a real broker holds a new group back for three seconds.
const patience = 30 * time.Second

// testLogger writes warnings to the standard error output if TIDEMARK_TEST_LOG is set.
func testLogger(t testing.TB) *slog.Logger {
	if os.Getenv("TIDEMARK_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("test", t.Name())
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// newTopic creates a topic nobody else uses.
func newTopic(t testing.TB, l *eventlog.Log, partitions int) string {
	t.Helper()
	topic := "test-" + rand.Text()
	if err := l.Ensure(within(t, patience), eventlog.TopicSpec{Name: topic, Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	return topic
}

func newGroup() string { return "group-" + rand.Text() }

func record(key string, value any) eventlog.Record {
	return eventlog.Record{Key: []byte(key), Value: fmt.Append(nil, value)}
}

// appendAll appends one record per call, and returns the positions.
func appendAll(t testing.TB, l *eventlog.Log, topic string, recs ...eventlog.Record) []eventlog.Position {
	t.Helper()
	var out []eventlog.Position
	for _, r := range recs {
		pos, err := l.Append(within(t, patience), topic, r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, pos...)
	}
	return out
}

// background runs fn until stop is called; stop waits for it and fails the test if fn returned an error.
func background(t testing.TB, fn func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("ended with: %v", err)
				}
			case <-time.After(patience):
				t.Error("did not end")
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// eventually polls until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, patience)
		}
		<-tick.C
	}
}

// seen collects records from several goroutines.
type seen struct {
	mu   sync.Mutex
	recs []eventlog.Record
}

func (s *seen) add(recs ...eventlog.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recs = append(s.recs, recs...)
}

func (s *seen) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.recs)
}

func (s *seen) values() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, len(s.recs))
	for i, r := range s.recs {
		out[i] = string(r.Value)
	}
	return out
}

// consumeInto is a handler that commits every record it has added.
func consumeInto(s *seen) func(ctx context.Context, p *eventlog.Partition) error {
	return func(ctx context.Context, p *eventlog.Partition) error {
		for {
			recs, err := p.NextBatch(ctx, 100, 1<<20)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			s.add(recs...)
			err = p.Commit(context.WithoutCancel(ctx), recs[len(recs)-1].Offset+1)
			if err != nil && !errors.Is(err, eventlog.ErrNotOwner) && !errors.Is(err, eventlog.ErrUnavailable) {
				return err // those two are made good by a later commit, or by the next owner
			}
		}
	}
}
