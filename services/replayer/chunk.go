package replayer

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// size is what an event weighs.
type size struct{ seq, bytes, samples uint64 }

// stretch is a part of a suite's events, first and last included.
type stretch struct{ first, last, samples uint64 }

// cut closes a stretch when one of the bounds is reached.
func (c Config) cut(sizes []size) []stretch {
	var out []stretch
	var events, bytes, samples uint64
	for _, s := range sizes {
		full := events >= uint64(c.ChunkEvents) || bytes+s.bytes > uint64(c.ChunkBytes) || samples+s.samples > uint64(c.ChunkSamples)
		if len(out) == 0 || full {
			out = append(out, stretch{first: s.seq})
			events, bytes, samples = 0, 0, 0
		}
		events, bytes, samples = events+1, bytes+s.bytes, samples+s.samples
		out[len(out)-1].last, out[len(out)-1].samples = s.seq, samples
	}
	return out
}

// sizesAtOnce is how many events are weighed with one question.
const sizesAtOnce = 20_000

// stretches hands out what lies between two positions, the first one left out, in order. A position without an event is an
// error unless gaps are allowed: every later event would be counted anew.
func (r *Replayer) stretches(ctx context.Context, k suiteKey, after, last uint64, gaps bool, do func(stretch) error) error {
	text := "SELECT seq, body_bytes, toUInt64(length(sample_row) + length(text_row)) FROM " + at(r.cfg.Source, ledgerTable) + " FINAL" + between +
		fmt.Sprintf(" ORDER BY seq LIMIT %d", sizesAtOnce)
	for after < last {
		var sizes []size
		params := k.params(store.Params{"first": after + 1, "last": last})
		err := r.live.Each(ctx, statement("weigh events", text), params, func(scan func(...any) error) error {
			var s size
			err := scan(&s.seq, &s.bytes, &s.samples)
			sizes = append(sizes, s)
			return err
		})
		if err != nil {
			return err
		}
		for i, s := range sizes {
			if want := after + 1 + uint64(i); s.seq != want && !gaps {
				return fmt.Errorf("event %d of %s is missing from the ledger of %s", want, k, r.cfg.Source)
			}
		}
		if len(sizes) == 0 {
			return nil
		}
		for _, s := range r.cfg.cut(sizes) {
			if err := do(s); err != nil {
				return err
			}
		}
		after = sizes[len(sizes)-1].seq
	}
	return nil
}

// kept is one event of the ledger as it came, prepared for its decision.
type kept struct {
	seq      uint64
	at       store.LogPosition
	storedAt time.Time
	prepared registry.Prepared
}

// chunk is what is decided and stored at once.
type chunk struct {
	stretch
	events []kept
}

var queryEvents = sql.MustQuery("replay_events")

// read fetches a stretch of events and prepares them, on all cores.
func (r *Replayer) read(ctx context.Context, k suiteKey, s stretch) (chunk, error) {
	c := chunk{stretch: s}
	var envelopes []event.Envelope
	err := r.live.Each(ctx, queryEvents, k.params(store.Params{"first": s.first, "last": s.last}), func(scan func(...any) error) error {
		e, at, err := scanEvent(scan)
		e.Database, e.Suite = k.database, k.suite
		envelopes, c.events = append(envelopes, e), append(c.events, at)
		return err
	})
	if err != nil {
		return c, err
	}
	if n := s.last - s.first + 1; uint64(len(envelopes)) != n {
		return c, fmt.Errorf("%d events of %s between %d and %d, want %d", len(envelopes), k, s.first, s.last, n)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range envelopes {
		g.Go(func() error {
			c.events[i].prepared = registry.Prepare(envelopes[i])
			return ctx.Err()
		})
	}
	return c, g.Wait()
}

func scanEvent(scan func(...any) error) (event.Envelope, kept, error) {
	var (
		e             event.Envelope
		k             kept
		kind, topic   string
		version       uint16
		partition     uint32
		offset        uint64
		id            uuid.UUID
		body          []byte
		received, put time.Time
	)
	err := scan(&k.seq, &id, &kind, &version, &topic, &partition, &offset, &received, &put, &e.Actor, &e.RequestID, &e.ContentType, &e.Params, &body)
	e.ID, e.Type, e.Version, e.ReceivedAt = id, event.Type(kind), int(version), received.UTC()
	if len(body) > 0 {
		e.Body = body
	}
	k.at = store.LogPosition{Topic: topic, Partition: int(partition), Offset: int64(offset)} //nolint:gosec // it came from an int64
	k.storedAt = put
	return e, k, err
}
