package kafkatest

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"tidemark/pkg/embedded/kafka"
	"tidemark/pkg/eventlog"
)

// Broker is a broker under test.
type Broker struct {
	Config eventlog.Config // for a client of it
	// Stop and Start take the broker away and bring it back with its data.
	Stop, Start func(t testing.TB)
	// Embedded is the embedded broker; nil for a real one.
	Embedded *kafka.Broker
}

// Embedded starts an embedded broker in a folder of its own, which ends with the test.
func Embedded(t testing.TB, topics ...kafka.Topic) *Broker {
	t.Helper()
	cfg := kafka.DefaultConfig()
	cfg.Dir = t.TempDir()
	cfg.Topics = topics
	return EmbeddedWith(t, cfg)
}

// EmbeddedWith starts an embedded broker as configured, which ends with the test.
func EmbeddedWith(t testing.TB, cfg kafka.Config) *Broker {
	t.Helper()
	b, err := kafka.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	start := func(t testing.TB) {
		t.Helper()
		if err := b.Open(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	stop := func(t testing.TB) {
		t.Helper()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	start(t)
	t.Cleanup(func() { stop(t) })
	log := eventlog.DefaultConfig()
	log.Brokers, log.Dial = b.Brokers(), b.Dial
	return &Broker{Config: log, Stop: stop, Start: start, Embedded: b}
}

// RealEnv names the brokers of a real cluster, comma-separated, for the tests that can use one.
const RealEnv = "TIDEMARK_TEST_KAFKA"

// Real returns the cluster RealEnv names; false: there is none. Stopping it cuts the way to it.
func Real() (*Broker, bool) {
	brokers := os.Getenv(RealEnv)
	if brokers == "" {
		return nil, false
	}
	g := &gate{open: map[net.Conn]struct{}{}}
	cfg := eventlog.DefaultConfig()
	cfg.Brokers = strings.Split(brokers, ",")
	cfg.Dial = g.dial
	return &Broker{
		Config: cfg,
		Stop:   func(testing.TB) { g.set(true) },
		Start:  func(testing.TB) { g.set(false) },
	}, true
}

// gate is a way to a broker that can be cut.
type gate struct {
	mu   sync.Mutex
	shut bool
	open map[net.Conn]struct{}
}

func (g *gate) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return nil, errors.New("the way to the broker is cut")
	}
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err == nil {
		g.open[c] = struct{}{}
	}
	return c, err
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	for c := range g.open {
		c.Close()
	}
	clear(g.open)
}

// Open opens a log, which is closed with the test.
func Open(t testing.TB, cfg eventlog.Config) *eventlog.Log {
	t.Helper()
	l, err := eventlog.New(cfg, eventlog.Deps{Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := l.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return l
}
