package e2e

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func TestSubmission_HoweverItIsSent_IsThereInEveryReadAtOnce(t *testing.T) {
	t.Parallel()
	report := reportOf("bench-07", "501234")
	part, partType := filePart(t, report)
	for name, way := range map[string]struct {
		rest        bool
		body        []byte
		contentType string
	}{
		"form":      {false, form(report, "merge", "replace", "select_machine", "match"), formType},
		"file part": {false, part, partType},
		"raw":       {false, report, "application/json"},
		"REST":      {true, report, "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shared(t)
			path, code := "/db_"+s.database+"/v4/nts/submitRun", http.StatusOK
			result := s.url + "/db_" + s.database + "/v4/nts/1"
			if way.rest {
				path, code = "/api/db_"+s.database+"/v4/nts/runs", http.StatusMovedPermanently
				result = s.url + "/api/db_" + s.database + "/v4/nts/runs/1"
			}
			a := mustAsk(t, http.MethodPost, s.url+path, way.body, "Content-Type", way.contentType, "Accept", "application/json", "AuthToken", token)
			if a.code != code {
				t.Fatalf("%d %s", a.code, a.text)
			}
			said := a.document(t)
			if said["success"] != true || said.number(t, "run_id") != 1 || said.text(t, "result_url") != result {
				t.Errorf("answered %s", a.text)
			}
			if said.number(t, "added_machines") != 1 || said.number(t, "added_runs") != 1 || said.number(t, "added_tests") != 2 {
				t.Errorf("added: %s", a.text)
			}
			everyRead(t, s, said)
		})
	}
}

// everyRead checks all that can be read of the one run of reportOf("bench-07", "501234").
func everyRead(t *testing.T, s *server, said document) {
	t.Helper()
	whole := s.v4(t, "runs/1")
	if run := whole.object(t, "run"); run.text(t, "llvm_project_revision") != "501234" || run.text(t, "start_time") != "2026-02-03T04:05:06" {
		t.Errorf("run %v", run)
	}
	if m := whole.object(t, "machine"); m.text(t, "name") != "bench-07" || m.text(t, "hardware") != "aarch64" || m.number(t, "cores") != 8 {
		t.Errorf("machine %v", m)
	}
	if rows := whole.list(t, "tests"); len(rows) != 3 || rows[0]["name"] != "group/alpha" || rows[0]["execution_time"] != 1.25 || rows[2]["compile_time"] != 0.75 {
		t.Errorf("rows %v", rows)
	}
	if l := s.v4(t, "machines").list(t, "machines"); len(l) != 1 || l[0]["name"] != "bench-07" {
		t.Errorf("machines %v", l)
	}
	if l := s.v4(t, "machines/bench-07").list(t, "runs"); len(l) != 1 || l[0]["id"] != 1.0 {
		t.Errorf("runs of the machine %v", l)
	}
	if l := s.v4(t, "tests").list(t, "tests"); len(l) != 2 || l[0]["name"] != "group/alpha" || l[1]["name"] != "beta" {
		t.Errorf("tests %v", l)
	}
	if l := s.v4(t, "samples?runid=1").list(t, "samples"); len(l) != 3 {
		t.Errorf("samples %v", l)
	}
	if l := s.v4(t, "orders/1").list(t, "orders"); len(l) != 1 || l[0]["llvm_project_revision"] != "501234" {
		t.Errorf("orders %v", l)
	}
	if l := s.v4(t, "schema").list(t, "metrics"); len(l) != 9 {
		t.Errorf("%d metrics", len(l))
	}
	field := -1
	for _, f := range s.v4(t, "fields").list(t, "fields") {
		if f["column_name"] == "execution_time" {
			field = f.number(t, "column_id")
		}
	}
	const points = `[["501234",1.5,{"date":"2026-02-03 04:05:06","label":"501234","runID":"1"}],["501234",1.25,{"date":"2026-02-03 04:05:06","label":"501234","runID":"1"}]]`
	plot := "1/1/" + strconv.Itoa(field)
	if a := s.get(t, "/api/db_"+s.database+"/v4/nts/graph/"+plot); strings.TrimSpace(a.text) != points {
		t.Errorf("graph %s", a.text)
	}
	plots := "graph?plot.0=" + strings.ReplaceAll(plot, "/", ".")
	for page, words := range map[string][]string{
		"1": {"group/alpha", "bench-07", "501234"}, plots: {"group/alpha", "bench-07"}, plots + "&view=table": {"501234", "1.25"},
	} {
		for _, w := range words {
			if p := s.page(t, page); !strings.Contains(p, w) {
				t.Errorf("page %s lacks %q:\n%s", page, w, p)
			}
		}
	}
	if n := s.scalar(t, "SELECT count() FROM v_results WHERE database = '"+s.database+"' AND machine = 'bench-07' AND order_name = '501234'"); n != "3" {
		t.Errorf("SQL counts %s values, want 3", n)
	}
	if r := s.receipt(t, said.eventID(t)); r["status"] != "accepted" || r.object(t, "run").number(t, "id") != 1 || r.object(t, "added").number(t, "samples") != 3 {
		t.Errorf("receipt %v", r)
	}
	if p := s.page(t, "receipts"); !strings.Contains(p, said.eventID(t)) {
		t.Errorf("page of submissions lacks %s", said.eventID(t))
	}
}

func TestSubmission_Async_HasAReceiptThatTurnsAccepted(t *testing.T) {
	t.Parallel()
	s := shared(t)
	a := mustAsk(t, http.MethodPost, s.submitURL(), reportOf("m", "1"), "Prefer", "respond-async")
	if a.code != http.StatusAccepted || a.header.Get("Preference-Applied") != "respond-async" {
		t.Fatalf("%d %v %s", a.code, a.header, a.text)
	}
	said := a.document(t)
	if a.header.Get("Location") != said.text(t, "receipt_url") {
		t.Errorf("Location %q, receipt_url %q", a.header.Get("Location"), said["receipt_url"])
	}
	r := receiptAt(t, said.text(t, "receipt_url"))
	if r["status"] != "accepted" || r["id"] != said["event_id"] {
		t.Fatalf("receipt %v", r)
	}
	run := r.object(t, "run")
	if whole := mustAsk(t, http.MethodGet, run.text(t, "api_url"), nil); whole.code != http.StatusOK || !strings.Contains(whole.text, "group/alpha") {
		t.Errorf("run of the receipt: %d %s", whole.code, whole.text)
	}
}

func TestSubmission_RepeatedWithItsKey_IsOneRunWithTheSameAnswer(t *testing.T) {
	t.Parallel()
	s := shared(t)
	first, _ := s.submit(t, reportOf("m", "1"), "Idempotency-Key", "nightly 1")
	for range 3 {
		if again, _ := s.submit(t, reportOf("m", "1"), "Idempotency-Key", "nightly 1"); again != first {
			t.Errorf("run %d, then %d", first, again)
		}
	}
	if n := s.runs(t); n != "1" {
		t.Errorf("%s runs, want 1", n)
	}
	a := mustAsk(t, http.MethodPost, s.submitURL(), reportOf("m", "2"), "Idempotency-Key", "nightly 1")
	if a.code != http.StatusConflict {
		t.Errorf("another report with that key: %d %s", a.code, a.text)
	}
	if next, _ := s.submit(t, reportOf("m", "2")); next != first+1 {
		t.Errorf("next run is %d, want %d", next, first+1)
	}
}

func TestSubmission_Compressed_IsTheSameRun(t *testing.T) {
	t.Parallel()
	s := shared(t)
	for i, encoding := range []string{"gzip", "zstd"} {
		order := strconv.Itoa(i + 1)
		s.submit(t, compressed(t, encoding, reportOf("m", order)), "Content-Encoding", encoding, "Content-Type", "application/json")
		rows := s.v4(t, "runs/"+order).list(t, "tests")
		if len(rows) != 3 || rows[1]["execution_time"] != 1.5 {
			t.Errorf("%s: %v", encoding, rows)
		}
	}
}

func compressed(t *testing.T, encoding string, report []byte) []byte {
	t.Helper()
	if encoding == "zstd" {
		w, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return w.EncodeAll(report, nil)
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(report)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSubmission_Refused_SaysWhyAndLeavesAReceiptAndNothingElse(t *testing.T) {
	t.Parallel()
	s := shared(t)
	s.submit(t, reportOf("m", "1"))
	refused := map[string]struct {
		report []byte
		says   string
	}{
		"no report":         {[]byte("garbage"), "could not parse input format"},
		"no run":            {[]byte(`{"format_version": "2", "machine": {"name": "other"}, "tests": []}`), "Invalid input format: No 'run' section in submission"},
		"wrong version":     {[]byte(`{"format_version": "3", "machine": {"name": "other"}, "run": {}, "tests": []}`), "Invalid input format: Unknown format version"},
		"no order":          {[]byte(`{"format_version": "2", "machine": {"name": "other"}, "run": {"start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T04:05:06"}, "tests": [{"name": "new", "score": 1}]}`), "import failure: Supplied run is missing parameter: 'llvm_project_revision'"},
		"unknown metric":    {bytes.ReplaceAll(reportOf("other", "2"), []byte("compile_time"), []byte("colour")), "Metric 'colour' unknown in suite"},
		"known order again": {reportOf("m", "1"), "import failure: Duplicate submission for '1'"},
	}
	for name, c := range refused {
		a := mustAsk(t, http.MethodPost, s.submitURL(), c.report)
		if a.code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, a.code, a.text)
			continue
		}
		said := a.document(t)
		if said["success"] != false || !strings.Contains(said.text(t, "error"), c.says) {
			t.Errorf("%s: %s, want %q", name, a.text, c.says)
		}
		if r := s.receipt(t, said.eventID(t)); r["status"] != "rejected" || r["run"] != nil || r.object(t, "refusal").text(t, "error") != said.text(t, "error") {
			t.Errorf("%s: receipt %v", name, r)
		}
	}
	counts := s.query(t, `SELECT
		(SELECT count() FROM v_runs WHERE database = '`+s.database+`'), (SELECT count() FROM v_machines WHERE database = '`+s.database+`'),
		(SELECT count() FROM v_tests WHERE database = '`+s.database+`'), (SELECT count() FROM v_orders WHERE database = '`+s.database+`'),
		(SELECT countIf(status = 'rejected') FROM v_receipts WHERE database = '`+s.database+`')`)
	if got := strings.Join(counts[0], " "); got != "1 1 2 1 "+strconv.Itoa(len(refused)) {
		t.Errorf("runs, machines, tests, orders, refusals: %s", got)
	}
	if next, said := s.submit(t, reportOf("other", "2")); next != 2 || said.number(t, "added_machines") != 1 {
		t.Errorf("next run is %d, want 2: %v", next, said)
	}
	if m := s.v4(t, "machines").list(t, "machines"); len(m) != 2 || m[1]["id"] != 2.0 {
		t.Errorf("machines %v", m)
	}
}

func TestSubmission_ToNowhereOrTooLarge_SaysSo(t *testing.T) {
	t.Parallel()
	s := shared(t)
	report := reportOf("m", "1")
	for name, c := range map[string]struct {
		path string
		body []byte
		code int
		says string
	}{
		"unknown database":         {"/db_nowhere/v4/nts/submitRun", report, http.StatusNotFound, "The page you are looking for does not exist."},
		"unknown database by REST": {"/api/db_nowhere/v4/nts/runs", report, http.StatusNotFound, "Unknown database."},
		"unknown suite":            {"/db_" + s.database + "/v4/nothing/submitRun", report, http.StatusBadRequest, "Unknown test suite 'nothing'!"},
		"too large":                {"/db_" + s.database + "/v4/nts/submitRun", append(report, bytes.Repeat([]byte(" "), 9<<20)...), http.StatusRequestEntityTooLarge, "exceeds the limit of 8388608 bytes"},
		"too large, compressed":    {"/db_" + s.database + "/v4/nts/submitRun", compressed(t, "gzip", append(report, bytes.Repeat([]byte(" "), 9<<20)...)), http.StatusRequestEntityTooLarge, "exceeds the limit of 8388608 bytes"},
	} {
		headers := []string{"Accept", "application/json", "AuthToken", token}
		if strings.HasSuffix(name, ", compressed") {
			headers = append(headers, "Content-Encoding", "gzip")
		}
		if a := mustAsk(t, http.MethodPost, s.url+c.path, c.body, headers...); a.code != c.code || !strings.Contains(a.text, c.says) {
			t.Errorf("%s: %d %s, want %d %s", name, a.code, a.text, c.code, c.says)
		}
	}
	if n := s.runs(t); n != "0" {
		t.Errorf("%s runs, want none", n)
	}
	a := mustAsk(t, http.MethodPost, s.url+"/api/db_"+s.database+"/v4/nts/runs", report)
	if a.code != http.StatusUnauthorized {
		t.Errorf("REST without the token: %d %s", a.code, a.text)
	}
}

func TestSQL_OnItsPort_ReadsAndNeverWrites(t *testing.T) {
	t.Parallel()
	s := shared(t)
	s.submit(t, reportOf("m", "1"))
	for _, statement := range []string{
		"INSERT INTO tidemark.runs SELECT * FROM tidemark.runs", "TRUNCATE TABLE tidemark.ledger", "DROP DATABASE tidemark",
		"CREATE TABLE t (a UInt8) ENGINE = Memory", "ALTER TABLE tidemark.runs DELETE WHERE 1", "SET readonly = 0",
	} {
		if a := mustAsk(t, http.MethodPost, s.sql+"/", []byte(statement)); a.code < 400 {
			t.Errorf("%s: %d %s", statement, a.code, a.text)
		}
	}
	if n := s.runs(t); n != "1" {
		t.Errorf("%s runs, want 1", n)
	}
}
