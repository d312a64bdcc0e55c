package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// decodeStrictly reads one JSON object into v, which knows every key that may be there, and nothing after it.
func decodeStrictly(body []byte, v any) error {
	if !isObject(body) {
		return errors.New("is not an object")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text after the object")
	}
	return nil
}

// isObject says whether text, if it is JSON, is an object.
func isObject(text json.RawMessage) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && text[0] == '{'
}
