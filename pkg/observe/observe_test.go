package observe_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tidemark/pkg/observe"
)

func TestReadyz_SomethingDoesNotHold_Says503AndWhat(t *testing.T) {
	t.Parallel()
	broken := true
	admin := observe.NewAdmin(observe.NewRegistry(), observe.Checks{
		"projector": func() error {
			if broken {
				return errors.New("no partition yet")
			}
			return nil
		},
		"store": func() error { return nil },
	})
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		admin.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	if code, body := get("/readyz"); code != 503 || body != "projector: no partition yet\n" {
		t.Errorf("got %d %q", code, body)
	}
	if code, _ := get("/livez"); code != 200 {
		t.Errorf("livez: got %d; a process that is not ready is still alive", code)
	}
	broken = false
	if code, body := get("/readyz"); code != 200 || body != "ready\n" {
		t.Errorf("got %d %q", code, body)
	}
	if code, body := get("/metrics"); code != 200 || !strings.Contains(body, "go_goroutines") {
		t.Errorf("metrics: got %d", code)
	}
}

func TestNewLogger_UnknownLevelOrFormat_IsRefusedByName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ level, format, want string }{
		{"loud", "text", `log level "loud"`},
		{"info", "xml", `log format "xml"`},
	} {
		if _, err := observe.NewLogger(nil, c.level, c.format); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
