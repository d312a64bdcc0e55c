package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/bounds"
	"tidemark/pkg/openapi"
	"tidemark/pkg/readsql"
	"tidemark/sql"
)

// Bounds of the page for SQL.
const (
	// maxSQL is how long a statement in an address may be, in bytes, as for GET /api/v5/sql.
	maxSQL = 8 << 10
	// sqlRows is how many rows are shown; a download has all.
	sqlRows = 1000
	// sqlCell is how much of one value is shown, in characters.
	sqlCell = 500
)

type sqlBody struct {
	Query string
	// Params are those that the statement has.
	Params []sqlParam
	// Asked says that there is an answer or a problem.
	Asked     bool
	Columns   []sqlColumn
	Rows      [][]sqlCellView
	Truncated bool
	Problem   *sqlProblem
	// Downloads are addresses of the answer in other forms.
	Downloads []download
	// Drawable says that a chart can be made: a first column and numbers.
	Drawable  bool
	Views     []readsql.View
	Questions []sqlQuestion
	// Link is the address of this statement.
	Link string
}

type sqlParam struct{ Name, Type, Value string }

// download is an answer in another form.
type download struct{ Name, Format, Address string }

// formatNames are what people call them.
var formatNames = map[readsql.Format]string{readsql.CSV: "CSV", readsql.JSON: "JSON", readsql.Parquet: "Parquet", readsql.Arrow: "Arrow"}

type sqlColumn struct {
	readsql.Column
	Number bool
}

type sqlCellView struct {
	Text string
	Null bool
}

// sqlProblem says why there is no answer, and where the statement is wrong.
type sqlProblem struct {
	Status  int
	Message string
	// Beyond says that the statement is right but takes too much.
	Beyond bool
	// Line and Column are where, from 1; 0 where that is not known. Before, At and After are that line.
	Line, Column      int
	Before, At, After string
}

type sqlQuestion struct{ Asks, Address string }

// paramPlace is a parameter in a statement.
var paramPlace = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_]*):([A-Za-z0-9_(), ']+)\}`)

// sqlPage answers /sql: an editor, and the answer to the statement in the address.
func (s *Service) sqlPage(c *fiber.Ctx) error {
	v := s.view(c, "SQL")
	v.Script, v.Chart = "sql.js", true
	if s.sql == nil {
		return errNoSQLHere
	}
	known, err := s.catalog(c.UserContext())
	if err != nil {
		return err
	}
	base := "sql"
	if v.Database = c.Params("db"); v.Database != "" {
		if err := s.findDatabase(known, v.L, v.Database); err != nil {
			return err
		}
		v.Crumbs = []crumb{{v.Database, v.L.Database(v.Database)}}
		base = "db_" + url.PathEscape(v.Database) + "/sql"
	}
	v.Menu = s.menu(known)
	v.crumb("SQL")
	body := sqlBody{Query: strings.ReplaceAll(c.Query("query"), "\r\n", "\n")}
	if body.Views, err = s.sql.SQLViews(c); err != nil {
		return sqlRefusal(v, err)
	}
	if body.Questions, err = s.sqlQuestions(v, base); err != nil {
		return err
	}
	if len(body.Query) > maxSQL || !utf8.ValidString(body.Query) {
		return badParameter("query", clip(strings.ToValidUTF8(body.Query, "?"), 80), fmt.Sprintf("A statement in an address is text of at most %d bytes: send a longer one with POST /api/v5/sql.", maxSQL))
	}
	body.Params = sqlParams(c, body.Query)
	if strings.TrimSpace(body.Query) != "" && c.Query("run") != "" {
		if err := s.askSQL(c, v, &body); err != nil {
			return err
		}
		body.Link = v.L.prefix + base + "?" + sqlArgs(body).Encode() + "&run=1"
	}
	v.Body = body
	return s.render(c, "sql", v)
}

var errNoSQLHere = &problem{
	Status: fiber.StatusNotFound, Title: "SQL is not answered here", Detail: "This server has no read-only way to its database.",
	Hint: "Whoever runs it can give it one with --sql-clickhouse.",
}

// sqlRefusal is the page for somebody who may not ask at all.
func sqlRefusal(v view, err error) error {
	var known *openapi.Error
	if !errors.As(err, &known) {
		return err
	}
	p := &problem{Status: known.Status, Title: "This question is not answered", Detail: known.Message, Back: v.SignIn, BackText: "Sign in"}
	if v.SignIn == "" {
		p.BackText = ""
	}
	return p
}

// sqlParams are the parameters of a statement with what the address has for them.
func sqlParams(c *fiber.Ctx, query string) []sqlParam {
	var out []sqlParam
	for _, m := range paramPlace.FindAllStringSubmatch(query, 40) {
		if !lo.ContainsBy(out, func(p sqlParam) bool { return p.Name == m[1] }) {
			out = append(out, sqlParam{m[1], m[2], clip(strings.ToValidUTF8(c.Query("param."+m[1]), "?"), 2000)})
		}
	}
	return out
}

func sqlArgs(b sqlBody) url.Values {
	args := url.Values{"query": {b.Query}}
	for _, p := range b.Params {
		args.Set("param."+p.Name, p.Value)
	}
	return args
}

// sqlQuestions are the worked questions, for the suite that was seen first.
func (s *Service) sqlQuestions(v view, base string) ([]sqlQuestion, error) {
	worked, err := sql.Questions()
	if err != nil {
		return nil, err
	}
	database, suite := lo.CoalesceOrEmpty(v.Database, s.firstDatabase()), "nts"
	return lo.Map(worked, func(q sql.Question, _ int) sqlQuestion {
		args := url.Values{"query": {strings.TrimSpace(q.Text)}, "param.database": {database}, "param.suite": {suite}}
		return sqlQuestion{q.Asks, v.L.prefix + base + "?" + args.Encode()}
	}), nil
}

// askSQL fills in the answer, or why there is none.
func (s *Service) askSQL(c *fiber.Ctx, v view, body *sqlBody) error {
	asked := readsql.Question{Text: body.Query, Params: map[string]string{}, Format: readsql.JSON, Limit: sqlRows}
	for _, p := range body.Params {
		asked.Params[p.Name] = readsql.TextParam(p.Value)
	}
	body.Asked = true
	answer, err := s.sql.AskSQL(c, asked)
	var known *openapi.Error
	if errors.As(err, &known) {
		c.Status(known.Status)
		if known.RetryAfter > 0 {
			c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(known.RetryAfter.Seconds())+1))
		}
		body.Problem = newSQLProblem(body.Query, known)
		return nil
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if err := body.read(answer.Body); err != nil {
		return &problem{Status: fiber.StatusServiceUnavailable, Title: "The answer broke off", Detail: clip(visible(err.Error()), 500), Hint: "Ask for less, or again."}
	}
	body.Drawable = len(body.Rows) > 1 && len(body.Columns) > 1 && lo.SomeBy(body.Columns[1:], func(col sqlColumn) bool { return col.Number })
	api := "api/v5/sql?"
	if v.Database != "" {
		api = "api/db_" + url.PathEscape(v.Database) + "/v5/sql?"
	}
	for _, f := range []readsql.Format{readsql.CSV, readsql.JSON, readsql.Parquet, readsql.Arrow} {
		args := sqlArgs(*body)
		args.Set("format", string(f))
		body.Downloads = append(body.Downloads, download{formatNames[f], string(f), v.L.prefix + api + args.Encode()})
	}
	return nil
}

// read takes an answer in JSON apart.
func (b *sqlBody) read(from io.Reader) error {
	var answer struct {
		Columns   []readsql.Column    `json:"columns"`
		Data      [][]json.RawMessage `json:"data"`
		Truncated bool                `json:"truncated"`
	}
	if err := json.NewDecoder(from).Decode(&answer); err != nil {
		return err
	}
	b.Truncated = answer.Truncated
	b.Columns = lo.Map(answer.Columns, func(col readsql.Column, _ int) sqlColumn { return sqlColumn{col, isNumber(col.Type)} })
	for _, row := range answer.Data {
		b.Rows = append(b.Rows, lo.Map(row, func(value json.RawMessage, _ int) sqlCellView { return newSQLCell(value) }))
	}
	return nil
}

func newSQLCell(value json.RawMessage) sqlCellView {
	if string(value) == "null" {
		return sqlCellView{"NULL", true}
	}
	text := string(value)
	var plain string
	if json.Unmarshal(value, &plain) == nil {
		text = plain
	}
	return sqlCellView{Text: clip(visible(text), sqlCell)}
}

// isNumber says whether values of a type stand at the right and can be drawn.
func isNumber(kind string) bool {
	for _, around := range []string{"LowCardinality(", "Nullable("} {
		if inner, found := strings.CutPrefix(kind, around); found {
			kind = strings.TrimSuffix(inner, ")")
		}
	}
	return slices.ContainsFunc([]string{"Int", "UInt", "Float", "Decimal"}, func(name string) bool { return strings.HasPrefix(kind, name) })
}

var (
	// failedAt is where the engine stopped to understand, as a byte from 1, and what stands there.
	failedAt = regexp.MustCompile(`failed at position (\d+) \((.+?)\)(?:: | \(line|\.|$)`)
	// lineAt counts in what the engine was sent, not in what was typed.
	lineAt = regexp.MustCompile(` at position \d+| ?\(line \d+, col \d+\)`)
)

// explained is what the engine may have been sent before the statement.
const explained = len("EXPLAIN AST ")

// failurePlace is the byte at which the engine stopped to understand a statement, -1 when the message does not tell.
func failurePlace(query, message string) int {
	m := failedAt.FindStringSubmatch(message)
	if m == nil {
		return -1
	}
	if m[2] == "end of query" {
		return len(strings.TrimRight(query, " \n\t;"))
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return -1
	}
	for _, at := range []int{n - 1, n - 1 - explained} {
		if at >= 0 && at < len(query) && strings.HasPrefix(query[at:], m[2]) {
			return at
		}
	}
	return -1
}

// newSQLProblem finds the place of a mistake in what was typed.
func newSQLProblem(query string, e *openapi.Error) *sqlProblem {
	p := &sqlProblem{Status: e.Status, Beyond: strings.Contains(e.Message, bounds.Beyond), Message: clip(visible(lineAt.ReplaceAllString(e.Message, "")), 2000)}
	at := failurePlace(query, e.Message)
	if at < 0 {
		return p
	}
	start := strings.LastIndexByte(query[:at], '\n') + 1
	rest, _, _ := strings.Cut(query[at:], "\n")
	p.Line, p.Column = strings.Count(query[:at], "\n")+1, utf8.RuneCountInString(query[start:at])+1
	p.Before = query[start:at]
	_, size := utf8.DecodeRuneInString(rest)
	p.At, p.After = rest[:size], rest[size:]
	return p
}
