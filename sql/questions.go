package sql

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed testdata/questions/*.sql
var questionFiles embed.FS

// Question is a worked question over the views, as docs/sql.md has it.
type Question struct {
	// Name is its file's without ending.
	Name string
	// Asks is the question in words, Note what there is to say about it, "" for nothing.
	Asks, Note string
	Text       string
}

// Questions are all worked questions, in their order.
func Questions() ([]Question, error) {
	entries, err := questionFiles.ReadDir("testdata/questions")
	if err != nil {
		return nil, fmt.Errorf("list questions: %w", err)
	}
	out := make([]Question, 0, len(entries))
	for _, e := range entries {
		data, err := questionFiles.ReadFile("testdata/questions/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read question %s: %w", e.Name(), err)
		}
		q := Question{Name: strings.TrimSuffix(e.Name(), ".sql"), Text: string(data)}
		for rest, is := strings.CutPrefix(q.Text, "-- "); is; rest, is = strings.CutPrefix(q.Text, "-- ") {
			line, after, _ := strings.Cut(rest, "\n")
			if asks, first := strings.CutPrefix(line, "question: "); first {
				q.Asks = asks
			} else {
				q.Note += line + "\n"
			}
			q.Text = after
		}
		out = append(out, q)
	}
	return out, nil
}
