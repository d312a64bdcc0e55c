package intake

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/event"
)

// readAll reads a body as a request would.
func readAll(t *testing.T, media, encoding string, body []byte) (received, error) {
	t.Helper()
	const limit = 64 << 10
	// Room for a zstd window on top of what the reports may take.
	budget := newBudget(16<<20, time.Millisecond, prometheus.NewGauge(prometheus.GaugeOpts{Name: "x"}))
	l, err := budget.open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	b := &bodyReader{lease: l, limit: limit, encoding: encoding, media: media}
	w := &wire{stream: bytes.NewReader(body), now: time.Now, length: int64(len(body)), limit: b.wireLimit()}
	got, err := b.read(context.Background(), w)
	if known := (*refusal)(nil); err != nil && !errors.As(err, &known) && !errors.Is(err, errTooLarge) {
		t.Errorf("error %v is neither a refusal nor the bound", err)
	}
	if len(got.report) > limit {
		t.Errorf("report of %d bytes", len(got.report))
	}
	l.close()
	if !budget.room.TryAcquire(16 << 20) {
		t.Error("not everything was given back")
	}
	return got, err
}

// FuzzForm compares the decoding with net/url's, which reads everything at once.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"input_data=%7B%22a%22%3A1%7D&merge=replace&commit=1", "input_data=a+b&select_machine=split", "=&&&=x", "input_data", "input_data=",
		"input_data=%", "input_data=%4", "input_data=%zz", "file=1&input_data=2", "input_data=1&input_data=2", "merge=a=b&input_data=x", "%69nput_data=x",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := readAll(t, mediaForm, "", body)
		if strings.Contains(string(body), ";") || err != nil || len(body) > 32<<10 || strings.ContainsAny(string(body[:min(len(body), 64)]), "{<") || bytes.HasPrefix(body, []byte("bplist")) {
			return
		}
		want, wantErr := url.ParseQuery(string(body))
		if wantErr != nil {
			t.Fatalf("net/url refuses what was read: %v", wantErr)
		}
		if len(want["input_data"])+len(want["file"]) == 1 {
			if report := want.Get("input_data") + want.Get("file"); report != string(got.report) {
				t.Errorf("report %q, want %q", got.report, report)
			}
		}
		for name, value := range got.fields {
			if want.Get(name) != value {
				t.Errorf("%s is %q, want %q", name, value, want.Get(name))
			}
		}
	})
}

func FuzzMultipart(f *testing.F) {
	for _, name := range []string{"input_data", "file", "merge", "other"} {
		var buf bytes.Buffer
		w := multipart.NewWriter(&buf)
		_ = w.SetBoundary("edge")
		_ = w.WriteField(name, `{"a": 1}`)
		_ = w.Close()
		f.Add(buf.Bytes())
	}
	f.Add([]byte("--edge\r\n\r\n--edge--"))
	f.Add([]byte("--edge--"))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = readAll(t, "multipart/form-data; boundary=edge", "", body)
	})
}

// FuzzEncoded feeds the decompressors, behind every content type.
func FuzzEncoded(f *testing.F) {
	for _, body := range [][]byte{reportOf("1"), []byte("input_data=%7B%7D"), bytes.Repeat([]byte{0}, 1<<20)} {
		f.Add(gzipped(f, body), true)
		f.Add(zstded(f, body), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, gzip bool) {
		encoding := "zstd"
		if gzip {
			encoding = "gzip"
		}
		for _, media := range []string{"", mediaForm, "multipart/form-data; boundary=edge"} {
			_, _ = readAll(t, media, encoding, body)
		}
	})
}

// A stream that says its end once must not be asked again: the next bytes are another request's.
func TestWire_AfterTheEnd_DoesNotReadOn(t *testing.T) {
	t.Parallel()
	for _, length := range []int64{3, -1} {
		w := &wire{stream: &endOnce{t: t, data: "abc"}, now: time.Now, length: length, limit: 100}
		for range 3 {
			got, err := io.ReadAll(w)
			if err != nil || (len(got) != 0 && string(got) != "abc") {
				t.Errorf("%q, %v", got, err)
			}
		}
		if !w.finish() {
			t.Error("connection not reusable")
		}
	}
}

type endOnce struct {
	t     *testing.T
	data  string
	ended bool
}

func (e *endOnce) Read(p []byte) (int, error) {
	if e.ended {
		e.t.Error("read beyond the end")
	}
	n := copy(p, e.data)
	e.data = e.data[n:]
	e.ended = e.data == ""
	if e.ended {
		return n, io.EOF
	}
	return n, nil
}

func TestWire_EndBeforeTheAnnouncedLength_IsAnAbortedRequest(t *testing.T) {
	t.Parallel()
	w := &wire{stream: strings.NewReader("abc"), now: time.Now, length: 4, limit: 100}
	if _, err := io.ReadAll(w); !errors.Is(err, errAborted) {
		t.Errorf("got %v", err)
	}
	if w.finish() {
		t.Error("connection reusable")
	}
}

// FuzzMachineForm gives any body as a form: what is understood is an event that can be read again.
func FuzzMachineForm(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", []byte("action=rename&name=a+b"))
	f.Add("application/x-www-form-urlencoded", []byte("action=merge&into=%37"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nrename\r\n--b--\r\n"))
	f.Fuzz(func(t *testing.T, media string, body []byte) {
		ch := postMachine
		ch.target = "m"
		kind, content, why := ch.act(&attempt{media: media}, body)
		switch {
		case why != nil:
			if why.text == "" || why.code != 400 && why.code != 404 {
				t.Fatalf("refused as %d %q", why.code, why.text)
			}
		case kind == event.MachineRenamed:
			if _, err := event.DecodeMachineRename(content); err != nil {
				t.Fatal(err)
			}
		case kind == event.MachineMerged:
			if _, err := event.DecodeMachineMerge(content); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("event %s", kind)
		}
	})
}
