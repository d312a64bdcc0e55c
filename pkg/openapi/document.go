package openapi

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/samber/lo"
)

// About is what a document says about the server.
type About struct {
	// Root is the address of "/", with its slash; Database that of the document, empty for the default one.
	Root, Database string
}

// Base is the address below which all paths of v5 are.
func (a About) Base() string {
	if a.Database == "" {
		return a.Root + "api/v5"
	}
	return a.Root + "api/db_" + a.Database + "/v5"
}

const title = "Tidemark v5"

const description = `Machines run benchmarks, a commit at a time; a series is one metric of one test on one machine over the commits. Detectors find where a series changes (findings), findings of one culprit range are one regression, people triage these.

Lists give {"items", "cursor"}: follow cursor.next by cursor=…. Times are UTC. Reads need no token; writes take "Authorization: Bearer TOKEN" of the scope that is named. Errors are {"error": {"code", "message", "field"}}. Names are given as they are; where a number is asked for, the name will do.`

// Document is the OpenAPI document of operations.
func Document(about About, operations []Operation) (*openapi3.T, error) {
	s := &schemas{named: openapi3.Schemas{}}
	doc := &openapi3.T{
		OpenAPI: "3.0.3",
		Info:    &openapi3.Info{Title: title, Version: "5", Description: description},
		Servers: openapi3.Servers{{URL: about.Base()}},
		Paths:   openapi3.NewPaths(),
		Components: &openapi3.Components{
			SecuritySchemes: openapi3.SecuritySchemes{"token": {Value: openapi3.NewSecurityScheme().WithType("http").WithScheme("bearer")}},
		},
	}
	failure := s.of(reflect.TypeFor[ErrorBody]())
	seen := map[string]bool{}
	for _, o := range operations {
		if seen[o.ID] {
			return nil, fmt.Errorf("operation %s: is there twice", o.ID)
		}
		seen[o.ID] = true
		doc.AddOperation(o.Template(), o.Method, describe(o, s, failure))
	}
	doc.Components.Schemas = s.named
	return doc, nil
}

func describe(o Operation, s *schemas, failure *openapi3.SchemaRef) *openapi3.Operation {
	out := &openapi3.Operation{OperationID: o.ID, Tags: []string{o.Tag}, Summary: o.Summary, Description: o.Details}
	for _, name := range o.Names() {
		p := openapi3.NewPathParameter(name).WithSchema(openapi3.NewStringSchema())
		out.AddParameter(p)
	}
	for _, p := range o.Query {
		out.AddParameter(p.describe())
	}
	if o.Body != nil {
		body := openapi3.NewRequestBody().WithRequired(true).WithJSONSchemaRef(s.of(reflect.TypeOf(o.Body)))
		out.RequestBody = &openapi3.RequestBodyRef{Value: body}
	}
	if o.Scope != "" {
		out.Security = openapi3.NewSecurityRequirements().With(openapi3.NewSecurityRequirement().Authenticate("token"))
		out.Description = strings.TrimSpace(out.Description + "\n\nNeeds a token of scope " + o.Scope + ".")
	}
	success := openapi3.NewResponse().WithDescription(cmp.Or(http.StatusText(o.OK()), "Success"))
	switch {
	case o.Media != "":
		success.WithContent(openapi3.Content{o.Media: openapi3.NewMediaType().WithSchema(openapi3.NewStringSchema())})
	case o.Answer != nil:
		success.WithJSONSchemaRef(s.of(reflect.TypeOf(o.Answer)))
	}
	out.AddResponse(o.OK(), success)
	for _, status := range o.statuses() {
		if status == http.StatusNotModified {
			out.AddResponse(status, openapi3.NewResponse().WithDescription("What If-None-Match names is what there is"))
			continue
		}
		if status == http.StatusAccepted {
			pending := s.of(reflect.TypeFor[Pending]())
			out.AddResponse(status, openapi3.NewResponse().WithDescription("In the log; the receipt tells what becomes of it").WithJSONSchemaRef(pending))
			continue
		}
		out.AddResponse(status, openapi3.NewResponse().WithDescription(http.StatusText(status)).WithJSONSchemaRef(failure))
	}
	return out
}

// statuses are those of everything but success.
func (o Operation) statuses() []int {
	statuses := append([]int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable, http.StatusInternalServerError}, o.Errors...)
	if o.Tagged {
		statuses = append(statuses, http.StatusNotModified)
	}
	if o.Scope != "" {
		statuses = append(statuses, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusAccepted)
	}
	if o.Body != nil {
		statuses = append(statuses, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge)
	}
	return lo.Without(lo.Uniq(statuses), o.OK())
}

func (p Param) describe() *openapi3.Parameter {
	schema := openapi3.NewStringSchema()
	switch p.Type {
	case Integer:
		schema = openapi3.NewIntegerSchema().WithMin(float64(p.Min))
		if p.Max > 0 {
			schema.WithMax(float64(p.Max))
		}
	case Number:
		schema = openapi3.NewFloat64Schema()
	case Boolean:
		schema = openapi3.NewBoolSchema()
	case Time:
		schema = openapi3.NewDateTimeSchema()
	case String, "":
	}
	schema.Enum = lo.Map(p.Words, func(w string, _ int) any { return w })
	if p.Default != "" {
		schema.Default = p.Default
		if n, err := strconv.ParseFloat(p.Default, 64); err == nil && p.Type != String && p.Type != "" {
			schema.Default = n
		}
		if p.Type == Boolean {
			schema.Default = p.Default == "true"
		}
	}
	out := openapi3.NewQueryParameter(p.Name).WithDescription(p.Help).WithRequired(p.Required)
	switch {
	case p.Prefix:
		schema = openapi3.NewObjectSchema().WithAdditionalProperties(schema)
		out.Style, out.Explode = openapi3.SerializationForm, lo.ToPtr(true)
		out.Description += " The name begins with \"" + p.Name + "\"."
	case p.List:
		schema = openapi3.NewArraySchema().WithItems(schema)
		out.Style, out.Explode = openapi3.SerializationForm, lo.ToPtr(false)
	}
	return out.WithSchema(schema)
}

// Guide is a short text of the operations, for programs that read texts.
func Guide(about About, operations []Operation) string {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s\n\n%s\n\nBase: %s (another database: %sapi/db_NAME/v5). The whole of it as OpenAPI: %s/openapi/openapi.json\n",
		title, description, about.Base(), about.Root, about.Base())
	for _, group := range lo.PartitionBy(operations, func(o Operation) string { return o.Tag }) {
		fmt.Fprintf(&out, "\n## %s\n\n", group[0].Tag)
		for _, o := range group {
			fmt.Fprintf(&out, "- %s %s: %s", o.Method, o.Template(), o.Summary)
			if names := lo.Map(o.Query, func(p Param, _ int) string { return p.Name }); len(names) > 0 {
				fmt.Fprintf(&out, " (%s)", strings.Join(names, ", "))
			}
			if o.Scope != "" {
				fmt.Fprintf(&out, " [%s]", o.Scope)
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}
