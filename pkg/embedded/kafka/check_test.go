package kafka

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// batch is a record batch as it lies in a segment, with one record per offset from first to first+last.
func batch(first int64, last int32, body []byte) []byte {
	b := make([]byte, headerSize, headerSize+len(body))
	binary.BigEndian.PutUint64(b, uint64(first))
	binary.BigEndian.PutUint32(b[8:], uint32(headerSize+len(body)-prefixSize))
	b[magicAt] = 2
	binary.BigEndian.PutUint32(b[lastDeltaAt:], uint32(last))
	b = append(b, body...)
	binary.BigEndian.PutUint32(b[checksumAt:], crc32.Checksum(b[checkedFrom:], castagnoli))
	return b
}

func segment(batches ...[]byte) []byte { return bytes.Join(batches, nil) }

func TestWalkSegment_Cases(t *testing.T) {
	t.Parallel()
	one, two, three := batch(10, 0, []byte("one")), batch(11, 4, []byte("two, of five")), batch(16, 0, []byte("three"))
	flipped := bytes.Clone(two)
	flipped[70] ^= 1
	longer := bytes.Clone(two)
	binary.BigEndian.PutUint32(longer[8:], 1<<20)
	for name, c := range map[string]struct {
		raw  []byte
		end  int64
		bad  bool
		more bool
	}{
		"empty":                      {nil, 10, false, false},
		"whole":                      {segment(one, two, three), 17, false, false},
		"torn in the body":           {segment(one, two, three[:len(three)-2]), 16, true, false},
		"torn in the header":         {segment(one, two, three[:30]), 16, true, false},
		"zeros at the end":           {segment(one, two, make([]byte, 200)), 16, true, false},
		"flipped in the middle":      {segment(one, flipped, three), 11, true, true},
		"flipped at the end":         {segment(one, flipped), 11, true, false},
		"wrong length in the middle": {segment(one, longer, three), 11, true, true},
		"gap":                        {segment(one, three), 11, true, true},
		"repeat":                     {segment(one, one), 11, true, true},
	} {
		end, bad, err := walkSegment(bytes.NewReader(c.raw), int64(len(c.raw)), 10)
		if err != nil || end != c.end || (bad != nil) != c.bad || bad != nil && bad.more != c.more {
			t.Errorf("%s: end %d, bad %+v, %v; want end %d, bad %t, more %t", name, end, bad, err, c.end, c.bad, c.more)
		}
	}
}

// FuzzWalkSegment: whatever is in a file, the walk ends, what it calls good is good, and it is good again after the cut.
func FuzzWalkSegment(f *testing.F) {
	one, two := batch(3, 0, []byte("one")), batch(4, 1, []byte("two"))
	f.Add(segment(one, two), int64(3))
	f.Add(segment(one, two)[:100], int64(3))
	f.Add(segment(one, make([]byte, 80), two), int64(3))
	f.Fuzz(func(t *testing.T, raw []byte, base int64) {
		end, bad, err := walkSegment(bytes.NewReader(raw), int64(len(raw)), base)
		if err != nil {
			t.Fatal(err)
		}
		good := raw
		if bad != nil {
			if bad.pos < 0 || bad.pos >= int64(len(raw)) || bad.reason == "" {
				t.Fatalf("bad batch at %d of %d bytes, because %q", bad.pos, len(raw), bad.reason)
			}
			good = raw[:bad.pos]
		}
		again, bad, err := walkSegment(bytes.NewReader(good), int64(len(good)), base)
		if err != nil || bad != nil || again != end {
			t.Fatalf("after the cut: end %d, bad %+v, %v; before it was %d", again, bad, err, end)
		}
		whole := append(bytes.Clone(good), batch(end, 0, []byte("next"))...)
		if next, bad, err := walkSegment(bytes.NewReader(whole), int64(len(whole)), base); err != nil || bad != nil || next != end+1 {
			t.Fatalf("written on: end %d, bad %+v, %v; want %d", next, bad, err, end+1)
		}
	})
}

// FuzzGoodFrames: the good part of a file of frames is never longer than the file, and stays good by itself.
func FuzzGoodFrames(f *testing.F) {
	frame := []byte{4, 0, 0, 0, 0, 0, 0, 0, 1, 0, '{', '}'}
	binary.LittleEndian.PutUint32(frame[4:], crc32.Checksum(frame[8:], castagnoli))
	f.Add(segment(frame, frame, frame[:9]))
	f.Fuzz(func(t *testing.T, raw []byte) {
		good := goodFrames(raw)
		if good < 0 || good > len(raw) || goodFrames(raw[:good]) != good {
			t.Fatalf("%d of %d bytes are good", good, len(raw))
		}
		if whole := append(bytes.Clone(raw[:good]), frame...); goodFrames(whole) != len(whole) {
			t.Fatal("a frame written behind the good part is not read")
		}
	})
}
