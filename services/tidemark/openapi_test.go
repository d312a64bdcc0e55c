package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/openapi"
	"tidemark/services/api"
)

var inV5 = regexp.MustCompile(`^/api/(?:db_[^/]+/)?v5(/.*)$`)

// document is the one that the product serves, read back.
func document(t *testing.T) *openapi3.T {
	t.Helper()
	served, err := openapi.Document(openapi.About{Root: "http://here/"}, api.Operations(v5Writes()))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(served)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// described finds the operation of a path that a request had, or that was mounted. Of two that fit, the one with more fixed words.
func described(doc *openapi3.T, method, path string) (*openapi3.Operation, string) {
	below := inV5.FindStringSubmatch(path)
	if below == nil {
		return nil, ""
	}
	asked := strings.Split(strings.TrimSuffix(below[1], "/"), "/")
	best, template, fixed := (*openapi3.Operation)(nil), "", -1
	for name, item := range doc.Paths.Map() {
		words := strings.Split(strings.TrimSuffix(name, "/"), "/")
		same, fits := 0, len(words) == len(asked)
		for i := 0; fits && i < len(words); i++ {
			if strings.HasPrefix(words[i], "{") {
				fits = asked[i] != ""
			} else if fits = words[i] == asked[i]; fits {
				same++
			}
		}
		if o := item.GetOperation(method); fits && o != nil && same > fixed {
			best, template, fixed = o, name, same
		}
	}
	return best, template
}

var inBraces = regexp.MustCompile(`\{([a-z]+)\}`)

func TestDocument_AddressesOfV5_AreTheMountedOnes(t *testing.T) {
	t.Parallel()
	doc := document(t)
	mounted := map[string]bool{}
	for _, service := range services(t) {
		app := fiber.New()
		service.Routes(app)
		for path, methods := range served(service) {
			below := inV5.FindStringSubmatch(path)
			if below == nil {
				continue
			}
			for _, method := range methods {
				if method != "another" {
					mounted[path+" "+method] = true
				}
			}
		}
	}
	expected := map[string]bool{}
	for template, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			path := inBraces.ReplaceAllString(template, ":$1")
			for _, base := range []string{"/api/v5", "/api/db_:db/v5"} {
				expected[base+path+" "+method] = true
				if !mounted[base+path+" "+method] {
					t.Errorf("%s %s is in the document, but not mounted", method, base+path)
				}
			}
		}
	}
	for one := range mounted {
		if !expected[one] {
			t.Errorf("%s is mounted, but not in the document", one)
		}
	}
}

// TestDocument_GoldenAnswersOfV5_AreAsDescribed holds every answer that a golden file has to the document: its status is one of
// those of the operation, its body of that status's schema, which has no members but those that are named.
func TestDocument_GoldenAnswersOfV5_AreAsDescribed(t *testing.T) {
	t.Parallel()
	doc := document(t)
	shown := map[string]bool{}
	for _, p := range goldenPairs(t) {
		if inV5.FindString(p.path) == "" || p.status == "405" || p.method == http.MethodOptions || p.method == http.MethodHead {
			continue
		}
		o, template := described(doc, p.method, p.path)
		if o == nil {
			if p.status != "404" {
				t.Errorf("%s %s: %s, of an operation that is not in the document", p.method, p.path, p.status)
			}
			continue
		}
		response := o.Responses.Value(p.status)
		if response == nil {
			t.Errorf("%s %s: the document does not know of %s", p.method, template, p.status)
			continue
		}
		_, text, _ := strings.Cut(p.body, "\n\n")
		media := response.Value.Content.Get("application/json")
		if media == nil {
			continue
		}
		var body any
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Errorf("%s %s: %s: %v", p.method, p.path, p.status, err)
			continue
		}
		if err := media.Schema.Value.VisitJSON(body, openapi3.MultiErrors()); err != nil {
			t.Errorf("%s %s: %s: %v", p.method, p.path, p.status, err)
		}
		shown[template+" "+p.method+" "+p.status[:1]] = true
	}
	for template, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if template == "/openapi/openapi.json" || template == "/{suite}/detectors" {
				continue // the golden files have its 304 alone: it is this very document, or what the files of detectors say
			}
			if !shown[template+" "+method+" 2"] {
				t.Errorf("%s %s has no golden answer that says yes", method, template)
			}
			if !shown[template+" "+method+" 4"] {
				t.Errorf("%s %s has no golden answer that says no", method, template)
			}
		}
	}
}

// TestDocument_QueryParameters_AreTheKnownOnes asks each address: a parameter of the document is never unknown, another always is.
func TestDocument_QueryParameters_AreTheKnownOnes(t *testing.T) {
	t.Parallel()
	doc := document(t)
	app := fiber.New()
	for _, s := range services(t) {
		s.Routes(app)
	}
	for template, item := range doc.Paths.Map() {
		o := item.Get
		if o == nil {
			continue
		}
		path := "/api/v5" + strings.ReplaceAll(inBraces.ReplaceAllString(template, "1"), "/1/", "/nts/")
		names := []string{""}
		for _, p := range o.Parameters {
			if p.Value.In == openapi3.ParameterInQuery {
				names = append(names, p.Value.Name)
			}
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".") {
				name += "x"
			}
			// With one that is not known the answer comes before anything is read.
			res, err := app.Test(httptest.NewRequest(http.MethodGet, path+"?not_known=1&"+name+"=1", http.NoBody), -1)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "unknown query parameter 'not_known'") {
				t.Errorf("%s: another parameter is answered with %d %s", path, res.StatusCode, text)
			}
			if name != "" && strings.Contains(string(text), "unknown query parameter '"+name+"'") {
				t.Errorf("%s: does not know %s, which the document has", path, name)
			}
		}
	}
}
