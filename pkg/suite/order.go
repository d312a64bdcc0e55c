package suite

import (
	"crypto/sha1" //nolint:gosec // LNT orders texts without digits by their SHA-1; nothing is protected by it
	"encoding/binary"
	"math/big"
	"strings"
)

// The bytes of a sort key. A field is its integers one after another, each as one length byte (1..250)
// and that many big-endian bytes, minimal, zero being 01 00. Fields are separated by fieldEnd, which is
// below every length byte, so that a field that is a prefix of another comes first whatever follows.
const (
	fieldEnd = 0x00
	// tooBig stands for every integer of more than MaxOrderDigits digits; it has no bytes.
	tooBig = 0xff
)

// SortKey maps the values of an order's fields to a string whose bytewise order is the order of runs
// in the suite's history. Every value is read as the tuple of its maximal runs of ASCII digits, as
// integers of any size; a value without digits is the one-element tuple of its SHA-1. Tuples compare
// element by element, a prefix first; of several fields the first unequal one decides.
//
// Different values may have the same key ("r7" and "7"): a key is a place, not an identity.
func SortKey(values ...string) string {
	key := make([]byte, 0, 32)
	for i, v := range values {
		if i > 0 {
			key = append(key, fieldEnd)
		}
		key = appendField(key, v)
	}
	return string(key)
}

// CompareOrders returns -1, 0 or +1 as order a comes before, beside or after order b.
func CompareOrders(a, b []string) int {
	return strings.Compare(SortKey(a...), SortKey(b...))
}

// DisplayOrder is how LNT prints an order: the value of a single field, or "(a, b)".
func DisplayOrder(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return "(" + strings.Join(values, ", ") + ")"
}

func appendField(key []byte, value string) []byte {
	found := false
	for i := 0; i < len(value); {
		if !isDigit(value[i]) {
			i++
			continue
		}
		end := i
		for end < len(value) && isDigit(value[end]) {
			end++
		}
		key, found = appendInteger(key, value[i:end]), true
		i = end
	}
	if found {
		return key
	}
	sum := sha1.Sum([]byte(value)) //nolint:gosec // see the import
	return appendBytes(key, sum[:])
}

func appendInteger(key []byte, digits string) []byte {
	digits = strings.TrimLeft(digits, "0")
	if len(digits) > MaxOrderDigits {
		return append(key, tooBig)
	}
	if len(digits) < 20 { // below 10^19, so it fits 64 bits
		var n uint64
		for i := range len(digits) {
			n = n*10 + uint64(digits[i]-'0')
		}
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], n)
		return appendBytes(key, b[:])
	}
	n, _ := new(big.Int).SetString(digits, 10)
	return appendBytes(key, n.Bytes())
}

// appendBytes appends a big-endian integer with its length, leading zero bytes removed.
func appendBytes(key, b []byte) []byte {
	for len(b) > 1 && b[0] == 0 {
		b = b[1:]
	}
	key = append(key, byte(len(b))) //nolint:gosec // at most 250: MaxOrderDigits digits, or 20 of SHA-1
	return append(key, b...)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
