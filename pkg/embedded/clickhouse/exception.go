package clickhouse

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Exception is an error of the engine, or one this package answers in the engine's
// own words so that clients treat both alike.
type Exception struct { //nolint:errname // the engine's own word
	Code    int    // ClickHouse's error code; 1001 when the engine gave none
	Message string // without the "Code: N. DB::Exception:" prefix
}

// Error is the text a ClickHouse server sends: clients look for "Code: N." at its start.
func (e *Exception) Error() string {
	return fmt.Sprintf("Code: %d. DB::Exception: %s", e.Code, e.Message)
}

// Codes this package itself answers with or branches on.
const (
	codeUnsupportedMethod    = 1
	codeBadArguments         = 36
	codeNotImplemented       = 48
	codeUnknownTable         = 60
	codeSyntaxError          = 62
	codeUnknownDatabase      = 81
	codeUnknownSetting       = 115
	codeTimeoutExceeded      = 159
	codeReadonly             = 164
	codeTooManyQueries       = 202
	codeQueryIDInUse         = 216
	codeQueryCancelled       = 394
	codeSettingConstraint    = 452
	codeAccessDenied         = 497
	codeAuthenticationFailed = 516
	codeStandardException    = 1001
)

var codePattern = regexp.MustCompile(`^(?:Error: )?Code: (\d+)\. (?:DB::Exception: )?`)

// newException parses the engine's error text. Nested prefixes ("Code: 164. DB::Exception:
// Code: 164. ...") are folded into the outermost code.
func newException(text string) *Exception {
	e := &Exception{Code: codeStandardException, Message: strings.TrimSpace(text)}
	for first := true; ; first = false {
		match := codePattern.FindStringSubmatch(e.Message)
		if match == nil {
			return e
		}
		if code, err := strconv.Atoi(match[1]); err == nil && first {
			e.Code = code
		}
		e.Message = e.Message[len(match[0]):]
	}
}

func exceptionf(code int, format string, args ...any) *Exception {
	return &Exception{Code: code, Message: fmt.Sprintf(format, args...)}
}

// asException gives every error a code.
func asException(err error) *Exception {
	var e *Exception
	if errors.As(err, &e) {
		return e
	}
	return &Exception{Code: codeStandardException, Message: err.Error()}
}

// status is the HTTP status a ClickHouse server would choose.
func (e *Exception) status() int {
	switch e.Code {
	case codeSyntaxError, codeUnknownSetting, codeBadArguments:
		return http.StatusBadRequest
	case codeUnknownTable, codeUnknownDatabase:
		return http.StatusNotFound
	case codeReadonly, codeAccessDenied, codeAuthenticationFailed, codeSettingConstraint:
		return http.StatusForbidden
	case codeNotImplemented:
		return http.StatusNotImplemented
	case codeTooManyQueries:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
