package openapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Values are the query parameters of a request: each is known, comes once and has a value that it may have.
type Values map[string]string

// ReadQuery checks the parameters that each calls back with. A mistyped filter must not let everything pass, so one that is not
// known is an error, which names everything that is wrong.
func (o Operation) ReadQuery(each func(func(name, value string))) (Values, error) {
	given := Values{}
	var problems []string
	field := ""
	each(func(name, value string) {
		p, known := o.Param(name)
		_, twice := given[name]
		problem := ""
		switch {
		case !known:
			problem = fmt.Sprintf("unknown query parameter '%s'", name)
		case twice:
			problem = fmt.Sprintf("query parameter '%s' is given twice", name)
		default:
			given[name] = value
			problem = p.check(name, value)
		}
		if problem != "" {
			problems = append(problems, problem)
			field = name
		}
	})
	var absent []string
	for _, p := range o.Query {
		if p.Required && given[p.Name] == "" {
			absent = append(absent, p.Name)
		}
	}
	if len(absent) > 0 {
		problems = append(problems, "missing query parameters: "+strings.Join(absent, ", "))
		field = absent[0]
	}
	if len(problems) > 1 {
		field = ""
	}
	if len(problems) > 0 {
		return nil, Invalid(field, "%s", strings.Join(problems, "; "))
	}
	return given, nil
}

// check says what is wrong with a value; nothing when it may be.
func (p Param) check(name, value string) string {
	if len(p.Words) > 0 {
		return p.checkWords(name, value)
	}
	switch p.Type {
	case Integer:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < p.Min || (p.Max > 0 && n > p.Max) {
			if p.Max > 0 {
				return fmt.Sprintf("%s: '%s' is not a whole number from %d to %d", name, value, p.Min, p.Max)
			}
			return fmt.Sprintf("%s: '%s' is not a whole number", name, value)
		}
	case Number:
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return fmt.Sprintf("%s: '%s' is not a number", name, value)
		}
	case Boolean:
		if value != "true" && value != "false" {
			return fmt.Sprintf("%s: '%s' is neither true nor false", name, value)
		}
	case Time:
		if _, err := time.Parse(time.RFC3339, value); err != nil {
			return fmt.Sprintf("%s: '%s' is not a time like 2026-02-03T04:05:06Z", name, value)
		}
	case String, "":
	}
	return ""
}

func (p Param) checkWords(name, value string) string {
	words := []string{value}
	if p.List {
		words = strings.Split(value, ",")
	}
	for _, word := range words {
		if !slices.Contains(p.Words, word) {
			return fmt.Sprintf("%s: '%s' is none of %s", name, word, strings.Join(p.Words, ", "))
		}
	}
	return ""
}

// Int is the value of an [Integer], or its default.
func (o Operation) Int(v Values, name string) int64 {
	text, given := v[name]
	if !given {
		p, _ := o.Param(name)
		text = p.Default
	}
	n, _ := strconv.ParseInt(text, 10, 64) // was checked
	return n
}
