package report

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"tidemark/pkg/suite"
)

// arrival is when the reports of the tests come in.
var arrival = time.Date(2026, 9, 1, 12, 0, 0, 987654321, time.UTC)

func schema(t testing.TB, name string) suite.Schema {
	t.Helper()
	s, ok := suite.BuiltIn(name)
	if !ok {
		t.Fatalf("no built-in suite %q", name)
	}
	return s
}

// accept parses and resolves a report that must be good.
func accept(t testing.TB, body string) (*Submission, *Resolved) {
	t.Helper()
	s, err := Parse([]byte(body), Options{})
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, body)
	}
	r, err := s.Resolve(schema(t, "nts"), arrival)
	if err != nil {
		t.Fatalf("Resolve: %v\n%s", err, body)
	}
	return s, r
}

// refusal parses and resolves a report that must be refused.
func refusal(t testing.TB, body string, opts Options) *Error {
	t.Helper()
	s, err := Parse([]byte(body), opts)
	if err == nil {
		_, err = s.Resolve(schema(t, "nts"), arrival)
	}
	refused, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got error %v, want an *Error\n%s", err, clip(body))
	}
	if refused.Status != 400 && refused.Status != 413 || refused.Text == "" || refused.Detail == "" {
		t.Errorf("incomplete error %+v", refused)
	}
	return refused
}

// v2 is a whole report around some tests.
func v2(tests string) string {
	return `{"format_version":"2","machine":{"name":"m"},"run":{"llvm_project_revision":"7"},"tests":` + tests + `}`
}

// v2Run is a whole report around the members of run that follow the order.
func v2Run(more string) string {
	return `{"format_version":"2","machine":{"name":"m"},"run":{"llvm_project_revision":"7"` + more + `},"tests":[]}`
}

func v2Machine(more string) string {
	return `{"format_version":"2","machine":{"name":"m"` + more + `},"run":{"llvm_project_revision":"7"},"tests":[]}`
}

// v1 is a whole version 1 report; info, machine and tests are the insides of its parts.
func v1(machine, info, tests string) string {
	return `{"Machine":{"Name":"m","Info":{` + machine + `}},"Run":{"Info":{"__report_version__":"1",` + info + `}},"Tests":[` + tests + `]}`
}

func entry(name, data string) string { return `{"Name":"` + name + `","Info":{},"Data":` + data + `}` }

func attr(t testing.TB, attrs []Attr, name string) string {
	t.Helper()
	for _, a := range attrs {
		if a.Name == name {
			return string(a.Value)
		}
	}
	return "absent"
}

func nested(open, inner, shut string, n int) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(shut, n)
}

// rawProfile is the shortest profile that counted something: "c=<cycles>". It has no functions.
func rawProfile(cycles byte) []byte {
	headers := []byte{2, 0, 4, 4, 3, 7, 3, 10, 0, 10, 0, 10, 0, 10, 0, '\n', 10, 1}
	return append(headers, "raw\n\x01c\n\x01\x00"+string(rune(cycles))+"\x00"...)
}

func profileOf(cycles byte) string { return base64.StdEncoding.EncodeToString(rawProfile(cycles)) }
