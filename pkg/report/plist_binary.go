package report

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/big"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// The layout of a binary property list: "bplist00", objects, a table of their offsets, and a trailer of
// 32 bytes. An object starts with a byte of kind (high half) and size (low half); lists and dictionaries
// refer to their members by number.
const (
	binaryHeader  = 8
	binaryTrailer = 32
)

// binaryToJSON rewrites a binary property list. Work and memory are bounded by the size of the text that
// comes out, whatever the list shares, nests or claims.
func binaryToJSON(body []byte, opts Options) ([]byte, error) {
	b := binaryReader{w: jsonWriter{opts: opts}}
	if err := b.open(body); err != nil {
		return nil, err
	}
	if err := b.object(b.top, nil, 0); err != nil {
		return nil, err
	}
	return b.w.out, nil
}

type binaryReader struct {
	w       jsonWriter
	objects []byte // everything before the offset table, so that offsets need no shifting
	table   []byte
	count   uint64
	top     uint64
	// sizes in bytes of an entry of the table, and of a reference to an object
	offsetSize, refSize uint64
}

func (b *binaryReader) open(body []byte) error {
	if len(body) < binaryHeader+binaryTrailer {
		return b.w.refuse(nil, "the file is too short")
	}
	if string(body[:7]) != "bplist0" {
		return b.w.refuse(nil, "unknown version")
	}
	trailer := body[len(body)-binaryTrailer:]
	rest := uint64(len(body) - binaryTrailer)
	b.offsetSize, b.refSize = uint64(trailer[6]), uint64(trailer[7])
	b.count = binary.BigEndian.Uint64(trailer[8:])
	b.top = binary.BigEndian.Uint64(trailer[16:])
	tableAt := binary.BigEndian.Uint64(trailer[24:])
	switch {
	case b.offsetSize < 1 || b.offsetSize > 8 || b.refSize < 1 || b.refSize > 8:
		return b.w.refuse(nil, "the trailer names impossible sizes")
	case tableAt < binaryHeader || tableAt > rest:
		return b.w.refuse(nil, "the offset table lies outside the file")
	case b.count == 0 || b.count > (rest-tableAt)/b.offsetSize:
		return b.w.refuse(nil, "the offset table is cut off")
	}
	b.objects, b.table = body[:tableAt], body[tableAt:rest]
	return nil
}

// object writes object number ref.
func (b *binaryReader) object(ref uint64, c *crumb, depth int) error {
	if err := b.w.depth(c, depth); err != nil {
		return err
	}
	kind, size, rest, err := b.head(ref, c)
	if err != nil {
		return err
	}
	switch kind {
	case 0x0:
		return b.singleton(size, c)
	case 0x1:
		return b.integer(size, rest, c)
	case 0x2:
		return b.real(size, rest, c)
	case 0x3:
		return b.date(size, rest, c)
	case 0x4, 0x5, 0x6:
		s, err := b.text(kind, size, rest, c)
		if err != nil {
			return err
		}
		return b.w.str(c, s)
	case 0xa:
		return b.array(size, rest, c, depth)
	case 0xd:
		return b.dict(size, rest, c, depth)
	default:
		return b.w.refuse(c, "there is an object of unknown kind")
	}
}

// head reads the kind and size of an object and gives the bytes that follow. For kinds that can be long
// the size is counted in members or characters; a low half of 15 says that an integer object follows
// with the size.
func (b *binaryReader) head(ref uint64, c *crumb) (kind byte, size uint64, rest []byte, err error) {
	if ref >= b.count {
		return 0, 0, nil, b.w.refuse(c, "there is a reference to an object that does not exist")
	}
	at := bigEndian(b.table[ref*b.offsetSize:][:b.offsetSize])
	if at < binaryHeader || at >= uint64(len(b.objects)) {
		return 0, 0, nil, b.w.refuse(c, "an object lies outside the file")
	}
	mark := b.objects[at]
	kind, size, rest = mark>>4, uint64(mark&0xf), b.objects[at+1:]
	if kind < 0x4 || kind == 0x8 || size < 0xf {
		return kind, size, rest, nil
	}
	if len(rest) == 0 || rest[0]>>4 != 0x1 || rest[0]&0xf > 3 {
		return 0, 0, nil, b.w.refuse(c, "an object has an impossible size")
	}
	bytes := 1 << (rest[0] & 0xf)
	if len(rest) < 1+bytes {
		return 0, 0, nil, b.w.refuse(c, "an object is cut off")
	}
	return kind, bigEndian(rest[1 : 1+bytes]), rest[1+bytes:], nil
}

func (b *binaryReader) singleton(which uint64, c *crumb) error {
	switch which {
	case 0x0:
		b.w.out = append(b.w.out, "null"...)
		return b.w.room()
	case 0x8, 0x9:
		return b.w.bool(which == 0x9)
	default:
		return b.w.refuse(c, "there is an object of unknown kind")
	}
}

// take gives n units of unit bytes each.
func (b *binaryReader) take(rest []byte, n, unit uint64, c *crumb) ([]byte, error) {
	if n > uint64(len(rest))/unit {
		return nil, b.w.refuse(c, "an object is cut off")
	}
	return rest[:n*unit], nil
}

// integer writes an integer: 1, 2 and 4 bytes are unsigned, 8 and 16 are signed.
func (b *binaryReader) integer(log2 uint64, rest []byte, c *crumb) error {
	if log2 > 4 {
		return b.w.refuse(c, "an integer has an impossible size")
	}
	data, err := b.take(rest, 1<<log2, 1, c)
	if err != nil {
		return err
	}
	n := new(big.Int).SetBytes(data)
	if log2 >= 3 && data[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(data))*8))
	}
	return b.w.integer(n)
}

func (b *binaryReader) real(log2 uint64, rest []byte, c *crumb) error {
	if log2 != 2 && log2 != 3 {
		return b.w.refuse(c, "a real number has an impossible size")
	}
	data, err := b.take(rest, 1<<log2, 1, c)
	if err != nil {
		return err
	}
	if log2 == 2 {
		return b.w.real(c, float64(math.Float32frombits(binary.BigEndian.Uint32(data))))
	}
	return b.w.real(c, math.Float64frombits(binary.BigEndian.Uint64(data)))
}

// date writes a date, which is stored as seconds since the start of 2001.
func (b *binaryReader) date(log2 uint64, rest []byte, c *crumb) error {
	data, err := b.take(rest, 8, 1, c)
	if err != nil {
		return err
	}
	seconds := math.Float64frombits(binary.BigEndian.Uint64(data))
	const century = 100 * 366 * 86400
	if log2 != 3 || !(math.Abs(seconds) < 10*century) {
		return b.w.refuse(c, "a date is out of range")
	}
	epoch := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	whole, fraction := math.Modf(seconds)
	t := time.Unix(epoch.Unix()+int64(whole), int64(fraction*1e9))
	return b.w.date(c, t.Round(time.Microsecond))
}

// text gives data (as base64), an ASCII or a UTF-16 string.
func (b *binaryReader) text(kind byte, size uint64, rest []byte, c *crumb) (string, error) {
	unit := uint64(1)
	if kind == 0x6 {
		unit = 2
	}
	data, err := b.take(rest, size, unit, c)
	if err != nil {
		return "", err
	}
	if len(data) > b.w.opts.MaxBytes-len(b.w.out) { // before it is copied
		return "", tooLarge("the property list stands for more than %d bytes of JSON", b.w.opts.MaxBytes)
	}
	switch kind {
	case 0x4:
		return base64.StdEncoding.EncodeToString(data), nil
	case 0x5:
		for _, ch := range data {
			if ch >= utf8.RuneSelf {
				return "", b.w.refuse(c, "an ASCII string has other characters")
			}
		}
		return string(data), nil
	}
	units := make([]uint16, size)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units)), nil
}

func (b *binaryReader) array(size uint64, rest []byte, c *crumb, depth int) error {
	refs, err := b.take(rest, size, b.refSize, c)
	if err != nil {
		return err
	}
	b.w.out = append(b.w.out, '[')
	for i := range size {
		if i > 0 {
			b.w.out = append(b.w.out, ',')
		}
		inner := &crumb{parent: c, at: int(i)} //nolint:gosec // below the body's length
		if err := b.object(b.ref(refs, i), inner, depth+1); err != nil {
			return err
		}
	}
	b.w.out = append(b.w.out, ']')
	return b.w.room()
}

// dict writes a dictionary: all keys are stored first, then all values.
func (b *binaryReader) dict(size uint64, rest []byte, c *crumb, depth int) error {
	refs, err := b.take(rest, size, 2*b.refSize, c)
	if err != nil {
		return err
	}
	b.w.out = append(b.w.out, '{')
	for i := range size {
		if i > 0 {
			b.w.out = append(b.w.out, ',')
		}
		kind, length, tail, err := b.head(b.ref(refs, i), c)
		if err != nil {
			return err
		}
		if kind != 0x5 && kind != 0x6 {
			return b.w.refuse(c, "a key is not a string")
		}
		key, err := b.text(kind, length, tail, c)
		if err != nil {
			return err
		}
		inner := &crumb{parent: c, name: key, at: -1}
		if err := b.w.str(inner, key); err != nil {
			return err
		}
		b.w.out = append(b.w.out, ':')
		if err := b.object(b.ref(refs, size+i), inner, depth+1); err != nil {
			return err
		}
	}
	b.w.out = append(b.w.out, '}')
	return b.w.room()
}

func (b *binaryReader) ref(refs []byte, i uint64) uint64 {
	return bigEndian(refs[i*b.refSize:][:b.refSize])
}

func bigEndian(b []byte) uint64 {
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}
