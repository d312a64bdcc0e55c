package suite

import (
	"errors"
	"fmt"
	"strings"

	"github.com/samber/lo"
)

// YAMLError says why a schema file is refused.
type YAMLError struct{ Problems []Problem }

// Problem is one thing that is wrong with a schema file.
type Problem struct {
	// Line is where, from 1; 0 when it is nowhere in particular.
	Line int
	// Text is LNT's sentence, where it has one. It may be empty: LNT has nothing to say about a suite without an order field.
	Text string
	// Detail says it in clearer words where LNT's are not.
	Detail string
}

// Error lists every problem with its line.
func (e *YAMLError) Error() string {
	return strings.Join(lo.Map(e.Problems, func(p Problem, _ int) string {
		said := lo.CoalesceOrEmpty(p.Detail, p.Text)
		if p.Line == 0 || strings.Contains(said, fmt.Sprintf("line %d:", p.Line)) {
			return said
		}
		return fmt.Sprintf("line %d: %s", p.Line, said)
	}), "\n")
}

// Text is what LNT's API answers.
func (e *YAMLError) Text() string {
	return strings.Join(lo.Map(e.Problems, func(p Problem, _ int) string { return p.Text }), "; ")
}

func problem(line int, text string) *YAMLError { return clearer(line, text, "") }

func clearer(line int, text, detail string) *YAMLError {
	return &YAMLError{Problems: []Problem{{Line: line, Text: text, Detail: detail}}}
}

// YAMLOptions say how a schema file is read.
type YAMLOptions struct {
	// Name is the suite's name, when it is known from elsewhere: the file must say the same.
	Name string
	// LinkStatus links statuses to values by name, as a file can ask for itself with "link_status: true". See [Schema.LinkStatus].
	LinkStatus bool
}

// ReadYAML reads one of LNT's schema files: format_version (the text "2"), name, metrics (name, type, bigger_is_better,
// ignore_same_hash, display_name, unit, unit_abbrev), run_fields (name, order) and machine_fields (name). Keys that it does not
// know are passed over, as LNT does. Problems are found in the order in which LNT finds them, and told in its words; what LNT
// would trip over later, such as reserved names, is refused here, too. Errors are [*YAMLError].
func ReadYAML(data []byte, options YAMLOptions) (Schema, error) {
	if len(data) == 0 {
		return Schema{}, problem(0, "No schema data provided.")
	}
	root, err := parseTree(data)
	if err != nil {
		return Schema{}, err
	}
	if root.kind != isObject {
		return Schema{}, problem(root.line, "Schema payload must be a YAML object.")
	}
	r := reader{lines: map[string]int{}}
	s, err := r.schema(root, options)
	if err != nil {
		return Schema{}, err
	}
	link, ok := root.get("link_status").truth()
	if !ok {
		return Schema{}, problem(root.get("link_status").line, "link_status: is neither true nor false")
	}
	if link || options.LinkStatus {
		s = s.LinkStatus()
	}
	return s, r.validate(s)
}

// reader turns a tree into a schema and remembers where each part came from.
type reader struct{ lines map[string]int }

func (r *reader) schema(root *tree, options YAMLOptions) (Schema, error) {
	var s Schema
	var err error
	if s.Name, err = nameOf(root, options.Name); err != nil {
		return s, err
	}
	if version := root.get("format_version"); version == nil || version.kind != isText || version.text != "2" {
		line := root.line
		if version != nil {
			line = version.line
		}
		return s, problem(line, `Expected "format_version": "2" in schema`)
	}
	if s.MachineFields, err = r.fields(root, "machine_fields", false); err != nil {
		return s, err
	}
	if s.RunFields, err = r.fields(root, "run_fields", true); err != nil {
		return s, err
	}
	if len(s.OrderFields()) == 0 {
		return s, clearer(root.line, "", "run_fields: at least one needs order: true")
	}
	s.Metrics, err = r.metrics(root)
	return s, err
}

const badName = "Invalid test suite name. Use letters, numbers, and underscores, starting with a letter."

func nameOf(root *tree, wanted string) (string, error) {
	name := root.get("name")
	switch {
	case name == nil || name.kind == isNull || name.kind == isText && name.text == "":
		return "", problem(root.line, "Schema payload missing 'name'.")
	case name.kind != isText || !ValidName(name.text):
		return "", problem(name.line, badName)
	case wanted != "" && name.text != wanted:
		return "", problem(name.line, fmt.Sprintf("Schema name '%s' does not match URL testsuite '%s'.", name.text, wanted))
	}
	return name.text, nil
}

// list gives the objects of a list; where none is given there are none.
func list(root *tree, key string) ([]*tree, error) {
	t := root.get(key)
	if t == nil {
		return nil, nil
	}
	if t.kind != isList {
		return nil, problem(t.line, key+": is not a list")
	}
	for i, item := range t.items {
		if item.kind != isObject {
			return nil, problem(item.line, fmt.Sprintf("%s[%d]: is not an object", key, i))
		}
	}
	return t.items, nil
}

func (r *reader) fields(root *tree, key string, orders bool) ([]Field, error) {
	items, err := list(root, key)
	if err != nil {
		return nil, err
	}
	fields := make([]Field, 0, len(items))
	for i, item := range items {
		path := r.at(key, i, item)
		name, err := text(item, path, "name")
		if err != nil {
			return nil, err
		}
		f := Field{Name: name}
		if orders {
			if f.Order, err = flag(item, path, "order"); err != nil {
				return nil, err
			}
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func (r *reader) at(key string, i int, item *tree) string {
	path := fmt.Sprintf("%s[%d]", key, i)
	r.lines[path] = item.line
	return path
}

func (r *reader) metrics(root *tree) ([]Metric, error) {
	if root.get("metrics") == nil {
		return nil, clearer(root.line, "'metrics'", "metrics: is missing")
	}
	items, err := list(root, "metrics")
	if err != nil {
		return nil, err
	}
	metrics := make([]Metric, 0, len(items))
	for i, item := range items {
		m, err := metric(item, r.at("metrics", i, item))
		if err != nil {
			return nil, err
		}
		metrics = append(metrics, m)
	}
	return metrics, nil
}

func metric(item *tree, path string) (Metric, error) {
	name, err := text(item, path, "name")
	if err != nil {
		return Metric{}, err
	}
	m := Metric{Name: name, Type: Real}
	for key, into := range map[string]*bool{"bigger_is_better": &m.BiggerIsBetter, "ignore_same_hash": &m.IgnoreSameHash} {
		if *into, err = flag(item, path, key); err != nil {
			return Metric{}, err
		}
	}
	if t := item.get("type"); t != nil {
		switch m.Type = MetricType(t.text); {
		case t.kind == isText && (m.Type == Real || m.Type == Status || m.Type == Hash):
		case t.kind == isNull:
			return Metric{}, problem(t.line, "Unknown metric type 'None'")
		default:
			return Metric{}, problem(t.line, fmt.Sprintf("Unknown metric type '%s'", t.text))
		}
	}
	for key, into := range map[string]*string{"display_name": &m.DisplayName, "unit": &m.Unit, "unit_abbrev": &m.UnitAbbrev} {
		switch t := item.get(key); {
		case t == nil || t.kind == isNull:
		case t.kind == isList || t.kind == isObject:
			return Metric{}, problem(t.line, fmt.Sprintf("%s.%s: is not a text", path, key))
		default:
			*into = t.text
		}
	}
	return m, nil
}

// text reads a key that must be there.
func text(item *tree, path, key string) (string, error) {
	t := item.get(key)
	if t == nil {
		return "", clearer(item.line, "'"+key+"'", path+": "+key+" is missing")
	}
	if t.kind != isText {
		return "", problem(t.line, fmt.Sprintf("%s.%s: is not a text", path, key))
	}
	return t.text, nil
}

func flag(item *tree, path, key string) (bool, error) {
	yes, ok := item.get(key).truth()
	if !ok {
		return false, problem(item.get(key).line, fmt.Sprintf("%s.%s: is neither true nor false", path, key))
	}
	return yes, nil
}

// validate finds what the schema's own rules refuse, each with the line of its field or metric.
func (r *reader) validate(s Schema) error {
	err := s.Validate()
	if err == nil {
		return nil
	}
	problems := []error{err}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		problems = joined.Unwrap()
	}
	return &YAMLError{Problems: lo.Map(problems, func(p error, _ int) Problem {
		path, _, _ := strings.Cut(p.Error(), "]")
		return Problem{Line: r.lines[path+"]"], Text: p.Error()}
	})}
}
