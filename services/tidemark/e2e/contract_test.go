package e2e

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what is answered into the golden files")

// TestContract_GoldenRequests_AreAnsweredAsWritten sends each file's requests to a database of its own, in order. A file has
// sections in pairs, NAME.request and NAME.response; NAME.feed and NAME.wait go before. A request is a line "METHOD PATH", headers, an empty line and the body; in a
// form's body every line is one field, not encoded. {db} and {token} stand for the server's, {seq} and {id} for those of the answer before; in answers {url} and {event} do, too,
// and times that pass are 0, instants always the same.
func TestContract_GoldenRequests_AreAnsweredAsWritten(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/contract/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	databases := []string{"default"}
	for _, file := range files {
		databases = append(databases, strings.TrimSuffix(filepath.Base(file), ".txtar"))
	}
	// Comparing with the order before may take as long as it takes: what is compared is part of the answers.
	all := start(t, filepath.Join(t.TempDir(), "data"), "--auth-token", token, "--databases", strings.Join(databases, ","),
		"--intake-results-wait", patience.String())
	for i, file := range files {
		t.Run(databases[i+1], func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := *all
			s.database = databases[i+1]
			for i, f := range archive.Files {
				s.prepare(t, f)
				name, isRequest := strings.CutSuffix(f.Name, ".request")
				if !isRequest {
					continue
				}
				if i+1 == len(archive.Files) || archive.Files[i+1].Name != name+".response" {
					t.Fatalf("%s has no answer after it", f.Name)
				}
				got := s.golden(t, f.Data)
				if want := archive.Files[i+1].Data; *update {
					archive.Files[i+1].Data = got
				} else if !bytes.Equal(got, want) {
					t.Errorf("%s\ngot:\n%s\nwant:\n%s", name, got, want)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil { //nolint:gosec // test data is for everyone
					t.Fatal(err)
				}
			}
		})
	}
}

// prepare sends what only has to have happened: a .feed once, a .wait until its answer says what the line Until says.
func (s *server) prepare(t *testing.T, f txtar.File) {
	t.Helper()
	if strings.HasSuffix(f.Name, ".feed") {
		if a := s.ask(t, f.Data); a.code >= 400 {
			t.Fatalf("%s: %d %s", f.Name, a.code, a.text)
		}
	}
	if !strings.HasSuffix(f.Name, ".wait") {
		return
	}
	head, until, _ := strings.Cut(strings.TrimSpace(string(f.Data)), "\nUntil: ")
	eventually(t, f.Name, patience, func() bool { return strings.Contains(s.ask(t, []byte(head+"\n")).text, until) })
}

// golden sends a request as it is written and writes down its answer.
func (s *server) golden(t *testing.T, written []byte) []byte {
	t.Helper()
	a := s.ask(t, written)
	if told := position.FindStringSubmatch(a.text); told != nil {
		s.seq = told[1]
	}
	if told := identity.FindStringSubmatch(a.text); told != nil {
		s.id = told[1]
	}
	return s.writeDown(a)
}

// position and identity are what later requests may name as {seq} and {id}.
var (
	position = regexp.MustCompile(`"seq":([0-9]+)`)
	identity = regexp.MustCompile(`"id":"([0-9a-f-]{36})"`)
)

// ask sends a request as it is written.
func (s *server) ask(t *testing.T, written []byte) answer {
	t.Helper()
	text := strings.NewReplacer("{db}", s.database, "{token}", token, "{seq}", s.seq, "{id}", s.id).Replace(string(written))
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimSuffix(head, "\n"), "\n")
	method, path, ok := strings.Cut(lines[0], " ")
	if !ok {
		t.Fatalf("no request: %q", lines[0])
	}
	var headers []string
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("no header: %q", line)
		}
		headers = append(headers, name, value)
		if value == "application/x-www-form-urlencoded" {
			body = formOf(body)
		}
	}
	return mustAsk(t, method, s.url+path, []byte(strings.TrimSuffix(body, "\n")), headers...)
}

// formOf encodes a form that is written one field to a line. A body that is none, as curl sends with -d, stays.
func formOf(body string) string {
	var fields []string
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "{") {
			return body
		}
		fields = append(fields, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	return strings.Join(fields, "&")
}

// shownHeaders are those that a golden answer tells, where they are set.
var shownHeaders = []string{"Content-Type", "Content-Disposition", "Location", "Access-Control-Allow-Origin", "Allow", "Preference-Applied"}

var (
	passing      = regexp.MustCompile(`"(load|import|report|total)_time": [0-9.e-]+`)
	instants     = regexp.MustCompile(`"(asked|started|finished|changed)_at": "[^"]+"`)
	measured     = regexp.MustCompile(`"(seconds|series_per_second|memory_bytes)": [0-9.e+-]+`)
	afterWaiting = regexp.MustCompile(`"seq": [0-9]+`)
	anyEvent     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

func (s *server) writeDown(a answer) []byte {
	var out bytes.Buffer
	fmt.Fprintln(&out, a.code)
	for _, name := range shownHeaders {
		if value := a.header.Get(name); value != "" {
			fmt.Fprintf(&out, "%s: %s\n", name, value)
		}
	}
	out.WriteByte('\n')
	body := []byte(a.text)
	var pretty bytes.Buffer
	// One member or element to a line, in the order they came, so that a difference can be read.
	if json.Indent(&pretty, body, "", " ") == nil {
		body = pretty.Bytes()
	}
	out.Write(bytes.TrimSpace(body))
	out.WriteByte('\n')
	text := strings.ReplaceAll(out.String(), s.url, "{url}")
	text = strings.NewReplacer("/db_"+s.database+"/", "/db_{db}/", "ledger/"+s.database+"/", "ledger/{db}/").Replace(text)
	if s.seq != "" {
		text = afterWaiting.ReplaceAllString(text, `"seq": 0`) // how often a detector looked is up to the clock
	}
	text = measured.ReplaceAllString(instants.ReplaceAllString(text, `"${1}_at": "2026-02-03T04:05:06Z"`), `"${1}": 0`)
	return []byte(anyEvent.ReplaceAllString(passing.ReplaceAllString(text, `"${1}_time": 0`), "{event}"))
}
