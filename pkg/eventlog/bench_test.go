package eventlog_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tidemark/pkg/embedded/kafka"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/testkit/kafkatest"
)

// BenchmarkAppend measures one Append of 1 KB, fsync included, alone and in company.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ callers, partitions int }{{1, 1}, {64, 1}, {64, 4}} {
		b.Run(fmt.Sprintf("callers=%d/partitions=%d", c.callers, c.partitions), func(b *testing.B) {
			l := kafkatest.Open(b, kafkatest.Embedded(b, kafka.Topic{Name: "events", Partitions: c.partitions}).Config)
			value := make([]byte, 1<<10)
			var mu sync.Mutex
			var took []time.Duration
			var wg sync.WaitGroup
			b.ResetTimer()
			for caller := range c.callers {
				wg.Go(func() {
					var own []time.Duration
					key := fmt.Append(nil, caller)
					for range max(1, b.N/c.callers) {
						began := time.Now()
						if _, err := l.Append(context.Background(), "events", eventlog.Record{Key: key, Value: value}); err != nil {
							b.Error(err)
							return
						}
						own = append(own, time.Since(began))
					}
					mu.Lock()
					took = append(took, own...)
					mu.Unlock()
				})
			}
			wg.Wait()
			b.StopTimer()
			report(b, took)
			st := l.Stats()
			b.ReportMetric(float64(st.Records)/float64(st.Batches), "records/request")
		})
	}
}

// BenchmarkRoundTrip measures from before the Append until the record is in a reader's hands.
func BenchmarkRoundTrip(b *testing.B) {
	for _, how := range []string{"tail", "group"} {
		b.Run(how, func(b *testing.B) {
			l := kafkatest.Open(b, kafkatest.Embedded(b, kafka.Topic{Name: "events", Partitions: 1}).Config)
			got, ready := make(chan struct{}, 1), make(chan struct{})
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() {
				if how == "tail" {
					ended <- l.Tail(ctx, "events", func() { close(ready) }, func(eventlog.Record) { got <- struct{}{} })
					return
				}
				ended <- l.Consume(ctx, "group", "events", func(ctx context.Context, p *eventlog.Partition) error {
					close(ready)
					for {
						r, err := p.Next(ctx)
						if err != nil {
							return err
						}
						got <- struct{}{}
						if err := p.Commit(ctx, r.Offset+1); err != nil {
							return err
						}
					}
				})
			}()
			<-ready
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if _, err := l.Append(context.Background(), "events", eventlog.Record{Value: make([]byte, 1<<10)}); err != nil {
					b.Fatal(err)
				}
				<-got
				took = append(took, time.Since(began))
			}
			report(b, took)
			cancel()
			if err := <-ended; err != nil {
				b.Error(err)
			}
		})
	}
}

func report(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
