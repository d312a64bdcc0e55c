package report

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// xmlToJSON rewrites an XML property list. Entities cannot be declared, so none can be a bomb.
func xmlToJSON(body []byte, opts Options) ([]byte, error) {
	x := xmlReader{w: jsonWriter{opts: opts}, dec: xml.NewDecoder(bytes.NewReader(body))}
	start, err := x.next(nil)
	if err != nil {
		return nil, err
	}
	plist := start != nil && start.Name.Local == "plist"
	if plist {
		if start, err = x.next(nil); err != nil {
			return nil, err
		}
	}
	if start == nil {
		return nil, x.w.refuse(nil, "there is no value")
	}
	if err := x.value(start, nil, 0); err != nil {
		return nil, err
	}
	if plist {
		if start, err = x.next(nil); err != nil {
			return nil, err
		}
		if start != nil {
			return nil, x.w.refuse(nil, "there is more than one value")
		}
	}
	return x.w.out, x.end()
}

type xmlReader struct {
	w   jsonWriter
	dec *xml.Decoder
}

// token skips what says nothing and refuses declarations of entities.
func (x *xmlReader) token(c *crumb) (xml.Token, error) {
	for {
		t, err := x.dec.Token()
		if err != nil {
			return nil, x.w.refuse(c, err.Error())
		}
		switch t := t.(type) {
		case xml.Comment, xml.ProcInst:
		case xml.Directive:
			if bytes.Contains(t, []byte("<!")) || bytes.HasPrefix(t, []byte("ENTITY")) {
				return nil, x.w.refuse(c, "declarations inside the document type are not supported")
			}
		default:
			return t, nil
		}
	}
}

// next gives the next element, or nil at the end of the enclosing one. There may be nothing but blanks
// in between.
func (x *xmlReader) next(c *crumb) (*xml.StartElement, error) {
	for {
		t, err := x.token(c)
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return &t, nil
		case xml.EndElement:
			return nil, nil //nolint:nilnil // the end is an answer, not a failure
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, x.w.refuse(c, "there is text between elements")
			}
		}
	}
}

// end checks that nothing but blanks and comments follows.
func (x *xmlReader) end() error {
	for {
		t, err := x.dec.Token()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return x.w.refuse(nil, err.Error())
		}
		switch t := t.(type) {
		case xml.Comment, xml.ProcInst:
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return x.w.refuse(nil, "there is text after the value")
			}
		default:
			return x.w.refuse(nil, "there is more than one value")
		}
	}
}

// text gives the text of an element that has nothing else in it, up to its end.
func (x *xmlReader) text(c *crumb) (string, error) {
	var b strings.Builder
	for {
		t, err := x.token(c)
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.EndElement:
			return b.String(), nil
		default:
			return "", x.w.refuse(c, "an element with text has elements in it")
		}
	}
}

func (x *xmlReader) value(start *xml.StartElement, c *crumb, depth int) error {
	if err := x.w.depth(c, depth); err != nil {
		return err
	}
	switch start.Name.Local {
	case "dict":
		return x.dict(c, depth)
	case "array":
		return x.array(c, depth)
	}
	s, err := x.text(c)
	if err != nil {
		return err
	}
	return x.scalar(start.Name.Local, s, c)
}

func (x *xmlReader) scalar(element, s string, c *crumb) error {
	switch element {
	case "string":
		return x.w.str(c, s)
	case "integer":
		n, ok := parseInteger(s)
		if !ok {
			return x.w.refuse(c, "an <integer> is none: "+strconv.Quote(clip(s)))
		}
		return x.w.integer(n)
	case "real":
		f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil && f == 0 {
			return x.w.refuse(c, "a <real> is none: "+strconv.Quote(clip(s)))
		}
		return x.w.real(c, f)
	case "true", "false":
		if strings.TrimSpace(s) != "" {
			return x.w.refuse(c, "there is text in <"+element+">")
		}
		return x.w.bool(element == "true")
	case "date":
		t, err := time.Parse("2006-01-02T15:04:05Z", strings.TrimSpace(s))
		if err != nil {
			return x.w.refuse(c, "a <date> is none: "+strconv.Quote(clip(s)))
		}
		return x.w.date(c, t)
	case "data":
		packed := strings.Join(strings.Fields(s), "")
		if _, err := base64.StdEncoding.DecodeString(packed); err != nil {
			return x.w.refuse(c, "a <data> is not base64")
		}
		return x.w.str(c, packed)
	default:
		return x.w.refuse(c, "unknown element <"+clip(element)+">")
	}
}

func (x *xmlReader) dict(c *crumb, depth int) error {
	x.w.out = append(x.w.out, '{')
	for first := true; ; first = false {
		start, err := x.next(c)
		if err != nil {
			return err
		}
		if start == nil {
			x.w.out = append(x.w.out, '}')
			return x.w.room()
		}
		if start.Name.Local != "key" {
			return x.w.refuse(c, "there is a value without a key in a <dict>")
		}
		key, err := x.text(c)
		if err != nil {
			return err
		}
		if !first {
			x.w.out = append(x.w.out, ',')
		}
		inner := &crumb{parent: c, name: key, at: -1}
		if err := x.w.str(inner, key); err != nil {
			return err
		}
		x.w.out = append(x.w.out, ':')
		if start, err = x.next(inner); err != nil {
			return err
		}
		if start == nil {
			return x.w.refuse(inner, "a key has no value")
		}
		if err := x.value(start, inner, depth+1); err != nil {
			return err
		}
	}
}

func (x *xmlReader) array(c *crumb, depth int) error {
	x.w.out = append(x.w.out, '[')
	for i := 0; ; i++ {
		inner := &crumb{parent: c, at: i}
		start, err := x.next(inner)
		if err != nil {
			return err
		}
		if start == nil {
			x.w.out = append(x.w.out, ']')
			return x.w.room()
		}
		if i > 0 {
			x.w.out = append(x.w.out, ',')
		}
		if err := x.value(start, inner, depth+1); err != nil {
			return err
		}
	}
}
