package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"
	"golang.org/x/term"

	"tidemark/pkg/config"
	"tidemark/pkg/readsql"
)

// Exit codes of `tidemark sql` beside 0: the statement was refused or is wrong; there was no answer; it was cancelled.
const (
	exitSQLWrong     = 1
	exitSQLNoAnswer  = 3
	exitSQLCancelled = 130
)

type sqlCmd struct {
	Server   string        `help:"Root of the server." default:"http://127.0.0.1:8080" placeholder:"URL"`
	Token    config.Secret `help:"What the AuthToken header carries."`
	Database string        `name:"db" help:"Database (tenant) whose rows are seen; without one all that the token may see." placeholder:"NAME"`

	Query  string            `short:"q" help:"Statement to ask; without one, and without a file, statements are read from the terminal or from standard input."`
	File   string            `help:"File with statements, each ended by a semicolon; - is standard input." type:"path"`
	Param  map[string]string `help:"Value of {name:Type} in the statements; may be given several times." placeholder:"NAME=VALUE" mapsep:"none"`
	Format string            `help:"Form of answers: table, csv, tsv, json, jsonl, markdown, parquet or arrow; without one a table on a terminal, else csv." enum:",table,csv,tsv,json,jsonl,markdown,parquet,arrow" default:""`
	Limit  int               `help:"Most rows of an answer; 0 leaves it to the statement and the server." default:"0"`
	Timing bool              `help:"Say how long each answer took."`
}

// Help is the long text of `tidemark sql --help`.
func (sqlCmd) Help() string {
	return `Asks a server in SQL, read-only, over the views of docs/sql.md. On a terminal it reads statements line by line until a
semicolon, keeps a history, completes the names of views and columns with Tab, and ends a running statement with Ctrl-C; \d shows the
views, \d VIEW its columns, \timing says how long answers take, \? the rest. The exit code is 1 when a statement was refused or is
wrong, 3 when the server gave no answer, 130 when a statement was cancelled.`
}

// Run asks what the flags, a file, standard input or a person at the terminal ask.
func (c *sqlCmd) Run(ctx context.Context) error {
	switch {
	case c.Query != "" && c.File != "":
		return exit{errors.New("-q and --file are two ways to ask: give one"), 2}
	case c.Query != "":
		return c.all(ctx, c.Query, os.Stdout)
	case c.File != "" && c.File != "-":
		text, err := os.ReadFile(c.File)
		if err != nil {
			return exit{err, 2}
		}
		return c.all(ctx, string(text), os.Stdout)
	case c.File == "" && isTerminal(os.Stdin):
		return c.converse(ctx)
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	return c.all(ctx, string(text), os.Stdout)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) } //nolint:gosec // a file descriptor

func (c *sqlCmd) format() string {
	switch {
	case c.Format != "":
		return c.Format
	case isTerminal(os.Stdout):
		return "table"
	}
	return "csv"
}

// all asks statement after statement and stops at the first that fails.
func (c *sqlCmd) all(ctx context.Context, text string, out io.Writer) error {
	statements, rest := splitStatements(text)
	if strings.TrimSpace(rest) != "" && !onlyComments(rest) {
		statements = append(statements, rest)
	}
	if len(statements) == 0 {
		return exit{errors.New("there is no statement"), 2}
	}
	for _, statement := range statements {
		if err := c.one(ctx, statement, out); err != nil {
			return exit{err, sqlExitCode(err)}
		}
	}
	return nil
}

// splitStatements cuts a text at its semicolons; rest is what no semicolon ends.
func splitStatements(text string) (statements []string, rest string) {
	begin := 0
	readsql.Scan(text, func(t readsql.Token) bool {
		if t.Kind == readsql.Mark && t.Text == ";" {
			if statement := text[begin:t.Start]; !onlyComments(statement) {
				statements = append(statements, statement)
			}
			begin = t.End
		}
		return false
	})
	return statements, text[begin:]
}

func onlyComments(text string) bool {
	only := true
	readsql.Scan(text, func(readsql.Token) bool {
		only = false
		return true
	})
	return only
}

var errSQLCancelled = errors.New("cancelled")

func sqlExitCode(err error) int {
	var told *restError
	switch {
	case errors.Is(err, errSQLCancelled):
		return exitSQLCancelled
	case errors.As(err, &told) && told.status < 500 && told.status != http.StatusTooManyRequests:
		return exitSQLWrong
	}
	return exitSQLNoAnswer
}

// one asks a statement and writes its answer.
func (c *sqlCmd) one(ctx context.Context, statement string, out io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	began := time.Now()
	asked := c.format()
	if asked == "table" || asked == "markdown" {
		asked = string(readsql.JSON)
	}
	id := uuid.NewString()
	answer, err := c.ask(ctx, statement, asked, id)
	if err == nil {
		err = c.write(answer, out)
		_ = answer.Close()
	}
	if err != nil && ctx.Err() != nil {
		c.cancel(context.WithoutCancel(ctx), id) // a server does not see that nobody waits any more
		return errSQLCancelled
	}
	if err == nil && c.Timing {
		fmt.Fprintf(os.Stderr, "%.0f ms\n", float64(time.Since(began).Microseconds())/1000)
	}
	return err
}

func (c *sqlCmd) write(answer io.Reader, out io.Writer) error {
	switch c.format() {
	case "table", "markdown":
		var rows sqlRows
		numbers := json.NewDecoder(answer)
		numbers.UseNumber()
		if err := numbers.Decode(&rows); err != nil {
			return fmt.Errorf("the answer broke off: %w", err)
		}
		return rows.print(out, c.format() == "markdown")
	}
	if _, err := io.Copy(out, answer); err != nil {
		return fmt.Errorf("the answer broke off: %w", err)
	}
	return nil
}

func (c *sqlCmd) address(path string) string {
	base := strings.TrimRight(c.Server, "/") + "/api/"
	if c.Database != "" {
		base += "db_" + url.PathEscape(c.Database) + "/"
	}
	return base + "v5/" + path
}

// ask sends a statement; the answer has to be closed.
func (c *sqlCmd) ask(ctx context.Context, statement, format, id string) (io.ReadCloser, error) {
	body, err := json.Marshal(map[string]any{"query": statement, "params": lo.CoalesceMapOrEmpty(c.Param), "format": format, "limit": c.Limit, "id": id})
	if err != nil {
		return nil, err
	}
	return c.send(ctx, http.MethodPost, "sql", bytes.NewReader(body))
}

func (c *sqlCmd) cancel(ctx context.Context, id string) {
	ctx, stop := context.WithTimeout(ctx, 3*time.Second)
	defer stop()
	if answer, err := c.send(ctx, http.MethodDelete, "sql/"+id, http.NoBody); err == nil {
		_ = answer.Close()
	}
}

// send sends a request; an answer of 400 or more is a [restError].
func (c *sqlCmd) send(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.address(path), body)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if c.Token != "" {
		request.Header.Set("AuthToken", string(c.Token))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("no answer from the server: %w", err)
	}
	if response.StatusCode < http.StatusBadRequest {
		return response.Body, nil
	}
	defer response.Body.Close() //nolint:errcheck // read as far as it matters
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return nil, toRESTError(response.StatusCode, text)
}

// views are those of the server, with their columns.
func (c *sqlCmd) views(ctx context.Context) ([]readsql.View, error) {
	answer, err := c.send(ctx, http.MethodGet, "sql/views", http.NoBody)
	if err != nil {
		return nil, err
	}
	defer answer.Close() //nolint:errcheck // only read
	var page restPage[readsql.View]
	if err := json.NewDecoder(answer).Decode(&page); err != nil {
		return nil, fmt.Errorf("the answer of %s is not what this command reads: %w", c.Server, err)
	}
	return page.Items, nil
}

// describe is what \d shows: all views, or the columns of one.
func describe(out io.Writer, views []readsql.View, name string) error {
	if name == "" {
		rows := sqlRows{Columns: []readsql.Column{{Name: "view"}, {Name: "purpose"}}}
		for _, v := range views {
			rows.Data = append(rows.Data, []any{v.Name, v.Purpose})
		}
		return rows.print(out, false)
	}
	view, found := lo.Find(views, func(v readsql.View) bool { return v.Name == name })
	if !found {
		return fmt.Errorf("there is no view %s; \\d shows all", name)
	}
	fmt.Fprintf(out, "%s: %s\n", view.Name, view.Purpose)
	rows := sqlRows{Columns: []readsql.Column{{Name: "column"}, {Name: "type"}, {Name: "unit"}, {Name: "what it holds"}}}
	for _, c := range view.Columns {
		rows.Data = append(rows.Data, []any{c.Name, c.Type, c.Unit, c.Help})
	}
	return rows.print(out, false)
}
