package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tidemark/pkg/embedded/kafka"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/testkit/await"
	"tidemark/pkg/testkit/kafkatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConfig_Default_NeedsOnlyBrokers(t *testing.T) {
	t.Parallel()
	cfg := eventlog.DefaultConfig()
	cfg.Brokers = []string{"localhost:9092"}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}

func TestConfig_Wrong_EveryProblemIsNamed(t *testing.T) {
	t.Parallel()
	cfg := eventlog.DefaultConfig()
	cfg.Compression, cfg.FetchBytes, cfg.Heartbeat, cfg.BatchTimeout, cfg.RebalanceTimeout = "rot13", 0, time.Minute, -1, time.Second
	_, err := eventlog.New(cfg, eventlog.Deps{})
	for _, want := range []string{"brokers:", "compression:", "fetch_bytes:", "heartbeat:", "batch_timeout:", "handover_timeout:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestNew_NoBrokerThere_OpensNothing(t *testing.T) {
	t.Parallel()
	cfg := eventlog.DefaultConfig()
	cfg.Brokers = []string{"127.0.0.1:1"}
	l, err := eventlog.New(cfg, eventlog.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(await.Context(t)); err != nil {
		t.Error(err)
	}
}

// The outcome of an append is only called unknown when the record may have gone out.
func TestAppend_BrokerNeverThere_OutcomeIsKnown(t *testing.T) {
	t.Parallel()
	b := kafkatest.Embedded(t, kafka.Topic{Name: "events", Partitions: 1})
	l := kafkatest.Open(t, b.Config)
	if _, err := l.Append(await.Context(t), "events", eventlog.Record{Value: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	b.Stop(t)
	defer b.Start(t)
	var err error
	for range 2 { // the first may have gone out over a connection that only then turned out to be dead
		_, err = l.Append(await.Within(t, 300*time.Millisecond), "events", eventlog.Record{Value: []byte("2")})
	}
	if !errors.Is(err, eventlog.ErrUnavailable) || errors.Is(err, eventlog.ErrOutcomeUnknown) {
		t.Errorf("append: %v", err)
	}
}

func TestAppend_NoAnswer_OutcomeIsUnknown(t *testing.T) {
	t.Parallel()
	b := kafkatest.Embedded(t, kafka.Topic{Name: "events", Partitions: 1})
	s := &stall{dial: b.Config.Dial, ended: make(chan struct{})}
	t.Cleanup(func() { close(s.ended) })
	cfg := b.Config
	cfg.Dial, cfg.AppendTimeout = s.Dial, time.Second
	l := kafkatest.Open(t, cfg)
	if _, err := l.Append(await.Context(t), "events", eventlog.Record{Value: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	s.on.Store(true)
	began := time.Now()
	_, err := l.Append(await.Within(t, 300*time.Millisecond), "events", eventlog.Record{Value: []byte("2")})
	if !errors.Is(err, eventlog.ErrUnavailable) || !errors.Is(err, eventlog.ErrOutcomeUnknown) {
		t.Errorf("append: %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("append took %s", took)
	}
}

func TestClose_InTheMiddleOfEverything_EndsEverything(t *testing.T) {
	t.Parallel()
	b := kafkatest.Embedded(t, kafka.Topic{Name: "events", Partitions: 2})
	l, err := eventlog.New(b.Config, eventlog.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	ended := make(chan error, 10)
	go func() {
		ended <- l.Tail(context.Background(), "events", func() { close(ready) }, func(eventlog.Record) {})
	}()
	assigned := make(chan struct{}, 2)
	go func() {
		ended <- l.Consume(context.Background(), "group", "events", func(ctx context.Context, p *eventlog.Partition) error {
			assigned <- struct{}{}
			for {
				if _, err := p.Next(ctx); err != nil {
					return err
				}
			}
		})
	}()
	<-ready
	<-assigned
	<-assigned
	for c := range 8 {
		go func() {
			for i := 0; ; i++ {
				_, err := l.Append(context.Background(), "events", eventlog.Record{Key: fmt.Append(nil, c), Value: fmt.Append(nil, i)})
				if errors.Is(err, eventlog.ErrClosed) {
					ended <- nil
					return
				}
				if err != nil {
					ended <- err
					return
				}
			}
		}()
	}
	for l.Stats().Records < 100 {
		if _, _, err := l.Offsets(await.Context(t), "events"); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(await.Context(t)); err != nil {
		t.Error(err)
	}
	for range cap(ended) {
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(await.Patience):
			t.Fatal("something goes on after Close")
		}
	}
}
