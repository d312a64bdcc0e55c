package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/tools/txtar"

	"tidemark/pkg/event"
	"tidemark/pkg/testkit"
)

var update = flag.Bool("update", false, "write what is answered into the golden files")

// shown are the headers that a golden answer tells, where they are set.
var shown = []string{"Content-Type", "Access-Control-Allow-Origin", "Allow", "Retry-After", "ETag", "Cache-Control"}

// TestAnswers_GoldenRequests_AsWritten feeds each file's events and sends its requests. A file is
// "events.jsonl" and then one section per request, named by it: METHOD PATH [HEADER: VALUE]. In a path,
// {key} or {database:key} is the id of the event with that key.
func TestAnswers_GoldenRequests_AsWritten(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			data := testkit.Store(t)
			app := newServer(t, data)
			events := newFeed(data)
			for i, f := range archive.Files {
				if f.Name == "events.jsonl" {
					feedLines(t, events, f.Data)
					continue
				}
				got := answer(t, app, f.Name)
				if *update {
					archive.Files[i].Data = got
				} else if !bytes.Equal(got, f.Data) {
					t.Errorf("%s\ngot:\n%s\nwant:\n%s", f.Name, got, f.Data)
				}
			}
			// Everything stored once more, as after a crash between an insert and its commit, changes no answer.
			if err := data.ReinsertLedger(t.Context(), event.TopicEvents, partition, 0, events.offset); err != nil {
				t.Fatal(err)
			}
			for _, f := range archive.Files {
				if f.Name == "events.jsonl" {
					continue
				}
				if got := answer(t, app, f.Name); !bytes.Equal(got, f.Data) {
					t.Errorf("stored twice: %s\ngot:\n%s\nwant:\n%s", f.Name, got, f.Data)
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

func feedLines(t *testing.T, events *feed, lines []byte) {
	t.Helper()
	for line := range bytes.Lines(lines) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		in := input{Database: "default", Suite: "nts"}
		if err := json.Unmarshal(line, &in); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		events.add(t, in)
	}
}

var placeholder = regexp.MustCompile(`\{[a-z:]+\}`)

func answer(t *testing.T, app *fiber.App, request string) []byte {
	t.Helper()
	request = placeholder.ReplaceAllStringFunc(request, func(name string) string {
		database, key, found := strings.Cut(strings.Trim(name, "{}"), ":")
		if !found {
			database, key = "default", database
		}
		return event.IDFromKey(database, "nts", key).String()
	})
	parts := strings.SplitN(request, " ", 3)
	var headers []string
	if len(parts) == 3 {
		name, value, _ := strings.Cut(parts[2], ": ")
		headers = []string{name, value}
	}
	res, body := ask(t, app, parts[0], parts[1], headers...)
	var out bytes.Buffer
	fmt.Fprintln(&out, res.StatusCode)
	for _, name := range shown {
		if value := res.Header.Get(name); value != "" {
			if name == "ETag" && (strings.Contains(parts[1], "openapi.json") || strings.HasPrefix(parts[1], "/llms.txt")) {
				value = `of the whole API`
			}
			fmt.Fprintf(&out, "%s: %s\n", name, value)
		}
	}
	out.WriteByte('\n')
	// One member or element per line, in the order they came, so that a difference can be read.
	var pretty bytes.Buffer
	if json.Indent(&pretty, body, "", " ") == nil {
		body = pretty.Bytes()
	}
	out.Write(bytes.TrimSpace(body))
	out.WriteByte('\n')
	return out.Bytes()
}
