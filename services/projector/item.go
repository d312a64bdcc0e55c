package projector

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/registry"
)

// item is one record, decoded and prepared.
type item struct {
	offset   int64
	prepared registry.Prepared
	took     time.Duration
}

func (i *item) envelope() *event.Envelope { return &i.prepared.Envelope }

// suiteKey names a suite without building a string.
type suiteKey struct{ database, suite string }

func (i *item) key() suiteKey {
	return suiteKey{i.prepared.Envelope.Database, i.prepared.Envelope.Suite}
}

// headerSize is the header that says how large a body will be, decompressed; see pkg/event. Decode holds records to it.
const headerSize = "size"

func bodySize(r *eventlog.Record) int {
	if text, ok := r.Header(headerSize); ok {
		if n, err := strconv.Atoi(string(text)); err == nil && n > 0 && n <= event.MaxBody {
			return max(n, len(r.Value))
		}
	}
	return len(r.Value)
}

// portion gives how many of the first records may be decoded together: a few kilobytes may decompress to megabytes.
func portion(records []eventlog.Record, maxBytes int) int {
	total := 0
	for i := range records {
		total += bodySize(&records[i])
		if i > 0 && total > maxBytes {
			return i
		}
	}
	return len(records)
}

// decodeAll decodes and prepares records on all cores; the result is in the order of records. corrupt says that the log
// itself found the bytes changed.
func (p *Projector) decodeAll(records []eventlog.Record, corrupt bool) []item {
	items := make([]item, len(records))
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(records); i = int(next.Add(1)) - 1 {
			items[i] = p.decode(&records[i], corrupt)
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(records)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	return items
}

func (p *Projector) decode(r *eventlog.Record, corrupt bool) item {
	start := time.Now() // a duration, not an instant: no decision depends on it
	var envelope event.Envelope
	err := fmt.Errorf("%w on its way through the log", eventlog.ErrCorrupt)
	if !corrupt {
		headers := lo.Map(r.Headers, func(h eventlog.Header, _ int) event.Header { return event.Header(h) })
		envelope, err = event.Decode(r.Key, r.Value, headers)
	}
	if err != nil {
		envelope = poison(r, err)
	}
	return item{offset: r.Offset, prepared: p.prepare(envelope), took: time.Since(start)}
}

// poisonNamespace is part of the format: changing it changes the ids of poison records.
var poisonNamespace = uuid.MustParse("0f6c1b52-93de-8a44-b7c1-5f0e2a6d9c38")

// paramRecordHeader begins the parameters that keep a poison record's headers.
const paramRecordHeader = "record_header_"

// poison makes an event of a record that is none: a refusal that keeps the bytes, the same for the same record always.
func poison(r *eventlog.Record, why error) event.Envelope {
	e := event.Envelope{
		ID:          poisonID(r),
		Type:        event.SubmissionRefused,
		Version:     1,
		ContentType: "application/octet-stream",
		ReceivedAt:  r.Time.UTC().Truncate(time.Millisecond),
		Params: map[string]string{
			event.ParamRefusedCode:   strconv.Itoa(http.StatusBadRequest),
			event.ParamRefusedError:  "record cannot be read",
			event.ParamRefusedDetail: strings.ToValidUTF8(why.Error(), "?"),
		},
		Body: r.Value,
	}
	e.Database, e.Suite = poisonSuite(r)
	for _, h := range r.Headers[:min(len(r.Headers), event.MaxHeaders)] {
		if len(h.Key) <= event.MaxHeaderName && len(h.Value) <= event.MaxHeaderValue {
			e.Params[paramRecordHeader+h.Key] = string(h.Value)
		}
	}
	if year := e.ReceivedAt.Year(); year < 1970 || year > 2299 {
		e.ReceivedAt = time.Unix(0, 0).UTC()
	}
	return e
}

// poisonSuite is the suite that the key names. A record without a readable key goes to a suite of its partition: two
// partitions must not count in one suite.
func poisonSuite(r *eventlog.Record) (database, suite string) {
	key := string(r.Key)
	database, suite, _ = strings.Cut(key, "/")
	if database == "" || suite == "" || len(key) > event.MaxKey || !utf8.ValidString(key) {
		return "_", "_" + strconv.Itoa(r.Partition)
	}
	return database, suite
}

// poisonID derives an id from the place and the content: the content, because a log that was made anew has the same places.
func poisonID(r *eventlog.Record) uuid.UUID {
	var b []byte
	for _, part := range [][]byte{[]byte(r.Topic), r.Key, r.Value} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(r.Partition))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Offset))
	return uuid.NewHash(sha256.New(), poisonNamespace, b, 8)
}
