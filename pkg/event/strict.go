package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// checked is a body that knows what can be wrong with it, whatever the suite's state.
type checked interface{ validate() error }

// encodeChecked gives the body of an event of type t.
func encodeChecked(t Type, v checked) ([]byte, error) {
	if err := v.validate(); err != nil {
		return nil, fmt.Errorf("encode %s: %w", t, err)
	}
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", t, err)
	}
	return body, nil
}

// decodeChecked is the inverse of encodeChecked.
func decodeChecked[T checked](t Type, body []byte) (T, error) {
	var v, none T
	if err := decodeStrictly(body, &v); err != nil {
		return none, fmt.Errorf("decode %s: %w", t, err)
	}
	if err := v.validate(); err != nil {
		return none, fmt.Errorf("decode %s: %w", t, err)
	}
	return v, nil
}

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
