package importer

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// decode reads JSON as Python writes it: what is not a finite number, which JSON cannot say, is null.
func decode(text []byte, into any) error {
	if mayHoldNonFinite(text) {
		text = withoutNonFinite(text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("decode JSON: %w", err)
	}
	return nil
}

func mayHoldNonFinite(text []byte) bool {
	return bytes.Contains(text, []byte("NaN")) || bytes.Contains(text, []byte("Infinity"))
}

// withoutNonFinite replaces NaN, Infinity and -Infinity outside strings.
func withoutNonFinite(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if text[i] == '"' {
			end := stringEnd(text, i)
			out = append(out, text[i:end]...)
			i = end
			continue
		}
		if word := nonFiniteAt(text[i:]); word > 0 {
			out = append(out, "null"...)
			i += word
			continue
		}
		out = append(out, text[i])
		i++
	}
	return out
}

func stringEnd(text []byte, from int) int {
	for i := from + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

func nonFiniteAt(text []byte) int {
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(text, []byte(word)) {
			return len(word)
		}
	}
	return 0
}

func isNull(v json.RawMessage) bool { return len(v) == 0 || string(v) == "null" }

// text gives the content of a JSON string.
func text(v json.RawMessage) (string, bool) {
	var s *string
	if json.Unmarshal(v, &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}

func quoted(s string) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
