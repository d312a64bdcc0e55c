package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"tidemark/pkg/suite"
)

// Resolved is a report after a suite's schema was applied: what is to be stored, but for the ids.
type Resolved struct {
	MachineName string
	// MachineFields and RunFields are the declared attributes that were given. Params are all others,
	// sorted by name.
	MachineFields map[string]string
	MachineParams []Attr
	// Order has one value per order field of the schema, in the schema's order.
	Order     []string
	RunFields map[string]string
	RunParams []Attr
	// Start and End are UTC with microseconds.
	Start, End time.Time
	// Tests are the distinct names of the tests in order of first appearance, those without samples
	// included.
	Tests    []string
	Samples  Samples
	Profiles []Profile
	// UnmatchedProfiles names the profile-only entries no sample wanted; they are dropped.
	UnmatchedProfiles []string
}

// Resolve applies a suite's schema to the report; receivedAt stands in for a missing start time. The
// error is always an *Error. The result shares no memory with the submission that can change.
func (s *Submission) Resolve(schema suite.Schema, receivedAt time.Time) (*Resolved, error) {
	if s.SuiteNamed != "" && s.SuiteNamed != schema.Name {
		return nil, &Error{
			Status: badRequest,
			Text:   fmt.Sprintf("Importing '%s' data into test suite '%s'", clip(s.SuiteNamed), schema.Name),
			Detail: "schema: names another suite than the one submitted to",
			Field:  "schema",
		}
	}
	r := &Resolved{}
	if err := s.resolveMachine(schema, r); err != nil {
		return nil, err
	}
	if err := s.resolveRun(schema, r); err != nil {
		return nil, err
	}
	s.resolveTimes(receivedAt, r)
	if err := s.resolveTests(schema, r); err != nil {
		return nil, err
	}
	return r, nil
}

func (s *Submission) resolveMachine(schema suite.Schema, r *Resolved) error {
	if s.Machine.Name == "" {
		return misfit("machine.name", "is empty")
	}
	if err := checkText("machine.name", s.Machine.Name); err != nil {
		return err
	}
	r.MachineName = s.Machine.Name
	declared := map[string]bool{}
	for _, f := range schema.MachineFields {
		declared[f.Name] = true
	}
	var err error
	r.MachineFields, r.MachineParams, err = splitAttrs("machine", s.Machine.Attrs, declared)
	return err
}

func (s *Submission) resolveRun(schema suite.Schema, r *Resolved) error {
	orders, declared := schema.OrderFields(), map[string]bool{}
	for _, f := range schema.RunFields {
		declared[f.Name] = true
	}
	given := map[string]jsontext.Value{}
	for _, a := range s.Run.Attrs {
		if declared[a.Name] {
			given[a.Name] = a.Value
		}
	}
	for _, name := range orders {
		value, err := orderValue(name, given[name])
		if err != nil {
			return err
		}
		r.Order = append(r.Order, value)
	}
	others := slices.DeleteFunc(slices.Clone(s.Run.Attrs), func(a Attr) bool { return slices.Contains(orders, a.Name) })
	var err error
	r.RunFields, r.RunParams, err = splitAttrs("run", others, declared)
	return err
}

func orderValue(name string, v jsontext.Value) (string, error) {
	path := join("run", name)
	if len(v) == 0 || v.Kind() == jsontext.KindNull {
		return "", failure(path, "Supplied run is missing parameter: '%s'", name)
	}
	s, ok := text(v)
	if !ok {
		return "", misfit(path, "is %s, want a string", describe(v.Kind()))
	}
	return s, checkText(path, s)
}

// splitAttrs parts the declared fields, which are short texts, from the free parameters.
func splitAttrs(section string, attrs []Attr, declared map[string]bool) (map[string]string, []Attr, error) {
	fields, params := map[string]string{}, []Attr{}
	for _, a := range attrs {
		if !declared[a.Name] {
			params = append(params, Attr{Name: a.Name, Value: a.Value.Clone()})
			continue
		}
		if a.Value.Kind() == jsontext.KindNull {
			continue
		}
		path := join(section, a.Name)
		s, ok := fieldText(a.Value)
		if !ok {
			return nil, nil, misfit(path, "is %s, want a string", describe(a.Value.Kind()))
		}
		if err := checkText(path, s); err != nil {
			return nil, nil, err
		}
		fields[a.Name] = s
	}
	slices.SortStableFunc(params, func(a, b Attr) int { return cmp.Compare(a.Name, b.Name) })
	return fields, params, nil
}

// fieldText is the text a declared field is stored as. Numbers and booleans are stored as they are
// written, which is what a text column makes of them.
func fieldText(v jsontext.Value) (string, bool) {
	switch v.Kind() {
	case jsontext.KindString:
		return unquote(v), true
	case jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse:
		return string(v), true
	default:
		return "", false
	}
}

// checkText bounds everything that names something.
func checkText(path, s string) error {
	if rule := textRule(s); rule != "" {
		return misfit(path, "%s", rule)
	}
	return nil
}

// checkTestName is checkText, but for making up a path that is hardly ever needed.
func checkTestName(i int, s string) error {
	if rule := textRule(s); rule != "" {
		return misfit(index("tests", i)+".name", "%s", rule)
	}
	return nil
}

// textRule is the rule that a text breaks, or "".
func textRule(s string) string {
	switch {
	case !suite.FitsName(s):
		return "has more than " + strconv.Itoa(suite.MaxName) + " characters"
	case strings.IndexByte(s, 0) >= 0:
		return "contains a NUL character"
	}
	return ""
}

// resolveTimes fills in what was not given: without a start both are the time of arrival in whole
// seconds, without an end it is the start.
func (s *Submission) resolveTimes(receivedAt time.Time, r *Resolved) {
	switch {
	case !s.Run.HasStart:
		r.Start = receivedAt.UTC().Truncate(time.Second)
		r.End = r.Start
	case !s.Run.HasEnd:
		r.Start, r.End = s.Run.StartTime, s.Run.StartTime
	default:
		r.Start, r.End = s.Run.StartTime, s.Run.EndTime
	}
}

// resolveTests expands the tests' values into samples, then hands out the profiles.
func (s *Submission) resolveTests(schema suite.Schema, r *Resolved) error {
	e := newExpander(schema, s, r)
	for i := range s.Tests {
		t := &s.Tests[i]
		if t.ProfileOnly {
			continue
		}
		if err := e.test(i, t); err != nil {
			return err
		}
	}
	for i := range s.Tests {
		if t := &s.Tests[i]; t.ProfileOnly {
			if err := checkTestName(i, t.Name); err != nil {
				return err
			}
			if err := e.profiles.share(i, t); err != nil {
				return err
			}
		}
	}
	r.Profiles, r.UnmatchedProfiles = e.profiles.list, slices.Sorted(maps.Keys(e.profiles.unmatched))
	return nil
}
