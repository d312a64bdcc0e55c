package suite

import (
	"cmp"
	"crypto/sha1" //nolint:gosec // the rule under test uses it
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// naive is the rule as it is told: tuples of integers, compared element by element.
func naive(a, b []string) int {
	return slices.CompareFunc(a, b, func(x, y string) int {
		return slices.CompareFunc(tuple(x), tuple(y), (*big.Int).Cmp)
	})
}

var digitRuns = regexp.MustCompile(`[0-9]+`)

func tuple(value string) []*big.Int {
	runs := digitRuns.FindAllString(value, -1)
	if len(runs) == 0 {
		sum := sha1.Sum([]byte(value)) //nolint:gosec // see the import
		return []*big.Int{new(big.Int).SetBytes(sum[:])}
	}
	ints := make([]*big.Int, len(runs))
	for i, run := range runs {
		ints[i], _ = new(big.Int).SetString(run, 10)
	}
	return ints
}

func TestSortKey_AnyTwoOrders_CompareAsTuplesOfIntegers(t *testing.T) {
	t.Parallel()
	values := rapid.OneOf(
		rapid.StringMatching(`[a0-3.]{0,6}`), // small, so that equal prefixes are common
		rapid.StringMatching(`r?[0-9]{1,25}(\.[0-9]{1,3}){0,3}`),
		rapid.StringMatching(`[0-9]{1,300}`),
		rapid.String(),
	)
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(values, 0, 3).Draw(t, "a")
		b := rapid.SliceOfN(values, 0, 3).Draw(t, "b")
		if got, want := cmp.Compare(SortKey(a...), SortKey(b...)), naive(a, b); got != want {
			t.Fatalf("SortKey order of %q and %q = %d, want %d", a, b, got, want)
		}
		if got, want := CompareOrders(a, b), naive(a, b); got != want {
			t.Fatalf("CompareOrders(%q, %q) = %d, want %d", a, b, got, want)
		}
	})
}

func TestSortKey_KnownValues_HaveTheseBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []string
		want   string
	}{
		{[]string{"0"}, "\x01\x00"},
		{[]string{"000"}, "\x01\x00"},
		{[]string{"7"}, "\x01\x07"},
		{[]string{"r7"}, "\x01\x07"},
		{[]string{"255"}, "\x01\xff"},
		{[]string{"256"}, "\x02\x01\x00"},
		{[]string{"1a2,3-45:b6;"}, "\x01\x01\x01\x02\x01\x03\x01\x2d\x01\x06"},
		{[]string{"18446744073709551615"}, "\x08\xff\xff\xff\xff\xff\xff\xff\xff"},
		{[]string{"18446744073709551616"}, "\x09\x01\x00\x00\x00\x00\x00\x00\x00\x00"},
		{[]string{"1", "2"}, "\x01\x01\x00\x01\x02"},
		{nil, ""},
		// SHA-1 of the empty string.
		{[]string{""}, "\x14\xda\x39\xa3\xee\x5e\x6b\x4b\x0d\x32\x55\xbf\xef\x95\x60\x18\x90\xaf\xd8\x07\x09"},
	} {
		if got := SortKey(c.values...); got != c.want {
			t.Errorf("SortKey(%q) = %x, want %x", c.values, got, c.want)
		}
	}
}

func TestSortKey_IntegersBeyondTheBound_ComeLastAndEqual(t *testing.T) {
	t.Parallel()
	largest := strings.Repeat("9", MaxOrderDigits)
	beyond, far := "1"+strings.Repeat("0", MaxOrderDigits), strings.Repeat("9", 1<<20)
	if CompareOrders([]string{largest}, []string{beyond}) != -1 {
		t.Errorf("an integer of %d digits does not come before a longer one", MaxOrderDigits)
	}
	if CompareOrders([]string{beyond}, []string{far}) != 0 {
		t.Errorf("integers beyond the bound are not equal")
	}
	padded := strings.Repeat("0", 2*MaxOrderDigits) + "5"
	if SortKey(padded) != SortKey("5") {
		t.Errorf("leading zeros count as digits")
	}
}

func TestDisplayOrder_OneAndSeveralFields(t *testing.T) {
	t.Parallel()
	if got := DisplayOrder([]string{"501234"}); got != "501234" {
		t.Errorf("one field: %q", got)
	}
	if got := DisplayOrder([]string{"1.2", "77"}); got != "(1.2, 77)" {
		t.Errorf("two fields: %q", got)
	}
}

func FuzzSortKey(f *testing.F) {
	f.Add("501234", "r501235")
	f.Add("", "main")
	f.Add("1.2.3", "1.2")
	f.Add("99999999999999999999", "100000000000000000000")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > MaxOrderDigits || len(b) > MaxOrderDigits {
			a, b = a[:min(len(a), MaxOrderDigits)], b[:min(len(b), MaxOrderDigits)]
		}
		if got, want := CompareOrders([]string{a}, []string{b}), naive([]string{a}, []string{b}); got != want {
			t.Fatalf("CompareOrders(%q, %q) = %d, want %d", a, b, got, want)
		}
		if got, want := CompareOrders([]string{a, b}, []string{b, a}), naive([]string{a, b}, []string{b, a}); got != want {
			t.Fatalf("two fields: CompareOrders = %d, want %d", got, want)
		}
	})
}
