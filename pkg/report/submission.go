package report

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Submission is a report as it was sent, in the shape of format version 2, before any schema is applied.
type Submission struct {
	// SourceVersion is the format version as sent: 0, 1 or 2.
	SourceVersion int
	// SuiteNamed is the report's own "schema" key, "" if absent.
	SuiteNamed string
	Machine    Machine
	Run        Run
	Tests      []Test
}

// Attr is one attribute of a machine or run. Value is compact JSON in one canonical spelling: equal
// values are equal bytes. Integers keep all their digits.
type Attr struct {
	Name  string
	Value jsontext.Value
}

// Machine is what ran the tests. Attrs has no "name" and no "id", in the order sent.
type Machine struct {
	Name  string
	Attrs []Attr
}

// Run is when and at which order. Times are UTC with microseconds. Without a start the end is ignored,
// as LNT does. Attrs has neither the times nor the ids of a downloaded run, in the order sent.
type Run struct {
	StartTime, EndTime time.Time
	HasStart, HasEnd   bool
	Attrs              []Attr
}

// Test is one entry of tests. The same name may occur in several.
type Test struct {
	Name   string
	Values []MetricValues
	// Profiles are the counters ("a=1,b=2", cut at 512 characters) of the entry's own profiles: profile i belongs to value i of its
	// metrics. Their bytes stay in the report; see [ProfileOf].
	Profiles []string
	// ProfileOnly says that the entry has a name and a profile and nothing else: it creates no sample
	// and gives its profile to the samples of other entries.
	ProfileOnly bool
}

// MetricValues are the values of one metric in one test entry; a scalar is a list of one.
type MetricValues struct {
	Metric string
	Values []Value
}

// Kind says what a Value is.
type Kind uint8

// The kinds of a metric value.
const (
	Null Kind = iota
	Number
	String
	Bool
)

var kindNames = [...]string{Null: "null", Number: "number", String: "string", Bool: "boolean"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// MarshalText makes kinds readable in logs and golden files.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Value is one metric value as sent. Num is always finite; for Bool it is 0 or 1.
type Value struct {
	Kind Kind
	Num  float64
	Str  string
}
