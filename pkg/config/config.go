// Package config reads settings the same way for every command: defaults beside
// the field, then a YAML file, then TIDEMARK_* variables, then flags. An unknown
// key is an error that names the nearest known one.
package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/dustin/go-humanize"
	"github.com/goccy/go-yaml"
	"github.com/samber/lo"
)

// Bytes is a size such as 64MiB.
type Bytes int64

// UnmarshalText reads a number with an optional unit.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n > 1<<62 {
		return fmt.Errorf("%q is not a size such as 64MiB", text)
	}
	*b = Bytes(n) //nolint:gosec // bounded above
	return nil
}

// String is the size in the largest binary unit of which it is a whole number.
func (b Bytes) String() string {
	for i, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if size := Bytes(1) << (40 - 10*i); b >= size && b%size == 0 {
			return strconv.FormatInt(int64(b/size), 10) + unit
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// Secret is a value that never shows itself.
type Secret string

// String is *** when there is a value.
func (s Secret) String() string { return lo.Ternary(s == "", "", "***") }

// Hidden marks values that listings must not print.
type Hidden interface{ Hidden() }

// Hidden marks the secret.
func (Secret) Hidden() {}

// YAML is a kong loader: nested keys are joined by dashes into flag names, so
// `store: {max_reads: 2}` sets --store-max-reads. A key without a value sets nothing.
func YAML(r io.Reader) (kong.Resolver, error) {
	var tree map[string]any
	if err := yaml.NewDecoder(r).Decode(&tree); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read YAML: %w", err)
	}
	f := file{}
	if err := f.flatten("", tree); err != nil {
		return nil, err
	}
	return f, nil
}

type file map[string]any

func (f file) flatten(prefix string, tree map[string]any) error {
	var problems []error
	for key, value := range tree {
		name := prefix + strings.ReplaceAll(key, "_", "-")
		if branch, ok := value.(map[string]any); ok {
			problems = append(problems, f.flatten(name+"-", branch))
			continue
		}
		if _, twice := f[name]; twice {
			problems = append(problems, fmt.Errorf("key %q is set twice", name))
		}
		f[name] = value
	}
	return errors.Join(problems...)
}

// Validate refuses keys that no flag of the application answers to.
func (f file) Validate(app *kong.Application) error {
	known := map[string]bool{}
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			known[flag.Name] = true
		}
		return next(nil)
	})
	names := lo.Keys(known)
	var problems []error
	for key, value := range f {
		section := value == nil && slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, key+"-") })
		if !known[key] && !section {
			problems = append(problems, fmt.Errorf("unknown key %q; did you mean %q?", key, nearest(key, names)))
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

// Resolve gives the file's value of a flag. Kong asks after it has read the
// variables, so one that is set must be left alone here.
func (f file) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value := f[flag.Name]
	if value == nil || slices.ContainsFunc(flag.Envs, isSet) {
		return nil, nil //nolint:nilnil // kong's way of saying "not here"
	}
	if list, ok := value.([]any); ok {
		return strings.Join(lo.Map(list, func(v any, _ int) string { return fmt.Sprint(v) }), ","), nil
	}
	return fmt.Sprint(value), nil
}

func isSet(variable string) bool {
	_, ok := os.LookupEnv(variable)
	return ok
}

func nearest(word string, names []string) string {
	slices.Sort(names)
	return lo.MinBy(names, func(a, b string) bool { return distance(word, a) < distance(word, b) })
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := lo.Range(len(b) + 1)
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := lo.Ternary(a[i] == b[j], 0, 1)
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// Setting is one effective value.
type Setting struct {
	Name, Value, Env, Help string
	// Default is what the value would be if nobody had set it, Declared how the
	// source writes that.
	Default, Declared string
}

// Changed says that the value is not the default.
func (s Setting) Changed() bool { return s.Value != s.Default }

// Settings lists the flags of a parsed command in their order, secrets hidden.
// defaults are the flags of the same command parsed from nothing.
func Settings(flags, defaults []*kong.Flag) []Setting {
	byName := lo.KeyBy(defaults, func(f *kong.Flag) string { return f.Name })
	return lo.FilterMap(flags, func(f *kong.Flag, _ int) (Setting, bool) {
		if f.Hidden || f.Name == "help" || f.Name == "config" {
			return Setting{}, false
		}
		s := Setting{Name: f.Name, Declared: f.Default, Help: f.Help, Value: show(f)}
		if d, ok := byName[f.Name]; ok {
			s.Default = show(d)
		}
		if len(f.Envs) > 0 {
			s.Env = f.Envs[0]
		}
		return s, true
	})
}

func show(f *kong.Flag) string {
	value := f.Target.Interface()
	if secret, ok := value.(Secret); ok {
		return secret.String()
	}
	if list, ok := value.([]string); ok {
		return strings.Join(list, ",")
	}
	if f.Target.Kind() == reflect.Map { // as it is written: a=1;b=2
		pairs := lo.Map(f.Target.MapKeys(), func(key reflect.Value, _ int) string {
			return fmt.Sprintf("%v=%v", key, f.Target.MapIndex(key))
		})
		slices.Sort(pairs)
		return strings.Join(pairs, ";")
	}
	return fmt.Sprint(value)
}
