package intake

import (
	"net/http"
	"strings"
	"testing"

	"tidemark/pkg/auth"
	"tidemark/pkg/event"
)

const v5Base = "/api/v5/nts/"

// v5Error is what a refusal says.
func (r reply) v5Error(t *testing.T) (code, message, field string) {
	t.Helper()
	why, ok := r.body["error"].(map[string]any)
	if !ok || len(r.body) != 1 {
		t.Fatalf("not an error of v5: %d %s", r.status, r.text)
	}
	code, _ = why["code"].(string)
	message, _ = why["message"].(string)
	field, _ = why["field"].(string)
	return code, message, field
}

var asJSON = kind("application/json")

func TestV5_ScopesOfTokens_AreHeldTo(t *testing.T) {
	t.Parallel()
	submit, submits := holder(t, "bot", auth.Submit)
	triage, triages := holder(t, "ada", auth.Triage)
	other, others := holder(t, "grace", auth.Admin, "perf")
	b := setup(t, func(c *Config, _ *memoryLog) { c.Tokens = []auth.Token{submit, triage, other} })
	for name, c := range map[string]struct {
		method, path, body string
		with               header
		status             int
		code               string
	}{
		"triage by a bot":           {"POST", "regressions/triage", `{"ids":[1],"changes":{"state":"fixed"}}`, submits, 403, "forbidden"},
		"rules by who triages":      {"POST", "detectors/rules", `{"detector":"steps"}`, triages, 403, "forbidden"},
		"subscriptions by the same": {"POST", "subscriptions", `{}`, triages, 403, "forbidden"},
		"another database's":        {"POST", "findings/dismiss", `{"ids":[1]}`, others, 403, "forbidden"},
		"nobody":                    {"DELETE", "regressions/1", ``, header{"X", "y"}, 401, "unauthorized"},
		"a token nobody holds":      {"PATCH", "regressions/1", `{}`, header{"Authorization", "Bearer wrong"}, 401, "unauthorized"},
	} {
		r := b.do(t, c.method, v5Base+c.path, []byte(c.body), c.with, asJSON)
		if code, _, _ := r.v5Error(t); r.status != c.status || code != c.code {
			t.Errorf("%s: %d %s", name, r.status, r.text)
		}
	}
	if n := len(b.log.all()); n != 0 {
		t.Errorf("%d events of refused requests", n)
	}
	// Who may, is heard: it is the state that says no.
	if r := b.do(t, "DELETE", v5Base+"regressions/1", nil, triages); r.status != 404 {
		t.Errorf("%d %s", r.status, r.text)
	}
	if e := b.log.lastEvent(t); e.Type != event.RegressionDeleted || e.Actor != "ada" {
		t.Errorf("%+v", e)
	}
}

func TestV5_BadBodies_AreRefusedBeforeTheLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		body   string
		media  header
		status int
		code   string
		field  string
	}{
		"not JSON":       {`{`, asJSON, 400, "validation_error", ""},
		"a list":         {`[]`, asJSON, 400, "validation_error", ""},
		"unknown field":  {`{"ids":[1],"changes":{"stat":"x"}}`, asJSON, 400, "validation_error", "changes.stat"},
		"twice":          {`{"ids":[1],"ids":[2],"changes":{}}`, asJSON, 400, "validation_error", "ids"},
		"another type":   {`{"ids":"1","changes":{}}`, asJSON, 400, "validation_error", "ids"},
		"no reference":   {`{"ids":[true],"changes":{"state":"fixed"}}`, asJSON, 400, "validation_error", "ids.0"},
		"a wrong number": {`{"ids":[-1],"changes":{"state":"fixed"}}`, asJSON, 400, "validation_error", "ids.0"},
		"a bad tag":      {`{"ids":[1],"changes":{"add_tags":["a b"]}}`, asJSON, 400, "validation_error", ""},
		"a long note":    {`{"ids":[1],"changes":{"state":"fixed"},"note":"` + strings.Repeat("x", 5000) + `"}`, asJSON, 400, "validation_error", "note"},
		"too large":      {`{"note":"` + strings.Repeat("x", maxV5Body) + `"}`, asJSON, 413, "too_large", ""},
		"a form":         {`a=b`, kind("application/x-www-form-urlencoded"), 415, "unsupported_media_type", ""},
		"no type":        {`{}`, header{"X", "y"}, 415, "unsupported_media_type", ""},
	} {
		r := b.post(t, v5Base+"regressions/triage", []byte(c.body), withToken, c.media)
		code, message, field := r.v5Error(t)
		if r.status != c.status || code != c.code || (c.field != "" && field != c.field) || message == "" {
			t.Errorf("%s: %d %s", name, r.status, r.text)
		}
		if r.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: no CORS header", name)
		}
	}
	if n := len(b.log.all()); n != 0 {
		t.Errorf("%d events of refused requests", n)
	}
}

func TestV5_AnIdempotencyKey_CountsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(t, "m", 1)
	body := []byte(`{"detector":"steps","mode":"off","reason":"quiet"}`)
	key := header{"Idempotency-Key", "once"}
	first := b.post(t, v5Base+"detectors/rules", body, withToken, asJSON, key)
	second := b.post(t, v5Base+"detectors/rules", body, withToken, asJSON, key)
	if first.status != http.StatusOK || second.status != http.StatusOK {
		t.Fatalf("%d %s, %d %s", first.status, first.text, second.status, second.text)
	}
	one, _ := first.body["event"].(map[string]any)
	two, _ := second.body["event"].(map[string]any)
	if one["event_id"] != two["event_id"] || one["event_id"] == nil {
		t.Errorf("%v and %v", one, two)
	}
}

func TestV5_LogAway_SaysSoInItsWords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.log.set(func(m *memoryLog) { m.fail = http.ErrServerClosed })
	r := b.post(t, v5Base+"detectors/rules", []byte(`{"detector":"steps"}`), withToken, asJSON)
	if code, _, _ := r.v5Error(t); r.status != 503 || code != "unavailable" || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %s %v", r.status, r.text, r.header)
	}
}

func TestV5_Async_IsAnsweredWithAReceipt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(t, "m", 1)
	r := b.post(t, v5Base+"detectors/rules", []byte(`{"detector":"steps"}`), withToken, asJSON, header{"Prefer", "respond-async"})
	if url, _ := r.body["receipt_url"].(string); r.status != 202 || !strings.Contains(url, "/api/v5/nts/receipts/") {
		t.Errorf("%d %s", r.status, r.text)
	}
}
