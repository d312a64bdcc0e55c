package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Parse reads a report: it finds out the container and the version, upgrades old versions, and checks
// everything that needs no schema. The error is always an *Error. The body is neither changed nor kept. Reports are in the log by the
// time they are read, so a reader that fails must say so about the one report, and not stop whoever follows the log.
func Parse(body []byte, opts Options) (*Submission, error) {
	return guarded(func() (*Submission, error) { return parse(body, opts) })
}

func guarded(read func() (*Submission, error)) (s *Submission, err error) {
	defer func() {
		if failed := recover(); failed != nil {
			problem := invalid("", "the report could not be read")
			problem.Detail = fmt.Sprintf("its reader failed: %v", failed)
			s, err = nil, problem
		}
	}()
	return read()
}

func parse(body []byte, opts Options) (*Submission, error) {
	opts = opts.withDefaults()
	if len(body) > opts.MaxBytes {
		return nil, tooLarge("the report has %d bytes, at most %d are allowed", len(body), opts.MaxBytes)
	}
	text, err := toJSON(body, opts)
	if err != nil {
		return nil, err
	}
	doc, err := scan(text, opts)
	if err != nil {
		return nil, err
	}
	return doc.submission()
}

func tooLarge(format string, args ...any) *Error {
	e := invalid("", format, args...)
	e.Status = entityTooLarge
	return e
}

var (
	utf8BOM     = []byte("\xef\xbb\xbf")
	binaryMagic = []byte("bplist")
)

// toJSON gives the JSON text of a body in any container. The three cannot be confused: their first
// bytes differ, so "exactly one reader accepts it" is decided by looking at them.
func toJSON(body []byte, opts Options) ([]byte, error) {
	if bytes.HasPrefix(body, binaryMagic) {
		return binaryToJSON(body, opts)
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(body, utf8BOM), " \t\r\n")
	if len(text) == 0 {
		return nil, unreadable(opts, "", "the report is empty")
	}
	if text[0] == '<' {
		return xmlToJSON(text, opts)
	}
	return text, nil
}

// document is the top level of a report. Sections other than tests are kept as raw text until the
// version is known; tests, the bulk, are read on the way as version 2 has them.
type document struct {
	opts     Options
	sections map[string]jsontext.Value
	tests    []Test
	// testsErr says what is wrong with tests if this turns out to be version 2.
	testsErr error
	hasTests bool
}

// sectionNames are the top-level keys that mean something; all others are checked for syntax and dropped.
var sectionNames = map[string]bool{
	"format_version": true, "schema": true, "machine": true, "run": true,
	"Machine": true, "Run": true, "Tests": true,
}

func scan(body []byte, opts Options) (*document, error) {
	d := &document{opts: opts, sections: map[string]jsontext.Value{}}
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	if err := d.read(dec, body); err != nil {
		return nil, syntaxError(err, body, opts)
	}
	return d, nil
}

func (d *document) read(dec *jsontext.Decoder, body []byte) error {
	if k := dec.PeekKind(); k != jsontext.KindBeginObject {
		if err := dec.SkipValue(); err != nil {
			return err
		}
		return invalid("", "the report is %s, not an object", describe(k))
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if err := d.readSection(dec, body, unquote(name)); err != nil {
			return err
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	switch _, err := dec.ReadToken(); {
	case err == nil:
		return unreadable(d.opts, "", "there is data after the report's last brace")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

func (d *document) readSection(dec *jsontext.Decoder, body []byte, name string) error {
	if name == "tests" {
		d.hasTests = true
		r := testReader{dec: dec, opts: d.opts, size: len(body), keys: map[string]testKey{}}
		d.tests, d.testsErr = r.read()
		if refused := (*Error)(nil); d.testsErr != nil && !errors.As(d.testsErr, &refused) {
			return d.testsErr
		}
		for d.testsErr != nil && dec.StackDepth() > 1 { // the syntax of the rest still counts
			if _, err := dec.ReadToken(); err != nil {
				return err
			}
		}
		return nil
	}
	if !sectionNames[name] {
		return dec.SkipValue()
	}
	v, err := readAliased(dec, body)
	d.sections[name] = v
	return err
}

// syntaxError says what is wrong with the JSON text and where.
func syntaxError(err error, body []byte, opts Options) error {
	if refused := (*Error)(nil); errors.As(err, &refused) {
		return refused
	}
	syntactic, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return unreadable(opts, "", "json: "+err.Error())
	}
	field := place(syntactic.JSONPointer)
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return malformed(field, "the key occurs twice in its object")
	}
	if literal := nonFiniteAt(body, syntactic.ByteOffset); literal != "" {
		return misfit(field, "%s is not a finite number", literal)
	}
	return unreadable(opts, field, fmt.Sprintf("json: %s at byte %d, in %q", syntactic.Err, syntactic.ByteOffset, field))
}

// nonFiniteAt recognises the literals that Python's encoder writes for values JSON does not have.
func nonFiniteAt(body []byte, offset int64) string {
	at := body[min(max(offset, 0), int64(len(body))):]
	before := body[max(0, len(body)-len(at)-1):]
	for _, literal := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(at, []byte(literal)) || bytes.HasPrefix(before, []byte(literal)) {
			return literal
		}
	}
	return ""
}

// submission decides the version and reads the sections accordingly.
func (d *document) submission() (*Submission, error) {
	if v, ok := d.sections["format_version"]; ok && v.Kind() != jsontext.KindNull {
		version, err := toInt(v, "format_version")
		if err != nil {
			return nil, err
		}
		return d.version(version, string(v) == `"2"`)
	}
	info, err := d.oldInfo()
	if err != nil {
		return nil, err
	}
	if info == nil {
		return d.version(2, true)
	}
	version := 0
	if m, ok := find(info, reportVersion); ok {
		if version, err = toInt(m.value, m.path); err != nil {
			return nil, err
		}
	}
	return d.version(version, false)
}

// reportVersion is the run attribute in which version 1 says so.
const reportVersion = "__report_version__"

func (d *document) version(version int, literally2 bool) (*Submission, error) {
	switch {
	case version == 0 || version == 1:
		return d.upgrade(version)
	case version == 2 && literally2:
		return d.v2()
	default:
		e := invalid("format_version", "Unknown format version")
		e.Detail = `format_version: want the string "2"`
		return nil, e
	}
}

// oldInfo gives Run.Info, the mark of versions 0 and 1; nil if there is none.
func (d *document) oldInfo() ([]member, error) {
	run, ok := d.sections["Run"]
	if !ok || run.Kind() != jsontext.KindBeginObject {
		return nil, nil
	}
	list, err := members(run, "Run", d.opts.MaxAttrs)
	if err != nil {
		return nil, err
	}
	info, ok := find(list, "Info")
	if !ok || info.value.Kind() != jsontext.KindBeginObject {
		return nil, nil
	}
	list, err = members(info.value, info.path, d.opts.MaxAttrs)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []member{}
	}
	return list, nil
}

// toInt does what Python's int() does to a JSON value. Versions beyond a small range are all the same.
func toInt(v jsontext.Value, path string) (int, error) {
	const unknown = math.MaxInt32
	switch v.Kind() {
	case jsontext.KindTrue:
		return 1, nil
	case jsontext.KindFalse:
		return 0, nil
	case jsontext.KindNumber:
		f, _ := strconv.ParseFloat(string(v), 64) // beyond its range it is infinite
		if math.Abs(f) > 1000 {
			return unknown, nil
		}
		return int(f), nil
	case jsontext.KindString:
		s := unquote(v)
		digits := strings.TrimSpace(s)
		unsigned := strings.TrimPrefix(strings.TrimPrefix(digits, "-"), "+")
		if unsigned == "" || strings.Trim(unsigned, "0123456789_") != "" || strings.Trim(unsigned, "_") != unsigned || strings.Contains(unsigned, "__") || len(digits) > len(unsigned)+1 {
			return 0, invalid(path, "invalid literal for int() with base 10: '%s'", clip(s))
		}
		n, err := strconv.Atoi(strings.ReplaceAll(digits, "_", ""))
		if err != nil {
			return unknown, nil //nolint:nilerr // these are digits: all that can be wrong is that there are many
		}
		return n, nil
	default:
		return 0, malformed(path, "is %s, want the string \"2\"", describe(v.Kind()))
	}
}
