package openapi

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/samber/lo"
)

var (
	typeTime = reflect.TypeFor[time.Time]()
	typeUUID = reflect.TypeFor[uuid.UUID]()
	typeRaw  = reflect.TypeFor[json.RawMessage]()
	typeRef  = reflect.TypeFor[Ref]()
	typeText = reflect.TypeFor[Text]()
)

// schemas makes schemas of Go types, as encoding/json writes them. Objects have the members that are named and no others; a
// member without omitempty is always there. The tags doc and enum of a field describe it.
type schemas struct{ named openapi3.Schemas }

// of is the schema of a type; named structs are referred to by their name.
func (s *schemas) of(t reflect.Type) *openapi3.SchemaRef {
	switch t {
	case typeTime:
		return openapi3.NewDateTimeSchema().NewRef()
	case typeUUID:
		return openapi3.NewUUIDSchema().NewRef()
	case typeRef:
		either := openapi3.NewOneOfSchema(openapi3.NewStringSchema(), openapi3.NewIntegerSchema().WithMin(1))
		either.Description = "a uuid, or a number"
		return either.NewRef()
	case typeText:
		return openapi3.NewOneOfSchema(openapi3.NewStringSchema(), openapi3.NewFloat64Schema(), openapi3.NewBoolSchema()).NewRef()
	case typeRaw:
		return openapi3.NewSchema().NewRef()
	}
	switch t.Kind() { //nolint:exhaustive // the others are not written as JSON
	case reflect.Pointer:
		return s.nullable(t.Elem())
	case reflect.Bool:
		return openapi3.NewBoolSchema().NewRef()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return openapi3.NewIntegerSchema().NewRef()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return openapi3.NewIntegerSchema().WithMin(0).NewRef()
	case reflect.Float32, reflect.Float64:
		return openapi3.NewFloat64Schema().NewRef()
	case reflect.Slice, reflect.Array:
		list := openapi3.NewArraySchema()
		list.Items = s.of(t.Elem())
		return list.NewRef()
	case reflect.Map:
		object := openapi3.NewObjectSchema()
		object.AdditionalProperties = openapi3.AdditionalProperties{Schema: s.of(t.Elem())}
		return object.NewRef()
	case reflect.Struct:
		return s.object(t)
	case reflect.Interface:
		return openapi3.NewSchema().NewRef()
	}
	return openapi3.NewStringSchema().NewRef()
}

func (s *schemas) nullable(t reflect.Type) *openapi3.SchemaRef {
	inner := s.of(t)
	if inner.Ref != "" {
		outer := openapi3.NewSchema()
		outer.AllOf = openapi3.SchemaRefs{inner}
		outer.Nullable = true
		return outer.NewRef()
	}
	inner.Value.Nullable = true
	return inner
}

func (s *schemas) object(t reflect.Type) *openapi3.SchemaRef {
	name := nameOf(t)
	if name != "" {
		if known, ok := s.named[name]; ok {
			return openapi3.NewSchemaRef("#/components/schemas/"+name, known.Value)
		}
	}
	object := openapi3.NewObjectSchema()
	object.AdditionalProperties = openapi3.AdditionalProperties{Has: lo.ToPtr(false)}
	if name != "" {
		s.named[name] = object.NewRef() // before its members, which may hold it again
	}
	s.members(object, t)
	if name == "" {
		return object.NewRef()
	}
	return openapi3.NewSchemaRef("#/components/schemas/"+name, object)
}

func (s *schemas) members(object *openapi3.Schema, t reflect.Type) {
	for f := range t.Fields() {
		tag, tagged := f.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		if f.Anonymous && !tagged {
			s.members(object, f.Type)
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		optional := strings.Contains(options, "omit")
		object.Properties[name] = s.member(f, optional)
		if !optional {
			object.Required = append(object.Required, name)
		}
	}
}

func (s *schemas) member(f reflect.StructField, optional bool) *openapi3.SchemaRef {
	t := f.Type
	if t.Kind() == reflect.Pointer && optional {
		t = t.Elem()
	}
	schema := s.of(t)
	doc, words := f.Tag.Get("doc"), f.Tag.Get("enum")
	if doc == "" && words == "" {
		return schema
	}
	if schema.Ref != "" { // nothing may stand beside a reference
		outer := openapi3.NewSchema()
		outer.AllOf = openapi3.SchemaRefs{schema}
		schema = outer.NewRef()
	}
	schema.Value.Description = doc
	if words != "" {
		target := schema.Value
		if target.Items != nil {
			target = target.Items.Value
		}
		target.Enum = lo.Map(strings.Split(words, ","), func(w string, _ int) any { return w })
	}
	return schema
}

// nameOf is the name of a struct among all, without the name of its package: "pageFinding" for page[api.finding].
func nameOf(t reflect.Type) string {
	name := t.Name()
	if base, of, generic := strings.Cut(name, "["); generic {
		of = strings.TrimSuffix(of, "]")
		name = base + capital(of[strings.LastIndexAny(of, "./")+1:])
	}
	return capital(name)
}

func capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
