package clickhouse

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
)

// answer writes a result to the client. The status is sent with the first chunk; an
// exception after that goes into the body, framed as a ClickHouse server frames it, and
// breaks the connection, so that no client takes half a result for a whole one.
type answer struct {
	w       http.ResponseWriter
	q       *request
	out     io.Writer // gzip, compressed frames, or w
	finish  func() error
	started bool
	held    bytes.Buffer // with wait_end_of_query
	tag     string       // of the exception frame
	written uint64       // rows, for the summary
}

func newAnswer(w http.ResponseWriter, q *request) *answer {
	var tag [8]byte
	_, _ = rand.Read(tag[:])
	return &answer{w: w, q: q, tag: hex.EncodeToString(tag[:])}
}

// chunk sends a piece of the result.
func (a *answer) chunk(piece []byte) error {
	if a.q.wait {
		a.held.Write(piece)
		return nil
	}
	a.start()
	if _, err := a.out.Write(piece); err != nil {
		return err
	}
	// A small answer leaves in one write, with its length; gzip keeps its own buffer.
	if a.q.gzip || len(piece) < 32<<10 {
		return nil
	}
	return http.NewResponseController(a.w).Flush()
}

func (a *answer) start() {
	if a.started {
		return
	}
	a.started = true
	header := a.w.Header()
	header.Set("Content-Type", contentType(a.q.format))
	header.Set("X-ClickHouse-Format", a.q.format)
	header.Set("X-ClickHouse-Exception-Tag", a.tag)
	header.Set("X-ClickHouse-Summary", fmt.Sprintf(`{"written_rows":"%d"}`, a.written))
	a.out, a.finish = a.w, func() error { return nil }
	switch {
	case a.q.gzip:
		header.Set("Content-Encoding", "gzip")
		zip, _ := gzip.NewWriterLevel(a.w, gzip.BestSpeed)
		a.out, a.finish = zip, zip.Close
	case a.q.native:
		method := compress.LZ4
		if strings.EqualFold(a.q.settings["network_compression_method"], "ZSTD") {
			method = compress.ZSTD
		}
		frames := &frameWriter{w: a.w, c: compress.NewWriter(0, method)}
		a.out = frames
	}
	a.w.WriteHeader(http.StatusOK)
}

// end finishes a result.
func (a *answer) end() error {
	if !a.started && a.held.Len() == 0 && !a.q.native {
		a.q.gzip = false // nothing to say is said with Content-Length: 0
	}
	a.start()
	if a.held.Len() > 0 {
		if _, err := a.out.Write(a.held.Bytes()); err != nil {
			return err
		}
	}
	return a.finish()
}

// fail reports an exception. It panics with http.ErrAbortHandler when the status is out already.
func (a *answer) fail(e *Exception) {
	if !a.started {
		writeException(a.w, e)
		return
	}
	text := e.Error()
	_, _ = fmt.Fprintf(a.out, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", a.tag, text, len(text)+1, a.tag)
	_ = a.finish()
	_ = http.NewResponseController(a.w).Flush()
	panic(http.ErrAbortHandler)
}

func writeException(w http.ResponseWriter, e *Exception) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=UTF-8")
	header.Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.Code))
	w.WriteHeader(e.status())
	_, _ = io.WriteString(w, e.Error()+"\n")
}

// frameWriter writes ClickHouse's own compressed frames (compress=1).
type frameWriter struct {
	w io.Writer
	c *compress.Writer
}

func (f *frameWriter) Write(p []byte) (int, error) {
	const most = 1 << 20
	for rest := p; len(rest) > 0; {
		piece := rest[:min(most, len(rest))]
		rest = rest[len(piece):]
		if err := f.c.Compress(piece); err != nil {
			return 0, err
		}
		if _, err := f.w.Write(f.c.Data); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
