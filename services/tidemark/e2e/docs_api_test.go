package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var shellBlock = regexp.MustCompile("(?s)\n```sh\n(.*?)\n```\n")

// TestDocs_CommandsOfTheAPIPage_Work runs every block of shell of docs/api.md, in order, against a server with a step in it.
func TestDocs_CommandsOfTheAPIPage_Work(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	fed, err := txtar.ParseFile("testdata/contract/decisions.txtar")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, filepath.Join(t.TempDir(), "data"), "--auth-token", token)
	s.database = "default"
	for _, f := range fed.Files {
		s.prepare(t, f)
		if f.Name == "findings.wait" {
			break // what comes later is about rules that the page does not set
		}
	}
	blocks := shellBlock.FindAllSubmatch(page, -1)
	if len(blocks) < 8 {
		t.Fatalf("only %d blocks of shell", len(blocks))
	}
	folder := t.TempDir()
	for _, b := range blocks {
		text := strings.ReplaceAll(string(b[1]), "http://127.0.0.1:8080", s.url)
		command := exec.CommandContext(t.Context(), "sh", "-eu", "-c", text)
		command.Dir = folder
		command.Env = append(os.Environ(), "TOKEN="+token)
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s\n%s", err, b[1], out)
		}
	}
}
