package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// blanks is a stream of n blanks.
func blanks(n int64) io.Reader { return io.LimitReader(blank{}, n) }

type blank struct{}

func (blank) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// bomb is small and unpacks to n bytes.
func bomb(t *testing.T, encoding string, n int64) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if encoding == "zstd" {
		z, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	_, err := io.Copy(w, blanks(n))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// garbage is the n-th of many bodies that are no report.
func garbage(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n))) //nolint:gosec // repeatable
	noise := make([]byte, 1+r.IntN(20_000))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	report := reportOf("m", "1")
	switch n % 100 { // deep ones are dear: some suffice
	case 7:
		return []byte(strings.Repeat("[", 100_000))
	case 57:
		return []byte(`{"format_version": "2", "machine": ` + strings.Repeat(`{"a":`, 50_000))
	}
	switch n % 6 {
	case 0:
		return noise
	case 1:
		return report[:r.IntN(len(report))]
	case 2:
		return append([]byte("bplist00"), noise...)
	case 3:
		return []byte(`<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><plist>&b;</plist>`)
	case 4:
		report[r.IntN(len(report))] ^= 1 << r.IntN(8)
		return report[:len(report)-1]
	default:
		return fmt.Appendf(nil, `{"format_version": "2", "machine": {"name": "m"}, "run": {"llvm_project_revision": "1"}, "tests": [{"name": "t", "score": %s}]`, strings.Repeat("9", 50_000))
	}
}

func TestHostile_GarbageAndZipBombs_AreRefusedInBoundedMemory(t *testing.T) {
	t.Parallel()
	// A server with the usual limits: 64 MiB a body, 512 MiB for all.
	s := start(t, t.TempDir())
	s.submit(t, reportOf("m", "first"))
	before, _, err := s.memory()
	if err != nil {
		t.Fatal(err)
	}
	const requests, senders = 2000, 8
	bombs := map[string][]byte{"gzip": bomb(t, "gzip", 256<<20), "zstd": bomb(t, "zstd", 1<<30)}
	var next atomic.Int64
	problems := make(chan error, senders)
	for range senders {
		go func() {
			for {
				n := int(next.Add(1))
				if n > requests {
					problems <- nil
					return
				}
				body, want, headers := garbage(n), http.StatusBadRequest, []string{"Content-Type", "application/json"}
				if n%50 == 0 {
					encoding := []string{"gzip", "zstd"}[n/50%2]
					body, want, headers = bombs[encoding], http.StatusRequestEntityTooLarge, append(headers, "Content-Encoding", encoding)
				}
				a, err := ask(t.Context(), http.MethodPost, s.submitURL(), body, headers...)
				if err == nil && a.code != want {
					err = fmt.Errorf("request %d: %d %.300s, want %d", n, a.code, a.text, want)
				}
				if err != nil {
					problems <- err
					return
				}
			}
		}()
	}
	for range senders {
		if err := <-problems; err != nil {
			t.Error(err)
		}
	}
	after, peak, err := s.memory()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("memory before %d MiB, at most %d MiB, after %d MiB", before>>20, peak>>20, after>>20)
	if peak > before+1<<30 {
		t.Errorf("memory rose from %d MiB to %d MiB", before>>20, peak>>20)
	}
	if n := s.runs(t); n != "1" {
		t.Errorf("%s runs, want 1", n)
	}
	if run, _ := s.submit(t, reportOf("m", "last")); run != 2 {
		t.Errorf("next run is %d, want 2", run)
	}
}
