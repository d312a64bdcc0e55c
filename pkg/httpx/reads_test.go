package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/httpx"
	"tidemark/pkg/turns"
)

// reading answers /wait when its context ends, and tells why it did.
func reading(t *testing.T, timeout time.Duration) (addr string, came chan struct{}, ended chan error) {
	t.Helper()
	share := turns.New(turns.Limits{Most: 1})
	came, ended = make(chan struct{}, 10), make(chan error, 10)
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Use(httpx.Reads(timeout, func(string) *turns.Share { return share }))
	app.Get("/wait", func(c *fiber.Ctx) error {
		ctx := c.UserContext()
		if turns.Of(ctx, nil) != share {
			t.Error("the request has not the share it was given")
		}
		came <- struct{}{}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return c.SendString("ended")
	})
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	go func() { done <- httpx.Serve(ctx, app, ln, time.Minute) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String(), came, ended
}

func send(t *testing.T, addr, text string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprint(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

const get = "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"

func TestReads_ClientGoes_TheRequestEnds(t *testing.T) {
	t.Parallel()
	addr, came, ended := reading(t, time.Hour)
	conn := send(t, addr, get)
	<-came
	_ = conn.Close()
	if err := <-ended; !errors.Is(err, httpx.ErrGone) {
		t.Errorf("the request ended with %v", err)
	}
}

func TestReads_ClientWaits_TheRequestEndsAtItsDeadlineAndIsAnswered(t *testing.T) {
	t.Parallel()
	addr, came, ended := reading(t, 3*100*time.Millisecond)
	conn := send(t, addr, get+get) // the second is there while the first is looked after, and is left alone
	for range 2 {
		<-came
		if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the request ended with %v", err)
		}
	}
	answer := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 200" {
		t.Errorf("%q, %v", answer, err)
	}
}
