package report

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Guess finds the suite a report names for itself when the URL names none: Run.Info.tag of a JSON report
// of version 0 or 1, whatever its container (LNT looks into JSON only). Everything else gives "", which stands for nts.
func Guess(body []byte) string {
	json, err := toJSON(body, Options{}.withDefaults())
	if err != nil {
		return ""
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(json))
	for _, step := range []string{"Run", "Info", "tag"} {
		if !enter(dec, step) {
			return ""
		}
	}
	v, err := dec.ReadValue()
	if err != nil {
		return ""
	}
	tag, _ := text(v)
	return tag
}

// enter moves to the value of a member of the object that comes next.
func enter(dec *jsontext.Decoder, name string) bool {
	if dec.PeekKind() != jsontext.KindBeginObject {
		return false
	}
	if _, err := dec.ReadToken(); err != nil {
		return false
	}
	for dec.PeekKind() == jsontext.KindString {
		key, err := dec.ReadValue()
		if err != nil {
			return false
		}
		if unquote(key) == name {
			return true
		}
		if err := dec.SkipValue(); err != nil {
			return false
		}
	}
	return false
}
