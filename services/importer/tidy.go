package importer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"tidemark/pkg/suite"
)

// Notes count what was not carried over as it is at the source.
type Notes struct {
	NoTime, NoOrder, NotFinite, OddStatus, NoProfile, Gone int
}

func (n *Notes) add(o Notes) {
	n.NoTime += o.NoTime
	n.NoOrder += o.NoOrder
	n.NotFinite += o.NotFinite
	n.OddStatus += o.OddStatus
	n.NoProfile += o.NoProfile
	n.Gone += o.Gone
}

// lines says what is to be said.
func (n *Notes) lines() []string {
	var out []string
	for _, l := range []struct {
		n    int
		text string
	}{
		{n.NoTime, "runs without a start time are dated 1970-01-01, or to their end"},
		{n.NoOrder, "order values that were null are empty texts"},
		{n.NotFinite, "values were not finite numbers and are left out"},
		{n.OddStatus, "statuses were none of pass, fail and xfail and are left out"},
		{n.NoProfile, "profiles were not found, or are of a kind that is not taken, and are left out"},
		{n.Gone, "runs were deleted at the source while it was read"},
	} {
		if l.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", l.n, l.text))
		}
	}
	return out
}

// unknownTime stands for the start of a run that has none; without one the server would take the time of the import.
const unknownTime = "1970-01-01T00:00:00"

// tidy makes a run sayable: what a report cannot hold is replaced and counted.
func tidy(r *Run, schema suite.Schema) Notes {
	var n Notes
	if r.Began == "" {
		n.NoTime++
		if r.Began = r.End; r.Began == "" {
			r.Began = unknownTime
		}
	}
	if r.End == "" {
		r.End = r.Began
	}
	for len(r.Order) < len(schema.OrderFields()) {
		r.Order = append(r.Order, "")
		n.NoOrder++
	}
	for k, row := range r.Rows {
		if row.Profile != nil && len(row.Profile) == 0 {
			r.Rows[k].Profile = nil
			n.NoProfile++
		}
		tidyRow(row, schema, &n)
	}
	return n
}

func tidyRow(row Row, schema suite.Schema, n *Notes) {
	for i, v := range row.Values {
		if v == nil {
			continue
		}
		switch schema.Metrics[i].Type {
		case suite.Real:
			f, err := strconv.ParseFloat(string(v), 64)
			if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
				row.Values[i] = nil
				n.NotFinite++
			}
		case suite.Status:
			if f, err := strconv.ParseFloat(string(v), 64); err != nil || f != 0 && f != 1 && f != 2 {
				row.Values[i] = nil
				n.OddStatus++
			}
		case suite.Hash: // any text
		}
	}
}

// parseTime reads a time as LNT prints it; a time without a zone is UTC. Zero is no time.
func parseTime(s string) time.Time {
	s = strings.Replace(s, " ", "T", 1)
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", time.RFC3339Nano, "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Microsecond)
		}
	}
	return time.Time{}
}

// timeText writes a time as LNT's REST does.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02T15:04:05.999999")
}
