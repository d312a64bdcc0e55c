package event

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
)

// Header is one Kafka record header.
type Header struct {
	Key   string
	Value []byte
}

// The record layout, version 1.
//
// Key: database, a slash, suite. Value: the body, zstd-compressed when the encoding header says so. Headers, each at most once, in
// any order; values are text unless noted. A reader ignores headers it does not know.
//
//	format         "1", the version of this layout
//	id             the event id, 36 characters
//	type           the event type
//	version        the version of the type's body, decimal
//	content-type   media type of the body as the client named it; absent when empty
//	received-at    milliseconds since 1970-01-01 UTC, decimal
//	actor          who sent it; absent when empty
//	request-id     the HTTP request; absent when empty
//	encoding       "zstd" when the value is compressed; absent otherwise
//	size           bytes of the body, decompressed, decimal
//	sha256         32 raw bytes: the digest of the body, decompressed
//	param-<name>   one per parameter
const (
	headerFormat      = "format"
	headerID          = "id"
	headerType        = "type"
	headerVersion     = "version"
	headerContentType = "content-type"
	headerReceivedAt  = "received-at"
	headerActor       = "actor"
	headerRequestID   = "request-id"
	headerEncoding    = "encoding"
	headerSize        = "size"
	headerDigest      = "sha256"
	headerParam       = "param-"

	format1      = "1"
	encodingZstd = "zstd"
)

// compressFrom is the body size in bytes from which compression is tried: below it the frame costs more than it saves.
const compressFrom = 512

// ErrMalformed is wrapped by every error of [Decode] and [DecodeOutcome]: the record is not one that this package wrote.
var ErrMalformed = errors.New("malformed record")

// Encode lays the event out as a record. ReceivedAt is cut to whole milliseconds. The value may share memory with e.Body.
func Encode(e Envelope) (key, value []byte, headers []Header, err error) {
	if err := e.Validate(); err != nil {
		return nil, nil, nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	digest := sha256.Sum256(e.Body)
	headers = make([]Header, 0, 11+len(e.Params))
	add := func(name, v string) {
		if v != "" {
			headers = append(headers, Header{Key: name, Value: []byte(v)})
		}
	}
	add(headerFormat, format1)
	add(headerID, e.ID.String())
	add(headerType, string(e.Type))
	add(headerVersion, strconv.Itoa(e.Version))
	add(headerContentType, e.ContentType)
	add(headerReceivedAt, strconv.FormatInt(e.ReceivedAt.UnixMilli(), 10))
	add(headerActor, e.Actor)
	add(headerRequestID, e.RequestID)
	add(headerSize, strconv.Itoa(len(e.Body)))
	headers = append(headers, Header{Key: headerDigest, Value: digest[:]})
	for _, name := range slices.Sorted(maps.Keys(e.Params)) {
		headers = append(headers, Header{Key: headerParam + name, Value: []byte(e.Params[name])})
	}
	value = e.Body
	if len(e.Body) >= compressFrom {
		if packed := encoder().EncodeAll(e.Body, make([]byte, 0, len(e.Body)/4)); len(packed) < len(e.Body) {
			value = packed
			add(headerEncoding, encodingZstd)
		}
	}
	if err := checkHeaders(headers); err != nil {
		return nil, nil, nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	return []byte(e.Key()), value, headers, nil
}

// Decode is the inverse of [Encode]. The body may share memory with value. Errors wrap [ErrMalformed].
func Decode(key, value []byte, headers []Header) (Envelope, error) {
	e, err := decode(key, value, headers)
	if err != nil {
		return Envelope{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return e, nil
}

func decode(key, value []byte, headers []Header) (Envelope, error) {
	if len(key) > MaxKey {
		return Envelope{}, fmt.Errorf("key of %d bytes exceeds %d", len(key), MaxKey)
	}
	if err := checkHeaders(headers); err != nil {
		return Envelope{}, err
	}
	known, params, err := sortHeaders(headers)
	if err != nil {
		return Envelope{}, err
	}
	if v := string(known[headerFormat]); v != format1 {
		return Envelope{}, fmt.Errorf("record layout %q is unknown", v)
	}
	e := Envelope{
		Type:        Type(known[headerType]),
		ContentType: string(known[headerContentType]),
		Actor:       string(known[headerActor]),
		RequestID:   string(known[headerRequestID]),
		Params:      params,
	}
	var slash bool
	if e.Database, e.Suite, slash = strings.Cut(string(key), "/"); !slash {
		return Envelope{}, fmt.Errorf("key %q holds no slash", key)
	}
	if e.ID, err = parseID(known[headerID]); err != nil {
		return Envelope{}, err
	}
	version, err := parseNumber(known, headerVersion)
	if err != nil {
		return Envelope{}, err
	}
	e.Version = int(version)
	millis, err := parseNumber(known, headerReceivedAt)
	if err != nil {
		return Envelope{}, err
	}
	e.ReceivedAt = time.UnixMilli(millis).UTC()
	if e.Body, err = unpack(value, known); err != nil {
		return Envelope{}, err
	}
	return e, e.Validate()
}

// sortHeaders splits headers into those of the layout and the parameters. One that comes twice is an error: readers must not
// differ in which one they believe.
func sortHeaders(headers []Header) (known map[string][]byte, params map[string]string, err error) {
	known = make(map[string][]byte, len(headers))
	for _, h := range headers {
		if _, twice := known[h.Key]; twice && isOurs(h.Key) {
			return nil, nil, fmt.Errorf("header %q comes twice", h.Key)
		}
		known[h.Key] = h.Value
		if name, ok := strings.CutPrefix(h.Key, headerParam); ok {
			if params == nil {
				params = make(map[string]string)
			}
			params[name] = string(h.Value)
		}
	}
	return known, params, nil
}

func isOurs(name string) bool {
	switch name {
	case headerFormat, headerID, headerType, headerVersion, headerContentType, headerReceivedAt, headerActor, headerRequestID,
		headerEncoding, headerSize, headerDigest:
		return true
	default:
		return strings.HasPrefix(name, headerParam)
	}
}

func checkHeaders(headers []Header) error {
	if len(headers) > MaxHeaders {
		return fmt.Errorf("%d headers exceed %d", len(headers), MaxHeaders)
	}
	for _, h := range headers {
		if len(h.Key) > MaxHeaderName {
			return fmt.Errorf("header name of %d bytes exceeds %d", len(h.Key), MaxHeaderName)
		}
		if len(h.Value) > MaxHeaderValue {
			return fmt.Errorf("header %q of %d bytes exceeds %d", h.Key, len(h.Value), MaxHeaderValue)
		}
	}
	return nil
}

// parseID accepts the canonical spelling alone, so that one id has one spelling in the log.
func parseID(text []byte) (uuid.UUID, error) {
	id, err := uuid.ParseBytes(text)
	if err != nil || id.String() != string(text) {
		return uuid.Nil, fmt.Errorf("header %q is not an id", headerID)
	}
	return id, nil
}

func parseNumber(known map[string][]byte, name string) (int64, error) {
	n, err := strconv.ParseInt(string(known[name]), 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("header %q is not a number", name)
	}
	return n, nil
}

func unpack(value []byte, known map[string][]byte) ([]byte, error) {
	size, err := parseNumber(known, headerSize)
	if err != nil {
		return nil, err
	}
	if size > MaxBody || len(value) > MaxBody {
		return nil, fmt.Errorf("body of %d bytes exceeds %d", max(size, int64(len(value))), MaxBody)
	}
	body := value
	switch encoding := string(known[headerEncoding]); encoding {
	case "":
	case encodingZstd:
		if body, err = unzstd(value, int(size)); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("encoding %q is unknown", encoding)
	}
	if int64(len(body)) != size {
		return nil, fmt.Errorf("body has %d bytes, header says %d", len(body), size)
	}
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], known[headerDigest]) {
		return nil, errors.New("body does not have the digest that the header says")
	}
	if len(body) == 0 {
		return nil, nil
	}
	return body, nil
}

// unzstd checks the frame's own claim before it decompresses: a frame of a few bytes may claim gigabytes.
func unzstd(value []byte, size int) ([]byte, error) {
	var frame zstd.Header
	if err := frame.Decode(value); err != nil {
		return nil, fmt.Errorf("read zstd frame: %w", err)
	}
	if !frame.HasFCS || frame.FrameContentSize != uint64(size) {
		return nil, fmt.Errorf("zstd frame does not hold %d bytes", size)
	}
	body, err := decoder().DecodeAll(value, make([]byte, 0, size))
	if err != nil {
		return nil, fmt.Errorf("decompress body: %w", err)
	}
	return body, nil
}
