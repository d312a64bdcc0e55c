package web_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/samber/lo"
)

// pictured is a picture in the documentation: ![what it shows](pictures/pages/<name>.png).
var pictured = regexp.MustCompile(`!\[([^\]]+)\]\(pictures/pages/([a-z-]+)\.png\)`)

// alike are pages that look like another, whose picture is theirs.
var alike = map[string]string{"database": "home", "run-filtered": "run", "graph-failed": "graph"}

func TestDocs_EveryPage_HasItsPictureWithWordsForIt(t *testing.T) {
	t.Parallel()
	const docs = "../../docs/"
	text, err := os.ReadFile(docs + "pages.md")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]string{}
	for _, m := range pictured.FindAllStringSubmatch(string(text), -1) {
		words[m[2]] = m[1]
	}
	for name := range everyPage {
		if name = lo.CoalesceOrEmpty(alike[name], name); words[name] == "" {
			t.Errorf("docs/pages.md has no picture of %s: make screenshots, then ![what it shows](pictures/pages/%s.png)", name, name)
		}
	}
	files, err := filepath.Glob(docs + "pictures/pages/*.png")
	if err != nil {
		t.Fatal(err)
	}
	var bytes int64
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".png")
		if words[name] == "" {
			t.Errorf("%s is shown nowhere", file)
		}
		delete(words, name)
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	for name := range words {
		t.Errorf("docs/pages.md shows %s.png, which is not there", name)
	}
	if bytes > 3<<20 {
		t.Errorf("the pictures have %d bytes, more than 3 MiB", bytes)
	}
}
