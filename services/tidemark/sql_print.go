package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"tidemark/pkg/readsql"
)

// sqlRows is an answer as the server gives it in JSON.
type sqlRows struct {
	Columns   []readsql.Column `json:"columns"`
	Data      [][]any          `json:"data"`
	Truncated bool             `json:"truncated"`
}

// print writes a table for people, or one of Markdown.
func (r sqlRows) print(to io.Writer, markdown bool) error {
	out := bufio.NewWriter(to)
	table := make([][]string, 0, len(r.Data)+1)
	numeric := make([]bool, len(r.Columns))
	head := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		head[i], numeric[i] = oneLine(c.Name), len(r.Data) > 0
	}
	table = append(table, head)
	for _, row := range r.Data {
		cells := make([]string, len(row))
		for i, value := range row {
			cells[i] = cell(value)
			if _, is := value.(json.Number); !is && value != nil && i < len(numeric) {
				numeric[i] = false
			}
		}
		table = append(table, cells)
	}
	if markdown {
		printMarkdown(out, table, numeric)
	} else {
		printTable(out, table, numeric)
		rows := fmt.Sprintf("%d rows", len(r.Data))
		if len(r.Data) == 1 {
			rows = "1 row"
		}
		if r.Truncated {
			rows += ", and there are more"
		}
		fmt.Fprintf(out, "(%s)\n", rows)
	}
	return out.Flush()
}

func printTable(out *bufio.Writer, table [][]string, numeric []bool) {
	widths := make([]int, len(numeric))
	for _, row := range table {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for n, row := range table {
		for i, c := range row {
			if i > 0 {
				out.WriteString(" | ") //nolint:errcheck // its error comes with the flush
			}
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			switch {
			case numeric[i]:
				out.WriteString(space + c) //nolint:errcheck // its error comes with the flush
			case i+1 == len(row):
				out.WriteString(c) //nolint:errcheck // its error comes with the flush
			default:
				out.WriteString(c + space) //nolint:errcheck // its error comes with the flush
			}
		}
		out.WriteByte('\n') //nolint:errcheck // its error comes with the flush
		if n == 0 {
			lines := make([]string, len(widths))
			for i, w := range widths {
				lines[i] = strings.Repeat("-", w)
			}
			out.WriteString(strings.Join(lines, "-+-") + "\n") //nolint:errcheck // its error comes with the flush
		}
	}
}

func printMarkdown(out *bufio.Writer, table [][]string, numeric []bool) {
	for n, row := range table {
		for _, c := range row {
			out.WriteString("| " + strings.ReplaceAll(c, "|", `\|`) + " ") //nolint:errcheck // its error comes with the flush
		}
		out.WriteString("|\n") //nolint:errcheck // its error comes with the flush
		if n > 0 {
			continue
		}
		for _, right := range numeric {
			if right {
				out.WriteString("| ---: ") //nolint:errcheck // its error comes with the flush
			} else {
				out.WriteString("| --- ") //nolint:errcheck // its error comes with the flush
			}
		}
		out.WriteString("|\n") //nolint:errcheck // its error comes with the flush
	}
}

// cell is a value as a table shows it.
func cell(value any) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case string:
		return oneLine(v)
	case json.Number:
		return v.String()
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return oneLine(string(text))
}

// oneLine keeps a text from breaking the table, or from steering the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r):
			return '�'
		}
		return r
	}, s)
}
