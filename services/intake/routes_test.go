package intake

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"tidemark/pkg/event"
)

// shape is one of the ways LNT's clients name a suite.
type shape struct{ path, database, suite string }

func shapes() []shape {
	return []shape{
		{"/db_perf/v4/nts/submitRun", "perf", "nts"},
		{"/v4/nts/submitRun", "default", "nts"},
		{"/db_perf/submitRun", "perf", "nts"},
		{"/submitRun", "default", "nts"},
		{"/db_perf/v4/nts/submitRun/", "perf", "nts"},
		{"/submitRun/", "default", "nts"},
	}
}

// carrier puts a report into a request.
type carrier struct {
	name  string
	media string
	wrap  func(report []byte) []byte
}

func part(name string, headers map[string]string, body []byte) func([]byte) []byte {
	return func(report []byte) []byte {
		if body != nil {
			report = body
		}
		var buf bytes.Buffer
		w := multipart.NewWriter(&buf)
		_ = w.SetBoundary("edge")
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="%s"; filename="r.json"`, name)}}
		for k, v := range headers {
			h.Set(k, strings.ReplaceAll(v, "LEN", fmt.Sprint(len(report))))
		}
		for _, field := range [][2]string{{"merge", "append"}, {"commit", "1"}} {
			_ = w.WriteField(field[0], field[1])
		}
		pw, _ := w.CreatePart(h)
		_, _ = pw.Write(report)
		_ = w.Close()
		return buf.Bytes()
	}
}

func carriers() []carrier {
	form := func(report []byte) []byte {
		return []byte(url.Values{"input_data": {string(report)}, "commit": {"1"}, "merge": {"append"}, "select_machine": {"match"}}.Encode())
	}
	raw := func(report []byte) []byte { return report }
	const multi = "multipart/form-data; boundary=edge"
	return []carrier{
		{"form", mediaForm, form},
		{"form with charset", mediaForm + "; charset=utf-8", form},
		{"multipart data", multi, part("input_data", nil, nil)},
		{"multipart file", multi, part("file", nil, nil)},
		{"multipart file that says its length", multi, part("file", map[string]string{"Content-Length": "LEN", "Content-Type": "application/json"}, nil)},
		{"raw json", "application/json", raw},
		{"raw without a type", "", raw},
		{"raw as a form", mediaForm, raw},
	}
}

func TestSubmitRun_EveryUrlCarrierAndEncoding_StoresTheSameBytes(t *testing.T) {
	t.Parallel()
	encodings := map[string]func([]byte) []byte{
		"":     func(b []byte) []byte { return b },
		"gzip": func(b []byte) []byte { return gzipped(t, b) },
		"zstd": func(b []byte) []byte { return zstded(t, b) },
	}
	for _, sh := range shapes() {
		for _, ca := range carriers() {
			for encoding, encode := range encodings {
				t.Run(sh.path+" "+ca.name+" "+encoding, func(t *testing.T) {
					t.Parallel()
					b := setup(t)
					report := reportOf("77")
					path := sh.path
					if strings.HasPrefix(ca.name, "raw") {
						path += "?merge=append"
					}
					r := b.post(t, path, encode(ca.wrap(report)), header{"Content-Type", ca.media}, header{"Content-Encoding", encoding})
					r.want(t, http.StatusOK, "result_url", b.url+"/db_"+sh.database+"/v4/"+sh.suite+"/1")
					e := b.log.only(t)
					if !bytes.Equal(e.Body, report) {
						t.Errorf("stored %q", e.Body)
					}
					if e.Type != event.RunSubmitted || e.Database != sh.database || e.Suite != sh.suite {
						t.Errorf("stored %s of %s", e.Type, e.Key())
					}
					if e.Params[event.ParamMerge] != "append" || e.Params[event.ParamSelectMachine] != "match" {
						t.Errorf("params %v", e.Params)
					}
				})
			}
		}
	}
}

func TestSubmitRun_NoSuiteInTheUrl_TakesItFromTheReport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.post(t, "/db_perf/submitRun", oldReport("compile"), header{"Content-Type", "application/json"})
	r.want(t, http.StatusOK, "result_url", b.url+"/db_perf/v4/compile/1")
}

func TestSubmitRun_PropertyList_IsStored(t *testing.T) {
	t.Parallel()
	const list = `<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>
<key>machine</key><dict><key>name</key><string>m</string></dict>
<key>run</key><dict><key>llvm_project_revision</key><string>5</string></dict>
<key>tests</key><array/></dict></plist>`
	for _, media := range []string{"application/xml", "", mediaForm} {
		b := setup(t)
		r := b.post(t, "/v4/nts/submitRun", []byte(list), header{"Content-Type", media})
		if r.status != http.StatusOK {
			t.Errorf("%q: %d %s", media, r.status, r.text)
		}
	}
}

func TestSubmitRun_ChunkedBody_IsStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/submitRun", struct{ *bytes.Reader }{bytes.NewReader(reportOf("1"))})
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = -1
	send(t, req).want(t, http.StatusOK, "result_url", b.url+"/db_default/v4/nts/1")
}

func TestRest_EveryContentType_Answers301WithLocationAndBody(t *testing.T) {
	t.Parallel()
	for _, slash := range []string{"", "/"} {
		for _, media := range []string{"", "application/json", mediaForm} {
			b := setup(t)
			r := b.post(t, "/api/db_perf/v4/nts/runs"+slash, reportOf("1"), header{"Content-Type", media}, header{"AuthToken", testToken})
			want := b.url + "/api/db_perf/v4/nts/runs/1"
			r.want(t, http.StatusMovedPermanently, "result_url", want)
			if got := r.header.Get("Location"); got != want {
				t.Errorf("location %q, want %q", got, want)
			}
			if e := b.log.only(t); e.Actor != "token" || e.Params[event.ParamMerge] != "reject" {
				t.Errorf("event by %q with %v", e.Actor, e.Params)
			}
		}
	}
}

func TestRest_WithoutTheToken_Is401AndLeavesNoEvent(t *testing.T) {
	t.Parallel()
	const words = "Auth Token must be passed in AuthToken header, and included in LNT config."
	for name, tc := range map[string]struct{ configured, sent string }{
		"none sent":       {testToken, ""},
		"another sent":    {testToken, testToken + "x"},
		"none configured": {"", ""},
		"none expected":   {"", "anything"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *Config, _ *memoryLog) { c.Token = tc.configured })
			r := b.post(t, "/api/db_perf/v4/nts/runs", reportOf("1"), header{"AuthToken", tc.sent})
			r.want(t, http.StatusUnauthorized, "msg", words)
			if n := len(b.log.all()); n != 0 {
				t.Errorf("%d events", n)
			}
		})
	}
}

func TestSubmitRun_TokenRequired_AsksForIt(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config, _ *memoryLog) { c.RequireToken = true })
	if r := b.post(t, "/submitRun", reportOf("1")); r.status != http.StatusUnauthorized || r.body["success"] != false {
		t.Errorf("without: %d %s", r.status, r.text)
	}
	if r := b.post(t, "/submitRun", reportOf("1"), header{"AuthToken", testToken}); r.status != http.StatusOK {
		t.Errorf("with: %d %s", r.status, r.text)
	}
}

func TestSubmitRun_UnknownDatabase_Is404AndLeavesNoEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, "/db_nope/v4/nts/submitRun", reportOf("1")).want(t, http.StatusNotFound, "error", "The page you are looking for does not exist.")
	b.post(t, "/api/db_nope/v4/nts/runs", reportOf("1"), header{"AuthToken", testToken}).want(t, http.StatusNotFound, "message", "Unknown database.")
	b.do(t, http.MethodGet, "/db_nope/submitRun", nil).want(t, http.StatusNotFound, "error", "The page you are looking for does not exist.")
	b.do(t, http.MethodGet, "/db_nope/v4/nts/submitRun", nil).want(t, http.StatusNotFound, "error", "The page you are looking for does not exist.")
	if n := len(b.log.all()); n != 0 {
		t.Errorf("%d events", n)
	}
}

func TestAnswers_BehindAProxy_NameTheAddressOutside(t *testing.T) {
	t.Parallel()
	b := setup(t)
	proxy := []header{{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "lnt.example.org"}, {"X-Forwarded-Prefix", "/perf"}}
	const root = "https://lnt.example.org/perf/"
	r := b.post(t, "/db_perf/v4/nts/submitRun", reportOf("1"), proxy...)
	r.want(t, http.StatusOK, "result_url", root+"db_perf/v4/nts/1")
	r = b.post(t, "/api/db_perf/v4/nts/runs", reportOf("2"), append(proxy, header{"AuthToken", testToken})...)
	r.want(t, http.StatusMovedPermanently, "result_url", root+"api/db_perf/v4/nts/runs/2")
	r = b.post(t, "/db_perf/v4/nts/submitRun", reportOf("3"), append(proxy, header{"Prefer", "respond-async"})...)
	if got, _ := r.body["receipt_url"].(string); !strings.HasPrefix(got, root+"api/db_perf/v5/nts/receipts/") {
		t.Errorf("receipt %q", got)
	}
	r = b.do(t, http.MethodGet, "/db_perf/submitRun", nil, proxy...)
	if got := r.header.Get("Location"); r.status != http.StatusFound || got != root+"db_perf/v4/nts/submitRun" {
		t.Errorf("form at %d %q", r.status, got)
	}
}

func TestForm_IsAPageThatNeedsNoScriptAndEscapes(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config, _ *memoryLog) { c.Databases = append(c.Databases, `"><b>`) })
	r := b.do(t, http.MethodGet, "/db_perf/v4/nts/submitRun", nil)
	for _, want := range []string{`method="post"`, `enctype="multipart/form-data"`, `name="file"`, `name="input_data"`, `name="merge"`, `name="select_machine"`} {
		if !strings.Contains(r.text, want) {
			t.Errorf("page lacks %s", want)
		}
	}
	if strings.Contains(r.text, "<script") || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
		t.Errorf("page is %s: %s", r.header.Get("Content-Type"), r.text)
	}
	r = b.do(t, http.MethodGet, "/db_%22%3E%3Cb%3E/v4/nts/submitRun", nil)
	if r.status != http.StatusOK || strings.Contains(r.text, "<b>") {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r = b.do(t, http.MethodGet, "/v4/%3Cb%3E/submitRun", nil); r.status != http.StatusNotFound {
		t.Errorf("suite that is no name: %d", r.status)
	}
}

// A browser sends both of the form's inputs, the unused one empty.
func TestForm_AsABrowserSendsIt_IsStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	empty, _ := w.CreateFormFile("file", "")
	_, _ = empty.Write(nil)
	_ = w.WriteField("input_data", string(reportOf("1")))
	_ = w.WriteField("merge", "replace")
	_ = w.WriteField("select_machine", "update")
	_ = w.WriteField("ignore_regressions", "1")
	_ = w.Close()
	r := b.post(t, "/v4/nts/submitRun", buf.Bytes(), header{"Content-Type", w.FormDataContentType()}, header{"Accept", "text/html"})
	r.want(t, http.StatusOK, "result_url", b.url+"/db_default/v4/nts/1")
	p := b.log.only(t).Params
	if p["merge"] != "replace" || p["select_machine"] != "update" || p["ignore_regressions"] == "" {
		t.Errorf("params %v", p)
	}
}
