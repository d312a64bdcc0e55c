package profile

import (
	"bytes"
	"math/bits"
	"slices"
	"testing"
)

// packed compresses by bzip2: one block, its rotations sorted one by one, codes of all but equal length. It is slow on long
// repetitive data and meant for a few kilobytes.
func packed(t testing.TB, data []byte) []byte {
	t.Helper()
	w := bitWriter{}
	for _, b := range []byte("BZh9") {
		w.write(8, uint64(b))
	}
	crc := crcOf(data)
	if len(data) > 0 {
		block := runs(data)
		if len(block) > 800_000 {
			t.Fatalf("%d bytes are too many", len(data))
		}
		w.block(block, crc)
	} else {
		crc = 0
	}
	w.write(48, 0x177245385090)
	w.write(32, uint64(crc))
	return w.done()
}

type bitWriter struct {
	out  []byte
	bits uint
}

func (w *bitWriter) write(n int, value uint64) {
	for n--; n >= 0; n-- {
		if w.bits%8 == 0 {
			w.out = append(w.out, 0)
		}
		w.out[len(w.out)-1] |= byte(value>>n&1) << (7 - w.bits%8)
		w.bits++
	}
}

func (w *bitWriter) done() []byte { return w.out }

func crcOf(data []byte) uint32 {
	crc := ^uint32(0)
	for _, b := range data {
		crc ^= uint32(b) << 24
		for range 8 {
			top := crc & (1 << 31)
			crc <<= 1
			if top != 0 {
				crc ^= 0x04c11db7
			}
		}
	}
	return ^crc
}

// runs writes four to 259 equal bytes as four and a count.
func runs(data []byte) []byte {
	var out []byte
	for len(data) > 0 {
		n := 1
		for n < len(data) && n < 259 && data[n] == data[0] {
			n++
		}
		out = append(out, data[:min(n, 4)]...)
		if n >= 4 {
			out = append(out, byte(n-4))
		}
		data = data[n:]
	}
	return out
}

func (w *bitWriter) block(data []byte, crc uint32) {
	last, origin := rotated(data)
	w.write(48, 0x314159265359)
	w.write(32, uint64(crc))
	w.write(1, 0)
	w.write(24, uint64(origin))
	used := w.alphabet(data)
	symbols := moved(last, used)
	n := len(used) + 2
	w.write(3, 2)
	selectors := (len(symbols) + 49) / 50
	w.write(15, uint64(selectors))
	for range selectors {
		w.write(1, 0)
	}
	long := bits.Len(uint(n - 1))
	short := 1<<long - n // so many codes are a bit shorter
	for range 2 {
		w.write(5, uint64(long))
		length := long
		for s := range n {
			want := long
			if s < short {
				want = long - 1
			}
			for ; length > want; length-- {
				w.write(2, 3)
			}
			for ; length < want; length++ {
				w.write(2, 2)
			}
			w.write(1, 0)
		}
	}
	for _, s := range symbols {
		if s < short {
			w.write(long-1, uint64(s))
		} else {
			w.write(long, uint64(s+short))
		}
	}
}

// rotated is the last column of the sorted rotations, and the place of the data among them.
func rotated(data []byte) (last []byte, origin int) {
	twice := append(bytes.Clone(data), data...)
	order := make([]int, len(data))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return bytes.Compare(twice[a:a+len(data)], twice[b:b+len(data)]) })
	last = make([]byte, len(data))
	for i, at := range order {
		last[i] = twice[at+len(data)-1]
	}
	return last, slices.Index(order, 0)
}

func (w *bitWriter) alphabet(data []byte) []byte {
	var has [256]bool
	for _, b := range data {
		has[b] = true
	}
	var used []byte
	groups, members := uint64(0), [16]uint64{}
	for b, yes := range has {
		if yes {
			used = append(used, byte(b))
			groups |= 1 << (15 - b/16)
			members[b/16] |= 1 << (15 - b%16)
		}
	}
	w.write(16, groups)
	for _, m := range members {
		if m != 0 {
			w.write(16, m)
		}
	}
	return used
}

// moved writes each byte as its place among those used last, and runs of the first place as numbers in base two.
func moved(last, used []byte) []int {
	used = slices.Clone(used)
	end := len(used) + 1
	var out []int
	zeros := 0
	flush := func() {
		for ; zeros > 0; zeros = (zeros - 1) / 2 {
			out = append(out, (zeros-1)%2)
		}
	}
	for _, b := range last {
		at := bytes.IndexByte(used, b)
		if at == 0 {
			zeros++
			continue
		}
		flush()
		out = append(out, at+1)
		copy(used[1:at+1], used[:at])
		used[0] = b
	}
	flush()
	return append(out, end)
}
