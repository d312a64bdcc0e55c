package store

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/cespare/xxhash/v2"
)

// ledgerToken names a batch: its place in the log, and XXH64 of all its values.
func ledgerToken(rows []LedgerRow) string {
	h := contentHash{digest: xxhash.New(), buffer: make([]byte, 0, 8*hashChunk)}
	for i := range rows {
		h.row(&rows[i])
	}
	first, last := &rows[0], &rows[len(rows)-1]
	return fmt.Sprintf("%s/%d/%d-%d/%016x", first.Topic, first.Partition, first.Offset, last.Offset, h.digest.Sum64())
}

// hashChunk is how many numbers are laid out before they are hashed.
const hashChunk = 1024

// contentHash writes every value with its length, so that no two different rows
// are the same bytes.
type contentHash struct {
	digest *xxhash.Digest
	buffer []byte
}

func (h *contentHash) row(r *LedgerRow) {
	h.texts(r.Database, r.Suite, r.EventType, r.Actor, r.RequestID, r.ContentType,
		r.Status, r.Error, r.Message, r.Field, r.SuiteSchema, r.RunFields, r.RunParams)
	h.numbers(r.Seq, uint64(r.EventVersion), r.Offset, instantBits(r.ReceivedAt), instantBits(r.StoredAt), r.BodyDigest,
		uint64(r.Code), uint64(r.AddedMachines), uint64(r.AddedRuns), uint64(r.AddedTests), uint64(r.AddedSamples),
		uint64(r.RunID), uint64(r.LoadID), uint64(r.MachineID), uint64(r.OrderID),
		instantBits(r.StartAt), instantBits(r.EndAt), r.FirstSampleID)
	h.bytes(r.EventID[:])
	h.bytes(r.DuplicateOf[:])
	h.bytes(r.Body)
	h.numbers(uint64(len(r.Params)))
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		h.texts(name, r.Params[name])
	}
	h.names(r)
	hashAll(h, r.DeletedRuns, uint32Bits)
	hashAll(h, r.SupersededLoad, uint32Bits)
	hashAll(h, r.RowTestID, uint32Bits)
	hashAll(h, r.SampleRow, uint32Bits)
	hashAll(h, r.SampleTestID, uint32Bits)
	hashAll(h, r.SampleValue, math.Float64bits)
	hashAll(h, r.TextRow, uint32Bits)
	hashAll(h, r.TextTestID, uint32Bits)
	hashAll(h, r.ProfileRow, uint32Bits)
	hashAll(h, r.ProfileTestID, uint32Bits)
	h.bytes(r.SampleFailed)
	h.list(r.Findings)
	h.list(r.SampleMetric)
	h.list(r.TextMetric)
	h.list(r.TextValue)
	h.list(r.Regressions)
	h.list(r.Records)
	h.list(r.ProfileCounters)
}

func (h *contentHash) names(r *LedgerRow) {
	h.numbers(uint64(len(r.Machines)), uint64(len(r.Orders)), uint64(len(r.Tests)))
	for _, m := range r.Machines {
		deleted := uint64(0)
		if m.Deleted {
			deleted = 1
		}
		h.numbers(uint64(m.ID), deleted, uint64(m.MergedInto))
		h.texts(m.Name, m.Fields, m.Params)
	}
	for _, o := range r.Orders {
		h.numbers(uint64(o.ID))
		h.texts(o.Name, o.SortKey)
		h.list(o.Values)
	}
	for _, t := range r.Tests {
		h.numbers(uint64(t.ID))
		h.texts(t.Name)
	}
}

func (h *contentHash) bytes(b []byte) {
	h.numbers(uint64(len(b)))
	_, _ = h.digest.Write(b) // never fails
}

func (h *contentHash) list(values []string) {
	h.numbers(uint64(len(values)))
	h.texts(values...)
}

func (h *contentHash) texts(values ...string) {
	for _, v := range values {
		h.numbers(uint64(len(v)))
		_, _ = h.digest.WriteString(v)
	}
}

func (h *contentHash) numbers(values ...uint64) {
	h.buffer = h.buffer[:0]
	for _, v := range values {
		h.buffer = binary.LittleEndian.AppendUint64(h.buffer, v)
	}
	_, _ = h.digest.Write(h.buffer)
}

func hashAll[T any](h *contentHash, values []T, bits func(T) uint64) {
	h.numbers(uint64(len(values)))
	for chunk := range slices.Chunk(values, hashChunk) {
		h.buffer = h.buffer[:0]
		for _, v := range chunk {
			h.buffer = binary.LittleEndian.AppendUint64(h.buffer, bits(v))
		}
		_, _ = h.digest.Write(h.buffer)
	}
}

func uint32Bits(v uint32) uint64 { return uint64(v) }

func instantBits(t time.Time) uint64 { return uint64(instant(t).UnixMicro()) }

// sortedMap gives a map's entries to the driver in the order of their keys, so
// that equal maps are stored as equal bytes.
type sortedMap map[string]string

// Put is never called: the driver reads.
func (m sortedMap) Put(key, value any) { m[key.(string)] = value.(string) }

// Iterator walks the entries.
func (m sortedMap) Iterator() column.MapIterator {
	return &sortedEntries{entries: m, keys: slices.Sorted(maps.Keys(m)), at: -1}
}

type sortedEntries struct {
	entries map[string]string
	keys    []string
	at      int
}

func (s *sortedEntries) Next() bool { s.at++; return s.at < len(s.keys) }
func (s *sortedEntries) Key() any   { return s.keys[s.at] }
func (s *sortedEntries) Value() any { return s.entries[s.keys[s.at]] }
