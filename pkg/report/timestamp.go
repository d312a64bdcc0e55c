package report

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Times that can be stored and read without clamping: ClickHouse has none before 1900, and nanoseconds since 1970, in which the driver
// counts, end in April 2262.
const (
	minYear = 1900
	maxYear = 2261
)

// isoTime is an ISO 8601 date and time of day, each extended (2026-02-03, 04:05:06) or basic (20260203, 040506); seconds and minutes may
// be absent, a fraction is one of the last unit given, the zone may be absent. A blank may stand for the T.
var isoTime = regexp.MustCompile(`^(\d{4})(?:-(\d\d)-(\d\d)|(\d\d)(\d\d))[T ](\d\d)(?::(\d\d)(?::(\d\d))?|(\d\d)(\d\d)?)?(?:[.,](\d+))?(?:(Z)|([+-](?:[01]\d|2[0-3]))(?::?([0-5]\d))?)?$`)

// looseTime is what C's strptime takes for the same: digits may be missing.
var looseTime = regexp.MustCompile(`^(\d{4})-(\d\d?)-(\d\d?)\s+(\d\d?):(\d\d?):(\d\d?)$`)

var errTime = errors.New("want a date and time such as 2026-02-03T04:05:06 or 2026-02-03 04:05:06")

// parseTime reads a time of a report as UTC with microseconds; zoned says that it named its zone. A time
// without a zone is UTC.
func parseTime(s string) (t time.Time, zoned bool, err error) {
	const longest = 64 // ample for any fraction that means something
	if len(s) > longest {
		return time.Time{}, false, errTime
	}
	parts, ok := splitTime(s)
	if !ok {
		return time.Time{}, false, fmt.Errorf("%q: %w", s, errTime)
	}
	t, err = time.Parse("2006-1-2T15:4:5Z07:00", parts.date+"T"+parts.clock+cmp.Or(parts.zone, "Z"))
	if err != nil {
		return time.Time{}, false, fmt.Errorf("%q is not a time that exists: %s", s, reason(err))
	}
	t = t.Add(parts.fraction).UTC()
	if t.Year() < minYear || t.Year() > maxYear {
		return time.Time{}, false, fmt.Errorf("%q is not between the years %d and %d", s, minYear, maxYear)
	}
	return t, parts.zone != "", nil
}

// timeParts are the parts of a time as [time.Parse] takes them; the fraction is of microseconds.
type timeParts struct {
	date, clock, zone string
	fraction          time.Duration
}

func splitTime(s string) (timeParts, bool) {
	if m := looseTime.FindStringSubmatch(s); m != nil {
		return timeParts{date: m[1] + "-" + m[2] + "-" + m[3], clock: m[4] + ":" + m[5] + ":" + m[6]}, true
	}
	m := isoTime.FindStringSubmatch(s)
	if m == nil {
		return timeParts{}, false
	}
	minutes, seconds := m[7]+m[9], m[8]+m[10]
	p := timeParts{
		date:  m[1] + "-" + m[2] + m[4] + "-" + m[3] + m[5],
		clock: m[6] + ":" + cmp.Or(minutes, "00") + ":" + cmp.Or(seconds, "00"),
		zone:  m[12],
	}
	if m[13] != "" {
		p.zone = m[13] + ":" + cmp.Or(m[14], "00")
	}
	switch {
	case seconds != "":
		p.fraction = fraction(m[11], time.Second)
	case minutes != "":
		p.fraction = fraction(m[11], time.Minute)
	default:
		p.fraction = fraction(m[11], time.Hour)
	}
	return p, true
}

// fraction is the part of a unit that some decimals say, in whole microseconds.
func fraction(decimals string, unit time.Duration) time.Duration {
	const most = 9 // digits; an hour has fewer microseconds than that many digits and the product fits
	parts, scale := int64(0), int64(1)
	for _, digit := range decimals[:min(len(decimals), most)] {
		parts, scale = parts*10+int64(digit-'0'), scale*10
	}
	return time.Duration(parts*unit.Microseconds()/scale) * time.Microsecond
}

// reason is the useful half of a parse error, "day out of range".
func reason(err error) string {
	if p, ok := errors.AsType[*time.ParseError](err); ok && p.Message != "" {
		return strings.TrimPrefix(p.Message, ": ")
	}
	return "it is malformed"
}
