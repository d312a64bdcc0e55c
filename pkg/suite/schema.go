package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/samber/lo"
)

// MetricType says what kind of value a metric has. The words are those of LNT's schema files.
type MetricType string

const (
	// Real is a finite 64-bit float.
	Real MetricType = "Real"
	// Status is one of StatusPass, StatusFail, StatusXFail.
	Status MetricType = "Status"
	// Hash is a short text, usually of the built program.
	Hash MetricType = "Hash"
)

// The values of a Status metric, as they are submitted and stored.
const (
	StatusPass  = 0
	StatusFail  = 1
	StatusXFail = 2
)

// Metric is one thing that is measured per sample.
type Metric struct {
	Name           string     `json:"name"`
	Type           MetricType `json:"type"`
	DisplayName    string     `json:"display_name,omitempty"`
	Unit           string     `json:"unit,omitempty"`
	UnitAbbrev     string     `json:"unit_abbrev,omitempty"`
	BiggerIsBetter bool       `json:"bigger_is_better,omitempty"`
	// IgnoreSameHash says that a change is not worth telling while the program's hash is unchanged.
	IgnoreSameHash bool `json:"ignore_same_hash,omitempty"`
	// Status names the Status metric that says whether this one's value can be trusted; "" if none.
	Status string `json:"status,omitempty"`
}

// Title is the name to show people: DisplayName, or Name where there is none.
func (m Metric) Title() string { return lo.CoalesceOrEmpty(m.DisplayName, m.Name) }

// Field is a declared text attribute of a run or a machine. Order is true for the run fields whose
// values place a run in the suite's history.
type Field struct {
	Name  string `json:"name"`
	Order bool   `json:"order,omitempty"`
}

// Schema is what one suite declares. A metric's position in Metrics is LNT's field index.
type Schema struct {
	Name          string   `json:"name"`
	Metrics       []Metric `json:"metrics"`
	RunFields     []Field  `json:"run_fields"`
	MachineFields []Field  `json:"machine_fields"`
}

// Metric finds a metric by name.
func (s Schema) Metric(name string) (index int, m Metric, ok bool) {
	for i := range s.Metrics {
		if s.Metrics[i].Name == name {
			return i, s.Metrics[i], true
		}
	}
	return -1, Metric{}, false
}

// OrderFields lists the names of the order fields in their declared order.
func (s Schema) OrderFields() []string {
	return lo.FilterMap(s.RunFields, func(f Field, _ int) (string, bool) { return f.Name, f.Order })
}

// Clone returns a copy that shares no memory with s.
func (s Schema) Clone() Schema {
	s.Metrics = slices.Clone(s.Metrics)
	s.RunFields = slices.Clone(s.RunFields)
	s.MachineFields = slices.Clone(s.MachineFields)
	return s
}

// Names that mean something else in a submission or in LNT's API answers, so that a metric or field
// of that name could never be submitted or never be read back.
var (
	reservedMetrics  = []string{"id", "name", "run", "test", "profile", "info"}
	reservedRun      = []string{"id", "start_time", "end_time", "order", "order_by", "order_id", "machine", "machine_id", "imported_from", "simple_run_id", "parameters"}
	reservedMachines = []string{"id", "name", "parameters"}
)

// Validate reports every problem of the schema at once, each with its path.
func (s Schema) Validate() error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	if !ValidName(s.Name) {
		add("name: %q is not a suite name: letters, digits and underscores, starting with a letter, at most %d", s.Name, MaxName)
	}
	if len(s.Metrics) > MaxMetrics {
		add("metrics: %d metrics, at most %d are allowed", len(s.Metrics), MaxMetrics)
	}
	problems = append(problems, s.metricProblems()...)
	problems = append(problems, fieldProblems("run_fields", s.RunFields, reservedRun)...)
	problems = append(problems, fieldProblems("machine_fields", s.MachineFields, reservedMachines)...)
	for i, f := range s.MachineFields {
		if f.Order {
			add("machine_fields[%d].order: only a run field can be an order field", i)
		}
	}
	if len(s.OrderFields()) == 0 {
		add("run_fields: at least one needs order: true")
	}
	return errors.Join(problems...)
}

// ValidName reports whether name can name a suite: letters, digits and underscores, starting with a
// letter, at most MaxName long.
func ValidName(name string) bool {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '_' && (r < '0' || r > '9')) {
			return false
		}
	}
	return name != "" && len(name) <= MaxName
}

func (s Schema) metricProblems() []error {
	var problems []error
	seen := map[string]bool{}
	for i, m := range s.Metrics {
		path := fmt.Sprintf("metrics[%d]", i)
		if err := checkName(m.Name); err != nil {
			problems = append(problems, fmt.Errorf("%s.name: %w", path, err))
		}
		if slices.Contains(reservedMetrics, m.Name) || strings.HasSuffix(m.Name, "_id") {
			problems = append(problems, fmt.Errorf("%s.name: %q is reserved", path, m.Name))
		}
		if seen[m.Name] {
			problems = append(problems, fmt.Errorf("%s.name: %q is declared twice", path, m.Name))
		}
		seen[m.Name] = true
		if !slices.Contains([]MetricType{Real, Status, Hash}, m.Type) {
			problems = append(problems, fmt.Errorf("%s.type: Unknown metric type '%s'", path, m.Type))
		}
		for _, text := range []string{m.DisplayName, m.Unit, m.UnitAbbrev} {
			if !FitsName(text) || !utf8.ValidString(text) {
				problems = append(problems, fmt.Errorf("%s: a display name or unit is not valid text of at most %d characters", path, MaxName))
			}
		}
		if err := s.checkLink(m); err != nil {
			problems = append(problems, fmt.Errorf("%s.status: %w", path, err))
		}
	}
	return problems
}

// checkLink refuses a status link that leads nowhere.
func (s Schema) checkLink(m Metric) error {
	if m.Status == "" {
		return nil
	}
	_, linked, ok := s.Metric(m.Status)
	switch {
	case !ok:
		return fmt.Errorf("no metric is called %q", m.Status)
	case linked.Type != Status:
		return fmt.Errorf("metric %q has type %s, want Status", m.Status, linked.Type)
	case m.Type == Status:
		return errors.New("a Status metric has no status of its own")
	}
	return nil
}

func fieldProblems(path string, fields []Field, reserved []string) []error {
	var problems []error
	if len(fields) > MaxFields {
		problems = append(problems, fmt.Errorf("%s: %d fields, at most %d are allowed", path, len(fields), MaxFields))
	}
	seen := map[string]bool{}
	for i, f := range fields {
		if err := checkName(f.Name); err != nil {
			problems = append(problems, fmt.Errorf("%s[%d].name: %w", path, i, err))
		}
		if slices.Contains(reserved, f.Name) {
			problems = append(problems, fmt.Errorf("%s[%d].name: %q is reserved", path, i, f.Name))
		}
		if seen[f.Name] {
			problems = append(problems, fmt.Errorf("%s[%d].name: %q is declared twice", path, i, f.Name))
		}
		seen[f.Name] = true
	}
	return problems
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case !utf8.ValidString(name):
		return errors.New("is not valid UTF-8")
	case !FitsName(name):
		return fmt.Errorf("has more than %d characters", MaxName)
	case strings.TrimSpace(name) != name:
		return fmt.Errorf("%q begins or ends with a blank", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%q contains a control character", name)
	}
	return nil
}

// Encode writes the schema as canonical JSON: one line, keys in a fixed order, absent means false or
// empty. Equal schemas give equal bytes.
func (s Schema) Encode() []byte {
	// nil and empty lists are the same schema, so they must be the same bytes.
	s.Metrics, s.RunFields, s.MachineFields = notNil(s.Metrics), notNil(s.RunFields), notNil(s.MachineFields)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic("suite: a schema is plain data and always encodes: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Decode reads what Encode wrote. Unknown keys, trailing data and invalid schemas are errors.
func Decode(data []byte) (Schema, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var s Schema
	if err := dec.Decode(&s); err != nil {
		return Schema{}, fmt.Errorf("decode schema: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Schema{}, errors.New("decode schema: data follows the schema")
	}
	s.Metrics, s.RunFields, s.MachineFields = notNil(s.Metrics), notNil(s.RunFields), notNil(s.MachineFields)
	if err := s.Validate(); err != nil {
		return Schema{}, fmt.Errorf("decode schema: %w", err)
	}
	return s, nil
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
