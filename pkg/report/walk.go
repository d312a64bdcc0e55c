package report

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// member is one name and raw value of an object, with the place to blame for it. The value shares
// memory with the body.
type member struct {
	name, path string
	value      jsontext.Value
}

// members splits an object whose syntax is known to be good into at most most members.
func members(object jsontext.Value, path string, most int) ([]member, error) {
	var list []member
	dec := jsontext.NewDecoder(bytes.NewBuffer(object), jsontext.AllowDuplicateNames(true))
	if _, err := dec.ReadToken(); err != nil {
		return nil, malformed(path, "%s", err)
	}
	for dec.PeekKind() != jsontext.KindEndObject {
		if len(list) == most {
			return nil, malformed(path, "has more than %d entries", most)
		}
		name, err := dec.ReadValue()
		if err != nil {
			return nil, malformed(path, "%s", err)
		}
		m := member{name: unquote(name)}
		m.path = join(path, m.name)
		if m.value, err = readAliased(dec, object); err != nil {
			return nil, malformed(path, "%s", err)
		}
		list = append(list, m)
	}
	return list, nil
}

// elements splits a list whose syntax is known to be good into at most most values.
func elements(list jsontext.Value, path string, most int) ([]jsontext.Value, error) {
	var out []jsontext.Value
	dec := jsontext.NewDecoder(bytes.NewBuffer(list), jsontext.AllowDuplicateNames(true))
	if _, err := dec.ReadToken(); err != nil {
		return nil, malformed(path, "%s", err)
	}
	for dec.PeekKind() != jsontext.KindEndArray {
		if len(out) == most {
			return nil, malformed(path, "has more than %d entries", most)
		}
		v, err := readAliased(dec, list)
		if err != nil {
			return nil, malformed(path, "%s", err)
		}
		out = append(out, v)
	}
	return out, nil
}

// readAliased reads one value as a part of text, which outlives the decoder's next step.
func readAliased(dec *jsontext.Decoder, text []byte) (jsontext.Value, error) {
	v, err := dec.ReadValue()
	if err != nil {
		return nil, err
	}
	end := int(dec.InputOffset())
	return jsontext.Value(text[end-len(v) : end : end]), nil
}

func find(list []member, name string) (member, bool) {
	for _, m := range list {
		if m.name == name {
			return m, true
		}
	}
	return member{}, false
}

// unquote gives the text of a valid JSON string.
func unquote(quoted jsontext.Value) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	text, _ := jsontext.AppendUnquote(nil, []byte(quoted))
	return string(text)
}

// quotedBytes is unquote for bytes that are looked at before the next value is read.
func quotedBytes(quoted jsontext.Value) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	text, _ := jsontext.AppendUnquote(nil, []byte(quoted))
	return text
}

func quote(text string) jsontext.Value {
	quoted, _ := jsontext.AppendQuote(nil, text)
	return quoted
}

// text gives the content of a value if it is a string.
func text(v jsontext.Value) (string, bool) {
	if v.Kind() != jsontext.KindString {
		return "", false
	}
	return unquote(v), true
}

func describe(k jsontext.Kind) string {
	switch k {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "a boolean"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "a list"
	default:
		return "nothing"
	}
}

// canonical copies a value in the one spelling that equal values share: no blanks, names sorted, strings
// minimally escaped, floats in their shortest form; integers keep their digits. It refuses values that
// nest too deep and numbers that are not finite.
func canonical(v jsontext.Value, path string, maxDepth int) (jsontext.Value, error) {
	if err := checkAttr(v, path, maxDepth); err != nil {
		return nil, err
	}
	out, err := jsontext.AppendFormat(nil, []byte(v),
		jsontext.ReorderRawObjects(true),
		jsontext.CanonicalizeRawFloats(true),
	)
	if err != nil {
		return nil, malformed(path, "%s", err)
	}
	return out, nil
}

func checkAttr(v jsontext.Value, path string, maxDepth int) error {
	if k := v.Kind(); k != jsontext.KindBeginObject && k != jsontext.KindBeginArray && k != jsontext.KindNumber {
		return nil
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(v))
	for {
		switch k := dec.PeekKind(); {
		case k == jsontext.KindNumber:
			number, err := dec.ReadValue()
			if err != nil {
				return malformed(path, "%s", err)
			}
			if _, err := strconv.ParseFloat(string(number), 64); err != nil {
				return misfit(path, "%s is not a finite number", clip(string(number)))
			}
			continue
		case dec.StackDepth() > maxDepth:
			return malformed(path, "nests deeper than %d", maxDepth)
		}
		if _, err := dec.ReadToken(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return malformed(path, "%s", err)
		}
	}
}

// join writes a place as people do: machine.name, machine["hw.model"].
func join(path, name string) string {
	if name == "" || strings.ContainsAny(name, ".[]\" \n") {
		name = "[" + strconv.Quote(clip(name)) + "]"
		return path + name
	}
	if path == "" {
		return clip(name)
	}
	return path + "." + clip(name)
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// clip keeps hostile names from filling answers and logs.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// maxPlace is how much of a way into a document is told: beyond that the document is nonsense, and
// telling all of it would cost more than reading it.
const maxPlace = 500

// place turns a JSON pointer into the way join writes places, its beginning where it is very long.
func place(p jsontext.Pointer) string {
	var path string
	for token := range p.Tokens() {
		if len(path) > maxPlace {
			return path + "…"
		}
		if n, err := strconv.ParseUint(token, 10, 32); err == nil && path != "" {
			path = index(path, int(n))
		} else {
			path = join(path, token)
		}
	}
	return path
}
