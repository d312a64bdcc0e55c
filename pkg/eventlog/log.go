package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
)

// Log is a client of one Kafka cluster. It is safe for use by many goroutines.
type Log struct {
	cfg       Config
	log       *slog.Logger
	conns     *conns
	transport *kafka.Transport
	codec     kafka.Compression

	life context.Context // ends with Close
	end  context.CancelFunc

	mu         sync.Mutex
	closed     bool
	work       sync.WaitGroup // appends, and goroutines sending for them
	readers    sync.WaitGroup // Consume and Tail
	partitions map[string]int // by topic; fixed once known, as the keys' places depend on it
	senders    map[sendKey]*sender
	rerouted   time.Time

	stats struct{ records, bytes, batches, retries, failures, corrupt atomic.Int64 }
}

// Stats are counters since New.
type Stats struct {
	Records  int64 // appended and acknowledged
	Bytes    int64 // of those, before compression
	Batches  int64 // produce requests answered with success
	Retries  int64 // produce requests repeated
	Failures int64 // records given up
	Corrupt  int64 // records read that were not what was appended
}

// New checks the configuration and remembers it; it opens nothing.
func New(cfg Config, deps Deps) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("event log: %w", err)
	}
	l := &Log{
		cfg:        cfg,
		log:        deps.Logger,
		conns:      newConns(cfg.Dial),
		partitions: map[string]int{},
		senders:    map[sendKey]*sender{},
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	switch cfg.Compression {
	case "zstd":
		l.codec = kafka.Zstd
	case "lz4":
		l.codec = kafka.Lz4
	}
	l.life, l.end = context.WithCancel(context.Background())
	l.transport = &kafka.Transport{
		Dial:        l.conns.DialContext,
		DialTimeout: cfg.RequestTimeout,
		MetadataTTL: cfg.MetadataTTL,
		ClientID:    cfg.ClientID,
		TLS:         cfg.TLS,
		SASL:        l.sasl(),
		Context:     l.life,
	}
	return l, nil
}

func (l *Log) sasl() sasl.Mechanism {
	if l.cfg.User == "" {
		return nil
	}
	return plain.Mechanism{Username: l.cfg.User, Password: l.cfg.Password}
}

// Close ends the log: new calls get ErrClosed, appends in flight may finish until ctx ends, then readers are ended and
// every connection is cut. It waits for the readers' handlers, as long as ctx lasts.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	err := wait(ctx, &l.work)
	l.end()
	err = errors.Join(err, wait(ctx, &l.readers))
	l.transport.CloseIdleConnections()
	l.conns.cut()
	if err != nil {
		return fmt.Errorf("close event log: %w", err)
	}
	return nil
}

func wait(ctx context.Context, wg *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stats returns the counters.
func (l *Log) Stats() Stats {
	s := &l.stats
	return Stats{s.records.Load(), s.bytes.Load(), s.batches.Load(), s.retries.Load(), s.failures.Load(), s.corrupt.Load()}
}

// enter counts the caller in, so that Close waits for it; the caller calls group.Done when it leaves.
func (l *Log) enter(group *sync.WaitGroup) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	group.Add(1)
	return nil
}

// client speaks to the cluster; timeout bounds one request and is told to the broker.
func (l *Log) client(timeout time.Duration) *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(l.cfg.Brokers...), Timeout: timeout, Transport: l.transport}
}

const rerouteInterval = 100 * time.Millisecond

// reroute forgets pooled connections and the cluster's layout. After a broker went away each stale connection would fail
// one request, and the layout is otherwise only read again when its time is up.
func (l *Log) reroute() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.rerouted) < rerouteInterval {
		return
	}
	l.rerouted = time.Now()
	l.transport.CloseIdleConnections()
}

// unavailable wraps an error of the brokers or of the way to them.
func unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// lastingError says whether repeating a request cannot help. Errors that are not the broker's own are those of a
// connection, and pass.
func lastingError(err error) bool {
	var ke kafka.Error
	return errors.As(err, &ke) && !ke.Temporary() && ke != kafka.BrokerNotAvailable
}

// unsent says whether a failed request surely never reached a broker.
func unsent(err error) bool {
	var de *dialError
	return errors.As(err, &de) || errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition) ||
		errors.Is(err, protocol.ErrNoLeader)
}

// backoff doubles from 10 ms to 500 ms.
func backoff(attempt int) time.Duration {
	return min(10*time.Millisecond<<min(attempt, 10), 500*time.Millisecond)
}

// pause sleeps, and says whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ask repeats a question until it is answered, it cannot be, or ctx ends.
func (l *Log) ask(ctx context.Context, question func(ctx context.Context, c *kafka.Client) error) error {
	ctx, stop := l.join(ctx)
	defer stop()
	client := l.client(l.cfg.RequestTimeout)
	for attempt := 0; ; attempt++ {
		err := question(ctx, client)
		if err == nil || errors.Is(err, ErrPartitionCount) || errors.Is(err, ErrUnknownTopic) {
			return err
		}
		if lastingError(err) {
			return unavailable(err)
		}
		l.reroute()
		if !pause(ctx, backoff(attempt)) {
			if l.life.Err() != nil {
				return ErrClosed
			}
			return unavailable(fmt.Errorf("%w (last attempt: %w)", context.Cause(ctx), err))
		}
	}
}

// join returns a context that also ends with the log.
func (l *Log) join(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.life, cancel)
	return ctx, func() { stop(); cancel() }
}
