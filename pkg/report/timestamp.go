package report

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Times the storage can hold without clamping.
const (
	minYear = 1900
	maxYear = 2299
)

// isoTime is an ISO 8601 date and time of day, extended (2026-02-03T04:05:06) or basic (20260203T040506);
// seconds, their fraction and the zone may be absent. A blank may stand for the T.
var isoTime = regexp.MustCompile(`^(\d{4})(-?)(\d\d)(-?)(\d\d)[T ](\d\d)(:?)(\d\d)(?:(:?)(\d\d)(?:[.,](\d+))?)?(?:(Z)|([+-]\d\d)(?::?(\d\d))?)?$`)

var errTime = errors.New("want a date and time such as 2026-02-03T04:05:06 or 2026-02-03 04:05:06")

// parseTime reads a time of a report as UTC with microseconds; zoned says that it named its zone. A time
// without a zone is UTC.
func parseTime(s string) (t time.Time, zoned bool, err error) {
	const longest = 64 // ample for any fraction that means something
	if len(s) > longest {
		return time.Time{}, false, errTime
	}
	m := isoTime.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, false, fmt.Errorf("%q: %w", s, errTime)
	}
	// Separators are used throughout or not at all.
	if m[2] != m[4] || m[7] == "" != (m[2] == "") || m[10] != "" && m[9] != m[7] {
		return time.Time{}, false, fmt.Errorf("%q: %w", s, errTime)
	}
	seconds := m[10]
	if seconds == "" {
		seconds = "00"
	}
	micros := (m[11] + "000000")[:6]
	zone := "Z"
	if m[13] != "" {
		minutes := m[14]
		if minutes == "" {
			minutes = "00"
		}
		zone = m[13] + ":" + minutes
	}
	text := m[1] + "-" + m[3] + "-" + m[5] + "T" + m[6] + ":" + m[8] + ":" + seconds + "." + micros + zone
	t, err = time.Parse("2006-01-02T15:04:05.000000Z07:00", text)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("%q is not a time that exists: %s", s, reason(err))
	}
	t = t.UTC()
	if t.Year() < minYear || t.Year() > maxYear {
		return time.Time{}, false, fmt.Errorf("%q is not between the years %d and %d", s, minYear, maxYear)
	}
	return t, m[12] != "" || m[13] != "", nil
}

// reason is the useful half of a parse error, "day out of range".
func reason(err error) string {
	if p, ok := errors.AsType[*time.ParseError](err); ok && p.Message != "" {
		return strings.TrimPrefix(p.Message, ": ")
	}
	return "it is malformed"
}
