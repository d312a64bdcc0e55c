package report

import (
	"fmt"
)

// The HTTP statuses of refusals, named here because net/http is no business of a pure package.
const (
	badRequest     = 400
	entityTooLarge = 413
)

// Error says why a submission is refused. Text and Detail are what LNT's answers call "error" and
// "message"; where LNT has a fixed text, Text is that text exactly.
type Error struct {
	// Status is the HTTP status to answer with: 400, or 413 for a body that is too large.
	Status int
	Text   string
	// Detail names the field and the rule it breaks.
	Detail string
	// Field is the place in the document as it was sent, such as tests[3].execution_time; "" is the
	// document itself. Where an old format was upgraded, tests are counted after the upgrade.
	Field string
}

func (e *Error) Error() string {
	if e.Detail == "" || e.Detail == e.Text {
		return e.Text
	}
	return e.Text + " (" + e.Detail + ")"
}

// unreadable refuses a body that no container reader accepts.
func unreadable(opts Options, field, why string) *Error {
	return &Error{
		Status: badRequest,
		Text:   "could not parse input format",
		Detail: fmt.Sprintf("%s\nValueError: unable to guess input format for '%s'", why, opts.File),
		Field:  field,
	}
}

// invalid refuses a document that is not a report.
func invalid(field, format string, args ...any) *Error {
	return refuse("Invalid input format: ", field, fmt.Sprintf(format, args...))
}

// failure refuses a report whose content does not fit.
func failure(field, format string, args ...any) *Error {
	return refuse("import failure: ", field, fmt.Sprintf(format, args...))
}

func refuse(prefix, field, rule string) *Error {
	detail := rule
	if field != "" {
		detail = field + ": " + rule
	}
	return &Error{Status: badRequest, Text: prefix + rule, Detail: detail, Field: field}
}

// misfit refuses a field whose text needs the place to make sense, so it is part of Text too.
func misfit(field, format string, args ...any) *Error {
	e := failure(field, format, args...)
	e.Text = "import failure: " + e.Detail
	return e
}

// malformed is misfit for what makes the document no report at all.
func malformed(field, format string, args ...any) *Error {
	e := invalid(field, format, args...)
	e.Text = "Invalid input format: " + e.Detail
	return e
}
