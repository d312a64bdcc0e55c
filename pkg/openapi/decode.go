package openapi

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads a request's JSON into v, which knows every member that may be there. The error names the member that is not
// known, comes twice or has a value of another type.
func Decode(body []byte, v any) error {
	err := json.Unmarshal(body, v, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var wrong *json.SemanticError
	if errors.As(err, &wrong) {
		field := fieldOf(wrong.JSONPointer)
		if errors.Is(err, json.ErrUnknownName) {
			return Invalid(field, "unknown field '%s'", field)
		}
		if field == "" {
			return Invalid("", "the body is not the object that is asked for")
		}
		reason := "cannot have this value"
		if wrong.Err != nil {
			return Invalid(field, "%s: %s", field, wrong.Err)
		}
		if wrong.JSONKind != 0 {
			reason = "cannot be a " + kindOf(wrong.JSONKind)
		}
		return Invalid(field, "%s: %s", field, reason)
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			field := fieldOf(syntax.JSONPointer)
			return Invalid(field, "field '%s' is given twice", field)
		}
		return Invalid("", "the body is not JSON: %s at byte %d", syntax.Err, syntax.ByteOffset)
	}
	return Invalid("", "the body is not JSON: %s", err)
}

func kindOf(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "true or false"
	case '"':
		return "text"
	case '0':
		return "number"
	case '{':
		return "object"
	default:
		return "list"
	}
}

// fieldOf writes a pointer as people do: changes.state, ids.2.
func fieldOf(p jsontext.Pointer) string {
	var parts []string
	for token := range p.Tokens() {
		parts = append(parts, token)
	}
	return strings.Join(parts, ".")
}
