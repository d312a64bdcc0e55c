package readsql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// target is ClickHouse's HTTP interface, reached as a read-only user.
type target struct {
	http     *http.Client
	base     string
	user     string
	password string
	database string
}

// EngineError is an error in the engine's words.
type EngineError struct {
	Code    int // ClickHouse's
	Message string
}

func (e *EngineError) Error() string { return e.Message }

func newTarget(cfg Config) (*target, error) {
	t := &target{base: "http://localhost/", database: cfg.Database}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: cfg.Limits.Concurrent, MaxConnsPerHost: cfg.Limits.Concurrent, IdleConnTimeout: time.Minute}
	if cfg.Dial != nil {
		transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) { return cfg.Dial(ctx, network, addr) }
	} else {
		u, err := url.Parse(cfg.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, errors.New("readsql.url: must be the address of ClickHouse's HTTP interface, such as http://reader:password@host:8123")
		}
		t.user = u.User.Username()
		t.password, _ = u.User.Password()
		t.base = u.Scheme + "://" + u.Host + "/"
	}
	t.http = &http.Client{Transport: transport}
	return t, nil
}

// ask sends a statement and returns the answer as it comes. Closing it ends the statement.
func (t *target) ask(ctx context.Context, text, format string, settings, params map[string]string) (io.ReadCloser, error) {
	values := url.Values{"database": {t.database}, "default_format": {format}}
	for name, value := range settings {
		values.Set(name, value)
	}
	for name, value := range params {
		values.Set("param_"+name, value)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.base+"?"+values.Encode(), strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("ask the engine: %w", err)
	}
	if t.user != "" {
		request.Header.Set("X-ClickHouse-User", t.user)
		request.Header.Set("X-ClickHouse-Key", t.password)
	}
	response, err := t.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the engine: %w", withoutAddress(err))
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	defer response.Body.Close() //nolint:errcheck // read as far as it matters
	message, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("read the engine's error: %w", err)
	}
	return nil, toEngineError(response.Header.Get("X-ClickHouse-Exception-Code"), string(message))
}

// NullParam is the value of a parameter that is NULL.
const NullParam = `\N`

// TextParam is a text as the value of a parameter: the engine reads values with the escapes of its TabSeparated format,
// those of arrays as they stand in a statement.
func TextParam(text string) string {
	return strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`).Replace(text)
}

// withoutAddress leaves out the address, which holds the statement.
func withoutAddress(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

var (
	codePrefix    = regexp.MustCompile(`^(?:Code: \d+\. )?(?:DB::Exception: )?`)
	versionSuffix = regexp.MustCompile(`(?:\s*\((?:version [^)]*|[A-Z_]+)\)\.?)*\s*$`)
)

func toEngineError(code, message string) error {
	number, err := strconv.Atoi(code)
	if err != nil {
		return fmt.Errorf("the engine answered: %.300s", strings.TrimSpace(message))
	}
	for before := ""; before != message; {
		before = message
		message = codePrefix.ReplaceAllString(message, "")
	}
	return &EngineError{Code: number, Message: versionSuffix.ReplaceAllString(message, "")}
}

// rows asks a short question of the gate's own.
func (t *target) rows(ctx context.Context, text string, each func(row []string)) error {
	answer, err := t.ask(ctx, text, "JSONCompactStringsEachRow", nil, nil)
	if err != nil {
		return err
	}
	defer answer.Close() //nolint:errcheck // only read
	rows := json.NewDecoder(answer)
	for {
		var row []string
		if err := rows.Decode(&row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the engine's answer: %w", err)
		}
		each(row)
	}
}

// text asks for a short text.
func (t *target) text(ctx context.Context, statement string, settings, params map[string]string) (string, error) {
	answer, err := t.ask(ctx, statement, "TabSeparated", settings, params)
	if err != nil {
		return "", err
	}
	defer answer.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(answer, 16<<20))
	if err != nil {
		return "", fmt.Errorf("read the engine's answer: %w", err)
	}
	return string(text), nil
}
