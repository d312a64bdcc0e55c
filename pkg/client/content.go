package client

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// content is one report ready to be sent.
type content struct {
	body      []byte
	encoding  string // Content-Encoding of body; empty: none
	mediaType string
	size      int64 // bytes of the report itself
	sum       [sha256.Size]byte
}

// compressFrom is the size in bytes from which a report is compressed.
const compressFrom = 1 << 10

// prepare finds out what data is and compresses it unless it is compressed already. The sum is that of the report, so the same
// report has the same key whether it comes compressed or not.
func prepare(data []byte, compression string) (content, error) {
	c := content{body: data, encoding: encodingOf(data)}
	plain, err := open(data)
	if err != nil {
		return content{}, err
	}
	defer plain.Close()
	head := make([]byte, 64)
	n, err := io.ReadFull(plain, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return content{}, fmt.Errorf("decompress: %w", err)
	}
	c.mediaType = mediaOf(head[:n])
	hash := sha256.New()
	hash.Write(head[:n])
	rest, err := io.Copy(hash, io.LimitReader(plain, maxContent))
	if err != nil {
		return content{}, fmt.Errorf("decompress: %w", err)
	}
	c.size = int64(n) + rest
	hash.Sum(c.sum[:0])
	if c.encoding == "" && len(data) >= compressFrom {
		return c.compress(compression)
	}
	return c, nil
}

func (c content) compress(how string) (content, error) {
	switch how {
	case "zstd":
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(maxWindow))
		if err != nil {
			return content{}, fmt.Errorf("compress: %w", err)
		}
		c.body, c.encoding = w.EncodeAll(c.body, nil), "zstd"
	case "gzip":
		var buf bytes.Buffer
		w := gzip.NewWriter(&buf)
		if _, err := w.Write(c.body); err != nil {
			return content{}, fmt.Errorf("compress: %w", err)
		}
		if err := w.Close(); err != nil {
			return content{}, fmt.Errorf("compress: %w", err)
		}
		c.body, c.encoding = buf.Bytes(), "gzip"
	}
	return c, nil
}

// maxWindow is the largest window RFC 8878 lets a sender count on.
const maxWindow = 8 << 20

// encodingOf tells compressed data by its first bytes; no report begins like this.
func encodingOf(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		return "gzip"
	case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "zstd"
	default:
		return ""
	}
}

// open reads the report inside data.
func open(data []byte) (io.ReadCloser, error) {
	switch encodingOf(data) {
	case "gzip":
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("decompress: %w", err)
		}
		return r, nil
	case "zstd":
		r, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, fmt.Errorf("decompress: %w", err)
		}
		return r.IOReadCloser(), nil
	default:
		return io.NopCloser(bytes.NewReader(data)), nil
	}
}

func mediaOf(head []byte) string {
	trimmed := bytes.TrimLeft(head, " \t\r\n\ufeff")
	if bytes.HasPrefix(trimmed, []byte("<")) || bytes.HasPrefix(head, []byte("bplist")) {
		return "application/x-plist"
	}
	return "application/json"
}
