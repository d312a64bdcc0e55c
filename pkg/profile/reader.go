package profile

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// reader reads numbers and lines from the front of data.
type reader struct {
	data []byte
	what string // for errors
}

// number reads an unsigned LEB128.
func (r *reader) number() (uint64, error) {
	value, n := binary.Uvarint(r.data)
	switch {
	case n == 0:
		return 0, damaged("section %q ends early", r.what)
	case n < 0:
		return 0, damaged("section %q has a number of more than 64 bits", r.what)
	}
	r.data = r.data[n:]
	return value, nil
}

// count reads the number of entries that follow, each of which takes a byte at least.
func (r *reader) count(most int) (int, error) {
	n, err := r.number()
	if err != nil {
		return 0, err
	}
	if n > uint64(most) { //nolint:gosec // most is a small constant
		return 0, damaged("section %q has %d entries, at most %d are read", r.what, n, most)
	}
	if n > uint64(len(r.data)) {
		return 0, damaged("section %q ends early", r.what)
	}
	return int(n), nil //nolint:gosec // at most most
}

// counter reads the number of a counter; it gives the first number of the same name.
func (r *reader) counter(names *pool) (int, error) {
	n, err := r.number()
	if err != nil {
		return 0, err
	}
	if n >= uint64(len(names.first)) {
		return 0, damaged("section %q names counter %d of %d", r.what, n, len(names.first))
	}
	return names.first[n], nil
}

// float reads the bits of a float32, written as a number; LNT cannot write negative ones.
func (r *reader) float() (float32, error) {
	n, err := r.number()
	if err != nil {
		return 0, err
	}
	if n > math.MaxInt32 {
		return 0, damaged("section %q has a value that is no float", r.what)
	}
	return math.Float32frombits(uint32(n)), nil
}

// line reads up to a newline, which is dropped.
func (r *reader) line() ([]byte, error) {
	at := bytes.IndexByte(r.data, '\n')
	if at < 0 {
		return nil, damaged("section %q ends within a text", r.what)
	}
	line := r.data[:at]
	if !utf8.Valid(line) {
		return nil, damaged("section %q has a text that is not UTF-8", r.what)
	}
	r.data = r.data[at+1:]
	return line, nil
}

func (r *reader) text() (string, error) {
	line, err := r.line()
	return string(line), err
}
