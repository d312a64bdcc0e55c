package intake

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"

	"tidemark/pkg/event"
)

// Names of the form's fields.
const (
	fieldInputData         = "input_data"
	fieldFile              = "file"
	fieldSelectMachine     = "select_machine"
	fieldUpdateMachine     = "update_machine"
	fieldMerge             = "merge"
	fieldIgnoreRegressions = "ignore_regressions"
)

// Bounds of a form besides the report.
const (
	maxFieldName  = 256
	maxFieldValue = 4 << 10
	maxParts      = 64
)

var optionFields = map[string]bool{
	fieldSelectMachine: true, fieldUpdateMachine: true, fieldMerge: true, fieldIgnoreRegressions: true,
	event.ParamKeepRunID: true, event.ParamKeepMachineID: true,
}

// gathered is a form while it is read. Of repeated fields the first counts; fields that mean nothing here are passed over.
type gathered struct {
	fields     map[string]string
	data, file []byte
	fileMedia  string
}

// take reads one field's value from in.
func (g *gathered) take(ctx context.Context, b *bodyReader, name, media string, in io.Reader) error {
	switch {
	case name == fieldInputData && g.data == nil:
		return g.report(ctx, b, &g.data, in)
	case name == fieldFile && g.file == nil:
		g.fileMedia = media
		return g.report(ctx, b, &g.file, in)
	case optionFields[name]:
		return g.option(name, in)
	default:
		_, err := io.Copy(io.Discard, in)
		return err
	}
}

func (g *gathered) report(ctx context.Context, b *bodyReader, into *[]byte, in io.Reader) error {
	data, err := b.collect(ctx, in)
	if err == nil && len(data) > 0 {
		*into = data
	}
	return err
}

func (g *gathered) option(name string, in io.Reader) error {
	value, err := io.ReadAll(io.LimitReader(in, maxFieldValue+1))
	if err != nil {
		return err
	}
	if len(value) > maxFieldValue {
		return refuse(name, "form field '%s' is longer than %d bytes", name, maxFieldValue)
	}
	if _, seen := g.fields[name]; !seen {
		g.fields[name] = string(value)
	}
	return nil
}

func (g *gathered) done() (received, error) {
	switch {
	case g.data != nil && g.file != nil:
		return received{}, refuse(fieldFile, "cannot provide input file *and* data")
	case g.file != nil:
		return received{report: g.file, contentType: g.fileMedia, fields: g.fields}, nil
	case g.data != nil:
		return received{report: g.data, fields: g.fields}, nil
	default:
		return received{}, refuse(fieldInputData, "must provide input file or data")
	}
}

// multipart reads multipart/form-data. Whether a part says how long it is makes no difference.
func (b *bodyReader) multipart(ctx context.Context, in io.Reader) (received, error) {
	boundary, err := boundaryOf(b.media)
	if err != nil {
		return received{}, err
	}
	parts := multipart.NewReader(in, boundary)
	g := gathered{fields: map[string]string{}}
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // a wrapped io.EOF is a body that ends before its last boundary
			return g.done()
		}
		if err == nil && n == maxParts {
			err = refuse("", "multipart body has more than %d parts", maxParts)
		}
		if err == nil {
			err = g.take(ctx, b, part.FormName(), part.Header.Get("Content-Type"), part)
		}
		if err != nil {
			return received{}, formError("multipart", err)
		}
	}
}

// form reads a URL-encoded form while it decodes it, so that a report costs its own size and not its encoding's.
func (b *bodyReader) form(ctx context.Context, in *bufio.Reader) (received, error) {
	g := gathered{fields: map[string]string{}}
	d := formDecoder{in: in}
	for {
		name, more, err := d.name()
		if err == nil && !more {
			return g.done()
		}
		if err == nil {
			err = g.take(ctx, b, name, "", &d)
		}
		if err != nil {
			return received{}, formError("form", err)
		}
	}
}

func formError(kind string, err error) error {
	if known := (*refusal)(nil); errors.As(err, &known) || errors.Is(err, errTooLarge) || errors.Is(err, errBusy) {
		return err
	}
	return &refusal{code: 400, short: "could not parse the " + kind + " body", detail: err.Error()}
}

// formDecoder decodes name=value&name=value: name gives the next name, Read its value.
type formDecoder struct {
	in *bufio.Reader
	at int64
	// inValue: a value is being read; ended: the form has ended.
	inValue, ended bool
}

// name gives the next field's name; more is false at the end of the form.
func (d *formDecoder) name() (name string, more bool, err error) {
	d.inValue = false
	var buf []byte
	for !d.ended {
		c, special, err := d.next()
		switch {
		case err != nil:
			return "", false, err
		case special && c == '=':
			d.inValue = true
			return string(buf), true, nil
		case special && (c == '&' || c == 0):
			if len(buf) > 0 {
				return string(buf), true, nil
			}
		case len(buf) == maxFieldName:
			return "", false, refuse("", "name of a form field is longer than %d bytes", maxFieldName)
		default:
			buf = append(buf, c)
		}
	}
	return "", false, nil
}

// Read gives the decoded value of the field whose name was read last. What is buffered is decoded in one go; next knows what to
// do with the byte at which that stops.
func (d *formDecoder) Read(p []byte) (int, error) {
	if !d.inValue {
		return 0, io.EOF
	}
	n := 0
	for {
		n += d.buffered(p[n:])
		if n == len(p) {
			return n, nil
		}
		c, special, err := d.next()
		if err != nil {
			return n, err
		}
		if special && c != '=' {
			d.inValue = false
			return n, io.EOF
		}
		p[n] = c
		n++
	}
}

// buffered decodes what is buffered of a value, up to where it needs more, or may end, or is no form.
func (d *formDecoder) buffered(p []byte) (n int) {
	in, _ := d.in.Peek(d.in.Buffered()) // never asks for more than there is
	at := 0
decoding:
	for n < len(p) && at < len(in) {
		c := in[at]
		switch c {
		case '&', '=':
			break decoding
		case '+':
			c = ' '
		case '%':
			if at+2 >= len(in) {
				break decoding
			}
			high, ok := hexDigit(in[at+1])
			low, also := hexDigit(in[at+2])
			if !ok || !also {
				break decoding
			}
			c, at = high<<4|low, at+2
		}
		p[n] = c
		n++
		at++
	}
	_, _ = d.in.Discard(at) // it is there
	d.at += int64(at)
	return n
}

// next decodes one byte. Special are '=' and '&' when not escaped, and 0 for the end.
func (d *formDecoder) next() (c byte, special bool, err error) {
	c, err = d.in.ReadByte()
	if err == io.EOF { //nolint:errorlint // only a bare io.EOF is the end; one that is wrapped is a body cut short
		d.ended = true
		return 0, true, nil
	}
	if err != nil {
		return 0, false, err
	}
	d.at++
	switch c {
	case '=', '&':
		return c, true, nil
	case '+':
		return ' ', false, nil
	case '%':
		c, err = d.escape()
		return c, false, err
	default:
		return c, false, nil
	}
}

func (d *formDecoder) escape() (byte, error) {
	var value byte
	for range 2 {
		c, err := d.in.ReadByte()
		if err != nil && err != io.EOF {
			return 0, err
		}
		digit, ok := hexDigit(c)
		if err == io.EOF || !ok {
			return 0, fmt.Errorf("byte %d: %% is not followed by two hexadecimal digits", d.at)
		}
		value = value<<4 | digit
	}
	d.at += 2
	return value, nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	default:
		return 0, false
	}
}
