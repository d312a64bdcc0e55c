package intake

import (
	"encoding/json"
	"flag"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/eventlog"
)

var update = flag.Bool("update", false, "rewrite golden files")

var (
	anyTime = regexp.MustCompile(`("(?:load|import|report|total)_time": )[0-9.e-]+`)
	anyID   = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

// golden compares an answer, with times and ids made equal, to testdata/<name>.json.
func golden(t *testing.T, b *bench, name string, r reply) {
	t.Helper()
	var ordered json.RawMessage = []byte(r.text)
	if !slices.IsSorted(keysInOrder(t, ordered)) {
		t.Errorf("keys are not sorted: %s", r.text)
	}
	pretty, err := json.MarshalIndent(ordered, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(pretty), b.url, "http://host")
	text = anyID.ReplaceAllString(anyTime.ReplaceAllString(text, "${1}T"), "ID") + "\n"
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), text); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func keysInOrder(t *testing.T, text json.RawMessage) []string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(text)))
	var keys []string
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.(string))
		var skip json.RawMessage
		if err := dec.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

func TestAnswer_Accepted_HasEveryKeyOfLNT(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.post(t, "/db_perf/v4/nts/submitRun", reportOf("77"))
	golden(t, b, "accepted", r)
	for _, key := range []string{"load_time", "import_time", "total_time"} {
		if s, ok := r.body[key].(float64); !ok || s <= 0 || s > 30 {
			t.Errorf("%s is %v, want a time in seconds", key, r.body[key])
		}
	}
	if want := "ledger/perf/nts/" + b.log.only(t).ID.String(); r.body["import_file"] != want {
		t.Errorf("import_file %v, want %s", r.body["import_file"], want)
	}
}

func TestAnswer_Rejected_SaysWhyAsLNTDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, "/db_perf/v4/nts/submitRun", reportOf("77"))
	r := b.post(t, "/db_perf/v4/nts/submitRun", reportOf("77"))
	if r.status != http.StatusBadRequest {
		t.Fatalf("%d %s", r.status, r.text)
	}
	golden(t, b, "rejected", r)
}

func TestAnswer_RefusedByTheStatelessCheck_SaysWhyAndKeepsTheReport(t *testing.T) {
	t.Parallel()
	for _, headers := range [][]header{nil, {{"Prefer", "respond-async"}}} {
		b := setup(t)
		body := []byte(`{"format_version": "2", "machine": {"name": "m"}, "tests": []}`)
		r := b.post(t, "/db_perf/v4/nts/submitRun", body, headers...)
		if r.status != http.StatusBadRequest {
			t.Fatalf("%d %s", r.status, r.text)
		}
		golden(t, b, "refused", r)
		if e := b.log.only(t); e.Type != event.RunSubmitted || string(e.Body) != string(body) {
			t.Errorf("log has %s with %q", e.Type, e.Body)
		}
	}
}

func TestAnswer_Rest_RefusalsAre400WithLNTsBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	auth := header{"AuthToken", testToken}
	r := b.post(t, "/api/db_perf/v4/nts/runs", []byte("not a report"), auth)
	r.want(t, http.StatusBadRequest, "error", "could not parse input format")
	if r.header.Get("Access-Control-Allow-Origin") != "*" || r.header.Get("Location") != "" {
		t.Errorf("headers %v", r.header)
	}
	r = b.post(t, "/api/db_perf/v4/nts/runs?merge=replace&select_machine=split", reportOf("1"), auth)
	if p := b.log.all()[1].Params; r.status != http.StatusMovedPermanently || p["merge"] != "replace" || p["select_machine"] != "split" {
		t.Errorf("%d %v", r.status, p)
	}
}

func TestErrors_EveryKind_IsOneClearAnswerAndOneEvent(t *testing.T) {
	t.Parallel()
	form := func(s string) []byte { return []byte("input_data=%7B%7D&" + s) }
	isForm := header{"Content-Type", mediaForm}
	multi := header{"Content-Type", "multipart/form-data; boundary=edge"}
	for name, tc := range map[string]struct {
		path    string
		body    []byte
		headers []header
		status  int
		text    string
		suite   string
		kind    event.Type
	}{
		"suite that is no name":     {"/v4/no-name!/submitRun", reportOf("1"), nil, 400, "Unknown test suite 'no-name!'!", "_", event.SubmissionRefused},
		"suite nobody knows":        {"/v4/other/submitRun", reportOf("1"), nil, 400, "Unknown test suite 'other'!", "other", event.RunSubmitted},
		"tag that is no name":       {"/submitRun", oldReport("a b"), nil, 400, "Unknown test suite 'a b'!", "_", event.SubmissionRefused},
		"select_machine":            {"/v4/nts/submitRun", form("select_machine=any"), []header{isForm}, 400, "select_machine must be 'match', 'update' or 'split'", "nts", event.SubmissionRefused},
		"merge":                     {"/v4/nts/submitRun", form("merge=x"), []header{isForm}, 400, "import failure: Invalid Run mergeStrategy 'x'", "nts", event.SubmissionRefused},
		"update_machine":            {"/v4/nts/submitRun", form("update_machine=x"), []header{isForm}, 400, "update_machine must be an integer", "nts", event.SubmissionRefused},
		"long field":                {"/v4/nts/submitRun", form("merge=" + strings.Repeat("x", 5000)), []header{isForm}, 400, "form field 'merge' is longer than 4096 bytes", "nts", event.SubmissionRefused},
		"no report in form":         {"/v4/nts/submitRun", []byte("merge=replace"), []header{isForm}, 400, "must provide input file or data", "nts", event.SubmissionRefused},
		"empty report in form":      {"/submitRun", []byte("input_data=&merge=replace"), []header{isForm}, 400, "must provide input file or data", "_", event.SubmissionRefused},
		"both file and data":        {"/v4/nts/submitRun", []byte("input_data=1&file=2"), []header{isForm}, 400, "cannot provide input file *and* data", "nts", event.SubmissionRefused},
		"bad escape":                {"/v4/nts/submitRun", []byte("input_data=%zz"), []header{isForm}, 400, "could not parse the form body", "nts", event.SubmissionRefused},
		"multipart cut short":       {"/v4/nts/submitRun", []byte("--edge\r\nContent-Disposition: form-data; name=\"input_data\"\r\n\r\nabc"), []header{multi}, 400, "could not parse the multipart body", "nts", event.SubmissionRefused},
		"multipart without its end": {"/v4/nts/submitRun", []byte("--edge\r\nContent-Disposition: form-data; name=\"input_data\"\r\n\r\n{}\r\n--edge"), []header{multi}, 400, "could not parse the multipart body", "nts", event.SubmissionRefused},
		"multipart without an edge": {"/v4/nts/submitRun", []byte("x"), []header{{"Content-Type", "multipart/form-data"}}, 400, "multipart Content-Type names no boundary of 1 to 70 characters", "nts", event.SubmissionRefused},
		"truncated gzip":            {"/v4/nts/submitRun", gzipped(t, reportOf("1"))[:60], []header{{"Content-Encoding", "gzip"}}, 400, "could not read the body", "nts", event.SubmissionRefused},
		"truncated zstd":            {"/v4/nts/submitRun", zstded(t, reportOf("1"))[:60], []header{{"Content-Encoding", "zstd"}}, 400, "could not read the body", "nts", event.SubmissionRefused},
		"no gzip at all":            {"/v4/nts/submitRun", reportOf("1"), []header{{"Content-Encoding", "gzip"}}, 400, "could not read the body", "nts", event.SubmissionRefused},
		"unknown encoding":          {"/v4/nts/submitRun", reportOf("1"), []header{{"Content-Encoding", "br"}}, 415, `unsupported Content-Encoding "br"`, "nts", event.SubmissionRefused},
		"long idempotency key":      {"/v4/nts/submitRun", reportOf("1"), []header{{"Idempotency-Key", strings.Repeat("k", 256)}}, 400, "Idempotency-Key must be at most 255 printable characters", "nts", event.SubmissionRefused},
		"odd idempotency key":       {"/v4/nts/submitRun", reportOf("1"), []header{{"Idempotency-Key", "k\u00e9y"}}, 400, "Idempotency-Key must be at most 255 printable characters", "nts", event.SubmissionRefused},
		"empty body":                {"/v4/nts/submitRun", nil, nil, 400, "could not parse input format", "nts", event.RunSubmitted},
		"garbage":                   {"/v4/nts/submitRun", []byte("\x00\x01garbage"), nil, 400, "could not parse input format", "nts", event.RunSubmitted},
		"other suite's report":      {"/v4/nts/submitRun", []byte(`{"schema": "compile", "machine": {"name": "m"}, "run": {"llvm_project_revision": "1"}, "tests": []}`), nil, 400, "Importing 'compile' data into test suite 'nts'", "nts", event.RunSubmitted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			r := b.post(t, tc.path, tc.body, tc.headers...)
			r.want(t, tc.status, "error", tc.text)
			if r.body["success"] != false || r.body["import_file"] == nil {
				t.Errorf("body %s", r.text)
			}
			e := b.log.only(t)
			if e.Type != tc.kind || e.Suite != tc.suite {
				t.Errorf("log has %s of %s, want %s of %s", e.Type, e.Suite, tc.kind, tc.suite)
			}
			if e.Type == event.SubmissionRefused {
				if e.Params[event.ParamRefusedError] != tc.text || e.Params[event.ParamRefusedCode] == "" {
					t.Errorf("params %v", e.Params)
				}
				if len(e.Body) == 0 || len(e.Body) > keptBytes {
					t.Errorf("%d bytes kept", len(e.Body))
				}
			}
		})
	}
}

func TestPolicies_LNTsSpellings_BecomeParameters(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]map[string]string{
		"":                                      {"merge": "reject", "select_machine": "match"},
		"merge=replace":                         {"merge": "replace", "select_machine": "match"},
		"update_machine=1":                      {"merge": "reject", "select_machine": "update"},
		"update_machine=0":                      {"merge": "reject", "select_machine": "match"},
		"update_machine=1&select_machine=split": {"merge": "reject", "select_machine": "split"},
		"ignore_regressions=True":               {"merge": "reject", "select_machine": "match", "ignore_regressions": "1"},
		"commit=1&whatever=2":                   {"merge": "reject", "select_machine": "match"},
	} {
		b := setup(t)
		if r := b.post(t, "/v4/nts/submitRun?"+query, reportOf("1")); r.status != http.StatusOK {
			t.Errorf("%s: %d %s", query, r.status, r.text)
		}
		if got := b.log.only(t).Params; !maps.Equal(got, want) {
			t.Errorf("%s: params %v, want %v", query, got, want)
		}
	}
}

func TestAsync_Answers202WithAReceiptAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *Config, m *memoryLog) { m.silent = true })
	for path, receipts := range map[string]string{
		"/v4/nts/submitRun":         "/api/v5/nts/receipts/",
		"/db_perf/v4/nts/submitRun": "/api/db_perf/v5/nts/receipts/",
		"/api/db_perf/v4/nts/runs":  "/api/db_perf/v5/nts/receipts/",
	} {
		r := b.post(t, path, reportOf("1"), header{"Prefer", "wait=1, Respond-Async"}, header{"AuthToken", testToken})
		id, _ := r.body["event_id"].(string)
		want := map[string]any{"event_id": id, "receipt_url": b.url + receipts + id}
		if d := cmp.Diff(want, r.body); r.status != http.StatusAccepted || d != "" {
			t.Errorf("%s: %d, -want +got:\n%s", path, r.status, d)
		}
		if r.header.Get("Location") != want["receipt_url"] || r.header.Get("Preference-Applied") != "respond-async" {
			t.Errorf("%s: headers %v", path, r.header)
		}
		if parsed, err := uuid.Parse(id); err != nil || parsed.Version() != 7 {
			t.Errorf("%s: event id %q", path, id)
		}
	}
}

func TestSync_NoOutcomeInTime_Answers202AndKeepsTheEvent(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config, *memoryLog){
		"projector away":       func(c *Config, m *memoryLog) { m.silent, c.WaitTimeout = true, 20*time.Millisecond },
		"topic not followed":   func(c *Config, m *memoryLog) { m.noTail, c.ReadyTimeout = true, 20*time.Millisecond },
		"too many are waiting": func(c *Config, m *memoryLog) { c.MaxWaiters = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, change)
			if name == "too many are waiting" {
				w, err := b.service.outcomes.register(uuid.New())
				if err != nil {
					t.Fatal(err)
				}
				defer w.forget()
			}
			r := b.post(t, "/v4/nts/submitRun", reportOf("1"))
			if r.status != http.StatusAccepted || r.body["success"] != true || r.body["receipt_url"] == nil || r.body["result_url"] != nil {
				t.Errorf("%d %s", r.status, r.text)
			}
			if r.header.Get("Preference-Applied") != "" {
				t.Error("claims a preference")
			}
			b.log.only(t)
		})
	}
}

func TestIdempotencyKey_SameSubmissionAgain_GetsTheOriginalsAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key := header{"Idempotency-Key", "build-7"}
	first := b.post(t, "/v4/nts/submitRun", reportOf("1"), key)
	again := b.post(t, "/v4/nts/submitRun", reportOf("1"), key)
	for _, k := range []string{"success", "run_id", "result_url", "import_file"} {
		if first.body[k] == nil || first.body[k] != again.body[k] {
			t.Errorf("%s: %v, then %v", k, first.body[k], again.body[k])
		}
	}
	if again.status != http.StatusOK || again.body["added_runs"] != 0.0 {
		t.Errorf("%d %s", again.status, again.text)
	}
	other := b.post(t, "/v4/nts/submitRun", reportOf("2"), key)
	other.want(t, http.StatusConflict, "error", "idempotency key was used for a different body")

	bad := []byte(`{"machine": {"name": "m"}, "run": {"x": "1"}, "tests": []}`)
	key = header{"Idempotency-Key", "build-8"}
	first, again = b.post(t, "/v4/nts/submitRun", bad, key), b.post(t, "/v4/nts/submitRun", bad, key)
	if first.status != 400 || again.status != 400 || first.body["error"] != again.body["error"] {
		t.Errorf("refused %d %s, then %d %s", first.status, first.text, again.status, again.text)
	}
}

func TestIdempotencyKey_AttemptCutShort_DoesNotUseItUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key, encoding := header{"Idempotency-Key", "build-7"}, header{"Content-Encoding", "gzip"}
	body := gzipped(t, reportOf("1"))
	if r := b.post(t, "/v4/nts/submitRun", body[:50], key, encoding); r.status != http.StatusBadRequest {
		t.Fatalf("%d %s", r.status, r.text)
	}
	b.post(t, "/v4/nts/submitRun", body, key, encoding).want(t, http.StatusOK, "result_url", b.url+"/db_default/v4/nts/1")
}

func TestBrokerAway_Is503WithRetryAfterWhateverWasSent(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *Config, m *memoryLog) { m.fail = eventlog.ErrUnavailable })
	for name, send := range map[string]func() reply{
		"report":  func() reply { return b.post(t, "/v4/nts/submitRun", reportOf("1")) },
		"async":   func() reply { return b.post(t, "/v4/nts/submitRun", reportOf("1"), header{"Prefer", "respond-async"}) },
		"garbage": func() reply { return b.post(t, "/v4/nts/submitRun", []byte("x")) },
		"no form": func() reply { return b.post(t, "/v4/nts/submitRun", []byte("a=b"), header{"Content-Type", mediaForm}) },
	} {
		r := send()
		r.want(t, http.StatusServiceUnavailable, "error", "the submission could not be stored; try again")
		if r.header.Get("Retry-After") != "2" {
			t.Errorf("%s: Retry-After %q", name, r.header.Get("Retry-After"))
		}
	}
	if n := b.service.outcomes.Waiters(); n != 0 {
		t.Errorf("%d waiters left", n)
	}
	b.log.set(func(m *memoryLog) { m.fail = nil })
	b.post(t, "/v4/nts/submitRun", reportOf("1")).want(t, http.StatusOK, "result_url", b.url+"/db_default/v4/nts/1")
}

func TestLogRefusesTheSize_Is413AndLeavesARefusalWithoutBytes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	big := &tooLargeOnce{memoryLog: b.log}
	b.service.log = big
	r := b.post(t, "/v4/nts/submitRun", reportOf("1"))
	r.want(t, http.StatusRequestEntityTooLarge, "error", "the report is larger than the log accepts")
	if e := b.log.only(t); e.Type != event.SubmissionRefused || len(e.Body) != 0 {
		t.Errorf("log has %s with %d bytes", e.Type, len(e.Body))
	}
}

func TestLogLine_NamesTheEventAndTheStages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, "/db_perf/v4/nts/submitRun", reportOf("1"))
	var line map[string]any
	if err := json.Unmarshal([]byte(strings.TrimSpace(b.lines.String())), &line); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"database": "perf", "suite": "nts", "result": "accepted", "event_id": b.log.only(t).ID.String(), "body_bytes": float64(len(reportOf("1"))),
	} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	for _, key := range []string{"decode_ms", "append_ms", "wait_ms"} {
		if _, ok := line[key].(float64); !ok {
			t.Errorf("%s is %v", key, line[key])
		}
	}
}
