package openapi

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

type leaf struct {
	Name string `json:"name" doc:"what it is called"`
	Kind string `json:"kind" enum:"a,b"`
}

type sample struct {
	ID     uuid.UUID         `json:"id"`
	At     time.Time         `json:"at"`
	Leaf   *leaf             `json:"leaf"`
	Leaves []leaf            `json:"leaves"`
	Params map[string]string `json:"params"`
	Raw    json.RawMessage   `json:"raw"`
	Note   string            `json:"note,omitempty"`
	Few    []string          `json:"few" enum:"x,y"`
	hidden int
}

func operations() []Operation {
	return []Operation{
		{
			Method: "GET", Path: "things/:id", ID: "getThing", Tag: "things", Summary: "one thing", Answer: sample{}, Tagged: true,
			Query: []Param{
				{Name: "limit", Type: Integer, Min: 1, Max: 9, Default: "3"},
				{Name: "state", Words: []string{"new", "old"}, List: true},
				{Name: "deep", Type: Boolean},
				{Name: "since", Type: Time},
				{Name: "effect", Type: Number},
				{Name: "name"},
				{Name: "param.", Prefix: true},
				{Name: "must", Required: true},
			},
		},
		{Method: "POST", Path: "things", ID: "makeThing", Tag: "things", Summary: "a new thing", Body: leaf{}, Answer: sample{}, Status: 201, Scope: "triage"},
		{Method: "GET", Path: "things", ID: "listThings", Tag: "things", Summary: "things", Answer: []leaf{}},
		{Method: "GET", Global: true, ID: "root", Tag: "discovery", Summary: "all", Answer: leaf{}},
	}
}

func document(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := Document(About{Root: "http://here/", Database: "perf"}, operations())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	read, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return read
}

func TestDocument_Operations_AreAllThereAndValid(t *testing.T) {
	t.Parallel()
	doc := document(t)
	if got := doc.Servers[0].URL; got != "http://here/api/db_perf/v5" {
		t.Errorf("server %s", got)
	}
	for _, o := range operations() {
		item := doc.Paths.Value(o.Template())
		if item == nil || item.GetOperation(o.Method) == nil {
			t.Errorf("%s %s is not there", o.Method, o.Template())
		}
	}
	made := doc.Paths.Value("/{suite}/things").Post
	if made.Responses.Status(201) == nil || made.Responses.Status(401) == nil || made.Responses.Status(415) == nil || made.Security == nil {
		t.Errorf("a write tells of %v", made.Responses.Keys())
	}
}

func TestDocument_TheSameIDTwice_IsRefused(t *testing.T) {
	t.Parallel()
	twice := append(operations(), operations()[0])
	if _, err := Document(About{}, twice); err == nil || !strings.Contains(err.Error(), "getThing") {
		t.Errorf("got %v", err)
	}
}

func TestSchema_Values_AreHeldToTheirType(t *testing.T) {
	t.Parallel()
	schema := document(t).Paths.Value("/{suite}/things/{id}").Get.Responses.Status(200).Value.Content["application/json"].Schema.Value
	good := sample{Leaves: []leaf{{"n", "a"}}, Params: map[string]string{"a": "b"}, Raw: json.RawMessage(`{"any":1}`), Few: []string{"x"}, hidden: 1}
	for name, c := range map[string]struct {
		change func(map[string]any)
		ok     bool
	}{
		"as it is":         {func(map[string]any) {}, true},
		"optional":         {func(m map[string]any) { m["note"] = "n" }, true},
		"another member":   {func(m map[string]any) { m["other"] = 1.0 }, false},
		"a member absent":  {func(m map[string]any) { delete(m, "id") }, false},
		"null in a list":   {func(m map[string]any) { m["leaves"] = nil }, false},
		"a wrong word":     {func(m map[string]any) { m["few"] = []any{"z"} }, false},
		"a wrong leaf":     {func(m map[string]any) { m["leaf"] = map[string]any{"name": "n"} }, false},
		"a leaf":           {func(m map[string]any) { m["leaf"] = map[string]any{"name": "n", "kind": "b"} }, true},
		"a number as text": {func(m map[string]any) { m["params"] = map[string]any{"a": 1.0} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := json.Marshal(good)
			if err != nil {
				t.Fatal(err)
			}
			var value map[string]any
			if err := json.Unmarshal(text, &value); err != nil {
				t.Fatal(err)
			}
			c.change(value)
			if err := schema.VisitJSON(value); (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestReadQuery_WhatIsWrong_IsAllNamed(t *testing.T) {
	t.Parallel()
	o := operations()[0]
	type pairs [][2]string
	for name, c := range map[string]struct {
		given pairs
		want  string
	}{
		"good":         {pairs{{"must", "1"}, {"limit", "9"}, {"state", "new,old"}, {"deep", "true"}, {"since", "2026-02-03T04:05:06Z"}, {"effect", "0.1"}, {"param.x", "1"}}, ""},
		"unknown":      {pairs{{"must", "1"}, {"x", "1"}}, "unknown query parameter 'x'"},
		"prefix alone": {pairs{{"must", "1"}, {"param.", "1"}}, ""},
		"twice":        {pairs{{"must", "1"}, {"name", "1"}, {"name", "1"}}, "query parameter 'name' is given twice"},
		"range":        {pairs{{"must", "1"}, {"limit", "10"}}, "limit: '10' is not a whole number from 1 to 9"},
		"word":         {pairs{{"must", "1"}, {"state", "new,odd"}}, "state: 'odd' is none of new, old"},
		"boolean":      {pairs{{"must", "1"}, {"deep", "yes"}}, "deep: 'yes' is neither true nor false"},
		"time":         {pairs{{"must", "1"}, {"since", "today"}}, "since: 'today' is not a time like 2026-02-03T04:05:06Z"},
		"number":       {pairs{{"must", "1"}, {"effect", "x"}}, "effect: 'x' is not a number"},
		"missing":      {pairs{{"y", "1"}}, "unknown query parameter 'y'; missing query parameters: must"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := o.ReadQuery(func(each func(name, value string)) {
				for _, p := range c.given {
					each(p[0], p[1])
				}
			})
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecode_WhatIsWrong_IsNamed(t *testing.T) {
	t.Parallel()
	type body struct {
		IDs     []string `json:"ids"`
		Changes struct {
			State *string `json:"state"`
		} `json:"changes"`
	}
	for text, want := range map[string]string{
		`{"ids":["a"],"changes":{"state":"x"}}`: "",
		`{"changes":{"stat":"x"}}`:              "unknown field 'changes.stat'",
		`{"IDS":[]}`:                            "unknown field 'IDS'",
		`{"ids":[1]}`:                           "ids.0: cannot be a number",
		`{"ids":[],"ids":[]}`:                   "field 'ids' is given twice",
		`[]`:                                    "the body is not the object that is asked for",
		`{"ids":[]} x`:                          "the body is not JSON: invalid character 'x' after top-level value at byte 11",
		``:                                      "the body is not JSON: unexpected EOF at byte 0",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := Decode([]byte(text), &body{}); err != nil {
				got = err.Error()
				var known *Error
				if !errors.As(err, &known) || known.Status != 400 {
					t.Errorf("%T", err)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name":"n","kind":"a"}`))
	f.Add([]byte(`{"name":[{"a":1}],"x":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var into leaf
		err := Decode(body, &into)
		var known *Error
		if err != nil && (!errors.As(err, &known) || known.Message == "" || known.Status != 400) {
			t.Errorf("%v of %q", err, body)
		}
	})
}

func TestMethods_OfOneAddress_AreSortedWithHead(t *testing.T) {
	t.Parallel()
	if got := Methods(operations(), "things", false); got != "GET, HEAD, OPTIONS, POST" {
		t.Error(got)
	}
}

func TestGuide_EveryOperation_HasALine(t *testing.T) {
	t.Parallel()
	guide := Guide(About{Root: "http://here/"}, operations())
	for _, want := range []string{"Base: http://here/api/v5 ", "- GET /{suite}/things/{id}: one thing (limit, state", "- POST /{suite}/things: a new thing [triage]"} {
		if !strings.Contains(guide, want) {
			t.Errorf("no %q in\n%s", want, guide)
		}
	}
}
