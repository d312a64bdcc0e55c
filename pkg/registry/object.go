package registry

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"tidemark/pkg/report"
)

// splitObject takes a canonical JSON object apart into its values' texts. Anything else has no members.
func splitObject(object string) map[string]string {
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &members) != nil || len(members) == 0 {
		return nil
	}
	values := make(map[string]string, len(members))
	for name, value := range members {
		values[name] = string(value)
	}
	return values
}

// texts gives the values of attributes by name; as in JSON objects, the last of a name counts.
func texts(attrs []report.Attr) map[string]string {
	values := make(map[string]string, len(attrs))
	for _, a := range attrs {
		values[a.Name] = string(a.Value)
	}
	return values
}

// joinObject is the inverse of splitObject: sorted keys, no blanks.
func joinObject(values map[string]string) string {
	text := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(values)) {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, jsonText(name)...)
		text = append(text, ':')
		text = append(text, values[name]...)
	}
	return string(append(text, '}'))
}

// jsonText is the text as JSON writes it, nothing escaped that need not be. Bytes that are not UTF-8 are replaced.
func jsonText(text string) string {
	quoted, _ := jsontext.AppendQuote(nil, text)
	return string(quoted)
}
