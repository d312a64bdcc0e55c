package eventlog_test

import (
	"context"
	"net"
	"sync/atomic"
)

// stall opens connections whose answers can be held back.
type stall struct {
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	on    atomic.Bool
	ended chan struct{}
}

func (s *stall) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := s.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &stalledConn{c, s}, nil
}

type stalledConn struct {
	net.Conn
	s *stall
}

func (c *stalledConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.s.on.Load() {
		<-c.s.ended
	}
	return n, err
}
