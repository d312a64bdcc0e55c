package clickhouse

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

var errAbandoned = errors.New("the client is gone")

// ErrClosed is returned by Dial and ServeReadOnly when the engine is not open.
var ErrClosed = errors.New("the embedded engine is not open")

// Dial connects to the engine's HTTP interface inside this process, with every right and
// without a socket. It fits clickhouse-go's Options.DialContext and net/http's
// Transport.DialContext; network and addr are ignored.
func (e *Engine) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if !e.open.Load() {
		return nil, ErrClosed
	}
	return e.pipe.dial(ctx)
}

func (e *Engine) newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    1 << 20,
	}
}

// pipeListener hands out both ends of in-memory connections.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
