package httpx

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/turns"
)

// ErrGone is the cause of a request's context that ended because nobody waits for the answer any more.
var ErrGone = errors.New("the client has gone")

// Reads gives every request after it the share of the pool that its reads belong to, and a context that ends after timeout, or
// when the client goes: a read that nobody waits for leaves the queue, and ClickHouse ends it.
func Reads(timeout time.Duration, shareOf func(path string) *turns.Share) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(c.UserContext(), timeout)
		defer cancel()
		ctx, stop := untilGone(ctx, c.Context().Conn())
		defer stop()
		c.SetUserContext(turns.With(ctx, shareOf(c.Path())))
		return c.Next()
	}
}

// lookEvery is how often a client that waits is looked for: requests that are answered sooner cost a timer.
const lookEvery = 100 * time.Millisecond

// untilGone is ctx until the other side of conn closes it. The server reads nothing while a handler works, so it does not hear of
// that by itself; what has arrived and is not read stays where it is.
func untilGone(ctx context.Context, conn net.Conn) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return ctx, func() { cancel(nil) }
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return ctx, func() { cancel(nil) }
	}
	go func() {
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-look.C:
				if closed(raw) {
					cancel(ErrGone)
				}
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}
