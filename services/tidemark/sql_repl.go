package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/peterh/liner"
	"github.com/samber/lo"

	"tidemark/pkg/readsql"
)

const sqlHelp = `statements end with a semicolon; Ctrl-C drops what was typed, or ends a running statement
  \d           the views            \d VIEW      the columns of a view
  \format F    table, csv, tsv, json, jsonl or markdown
  \timing      say how long answers take, or no longer
  \q           leave (Ctrl-D does, too)
`

// converse reads statements at the terminal until the person leaves.
func (c *sqlCmd) converse(ctx context.Context) error {
	if c.Format == "parquet" || c.Format == "arrow" {
		return exit{errors.New("parquet and arrow are not for a terminal: use -q or --file and send the output to a file"), 2}
	}
	views, err := c.views(ctx)
	if err != nil {
		return exit{err, sqlExitCode(err)}
	}
	editor := liner.NewLiner()
	defer editor.Close() //nolint:errcheck // gives the terminal back
	editor.SetCtrlCAborts(true)
	editor.SetMultiLineMode(true)
	editor.SetTabCompletionStyle(liner.TabPrints)
	talk := &conversation{c: c, views: views, out: os.Stdout}
	editor.SetWordCompleter(talk.complete)
	history := historyFile()
	if file, err := os.Open(history); err == nil {
		_, _ = editor.ReadHistory(file) // what cannot be read is not offered
		_ = file.Close()
	}
	fmt.Printf("%d views at %s; \\? shows help\n", len(views), c.Server)
	// Ctrl-C while a statement runs ends that statement alone.
	talk.run(context.WithoutCancel(ctx), editor.Prompt, editor.AppendHistory)
	return keepHistory(history, editor)
}

// conversation is what was typed so far, and what can be typed.
type conversation struct {
	c     *sqlCmd
	views []readsql.View
	out   io.Writer
	typed string // lines of a statement that has not ended
}

// run prompts for lines until there are no more.
func (t *conversation) run(ctx context.Context, prompt func(string) (string, error), remember func(string)) {
	for {
		line, err := prompt(lo.Ternary(t.typed == "", "tidemark> ", "       -> "))
		switch {
		case errors.Is(err, liner.ErrPromptAborted):
			t.typed = ""
			continue
		case err != nil:
			fmt.Fprintln(t.out)
			return
		}
		if command, is := strings.CutPrefix(strings.TrimSpace(line), `\`); is && t.typed == "" {
			remember(strings.TrimSpace(line))
			if !t.command(command) {
				return
			}
			continue
		}
		t.line(ctx, line, remember)
	}
}

// line adds a line, and asks what it ends.
func (t *conversation) line(ctx context.Context, line string, remember func(string)) {
	if t.typed == "" && strings.TrimSpace(line) == "" {
		return
	}
	t.typed += line + "\n"
	statements, rest := splitStatements(t.typed)
	if len(statements) == 0 {
		return
	}
	remember(strings.Join(strings.Fields(t.typed), " "))
	t.typed = ""
	if !onlyComments(rest) {
		t.typed = rest
	}
	for _, statement := range statements {
		if err := t.c.one(ctx, statement, t.out); err != nil {
			fmt.Fprintln(t.out, "error:", err)
			return
		}
	}
}

// command does what follows a backslash; false leaves.
func (t *conversation) command(text string) bool {
	name, argument, _ := strings.Cut(text, " ")
	argument = strings.TrimSuffix(strings.TrimSpace(argument), ";")
	switch name {
	case "q", "quit":
		return false
	case "d":
		if err := describe(t.out, t.views, argument); err != nil {
			fmt.Fprintln(t.out, "error:", err)
		}
	case "timing":
		t.c.Timing = !t.c.Timing
		fmt.Fprintln(t.out, "timing is", lo.Ternary(t.c.Timing, "on", "off"))
	case "format":
		if !slices.Contains([]string{"table", "csv", "tsv", "json", "jsonl", "markdown"}, argument) {
			fmt.Fprintln(t.out, "error: the formats are table, csv, tsv, json, jsonl and markdown")
			break
		}
		t.c.Format = argument
	default:
		fmt.Fprint(t.out, sqlHelp)
	}
	return true
}

var sqlWords = strings.Fields(`SELECT FROM WHERE GROUP BY ORDER LIMIT HAVING WITH AS JOIN LEFT INNER USING ON AND OR NOT IN LIKE
	BETWEEN DISTINCT DESC ASC UNION ALL count sum avg min max median quantile uniqExact argMax groupArray exp log round`)

// complete offers the names that begin as the word at the cursor does: views, the columns of those that the statement names
// (of all before it names one) and words of SQL.
func (t *conversation) complete(line string, pos int) (head string, completions []string, tail string) {
	runes := []rune(line)
	begin := pos
	for begin > 0 && (unicode.IsLetter(runes[begin-1]) || unicode.IsDigit(runes[begin-1]) || runes[begin-1] == '_') {
		begin--
	}
	head, word, tail := string(runes[:begin]), string(runes[begin:pos]), string(runes[pos:])
	if word == "" {
		return head, nil, tail
	}
	named := lo.Filter(t.views, func(v readsql.View, _ int) bool { return strings.Contains(t.typed+line, v.Name) })
	if len(named) == 0 {
		named = t.views
	}
	var offers []string
	for _, v := range t.views {
		offers = append(offers, v.Name)
	}
	if !strings.HasPrefix(strings.TrimSpace(line), `\`) {
		for _, v := range named {
			for _, c := range v.Columns {
				offers = append(offers, c.Name)
			}
		}
		offers = append(offers, sqlWords...)
	}
	offers = lo.Filter(lo.Uniq(offers), func(o string, _ int) bool { return strings.HasPrefix(strings.ToLower(o), strings.ToLower(word)) })
	slices.Sort(offers)
	return head, offers, tail
}

// historyFile is where statements are kept for next time; "" keeps none.
func historyFile() string {
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "tidemark", "sql_history")
}

func keepHistory(path string, editor *liner.State) error {
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep the history: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("keep the history: %w", err)
	}
	_, err = editor.WriteHistory(file)
	return errors.Join(err, file.Close())
}
