package event

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Bounds of an envelope. [Encode] refuses what exceeds them, so [Decode] may.
const (
	// MaxBody is the largest body in bytes, decompressed.
	MaxBody = 64 << 20
	// MaxHeaders is the largest number of headers of a record, other programs' headers included.
	MaxHeaders = 128
	// MaxHeaderName and MaxHeaderValue bound one header, in bytes.
	MaxHeaderName  = 128
	MaxHeaderValue = 32 << 10
	// MaxKey is the longest record key in bytes: a database, a slash, a suite.
	MaxKey = 1024
)

// Envelope is one event: what happened (Type, Version, Body, Params) and how it came here (the rest).
type Envelope struct {
	// ID is the event's identity: the same id delivered again is the same event.
	ID uuid.UUID
	// Type and Version say how to read Body.
	Type    Type
	Version int
	// Database and Suite say whose event it is. Database holds no slash.
	Database, Suite string
	// ContentType is the media type of Body as the client named it; may be empty.
	ContentType string
	// ReceivedAt is when intake had the whole body. UTC, whole milliseconds.
	ReceivedAt time.Time
	// Actor is who sent it (a token's name), empty when anonymous. RequestID is the HTTP request.
	Actor, RequestID string
	// Params are the choices that came with the body; see the Param constants. Nil when there are none.
	Params map[string]string
	// Body is the client's bytes.
	Body []byte
}

// Key is the record key: all events of a suite share it, hence a partition, hence an order.
func (e Envelope) Key() string { return e.Database + "/" + e.Suite }

// Digest identifies the body: the first eight bytes, big-endian, of its SHA-256.
func (e Envelope) Digest() uint64 { return shortDigest(sha256.Sum256(e.Body)) }

func shortDigest(sum [sha256.Size]byte) uint64 { return binary.BigEndian.Uint64(sum[:8]) }

// Validate reports every reason why the envelope cannot be an event.
func (e Envelope) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if e.ID == uuid.Nil {
		bad("id is missing")
	}
	if e.Type == "" {
		bad("type is missing")
	}
	if e.Version < 1 || e.Version > maxVersion {
		bad("version %d is outside 1..%d", e.Version, maxVersion)
	}
	if e.Database == "" || strings.Contains(e.Database, "/") {
		bad("database %q is empty or holds a slash", e.Database)
	}
	if e.Suite == "" {
		bad("suite is missing")
	}
	if key := e.Key(); len(key) > MaxKey || !utf8.ValidString(key) {
		bad("key is longer than %d bytes or not UTF-8", MaxKey)
	}
	if !validInstant(e.ReceivedAt) {
		bad("received_at %s is outside %d..%d", e.ReceivedAt, minYear, maxYear)
	}
	if len(e.Body) > MaxBody {
		bad("body of %d bytes exceeds %d", len(e.Body), MaxBody)
	}
	return errors.Join(errs...)
}

// The years a DateTime64 column can hold.
const (
	minYear    = 1970
	maxYear    = 2299
	maxVersion = 1<<16 - 1
)

func validInstant(t time.Time) bool {
	year := t.UTC().Year()
	return year >= minYear && year <= maxYear
}
