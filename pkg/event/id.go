package event

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"time"

	"github.com/google/uuid"
)

// Namespaces of the derived ids. They are part of the format: changing one changes every id derived from it.
var (
	namespaceKey     = uuid.MustParse("6c2f0a1e-7d0b-8f0c-9a55-0d5f3b1c7e21")
	namespaceFinding = uuid.MustParse("b9d8a4c3-21f6-8e7a-8f40-64a2c90e5d17")

	namespaceRegression = uuid.MustParse("4f1c7b60-93de-8a25-b3c8-5e0d72a94b16")
	namespaceDelivery   = uuid.MustParse("d27e5a08-6b41-8c9f-a17d-30f4e86b25c3")
)

// NewID makes a UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds, then 74 random bits from random, or from crypto/rand
// when random is nil or ends early.
func NewID(now time.Time, random io.Reader) uuid.UUID {
	var id uuid.UUID
	if random == nil {
		random = rand.Reader
	}
	if _, err := io.ReadFull(random, id[6:]); err != nil {
		// crypto/rand never returns an error: it ends the process instead of giving weak ids.
		_, _ = rand.Read(id[6:])
	}
	millis := uint64(max(now.UnixMilli(), 0))
	binary.BigEndian.PutUint16(id[0:], uint16(millis>>32))
	binary.BigEndian.PutUint32(id[2:], uint32(millis))
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// IDFromKey derives the event id from a client's idempotency key, so that a retry of the same submission is the same event.
// It is a UUIDv8 over SHA-256 of the length-prefixed parts, and never changes.
func IDFromKey(database, suite, idempotencyKey string) uuid.UUID {
	return derive(namespaceKey, func(h *hashed) { h.text(database).text(suite).text(idempotencyKey) })
}

// FindingID is the identity of a finding: the same change of the same series seen again by the same detector, with whatever
// version and numbers, is the same finding.
func FindingID(database, suite string, machineID, testID uint32, metric string, orderID uint32, direction Direction, detector string) uuid.UUID {
	return derive(namespaceFinding, func(h *hashed) {
		h.text(database).text(suite).number(machineID).number(testID).text(metric).number(orderID).text(string(direction)).text(detector)
	})
}

func derive(space uuid.UUID, fill func(*hashed)) uuid.UUID {
	var h hashed
	fill(&h)
	return uuid.NewHash(sha256.New(), space, h.bytes, 8)
}

// hashed collects parts so that no two lists of parts give the same bytes.
type hashed struct{ bytes []byte }

func (h *hashed) text(s string) *hashed {
	h.bytes = binary.BigEndian.AppendUint32(h.bytes, uint32(len(s)))
	h.bytes = append(h.bytes, s...)
	return h
}

func (h *hashed) number(n uint32) *hashed {
	h.bytes = binary.BigEndian.AppendUint32(h.bytes, n)
	return h
}
