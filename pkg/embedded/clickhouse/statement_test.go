package clickhouse

import (
	"strings"
	"testing"
)

func TestParseStatement_Insert_FindsHeaderFormatAndRows(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]string{ // header, format, rows; "" format: no rows
		"INSERT INTO t VALUES (1)":                           {"INSERT INTO t ", "Values", " (1)"},
		"insert into t (a, b) format Native\n\x01":           {"insert into t (a, b) ", "Native", "\x01"},
		"INSERT INTO t FORMAT TSV \r\n1\n":                   {"INSERT INTO t ", "TSV", "1\n"},
		"INSERT INTO t SETTINGS async_insert = 0 FORMAT CSV": {"INSERT INTO t SETTINGS async_insert = 0 ", "CSV", ""},
		"INSERT INTO values VALUES (1)":                      {"INSERT INTO values ", "Values", " (1)"},
		"INSERT INTO TABLE format FORMAT TSV\n":              {"INSERT INTO TABLE format ", "TSV", ""},
		"INSERT INTO d.values (format, `values`) VALUES (1)": {"INSERT INTO d.values (format, `values`) ", "Values", " (1)"},
		"INSERT INTO t (a) SELECT 1 FORMAT TSV":              {"", "", ""},
		"INSERT INTO t (SELECT 1)":                           {"", "", ""},
		"INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x": {"", "", ""},
		"INSERT INTO t": {"INSERT INTO t", "Values", ""},
		"/* VALUES */ INSERT -- FORMAT x\nINTO t VALUES (1)":             {"/* VALUES */ INSERT -- FORMAT x\nINTO t ", "Values", " (1)"},
		"INSERT INTO FUNCTION file('VALUES', 'CSV') VALUES (1)":          {"INSERT INTO FUNCTION file('VALUES', 'CSV') ", "Values", " (1)"},
		"INSERT INTO t FORMAT JSONEachRow {\"a\": \"SELECT\"}":           {"INSERT INTO t ", "JSONEachRow", "{\"a\": \"SELECT\"}"},
		"SELECT 'INSERT INTO t VALUES (1)'":                              {"", "", ""},
		"INSERT INTO `we``ird VALUES` (a) VALUES (1)":                    {"INSERT INTO `we``ird VALUES` (a) ", "Values", " (1)"},
		"INSERT INTO t SETTINGS log_comment = 'it''s VALUES' VALUES (1)": {"INSERT INTO t SETTINGS log_comment = 'it''s VALUES' ", "Values", " (1)"},
	} {
		got := parseStatement(text)
		rows := ""
		if got.insertData {
			rows = text[got.data:]
		}
		if got.header != want[0] || got.insertData && got.format != want[1] || rows != want[2] || got.insertData != (want[0] != "") {
			t.Errorf("%q: header %q, format %q, rows %q; want %q", text, got.header, got.format, rows, want)
		}
	}
}

func TestParseStatement_Select_FindsFormatAndFiles(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]statement{
		"SELECT 1 FORMAT JSON":                              {first: "SELECT", format: "JSON"},
		"SELECT 1 format JSON SETTINGS a = 1;":              {first: "SELECT", format: "JSON"},
		"SELECT format('{}', 1)":                            {first: "SELECT"},
		"SELECT 1 AS format ORDER BY format LIMIT 1":        {first: "SELECT"},
		"SELECT 1 AS format ORDER BY format FORMAT CSV;":    {first: "SELECT", format: "CSV"},
		"SELECT (SELECT 1 FORMAT JSON)":                     {first: "SELECT"},
		"SELECT $$FORMAT JSON$$":                            {first: "SELECT"},
		"SELECT $a$ $b$ FORMAT JSON $a$ FORMAT CSV":         {first: "SELECT", format: "CSV"},
		"SELECT 1 INTO OUTFILE 'x'":                         {first: "SELECT", file: true},
		"SELECT 'INTO OUTFILE'":                             {first: "SELECT"},
		"(SELECT 1)":                                        {first: "("},
		"":                                                  {},
		"-- nothing":                                        {},
		"/* open":                                           {},
		"with x AS (SELECT 1) SELECT * FROM x FORMAT TSV--": {first: "WITH", format: "TSV"},
	} {
		if got := parseStatement(text); got != want {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}

func TestNewException_EngineTexts_AreFolded(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Exception{
		"Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)":                       {60, "Unknown table. (UNKNOWN_TABLE)"},
		"Code: 164. DB::Exception: Code: 164. DB::Exception: Cannot modify. (READONLY)": {164, "Cannot modify. (READONLY)"},
		"Error: Code: 62. DB::Exception: Syntax error":                                  {62, "Syntax error"},
		"Invalid or closed connection":                                                  {1001, "Invalid or closed connection"},
		"Code: 395. DB::Exception: the value is 'Code: 1. DB::Exception: x'":            {395, "the value is 'Code: 1. DB::Exception: x'"},
		"Code: 99999999999999999999. DB::Exception: x":                                  {1001, "x"},
	} {
		if got := newException(text); *got != want {
			t.Errorf("%q: got %+v, want %+v", text, *got, want)
		}
	}
}

func FuzzParseStatement(f *testing.F) {
	for _, seed := range []string{
		"INSERT INTO t (a) VALUES (1)", "SELECT `a\\x41` FROM \"b\" FORMAT JSON", "$a$ $a$", "/*", "'", "INSERT INTO FUNCTION x(", "# \n-- \n#!", "SELECT 'a''b\\'",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := parseStatement(text)
		if s.insertData && (!strings.HasPrefix(text, s.header) || s.data < len(s.header) || s.data > len(text)) {
			t.Fatalf("header %q, data at %d", s.header, s.data)
		}
	})
}

func FuzzNewException(f *testing.F) {
	f.Add("Code: 60. DB::Exception: Code: 60. DB::Exception: x")
	f.Fuzz(func(t *testing.T, text string) {
		if e := newException(text); e.Code <= 0 && !strings.Contains(text, "Code: 0") {
			t.Errorf("%q: code %d", text, e.Code)
		}
	})
}
