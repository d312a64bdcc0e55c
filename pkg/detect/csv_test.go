package detect_test

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"tidemark/pkg/detect"
)

// read gives all samples of a CSV by name, or the first error.
func read(text string) (samples []detect.Sample, names []string, err error) {
	c, err := detect.NewCSV(strings.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	for {
		s, err := c.Next()
		if errors.Is(err, io.EOF) {
			return samples, c.Names(), nil
		}
		if err != nil {
			return nil, nil, err
		}
		samples = append(samples, s)
	}
}

func TestCSV_ColumnsInAnyOrder_AreRead(t *testing.T) {
	t.Parallel()
	samples, names, err := read("\ufeffnote,value, order ,series\r\nx,1.5,-3,\"a, b\"\n,2e3,9007199254740993,é\n,.5,4,\"a, b\"\n\n,7,+5,é")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 2 || names[0] != "a, b" || names[1] != "é" {
		t.Errorf("names %q", names)
	}
	want := []detect.Sample{{0, -3, 1.5}, {1, 9007199254740993, 2000}, {0, 4, .5}, {1, 5, 7}}
	if len(samples) != len(want) {
		t.Fatalf("samples %v", samples)
	}
	for i, s := range samples {
		if s != want[i] {
			t.Errorf("sample %d is %v, want %v", i, s, want[i])
		}
	}
}

func TestCSV_WhatIsWrong_IsSaidWithItsLine(t *testing.T) {
	t.Parallel()
	const header = "series,order,value\n"
	for name, c := range map[string]struct {
		text string
		line int
		want string
	}{
		"nothing":            {"", 1, "no header"},
		"no column":          {"series,place,value\na,1,2\n", 1, "no column order"},
		"two columns":        {"series,order,value,order\na,1,2,3\n", 1, "two columns order"},
		"another case":       {"Series,order,value\n", 1, "no column series"},
		"semicolons":         {"series;order;value\n", 1, "no column series"},
		"order of a letter":  {header + "a,1,2\na,x,2\n", 3, `order "x"`},
		"order of a half":    {header + "a,1.5,2\n", 2, `order "1.5"`},
		"order too large":    {header + "a,9223372036854775808,2\n", 2, "64 bits"},
		"no order":           {header + "a,,2\n", 2, `order ""`},
		"no value":           {header + "a,1,\n", 2, `value ""`},
		"value of words":     {header + "a,1,fast\n", 2, `value "fast"`},
		"value not a number": {header + "a,1,NaN\n", 2, "finite"},
		"value without end":  {header + "a,1,-inf\n", 2, "finite"},
		"value in Go's way":  {header + "a,1,1_000\n", 2, "decimal"},
		"value of base 16":   {header + "a,1,0x1p4\n", 2, "decimal"},
		"value too large":    {header + "a,1,1e999\n", 2, "too large"},
		"no series":          {header + " ,1,2\n", 2, "name"},
		"too few fields":     {header + "a,1,2\na,2\n", 3, "fields"},
		"too many fields":    {header + "a,1,2,3\n", 2, "fields"},
		"an open quote":      {header + "a,1,2\n\"a,1,2\n", 3, "quote"},
		"a bare quote":       {header + "a\"b,1,2\n", 2, "quote"},
		"after a long field": {header + "\"a\nb\",1,2\na,x,2\n", 4, `order "x"`},
		"a long text":        {header + "a,1," + strings.Repeat("x", 1000) + "\n", 2, "…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := read(c.text)
			var bad *detect.CSVError
			if !errors.As(err, &bad) {
				t.Fatalf("got %v", err)
			}
			if bad.Line != c.line || !strings.Contains(bad.Reason, c.want) || len(bad.Reason) > 200 {
				t.Errorf("line %d: %s; want line %d and %q", bad.Line, bad.Reason, c.line, c.want)
			}
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestCSV_ReaderFails_IsNoLineError(t *testing.T) {
	t.Parallel()
	_, err := detect.NewCSV(io.MultiReader(strings.NewReader("series,"), brokenReader{}))
	var bad *detect.CSVError
	if !errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &bad) {
		t.Errorf("got %v", err)
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("series,order,value\na,1,2\n")
	f.Add("\ufeffvalue,order,series,x\n1e-3,-1,\"a\"\"b\",\n")
	f.Add("series,order,value\na,1,2,3\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		samples, names, err := read(text)
		var bad *detect.CSVError
		if err != nil {
			if !errors.As(err, &bad) || bad.Line < 1 || bad.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+1 || bad.Reason == "" {
				t.Errorf("error without its line: %v", err)
			}
			return
		}
		for _, s := range samples {
			if int(s.Series) >= len(names) || math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
				t.Errorf("accepted %+v of %d series", s, len(names))
			}
		}
	})
}
