package detect

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/sql"
)

// Default is the detector that judges when none is named.
const Default = "steps"

// ErrUnknown is wrapped by errors about a detector, preset or parameter that is not
// there, ErrInvalid by those about a value that a parameter cannot have.
var (
	ErrUnknown = errors.New("unknown")
	ErrInvalid = errors.New("invalid")
)

// Detector is a detector with the values of all its parameters.
type Detector struct {
	sql.SeriesDetector
	// Preset is the one the values began with; empty for the defaults.
	Preset string
	// Values are the values of all parameters, as written.
	Values map[string]string
}

// List is every detector that can be used, by name, and what is wrong with the others.
func List() ([]sql.SeriesDetector, []*sql.FileError) { return sql.SeriesDetectors() }

// Resolve finds a detector ("" is [Default]) and settles its parameters: the
// defaults, over them the preset's ("" is none), over them the overrides. The error
// names every parameter that is not there or cannot have its value, with what it may be.
func Resolve(name, preset string, overrides map[string]string) (Detector, error) {
	good, bad := sql.SeriesDetectors()
	name = lo.CoalesceOrEmpty(name, Default)
	for _, d := range good {
		if d.Name == name {
			return resolve(d, preset, overrides)
		}
	}
	for _, b := range bad {
		if b.Name == name {
			return Detector{}, fmt.Errorf("detector %s cannot be used: %w", name, b)
		}
	}
	known := lo.Map(good, func(d sql.SeriesDetector, _ int) string { return d.Name })
	return Detector{}, fmt.Errorf("%w detector %q; there are %s", ErrUnknown, name, strings.Join(known, ", "))
}

func resolve(d sql.SeriesDetector, preset string, overrides map[string]string) (Detector, error) {
	out := Detector{SeriesDetector: d, Preset: preset, Values: d.Defaults()}
	if preset != "" {
		p, ok := lo.Find(d.Presets, func(p sql.Preset) bool { return p.Name == preset })
		if !ok {
			return out, fmt.Errorf("%w preset %q of detector %s; %s", ErrUnknown, preset, d.Name, presets(d))
		}
		out.Values = lo.Assign(out.Values, p.Values)
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		if err := d.CheckValue(name, overrides[name]); err != nil {
			kind := ErrInvalid
			if _, known := d.Tunable(name); !known {
				kind = ErrUnknown
			}
			problems = append(problems, fmt.Errorf("%w parameter: %w", kind, err))
			continue
		}
		out.Values[name] = overrides[name]
	}
	if len(problems) > 0 {
		return out, errors.Join(problems...)
	}
	if err := d.CheckTogether(out.Values); err != nil {
		return out, fmt.Errorf("%w parameters of detector %s: %w", ErrInvalid, d.Name, err)
	}
	return out, nil
}

func presets(d sql.SeriesDetector) string {
	if len(d.Presets) == 0 {
		return "it has none"
	}
	return "it has " + strings.Join(lo.Map(d.Presets, func(p sql.Preset, _ int) string { return p.Name }), ", ")
}

// Settings are the values for people and for records: "back_max=24 back_min=12 …", by name.
func (d Detector) Settings() string {
	return strings.Join(lo.Map(slices.Sorted(maps.Keys(d.Values)), func(name string, _ int) string {
		return name + "=" + d.Values[name]
	}), " ")
}

// params are the values in the types the text gives them.
func (d Detector) params() store.Params {
	p := store.Params{}
	for _, t := range d.Tunables {
		value := d.Values[t.Name]
		switch {
		case len(t.Choices) > 0:
			p[t.Name] = value
		case t.Whole():
			n, _ := strconv.ParseInt(value, 10, 64) // checked before
			p[t.Name] = n
		default:
			n, _ := strconv.ParseFloat(value, 64)
			p[t.Name] = n
		}
	}
	return p
}
