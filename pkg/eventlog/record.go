package eventlog

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// Record is one entry of the log. Append reads Key, Value, Headers and Time; readers also get Topic, Partition and Offset.
type Record struct {
	Key     []byte // records with equal keys keep their order
	Value   []byte
	Headers []Header
	Time    time.Time // of the append; zero: now

	Topic     string
	Partition int
	Offset    int64
}

// Header is a named value beside a record's value. Names starting with "tm-log-" are reserved.
type Header struct {
	Key   string
	Value []byte
}

// Position is where a record is: a partition and an offset in it. Offset is -1 for a record that is not in the log.
type Position struct {
	Partition int
	Offset    int64
}

// Header returns the first header of that name, and whether there is one.
func (r *Record) Header(key string) ([]byte, bool) {
	for _, h := range r.Headers {
		if h.Key == key {
			return h.Value, true
		}
	}
	return nil, false
}

// size is what a record costs in memory and, before compression, on the wire: its bytes and a little per part.
func (r *Record) size() int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += headerOverhead + len(h.Key) + len(h.Value)
	}
	return n
}

const (
	checksumHeader = "tm-log-crc32c"
	recordOverhead = 64 // lengths, offsets, times and our own checksum header
	headerOverhead = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is CRC-32C over the key, the value and the headers in order, each preceded by its length as 8 bytes, big
// endian; a missing part counts as an empty one.
func checksum(r *Record) uint32 {
	sum := part(0, r.Key)
	sum = part(sum, r.Value)
	for _, h := range r.Headers {
		sum = part(sum, []byte(h.Key))
		sum = part(sum, h.Value)
	}
	return sum
}

func part(sum uint32, b []byte) uint32 {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(b)))
	return crc32.Update(crc32.Update(sum, castagnoli, n[:]), castagnoli, b)
}
