package notifier_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tidemark/services/notifier"
)

// snippet is the first block of code of a language in docs/notifications.md that holds a text.
func snippet(t *testing.T, language, holds string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(m[1], holds) {
			return m[1]
		}
	}
	t.Fatalf("docs/notifications.md has no %s with %q", language, holds)
	return ""
}

func TestDocs_SignatureChecks_TellGenuineFromForged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	body := []byte("{\"version\":1,\"text\":\"ü\\n\"}")
	if err := os.WriteFile(filepath.Join(dir, "body.json"), body, 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	good := notifier.Sign("0a1b", now, body)
	old := now.Add(-time.Hour)
	shell := snippet(t, "sh", "openssl")
	python := snippet(t, "python", "hmac") + `
import sys
headers = {"Tidemark-Timestamp": sys.argv[1], "Tidemark-Signature": sys.argv[2]}
print("genuine" if genuine("0a1b", headers, open("body.json", "rb").read()) else "")
`
	for name, c := range map[string]struct {
		at        time.Time
		signature string
		want      string
	}{
		"genuine": {now, good, "genuine"},
		"forged":  {now, notifier.Sign("0a1c", now, body), ""},
		"moved":   {now.Add(time.Second), good, ""},
		"old":     {old, notifier.Sign("0a1b", old, body), ""},
	} {
		at := fmt.Sprint(c.at.Unix())
		for language, command := range map[string]*exec.Cmd{
			"sh":     exec.CommandContext(t.Context(), "sh", "-c", shell+"\ntrue"),
			"python": exec.CommandContext(t.Context(), "python3", "-c", python, at, c.signature),
		} {
			command.Dir = dir
			command.Env = append(os.Environ(), "timestamp="+at, "signature="+c.signature, "key=0a1b")
			out, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", language, err, out)
			}
			want(t, language+" of a message that is "+name, strings.TrimSpace(string(out)), c.want)
		}
	}
}
