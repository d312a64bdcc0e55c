package registry

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/samber/lo"

	"tidemark/pkg/suite"
)

// define makes the suite known, or changes what it measures.
func (s *State) define(schema suite.Schema) Decision {
	if schema.Name != s.name {
		return rejected(refusal(badRequest, "name",
			fmt.Sprintf("Schema name '%s' does not match URL testsuite '%s'.", schema.Name, s.name), ""))
	}
	if s.schema == nil {
		s.schema = &schema
		return s.accepted(Decision{})
	}
	next, why := evolve(*s.schema, schema)
	if why != nil {
		return rejected(why)
	}
	if s.last == (serials{}) { // nothing was ever measured, so no link names a metric by its place
		next.Metrics = inPlace(schema.Metrics, next.Metrics, metricName)
	}
	var d Decision
	if !bytes.Equal(next.Encode(), s.schema.Encode()) {
		s.schema = &next
		d.Rows.Schema = s.schema
	}
	return s.accepted(d)
}

// evolve gives the schema that old becomes when wanted is submitted: metrics and fields may be added and their description may
// change, nothing may go or change its type. What exists keeps its place, because a metric's position is its field index; what is new
// follows. A status link that wanted does not mention stays: LNT's schema files cannot express it.
func evolve(old, wanted suite.Schema) (suite.Schema, *Refusal) {
	for _, m := range wanted.Metrics {
		if _, was, ok := old.Metric(m.Name); ok && was.Type != m.Type {
			return suite.Schema{}, cannotMigrate("metrics", "Type mismatch in metric '%s'", m.Name)
		}
	}
	if gone := missing(old.Metrics, wanted.Metrics, metricName); gone != "" {
		return suite.Schema{}, cannotMigrate("metrics", "Metrics removed: %s", gone)
	}
	if why := checkRunFields(old.RunFields, wanted.RunFields); why != nil {
		return suite.Schema{}, why
	}
	if gone := missing(old.MachineFields, wanted.MachineFields, fieldName); gone != "" {
		return suite.Schema{}, cannotMigrate("machine_fields", "Machine fields removed: %s", gone)
	}
	next := suite.Schema{
		Name:          old.Name,
		Metrics:       inPlace(old.Metrics, wanted.Metrics, metricName),
		RunFields:     inPlace(old.RunFields, wanted.RunFields, fieldName),
		MachineFields: inPlace(old.MachineFields, wanted.MachineFields, fieldName),
	}
	for i, was := range old.Metrics {
		if next.Metrics[i].Status == "" {
			next.Metrics[i].Status = was.Status
		}
	}
	return next, nil
}

func checkRunFields(old, wanted []suite.Field) *Refusal {
	isOrder := func(f suite.Field, _ int) bool { return f.Order }
	oldOrders, wantedOrders := lo.Filter(old, isOrder), lo.Filter(wanted, isOrder)
	for _, f := range wantedOrders {
		if !slices.Contains(oldOrders, f) {
			return cannotMigrate("run_fields", "Cannot add order field '%s'", f.Name)
		}
	}
	if gone := missing(lo.Reject(old, isOrder), lo.Reject(wanted, isOrder), fieldName); gone != "" {
		return cannotMigrate("run_fields", "Run fields removed: %s", gone)
	}
	if gone := missing(oldOrders, wantedOrders, fieldName); gone != "" {
		return cannotMigrate("run_fields", "Order fields removed: %s", gone)
	}
	return nil
}

func fieldName(f suite.Field) string   { return f.Name }
func metricName(m suite.Metric) string { return m.Name }

func cannotMigrate(field, format, what string) *Refusal {
	return refusal(badRequest, field, "Cannot automatically migrate database: "+fmt.Sprintf(format, what), "")
}

// missing lists the names that are in old but not in wanted.
func missing[T any](old, wanted []T, name func(T) string) string {
	left, _ := lo.Difference(names(old, name), names(wanted, name))
	return strings.Join(left, ", ")
}

// inPlace gives wanted's items: those of old first, in old's order, then the new ones.
func inPlace[T any](old, wanted []T, name func(T) string) []T {
	byName := lo.KeyBy(wanted, name)
	oldNames := lo.KeyBy(old, name)
	items := lo.Map(old, func(item T, _ int) T { return byName[name(item)] })
	return append(items, lo.Filter(wanted, func(item T, _ int) bool { return !lo.HasKey(oldNames, name(item)) })...)
}

func names[T any](items []T, name func(T) string) []string {
	return lo.Map(items, func(item T, _ int) string { return name(item) })
}
