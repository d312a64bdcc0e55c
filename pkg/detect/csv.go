package detect

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// csvColumns must be in the header, in any order. Others are left alone.
var csvColumns = []string{"series", "order", "value"}

// CSVError is what is wrong with one line of a CSV.
type CSVError struct {
	// Line counts from 1, the header is on the first.
	Line int
	// Reason says what is wrong, with the text that is.
	Reason string
}

func (e *CSVError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Sample is one value of a series at an order.
type Sample struct {
	// Series is the number of the series' name among the names, in the order in which they come.
	Series uint32
	Order  int64
	Value  float64
}

// CSV reads samples from text with a header that names series, order and value; see RFC 4180. Only the names of the
// series stay in memory.
type CSV struct {
	names   []string
	numbers map[string]uint32
	reader  *csv.Reader
	at      [3]int
}

// NewCSV reads the header.
func NewCSV(r io.Reader) (*CSV, error) {
	c := &CSV{numbers: map[string]uint32{}, reader: csv.NewReader(r)}
	c.reader.ReuseRecord = true
	header, err := c.reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, &CSVError{1, "no header; it must name " + strings.Join(csvColumns, ", ")}
	}
	if err != nil {
		return nil, lineError(err)
	}
	header = slices.Clone(header)
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	for i, name := range header {
		header[i] = strings.TrimSpace(name)
	}
	for i, name := range csvColumns {
		c.at[i] = slices.Index(header, name)
		if c.at[i] < 0 {
			return nil, &CSVError{1, fmt.Sprintf("the header has no column %s; it is %s", name, strings.Join(header, ","))}
		}
		if slices.Contains(header[c.at[i]+1:], name) {
			return nil, &CSVError{1, fmt.Sprintf("the header has two columns %s", name)}
		}
	}
	return c, nil
}

// Next is the next sample; io.EOF ends them, a [CSVError] says which line is wrong and why.
func (c *CSV) Next() (Sample, error) {
	record, err := c.reader.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return Sample{}, io.EOF
		}
		return Sample{}, lineError(err)
	}
	bad := func(i int, format string) error {
		line, _ := c.reader.FieldPos(c.at[i])
		return &CSVError{line, fmt.Sprintf(format, shortened(record[c.at[i]]))}
	}
	var s Sample
	name := record[c.at[0]]
	if strings.TrimSpace(name) == "" {
		return s, bad(0, "series %q: a name is needed")
	}
	s.Order, err = strconv.ParseInt(strings.TrimSpace(record[c.at[1]]), 10, 64)
	if err != nil {
		return s, bad(1, "order %q: not a whole number of 64 bits")
	}
	text := strings.TrimSpace(record[c.at[2]])
	s.Value, err = strconv.ParseFloat(text, 64)
	switch {
	case err == nil && strings.ContainsAny(text, "_xX"): // Go's own spellings
		return s, bad(2, "value %q: not a decimal number")
	case errors.Is(err, strconv.ErrRange):
		return s, bad(2, "value %q: too large")
	case err != nil:
		return s, bad(2, "value %q: not a number")
	case math.IsNaN(s.Value) || math.IsInf(s.Value, 0):
		return s, bad(2, "value %q: not a finite number")
	}
	s.Series, err = c.number(name)
	return s, err
}

// Names are the series' names so far, at their numbers.
func (c *CSV) Names() []string { return c.names }

func (c *CSV) number(name string) (uint32, error) {
	if n, ok := c.numbers[name]; ok {
		return n, nil
	}
	if len(c.names) >= math.MaxUint32 {
		return 0, errors.New("too many series")
	}
	name = strings.Clone(name) // the record is one text, used again
	n := uint32(len(c.names))  //nolint:gosec // checked above
	c.numbers[name] = n
	c.names = append(c.names, name)
	return n, nil
}

func lineError(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return fmt.Errorf("read: %w", err)
	}
	reason := parse.Err.Error()
	if errors.Is(parse.Err, csv.ErrFieldCount) {
		reason = "not as many fields as the header"
	}
	return &CSVError{parse.Line, reason}
}

// shortened keeps messages readable.
func shortened(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
