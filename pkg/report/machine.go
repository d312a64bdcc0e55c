package report

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"tidemark/pkg/suite"
)

// ParseMachine reads an object of a machine's attributes as it stands in a report, under the bounds of a report. The name may be
// absent: it is empty then. The error is always an *Error.
func ParseMachine(object []byte, opts Options) (Machine, error) {
	v := jsontext.Value(object)
	if !v.IsValid(jsontext.AllowDuplicateNames(true)) || v.Kind() != jsontext.KindBeginObject {
		return Machine{}, malformed("machine", "is no JSON object")
	}
	d := document{opts: opts.withDefaults(), sections: map[string]jsontext.Value{"machine": v}}
	list, err := d.object("machine")
	if err != nil {
		return Machine{}, err
	}
	list = slices.DeleteFunc(list, func(m member) bool { return m.name == "name" && m.value.Kind() == jsontext.KindNull })
	if _, named := find(list, "name"); !named {
		list = append(list, member{name: "name", value: quote("")})
	}
	return d.machine(list, "machine.name")
}

// Split parts the machine's declared fields from its free parameters, which are sorted by name, under the rules of a report. The
// error is always an *Error.
func (m Machine) Split(schema suite.Schema) (fields map[string]string, params []Attr, err error) {
	declared := make(map[string]bool, len(schema.MachineFields))
	for _, f := range schema.MachineFields {
		declared[f.Name] = true
	}
	return splitAttrs("machine", m.Attrs, declared)
}
