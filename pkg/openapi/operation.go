package openapi

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// Type is the type of a query parameter.
type Type string

// The types of query parameters.
const (
	String  Type = "string"
	Integer Type = "integer"
	Number  Type = "number"
	Boolean Type = "boolean"
	// Time is an instant as RFC 3339 has it.
	Time Type = "time"
)

// Param is a query parameter. The zero Type is [String].
type Param struct {
	Name string
	Type Type
	// Help is one sentence.
	Help string
	// Words are the only values there are; none lets all pass. With List several may come, with commas between them.
	Words []string
	List  bool
	// Min and Max bound an [Integer], both included; no bounds when Max is 0.
	Min, Max int64
	Default  string
	Required bool
	// Prefix says that Name is the beginning of any number of parameters: "param." of "param.min_effect".
	Prefix bool
}

// Operation is one method of one address.
type Operation struct {
	Method string
	// Path is the address below a suite's, or below /api/v5/ when Global, as fiber writes it: "findings/:id".
	Path   string
	Global bool
	// ID is the name of the operation: one word in camel case, used once.
	ID string
	// Tag is the resource.
	Tag string
	// Summary is a few words, Details may be sentences.
	Summary, Details string
	Query            []Param
	// Body is a value of the type that the request's JSON is read into; nil reads none.
	Body any
	// Answer is a value of the type that is answered; nil answers with no content.
	Answer any
	// Status is that of success; 0 is 200.
	Status int
	// Scope is what a token has to allow; empty for reads, which need none.
	Scope string
	// Tagged answers carry an ETag, and may be answered with 304.
	Tagged bool
	// Media is the type of the answer when it is not JSON.
	Media string
	// Errors are statuses beyond those that every operation has.
	Errors []int
}

// OK is the status of success.
func (o Operation) OK() int { return cmp.Or(o.Status, 200) }

// Param finds the description of a query parameter.
func (o Operation) Param(name string) (Param, bool) {
	i := slices.IndexFunc(o.Query, func(p Param) bool {
		return p.Name == name || p.Prefix && len(name) > len(p.Name) && strings.HasPrefix(name, p.Name)
	})
	if i < 0 {
		return Param{}, false
	}
	return o.Query[i], true
}

// Template is the path as OpenAPI writes it, below /api/v5: "/{suite}/findings/{id}".
func (o Operation) Template() string {
	segments := strings.Split(o.Path, "/")
	for i, s := range segments {
		if name, ok := strings.CutPrefix(s, ":"); ok {
			segments[i] = "{" + name + "}"
		}
	}
	path := "/" + strings.Join(segments, "/")
	if o.Global {
		return path
	}
	return "/{suite}" + path
}

// Names are the path's parameters.
func (o Operation) Names() []string {
	var names []string
	if !o.Global {
		names = append(names, "suite")
	}
	for s := range strings.SplitSeq(o.Path, "/") {
		if name, ok := strings.CutPrefix(s, ":"); ok {
			names = append(names, name)
		}
	}
	return names
}

// Methods are those of a path among operations, as the Allow header lists them: with HEAD, which comes with GET, and OPTIONS.
func Methods(operations []Operation, path string, global bool) string {
	methods := []string{"OPTIONS"}
	for _, o := range operations {
		if o.Path != path || o.Global != global {
			continue
		}
		methods = append(methods, o.Method)
		if o.Method == http.MethodGet {
			methods = append(methods, "HEAD")
		}
	}
	slices.Sort(methods)
	return strings.Join(slices.Compact(methods), ", ")
}
