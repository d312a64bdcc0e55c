package registry

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
	"unicode/utf8"
)

// TestSimilarity_RecordedPairs_SameToTheLastBit compares with what Python 3.11 says:
//
//	difflib.SequenceMatcher(lambda x: x.isdigit(), a, b).ratio()
//
// for 357 pairs made with random.seed(20260203): names of benchmarks and machines, the same with a few characters changed, others
// drawn at random from small alphabets, and some of more than 200 characters.
func TestSimilarity_RecordedPairs_SameToTheLastBit(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/similarity.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // only read
	pairs := 0
	for lines := bufio.NewScanner(file); lines.Scan(); pairs++ {
		var c struct {
			A, B  string
			Ratio float64
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		if got := similarity(c.A, c.B); got != c.Ratio {
			t.Errorf("similarity(%q, %q) = %v, want %v", c.A, c.B, got, c.Ratio)
		}
	}
	if pairs != 357 {
		t.Errorf("%d pairs, want 357", pairs)
	}
}

// FuzzSimilarity_AnyNames_IsWhatTheDefinitionSays compares with the definition written down as it is read.
func FuzzSimilarity_AnyNames_IsWhatTheDefinitionSays(f *testing.F) {
	for _, pair := range [][2]string{{"", ""}, {"a1", "1a"}, {"nts/fft_12", "nts/fft_7"}, {"abcabc", "cabcab"}, {"11a11", "1a1"}, {"²x", "x²"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > 150 || len(b) > 150 || !utf8.ValidString(a) || !utf8.ValidString(b) {
			return // the definition is slow, and leaves popular characters out
		}
		got, want := similarity(a, b), defined([]rune(a), []rune(b))
		if got != want {
			t.Errorf("similarity(%q, %q) = %v, want %v", a, b, got, want)
		}
		if got < 0 || got > 1 || (got == 1) != (a == b) {
			t.Errorf("similarity(%q, %q) = %v", a, b, got)
		}
	})
}

func defined(a, b []rune) float64 {
	if len(a)+len(b) == 0 {
		return 1
	}
	return 2 * float64(definedMatches(a, b)) / float64(len(a)+len(b))
}

// definedMatches takes the longest block without digits, the first in a, then in b, lengthens it and goes on to both sides.
func definedMatches(a, b []rune) int {
	besti, bestj, best := 0, 0, 0
	for i := range a {
		for j := range b {
			n := 0
			for i+n < len(a) && j+n < len(b) && a[i+n] == b[j+n] && !isDigit(b[j+n]) {
				n++
			}
			if n > best {
				besti, bestj, best = i, j, n
			}
		}
	}
	// What stands beside the longest block is a digit or differs, but for a block of nothing, which stands at the beginning.
	for best+besti < len(a) && best+bestj < len(b) && a[besti+best] == b[bestj+best] && !isDigit(b[bestj+best]) {
		best++
	}
	for besti > 0 && bestj > 0 && a[besti-1] == b[bestj-1] && isDigit(b[bestj-1]) {
		besti, bestj, best = besti-1, bestj-1, best+1
	}
	for besti+best < len(a) && bestj+best < len(b) && a[besti+best] == b[bestj+best] && isDigit(b[bestj+best]) {
		best++
	}
	if best == 0 {
		return 0
	}
	return best + definedMatches(a[:besti], b[:bestj]) + definedMatches(a[besti+best:], b[bestj+best:])
}
