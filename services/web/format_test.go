package web

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tidemark/pkg/suite"
)

func TestQuantity_ShowsFourDigitsInAUnitThatFits(t *testing.T) {
	t.Parallel()
	inSeconds, inBytes := suite.Metric{Unit: "seconds", UnitAbbrev: "s"}, suite.Metric{Unit: "bytes", UnitAbbrev: "b"}
	for _, c := range []struct {
		metric suite.Metric
		value  float64
		want   string
	}{
		{inSeconds, 1.23456, "1.235 s"},
		{inSeconds, 0.804, "804.0 ms"},
		{inSeconds, 0.0000123456, "12.35 µs"},
		{inSeconds, 0, "0 s"},
		{inSeconds, 12, "12 s"},
		{inSeconds, 0.0099999, "10.00 ms"},
		{inSeconds, 9.99996, "10.00 s"},
		{inSeconds, -0.5, "−500.0 ms"},
		{inSeconds, 1e-12, "0.001000 ns"},
		{inBytes, 512, "512 B"},
		{inBytes, 40_000, "39.06 KiB"},
		{inBytes, 3 << 30, "3.000 GiB"},
		{inBytes, 0, "0 B"},
		{suite.Metric{}, 500, "500"},
		{suite.Metric{}, 12345.678, "12\u202f346"},
		{suite.Metric{}, 1_234_567_890, "1.235\u00a0G"},
		{suite.Metric{UnitAbbrev: "J"}, 1.5, "1.500 J"},
		{suite.Metric{UnitAbbrev: "J"}, 2_500_000, "2.500 MJ"},
		{suite.Metric{}, 1e300, "1e+288\u00a0T"},
	} {
		want := strings.ReplaceAll(c.want, " ", "\u00a0")
		if got := quantity(c.metric, c.value); got != want {
			t.Errorf("%v %s: got %q, want %q", c.value, c.metric.Unit, got, want)
		}
	}
}

func TestQuantities_ShareUnitAndDigits(t *testing.T) {
	t.Parallel()
	inSeconds := suite.Metric{Unit: "seconds"}
	for _, c := range []struct {
		a, b         float64
		wantA, wantB string
	}{
		{0.9876, 1.234, "0.988 s", "1.234 s"}, {0.8021, 0.9477, "802.1 ms", "947.7 ms"}, {5, 10, "5 s", "10 s"}, {0, 0, "0 s", "0 s"},
	} {
		a, b := quantities(inSeconds, c.a, c.b)
		if a = strings.ReplaceAll(a, "\u00a0", " "); a != c.wantA {
			t.Errorf("got %q, want %q", a, c.wantA)
		}
		if b = strings.ReplaceAll(b, "\u00a0", " "); b != c.wantB {
			t.Errorf("got %q, want %q", b, c.wantB)
		}
	}
}

func TestPercent_HasASignAndFewDigits(t *testing.T) {
	t.Parallel()
	for ratio, want := range map[float64]string{
		0.182: "+18.2%", -0.07: "−7.00%", 0: "0.00%", 0.000001: "0.00%", 12.3: "+1230%", -1: "−100.0%", 150: "+15\u202f000%",
	} {
		if got := percent(ratio); got != want {
			t.Errorf("%v: got %q, want %q", ratio, got, want)
		}
	}
}

func FuzzQuantity_IsTextWithoutNonsense(f *testing.F) {
	for _, v := range []float64{0, 1, -1, 0.1, math.MaxFloat64, math.SmallestNonzeroFloat64, 999.95, 1023.99} {
		f.Add(v, v*1.5)
	}
	f.Fuzz(func(t *testing.T, a, b float64) {
		if math.IsNaN(a) || math.IsInf(a, 0) || math.IsNaN(b) || math.IsInf(b, 0) {
			return // only finite values are stored
		}
		for _, m := range []suite.Metric{{}, {Unit: "seconds"}, {Unit: "bytes"}, {UnitAbbrev: "J"}} {
			x, y := quantities(m, a, b)
			for _, text := range []string{x, y, quantity(m, a), percent(a)} {
				if text == "" || len(text) > 40 || !utf8.ValidString(text) || strings.Contains(text, "NaN") {
					t.Errorf("%v, %v: %q", a, b, text)
				}
			}
		}
	})
}

func TestHowSure_AtTheEdges_IsStillReadable(t *testing.T) {
	t.Parallel()
	for p, want := range map[float64]string{0: "p < 1e-99", 1e-300: "p < 1e-99", 4.4e-14: "p 4e-14", 0.03: "p 0.03", 1: "p 1"} {
		if got := chanceText(p); got != want {
			t.Errorf("%g is %q, want %q", p, got, want)
		}
	}
	if got := between(-0.0067, -0.0043); got != "−0.67% to −0.43%" {
		t.Errorf("a range is %q", got)
	}
	if got := between(-0.0944, -0.0944); got != "±0.00%" {
		t.Errorf("a change without noise is %q", got)
	}
}

func TestFigure_ATrailingZeroSaysNothing(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{4.5: "4.5", 0.001: "0.001", 46.79: "46.79", 3: "3", 12391: "12\u202f391", 2_500_000: "2.5\u00a0M", 0: "0", 100: "100"} {
		if got := figure(v); got != want {
			t.Errorf("%g is %q, want %q", v, got, want)
		}
	}
}

func TestNameOf_ATitleThatNobodyGave_HasTheMetricsNameAndRealSigns(t *testing.T) {
	t.Parallel()
	in := suiteView{Schema: suite.Schema{Metrics: []suite.Metric{{Name: "code_size", DisplayName: "Code Size"}}}}
	for title, want := range map[string]string{
		"code_size -9.4 % in a/b on m at 1..2":      "Code Size −9.4% in a/b on m at 1..2",
		"m moved: code_size +4.1 % in 6 tests at 1": "m moved: Code Size +4.1% in 6 tests at 1",
		"2 metrics up to -10.7 % in 2 tests on m":   "2 metrics up to −10.7% in 2 tests on m",
		"gone_metric +1.0 % in t on m at 3":         "gone_metric +1.0% in t on m at 3",
		"anything else":                             "anything else",
	} {
		if got := nameOf(in, regressionListRow{Title: title}); got != want {
			t.Errorf("%q is read as %q, want %q", title, got, want)
		}
		if got := nameOf(in, regressionListRow{Title: title, Titled: true}); got != title {
			t.Errorf("somebody's title %q is read as %q", title, got)
		}
	}
}

func TestAgo_SaysHowLongAndThenTheDate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	for back, want := range map[time.Duration]string{
		0: "just now", 5 * time.Minute: "5 min ago", 47 * time.Hour: "47 h ago", 72 * time.Hour: "3 days ago",
		30 * 24 * time.Hour: "2026-02-12", -time.Hour: "2026-03-14",
	} {
		if got := ago(now, now.Add(-back)); got != want {
			t.Errorf("%s: got %q, want %q", back, got, want)
		}
	}
}

func TestTook_IsReadable(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 250 * time.Millisecond: "250 ms", 12 * time.Second: "12.0 s", 70 * time.Second: "1 min 10 s",
		29 * time.Minute: "29 min", 62 * time.Minute: "1 h 2 min", 72 * time.Hour: "3 days",
	} {
		if got := took(d); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}
