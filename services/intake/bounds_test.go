package intake

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"tidemark/pkg/event"
	"tidemark/pkg/report"
	"tidemark/pkg/testkit/await"
)

// small bounds make the edges cheap to reach.
func small(c *Config, _ *memoryLog) {
	c.BodyLimit = 1 << 20
	c.InFlightLimit = 8 << 20
}

// sized is a report of exactly n bytes.
func sized(n int) []byte {
	body := reportOf("1")
	return append(body, bytes.Repeat([]byte(" "), n-len(body))...)
}

// What may be sent may be read: there is one limit, that of an event.
func TestBodyLimit_LargestThereCanBe_IsReadAndNotOneByteMore(t *testing.T) {
	t.Parallel()
	if report.MaxBytes != event.MaxBody {
		t.Fatalf("reports are read up to %d bytes, events hold %d", report.MaxBytes, event.MaxBody)
	}
	b := setup(t)
	if b.service.cfg.BodyLimit != event.MaxBody {
		t.Fatalf("the default limit is %d", b.service.cfg.BodyLimit)
	}
	for name, tc := range map[string]struct {
		size, status int
	}{"largest": {event.MaxBody, http.StatusOK}, "one more": {event.MaxBody + 1, http.StatusRequestEntityTooLarge}} {
		body := gzipped(t, sized(tc.size))
		if r := b.post(t, "/v4/nts/submitRun", body, header{"Content-Encoding", "gzip"}); r.status != tc.status {
			t.Errorf("%s: %d %s", name, r.status, r.text)
		}
	}
}

func TestBodyLimit_HoldsAsSentAndAsDecompressed(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	gzip, zst := header{"Content-Encoding", "gzip"}, header{"Content-Encoding", "zstd"}
	isForm := header{"Content-Type", mediaForm}
	inForm := func(report []byte) []byte { return []byte(url.Values{"input_data": {string(report)}}.Encode()) }
	escaped := func(report []byte) []byte {
		var b strings.Builder
		b.WriteString("input_data=")
		for _, c := range report {
			fmt.Fprintf(&b, "%%%02X", c)
		}
		return []byte(b.String())
	}
	multi := header{"Content-Type", "multipart/form-data; boundary=edge"}
	inPart := part("file", nil, nil)
	noise := make([]byte, 2*limit)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(noise)
	for name, tc := range map[string]struct {
		body    []byte
		headers []header
		status  int
	}{
		"raw, just fits":          {sized(limit), nil, 200},
		"raw, one too many":       {sized(limit + 1), nil, 413},
		"form, just fits":         {inForm(sized(limit)), []header{isForm}, 200},
		"form, all escaped":       {escaped(sized(limit)), []header{isForm}, 200},
		"form, one too many":      {inForm(sized(limit + 1)), []header{isForm}, 413},
		"form, other fields":      {append([]byte("x="), bytes.Repeat([]byte("y"), 6*limit)...), []header{isForm}, 413},
		"multipart, just fits":    {inPart(sized(limit)), []header{multi}, 200},
		"multipart, one too many": {inPart(sized(limit + 1)), []header{multi}, 413},
		"gzip, just fits":         {gzipped(t, sized(limit)), []header{gzip}, 200},
		"gzip, one too many":      {gzipped(t, sized(limit+1)), []header{gzip}, 413},
		"zstd, just fits":         {zstded(t, sized(limit)), []header{zst}, 200},
		"zstd, one too many":      {zstded(t, sized(limit+1)), []header{zst}, 413},
		"gzip, large as sent":     {gzipped(t, noise), []header{gzip}, 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, small)
			r := b.post(t, "/v4/nts/submitRun", tc.body, tc.headers...)
			if r.status != tc.status {
				t.Fatalf("%d %s, want %d", r.status, r.text, tc.status)
			}
			e := b.log.only(t)
			if tc.status == 413 {
				if r.body["error"] != "the body exceeds the limit of 1048576 bytes" {
					t.Errorf("says %v", r.body["error"])
				}
				if e.Type != event.SubmissionRefused || len(e.Body) != 0 {
					t.Errorf("log has %s with %d bytes", e.Type, len(e.Body))
				}
			}
			if left := b.metric(t, "tidemark_intake_in_flight_bytes"); left != 0 {
				t.Errorf("%v bytes still in flight", left)
			}
		})
	}
}

// zeros is n zero bytes, compressed by w.
func zeros(t *testing.T, n int64, w io.WriteCloser) {
	t.Helper()
	if _, err := io.CopyN(w, zeroReader{}, n); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestZipBomb_Is413AndCostsNoMoreThanTheLimit(t *testing.T) {
	const unpacked = 512 << 20
	var gz, zs bytes.Buffer
	gz.Write(gzipped(t, nil)) // and another member behind it
	gw := newGzip(&gz)
	zeros(t, unpacked, gw)
	zw, err := zstd.NewWriter(&zs)
	if err != nil {
		t.Fatal(err)
	}
	zeros(t, unpacked, zw)
	for encoding, bomb := range map[string][]byte{"gzip": gz.Bytes(), "zstd": zs.Bytes()} {
		t.Run(encoding, func(t *testing.T) {
			b := setup(t, small)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r := b.post(t, "/v4/nts/submitRun", bomb, header{"Content-Encoding", encoding})
			runtime.ReadMemStats(&after)
			if r.status != http.StatusRequestEntityTooLarge {
				t.Errorf("%d bytes: %d %s", len(bomb), r.status, r.text)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
				t.Errorf("%d bytes allocated for a bomb of %d", grown, len(bomb))
			}
		})
	}
}

func TestZstd_WindowBeyondTheBound_IsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf, zstd.WithWindowSize(32<<20))
	if err != nil {
		t.Fatal(err)
	}
	// Streamed and of unknown size, so that the frame asks for the whole window.
	for range 3 {
		if _, err := w.Write(sized(1 << 20)); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := b.post(t, "/v4/nts/submitRun", buf.Bytes(), header{"Content-Encoding", "zstd"})
	r.want(t, http.StatusBadRequest, "error", "could not read the body")
}

// dial opens a connection and sends a request's head.
func (b *bench) dial(t *testing.T, head ...string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, strings.Join(head, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

const postHead = "POST /v4/nts/submitRun HTTP/1.1\r\nHost: h"

func TestSlowClient_Hears408AndItsBytesAreGivenBack(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config, *memoryLog){
		"sends nothing":      func(c *Config, _ *memoryLog) { c.ReadIdleTimeout = 50 * time.Millisecond },
		"sends for too long": func(c *Config, _ *memoryLog) { c.ReadTimeout = 50 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, change)
			// More than what the server wants to see before it calls the handler.
			conn, in := b.dial(t, postHead, "Content-Length: 100000")
			if _, err := conn.Write(make([]byte, 10_000)); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusRequestTimeout || !res.Close {
				t.Errorf("%s, close %t", res.Status, res.Close)
			}
			if left := b.metric(t, "tidemark_intake_in_flight_bytes"); left != 0 || len(b.log.all()) != 0 {
				t.Errorf("%v bytes in flight, %d events", left, len(b.log.all()))
			}
		})
	}
}

func TestClientGoneMidBody_LeavesNoEventAndNoBytes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn, _ := b.dial(t, postHead, "Content-Length: 100000")
	if _, err := conn.Write(make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	await.True(t, "the request counts as aborted", func() bool {
		return b.metric(t, "tidemark_intake_submissions_total", resultAborted) == 1
	})
	if left := b.metric(t, "tidemark_intake_in_flight_bytes"); left != 0 || len(b.log.all()) != 0 {
		t.Errorf("%v bytes in flight, %d events", left, len(b.log.all()))
	}
}

// A connection whose body was left unread would take the rest of it for the next request.
func TestKeepAlive_AfterAnAnswerBeforeTheBody_NextRequestIsTheClientsOwn(t *testing.T) {
	t.Parallel()
	inner := "POST /submitRun HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
	filler := strings.Repeat("x", 40_000) + inner
	for name, sent := range map[string][2]string{
		"length":  {"Content-Length: " + fmt.Sprint(len(filler)), filler},
		"chunked": {"Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(filler), filler)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			conn, in := b.dial(t, postHead, "Content-Encoding: br", sent[0])
			if _, err := io.WriteString(conn, sent[1]); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			if res.StatusCode != http.StatusUnsupportedMediaType {
				t.Fatalf("%s", res.Status)
			}
			_, _ = io.WriteString(conn, "GET /v4/nts/submitRun HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			rest, _ := io.ReadAll(in)
			if !bytes.Contains(rest, []byte("<form")) || len(b.log.all()) != 1 {
				t.Errorf("%d events, and then %s", len(b.log.all()), rest)
			}
		})
	}
}

func TestInFlightLimit_NoRoomInTime_Is503AndThenServesAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, small, func(c *Config, _ *memoryLog) { c.AdmitTimeout = 10 * time.Millisecond })
	hog, err := b.service.budget.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := hog.grow(t.Context(), b.service.cfg.InFlightLimit-2*baseCost); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{"no room to grow": sized(1 << 20)} {
		r := b.post(t, "/v4/nts/submitRun", body)
		r.want(t, http.StatusServiceUnavailable, "error", "the server is busy; try again")
		if r.header.Get("Retry-After") == "" || len(b.log.all()) != 0 {
			t.Errorf("%s: headers %v, %d events", name, r.header, len(b.log.all()))
		}
	}
	if r := b.post(t, "/v4/nts/submitRun", reportOf("1")); r.status != http.StatusOK {
		t.Errorf("a small one: %d %s", r.status, r.text)
	}
	if err := hog.grow(t.Context(), baseCost); err != nil {
		t.Fatal(err)
	}
	if r := b.post(t, "/v4/nts/submitRun", reportOf("2")); r.status != http.StatusServiceUnavailable {
		t.Errorf("no room at all: %d %s", r.status, r.text)
	}
	hog.close()
	if r := b.post(t, "/v4/nts/submitRun", sized(1<<20)); r.status == http.StatusServiceUnavailable {
		t.Errorf("after: %d %s", r.status, r.text)
	}
}

func TestBudget_NeverExceedsItsLimit(t *testing.T) {
	t.Parallel()
	b := setup(t, small)
	budget := b.service.budget
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			reader := &bodyReader{limit: 1 << 20}
			l, err := budget.open(context.Background())
			if err != nil {
				return
			}
			defer l.close()
			reader.lease = l
			_, err = reader.collect(context.Background(), bytes.NewReader(make([]byte, i*20_000)))
			if err != nil && !errors.Is(err, errBusy) {
				t.Errorf("collect: %v", err)
			}
			if l.held > b.service.cfg.InFlightLimit {
				t.Errorf("one lease holds %d", l.held)
			}
		})
	}
	all.Wait()
	if !budget.room.TryAcquire(b.service.cfg.InFlightLimit) {
		t.Error("not everything was given back")
	}
}

func TestGarbage_TenThousandRequests_AreRefusedInBoundedMemory(t *testing.T) {
	b := setup(t, small, func(_ *Config, m *memoryLog) { m.forget = true })
	transport := &http.Transport{MaxConnsPerHost: 16, MaxIdleConnsPerHost: 16}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	measure := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := measure()
	medias := []string{"", mediaForm, "multipart/form-data; boundary=edge", "application/json"}
	encodings := []string{"", "gzip", "zstd", "br"}
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(worker)))
			for range 10_000 / 16 {
				body := make([]byte, r.IntN(2048))
				for i := range body {
					body[i] = byte(r.Uint32())
				}
				req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, b.url+"/v4/nts/submitRun", bytes.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Content-Type", medias[r.IntN(len(medias))])
				if encoding := encodings[r.IntN(len(encodings))]; encoding != "" {
					req.Header.Set("Content-Encoding", encoding)
				}
				res, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode < 400 || res.StatusCode >= 500 {
					t.Errorf("%s", res.Status)
				}
			}
		})
	}
	all.Wait()
	if grown := int64(measure()) - int64(before); grown > 32<<20 {
		t.Errorf("heap grew by %d bytes", grown)
	}
	if left := b.metric(t, "tidemark_intake_in_flight_bytes"); left != 0 || b.service.outcomes.Waiters() != 0 {
		t.Errorf("%v bytes in flight, %d waiters", left, b.service.outcomes.Waiters())
	}
	b.log.set(func(m *memoryLog) { m.forget = false })
	b.post(t, "/v4/nts/submitRun", reportOf("1")).want(t, http.StatusOK, "result_url", b.url+"/db_default/v4/nts/1")
}

// A form is decoded as its bytes come, wherever they are cut.
func TestForm_CutAnywhere_DecodesToTheSame(t *testing.T) {
	t.Parallel()
	want := strings.Repeat(`{"a b": "x+y=1&2%", "ü": [1.5, 2]}`+"\n", 20)
	form := "merge=append&input_data=" + url.QueryEscape(want) + "&commit=1"
	for size := 16; size < 80; size++ { // bufio's smallest buffer is 16 bytes
		d := formDecoder{in: bufio.NewReaderSize(strings.NewReader(form), size)}
		got := map[string]string{}
		for {
			name, more, err := d.name()
			if err != nil {
				t.Fatal(err)
			}
			if !more {
				break
			}
			value, err := io.ReadAll(&d)
			if err != nil {
				t.Fatal(err)
			}
			got[name] = string(value)
		}
		if len(got) != 3 || got["input_data"] != want || got["merge"] != "append" || got["commit"] != "1" {
			t.Fatalf("cut into pieces of %d bytes: %q", size, got)
		}
	}
}
