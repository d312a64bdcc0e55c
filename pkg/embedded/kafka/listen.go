package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	privateAddr     = "tidemark-embedded:9092" // what clients are told; only Dial understands it
	socketDirPrefix = "tidemark-kafka-"
	socketName      = "s"
)

// listener accepts on a unix socket in a folder nobody else may enter, and on TCP if that is asked for. The socket is in
// the system's folder for temporary files because a socket's path must stay under some 100 bytes.
type listener struct {
	dir      string
	sources  []net.Listener
	addr     address
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
	maxFrame int
	log      *slog.Logger
}

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

func listen(ctx context.Context, cfg Config, log *slog.Logger) (*listener, error) {
	dir, err := os.MkdirTemp("", socketDirPrefix) // mode 0700
	if err != nil {
		return nil, fmt.Errorf("folder for the socket: %w", err)
	}
	l := &listener{
		dir:      dir,
		addr:     privateAddr,
		accepted: make(chan net.Conn),
		closed:   make(chan struct{}),
		maxFrame: cfg.MaxMessageBytes + 1<<20,
		log:      log,
	}
	var sockets net.ListenConfig
	private, err := sockets.Listen(ctx, "unix", l.path())
	if err != nil {
		os.Remove(dir)
		return nil, err
	}
	l.sources = append(l.sources, private)
	if cfg.Listen != "" {
		public, err := sockets.Listen(ctx, "tcp", cfg.Listen)
		if err != nil {
			l.Close()
			return nil, err
		}
		l.sources = append(l.sources, public)
		l.addr = address(public.Addr().String())
	}
	for _, s := range l.sources {
		go l.serve(s)
	}
	return l, nil
}

func (l *listener) path() string { return filepath.Join(l.dir, socketName) }

func (l *listener) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", l.path())
}

func (l *listener) serve(s net.Listener) {
	for {
		c, err := s.Accept()
		if err != nil {
			return
		}
		select {
		case l.accepted <- &guardedConn{Conn: c, maxFrame: l.maxFrame, log: l.log}:
		case <-l.closed:
			c.Close()
			return
		}
	}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener; it is the address the broker tells its clients.
func (l *listener) Addr() net.Addr { return l.addr }

// Close implements net.Listener. It may be called twice.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		for _, s := range l.sources {
			s.Close()
		}
		os.Remove(l.path())
		os.Remove(l.dir)
	})
	return nil
}

// guardedConn refuses what the broker behind it cannot bear: it would allocate whatever a frame claims as its size, and
// an unknown request key would end the process.
type guardedConn struct {
	net.Conn
	maxFrame int
	log      *slog.Logger

	head [6]byte // size and request key of a frame
	out  []byte  // what of it is still to be handed out
	left int     // rest of the frame
}

var errFrame = errors.New("not a Kafka request")

const shortestFrame = 8 // key, version, correlation id

func (g *guardedConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if g.left == 0 && len(g.out) == 0 {
		if _, err := io.ReadFull(g.Conn, g.head[:]); err != nil {
			return 0, err
		}
		size, key := binary.BigEndian.Uint32(g.head[:4]), int16(binary.BigEndian.Uint16(g.head[4:]))
		if size < shortestFrame || size > uint32(g.maxFrame) || kmsg.RequestForKey(key) == nil {
			g.log.Warn("connection refused", "reason", errFrame, "frame_bytes", size, "request_key", key)
			return 0, errFrame
		}
		g.out, g.left = g.head[:], int(size)-2
	}
	if len(g.out) > 0 {
		n := copy(p, g.out)
		g.out = g.out[n:]
		return n, nil
	}
	n, err := g.Conn.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}
