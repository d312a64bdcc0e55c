package importer

import (
	"encoding/json"
	"maps"
	"slices"

	"tidemark/pkg/suite"
)

// submission writes a run as a report of format version 2 whose samples are the run's rows, in their order.
func submission(r *Run, schema suite.Schema) []byte {
	b := make([]byte, 0, 1024+len(r.Rows)*64)
	b = append(b, `{"format_version":"2","machine":{"name":`...)
	b = append(b, quoted(r.MachineName)...)
	b = appendMembers(b, r.MachineAttrs, "name", "id")
	b = append(b, `},"run":{"start_time":`...)
	b = append(b, quoted(r.Began)...)
	b = append(b, `,"end_time":`...)
	b = append(b, quoted(r.End)...)
	orders := schema.OrderFields()
	for i, name := range orders {
		b = append(append(append(append(b, ','), quoted(name)...), ':'), quoted(r.Order[i])...)
	}
	b = appendMembers(b, r.Attrs, append(orders, "start_time", "end_time")...)
	b = append(b, `},"tests":[`...)
	for i, group := range entries(r.Rows) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendEntry(b, group, schema)
	}
	return append(b, `]}`...)
}

func appendMembers(b []byte, o Object, but ...string) []byte {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(but, name) {
			b = append(append(append(append(b, ','), quoted(name)...), ':'), o[name]...)
		}
	}
	return b
}

// entries groups rows so that each group can be one entry with lists: neighbours of one test. A profile belongs to the first
// sample of its entry.
func entries(rows []Row) [][]Row {
	var groups [][]Row
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && rows[to].Test == rows[from].Test && rows[to].Profile == nil {
			to++
		}
		groups = append(groups, rows[from:to])
		from = to
	}
	return groups
}

// appendEntry writes a group of rows. Every list is as long as the group, nulls included, so that value i belongs to row i; a group
// without any value has its nulls in the first metric.
func appendEntry(b []byte, group []Row, schema suite.Schema) []byte {
	b = append(append(b, `{"name":`...), quoted(group[0].Test)...)
	some := false
	for i, metric := range schema.Metrics {
		if slices.ContainsFunc(group, func(r Row) bool { return r.Values[i] != nil }) {
			b, some = appendColumn(b, metric.Name, group, i), true
		}
	}
	if !some && len(schema.Metrics) > 0 {
		b = appendColumn(b, schema.Metrics[0].Name, group, 0)
	}
	if p := group[0].Profile; p != nil {
		base64, _ := json.Marshal(p) // bytes are written as base64
		b = append(append(b, `,"profile":`...), base64...)
	}
	return append(b, '}')
}

func appendColumn(b []byte, metric string, group []Row, at int) []byte {
	b = append(append(append(b, ','), quoted(metric)...), ':')
	if len(group) == 1 {
		return appendValue(b, group[0].Values[at])
	}
	b = append(b, '[')
	for i, row := range group {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, row.Values[at])
	}
	return append(b, ']')
}

func appendValue(b []byte, v json.RawMessage) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	return append(b, v...)
}
