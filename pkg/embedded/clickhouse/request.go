package clickhouse

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/google/uuid"

	"tidemark/pkg/readsql"
)

// request is one statement as it came over HTTP.
type request struct {
	id       string
	text     string // the statement; for an INSERT with rows, up to them
	outline  statement
	rows     io.Reader // of an INSERT
	format   string    // of the answer
	database string
	settings map[string]string
	params   map[string]string
	revision uint64 // client_protocol_version
	wait     bool   // send nothing before the end is known
	native   bool   // answer in ClickHouse's own compressed frames
	gzip     bool
}

// Names in the URL that are not settings.
var reserved = readsql.Words(`query database default_format query_id session_id session_timeout session_check
	close_session client_protocol_version compress decompress quota_key role user password buffer_size
	wait_end_of_query stacktrace`)

// parseRequest reads a request. A statement longer than most bytes is refused; rows of an INSERT are not
// counted, they are read as they are stored.
func (e *Engine) parseRequest(r *http.Request, most int) (*request, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, exceptionf(codeBadArguments, "The URL's query does not parse: %v", err)
	}
	q := &request{
		id:       firstOf(values.Get("query_id"), r.Header.Get("X-ClickHouse-Query-Id")),
		database: firstOf(values.Get("database"), r.Header.Get("X-ClickHouse-Database")),
		settings: map[string]string{},
		params:   map[string]string{},
		wait:     truthy(values.Get("wait_end_of_query")),
		native:   truthy(values.Get("compress")),
	}
	if q.id == "" {
		q.id = uuid.NewString()
	}
	if values.Get("session_id") != "" {
		return nil, exceptionf(codeNotImplemented, "session_id: the embedded engine keeps no sessions between requests. (NOT_IMPLEMENTED)")
	}
	q.revision, _ = strconv.ParseUint(values.Get("client_protocol_version"), 10, 64)
	for name, all := range values {
		if param, ok := strings.CutPrefix(name, "param_"); ok {
			q.params[param] = all[0]
			continue
		}
		if _, ok := reserved[name]; ok {
			continue
		}
		if _, ok := e.settings[name]; !ok {
			return nil, exceptionf(codeUnknownSetting, "Unknown setting '%s'. (UNKNOWN_SETTING)", name)
		}
		q.settings[name] = all[0]
	}
	q.gzip = !q.native && acceptsGzip(r) && q.settings["enable_http_compression"] != "0"
	if err := q.readStatement(r, values, most); err != nil {
		return nil, err
	}
	q.format = firstOf(q.outline.format, values.Get("default_format"), r.Header.Get("X-ClickHouse-Format"), "TabSeparated")
	if q.outline.file {
		return nil, exceptionf(codeUnsupportedMethod, "INTO OUTFILE and FROM INFILE are for clients with files of their own. (UNSUPPORTED_METHOD)")
	}
	return q, nil
}

// readStatement finds the statement in query= and the body, and the rows of an INSERT after it.
func (q *request) readStatement(r *http.Request, values url.Values, most int) error {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return exceptionf(codeNotImplemented, "External tables are not taken. (NOT_IMPLEMENTED)")
	}
	body, err := decodedBody(r, truthy(values.Get("decompress")))
	if err != nil {
		return err
	}
	prefix := values.Get("query")
	if prefix != "" {
		if q.outline = parseStatement(prefix); q.outline.insertData {
			q.text = q.outline.header
			q.rows = io.MultiReader(strings.NewReader(prefix[q.outline.data:]), body)
			return nil
		}
	}
	head, err := io.ReadAll(io.LimitReader(body, int64(most)+1))
	if err != nil {
		return exceptionf(codeBadArguments, "The request's body was not read: %v", err)
	}
	text := prefix + string(head)
	q.outline = parseStatement(text)
	if q.outline.insertData && prefix == "" {
		q.text = q.outline.header
		q.rows = io.MultiReader(strings.NewReader(text[q.outline.data:]), body)
		return nil
	}
	if len(text) > most {
		return exceptionf(codeSyntaxError, "The statement is longer than %d bytes. (SYNTAX_ERROR)", most)
	}
	if q.outline.first == "" {
		return exceptionf(codeSyntaxError, "Empty query. (SYNTAX_ERROR)")
	}
	q.text = text
	return nil
}

// decodedBody undoes Content-Encoding and, when asked, ClickHouse's own compressed frames.
func decodedBody(r *http.Request, framed bool) (io.Reader, error) {
	var body io.Reader = r.Body
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, exceptionf(codeBadArguments, "The body is not gzip: %v", err)
		}
		body = unzipped
	default:
		return nil, exceptionf(codeNotImplemented, "Content-Encoding %s is not taken, gzip is. (NOT_IMPLEMENTED)", encoding)
	}
	if framed {
		body = compress.NewReader(body)
	}
	return body, nil
}

func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(name, "gzip") && strings.ReplaceAll(quality, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

func truthy(value string) bool { return value == "1" || strings.EqualFold(value, "true") }

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}
