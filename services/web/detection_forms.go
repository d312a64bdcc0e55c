package web

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// formTo is where forms of pages go that do without scripts: an operation of the REST side, by its id.
func (l links) formTo(in suiteView, operation string) string {
	return l.Suite(in.Database, in.Name) + "forms/" + operation
}

// writing is what a page's forms need besides their fields.
type writing struct {
	// May says that the reader may do it; Done what was done just now.
	May  bool
	Done string
	CSRF string
	// To is where forms go, an operation's id is added; Next where they lead back to.
	To, Next string
}

// doneWords are what pages say after a form has led back to them.
var doneWords = map[string]string{
	"set": "The rule is set. What it changes shows after the next slot.", "unset": "The rule is taken away.", "asked": "The backtest waits for its turn.",
	"promoted": "It judges from now on; the rule is among those of the detectors.", "cancelled": "The backtest ends.",
	"subscribed": "They are told from now on.", "unsubscribed": "They are told no more.",
	"named": "The order has the name. Pages of runs offer to compare with it.", "unnamed": "The name is taken away.",
	"dismissed": "Dismissed. They come back only when they grow to more than twice their effect.", "restored": "They are findings again.",
}

func (v view) writing(c *fiber.Ctx, in suiteView, scope, page string) (writing, error) {
	done, err := choice(c, "done", append([]string{""}, slices.Sorted(maps.Keys(doneWords))...)...)
	if err != nil {
		return writing{}, err
	}
	may, err := v.May(scope)
	return writing{May: may, Done: doneWords[done], CSRF: v.Who.CSRF, To: v.L.formTo(in, ""), Next: v.L.Suite(in.Database, in.Name) + page}, err
}

// ruleForm is a rule as somebody wrote it in the form, and what would come of it.
type ruleForm struct {
	Detector, Mode, Machine, Test, Metric, Preset, Params, Reason string
	// Tried says that the form was sent. Problem is why it cannot be set, with the field; else Body is what to send.
	Tried         bool
	Problem, At   string
	Body          string
	Matches       *ruleMatches
	Settings      string
	Replaces      bool
	BacktestQuery string
}

// ruleMatches is what the patterns match.
type ruleMatches struct {
	MachineCount uint64   `ch:"machine_count"`
	Machines     []string `ch:"machines"`
	TestCount    uint64   `ch:"test_count"`
	Tests        []string `ch:"tests"`
	Findings     uint64   `ch:"finding_count"`
	Metrics      []string
}

// maxLines bounds the text of parameters, in bytes.
const maxLines = 4 << 10

func readRuleForm(c *fiber.Ctx) (f ruleForm, err error) {
	for name, into := range map[string]*string{
		"detector": &f.Detector, "machine": &f.Machine, "test": &f.Test, "metric": &f.Metric, "preset": &f.Preset, "reason": &f.Reason,
	} {
		if *into, err = text(c, name); err != nil {
			return f, err
		}
	}
	if f.Params = strings.Clone(c.Query("params")); len(f.Params) > maxLines {
		return f, badParameter("params", "", "The parameters are too long a text.")
	}
	if f.Mode, err = choice(c, "mode", "active", "shadow", "off"); err != nil {
		return f, err
	}
	f.Tried = c.Query("try") != ""
	return f, nil
}

// lines reads parameters, one name=value in a line.
func lines(text string) (map[string]string, string) {
	params := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, "“" + clip(line, 60) + "” is not name=value."
		}
		params[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return params, ""
}

// rule is what the form says; a problem and its field when it cannot be one.
func (f *ruleForm) rule() (event.DetectorRule, bool) {
	refuse := func(at, problem string) (event.DetectorRule, bool) {
		f.At, f.Problem = at, problem
		return event.DetectorRule{}, false
	}
	params, problem := lines(f.Params)
	if problem != "" {
		return refuse("params", problem)
	}
	rule := event.DetectorRule{
		Detector: f.Detector, Mode: event.Mode(f.Mode), Machine: f.Machine, Test: f.Test, Metric: f.Metric, Preset: f.Preset, Reason: f.Reason,
	}
	if len(params) > 0 {
		rule.Params = params
	}
	switch {
	case f.Detector == event.DetectorLNT && (f.Preset != "" || len(params) > 0):
		return refuse("params", "Detector lnt has no parameters.")
	case f.Detector != event.DetectorLNT:
		d, err := detect.Resolve(f.Detector, f.Preset, params)
		if err != nil {
			return refuse("params", err.Error())
		}
		f.Settings = d.Settings()
	}
	if _, err := rule.Encode(); err != nil {
		return refuse("rule", err.Error())
	}
	return rule, true
}

// try says what would come of the rule.
func (s *Service) tryRule(c *fiber.Ctx, in suiteView, f *ruleForm, standing []ruleStep) error {
	rule, ok := f.rule()
	if !ok {
		return nil
	}
	n := rule.Normal()
	matches := ruleMatches{Metrics: lo.FilterMap(in.Metrics, func(m suite.Metric, _ int) (string, bool) {
		return m.Name, m.Type == suite.Real && event.Glob(n.Metric, m.Name)
	})}
	row, _, err := one[ruleMatches](c.UserContext(), s, "page_rule_matches", with(ofSuite(in), store.Params{
		"machine": globExpression(n.Machine), "test": globExpression(n.Test), "metrics": append([]string{}, matches.Metrics...),
	}))
	if err != nil {
		return err
	}
	row.Metrics = matches.Metrics
	f.Matches = &row
	switch {
	case row.MachineCount == 0 && n.Machine != "*":
		f.At, f.Problem = "machine", "No machine of this suite matches “"+n.Machine+"”."
	case row.TestCount == 0 && n.Test != "*":
		f.At, f.Problem = "test", "No test of this suite matches “"+n.Test+"”."
	case len(row.Metrics) == 0:
		f.At, f.Problem = "metric", "No metric with numbers of this suite matches “"+n.Metric+"”."
	}
	if f.Problem != "" {
		return nil
	}
	body := map[string]any{"detector": n.Detector, "mode": n.Mode, "machine": n.Machine, "test": n.Test, "metric": n.Metric}
	if n.Preset != "" {
		body["preset"] = n.Preset
	}
	if len(n.Params) > 0 {
		body["params"] = n.Params
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	f.Body = string(encoded)
	f.Replaces = slices.ContainsFunc(standing, func(r ruleStep) bool {
		other := event.DetectorRule{Detector: r.Detector, Mode: event.Mode(r.Mode), Machine: r.Machine, Test: r.Test, Metric: r.Metric}.Normal()
		return other.Key() == n.Key()
	})
	f.BacktestQuery = url.Values{
		"detector": {n.Detector}, "preset": {n.Preset}, "params": {f.Params}, "machine": {n.Machine}, "test": {n.Test}, "metric": {n.Metric},
	}.Encode()
	return nil
}

// globExpression is a pattern with * and ? as a regular expression, as the registry reads it.
func globExpression(pattern string) string {
	return "(?s)^" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern)) + "$"
}
