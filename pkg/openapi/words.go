package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// Ref is how a request names a finding or a regression: its uuid or its number, as text or as a number.
type Ref string

// UnmarshalJSON takes text and whole numbers.
func (r *Ref) UnmarshalJSON(text []byte) error {
	text = bytes.TrimSpace(text)
	if len(text) > 0 && text[0] == '"' {
		var s string
		if err := json.Unmarshal(text, &s); err != nil {
			return err
		}
		*r = Ref(s)
		return nil
	}
	if strings.Trim(string(text), "0123456789") != "" || len(text) == 0 {
		return errors.New("is neither a uuid nor a number")
	}
	*r = Ref(text)
	return nil
}

// Pending is the answer of 202: the event is in the log, and what becomes of it is not known yet.
type Pending struct {
	EventID    string `json:"event_id"`
	ReceiptURL string `json:"receipt_url" doc:"tells what became of it"`
}

// state is a state of a regression: LNT's number and v5's name.
type state struct {
	number uint8
	name   string
}

var states = []state{
	{0, "detected"}, {1, "staged"}, {10, "active"}, {20, "not_to_be_fixed"}, {21, "false_positive"}, {22, "fixed"}, {23, "verify"},
}

// StateNames are the names of the states of regressions; ignored is another name of false_positive.
func StateNames() []string {
	names := make([]string, 0, len(states)+1)
	for _, s := range states {
		names = append(names, s.name)
	}
	return append(names, "ignored")
}

// StateName is the name of a state.
func StateName(number uint8) string {
	for _, s := range states {
		if s.number == number {
			return s.name
		}
	}
	return "unknown"
}

// StateNumber is the inverse of [StateName].
func StateNumber(name string) (uint8, bool) {
	if name == "ignored" {
		name = "false_positive"
	}
	for _, s := range states {
		if s.name == name {
			return s.number, true
		}
	}
	return 0, false
}

// Text is a value that a request may write as text, as a number, or as true or false; it is kept as it was written.
type Text string

// UnmarshalJSON takes every value that is no list, no object and not null.
func (t *Text) UnmarshalJSON(text []byte) error {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || bytes.ContainsAny(text[:1], "[{n") {
		return errors.New("is neither text nor a number")
	}
	if text[0] != '"' {
		*t = Text(text)
		return nil
	}
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	*t = Text(s)
	return nil
}
