package readsql

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Format is the form of an answer.
type Format string

// The formats.
const (
	JSON    Format = "json"    // {"columns": [{"name", "type"}], "data": [[…]], "rows": n, "truncated": bool}
	JSONL   Format = "jsonl"   // one object per line
	CSV     Format = "csv"     // with a header
	TSV     Format = "tsv"     // with a header; backslash escapes
	Parquet Format = "parquet" // a file
	Arrow   Format = "arrow"   // a file of Arrow's IPC format
)

// Formats are all of them.
func Formats() []Format { return []Format{JSON, JSONL, CSV, TSV, Parquet, Arrow} }

// ParseFormat reads a format's name; empty is JSON.
func ParseFormat(name string) (Format, error) {
	if name == "" {
		return JSON, nil
	}
	if f := Format(name); slices.Contains(Formats(), f) {
		return f, nil
	}
	return "", fmt.Errorf("'%s' is none of json, jsonl, csv, tsv, parquet, arrow", name)
}

// MediaType is what Content-Type says.
func (f Format) MediaType() string {
	switch f {
	case JSONL:
		return "application/x-ndjson; charset=utf-8"
	case CSV:
		return "text/csv; charset=utf-8; header=present"
	case TSV:
		return "text/tab-separated-values; charset=utf-8"
	case Parquet:
		return "application/vnd.apache.parquet"
	case Arrow:
		return "application/vnd.apache.arrow.file"
	case JSON:
	}
	return "application/json; charset=utf-8"
}

// engine is the format that the engine is asked for.
func (f Format) engine() string {
	return map[Format]string{
		JSON: "JSONCompactEachRow", JSONL: "JSONEachRow", CSV: "CSV", TSV: "TabSeparated", Parquet: "Parquet", Arrow: "Arrow",
	}[f]
}

// named is the same with names, for answers whose columns cannot be asked for before. Such answers are short.
func (f Format) named() string {
	return map[Format]string{JSON: "JSONCompactEachRowWithNamesAndTypes", CSV: "CSVWithNames", TSV: "TabSeparatedWithNames"}[f]
}

// rows is how many rows are asked for so that limit can be answered: JSON also says whether there were more.
func (f Format) rows(limit int) int {
	if f == JSON {
		return limit + 1
	}
	return limit
}

// Column is a column of an answer.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// writer puts a question to the engine, and its answer into the question's format.
type writer struct {
	target    *target
	question  Question
	statement statement
	settings  map[string]string
}

// open asks for the columns first where the format has a head: the engine's own formats with names cannot be joined
// from pieces, and are held back until the end.
func (w writer) open(ctx context.Context) (io.ReadCloser, error) {
	f := w.question.Format
	switch {
	case f == Parquet || f == Arrow || f == JSONL:
		return w.ask(ctx, f.engine())
	case !w.statement.query:
		rows, err := w.ask(ctx, f.named())
		if err != nil || f != JSON {
			return rows, err
		}
		return w.jsonWithNames(rows)
	}
	columns, err := w.columns(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := w.ask(ctx, f.engine())
	if err != nil {
		return nil, err
	}
	if f == JSON {
		return newJSONRows(columns, bufio.NewReaderSize(rows, 1<<16), rows, w.question.Limit), nil
	}
	return joined{io.MultiReader(bytes.NewReader(head(f, columns)), rows), rows}, nil
}

type joined struct {
	io.Reader
	io.Closer
}

func (w writer) ask(ctx context.Context, format string) (io.ReadCloser, error) {
	return w.target.ask(ctx, w.statement.text, format, w.settings, w.question.Params)
}

func (w writer) columns(ctx context.Context) ([]Column, error) {
	settings := map[string]string{}
	for name, value := range w.settings {
		if name != "limit" { // of rows, not of columns
			settings[name] = value
		}
	}
	answer, err := w.target.ask(ctx, "DESCRIBE (\n"+w.statement.text+"\n)", "JSONEachRow", settings, w.question.Params)
	if err != nil {
		return nil, err
	}
	defer answer.Close() //nolint:errcheck // only read
	var columns []Column
	for rows := json.NewDecoder(answer); ; {
		var c Column
		if err := rows.Decode(&c); errors.Is(err, io.EOF) {
			return columns, nil
		} else if err != nil {
			return nil, fmt.Errorf("read the answer's columns: %w", err)
		}
		columns = append(columns, c)
	}
}

// head is the first line of an answer.
func head(f Format, columns []Column) []byte {
	var b bytes.Buffer
	if f == TSV {
		escape := strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`)
		for i, c := range columns {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(escape.Replace(c.Name))
		}
		b.WriteByte('\n')
		return b.Bytes()
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	line := csv.NewWriter(&b)
	_ = line.Write(names) // into memory
	line.Flush()
	return b.Bytes()
}

// jsonWithNames reads an answer whose first two lines are names and types.
func (w writer) jsonWithNames(rows io.ReadCloser) (io.ReadCloser, error) {
	lines := bufio.NewReaderSize(rows, 1<<16)
	var head [2][]string
	for i := range head {
		line, err := lines.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &head[i])
		}
		if err != nil {
			_ = rows.Close()
			return nil, fmt.Errorf("read the answer's columns: %w", err)
		}
	}
	columns := make([]Column, len(head[0]))
	for i, name := range head[0] {
		columns[i] = Column{name, head[1][i]}
	}
	return newJSONRows(columns, lines, rows, w.question.Limit), nil
}

// jsonRows wraps rows, one JSON array per line, into a document.
type jsonRows struct {
	lines  *bufio.Reader
	closer io.Closer
	limit  int
	rows   int
	ready  bytes.Buffer
	ended  bool
}

func newJSONRows(columns []Column, lines *bufio.Reader, closer io.Closer, limit int) *jsonRows {
	j := &jsonRows{lines: lines, closer: closer, limit: limit}
	if columns == nil {
		columns = []Column{}
	}
	encoded, _ := json.Marshal(columns) // texts
	fmt.Fprintf(&j.ready, "{\"columns\": %s,\n\"data\": [", encoded)
	return j
}

func (j *jsonRows) Close() error { return j.closer.Close() }

func (j *jsonRows) Read(p []byte) (int, error) {
	for !j.ended && j.ready.Len() < len(p) {
		if err := j.line(); err != nil {
			return 0, err
		}
		// What is there is sent before more is waited for.
		if j.lines.Buffered() == 0 && j.ready.Len() > 0 {
			break
		}
	}
	if j.ready.Len() == 0 && j.ended {
		return 0, io.EOF
	}
	return j.ready.Read(p)
}

func (j *jsonRows) line() error {
	line, err := j.lines.ReadBytes('\n')
	last := errors.Is(err, io.EOF)
	if err != nil && !last {
		return err
	}
	line = bytes.TrimRight(line, "\r\n")
	switch {
	case len(line) == 0 && last:
		j.ended = true
		fmt.Fprintf(&j.ready, "],\n\"rows\": %d, \"truncated\": %t}\n", min(j.rows, j.most()), j.rows > j.most())
		return nil
	case len(line) == 0:
		return nil
	case line[0] != '[':
		return fmt.Errorf("the engine stopped in the middle: %.300s", line)
	}
	if j.rows++; j.rows > j.most() {
		return nil
	}
	if j.rows > 1 {
		j.ready.WriteByte(',')
	}
	j.ready.WriteByte('\n')
	j.ready.Write(line)
	return nil
}

func (j *jsonRows) most() int {
	if j.limit > 0 {
		return j.limit
	}
	return int(^uint(0) >> 1)
}
