package intake

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
)

func TestWhenOpened_CalledBeforeRunsOfNewDatabasesAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config, _ *memoryLog) { c.NewDatabases, c.RequireToken = true, true })
	var mu sync.Mutex
	var opened []string
	b.service.WhenOpened(func(_ context.Context, database string) error {
		mu.Lock()
		defer mu.Unlock()
		opened = append(opened, database)
		if n := len(b.log.all()); n > 1 {
			t.Errorf("%s was opened after %d events", database, n)
		}
		return errors.New("not today")
	})
	token := header{"AuthToken", testToken}
	for _, c := range []struct {
		path   string
		body   []byte
		header header
		status int
	}{
		{"/db_fresh/v4/nts/submitRun", reportOf("1"), header{"AuthToken", "wrong"}, http.StatusUnauthorized},
		{"/db_fresh/v4/nts/submitRun", []byte("garbage"), token, http.StatusBadRequest},
		{"/db_fresh/v4/nts/submitRun", reportOf("1"), token, http.StatusOK}, // what fails is not its fault
		{"/db_perf/v4/nts/submitRun", reportOf("1"), token, http.StatusOK},
	} {
		if r := b.post(t, c.path, c.body, c.header); r.status != c.status {
			t.Errorf("%s: %d %s", c.path, r.status, r.text)
		}
	}
	if want := []string{"fresh"}; !slices.Equal(opened, want) {
		t.Errorf("opened %q, want %q", opened, want)
	}
}
