package eventlog

import (
	"errors"
	"testing"
)

// The place of a key and the checksum of a record are part of what is stored: they never change.
func TestPartitionOf_KnownKeys_NeverMove(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int{"default/nts": 10, "default/compile": 9, "nightly/nts": 7, "a": 4, "": 9} {
		if got := partitionOf([]byte(key), 12); got != want {
			t.Errorf("%q is in partition %d of 12, it used to be in %d", key, got, want)
		}
	}
}

const goldenChecksum = 0xd6e320b2

func TestChecksum_EveryPartCounts(t *testing.T) {
	t.Parallel()
	base := Record{Key: []byte("ab"), Value: []byte("c"), Headers: []Header{{Key: "d", Value: []byte("e")}}}
	seen := map[uint32]string{}
	for name, r := range map[string]Record{
		"base":            base,
		"bytes moved":     {Key: []byte("a"), Value: []byte("bc"), Headers: base.Headers},
		"header renamed":  {Key: base.Key, Value: base.Value, Headers: []Header{{Key: "x", Value: []byte("e")}}},
		"header's value":  {Key: base.Key, Value: base.Value, Headers: []Header{{Key: "d", Value: []byte("x")}}},
		"without header":  {Key: base.Key, Value: base.Value},
		"header in value": {Key: base.Key, Value: []byte("cde")},
		"empty":           {},
	} {
		sum := checksum(&r)
		if other, dup := seen[sum]; dup {
			t.Errorf("%q and %q have the same checksum", name, other)
		}
		seen[sum] = name
	}
	if got := checksum(&base); got != goldenChecksum {
		t.Errorf("checksum of the golden record is %#x, stored records have %#x", got, goldenChecksum)
	}
}

func TestAppendError_SomeFailed_KnowsEachKind(t *testing.T) {
	t.Parallel()
	err := error(&AppendError{Errs: []error{nil, ErrTooLarge, ErrUnavailable}})
	if !errors.Is(err, ErrTooLarge) || !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
	if want := "2 of 3 records failed, the first with: record too large"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}
