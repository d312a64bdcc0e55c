package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"tidemark/pkg/auth"
	"tidemark/pkg/bounds"
	"tidemark/pkg/httpx"
	"tidemark/pkg/openapi"
	"tidemark/pkg/readsql"
)

// maxQueryURL bounds a statement in an address, in bytes: what is longer comes in a body.
const maxQueryURL = 8 << 10

// sqlQuestion is the body of POST sql.
type sqlQuestion struct {
	Query  string                     `json:"query" doc:"one statement over the views v_*"`
	Params map[string]json.RawMessage `json:"params,omitempty" doc:"values of {name:Type}: texts, numbers, booleans, null or arrays of these"`
	Format string                     `json:"format,omitempty" enum:"json,jsonl,csv,tsv,parquet,arrow"`
	Limit  int                        `json:"limit,omitempty" doc:"most rows of the answer"`
	ID     string                     `json:"id,omitempty" doc:"a uuid of the client's, with which the statement can be cancelled"`
}

// sqlAnswer is an answer as JSON.
type sqlAnswer struct {
	Columns   []readsql.Column `json:"columns"`
	Data      [][]*any         `json:"data" doc:"rows of values in the columns' order"`
	Rows      int              `json:"rows"`
	Truncated bool             `json:"truncated" doc:"there are more rows than limit"`
}

type sqlCancelled struct {
	Cancelled bool `json:"cancelled" doc:"false when no such statement runs"`
}

var sqlErrors = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusConflict}

func (s *Service) sqlOperations() []operation {
	const rules = "Read-only, over the documented views v_*, within bounds of time, memory, rows, bytes and statements per minute. " +
		"See docs/sql.md for the views and their columns. Below /api/db_<name>/v5/ only that database's rows are seen."
	return []operation{
		{openapi.Operation{
			Method: "POST", Path: "sql", Global: true, ID: "askSQL", Tag: "sql", Summary: "the answer to a SQL statement",
			Details: rules, Body: sqlQuestion{}, Answer: sqlAnswer{}, Errors: append([]int{http.StatusUnsupportedMediaType}, sqlErrors...),
		}, s.postSQL},
		{openapi.Operation{
			Method: "GET", Path: "sql", Global: true, ID: "getSQL", Tag: "sql", Summary: "the answer to a short SQL statement",
			Details: rules, Answer: sqlAnswer{}, Tagged: true, Errors: sqlErrors,
			Query: []openapi.Param{
				required(openapi.Param{Name: "query", Help: "One statement of at most 8 KiB."}),
				{Name: "format", Words: formatWords(), Default: string(readsql.JSON), Help: "The form of the answer."},
				{Name: "limit", Type: openapi.Integer, Min: 1, Max: 1_000_000, Help: "The most rows of the answer."},
				{Name: "id", Help: "A uuid of the client's, with which the statement can be cancelled."},
				{Name: "param.", Prefix: true, Help: "The value of {name:Type} in the statement."},
			},
		}, s.getSQL},
		{openapi.Operation{
			Method: "GET", Path: "sql/views", Global: true, ID: "listViews", Tag: "sql", Summary: "the views that can be asked, with their columns",
			Answer: page[readsql.View]{}, Tagged: true, Errors: sqlErrors[:2],
			Query: []openapi.Param{{Name: "view", Help: "Only the view of this name."}},
		}, s.listViews},
		{openapi.Operation{
			Method: "DELETE", Path: "sql/:id", Global: true, ID: "cancelSQL", Tag: "sql", Summary: "ends a running statement",
			Answer: sqlCancelled{}, Errors: sqlErrors[:2],
		}, s.cancelSQL},
	}
}

func formatWords() []string {
	var words []string
	for _, f := range readsql.Formats() {
		words = append(words, string(f))
	}
	return words
}

var errNoSQL = openapi.Missing("SQL is not answered here: with a ClickHouse server, set --sql-clickhouse to its HTTP interface with a read-only user")

// reader says whose question it is and which databases it may see; none are all.
func (s *Service) reader(c *fiber.Ctx) (who string, databases []string, err error) {
	if s.sql == nil {
		return "", nil, errNoSQL
	}
	// What the framework gives is only lent, and the quota keeps names.
	if only := c.Params("db"); only != "" {
		databases = []string{strings.Clone(only)}
	}
	visitor := auth.VisitorOf(c)
	secret, _ := auth.Secret(func(name string) string { return c.Get(name) })
	switch {
	case visitor.Known:
	case secret != "":
		return "", nil, &openapi.Error{Status: http.StatusUnauthorized, Message: "the token is not known"}
	case s.cfg.SQLToken:
		return "", nil, &openapi.Error{Status: http.StatusUnauthorized, Message: "a token is needed to ask in SQL: one with the scope read, in the header Authorization: Bearer or AuthToken"}
	default:
		return "nobody at " + strings.Clone(c.IP()), databases, nil
	}
	token := visitor.Token
	if len(databases) > 0 {
		if err := token.Allow(auth.Read, databases[0]); err != nil {
			return "", nil, &openapi.Error{Status: http.StatusForbidden, Message: err.Error()}
		}
		return token.Name, databases, nil
	}
	return token.Name, slices.Clone(token.Databases), nil
}

// AskSQL puts a question to the gate on behalf of a request's sender, by the rules of POST sql: who may ask, whose rows are seen, whose
// quota it counts for. Errors are [*openapi.Error]. The caller closes the answer's body.
func (s *Service) AskSQL(c *fiber.Ctx, asked readsql.Question) (*readsql.Answer, error) {
	var err error
	if asked.Who, asked.Databases, err = s.reader(c); err != nil {
		return nil, err
	}
	answer, err := s.sql.Ask(c.UserContext(), asked)
	if err != nil {
		return nil, s.toSQLError(err)
	}
	return answer, nil
}

// SQLViews are the views that a request's sender may ask. Errors are [*openapi.Error].
func (s *Service) SQLViews(c *fiber.Ctx) ([]readsql.View, error) {
	if _, _, err := s.reader(c); err != nil {
		return nil, err
	}
	views, err := s.sql.Views(c.UserContext())
	if err != nil {
		return nil, s.toSQLError(err)
	}
	return views, nil
}

func (s *Service) getSQL(c *fiber.Ctx, q v5Request) error {
	if len(q.params["query"]) > maxQueryURL {
		return wrong("query", "is longer than %d bytes: send it with POST", maxQueryURL)
	}
	asked := readsql.Question{Text: q.params["query"], Params: map[string]string{}, ID: q.params["id"], Format: readsql.Format(q.params["format"])}
	if limit, given := q.params["limit"]; given {
		asked.Limit, _ = strconv.Atoi(limit) // checked
	}
	for name, value := range q.params {
		if param, found := strings.CutPrefix(name, "param."); found {
			asked.Params[param] = readsql.TextParam(value)
		}
	}
	return s.answerSQL(c, q, asked)
}

func (s *Service) postSQL(c *fiber.Ctx, q v5Request) error {
	if media, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType)); err != nil || media != fiber.MIMEApplicationJSON {
		return &openapi.Error{Status: http.StatusUnsupportedMediaType, Message: "the body has to be JSON: Content-Type: application/json"}
	}
	body, err := readBody(c, maxSQLBody)
	if err != nil {
		return err
	}
	var in sqlQuestion
	if err := openapi.Decode(body, &in); err != nil {
		return err
	}
	asked := readsql.Question{Text: in.Query, Params: map[string]string{}, Limit: in.Limit, ID: in.ID, Format: readsql.Format(in.Format)}
	if in.Limit < 0 {
		return wrong("limit", "must not be negative")
	}
	for name, value := range in.Params {
		if asked.Params[name], err = paramText(value); err != nil {
			return wrong("params."+name, "%v", err)
		}
	}
	return s.answerSQL(c, q, asked)
}

// maxSQLBody bounds the body of a question, in bytes.
const maxSQLBody = 1 << 20

// readBody reads a body of at most so many bytes, streamed or not.
func readBody(c *fiber.Ctx, most int64) ([]byte, error) {
	stream := c.Context().RequestBodyStream()
	if stream == nil {
		if int64(len(c.Body())) > most {
			return nil, &openapi.Error{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("the body is longer than %d bytes", most)}
		}
		return slices.Clone(c.Body()), nil
	}
	body, err := io.ReadAll(io.LimitReader(stream, most+1))
	if err != nil {
		return nil, invalid("the body was not read: %v", err)
	}
	if int64(len(body)) > most {
		return nil, &openapi.Error{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("the body is longer than %d bytes", most)}
	}
	return body, c.Request().CloseBodyStream()
}

var paramName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (s *Service) answerSQL(c *fiber.Ctx, q v5Request, asked readsql.Question) error {
	var err error
	if asked.Who, asked.Databases, err = s.reader(c); err != nil {
		return err
	}
	if asked.Format, err = readsql.ParseFormat(string(asked.Format)); err != nil {
		return wrong("format", "%v", err)
	}
	if asked.Text == "" {
		return wrong("query", "a statement is needed")
	}
	if asked.ID != "" && uuid.Validate(asked.ID) != nil {
		return wrong("id", "'%s' is not a uuid", asked.ID)
	}
	for name := range asked.Params {
		if !paramName.MatchString(name) {
			return wrong("params", "'%s' is not the name of a parameter", name)
		}
	}
	asked.Known = func(tag string) bool { return knows(c, weak(tag)) }
	// The answer is sent after this returns; the gate has deadlines of its own. Until then a client that goes ends the statement.
	asking, end := context.WithCancel(context.WithoutCancel(q.ctx))
	stop := context.AfterFunc(q.ctx, func() {
		if errors.Is(context.Cause(q.ctx), httpx.ErrGone) {
			end()
		}
	})
	answer, err := s.sql.Ask(asking, asked)
	stop()
	if err != nil {
		return s.toSQLError(err)
	}
	if answer.Known {
		return c.SendStatus(fiber.StatusNotModified)
	}
	if answer.Tag != "" {
		mark(c, weak(answer.Tag))
	} else {
		c.Set(fiber.HeaderCacheControl, "no-store")
	}
	c.Set(fiber.HeaderContentType, asked.Format.MediaType())
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Context().SetBodyStream(answer.Body, -1)
	return nil
}

func weak(tag string) string { return `W/"` + tag + `"` }

// toSQLError says what to do about a question that is not answered.
func (s *Service) toSQLError(err error) error {
	var (
		refused *readsql.RefusedError
		beyond  *readsql.LimitError
		quota   *readsql.QuotaError
		engine  *readsql.EngineError
	)
	switch {
	case errors.As(err, &refused):
		return &openapi.Error{Status: http.StatusForbidden, Message: refused.Reason, Field: "query"}
	case errors.As(err, &beyond):
		return wrong("query", "%s: %s. Ask for less: filter by database, suite, machine, test or order, name fewer columns, aggregate, or add LIMIT", bounds.Beyond, strings.TrimRight(beyond.Reason, ". "))
	case errors.As(err, &quota):
		return &openapi.Error{Status: http.StatusTooManyRequests, Message: quota.Reason, RetryAfter: quota.RetryAfter}
	case errors.Is(err, readsql.ErrBusy):
		return &openapi.Error{Status: http.StatusServiceUnavailable, Message: tooBusy, RetryAfter: s.cfg.RetryAfter}
	case errors.Is(err, readsql.ErrCancelled):
		return &openapi.Error{Status: http.StatusConflict, Message: err.Error()}
	case errors.As(err, &engine):
		return wrong("query", "%s", engine.Message)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &openapi.Error{Status: http.StatusServiceUnavailable, Message: tooBusy, RetryAfter: s.cfg.RetryAfter}
	}
	s.log.Warn("sql not answered", "err", err)
	return &openapi.Error{Status: http.StatusServiceUnavailable, Message: "the database was not reached; try again", RetryAfter: time.Second}
}

func (s *Service) listViews(c *fiber.Ctx, q v5Request) error {
	if _, _, err := s.reader(c); err != nil {
		return err
	}
	views, err := s.sql.Views(q.ctx)
	if err != nil {
		return s.toSQLError(err)
	}
	if only, given := q.params["view"]; given {
		views = slices.DeleteFunc(views, func(v readsql.View) bool { return v.Name != only })
		if len(views) == 0 {
			return missing("there is no view '%s'", only)
		}
	}
	return c.JSON(page[readsql.View]{Items: views})
}

func (s *Service) cancelSQL(c *fiber.Ctx, _ v5Request) error {
	if _, _, err := s.reader(c); err != nil {
		return err
	}
	id := c.Params("id")
	if uuid.Validate(id) != nil {
		return wrong("id", "'%s' is not a uuid", id)
	}
	return c.JSON(sqlCancelled{s.sql.Cancel(id)})
}

// paramText is a JSON value as ClickHouse reads a parameter.
func paramText(value json.RawMessage) (string, error) {
	if len(value) > 0 && value[0] == '"' {
		var text string
		err := json.Unmarshal(value, &text)
		return readsql.TextParam(text), err
	}
	if string(value) == "null" {
		return readsql.NullParam, nil
	}
	return paramPart(value)
}

// paramPart is a value as it stands in an array.
func paramPart(value json.RawMessage) (string, error) {
	switch {
	case len(value) == 0:
		return "", errors.New("has no value")
	case value[0] == '"':
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return "", err
		}
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'", nil
	case value[0] == '[':
		var parts []json.RawMessage
		if err := json.Unmarshal(value, &parts); err != nil {
			return "", err
		}
		texts := make([]string, len(parts))
		for i, part := range parts {
			var err error
			if texts[i], err = paramPart(part); err != nil {
				return "", err
			}
		}
		return "[" + strings.Join(texts, ",") + "]", nil
	case value[0] == '{':
		return "", errors.New("objects are not values of parameters: texts, numbers, booleans, null and arrays are")
	case string(value) == "null":
		return "NULL", nil
	}
	return string(value), nil // a number or a boolean
}
