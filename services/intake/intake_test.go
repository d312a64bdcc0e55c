package intake

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/client"
	"tidemark/pkg/event"
)

func TestConfig_Validate_NamesEveryProblem(t *testing.T) {
	t.Parallel()
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("default: %v", err)
	}
	err := Config{Databases: []string{"a/b"}, RequireToken: true}.Validate()
	for _, want := range []string{
		"databases:", "require_token:", "body_limit:", "in_flight_limit:", "admit_timeout:", "read_idle_timeout:", "read_timeout:",
		"append_timeout:", "wait_timeout:", "ready_timeout:", "retry_after:", "max_waiters:",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
	c := DefaultConfig()
	c.BodyLimit = event.MaxBody + 1
	if c.Validate() == nil {
		t.Error("a body that no event can hold is allowed")
	}
}

func TestNew_OpensNothingAndSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("no log is no problem")
	}
	log, reg := newMemoryLog(), prometheus.NewRegistry()
	deps := Deps{Log: log, Tail: log, Registerer: reg}
	if _, err := New(DefaultConfig(), deps); err != nil {
		t.Error(err)
	}
	if _, err := New(DefaultConfig(), deps); err == nil {
		t.Error("the same metrics twice are no problem")
	}
}

func TestMetrics_CountResultsStagesAndBytes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	report := reportOf("1")
	b.post(t, "/v4/nts/submitRun", report)
	b.post(t, "/v4/nts/submitRun", report)
	b.post(t, "/v4/nts/submitRun", []byte("x"))
	b.post(t, "/db_nope/v4/nts/submitRun", report)
	for _, result := range []string{resultAccepted, resultRejected, resultRefused, resultUnknown} {
		if n := b.metric(t, "tidemark_intake_submissions_total", result); n != 1 {
			t.Errorf("%s: %v", result, n)
		}
	}
	want := float64(2*len(report) + 1)
	if got := b.metric(t, "tidemark_intake_report_bytes_total"); got != want {
		t.Errorf("%v report bytes, want %v", got, want)
	}
	b.metric(t, "tidemark_intake_body_bytes_total")
	b.metric(t, "tidemark_intake_stage_seconds")
	b.metric(t, "tidemark_intake_waiters")
}

// The product's own client and its server agree: what is sent again counts once.
func TestClient_SubmitsTwice_CountsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dir := t.TempDir()
	for i := range 3 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", i)), append(reportOf(fmt.Sprint(i)), bytes.Repeat([]byte(" "), 4096)...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := client.DefaultOptions()
	var out, errs bytes.Buffer
	o.URL, o.Database, o.Suite, o.Out, o.Err = b.url, "perf", "nts", &out, &errs
	for range 2 {
		if err := client.Submit(t.Context(), o, []string{dir}); err != nil {
			t.Fatalf("%v: %s", err, errs.String())
		}
	}
	root := b.url + "/db_perf/v4/nts/"
	once := root + "1\n" + root + "2\n" + root + "3\n"
	if out.String() != once+once {
		t.Errorf("printed %s", out.String())
	}
	if n := b.metric(t, "tidemark_intake_submissions_total", resultDuplicate); n != 3 {
		t.Errorf("%v duplicates", n)
	}
	o.URL, o.Token, o.Database, o.Suite, o.Salt = b.url+"/api/db_perf/v4/nts/runs", testToken, "", "", "rest"
	out.Reset()
	if err := client.Submit(t.Context(), o, []string{filepath.Join(dir, "0.json")}); err != nil || out.String() != b.url+"/api/db_perf/v4/nts/runs/1\n" {
		t.Errorf("over REST: %v, %s%s", err, out.String(), errs.String())
	}
}

// BenchmarkSubmit is a whole request over a connection, with a report of 5 000 tests and a log that answers at once.
func BenchmarkSubmit(b *testing.B) {
	var tests strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&tests, `%s{"name": "suite/group/test-%d", "execution_time": [%d.25], "compile_time": 0.5}`, strings.Repeat(",", min(i, 1)), i, i)
	}
	report := []byte(`{"format_version": "2", "machine": {"name": "m"}, "run": {"llvm_project_revision": "1"}, "tests": [` + tests.String() + `]}`)
	for name, body := range map[string][]byte{"": report, "gzip": gzipped(b, report), "zstd": zstded(b, report)} {
		b.Run("encoding="+name, func(b *testing.B) {
			s := setupFor(b)
			b.SetBytes(int64(len(report)))
			for b.Loop() {
				req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, s.url+"/v4/nts/submitRun", bytes.NewReader(body))
				if err != nil {
					b.Fatal(err)
				}
				req.Header.Set("Content-Encoding", name)
				req.Header.Set("Prefer", "respond-async")
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode != http.StatusAccepted {
					b.Fatal(res.Status)
				}
			}
		})
	}
}

func setupFor(b *testing.B) *bench {
	return setup(b, func(_ *Config, m *memoryLog) { m.forget = true })
}
