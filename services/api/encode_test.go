package api

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestAppendFloat_AnyNumber_AsPythonWritesIt(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]float64{
		"0.0": 0, "1.0": 1, "-1.5": -1.5, "0.0001": 0.0001, "1e-05": 0.00001, "1.25e-07": 1.25e-7,
		"1000000000000000.0": 1e15, "1e+16": 1e16, "123456789.0": 123456789, "0.1": 0.1, "5e-324": math.SmallestNonzeroFloat64,
		"1.7976931348623157e+308": math.MaxFloat64, "null": math.NaN(),
	} {
		if got := string(appendFloat(nil, v)); got != want {
			t.Errorf("%g: got %s, want %s", v, got, want)
		}
	}
}

func FuzzAppendFloat(f *testing.F) {
	f.Add(1.0)
	f.Add(-1e-5)
	f.Fuzz(func(t *testing.T, v float64) {
		text := appendFloat(nil, v)
		var back *float64
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%g is written as %s: %v", v, text, err)
		}
		if finite := !math.IsNaN(v) && !math.IsInf(v, 0); finite != (back != nil) || finite && *back != v {
			t.Fatalf("%g is written as %s", v, text)
		}
	})
}

func TestAppendTime_Fractions_OnlyWhenThereAreAny(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 12, 28, 23, 0, time.FixedZone("", 3600))
	for want, v := range map[string]time.Time{
		"2026-01-01T11:28:23":        at,
		"2026-01-01T11:28:23.500000": at.Add(time.Second / 2),
		"2026-01-01T11:28:23.000001": at.Add(time.Microsecond),
	} {
		if got := string(appendTime(nil, v, 'T')); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzObject compares with maps of encoding/json: the same members, own ones first, sorted by name.
func FuzzObject(f *testing.F) {
	f.Add(`{"b":1,"a":"x\/y"}`, `{"id":3,"c":{"z":[1,2]}}`)
	f.Add(`{"\u0061":"\n","é":"\ud83d\ude00"}`, `{}`)
	f.Add("", `{"name":"not mine"}`)
	f.Fuzz(func(t *testing.T, fields, params string) {
		want := map[string]any{}
		for _, text := range []string{params, fields} { // later ones win here, earlier ones there
			var m map[string]any
			if text == "" {
				continue
			}
			if json.Unmarshal([]byte(text), &m) != nil || m == nil || !utf8.ValidString(text) || hasDuplicates(text) {
				t.Skip("only objects are stored")
			}
			for k, v := range m {
				want[k] = v
			}
		}
		want["id"], want["name"] = float64(7), "mine"
		o := newObject()
		for range 2 { // an object is used again
			o.reset()
			o.number("id", 7)
			o.text("name", "mine")
			if err := o.object(fields); err != nil {
				t.Skip("stricter than encoding/json, about lone surrogates")
			}
			if err := o.object(params); err != nil {
				t.Skip("stricter than encoding/json, about lone surrogates")
			}
			text := o.append(nil)
			var got map[string]any
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("got %s, want %v", text, want)
			}
			if names := memberNames(t, text); !slices.IsSorted(names) || len(names) != len(want) {
				t.Fatalf("names are not sorted and unique: %q", names)
			}
		}
	})
}

func hasDuplicates(text string) bool {
	names := map[string]bool{}
	for _, name := range tokens(text) {
		if names[name] {
			return true
		}
		names[name] = true
	}
	return false
}

func memberNames(t *testing.T, text []byte) []string {
	t.Helper()
	return tokens(string(text))
}

// tokens are the names of an object's members as they come.
func tokens(text string) []string {
	dec := json.NewDecoder(strings.NewReader(text))
	var names []string
	if _, err := dec.Token(); err != nil {
		return nil
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return names
		}
		s, ok := name.(string)
		if !ok {
			return names
		}
		names = append(names, s)
		var skip json.RawMessage
		if dec.Decode(&skip) != nil {
			return names
		}
	}
	return names
}

func TestObject_ManyMembers_EarlierPiecesStayWhole(t *testing.T) {
	t.Parallel()
	o := newObject()
	for i := range 500 { // scratch grows many times
		o.text("k"+strconv.Itoa(1000+i), "value "+strconv.Itoa(i))
	}
	var got map[string]string
	if err := json.Unmarshal(o.append(nil), &got); err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		if got["k"+strconv.Itoa(1000+i)] != "value "+strconv.Itoa(i) {
			t.Fatalf("member %d is %q", i, got["k"+strconv.Itoa(1000+i)])
		}
	}
}

func TestToPoints_FailedSamples_LeftOutWhileOthersPass(t *testing.T) {
	t.Parallel()
	samples := []seriesRow{
		{OrderID: 4, Order: "a", RunID: 1, Value: 9, Failed: 1},
		{OrderID: 4, Order: "a", RunID: 2, Value: 1},
		{OrderID: 4, Order: "a", RunID: 2, Value: 2},
		{OrderID: 2, Order: "b", RunID: 3, Value: 7, Failed: 1},
		{OrderID: 3, Order: "c", RunID: 4, Value: 5},
	}
	want := []point{
		{OrderID: 4, Order: "a", RunID: 2, Value: 1.5, Samples: []float64{9, 1, 2}, Failed: true},
		{OrderID: 2, Order: "b", RunID: 3, Value: 7, Samples: []float64{7}, Failed: true},
		{OrderID: 3, Order: "c", RunID: 4, Value: 5, Samples: []float64{5}},
	}
	if got := toPoints(samples, median); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got := toPoints(nil, median); got == nil || len(got) != 0 {
		t.Errorf("no samples give %v, want an empty list", got)
	}
}
