package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// web is every test's client: it follows nothing and keeps its connections.
var web = &http.Client{
	Timeout:       patience + time.Minute,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 256},
}

// answer is an HTTP answer, read whole.
type answer struct {
	code   int
	header http.Header
	text   string
}

// ask is one request; headers come as name, value, name, value.
func ask(ctx context.Context, method, address string, body []byte, headers ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := web.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	return answer{code: res.StatusCode, header: res.Header, text: string(text)}, nil
}

func mustAsk(t *testing.T, method, address string, body []byte, headers ...string) answer {
	t.Helper()
	a, err := ask(t.Context(), method, address, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// get wants 200.
func (s *server) get(t *testing.T, path string, headers ...string) answer {
	t.Helper()
	a := mustAsk(t, http.MethodGet, s.url+path, nil, headers...)
	if a.code != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, a.code, a.text)
	}
	return a
}

// v4 reads an address below the suite nts of the server's database.
func (s *server) v4(t *testing.T, what string) document {
	t.Helper()
	return s.get(t, "/api/db_"+s.database+"/v4/nts/"+what).document(t)
}

// page reads a page of the suite nts, as a browser does. Hints where a long name may break are left out.
func (s *server) page(t *testing.T, what string) string {
	t.Helper()
	return strings.ReplaceAll(s.get(t, "/db_"+s.database+"/v4/nts/"+what, "Accept", "text/html").text, "<wbr>", "")
}

// submitURL is where reports for the suite nts go; choices are its query.
func (s *server) submitURL(choices ...string) string {
	address := s.url + "/db_" + s.database + "/v4/nts/submitRun"
	if len(choices) > 0 {
		address += "?" + strings.Join(choices, "&")
	}
	return address
}

// submit sends a report as it is and wants a run.
func (s *server) submit(t *testing.T, body []byte, headers ...string) (run int, said document) {
	t.Helper()
	a := mustAsk(t, http.MethodPost, s.submitURL(), body, headers...)
	if a.code != http.StatusOK {
		t.Fatalf("submitted: %d %s", a.code, a.text)
	}
	said = a.document(t)
	return said.number(t, "run_id"), said
}

// document is a JSON object.
type document map[string]any

func (a answer) document(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(a.text), &d); err != nil {
		t.Fatalf("%v in %d %s", err, a.code, a.text)
	}
	return d
}

func (d document) number(t *testing.T, key string) int {
	t.Helper()
	n, ok := d[key].(float64)
	if !ok {
		t.Fatalf("no number %s in %v", key, d)
	}
	return int(n)
}

func (d document) text(t *testing.T, key string) string {
	t.Helper()
	s, ok := d[key].(string)
	if !ok {
		t.Fatalf("no text %s in %v", key, d)
	}
	return s
}

func (d document) object(t *testing.T, key string) document {
	t.Helper()
	o, ok := d[key].(map[string]any)
	if !ok {
		t.Fatalf("no object %s in %v", key, d)
	}
	return o
}

func (d document) list(t *testing.T, key string) []document {
	t.Helper()
	l, ok := d[key].([]any)
	if !ok {
		t.Fatalf("no list %s in %v", key, d)
	}
	var out []document
	for _, e := range l {
		out = append(out, e.(map[string]any))
	}
	return out
}

// eventID is the submission's, as its answer tells it.
func (d document) eventID(t *testing.T) string {
	t.Helper()
	file := d.text(t, "import_file")
	return file[strings.LastIndex(file, "/")+1:]
}

// receipt waits for the receipt of an event.
func (s *server) receipt(t *testing.T, event string) document {
	t.Helper()
	return receiptAt(t, s.url+"/api/db_"+s.database+"/v5/nts/receipts/"+event)
}

// receiptAt asks as long as the answer names a time to ask again.
func receiptAt(t *testing.T, address string) document {
	t.Helper()
	var a answer
	eventually(t, "a receipt at "+address, patience, func() bool {
		a = mustAsk(t, http.MethodGet, address, nil)
		return a.header.Get("Retry-After") == ""
	})
	if a.code != http.StatusOK {
		t.Fatalf("receipt: %d %s", a.code, a.text)
	}
	return a.document(t)
}

// query asks the SQL port and returns rows of text.
func (s *server) query(t *testing.T, statement string) [][]string {
	t.Helper()
	a := mustAsk(t, http.MethodPost, s.sql+"/?database=tidemark&default_format=TSV", []byte(statement))
	if a.code != http.StatusOK {
		t.Fatalf("%s: %d %s", statement, a.code, a.text)
	}
	var rows [][]string
	for line := range strings.Lines(a.text) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows
}

// scalar is the one value a statement yields.
func (s *server) scalar(t *testing.T, statement string) string {
	t.Helper()
	rows := s.query(t, statement)
	if len(rows) != 1 || len(rows[0]) != 1 {
		t.Fatalf("%s: %v", statement, rows)
	}
	return rows[0][0]
}

// runs counts the runs of the server's database.
func (s *server) runs(t *testing.T) string {
	t.Helper()
	return s.scalar(t, "SELECT count() FROM v_runs WHERE database = '"+s.database+"'")
}

// reportOf is a version 2 report with three values of two tests.
func reportOf(machine, order string) []byte {
	return fmt.Appendf(nil, `{"format_version": "2",
 "machine": {"name": %q, "hardware": "aarch64", "cores": 8},
 "run": {"llvm_project_revision": %q, "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00"},
 "tests": [{"name": "group/alpha", "execution_time": [1.25, 1.5]}, {"name": "beta", "compile_time": 0.75}]}`, machine, order)
}

const formType = "application/x-www-form-urlencoded"

// form is what LNT's client sends.
func form(report []byte, choices ...string) []byte {
	values := url.Values{"input_data": {string(report)}, "commit": {"1"}}
	for i := 0; i < len(choices); i += 2 {
		values.Set(choices[i], choices[i+1])
	}
	return []byte(values.Encode())
}

// filePart is what a browser sends.
func filePart(t *testing.T, report []byte) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", "report.json")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write(report)
	_ = w.WriteField("commit", "1")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

// decode is for goroutines other than the test's.
func decode(a answer, into any) error {
	if err := json.Unmarshal([]byte(a.text), into); err != nil {
		return fmt.Errorf("%w in %d %s", err, a.code, a.text)
	}
	return nil
}
