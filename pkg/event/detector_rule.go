package event

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// Mode says what a detector does with the series of a rule.
type Mode string

// The modes.
const (
	// ModeActive judges; what is found counts.
	ModeActive Mode = "active"
	// ModeShadow judges beside the active rules; what is found can be looked at, and counts nowhere.
	ModeShadow Mode = "shadow"
	// ModeOff does not judge.
	ModeOff Mode = "off"
)

// Bounds of a rule.
const (
	// MaxPattern bounds a pattern in bytes.
	MaxPattern = 1024
	// MaxDetectorParams is the largest number of parameters, MaxDetectorParam bounds a name or a value in bytes.
	MaxDetectorParams = 64
	MaxDetectorParam  = 256
	maxDetectorName   = 64
)

// DetectorRule is the body of [DetectorConfigured], version 1, as JSON: how a detector judges the series that the patterns match. The
// patterns are those of [Glob]; empty stands for "*".
type DetectorRule struct {
	Detector string `json:"detector"`
	Mode     Mode   `json:"mode"`
	Machine  string `json:"machine,omitempty"`
	Test     string `json:"test,omitempty"`
	Metric   string `json:"metric,omitempty"`
	// Preset and Params say how; Params go before the preset's values.
	Preset string            `json:"preset,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	// Remove takes the rule of the same key away; nothing but the key counts then.
	Remove bool `json:"remove,omitempty"`
	// Backtest is the one that the rule was chosen after.
	Backtest uuid.UUID `json:"backtest,omitzero"`
	Reason   string    `json:"reason,omitempty"`
}

// Key is what a rule is known by: a later rule with the same key takes its place.
func (r DetectorRule) Key() string {
	escape := strings.NewReplacer(`\`, `\\`, `|`, `\|`).Replace
	return strings.Join([]string{
		DetectorKey(r.Detector, r.Mode == ModeShadow), escape(pattern(r.Machine)), escape(pattern(r.Test)), escape(pattern(r.Metric)),
	}, "|")
}

// Normal is the rule with its empty patterns spelt out.
func (r DetectorRule) Normal() DetectorRule {
	r.Machine, r.Test, r.Metric = pattern(r.Machine), pattern(r.Test), pattern(r.Metric)
	return r
}

// Matches says whether the rule is about a series. Names are those of the machine, the test and the metric.
func (r DetectorRule) Matches(machine, test, metric string) bool {
	return Glob(pattern(r.Metric), metric) && Glob(pattern(r.Machine), machine) && Glob(pattern(r.Test), test)
}

func pattern(p string) string {
	if p == "" {
		return "*"
	}
	return p
}

// Rules are the rules of a suite, in the order in which they were set.
type Rules []DetectorRule

// For gives the rule that counts for a series and a detector: the last one set that matches, among those of the shadow or among the
// others. false says that there is none.
func (r Rules) For(detector string, shadow bool, machine, test, metric string) (DetectorRule, bool) {
	for i := len(r) - 1; i >= 0; i-- {
		rule := r[i]
		if rule.Detector == detector && (rule.Mode == ModeShadow) == shadow && rule.Matches(machine, test, metric) {
			return rule, true
		}
	}
	return DetectorRule{}, false
}

// DefaultDetector judges the series that no rule is about, with its defaults.
const DefaultDetector = "steps"

// ActiveFor says whether what a detector finds in a series counts, and by which rule: the zero value when no rule says so.
func (r Rules) ActiveFor(detector, machine, test, metric string) (DetectorRule, bool) {
	rule, ok := r.For(detector, false, machine, test, metric)
	if !ok {
		return DetectorRule{}, detector == DefaultDetector
	}
	return rule, rule.Mode == ModeActive
}

// Glob says whether a name matches a pattern, in which * stands for any characters and ? for one. Everything else stands for itself,
// and no pattern is wrong. Its cost is at most the product of the lengths.
func Glob(pattern, name string) bool {
	if pattern == "*" {
		return true
	}
	p, n := []rune(pattern), []rune(name)
	at, star, from := 0, -1, 0 // star is the last * seen, from where the name goes on after it
	for i := 0; i < len(n); {
		switch {
		case at < len(p) && p[at] == '*':
			star, from = at, i
			at++
		case at < len(p) && (p[at] == '?' || p[at] == n[i]):
			at++
			i++
		case star >= 0: // the * takes one more
			from++
			at, i = star+1, from
		default:
			return false
		}
	}
	for at < len(p) && p[at] == '*' {
		at++
	}
	return at == len(p)
}

// Encode gives the body of a [DetectorConfigured] event.
func (r DetectorRule) Encode() ([]byte, error) { return encodeChecked(DetectorConfigured, r) }

// DecodeDetectorRule is the inverse of [DetectorRule.Encode].
func DecodeDetectorRule(body []byte) (DetectorRule, error) {
	return decodeChecked[DetectorRule](DetectorConfigured, body)
}

func (r DetectorRule) validate() error {
	problems := []error{checkDetector(r.Detector), checkPatterns(r.Machine, r.Test, r.Metric), checkNote("reason", r.Reason)}
	if r.Mode != ModeActive && r.Mode != ModeShadow && r.Mode != ModeOff {
		problems = append(problems, fmt.Errorf("mode: %q is none of active, shadow, off", r.Mode))
	}
	if len(r.Preset) > MaxDetectorParam {
		problems = append(problems, fmt.Errorf("preset: has %d bytes, more than %d", len(r.Preset), MaxDetectorParam))
	}
	if len(r.Params) > MaxDetectorParams {
		problems = append(problems, fmt.Errorf("params: %d exceed %d", len(r.Params), MaxDetectorParams))
	}
	for name, value := range r.Params {
		if name == "" || len(name) > MaxDetectorParam || len(value) > MaxDetectorParam {
			problems = append(problems, fmt.Errorf("params: a name is empty, or a name or value has more than %d bytes", MaxDetectorParam))
			break
		}
	}
	return errors.Join(problems...)
}

func checkDetector(name string) error {
	switch {
	case name == "":
		return errors.New("detector is missing")
	case len(name) > maxDetectorName:
		return fmt.Errorf("detector: has %d bytes, more than %d", len(name), maxDetectorName)
	case strings.ContainsAny(name, "/|"):
		return fmt.Errorf("detector: %q holds a slash or a bar", name)
	default:
		return nil
	}
}

func checkPatterns(machine, test, metric string) error {
	var problems []error
	for _, p := range []struct{ field, text string }{{"machine", machine}, {"test", test}, {"metric", metric}} {
		if len(p.text) > MaxPattern {
			problems = append(problems, fmt.Errorf("%s: has %d bytes, more than %d", p.field, len(p.text), MaxPattern))
		}
	}
	return errors.Join(problems...)
}
