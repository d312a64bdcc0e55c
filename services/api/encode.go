package api

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"tidemark/pkg/lntjson"
)

// The forms of values, which the pages' JSON shares.
var (
	appendFloat  = lntjson.AppendFloat
	appendString = lntjson.AppendString
	appendTime   = lntjson.AppendTime
)

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// object gathers the members of a JSON object and writes them sorted by name. Where two members have
// one name, the one that was added first counts. It is meant to be used again: see reset.
type object struct {
	members []member
	scratch []byte
	decoder *jsontext.Decoder
	source  bytes.Buffer
}

// member is one name and value; quoted is the name as JSON.
type member struct{ name, quoted, value []byte }

func newObject() *object { return &object{decoder: jsontext.NewDecoder(&bytes.Buffer{})} }

func (o *object) reset() {
	o.members = o.members[:0]
	o.scratch = o.scratch[:0]
}

// keep appends to scratch and returns what was appended. Growing scratch leaves earlier pieces valid:
// they point into the array that was there before.
func (o *object) keep(write func([]byte) []byte) []byte {
	from := len(o.scratch)
	o.scratch = write(o.scratch)
	return o.scratch[from:len(o.scratch):len(o.scratch)]
}

func (o *object) add(name string, value []byte) {
	quoted := o.keep(func(b []byte) []byte { return appendString(b, name) })
	plain, err := o.unquoted(quoted)
	if err != nil {
		plain = []byte(name)
	}
	o.members = append(o.members, member{name: plain, quoted: quoted, value: value})
}

func (o *object) number(name string, n uint64) {
	o.add(name, o.keep(func(b []byte) []byte { return strconv.AppendUint(b, n, 10) }))
}

func (o *object) text(name, value string) {
	o.add(name, o.keep(func(b []byte) []byte { return appendString(b, value) }))
}

func (o *object) instant(name string, t time.Time) {
	o.add(name, o.keep(func(b []byte) []byte {
		return append(appendTime(append(b, '"'), t, 'T'), '"')
	}))
}

// object adds the members of a JSON object; "" is the empty one.
func (o *object) object(encoded string) error {
	if encoded == "" || encoded == "{}" {
		return nil
	}
	data := o.open(encoded)
	if _, err := o.decoder.ReadToken(); err != nil {
		return fmt.Errorf("attributes: %w", err)
	}
	for o.decoder.PeekKind() != '}' {
		quoted, err := o.value(data)
		if err != nil {
			return fmt.Errorf("attributes: %w", err)
		}
		value, err := o.value(data)
		if err != nil {
			return fmt.Errorf("attributes: %w", err)
		}
		name, err := o.unquoted(quoted)
		if err != nil {
			return fmt.Errorf("attributes: %w", err)
		}
		o.members = append(o.members, member{name: name, quoted: o.plain(quoted), value: o.plain(value)})
	}
	return nil
}

// values adds the elements of a JSON list of strings under the given names.
func (o *object) values(names []string, encoded string) error {
	data := o.open(encoded)
	if _, err := o.decoder.ReadToken(); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	for _, name := range names {
		if o.decoder.PeekKind() != '"' {
			return nil // fewer values than fields: the schema cannot gain order fields, so this is a foreign row
		}
		value, err := o.value(data)
		if err != nil {
			return fmt.Errorf("order: %w", err)
		}
		o.add(name, o.plain(value))
	}
	return nil
}

// open points the decoder at encoded and returns its bytes, which stay as they are until reset.
func (o *object) open(encoded string) []byte {
	data := o.keep(func(b []byte) []byte { return append(b, encoded...) })
	o.source = *bytes.NewBuffer(data)
	o.decoder.Reset(&o.source, jsontext.AllowDuplicateNames(true))
	return data
}

// value is the next value of data, in place.
func (o *object) value(data []byte) ([]byte, error) {
	v, err := o.decoder.ReadValue()
	if err != nil {
		return nil, err
	}
	end := int(o.decoder.InputOffset())
	return data[end-len(v) : end], nil
}

func (o *object) unquoted(quoted []byte) ([]byte, error) {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1], nil
	}
	return jsontext.AppendUnquote([]byte(nil), quoted)
}

// plain is a value without escapes that JSON does not need: ClickHouse writes "/" as "\/".
func (o *object) plain(value []byte) []byte {
	if len(value) == 0 || value[0] != '"' || bytes.IndexByte(value, '\\') < 0 {
		return value
	}
	text, err := jsontext.AppendUnquote([]byte(nil), value)
	if err != nil {
		return value
	}
	return o.keep(func(b []byte) []byte { return appendString(b, string(text)) })
}

// append writes the object, members sorted by name. Stored parameters, which are added last, are
// sorted already: only what comes before them is sorted, and the two are merged.
func (o *object) append(b []byte) []byte {
	split := sortedTail(o.members)
	head, tail := o.members[:split], o.members[split:]
	slices.SortStableFunc(head, byName)
	b = append(b, '{')
	var last []byte
	for written := false; len(head)+len(tail) > 0; {
		from := &head
		if len(head) == 0 || len(tail) > 0 && byName(tail[0], head[0]) < 0 {
			from = &tail
		}
		m := (*from)[0]
		*from = (*from)[1:]
		if written && bytes.Equal(m.name, last) {
			continue
		}
		if written {
			b = append(b, ',')
		}
		b = append(b, m.quoted...)
		b = append(b, ':')
		b = append(b, m.value...)
		written, last = true, m.name
	}
	return append(b, '}')
}

func byName(x, y member) int { return bytes.Compare(x.name, y.name) }

// sortedTail is where the longest sorted end of members begins.
func sortedTail(members []member) int {
	i := max(len(members)-1, 0)
	for i > 0 && byName(members[i-1], members[i]) <= 0 {
		i--
	}
	return i
}
