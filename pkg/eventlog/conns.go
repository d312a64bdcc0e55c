package eventlog

import (
	"context"
	"errors"
	"net"
	"sync"
)

// conns opens connections and remembers the open ones, so that all of them can be cut: kafka-go gives no way to end a
// request in flight, and a fetch may sit at the broker for its whole wait.
type conns struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu   sync.Mutex
	open map[*trackedConn]struct{}
	shut bool
}

// dialError marks a failure that happened before anything was sent.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

var errConnsShut = errors.New("connections are closed")

func newConns(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *conns {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return &conns{dial: dial, open: map[*trackedConn]struct{}{}}
}

func (c *conns) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := c.dial(ctx, network, addr)
	if err != nil {
		return nil, &dialError{err}
	}
	tc := &trackedConn{Conn: nc, owner: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		nc.Close()
		return nil, &dialError{errConnsShut}
	}
	c.open[tc] = struct{}{}
	return tc, nil
}

// cut closes every open connection and refuses new ones.
func (c *conns) cut() {
	c.mu.Lock()
	c.shut = true
	open := c.open
	c.open = map[*trackedConn]struct{}{}
	c.mu.Unlock()
	for tc := range open {
		tc.Conn.Close()
	}
}

type trackedConn struct {
	net.Conn
	owner *conns
}

func (t *trackedConn) Close() error {
	t.owner.mu.Lock()
	delete(t.owner.open, t)
	t.owner.mu.Unlock()
	return t.Conn.Close()
}
