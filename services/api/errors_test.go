package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/bounds"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

// broken answers every first question with an error.
type broken struct {
	reads
	err error
}

func (b broken) Schema(context.Context, key) (string, bool, error) { return "", false, b.err }

// stuck answers nothing until its context ends.
type stuck struct{ reads }

func (stuck) Schema(ctx context.Context, _ key) (string, bool, error) {
	<-ctx.Done()
	return "", false, fmt.Errorf("query: %w", ctx.Err())
}

func TestRead_StoreFails_OneShapePerAPI(t *testing.T) {
	t.Parallel()
	busy := broken{err: fmt.Errorf("query lnt_suite: %w", store.ErrBusy)}
	beyond := broken{err: fmt.Errorf("query lnt_suite: %w", &bounds.Error{What: bounds.Memory})}
	for name, tc := range map[string]struct {
		read       reads
		path       string
		status     int
		retryAfter string
		body       string
	}{
		"pool full, v4":  {busy, "/api/db_default/v4/nts/machines", 503, "2", `{"message":"` + tooBusy + `"}`},
		"pool full, v5":  {busy, "/api/v5/nts/findings", 503, "2", `{"error":{"code":"unavailable","message":"` + tooBusy + `"}}`},
		"memory, v4":     {beyond, "/api/db_default/v4/nts/tests", 503, "2", `{"message":"` + (&bounds.Error{What: bounds.Memory}).Narrow() + `"}`},
		"memory, v5":     {beyond, "/api/v5/nts/findings", 503, "2", `{"error":{"code":"unavailable","message":"` + (&bounds.Error{What: bounds.Memory}).Narrow() + `"}}`},
		"too slow, v4":   {stuck{}, "/api/db_default/v4/nts/runs/1", 503, "2", `{"message":"` + tooBusy + `"}`},
		"broken, v4":     {broken{err: errors.New("secret detail")}, "/api/db_default/v4/nts/tests", 500, "", `{"message":"Internal Server Error"}`},
		"broken, v5":     {broken{err: errors.New("secret detail")}, "/api/v5/nts/series?machine=1&test=1&metric=score", 500, "", `{"error":{"code":"internal_error","message":"the request failed; its id is r1"}}`},
		"damaged schema": {damaged{}, "/api/db_default/v4/nts/fields", 500, "", `{"message":"Internal Server Error"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig()
			if _, slow := tc.read.(stuck); slow {
				cfg.QueryTimeout = 1 // at once
			}
			app := server(t, &Service{cfg: cfg, read: tc.read, log: testkit.Logger()})
			res, body := ask(t, app, http.MethodGet, tc.path, "X-Request-Id", "r1")
			if res.StatusCode != tc.status || res.Header.Get("Retry-After") != tc.retryAfter {
				t.Errorf("got %d, Retry-After %q, want %d, %q", res.StatusCode, res.Header.Get("Retry-After"), tc.status, tc.retryAfter)
			}
			if diff := cmp.Diff(tc.body, strings.TrimSpace(string(body))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

type damaged struct{ reads }

func (damaged) Schema(context.Context, key) (string, bool, error) { return "{", true, nil }

func TestConfig_WrongSettings_AllNamed(t *testing.T) {
	t.Parallel()
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatalf("the default: %v", err)
	}
	err := Config{Databases: []string{"a", "a"}, DefaultDatabase: "b"}.Validate()
	for _, want := range []string{"default_database", "twice", "lnt_version", "query_timeout", "max_run_ids", "max_sample_rows", "retry_after"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("a service without a store was made")
	}
}

func TestAnswers_V4Objects_KeysSorted(t *testing.T) {
	t.Parallel()
	data := testkit.Store(t)
	events := newFeed(data)
	events.add(t, input{Body: report("m", "1", map[string]any{"name": "t", "execution_time": 1, "hash": "x"})})
	app := newServer(t, data)
	for _, path := range []string{"machines", "machines/1", "runs/1", "orders/1", "tests", "fields", "samples/1", "samples?runid=1", "schema", "graph/1/1/2"} {
		_, body := ask(t, app, http.MethodGet, "/api/db_default/v4/nts/"+path)
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatalf("%s: %v in %s", path, err, body)
		}
		sorted, err := json.Marshal(v) // sorts the keys of maps
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.TrimSpace(body)
		// Numbers may be written in another way; only the keys' order is compared.
		if diff := cmp.Diff(allNames(string(sorted)), allNames(string(body))); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

// allNames are all names of members in the order in which they are written.
func allNames(text string) []string {
	var names []string
	for part := range strings.SplitSeq(text, `":`) {
		if i := strings.LastIndexByte(part, '"'); i >= 0 {
			names = append(names, part[i+1:])
		}
	}
	return names
}
