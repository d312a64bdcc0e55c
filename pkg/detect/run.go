package detect

import (
	"context"
	"fmt"

	"tidemark/pkg/store"
	"tidemark/sql"
)

// Source is where the points of a run come from.
type Source struct {
	// SQL is a SELECT of series, place, level, values and bigger; see [sql.SeriesDetector.Compose].
	SQL string
	// Params are its parameters; their names must differ from the detector's.
	Params store.Params
}

// Row is what a detector says of one place: a finding, or, when everything is
// explained, why there is none.
type Row struct {
	// Series is the number the points carry.
	Series uint64 `ch:"series"`
	// Place is the 0-based index of the first point after the change among the series' orders.
	Place uint32 `ch:"place"`
	// Direction is up or down, Kind regression or improvement.
	Direction string `ch:"direction"`
	Kind      string `ch:"kind"`
	// Before and After are levels, Spread that of one order's level, all in the series' unit.
	Before float64 `ch:"before"`
	After  float64 `ch:"after"`
	Spread float64 `ch:"spread"`
	// Effect is relative, 0.1 for ten percent up, EffectLow and EffectHigh its 95 % interval.
	Effect     float64 `ch:"effect"`
	EffectLow  float64 `ch:"effect_low"`
	EffectHigh float64 `ch:"effect_high"`
	Statistic  float64 `ch:"statistic"`
	PValue     float64 `ch:"p_value"`
	// Checks are the rules in the order in which they are applied.
	Checks []Check `ch:"checks"`
	// StoppedBy is the first check not passed; empty for a finding.
	StoppedBy string `ch:"stopped_by"`
}

// Check is one rule at one place.
type Check struct {
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Threshold float64 `json:"threshold"`
	Passed    bool    `json:"passed"`
}

// Finding tells a finding from a place that was only explained.
func (r *Row) Finding() bool { return r.StoppedBy == "" }

// Compose is the statement that judges the points of source.
func Compose(d Detector, source string) sql.File { return d.Compose(source) }

// Run judges the points of source and hands each finding to row, by series and
// place; with explain it hands every place. The context's deadline bounds it, not the
// store's time for a page.
func Run(ctx context.Context, s *store.Store, d Detector, source Source, explain bool, row func(Row) error) error {
	params := d.params()
	for name, value := range source.Params {
		if _, taken := params[name]; taken {
			return fmt.Errorf("detector %s has a parameter %s of its own", d.Name, name)
		}
		params[name] = value
	}
	params["explain"] = uint8(0)
	if explain {
		params["explain"] = uint8(1)
	}
	err := s.Each(ctx, Compose(d, source.SQL), params, func(scan func(...any) error) error {
		var r Row
		var checks []map[string]any
		if err := scan(&r.Series, &r.Place, &r.Direction, &r.Kind, &r.Before, &r.After, &r.Spread, &r.Effect, &r.EffectLow, &r.EffectHigh,
			&r.Statistic, &r.PValue, &checks, &r.StoppedBy); err != nil {
			return err
		}
		r.Checks = readChecks(checks)
		return row(r)
	})
	if err != nil {
		return fmt.Errorf("run detector %s: %w", d.Name, err)
	}
	return nil
}

// Findings is [Run] for few findings: all of them at once.
func Findings(ctx context.Context, s *store.Store, d Detector, source Source) ([]Row, error) {
	return all(ctx, s, d, source, false)
}

// Explain is [Run] for few points: what is said of every place.
func Explain(ctx context.Context, s *store.Store, d Detector, source Source) ([]Row, error) {
	return all(ctx, s, d, source, true)
}

func all(ctx context.Context, s *store.Store, d Detector, source Source, explain bool) ([]Row, error) {
	var out []Row
	err := Run(ctx, s, d, source, explain, func(r Row) error {
		out = append(out, r)
		return nil
	})
	return out, err
}

// readChecks reads the tuples; the driver gives them by the names of their parts.
func readChecks(tuples []map[string]any) []Check {
	checks := make([]Check, len(tuples))
	for i, t := range tuples {
		name, _ := t["name"].(string)
		value, _ := t["value"].(float64)
		threshold, _ := t["threshold"].(float64)
		passed, _ := t["passed"].(uint8)
		checks[i] = Check{Name: name, Value: value, Threshold: threshold, Passed: passed == 1}
	}
	return checks
}
