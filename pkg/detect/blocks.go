package detect

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

const (
	// blockOrders is how many orders a block has in the mean, mostBlockOrders how many it has at most.
	blockOrders, mostBlockOrders = 256, 1000
	// wholeStretch is the longest part that a detector with a stretch judges at once: a block with its margins
	// is one part, whatever its length.
	wholeStretch = "2000"
)

// Line is the orders of a machine, in order.
type Line []LineOrder

// LineOrder is an order at which a machine has runs.
type LineOrder struct {
	OrderID uint32 `ch:"order_id"`
	Name    string `ch:"name"`
	// Seqs are the positions of the runs.
	Seqs []uint64 `ch:"seqs"`
}

// Cuts are the indexes at which blocks begin, the first but for 0. Whether an order
// begins a block hangs on its name, and in a long block on those of the block: a late
// order changes the blocks around it and no other.
func (l Line) Cuts() []int {
	hashes := make([]uint64, len(l))
	for i, o := range l {
		hashes[i] = hashed(o.Name)
	}
	var cuts []int
	begin := 0
	for i := 1; i < len(l); i++ {
		if hashes[i]%blockOrders == 0 {
			cuts = append(shorten(cuts, hashes, begin, i), i)
			begin = i
		}
	}
	return shorten(cuts, hashes, begin, len(l))
}

// shorten cuts [begin, end) while it is too long: at the least hash in the middle half.
func shorten(cuts []int, hashes []uint64, begin, end int) []int {
	n := end - begin
	if n <= mostBlockOrders {
		return cuts
	}
	at := begin + n/4
	for i := at; i < begin+3*n/4; i++ {
		if hashes[i] < hashes[at] {
			at = i
		}
	}
	cuts = append(shorten(cuts, hashes, begin, at), at)
	return shorten(cuts, hashes, at, end)
}

// hashed spreads names over all numbers, the low bits too.
func hashed(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	v := h.Sum64()
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9 // the finaliser of splitmix64 (Vigna 2015)
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// margin is how many points around a block are judged with it. whole tells detectors
// that must see a series from end to end.
func (d Detector) margin() (points int, whole bool, err error) {
	if d.Reach == "whole" {
		return 0, true, nil
	}
	reach := d.Reach
	if _, cuts := d.Values["stretch"]; cuts {
		// The part that such a detector judges is the block itself.
		reach = "overlap"
	}
	for term := range strings.SplitSeq(reach, "+") {
		product := 1
		for factor := range strings.SplitSeq(term, "*") {
			factor = strings.TrimSpace(factor)
			if value, ok := d.Values[factor]; ok {
				factor = value
			}
			n, err := strconv.Atoi(factor)
			if err != nil {
				return 0, false, fmt.Errorf("reach %q of detector %s: %q is neither a number nor a whole parameter", d.Reach, d.Name, factor)
			}
			product *= n
		}
		points += product
	}
	return points, false, nil
}
