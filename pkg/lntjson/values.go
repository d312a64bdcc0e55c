package lntjson

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendFloat writes v as Python does, which is how LNT's clients see numbers of Real metrics: the
// shortest text that reads back as v, always recognisable as a float.
func AppendFloat(b []byte, v float64) []byte {
	abs := math.Abs(v)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return append(b, "null"...) // JSON has no such numbers
	case abs != 0 && (abs < 1e-4 || abs >= 1e16):
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	from := len(b)
	b = strconv.AppendFloat(b, v, 'f', -1, 64)
	if bytes.IndexByte(b[from:], '.') < 0 {
		b = append(b, ".0"...)
	}
	return b
}

// AppendString writes s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // the error only repeats that there were such bytes
	return b
}

// AppendTime writes an instant as LNT does: ISO 8601 without a zone, microseconds only if there are any.
// The separator is 'T', or ' ' where LNT prints times for people.
func AppendTime(b []byte, t time.Time, separator byte) []byte {
	t = t.UTC()
	b = t.AppendFormat(b, time.DateOnly)
	b = append(b, separator)
	b = t.AppendFormat(b, time.TimeOnly)
	if t.Nanosecond()/1000 > 0 {
		b = t.AppendFormat(b, ".000000")
	}
	return b
}

// Real is a float that encoding/json writes as AppendFloat does.
type Real float64

// MarshalJSON writes v.
func (v Real) MarshalJSON() ([]byte, error) { return AppendFloat(nil, float64(v)), nil }

// Time is an instant that encoding/json writes as AppendTime does, with a 'T'.
type Time time.Time

// MarshalJSON writes t.
func (t Time) MarshalJSON() ([]byte, error) {
	return append(AppendTime([]byte{'"'}, time.Time(t), 'T'), '"'), nil
}
