package clickhouse

import (
	"strings"

	"tidemark/pkg/readsql"
)

// statement is what the HTTP layer has to know about a text before the engine sees it.
type statement struct {
	first  string // first keyword, upper case; "(" for a parenthesis
	format string // of its FORMAT clause, as written

	insertData bool   // an INSERT whose rows follow or come with the request
	header     string // of such an INSERT, up to VALUES or FORMAT
	data       int    // where its rows begin in the text
	file       bool   // INTO OUTFILE or FROM INFILE: the engine would touch files here
}

// parseStatement reads the outline of a statement; it never fails, the engine judges.
func parseStatement(text string) statement {
	s := statement{}
	readsql.Scan(text, func(t readsql.Token) bool {
		s.first = strings.ToUpper(t.Text)
		return true
	})
	if s.first == "INSERT" {
		s.parseInsert(text)
		return s
	}
	var before readsql.Token
	format := "" // what follows the word FORMAT: a format's name, if it ends the statement
	readsql.Scan(text, func(t readsql.Token) bool {
		if before.Depth == 0 && t.Depth == 0 {
			if format != "" && !t.Is("SETTINGS") && !t.Is("INTO") && t.Text != ";" {
				s.format = ""
			}
			format = ""
			switch {
			case before.Is("FORMAT") && (t.Kind == readsql.Word || t.Kind == readsql.Quoted):
				s.format, format = t.Text, t.Text
			case before.Is("INTO") && t.Is("OUTFILE"):
				s.file = true
			}
		}
		before = t
		return false
	})
	return s
}

// parseInsert finds where the rows of an INSERT begin: after VALUES, after FORMAT name and the
// end of its line, or, with neither, after the statement.
func (s *statement) parseInsert(text string) {
	const (
		wantTarget = iota // INSERT INTO [TABLE|FUNCTION]
		afterTarget
		wantFormat
		done
	)
	state := wantTarget
	var before readsql.Token
	s.header, s.data, s.insertData, s.format = text, len(text), true, "Values"
	readsql.Scan(text, func(t readsql.Token) bool {
		switch state {
		case wantTarget:
			// The name may itself be a keyword: INSERT INTO values VALUES (1).
			if !t.Is("INSERT") && !t.Is("INTO") && !t.Is("TABLE") && !t.Is("FUNCTION") || before.Is("TABLE") {
				state = afterTarget
			}
		case afterTarget:
			switch {
			case t.Depth != 0 || before.Kind == readsql.Mark && before.Text == ".":
				if t.Depth == 1 && before.Kind == readsql.Mark && before.Text == "(" && (t.Is("SELECT") || t.Is("WITH")) {
					state = done
				}
			case t.Is("VALUES"):
				s.header, s.data = text[:t.Start], t.End
				return true
			case t.Is("FORMAT"):
				s.header, state = text[:t.Start], wantFormat
			case t.Is("SELECT"), t.Is("WITH"), t.Is("WATCH"):
				state = done
			case before.Is("FROM") && t.Is("INFILE"):
				s.file = true
				state = done
			}
		case wantFormat:
			s.format, s.data = t.Text, dataStart(text, t.End)
			return true
		}
		before = t
		return state == done
	})
	if state == done || s.first != "INSERT" {
		s.insertData, s.header, s.data, s.format = false, "", 0, ""
	}
}

// dataStart skips the blanks and the one line end between a FORMAT name and its rows.
func dataStart(text string, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t' || text[at] == '\f') {
		at++
	}
	if at < len(text) && text[at] == ';' {
		at++
	}
	if at < len(text) && text[at] == '\r' {
		at++
	}
	if at < len(text) && text[at] == '\n' {
		at++
	}
	return at
}

// streams reports whether the answer may be sent chunk by chunk: the library makes each
// chunk a document of its own, so only formats without head and tail can be joined.
func (s statement) streams(format string) bool {
	switch s.first {
	case "SELECT", "WITH", "FROM", "(":
	default:
		return false
	}
	_, ok := joinable[strings.ToLower(format)]
	return ok
}

var joinable = map[string]struct{}{
	"native": {}, "rowbinary": {}, "tabseparated": {}, "tsv": {}, "tabseparatedraw": {}, "tsvraw": {}, "raw": {},
	"csv": {}, "jsoneachrow": {}, "jsonlines": {}, "ndjson": {}, "jsoncompacteachrow": {},
	"jsonstringseachrow": {}, "jsoncompactstringseachrow": {}, "lineasstring": {}, "tskv": {}, "null": {},
}

// contentType of a format, as a ClickHouse server names it.
func contentType(format string) string {
	lower := strings.ToLower(format)
	switch {
	case strings.HasSuffix(lower, "eachrow") || lower == "jsonlines" || lower == "ndjson":
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(lower, "json"):
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(lower, "csv"):
		header := "absent"
		if strings.Contains(lower, "withnames") {
			header = "present"
		}
		return "text/csv; charset=UTF-8; header=" + header
	case strings.HasPrefix(lower, "tabseparated"), strings.HasPrefix(lower, "tsv"):
		return "text/tab-separated-values; charset=UTF-8"
	case lower == "xml":
		return "application/xml; charset=UTF-8"
	case lower == "native", strings.HasPrefix(lower, "rowbinary"), strings.HasPrefix(lower, "arrow"),
		lower == "parquet", lower == "orc", lower == "avro", strings.HasPrefix(lower, "protobuf"), lower == "msgpack":
		return "application/octet-stream"
	}
	return "text/plain; charset=UTF-8"
}
