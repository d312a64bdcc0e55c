package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"tidemark/pkg/config"
)

// restFlags say which server a command asks, and about which suite.
type restFlags struct {
	Server   string        `help:"Root of the server." default:"http://127.0.0.1:8080" placeholder:"URL"`
	Token    config.Secret `help:"What the AuthToken header carries."`
	Database string        `name:"db" help:"Database on the server; without one its default." placeholder:"NAME"`
	Suite    string        `help:"Suite." default:"nts" placeholder:"NAME"`
	Format   string        `help:"Form of the answer: table, json or csv; without one a table on a terminal, else csv." enum:",csv,table,json" default:""`
}

// restTimeout bounds one request.
const restTimeout = 5 * time.Minute

// restError is an answer of 400 or more.
type restError struct {
	status  int
	message string
}

func (e *restError) Error() string { return e.message }

// address is that of a part of the suite.
func (f restFlags) address(path string, query url.Values) string {
	base := strings.TrimRight(f.Server, "/") + "/api/"
	if f.Database != "" {
		base += "db_" + url.PathEscape(f.Database) + "/"
	}
	address := base + "v5/" + url.PathEscape(f.Suite) + "/" + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address
}

// call sends a request and reads the answer into out, unless that is nil. An answer of 400 or more is a [restError].
func (f restFlags) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, restTimeout)
	defer cancel()
	var body io.Reader = http.NoBody
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, f.address(path, query), body)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if f.Token != "" {
		request.Header.Set("AuthToken", string(f.Token))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no answer from the server: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return toRESTError(response.StatusCode, text)
	}
	if out == nil || len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("the answer of %s is not what this command reads: %w", f.Server, err)
	}
	return nil
}

func toRESTError(status int, text []byte) error {
	var told struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(text, &told); err != nil || told.Error.Message == "" && told.Message == "" {
		return &restError{status, fmt.Sprintf("the server answered %d: %.200s", status, text)}
	}
	if told.Error.Message != "" {
		return &restError{status, told.Error.Message}
	}
	return &restError{status, told.Message}
}

// restPage is a list as the server gives it.
type restPage[T any] struct {
	Items  []T `json:"items"`
	Cursor struct {
		Next *string `json:"next"`
	} `json:"cursor"`
}

// pages hands over the items of a list, page by page.
func pages[T any](ctx context.Context, f restFlags, path string, query url.Values, each func(T) error) error {
	asked := url.Values{"limit": {"1000"}}
	for name, values := range query {
		asked[name] = values
	}
	for {
		var p restPage[T]
		if err := f.call(ctx, http.MethodGet, path, asked, nil, &p); err != nil {
			return err
		}
		for _, item := range p.Items {
			if err := each(item); err != nil {
				return err
			}
		}
		if p.Cursor.Next == nil {
			return nil
		}
		asked.Set("cursor", *p.Cursor.Next)
	}
}

func (f restFlags) format() string {
	switch {
	case f.Format != "":
		return f.Format
	case term.IsTerminal(int(os.Stdout.Fd())): //nolint:gosec // a file descriptor
		return "table"
	}
	return "csv"
}

// printRows writes items as a table, as CSV with the same columns, or as a JSON array of what the server gave.
func printRows[T any](out io.Writer, format string, columns []string, items []T, fields func(T) []string) error {
	switch format {
	case "json":
		if items == nil {
			items = []T{}
		}
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(items)
	case "table":
		t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, strings.ToUpper(strings.Join(columns, "\t")))
		for _, item := range items {
			fmt.Fprintln(t, strings.Join(fields(item), "\t"))
		}
		return t.Flush()
	}
	c := csv.NewWriter(out)
	err := c.Write(columns)
	for _, item := range items {
		err = errors.Join(err, c.Write(fields(item)))
	}
	c.Flush()
	return errors.Join(err, c.Error())
}
