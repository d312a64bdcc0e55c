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
	"tidemark/pkg/testkit/await"
)

// testLogger writes warnings to the standard error output if TIDEMARK_TEST_LOG is set.
func testLogger(t testing.TB) *slog.Logger {
	if os.Getenv("TIDEMARK_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("test", t.Name())
}

// newTopic creates a topic nobody else uses.
func newTopic(t testing.TB, l *eventlog.Log, partitions int) string {
	t.Helper()
	topic := "test-" + rand.Text()
	if err := l.Ensure(await.Context(t), eventlog.TopicSpec{Name: topic, Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	return topic
}

func newGroup() string { return "group-" + rand.Text() }

func record(key string, value any) eventlog.Record {
	return eventlog.Record{Key: []byte(key), Value: fmt.Append(nil, value)}
}

// appendAll appends one record per call.
func appendAll(t testing.TB, l *eventlog.Log, topic string, recs ...eventlog.Record) {
	t.Helper()
	for _, r := range recs {
		if _, err := l.Append(await.Context(t), topic, r); err != nil {
			t.Fatal(err)
		}
	}
}

// Background runs fn until stop is called; stop waits for it and fails the test if fn returned an error.
func Background(t testing.TB, fn func(ctx context.Context) error) (stop func()) {
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
			case <-time.After(await.Patience):
				t.Error("did not end")
			}
		})
	}
	t.Cleanup(stop)
	return stop
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
			if err != nil || ctx.Err() != nil {
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
