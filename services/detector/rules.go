package detector

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// role is a detector and whether it works in the shadow: with a position and findings of its own.
type role struct {
	detector string
	shadow   bool
}

// key is the role's part in the identity of its findings, job the name under which its slots are recorded.
func (r role) key() string { return event.DetectorKey(r.detector, r.shadow) }

func (r role) job() string {
	return "detect_" + lo.Ternary(r.shadow, "shadow_", "") + r.detector
}

func (r role) fullJob() string {
	return "detect_full_" + lo.Ternary(r.shadow, "shadow_", "") + r.detector
}

// suiteRules are the rules of a suite, in the order in which they were set, and the position of the last change to them.
type suiteRules struct {
	rules event.Rules
	seq   uint64
	// ended has, per role, the position at which one of its rules was last taken away.
	ended map[role]uint64
}

// readRules reads the rules of all suites, by database/suite.
func (d *Detector) readRules(ctx context.Context) (map[string]suiteRules, error) {
	type row struct {
		Database string            `ch:"database"`
		Suite    string            `ch:"suite"`
		Detector string            `ch:"detector"`
		Mode     string            `ch:"mode"`
		Machine  string            `ch:"machine"`
		Test     string            `ch:"test"`
		Metric   string            `ch:"metric"`
		Preset   string            `ch:"preset"`
		Params   map[string]string `ch:"params"`
		Removed  uint8             `ch:"removed"`
		Seq      uint64            `ch:"seq"`
	}
	rows, err := store.Select[row](ctx, d.deps.Store, sql.MustQuery("detect_rules"), nil)
	if err != nil {
		return nil, err
	}
	out := map[string]suiteRules{}
	for _, r := range rows {
		key := r.Database + "/" + r.Suite
		of := out[key]
		of.seq = max(of.seq, r.Seq)
		if r.Removed != 0 {
			who := role{r.Detector, event.Mode(r.Mode) == event.ModeShadow}
			of.ended = lo.Assign(of.ended, map[role]uint64{who: max(of.ended[who], r.Seq)})
		} else {
			of.rules = append(of.rules, event.DetectorRule{
				Detector: r.Detector, Mode: event.Mode(r.Mode), Machine: r.Machine, Test: r.Test, Metric: r.Metric, Preset: r.Preset, Params: r.Params,
			})
		}
		out[key] = of
	}
	return out, nil
}

// roles are those that some suite has work for, steps first.
func roles(rules map[string]suiteRules) []role {
	seen := map[role]bool{{detector: detect.Default}: true}
	for _, of := range rules {
		for _, r := range of.rules {
			if r.Detector != event.DetectorLNT {
				seen[role{r.Detector, r.Mode == event.ModeShadow}] = true
			}
		}
	}
	return sorted(seen)
}

// rolesOnce are the roles and those that were: what they had found is taken back by a pass.
func rolesOnce(rules map[string]suiteRules) []role {
	seen := lo.SliceToMap(roles(rules), func(r role) (role, bool) { return r, true })
	for _, of := range rules {
		for r := range of.ended {
			if r.detector != event.DetectorLNT {
				seen[r] = true
			}
		}
	}
	return sorted(seen)
}

// sorted are roles in the order in which they work, steps first.
func sorted(seen map[role]bool) []role {
	all := slices.Collect(maps.Keys(seen))
	slices.SortFunc(all, func(a, b role) int {
		isDefault := func(r role) int { return lo.Ternary(r == role{detector: detect.Default}, 0, 1) }
		return isDefault(a) - isDefault(b) + 2*slices.Compare([]byte(a.key()), []byte(b.key()))
	})
	return all
}

// works says whether the role has anything to do in a suite: rules are about it, or it is what judges without any.
func (d *Detector) works(r role, of suiteRules, database, suite string) bool {
	if r == (role{detector: detect.Default}) && d.cfg.StepsIn.Has(database, suite) {
		return true
	}
	return slices.ContainsFunc(of.rules, func(rule event.DetectorRule) bool {
		return rule.Detector == r.detector && (rule.Mode == event.ModeShadow) == r.shadow
	})
}

// variant is a detector with parameters.
type variant struct {
	detect.Detector
	params json.RawMessage
}

// plan says how a role judges each series of a suite.
type plan struct {
	role     role
	data     detect.Selection // the suite's data as the slot sees them
	rules    event.Rules
	fallback *variant // where no rule matches; nil when nothing is done there
	variants map[string]*variant
	machines map[uint32]string
	tests    map[uint32]string
}

// newPlan resolves what the rules name. A rule that this program cannot follow is an error of the role, not of others.
func (d *Detector) newPlan(ctx context.Context, p progress, r role, rules event.Rules) (*plan, error) {
	pl := &plan{role: r, variants: map[string]*variant{}, rules: lo.Filter(rules, func(rule event.DetectorRule, _ int) bool {
		return rule.Detector == r.detector && (rule.Mode == event.ModeShadow) == r.shadow
	})}
	if r == (role{detector: detect.Default}) && d.cfg.StepsIn.Has(p.Database, p.Suite) {
		var err error
		if pl.fallback, err = newVariant(r.detector, d.cfg.StepsPreset, d.cfg.StepsParams); err != nil {
			return nil, err
		}
	}
	for _, rule := range pl.rules {
		if rule.Mode == event.ModeOff {
			continue
		}
		v, err := newVariant(r.detector, rule.Preset, rule.Params)
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", rule.Key(), err)
		}
		pl.variants[rule.Key()] = v
	}
	var err error
	if pl.data, err = (detect.Selection{Database: p.Database, Suite: p.Suite, UpTo: p.DataSeq}).Fixed(ctx, d.deps.Store); err != nil || len(pl.rules) == 0 {
		return pl, err
	}
	return pl, pl.readNames(ctx, d.deps.Store, p)
}

func newVariant(name, preset string, params map[string]string) (*variant, error) {
	resolved, err := detect.Resolve(name, preset, params)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(resolved.Values)
	if err != nil {
		return nil, fmt.Errorf("encode parameters: %w", err)
	}
	return &variant{resolved, encoded}, nil
}

// readNames reads what the patterns are about.
func (pl *plan) readNames(ctx context.Context, s *store.Store, p progress) error {
	type row struct {
		What string `ch:"what"`
		ID   uint32 `ch:"id"`
		Name string `ch:"name"`
	}
	rows, err := store.Select[row](ctx, s, sql.MustQuery("detect_names"), store.Params{"database": p.Database, "suite": p.Suite})
	if err != nil {
		return err
	}
	pl.machines, pl.tests = map[uint32]string{}, map[uint32]string{}
	for _, r := range rows {
		lo.Ternary(r.What == "machine", pl.machines, pl.tests)[r.ID] = r.Name
	}
	return nil
}

// of is how a series is judged; nil when it is not.
func (pl *plan) of(machineID uint32, metric string, testID uint32) *variant {
	if len(pl.rules) == 0 {
		return pl.fallback
	}
	rule, ok := pl.rules.For(pl.role.detector, pl.role.shadow, pl.machines[machineID], pl.tests[testID], metric)
	if !ok {
		return pl.fallback
	}
	return pl.variants[rule.Key()]
}

// all are the ways in which series are judged.
func (pl *plan) all() []*variant {
	list := slices.Collect(maps.Values(pl.variants))
	if pl.fallback != nil {
		list = append(list, pl.fallback)
	}
	return list
}
