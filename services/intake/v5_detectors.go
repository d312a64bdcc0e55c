package intake

import (
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"tidemark/pkg/detect"
	"tidemark/pkg/event"
	"tidemark/pkg/openapi"
)

// ruleWrites set the rules by which detectors judge.
func (s *Service) ruleWrites() []v5Write {
	return []v5Write{
		{Operation: openapi.Operation{
			Method: http.MethodPost, Path: "detectors/rules", ID: "setRule", Tag: "detectors", Scope: "manage", Summary: "set how a detector judges series",
			Details: "Of the rules that match a series the one set last counts, those of mode shadow apart. A rule with the same detector and patterns takes the place of the one before.",
			Body:    ruleBody{}, Answer: RuleWritten{}, Errors: []int{http.StatusConflict},
		}, readable: true, make: s.setRule},
		{Operation: openapi.Operation{
			Method: http.MethodDelete, Path: "detectors/rules", ID: "removeRule", Tag: "detectors", Scope: "manage", Summary: "take a rule away",
			Query: []openapi.Param{
				{Name: "detector", Required: true, Help: "The rule's detector."},
				{Name: "shadow", Type: openapi.Boolean, Default: "false", Help: "Whether it is one of mode shadow."},
				{Name: "machine", Help: "The rule's pattern of machines, as it was set."},
				{Name: "test", Help: "The rule's pattern of tests, as it was set."},
				{Name: "metric", Help: "The rule's pattern of metrics, as it was set."},
				{Name: "reason", Help: "Why."},
			},
			Answer: RuleWritten{}, Errors: []int{http.StatusConflict},
		}, readable: true, make: s.removeRule},
	}
}

type ruleBody struct {
	Detector string                  `json:"detector"`
	Mode     event.Mode              `json:"mode,omitempty" enum:"active,shadow,off" doc:"active when absent; what shadow finds counts nowhere"`
	Machine  string                  `json:"machine,omitempty" doc:"a pattern with * and ?; all when absent"`
	Test     string                  `json:"test,omitempty" doc:"as machine"`
	Metric   string                  `json:"metric,omitempty" doc:"as machine"`
	Preset   string                  `json:"preset,omitempty"`
	Params   map[string]openapi.Text `json:"params,omitempty" doc:"before those of the preset"`
	Backtest uuid.UUID               `json:"backtest,omitzero" doc:"the one that it was chosen after"`
	Reason   string                  `json:"reason,omitempty"`
	DryRun   bool                    `json:"dry_run,omitempty" doc:"check it, and set nothing"`
}

// RuleWritten says which rule was set, or taken away, or would be.
type RuleWritten struct {
	DryRun bool     `json:"dry_run"`
	Rule   RuleSaid `json:"rule"`
	Event  *Written `json:"event"`
}

// RuleSaid is a rule with its patterns spelt out.
type RuleSaid struct {
	Detector string            `json:"detector"`
	Mode     event.Mode        `json:"mode"`
	Machine  string            `json:"machine"`
	Test     string            `json:"test"`
	Metric   string            `json:"metric"`
	Preset   string            `json:"preset"`
	Params   map[string]string `json:"params"`
	Removed  bool              `json:"removed"`
}

func ruleAnswer(rule event.DetectorRule, dryRun bool) v5Event {
	n := rule.Normal()
	said := RuleWritten{DryRun: dryRun, Rule: RuleSaid{n.Detector, n.Mode, n.Machine, n.Test, n.Metric, n.Preset, n.Params, n.Remove}}
	if said.Rule.Params == nil {
		said.Rule.Params = map[string]string{}
	}
	if dryRun {
		return v5Event{instead: said}
	}
	return v5Event{kind: event.DetectorConfigured, body: rule, answer: func(_ event.Outcome, told Written) any {
		said.Event = &told
		return said
	}}
}

func (s *Service) setRule(w *v5Request) (v5Event, error) {
	var body ruleBody
	if err := w.read(&body); err != nil {
		return v5Event{}, err
	}
	rule := event.DetectorRule{
		Detector: body.Detector, Mode: body.Mode, Machine: body.Machine, Test: body.Test, Metric: body.Metric,
		Preset: body.Preset, Backtest: body.Backtest, Reason: body.Reason,
	}
	if rule.Mode == "" {
		rule.Mode = event.ModeActive
	}
	if len(body.Params) > 0 {
		rule.Params = texts(body.Params)
	}
	if rule.Detector == "" {
		return v5Event{}, openapi.Invalid("detector", "detector: is missing")
	}
	if err := checkDetector(rule); err != nil {
		return v5Event{}, err
	}
	if _, err := rule.Encode(); err != nil {
		return v5Event{}, unencodable(err)
	}
	return ruleAnswer(rule, body.DryRun), nil
}

// checkDetector says whether the detector can judge with these parameters. lnt has none: it is not one of the files.
func checkDetector(rule event.DetectorRule) error {
	if rule.Detector == event.DetectorLNT {
		if rule.Preset != "" || len(rule.Params) > 0 {
			return openapi.Invalid("params", "params: detector 'lnt' has none")
		}
		return nil
	}
	_, err := detect.Resolve(rule.Detector, rule.Preset, rule.Params)
	if err == nil {
		return nil
	}
	field := "params"
	if errors.Is(err, detect.ErrUnknown) {
		if _, unknown := detect.Resolve(rule.Detector, "", nil); unknown != nil {
			field = "detector"
		} else if _, unknown := detect.Resolve(rule.Detector, rule.Preset, nil); unknown != nil {
			field = "preset"
		}
	}
	return openapi.Invalid(field, "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
}

func (s *Service) removeRule(w *v5Request) (v5Event, error) {
	rule := event.DetectorRule{
		Detector: w.params["detector"], Mode: event.ModeActive, Machine: w.params["machine"], Test: w.params["test"],
		Metric: w.params["metric"], Reason: w.params["reason"], Remove: true,
	}
	if w.params["shadow"] == "true" {
		rule.Mode = event.ModeShadow
	}
	return ruleAnswer(rule, false), nil
}
