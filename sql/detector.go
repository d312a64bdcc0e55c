package sql

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/samber/lo"
)

// SeriesDetector is a file of detectors/ that judges series: it reads a relation
// `points` that it does not define and says at which places a series changes.
type SeriesDetector struct {
	File
	// Version is counted up whenever the text may answer otherwise than before.
	Version int
	// Tunables are the parameters that people set, in the order of the header.
	Tunables []Tunable
	// Presets are named sets of parameters.
	Presets []Preset
	// Rules are what parameters must obey together, such as "back_min <= back_max".
	Rules []Rule
	// Reach says on how many places before and after it a judgement depends: a number,
	// an expression of parameters, or "whole".
	Reach string
	// Source is where formula and defaults come from.
	Source string
	// Misses is what the detector does not see.
	Misses string
}

// Tunable is one parameter of a detector.
type Tunable struct {
	Name string
	// Type is the ClickHouse type the text gives it.
	Type string
	// Default is its value when nobody says otherwise.
	Default string
	// Min and Max are inclusive; both are zero for a parameter with Choices.
	Min, Max float64
	// Choices are the values a text may have; empty for numbers.
	Choices []string
	// Help says what it means, with its unit.
	Help string
}

// Preset is a named set of parameters.
type Preset struct {
	Name   string
	Values map[string]string
	Help   string
}

// Rule is an order between two parameters: Small <= Large.
type Rule struct{ Small, Large string }

// FileError is what is wrong with one file.
type FileError struct {
	Name string
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("sql/detectors/%s.sql: %v", e.Name, e.Err) }

func (e *FileError) Unwrap() error { return e.Err }

// Points is the relation a [SeriesDetector] reads.
const Points = "points"

// SeriesDetectors are the detectors that judge series, by name, and what is wrong with
// those that cannot be used. A bad file keeps no other from its work.
func SeriesDetectors() ([]SeriesDetector, []*FileError) {
	all, err := Detectors()
	if err != nil {
		return nil, []*FileError{{Name: "*", Err: err}}
	}
	return seriesDetectors(all)
}

func seriesDetectors(all []File) ([]SeriesDetector, []*FileError) {
	var good []SeriesDetector
	var bad []*FileError
	for _, f := range all {
		if !f.JudgesSeries() {
			continue
		}
		d, err := ParseSeriesDetector(f)
		if err != nil {
			bad = append(bad, &FileError{Name: f.Name, Err: err})
			continue
		}
		good = append(good, d)
	}
	return good, bad
}

// JudgesSeries tells the files that read `points` from those that read views: they
// are named like their detector, or say how far they reach.
func (f File) JudgesSeries() bool {
	_, reaches := f.Header["reach"]
	return reaches || f.Header["detector"] == f.Name
}

// ParseSeriesDetector reads the header of f and holds the text to it. The error
// names every problem.
func ParseSeriesDetector(f File) (SeriesDetector, error) {
	d := SeriesDetector{File: f, Reach: f.Header["reach"], Source: f.Header["source"], Misses: f.Header["misses"]}
	p := &problems{}
	if f.Header["name"] != f.Name || f.Header["detector"] != f.Name {
		p.add("name and detector must both be %s", f.Name)
	}
	for _, key := range []string{"purpose", "reach", "source", "misses"} {
		if f.Header[key] == "" {
			p.add("header has no %s", key)
		}
	}
	var err error
	if d.Version, err = strconv.Atoi(f.Header["version"]); err != nil || d.Version < 1 {
		p.add("version %q is no number from 1 on", f.Header["version"])
	}
	d.readHeader(p)
	d.checkText(p)
	return d, errors.Join(p.all...)
}

type problems struct{ all []error }

func (p *problems) add(format string, args ...any) {
	p.all = append(p.all, fmt.Errorf(format, args...))
}

// readHeader reads the lines that may stand several times, in their order.
func (d *SeriesDetector) readHeader(p *problems) {
	seen := map[string]bool{}
	for line := range strings.Lines(d.Text) {
		rest, comment := strings.CutPrefix(line, "-- ")
		if !comment {
			return
		}
		key, value, ok := strings.Cut(rest, ":")
		kind, name, _ := strings.Cut(strings.TrimSpace(key), " ")
		if value = strings.TrimSpace(value); !ok {
			continue
		}
		repeated := name != "" && seen[key]
		seen[key] = true
		switch {
		case repeated:
			p.add("%s stands twice", key)
		case kind == "param" && identifier.MatchString(name):
			t, err := parseTunable(name, d.Params[name], value)
			if err != nil {
				p.add("param %s: %w", name, err)
			}
			d.Tunables = append(d.Tunables, t)
		case kind == "preset" && identifier.MatchString(name):
			d.Presets = append(d.Presets, parsePreset(name, value))
		case kind == "rule" && name == "":
			small, large, _ := strings.Cut(value, "<=")
			d.Rules = append(d.Rules, Rule{strings.TrimSpace(small), strings.TrimSpace(large)})
		}
	}
}

// checkText holds the text to the header, and the header's parts to each other.
func (d *SeriesDetector) checkText(p *problems) {
	_, body := d.split()
	if !withFirst.MatchString(body) {
		p.add("the text does not begin with WITH")
	}
	if !readsPoints.MatchString(d.body()) {
		p.add("the text does not read %s", Points)
	}
	declared := append(lo.Map(d.Tunables, func(t Tunable, _ int) string { return t.Name }), "explain")
	slices.Sort(declared)
	if used := d.used(); !slices.Equal(declared, used) {
		p.add("param lines and explain are %v, the text uses %v", declared, used)
	}
	for _, r := range d.Rules {
		if !slices.Contains(declared, r.Small) || !slices.Contains(declared, r.Large) {
			p.add("rule %s <= %s: no such parameters", r.Small, r.Large)
		}
	}
	defaults := d.Defaults()
	if err := d.CheckTogether(defaults); err != nil {
		p.add("defaults: %w", err)
	}
	for _, preset := range d.Presets {
		values := lo.Assign(defaults, preset.Values)
		if len(preset.Values) == 0 {
			p.add("preset %s sets nothing", preset.Name)
		}
		for name, value := range preset.Values {
			if err := d.CheckValue(name, value); err != nil {
				p.add("preset %s: %w", preset.Name, err)
			}
		}
		if err := d.CheckTogether(values); err != nil {
			p.add("preset %s: %w", preset.Name, err)
		}
	}
}

// Defaults are the values of all parameters when nobody says otherwise.
func (d *SeriesDetector) Defaults() map[string]string {
	return lo.SliceToMap(d.Tunables, func(t Tunable) (string, string) { return t.Name, t.Default })
}

// Tunable is the parameter of that name.
func (d *SeriesDetector) Tunable(name string) (Tunable, bool) {
	return lo.Find(d.Tunables, func(t Tunable) bool { return t.Name == name })
}

// CheckValue says why a parameter cannot have a value: it is unknown, or the value is
// of another kind or out of range.
func (d *SeriesDetector) CheckValue(name, value string) error {
	t, ok := d.Tunable(name)
	if !ok {
		known := lo.Map(d.Tunables, func(t Tunable, _ int) string { return t.Name })
		return fmt.Errorf("detector %s has no parameter %q; it has %s", d.Name, name, strings.Join(known, ", "))
	}
	return t.Check(value)
}

// CheckTogether says which parameters do not go together.
func (d *SeriesDetector) CheckTogether(values map[string]string) error {
	for _, r := range d.Rules {
		small, _ := strconv.ParseFloat(values[r.Small], 64)
		large, _ := strconv.ParseFloat(values[r.Large], 64)
		if small > large {
			return fmt.Errorf("%s=%s must not be above %s=%s", r.Small, values[r.Small], r.Large, values[r.Large])
		}
	}
	return nil
}

// Check says why the parameter cannot have a value.
func (t Tunable) Check(value string) error {
	if len(t.Choices) > 0 {
		if !slices.Contains(t.Choices, value) {
			return fmt.Errorf("%s=%s: must be one of %s", t.Name, value, strings.Join(t.Choices, ", "))
		}
		return nil
	}
	n, err := strconv.ParseFloat(value, 64)
	switch {
	case err != nil || math.IsNaN(n):
		return fmt.Errorf("%s=%s: not a number; it must be within %s", t.Name, value, t.Range())
	case t.Whole() && (n != math.Trunc(n) || strings.ContainsAny(value, ".eExXpP_")):
		return fmt.Errorf("%s=%s: not a whole number; it must be within %s", t.Name, value, t.Range())
	case n < t.Min || n > t.Max:
		return fmt.Errorf("%s=%s: must be within %s", t.Name, value, t.Range())
	}
	return nil
}

// Whole tells numbers without a fraction.
func (t Tunable) Whole() bool { return strings.Contains(t.Type, "Int") }

// Range is what the parameter may be, for people: [0, 1000] or a|b.
func (t Tunable) Range() string {
	if len(t.Choices) > 0 {
		return strings.Join(t.Choices, "|")
	}
	return "[" + number(t.Min) + ", " + number(t.Max) + "]"
}

func number(n float64) string { return strconv.FormatFloat(n, 'g', -1, 64) }

// Compose is the text over a relation: source is a SELECT with the columns series
// UInt64, place UInt32, level Float64, values Array(Float64) and bigger UInt8, one
// row per series and place. Its parameters must have other names than the detector's.
func (d *SeriesDetector) Compose(source string) File {
	header, body := d.split()
	f := d.File
	f.Text = header + withFirst.ReplaceAllLiteralString(body, "WITH "+Points+" AS\n(\n"+strings.TrimSpace(source)+"\n),\n")
	return f
}

var (
	identifier  = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	withFirst   = regexp.MustCompile(`^WITH\s+`)
	readsPoints = regexp.MustCompile(`(?i)\bfrom\s+points\b`)
	numbers     = regexp.MustCompile(`^(\S+)\s+\[\s*([^,\]]+?)\s*,\s*([^,\]]+?)\s*\]\s*(.*)$`)
	choices     = regexp.MustCompile(`^(\S+)\s+\{([^}]*)\}\s*(.*)$`)
)

// split parts the leading comment from the statement.
func (d *SeriesDetector) split() (header, body string) {
	rest := d.Text
	for strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "\n") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	return d.Text[:len(d.Text)-len(rest)], rest
}

// parseTunable reads "7 [0, 1000] help" or "a {a|b} help".
func parseTunable(name, kind, value string) (Tunable, error) {
	t := Tunable{Name: name, Type: kind}
	if kind == "" {
		return t, errors.New("the text does not use it")
	}
	if m := choices.FindStringSubmatch(value); m != nil {
		if kind != "String" {
			return t, fmt.Errorf("choices are for String, not %s", kind)
		}
		t.Default, t.Choices, t.Help = m[1], strings.Split(m[2], "|"), m[3]
		return t, t.complete()
	}
	m := numbers.FindStringSubmatch(value)
	if m == nil {
		return t, fmt.Errorf("%q is neither `default [least, most] help` nor `default {one|other} help`", value)
	}
	if kind == "String" {
		return t, errors.New("a String needs choices")
	}
	var errs [2]error
	t.Default, t.Help = m[1], m[4]
	t.Min, errs[0] = strconv.ParseFloat(m[2], 64)
	t.Max, errs[1] = strconv.ParseFloat(m[3], 64)
	if err := errors.Join(errs[:]...); err != nil {
		return t, fmt.Errorf("range [%s, %s]: %w", m[2], m[3], err)
	}
	return t, t.complete()
}

func (t Tunable) complete() error {
	if t.Help == "" {
		return errors.New("says nothing about its meaning")
	}
	if err := t.Check(t.Default); err != nil {
		return fmt.Errorf("default: %w", err)
	}
	return nil
}

// parsePreset reads "k=v k=v what it is for".
func parsePreset(name, value string) Preset {
	p := Preset{Name: name, Values: map[string]string{}}
	fields := strings.Fields(value)
	for i, field := range fields {
		key, v, ok := strings.Cut(field, "=")
		if !ok || !identifier.MatchString(key) {
			p.Help = strings.Join(fields[i:], " ")
			break
		}
		p.Values[key] = v
	}
	return p
}
