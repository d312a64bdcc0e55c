package openapi

import (
	"fmt"
	"net/http"
	"time"
)

// Error is an error as v5 tells it: {"error": {"code", "message", "field"}}.
type Error struct {
	Status  int
	Message string
	// Field is the path of what is wrong, where it is one value.
	Field string
	// RetryAfter asks for a pause; 0 does not.
	RetryAfter time.Duration
}

func (e *Error) Error() string { return e.Message }

// Code is the word that v5 has for the status.
func (e *Error) Code() string {
	if code, ok := codes[e.Status]; ok {
		return code
	}
	if e.Status < 500 {
		return "validation_error"
	}
	return "internal_error"
}

var codes = map[int]string{
	http.StatusBadRequest:            "validation_error",
	http.StatusUnauthorized:          "unauthorized",
	http.StatusForbidden:             "forbidden",
	http.StatusNotFound:              "not_found",
	http.StatusMethodNotAllowed:      "method_not_allowed",
	http.StatusRequestTimeout:        "timeout",
	http.StatusConflict:              "conflict",
	http.StatusRequestEntityTooLarge: "too_large",
	http.StatusUnsupportedMediaType:  "unsupported_media_type",
	http.StatusTooManyRequests:       "too_many_requests",
	http.StatusServiceUnavailable:    "unavailable",
}

// Body is the error as JSON has it.
func (e *Error) Body() ErrorBody { return ErrorBody{ErrorText{e.Code(), e.Message, e.Field}} }

// ErrorBody is the shape of every answer that is not a success.
type ErrorBody struct {
	Error ErrorText `json:"error"`
}

// ErrorText is what an error says.
type ErrorText struct {
	Code    string `json:"code" doc:"a word for programs"`
	Message string `json:"message" doc:"a sentence for people"`
	Field   string `json:"field,omitempty" doc:"the path of the value that is wrong, where it is one"`
}

// Invalid is a 400 about a field; an empty one is none.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Missing is a 404.
func Missing(format string, args ...any) *Error {
	return &Error{Status: http.StatusNotFound, Message: fmt.Sprintf(format, args...)}
}
