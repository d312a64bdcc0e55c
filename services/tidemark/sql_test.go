package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/peterh/liner"

	"tidemark/pkg/readsql"
)

func TestSplitStatements_SemicolonsInTexts_AreNoEnds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"SELECT 1":                          {"SELECT 1"},
		"SELECT 1; SELECT 2":                {"SELECT 1", " SELECT 2"},
		"SELECT ';' -- ;\n;":                {"SELECT ';' -- ;\n", ""},
		"SELECT /* ; */ 1;;\n-- no more\n;": {"SELECT /* ; */ 1", ""},
		"SELECT 'open; SELECT 2":            {"SELECT 'open; SELECT 2"},
	} {
		statements, rest := splitStatements(text)
		if diff := cmp.Diff(want, append(statements, rest)); diff != "" {
			t.Errorf("%q: want, got: %s", text, diff)
		}
	}
}

func TestSQLRows_Tables_KeepTheirLines(t *testing.T) {
	t.Parallel()
	rows := sqlRows{
		Columns:   []readsql.Column{{Name: "name"}, {Name: "n"}},
		Data:      [][]any{{"a|b\n\x1b[2J", json.Number("1")}, {nil, json.Number("10.5")}, {[]any{"x"}, nil}},
		Truncated: true,
	}
	for markdown, want := range map[bool]string{
		false: "name     |    n\n---------+-----\na|b �[2J |    1\nNULL     | 10.5\n[\"x\"]    | NULL\n(3 rows, and there are more)\n",
		true:  "| name | n |\n| --- | ---: |\n| a\\|b �[2J | 1 |\n| NULL | 10.5 |\n| [\"x\"] | NULL |\n",
	} {
		var out bytes.Buffer
		if err := rows.print(&out, markdown); err != nil || out.String() != want {
			t.Errorf("markdown %t:\n%s%v, want\n%s", markdown, out.String(), err, want)
		}
	}
}

// sqlServer answers every statement with itself, "bad" with 403 and "busy" with 503.
func sqlServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			_, _ = io.WriteString(w, `{"cancelled": true}`)
			return
		}
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"items": [{"name": "v_runs", "purpose": "runs", "columns": [{"name": "run_id", "type": "UInt32", "help": "the run"}]}, {"name": "v_tests", "columns": [{"name": "run_time"}]}]}`)
			return
		}
		var asked struct {
			Query, Format string
			Params        map[string]string
			Limit         int
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		switch text := strings.TrimSpace(asked.Query); text {
		case "bad":
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"error": {"code": "forbidden", "message": "bad is not for readers"}}`)
		case "busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			encoded, _ := json.Marshal(text + asked.Params["k"])
			if asked.Format == "json" {
				_, _ = io.WriteString(w, `{"columns": [{"name": "x", "type": "String"}], "data": [[`+string(encoded)+`]]}`)
				return
			}
			_, _ = io.WriteString(w, "x\n"+string(encoded)+"\n")
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestSQL_Statements_AreAskedInTurnUntilOneFails(t *testing.T) {
	t.Parallel()
	url := sqlServer(t)
	for _, tt := range []struct {
		text, want string
		code       int
	}{
		{"SELECT {k:String};", "x\n\"SELECT {k:String}v\"\n", 0},
		{"one; two", "x\n\"onev\"\nx\n\"twov\"\n", 0},
		{"one; bad; two", "x\n\"onev\"\n", exitSQLWrong},
		{"busy", "", exitSQLNoAnswer},
		{" -- nothing\n", "", 2},
	} {
		c := &sqlCmd{Server: url, Format: "csv", Param: map[string]string{"k": "v"}}
		var out bytes.Buffer
		err := c.all(t.Context(), tt.text, &out)
		coded := exit{}
		if errors.As(err, &coded); coded.code != tt.code || out.String() != tt.want {
			t.Errorf("%q: %q, %v, code %d, want %q, %d", tt.text, out.String(), err, coded.code, tt.want, tt.code)
		}
	}
	gone := &sqlCmd{Server: "http://127.0.0.1:1", Format: "csv"}
	if coded := (exit{}); !errors.As(gone.all(t.Context(), "SELECT 1", io.Discard), &coded) || coded.code != exitSQLNoAnswer {
		t.Errorf("no server: %d", coded.code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stopped := &sqlCmd{Server: url, Format: "csv"}
	if coded := (exit{}); !errors.As(stopped.all(ctx, "SELECT 1", io.Discard), &coded) || coded.code != exitSQLCancelled {
		t.Errorf("cancelled: %d", coded.code)
	}
}

func TestConversation_Lines_EndWithASemicolon(t *testing.T) {
	t.Parallel()
	c := &sqlCmd{Server: sqlServer(t), Format: "table"}
	views, err := c.views(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	talk := &conversation{c: c, views: views, out: &out}
	lines := []string{"", "SELECT 1,", " 2;", "dropped", "^C", "bad;", `\d`, `\d v_runs`, `\d none`, `\format csv`, "SELECT 3;", `\format x`, `\?`, `\q`, "SELECT never;"}
	var remembered, prompts []string
	talk.run(t.Context(), func(prompt string) (string, error) {
		prompts = append(prompts, strings.TrimSpace(prompt))
		line := lines[0]
		lines = lines[1:]
		if line == "^C" {
			return "", liner.ErrPromptAborted
		}
		return line, nil
	}, func(line string) { remembered = append(remembered, line) })
	for _, want := range []string{"SELECT 1,  2", "bad is not for readers", "v_runs", "the run", "there is no view none", "\"SELECT 3\"", "the formats are", "Ctrl-C"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "dropped") || strings.Contains(out.String(), "never") || len(lines) != 1 {
		t.Errorf("asked what was not to be:\n%s", out.String())
	}
	if remembered[0] != "SELECT 1, 2;" || !slices.Contains(prompts, "->") {
		t.Errorf("remembered %q, prompts %q", remembered, prompts)
	}
}

func TestConversation_Tab_OffersNamesThatFit(t *testing.T) {
	t.Parallel()
	c := &sqlCmd{Server: sqlServer(t)}
	views, err := c.views(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	talk := &conversation{c: c, views: views}
	for line, want := range map[string][]string{
		"SELECT ru":              {"run_id", "run_time"},
		"FROM v_tests SELECT ru": {"run_time"},
		"SELECT 1 FROM v_":       {"v_runs", "v_tests"},
		`\d v_r`:                 {"v_runs"},
		"sel":                    {"SELECT"},
		"SELECT ":                nil,
	} {
		head, got, tail := talk.complete(line, len(line))
		if diff := cmp.Diff(want, got); diff != "" || tail != "" || !strings.HasPrefix(line, head) {
			t.Errorf("%q: head %q, tail %q, %s", line, head, tail, diff)
		}
	}
}
