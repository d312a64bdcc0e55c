package web

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"

	"github.com/samber/lo"
)

// csvColumns are one line per sample: the order's value and spread are repeated beside each, and a mean has one line per order.
var csvColumns = []string{
	"machine", "test", "metric", "unit", "order_id", "order", "measured_at", "run", "sample", "failed", "aggregate", "value", "low", "high", "divided_by",
	"moving_average", "moving_median", "best_so_far", "trend",
}

// chartCSV is the data of a chart as a table for other programs. Times are RFC 3339; numbers have all their digits.
func chartCSV(data chartData) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write(csvColumns) // a buffer takes everything
	for _, l := range data.Series {
		lines := lo.SliceToMap(l.Derived, func(d derived) (string, map[int]float64) {
			return d.Kind, lo.SliceToMap(d.Points, func(v spot) (int, float64) { return v.Position, v.Value })
		})
		for _, p := range l.Points {
			for _, row := range csvRows(data.Orders[p.At], l, p, lines) {
				_ = w.Write(row)
			}
		}
	}
	w.Flush()
	return out.Bytes()
}

func csvRows(o chartOrder, l chartLine, p chartPoint, lines map[string]map[int]float64) [][]string {
	number := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'g', -1, 64)
	}
	row := func(run uint32, value, failed string) []string {
		out := []string{
			plainCell(l.Machine.Name), plainCell(l.Test.Name), l.Metric.Name, l.Metric.Unit, digitsOf(o.ID), plainCell(o.Name), o.At,
			digitsOf(run), value, failed, l.Aggregate, number(p.Value), number(p.Low), number(p.High), number(l.Reference),
		}
		for _, kind := range []string{"average", "median", "best", "trend"} {
			v, ok := lines[kind][p.At]
			out = append(out, lo.Ternary(ok, number(&v), ""))
		}
		return out
	}
	if len(p.Samples) == 0 {
		return [][]string{row(p.Run, "", "")}
	}
	return lo.Map(p.Samples, func(v sample, _ int) []string { return row(v.RunID, number(&v.Value), lo.Ternary(v.Failed, "1", "0")) })
}

// plainCell keeps programs that open tables from taking a name for a formula.
func plainCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// fileName is a name that every system can have a file of.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, clip(name, 40))
}
