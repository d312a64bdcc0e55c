package httpx_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/httpx"
	"tidemark/pkg/testkit/await"
)

// serving starts an app whose one route answers once release is closed.
func serving(t *testing.T, ctx context.Context) (ln net.Listener, entered, release chan struct{}, ended chan error) {
	t.Helper()
	app := httpx.New(httpx.DefaultConfig(), slog.New(slog.DiscardHandler), httpx.NewMetrics(prometheus.NewRegistry()), time.Now)
	entered, release, ended = make(chan struct{}), make(chan struct{}), make(chan error, 1)
	app.Get("/", func(c *fiber.Ctx) error {
		close(entered)
		<-release
		return c.SendStatus(http.StatusNoContent)
	})
	ln, err := new(net.ListenConfig).Listen(await.Context(t), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- httpx.Serve(ctx, app, ln, await.Patience) }()
	return ln, entered, release, ended
}

func TestServe_ContextEndsDuringARequest_AnswersItAndReturnsNil(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ln, entered, release, ended := serving(t, ctx)
	status := make(chan int, 1)
	go func() {
		req, _ := http.NewRequestWithContext(await.Context(t), http.MethodGet, "http://"+ln.Addr().String(), http.NoBody)
		res, err := new(http.Client).Do(req)
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		res.Body.Close()
		status <- res.StatusCode
	}()
	<-entered
	cancel()
	close(release)
	if got := <-status; got != http.StatusNoContent {
		t.Errorf("the request under way got %d", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestServe_ListenerFails_ReturnsTheReason(t *testing.T) {
	t.Parallel()
	ln, _, _, ended := serving(t, t.Context())
	ln.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("ended with %v", err)
		}
	case <-await.Context(t).Done():
		t.Error("still serving")
	}
}

func TestServe_ContextEndedBeforeItBegan_ReturnsNil(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, _, ended := serving(t, ctx)
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("ended with %v", err)
		}
	case <-await.Context(t).Done():
		t.Error("still serving")
	}
}
