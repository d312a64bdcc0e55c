package suite

import (
	"cmp"
	"slices"

	"github.com/samber/lo"
)

// LNTSchema is a schema as LNT's API shows it: keys in sorted order, and every list sorted by name.
type LNTSchema struct {
	FormatVersion string      `json:"format_version"`
	MachineFields []Field     `json:"machine_fields"`
	Metrics       []LNTMetric `json:"metrics"`
	Name          string      `json:"name"`
	RunFields     []Field     `json:"run_fields"`
}

// LNTMetric is a metric as LNT's API shows it.
type LNTMetric struct {
	BiggerIsBetter bool       `json:"bigger_is_better"`
	DisplayName    string     `json:"display_name"`
	IgnoreSameHash bool       `json:"ignore_same_hash"`
	Name           string     `json:"name"`
	Type           MetricType `json:"type"`
	Unit           *string    `json:"unit"`
	UnitAbbrev     *string    `json:"unit_abbrev"`
}

// LNT gives the schema as LNT's API shows it.
func (s Schema) LNT() LNTSchema {
	out := LNTSchema{
		FormatVersion: "2", Name: s.Name, MachineFields: sortedFields(s.MachineFields), RunFields: sortedFields(s.RunFields),
		Metrics: lo.Map(s.Metrics, func(m Metric, _ int) LNTMetric {
			return LNTMetric{
				BiggerIsBetter: m.BiggerIsBetter, DisplayName: m.Title(), IgnoreSameHash: m.IgnoreSameHash, Name: m.Name, Type: m.Type,
				Unit: lo.EmptyableToPtr(m.Unit), UnitAbbrev: lo.EmptyableToPtr(m.UnitAbbrev),
			}
		}),
	}
	slices.SortFunc(out.Metrics, func(x, y LNTMetric) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

func sortedFields(fields []Field) []Field {
	return slices.SortedFunc(slices.Values(fields), func(x, y Field) int { return cmp.Compare(x.Name, y.Name) })
}
