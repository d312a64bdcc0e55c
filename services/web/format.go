package web

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tidemark/pkg/suite"
)

// digits is how many significant digits a value is shown with.
const digits = 4

const (
	minus = "−"      // U+2212, as wide as the plus sign
	group = "\u202f" // narrow space between thousands
)

// scale is the unit in which a value is shown: value / by, then the unit.
type scale struct {
	by   float64
	unit string
}

var (
	seconds = []scale{{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}, {1e-9, "ns"}}
	octets  = []scale{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, "B"}}
	plain   = []scale{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1, ""}}
)

// scaleFor picks the unit in which v has at least one digit before its point.
func scaleFor(m suite.Metric, v float64) scale {
	ladder := plain
	switch {
	case m.Unit == "seconds" || m.UnitAbbrev == "s":
		ladder = seconds
	case m.Unit == "bytes" || m.UnitAbbrev == "b" || m.UnitAbbrev == "B":
		ladder = octets
	}
	v = math.Abs(v)
	for _, step := range ladder {
		if v >= step.by {
			return named(m, ladder, step)
		}
	}
	if v == 0 && len(ladder) == len(seconds) && ladder[0].unit == "s" {
		return seconds[0]
	}
	return named(m, ladder, ladder[len(ladder)-1])
}

// named adds the metric's own unit to a bare multiplier.
func named(m suite.Metric, ladder []scale, step scale) scale {
	if ladder[len(ladder)-1].unit != "" || m.UnitAbbrev == "" && m.Unit == "" {
		return step
	}
	own := m.UnitAbbrev
	if own == "" {
		own = m.Unit
	}
	return scale{step.by, step.unit + own}
}

// format shows v in the scale, with so many digits behind the point.
func (s scale) format(v float64, decimals int) string {
	text := fixed(v/s.by, decimals)
	if s.unit == "" {
		return text
	}
	return text + "\u00a0" + s.unit
}

// decimals is how many digits behind the point give v its significant digits.
func (s scale) decimals(v float64) int {
	v = math.Abs(v / s.by)
	if v == 0 || s.by == 1 && v == math.Trunc(v) && v < 1e6 {
		return 0
	}
	return places(v)
}

// places is how many digits behind the point give v > 0 its significant digits once it is rounded: 9.9999 is 10.00.
func places(v float64) int {
	_, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', digits-1, 64), "e")
	power, _ := strconv.Atoi(exponent) // what FormatFloat wrote; infinity has none, and no digits
	return max(0, min(12, digits-1-power))
}

// quantity shows one value of a metric with its unit.
func quantity(m suite.Metric, v float64) string {
	s := scaleFor(m, v)
	return s.format(v, s.decimals(v))
}

// quantities shows two values in one unit and with equally many digits, so that
// they can be compared by eye.
func quantities(m suite.Metric, a, b float64) (string, string) {
	larger := max(math.Abs(a), math.Abs(b))
	s := scaleFor(m, larger)
	n := max(s.decimals(a), s.decimals(b))
	if larger != 0 {
		n = min(n, places(larger/s.by))
	}
	return s.format(a, n), s.format(b, n)
}

// exact is v as it is stored.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// fixed is v with n digits behind the point, a real minus sign and grouped thousands.
func fixed(v float64, n int) string {
	if math.Abs(v) >= 1e15 {
		return strconv.FormatFloat(v, 'g', digits, 64)
	}
	text := strconv.FormatFloat(math.Abs(v), 'f', n, 64)
	whole, rest, hasRest := strings.Cut(text, ".")
	text = grouped(whole)
	if hasRest {
		text += "." + rest
	}
	if v < 0 && strings.Trim(text, "0.") != "" {
		return minus + text
	}
	return text
}

// grouped puts a narrow space between thousands, from five digits on.
func grouped(whole string) string {
	if len(whole) < 5 {
		return whole
	}
	var b strings.Builder
	for i, r := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(group)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// integer shows a count.
func integer[N int | int32 | int64 | uint32 | uint64](n N) string {
	if n < 0 {
		return minus + grouped(strconv.FormatUint(uint64(-n), 10))
	}
	return grouped(strconv.FormatUint(uint64(n), 10))
}

// percent shows a relative change with its sign: 0.123 is +12.3%.
func percent(ratio float64) string {
	p := ratio * 100
	n := 1
	switch size := math.Abs(p); {
	case size < 9.995:
		n = 2
	case size >= 999.5:
		n = 0
	}
	text := fixed(p, n)
	if p > 0 && strings.Trim(text, "0.") != "" {
		text = "+" + text
	}
	return text + "%"
}

// between shows the range in which a relative change lies; a range too narrow for the digits is none.
func between(low, high float64) string {
	from, to := percent(low), percent(high)
	if from == to {
		return "±0.00%"
	}
	return from + " to " + to
}

// leastChance is where the tails that detectors compute with end.
const leastChance = 1e-99

// chanceText shows a p-value, which is never quite 0.
func chanceText(p float64) string {
	if p < leastChance {
		return "p < 1e-99"
	}
	return "p " + strconv.FormatFloat(p, 'g', 1, 64)
}

// size shows a number of bytes.
func size(n uint64) string { return quantity(suite.Metric{Unit: "bytes"}, float64(n)) }

// instant shows a time in UTC to the minute.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// machineTime is t for the datetime attribute.
func machineTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// known says whether a time was stored: ClickHouse has 1970 for what is missing.
func known(t time.Time) bool { return t.Unix() > 0 }

// ago shows how long before now t was, or its date when that is long.
func ago(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case d < -time.Minute || d >= 14*24*time.Hour:
		return t.UTC().Format("2006-01-02")
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min ago"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h ago"
	}
	return strconv.Itoa(int(d.Hours()/24)) + " days ago"
}

// took shows how long something lasted.
func took(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Second:
		return strconv.Itoa(int(d.Milliseconds())) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Hour:
		return withRest(int(d.Minutes()), " min", int(d.Seconds())%60, " s")
	case d < 48*time.Hour:
		return withRest(int(d.Hours()), " h", int(d.Minutes())%60, " min")
	}
	return strconv.Itoa(int(d.Hours()/24)) + " days"
}

func withRest(whole int, unit string, rest int, restUnit string) string {
	text := strconv.Itoa(whole) + unit
	if rest > 0 {
		text += " " + strconv.Itoa(rest) + restUnit
	}
	return text
}

// clip cuts text to n characters.
func clip(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// uintText is n in plain digits, for addresses.
func uintText(n uint64) string { return strconv.FormatUint(n, 10) }
