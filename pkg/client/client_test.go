package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// seen is one request as the server saw it.
type seen struct {
	path, query, media, encoding, key, token, prefer string
	report                                           string
}

// fakeServer answers with what its script says, the last line of it for ever.
type fakeServer struct {
	*httptest.Server
	mu     sync.Mutex
	seen   []seen
	script []func(w http.ResponseWriter)
}

func serve(t *testing.T, script ...func(w http.ResponseWriter)) *fakeServer {
	t.Helper()
	f := &fakeServer{script: script}
	f.Server = httptest.NewServer(http.HandlerFunc(f.handle))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeServer) handle(w http.ResponseWriter, r *http.Request) {
	var in io.Reader = r.Body
	switch r.Header.Get("Content-Encoding") {
	case "gzip":
		in, _ = gzip.NewReader(in)
	case "zstd":
		in, _ = zstd.NewReader(in)
	}
	body, _ := io.ReadAll(in)
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(f.seen), len(f.script)-1)
	f.seen = append(f.seen, seen{
		path: r.URL.Path, query: r.URL.RawQuery, media: r.Header.Get("Content-Type"), encoding: r.Header.Get("Content-Encoding"),
		key: r.Header.Get("Idempotency-Key"), token: r.Header.Get("AuthToken"), prefer: r.Header.Get("Prefer"), report: string(body),
	})
	f.script[n](w)
}

func say(status int, body string, headers ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

var stored = say(200, `{"success": true, "run_id": 412, "result_url": "http://h/db_default/v4/nts/412"}`)

const refusal = `{"success": false, "error": "import failure: Duplicate submission for '7'", "message": "line one\nline two"}`

// run submits and gives what was printed.
func run(t *testing.T, change func(*Options), files ...string) (out, errs string, results []Result, err error) {
	t.Helper()
	o := DefaultOptions()
	o.RetryFirst, o.RetryFor = time.Millisecond, 10*time.Second
	var outBuf, errBuf bytes.Buffer
	o.Out, o.Err = &outBuf, &errBuf
	o.OnResult = func(r Result) { results = append(results, r) }
	change(&o)
	err = Submit(t.Context(), o, files)
	return outBuf.String(), errBuf.String(), results, err
}

const smallReport = `{"format_version": "2", "machine": {"name": "m"}, "run": {"llvm_project_revision": "7"}, "tests": [{"name": "t", "execution_time": [1, 2]}]}`

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSubmit_AFile_PrintsItsRunsAddressAsLNTDoes(t *testing.T) {
	t.Parallel()
	server := serve(t, stored)
	out, errs, results, err := run(t, func(o *Options) { o.URL, o.Token = server.URL, "tok" }, write(t, "a.json", []byte(smallReport)))
	if err != nil || out != "http://h/db_default/v4/nts/412\n" || errs != "" {
		t.Errorf("out %q, err %q, %v", out, errs, err)
	}
	want := seen{path: "/submitRun", query: "merge=replace&select_machine=match", media: "application/json", key: results[0].Key, token: "tok", report: smallReport}
	if server.seen[0] != want {
		t.Errorf("got %+v, want %+v", server.seen[0], want)
	}
	if r := results[0]; r.Status != Stored || r.RunID != 412 || r.Attempts != 1 || r.Key == "" {
		t.Errorf("result %+v", r)
	}
}

func TestSubmit_Addresses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ url, database, suite, path, place string }{
		{"", "", "", "/submitRun", "default/"},
		{"/", "", "nts", "/v4/nts/submitRun", "default/nts"},
		{"/perf/", "d", "", "/perf/db_d/submitRun", "d/"},
		{"", "d", "nts", "/db_d/v4/nts/submitRun", "d/nts"},
		{"/db_d/v4/nts/submitRun", "", "", "/db_d/v4/nts/submitRun", "d/nts"},
		{"/perf/db_d/v4/nts/submitRun", "d", "nts", "/perf/db_d/v4/nts/submitRun", "d/nts"},
		{"/db_d/submitRun", "", "", "/db_d/submitRun", "d/"},
		{"/api/db_d/v4/nts/runs", "", "", "/api/db_d/v4/nts/runs", "d/nts"},
	} {
		o := DefaultOptions()
		o.URL, o.Database, o.Suite = "http://h"+tc.url, tc.database, tc.suite
		to, err := resolve(o)
		if want := "http://h" + tc.path + "?merge=replace&select_machine=match"; err != nil || to.url != want || to.place != tc.place {
			t.Errorf("%+v: %+v, %v", tc, to, err)
		}
	}
	o := DefaultOptions()
	o.URL, o.Database = "http://h/db_d/v4/nts/submitRun", "other"
	if _, err := resolve(o); err == nil {
		t.Error("contradiction taken")
	}
}

func TestSubmit_RestAddress_TakesTheRedirectForSuccess(t *testing.T) {
	t.Parallel()
	server := serve(t, say(301, `{"success": true, "run_id": 3, "result_url": "http://h/api/db_d/v4/nts/runs/3"}`, "Location", "http://h/api/db_d/v4/nts/runs/3"))
	out, _, _, err := run(t, func(o *Options) { o.URL = server.URL + "/api/db_d/v4/nts/runs" }, write(t, "a.json", []byte(smallReport)))
	if err != nil || out != "http://h/api/db_d/v4/nts/runs/3\n" || len(server.seen) != 1 {
		t.Errorf("%q, %v, %d requests", out, err, len(server.seen))
	}
}

func TestSubmit_Compression_KeepsTheReportAndTheKey(t *testing.T) {
	t.Parallel()
	report := []byte(smallReport + strings.Repeat(" ", 4096))
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	_, _ = w.Write(report)
	_ = w.Close()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, tc := range []struct {
		name, how, encoding string
		data                []byte
	}{
		{"a.json", "zstd", "zstd", report},
		{"a.json", "gzip", "gzip", report},
		{"a.json", "none", "", report},
		{"a.json.gz", "zstd", "gzip", gz.Bytes()},
		{"a.json.zst", "gzip", "zstd", enc.EncodeAll(report, nil)},
	} {
		server := serve(t, stored)
		_, _, results, err := run(t, func(o *Options) { o.URL, o.Compression, o.Database = server.URL, tc.how, "d" }, write(t, tc.name, tc.data))
		if err != nil {
			t.Errorf("%+v: %v", tc.name, err)
			continue
		}
		got := server.seen[0]
		if got.report != string(report) || got.encoding != tc.encoding {
			t.Errorf("%s as %s: sent %d bytes as %q", tc.name, tc.how, len(got.report), got.encoding)
		}
		if results[0].Bytes != int64(len(report)) {
			t.Errorf("%s: %d bytes reported", tc.name, results[0].Bytes)
		}
		keys[got.key] = true
	}
	if len(keys) != 1 {
		t.Errorf("keys differ: %v", keys)
	}
}

func TestKey_DependsOnEverythingThatChangesTheSubmission(t *testing.T) {
	t.Parallel()
	base := DefaultOptions()
	base.URL = "http://h"
	keys := map[string]string{}
	add := func(name string, change func(*Options), data string) {
		o := base
		change(&o)
		to, err := resolve(o)
		if err != nil {
			t.Fatal(err)
		}
		c, err := prepare([]byte(data), o.Compression)
		if err != nil {
			t.Fatal(err)
		}
		key := to.key(o, c)
		if other, taken := keys[key]; taken {
			t.Errorf("%s has the key of %s", name, other)
		}
		if len(key) > 255 {
			t.Errorf("key of %d bytes", len(key))
		}
		keys[key] = name
	}
	add("base", func(*Options) {}, smallReport)
	add("content", func(*Options) {}, smallReport+" ")
	add("suite", func(o *Options) { o.Suite = "nts" }, smallReport)
	add("database", func(o *Options) { o.Database = "d" }, smallReport)
	add("merge", func(o *Options) { o.Merge = "append" }, smallReport)
	add("machine", func(o *Options) { o.SelectMachine = "split" }, smallReport)
	add("regressions", func(o *Options) { o.IgnoreRegressions = true }, smallReport)
	add("salt", func(o *Options) { o.Salt = "again" }, smallReport)
}

func TestSubmit_FailuresOfTheWay_AreTriedAgain(t *testing.T) {
	t.Parallel()
	hangUp := func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }
	server := serve(t, say(503, `{"error": "busy"}`, "Retry-After", "0"), say(429, "slow down"), say(502, "<html>"), hangUp, stored)
	out, errs, results, err := run(t, func(o *Options) { o.URL = server.URL }, write(t, "a.json", []byte(smallReport)))
	if err != nil || errs != "" || out == "" || len(server.seen) != 5 {
		t.Errorf("out %q, err %q, %v, %+v", out, errs, err, results)
	}
	// A connection that was hung up on is tried again below this package, thanks to the key.
	if results[0].Attempts < 4 {
		t.Errorf("%d attempts", results[0].Attempts)
	}
	for _, s := range server.seen[1:] {
		if s.key != server.seen[0].key || s.report != smallReport {
			t.Errorf("a try differs: %+v", s)
		}
	}
}

func TestSubmit_Refusals_AreNotTriedAgainAndAreOneLine(t *testing.T) {
	t.Parallel()
	for _, code := range []int{400, 401, 404, 409, 413} {
		server := serve(t, say(code, refusal))
		file := write(t, "a.json", []byte(smallReport))
		out, errs, results, err := run(t, func(o *Options) { o.URL = server.URL }, file)
		if ExitCode(err) != 1 || len(server.seen) != 1 || out != "" {
			t.Errorf("%d: exit %d after %d requests, out %q", code, ExitCode(err), len(server.seen), out)
		}
		if want := file + ": error: import failure: Duplicate submission for '7': line one line two\n"; errs != want {
			t.Errorf("%d: got %q, want %q", code, errs, want)
		}
		if results[0].Code != code || results[0].Status != Refused {
			t.Errorf("%+v", results[0])
		}
	}
}

func TestSubmit_NothingGetsThrough_ExitsWith2AndSaysWhy(t *testing.T) {
	t.Parallel()
	gone := serve(t, stored)
	gone.Close()
	for name, tc := range map[string]struct{ url, says string }{
		"nobody listens": {gone.URL, "no answer from"},
		"always 503":     {serve(t, say(503, `{"error": "away"}`)).URL, "server answered 503 Service Unavailable: away"},
		"redirect":       {serve(t, say(302, "", "Location", "https://elsewhere/")).URL, "server redirects to https://elsewhere/"},
		"another site":   {serve(t, say(200, "<html>hello</html>")).URL, "is this the right address?"},
	} {
		_, errs, _, err := run(t, func(o *Options) { o.URL, o.RetryFor = tc.url, 30*time.Millisecond }, write(t, "a.json", []byte(smallReport)))
		if ExitCode(err) != 2 || !strings.Contains(errs, "could not deliver") || !strings.Contains(errs, tc.says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit %d, %q", name, ExitCode(err), errs)
		}
	}
}

func TestSubmit_RefusedAndUndelivered_UndeliveredDecidesTheExitCode(t *testing.T) {
	t.Parallel()
	server := serve(t, say(400, refusal), stored)
	dir := t.TempDir()
	for _, name := range []string{"a.json", "b.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(smallReport), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, errs, results, err := run(t, func(o *Options) { o.URL = server.URL }, dir, filepath.Join(dir, "missing.json"))
	var some *Incomplete
	if !errors.As(err, &some) || *some != (Incomplete{Files: 3, Refused: 1, Failed: 1}) || ExitCode(err) != 2 {
		t.Errorf("%v", err)
	}
	if len(results) != 3 || strings.Count(errs, "\n") != 2 {
		t.Errorf("%+v\n%s", results, errs)
	}
}

func TestSubmit_FolderAndStdin_SendWhatLooksLikeAReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"b.json", "deep/a.plist", "deep/c.json.gz", "deep/notes.txt", "deep/d.JSON.zst"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(smallReport+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := serve(t, stored)
	_, _, results, err := run(t, func(o *Options) { o.URL, o.In = server.URL, strings.NewReader("<plist/>") }, dir, "-")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range results {
		names = append(names, strings.TrimPrefix(r.File, dir+"/"))
	}
	if want := []string{"b.json", "deep/a.plist", "deep/c.json.gz", "deep/d.JSON.zst", "-"}; !slices.Equal(names, want) {
		t.Errorf("sent %v, want %v", names, want)
	}
	if last := server.seen[4]; last.report != "<plist/>" || last.media != "application/x-plist" {
		t.Errorf("stdin sent as %+v", last)
	}
	if _, _, _, err := run(t, func(o *Options) { o.URL = server.URL }, t.TempDir()); ExitCode(err) != 2 {
		t.Errorf("empty folder: %v", err)
	}
}

func TestSubmit_Async_PrintsReceiptsOrWaitsForThem(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		wait   bool
		answer string
		exit   int
		out    string
	}{
		"receipt":  {false, "", 0, "/receipts/x\n"},
		"accepted": {true, `{"status": "accepted", "run": {"id": 9, "url": "http://h/9"}, "refusal": null}`, 0, "http://h/9\n"},
		"refused":  {true, `{"status": "rejected", "run": null, "refusal": {"code": 400, "error": "no"}}`, 1, ""},
	} {
		var receiptURL string
		scripts := []func(http.ResponseWriter){
			func(w http.ResponseWriter) {
				say(202, fmt.Sprintf(`{"event_id": "x", "receipt_url": %q}`, receiptURL))(w)
			},
			say(404, `{"error": "not yet"}`), say(200, tc.answer),
		}
		server := serve(t, scripts...)
		receiptURL = server.URL + "/receipts/x"
		out, errs, results, err := run(t, func(o *Options) { o.URL, o.Async, o.Wait = server.URL, true, tc.wait }, write(t, "a.json", []byte(smallReport)))
		if ExitCode(err) != tc.exit || !strings.HasSuffix(out, tc.out) || (tc.exit == 1) != strings.Contains(errs, "a.json: error: no") {
			t.Errorf("%s: exit %d, out %q, err %q", name, ExitCode(err), out, errs)
		}
		if server.seen[0].prefer != "respond-async" || results[0].EventID != "x" {
			t.Errorf("%s: %+v, %+v", name, server.seen[0], results[0])
		}
	}
}

func TestSubmit_ReceiptDoesNotCome_FileIsStillReceived(t *testing.T) {
	t.Parallel()
	var at string
	server := serve(t, func(w http.ResponseWriter) { say(202, fmt.Sprintf(`{"receipt_url": %q}`, at))(w) }, say(404, "{}"))
	at = server.URL + "/r"
	_, _, results, err := run(t, func(o *Options) { o.URL, o.Wait, o.ReceiptFor = server.URL, true, 20*time.Millisecond }, write(t, "a.json", []byte(smallReport)))
	if err != nil || results[0].Status != Received {
		t.Errorf("%v, %+v", err, results)
	}
}

func TestSubmit_Concurrency_SendsThatManyAtOnce(t *testing.T) {
	t.Parallel()
	const files = 8
	var all sync.WaitGroup
	all.Add(files)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		all.Done()
		all.Wait() // answers only when all are here
		stored(w)
	}))
	defer server.Close()
	dir := t.TempDir()
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", i)), []byte(smallReport), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, _, results, err := run(t, func(o *Options) { o.URL, o.Concurrency = server.URL, files }, dir)
	if err != nil || len(results) != files || strings.Count(out, "\n") != files {
		t.Errorf("%d results, %v", len(results), err)
	}
}

func TestSubmit_JSON_IsOneObjectPerFile(t *testing.T) {
	t.Parallel()
	server := serve(t, stored, say(400, refusal))
	file := write(t, "a.json", []byte(smallReport))
	out, errs, results, err := run(t, func(o *Options) { o.URL, o.JSON = server.URL, true }, file, file)
	if ExitCode(err) != 1 || errs != "" {
		t.Errorf("exit %d, err %q", ExitCode(err), errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 {
		t.Fatalf("%q", out)
	}
	for i, line := range lines {
		var got Result
		if err := json.Unmarshal([]byte(line), &got); err != nil || got != results[i] {
			t.Errorf("line %d: %+v, %v, want %+v", i, got, err, results[i])
		}
	}
}

func TestSubmit_Quiet_PrintsOnlyErrors(t *testing.T) {
	t.Parallel()
	server := serve(t, stored, say(400, refusal))
	file := write(t, "a.json", []byte(smallReport))
	out, errs, _, _ := run(t, func(o *Options) { o.URL, o.Quiet = server.URL, true }, file, file)
	if out != "" || strings.Count(errs, "\n") != 1 {
		t.Errorf("out %q, err %q", out, errs)
	}
}

func TestSubmit_DryRun_ReadsAndSendsNothing(t *testing.T) {
	t.Parallel()
	server := serve(t, stored)
	good, bad := write(t, "good.json", []byte(smallReport)), write(t, "bad.json", []byte(`{"tests": []}`))
	out, errs, _, err := run(t, func(o *Options) { o.URL, o.DryRun, o.Suite = server.URL, true, "nts" }, good, bad)
	if len(server.seen) != 0 || ExitCode(err) != 1 {
		t.Errorf("%d requests, exit %d", len(server.seen), ExitCode(err))
	}
	for _, want := range []string{"good.json: would send", "/v4/nts/submitRun", `machine "m"`, "1 tests, 2 values"} {
		if !strings.Contains(out, want) {
			t.Errorf("out %q lacks %q", out, want)
		}
	}
	if !strings.Contains(errs, "bad.json: error: Invalid input format: No 'run' section in submission") {
		t.Errorf("err %q", errs)
	}
}

func TestSubmit_BrokenArchive_IsAnErrorOfTheFile(t *testing.T) {
	t.Parallel()
	server := serve(t, stored)
	_, errs, _, err := run(t, func(o *Options) { o.URL = server.URL }, write(t, "a.json.gz", []byte{0x1f, 0x8b, 8, 0, 0}))
	if ExitCode(err) != 2 || !strings.Contains(errs, "could not read the file") || len(server.seen) != 0 {
		t.Errorf("exit %d, %q", ExitCode(err), errs)
	}
}

func TestSubmit_Interrupted_CountsTheRestAsNotSent(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := serve(t, func(w http.ResponseWriter) { cancel(); say(503, "")(w) })
	o := DefaultOptions()
	var errs bytes.Buffer
	o.URL, o.Out, o.Err = server.URL, io.Discard, &errs
	file := write(t, "a.json", []byte(smallReport))
	err := Submit(ctx, o, []string{file, file})
	if ExitCode(err) != 2 || strings.Count(errs.String(), "\n") != 2 || !strings.Contains(errs.String(), "not sent") {
		t.Errorf("%v, %q", err, errs.String())
	}
}

func TestOptions_Validate_NamesEveryProblem(t *testing.T) {
	t.Parallel()
	o := Options{URL: "ftp://x", Merge: "x", SelectMachine: "y", Compression: "z"}
	err := o.Validate()
	for _, want := range []string{"url:", "merge:", "select_machine:", "compression:", "concurrency:", "attempt_timeout:", "retry_for:", "receipt_for:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
	o = DefaultOptions()
	o.URL = "https://h"
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

func TestRetryAfter_SecondsOrDate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"3": 3 * time.Second, " 0 ": 0, "99999": longestPause, "Tue, 03 Feb 2026 04:05:16 GMT": 10 * time.Second, "Tue, 03 Feb 2026 04:00:00 GMT": 0,
	} {
		if got, ok := retryAfter(value, now); !ok || got != want {
			t.Errorf("%q: %s, %t", value, got, ok)
		}
	}
	for _, value := range []string{"", "soon", "-1"} {
		if _, ok := retryAfter(value, now); ok {
			t.Errorf("%q taken", value)
		}
	}
}
