package intake

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// refusal is a submission that cannot be taken: the HTTP status, LNT's error and message, and the path of what is at fault.
type refusal struct {
	code                 int
	short, detail, field string
}

func (r *refusal) Error() string { return r.short }

func refuse(field, format string, args ...any) *refusal {
	return &refusal{code: 400, short: fmt.Sprintf(format, args...), field: field}
}

// received is what a body turned out to hold.
type received struct {
	report []byte
	// contentType is the report's, as far as the client named it.
	contentType string
	fields      map[string]string
}

// bodyReader turns the bytes of one request into a report and its fields, within limit and the lease.
type bodyReader struct {
	lease    *lease
	limit    int64  // of the report
	encoding string // Content-Encoding
	media    string // Content-Type
	rawOnly  bool   // the body is the report whatever its type says
}

const (
	mediaForm      = "application/x-www-form-urlencoded"
	mediaMultipart = "multipart/form-data"
	// multipartOverhead is what the parts around the report may take, in bytes.
	multipartOverhead = 1 << 20
	// formFactor is how much longer a URL-encoded form can be than what it encodes.
	formFactor = 3
)

// wireLimit is how many bytes such a body may have on the wire.
func (b *bodyReader) wireLimit() int64 {
	if b.compressed() {
		return b.limit
	}
	return b.contentLimit()
}

// contentLimit is how many bytes it may have once decompressed.
func (b *bodyReader) contentLimit() int64 {
	switch b.kind() {
	case mediaForm:
		return formFactor*b.limit + multipartOverhead
	case mediaMultipart:
		return b.limit + multipartOverhead
	default:
		return b.limit
	}
}

func (b *bodyReader) compressed() bool { return b.encoding != "" && b.encoding != "identity" }

func (b *bodyReader) kind() string {
	if b.rawOnly {
		return ""
	}
	media, _, _ := strings.Cut(b.media, ";")
	switch media = strings.ToLower(strings.TrimSpace(media)); media {
	case mediaForm, mediaMultipart:
		return media
	default:
		return ""
	}
}

// read reads the whole of w. Errors are a [*refusal], or one of errTooLarge, errSlow, errAborted, errBusy.
func (b *bodyReader) read(ctx context.Context, w *wire) (received, error) {
	got, err := b.content(ctx, w)
	switch known := (*refusal)(nil); {
	case errors.Is(err, errBusy):
		return received{}, errBusy
	case w.failure() != nil:
		return received{}, w.failure()
	case errors.Is(err, errTooLarge), errors.As(err, &known):
		return received{}, err
	case err != nil:
		return received{}, &refusal{code: 400, short: "could not read the body", detail: err.Error()}
	}
	return got, nil
}

func (b *bodyReader) content(ctx context.Context, w *wire) (received, error) {
	plain, err := b.decompress(ctx, w)
	if err != nil {
		return received{}, err
	}
	defer plain.Close()
	in := bufio.NewReaderSize(&capped{in: plain, left: b.contentLimit()}, 32<<10)
	switch kind := b.kind(); {
	case kind == mediaMultipart:
		return b.multipart(ctx, in)
	case kind == mediaForm && !looksLikeReport(in):
		return b.form(ctx, in)
	default:
		report, err := b.collect(ctx, in)
		return received{report: report, contentType: b.media}, err
	}
}

// looksLikeReport tells a report sent with a form's content type, curl's default, from a form: neither names of fields nor
// their encodings begin like this.
func looksLikeReport(in *bufio.Reader) bool {
	head, _ := in.Peek(64)
	trimmed := bytes.TrimLeft(head, " \t\r\n\ufeff")
	return bytes.HasPrefix(trimmed, []byte("{")) || bytes.HasPrefix(trimmed, []byte("<")) || bytes.HasPrefix(head, []byte("bplist"))
}

// maxWindow is the largest zstd window taken, the one RFC 8878 asks every decoder to support.
const maxWindow = 8 << 20

func (b *bodyReader) decompress(ctx context.Context, w io.Reader) (io.ReadCloser, error) {
	switch b.encoding {
	case "", "identity":
		return io.NopCloser(w), nil
	case "gzip", "x-gzip":
		plain, err := gzip.NewReader(w)
		if err != nil {
			return nil, fmt.Errorf("read gzip header: %w", err)
		}
		return wrapped{plain, "gzip"}, nil
	case "zstd":
		window := max(min(maxWindow, b.limit), zstd.MinWindowSize)
		if err := b.lease.grow(ctx, window); err != nil {
			return nil, err
		}
		plain, err := zstd.NewReader(w, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(uint64(maxWindow)))
		if err != nil {
			return nil, fmt.Errorf("read zstd header: %w", err)
		}
		return wrapped{plain.IOReadCloser(), "zstd"}, nil
	default:
		return nil, &refusal{code: 415, short: fmt.Sprintf("unsupported Content-Encoding %q", b.encoding), detail: "supported are gzip, zstd and identity", field: "Content-Encoding"}
	}
}

// wrapped names the compression in its errors.
type wrapped struct {
	io.ReadCloser
	name string
}

func (r wrapped) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("decompress %s: %w", r.name, err)
	}
	return n, err
}

// capped fails with errTooLarge once more than left bytes came.
type capped struct {
	in   io.Reader
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// firstBuffer is where a body's buffer starts, in bytes; baseCost pays for it.
const firstBuffer = 32 << 10

// collect reads in to its end into memory that is paid for before it is taken.
func (b *bodyReader) collect(ctx context.Context, in io.Reader) ([]byte, error) {
	buf := make([]byte, 0, min(firstBuffer, b.limit+1))
	paid := int64(0)
	for idle := 0; idle < 100; {
		if len(buf) == cap(buf) {
			next := min(2*int64(cap(buf)), b.limit+1)
			if err := b.lease.grow(ctx, next); err != nil {
				return nil, err
			}
			buf = append(make([]byte, 0, next), buf...)
			b.lease.shrink(paid)
			paid = next
		}
		n, err := in.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > b.limit {
			return nil, errTooLarge
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		if idle++; n > 0 {
			idle = 0
		}
	}
	return nil, io.ErrNoProgress
}

// boundaryOf is the multipart boundary of a content type.
func boundaryOf(media string) (string, error) {
	_, params, err := mime.ParseMediaType(media)
	if err != nil {
		return "", refuse("Content-Type", "could not parse Content-Type: %s", err)
	}
	boundary := params["boundary"]
	if boundary == "" || len(boundary) > 70 {
		return "", refuse("Content-Type", "multipart Content-Type names no boundary of 1 to 70 characters")
	}
	return boundary, nil
}
