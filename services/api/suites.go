package api

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/suite"
)

// columnTypes are LNT's SQL types, by which clients tell metrics apart.
var columnTypes = map[suite.MetricType]string{suite.Real: "FLOAT", suite.Status: "INTEGER", suite.Hash: "VARCHAR"}

func (s *Service) getFields(c *fiber.Ctx, q v4Request) error {
	b := append(make([]byte, 0, 1024), `{"fields":[`...)
	var l list
	for i, m := range q.schema.Metrics {
		b = append(l.next(b), `{"column_id":`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `,"column_name":`...)
		b = appendString(b, m.Name)
		b = append(b, `,"column_type":`...)
		b = append(appendString(b, columnTypes[m.Type]), '}')
	}
	return send(c, s.generatedBy(append(b, "],"...)))
}

// v4Schema has its keys in sorted order.
type v4Schema struct {
	FormatVersion string     `json:"format_version"`
	MachineFields []v4Field  `json:"machine_fields"`
	Metrics       []v4Metric `json:"metrics"`
	Name          string     `json:"name"`
	RunFields     []v4Field  `json:"run_fields"`
}

type v4Field struct {
	Name  string `json:"name"`
	Order bool   `json:"order,omitempty"`
}

type v4Metric struct {
	BiggerIsBetter bool    `json:"bigger_is_better"`
	DisplayName    string  `json:"display_name"`
	IgnoreSameHash bool    `json:"ignore_same_hash"`
	Name           string  `json:"name"`
	Type           string  `json:"type"`
	Unit           *string `json:"unit"`
	UnitAbbrev     *string `json:"unit_abbrev"`
}

func (s *Service) getSchema(c *fiber.Ctx, q v4Request) error {
	return c.JSON(toV4Schema(q.schema))
}

func toV4Schema(from suite.Schema) v4Schema {
	out := v4Schema{
		FormatVersion: "2",
		Name:          from.Name,
		MachineFields: toV4Fields(from.MachineFields),
		RunFields:     toV4Fields(from.RunFields),
		Metrics: lo.Map(from.Metrics, func(m suite.Metric, _ int) v4Metric {
			return v4Metric{
				BiggerIsBetter: m.BiggerIsBetter,
				DisplayName:    m.Title(),
				IgnoreSameHash: m.IgnoreSameHash,
				Name:           m.Name,
				Type:           string(m.Type),
				Unit:           lo.EmptyableToPtr(m.Unit),
				UnitAbbrev:     lo.EmptyableToPtr(m.UnitAbbrev),
			}
		}),
	}
	slices.SortFunc(out.Metrics, func(x, y v4Metric) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

func toV4Fields(from []suite.Field) []v4Field {
	out := lo.Map(from, func(f suite.Field, _ int) v4Field { return v4Field(f) })
	slices.SortFunc(out, func(x, y v4Field) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

func (s *Service) getTests(c *fiber.Ctx, q v4Request) error {
	b := append(s.open(4096), `,"tests":[`...)
	var l list
	err := s.read.Tests(q.ctx, q.key, func(t testRow) error {
		b = append(l.next(b), `{"id":`...)
		b = strconv.AppendUint(b, uint64(t.ID), 10)
		b = append(b, `,"name":`...)
		b = append(appendString(b, t.Name), '}')
		return nil
	})
	if err != nil {
		return err
	}
	return send(c, append(b, ']'))
}

func (s *Service) getOrder(c *fiber.Ctx, q v4Request) error {
	order := id(c.Params("order"))
	values, found, err := s.read.Order(q.ctx, q.key, order)
	if err != nil {
		return err
	}
	if !found {
		return notThere("Invalid order.")
	}
	o := newObject()
	o.number("id", uint64(order))
	if err := o.values(q.schema.OrderFields(), values); err != nil {
		return err
	}
	return send(c, append(o.append(append(s.open(256), `,"orders":[`...)), ']'))
}
