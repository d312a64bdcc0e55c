package intake

import (
	"errors"
	"io"
	"net"
	"time"
)

var (
	// errTooLarge says that a body is larger than allowed, as sent or as decompressed.
	errTooLarge = errors.New("body too large")
	// errSlow says that the client sent too slowly.
	errSlow = errors.New("client sent too slowly")
	// errAborted says that the connection ended before the body did.
	errAborted = errors.New("connection ended before the body did")
)

// keptBytes is how much of a body without a readable report is kept with its refusal.
const keptBytes = 64 << 10

// wire reads a request's body off its connection. Reading below the end of a streamed body would eat the next request, so an
// end, once seen, stays; and an end before the announced length is an error, which the stream below does not tell.
type wire struct {
	stream   io.Reader
	deadline func(time.Time) error // of the connection's reads; nil: has none
	now      func() time.Time
	idle     time.Duration
	until    time.Time
	length   int64 // announced, or -1

	limit int64
	read  int64
	head  []byte // the first keptBytes
	end   error  // io.EOF or why there is no more; sticky
}

func (w *wire) Read(p []byte) (int, error) {
	if w.tooLarge() {
		return 0, errTooLarge
	}
	n := w.next(p)
	if room := keptBytes - len(w.head); room > 0 {
		w.head = append(w.head, p[:min(n, room)]...)
	}
	if w.tooLarge() {
		return n, errTooLarge
	}
	return n, w.end
}

func (w *wire) tooLarge() bool { return w.length > w.limit || w.read > w.limit }

// failure is why the body could not be read whole, or nil. A decompressor in between may have given its own words to it.
func (w *wire) failure() error {
	if w.tooLarge() {
		return errTooLarge
	}
	if errors.Is(w.end, io.EOF) {
		return nil
	}
	return w.end
}

// next is one read with its deadline.
func (w *wire) next(p []byte) int {
	if w.end != nil {
		return 0
	}
	if w.deadline != nil {
		now := w.now()
		if !now.Before(w.until) {
			w.end = errSlow
			return 0
		}
		at := now.Add(w.idle)
		if at.After(w.until) {
			at = w.until
		}
		// A connection that cannot have a deadline is closed already; the read says so.
		_ = w.deadline(at)
	}
	n, err := w.stream.Read(p)
	w.read += int64(n)
	switch timeout := net.Error(nil); {
	case err == nil:
	case errors.Is(err, io.EOF) && (w.length < 0 || w.read >= w.length):
		w.end = io.EOF
	case errors.As(err, &timeout) && timeout.Timeout():
		w.end = errSlow
	default:
		w.end = errAborted
	}
	return n
}

// keep reads as much as is kept of a body whose reader gave up before that.
func (w *wire) keep() []byte {
	scrap := make([]byte, 8<<10)
	for len(w.head) < keptBytes {
		if _, err := w.Read(scrap); err != nil {
			break
		}
	}
	return w.head
}

// Bounds of what is read only to be thrown away.
const (
	maxDrainBytes = 128 << 20
	maxDrainTime  = 10 * time.Second
)

// finish reads what is left, so that a client that is still sending hears the answer, and reports whether the connection can
// serve another request.
func (w *wire) finish() (reusable bool) {
	w.until = w.now().Add(maxDrainTime)
	scrap := make([]byte, 8<<10)
	for left := int64(maxDrainBytes); w.end == nil && left > 0; {
		left -= int64(w.next(scrap))
	}
	if w.deadline != nil {
		_ = w.deadline(time.Time{})
	}
	return errors.Is(w.end, io.EOF)
}
