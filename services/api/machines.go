package api

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/httpx"
	"tidemark/pkg/suite"
)

func (s *Service) getMachines(c *fiber.Ctx, q v4Request) error {
	b := append(s.open(4096), `,"machines":[`...)
	var l list
	o := newObject()
	err := s.read.Machines(q.ctx, q.key, func(m machineRow) (err error) {
		b, err = appendMachine(l.next(b), o, m)
		return err
	})
	if err != nil {
		return err
	}
	return send(c, append(b, ']'))
}

func (s *Service) getMachine(c *fiber.Ctx, q v4Request) error {
	m, err := s.findMachine(q.ctx, q.key, httpx.LastSegment(c))
	if err != nil {
		return err
	}
	o := newObject()
	b, err := appendMachine(append(s.open(64<<10), `,"machine":`...), o, m)
	if err != nil {
		return err
	}
	b = append(b, `,"runs":[`...)
	var l list
	shape := newRunShape(q.schema)
	err = s.read.MachineRuns(q.ctx, q.key, m.ID, func(r runRow) (err error) {
		b, err = shape.append(l.next(b), o, r)
		return err
	})
	if err != nil {
		return err
	}
	return send(c, append(b, ']'))
}

// findMachine reads a machine as LNT's addresses name it: all digits are an id, all else is a name.
func (s *Service) findMachine(ctx context.Context, k key, spec string) (machineRow, error) {
	var found []machineRow
	var err error
	switch number := id(spec); {
	case !allDigits(spec):
		found, err = s.read.Machine(ctx, k, 0, spec)
	case number > 0:
		found, err = s.read.Machine(ctx, k, number, "")
	}
	switch {
	case err != nil:
		return machineRow{}, err
	case len(found) == 0:
		return machineRow{}, refusal(fiber.StatusNotFound, "Did not find machine '"+spec+"'")
	case len(found) > 1:
		return machineRow{}, refusal(fiber.StatusNotFound, "Name '"+spec+"' is ambiguous; specify machine id")
	}
	return found[0], nil
}

// appendMachine writes a machine with its attributes beside its id and name.
func appendMachine(b []byte, o *object, m machineRow) ([]byte, error) {
	o.reset()
	o.number("id", uint64(m.ID))
	o.text("name", m.Name)
	if err := o.object(m.Fields); err != nil {
		return nil, err
	}
	if err := o.object(m.Params); err != nil {
		return nil, err
	}
	return o.append(b), nil
}

// runShape writes runs of one suite.
type runShape struct {
	orderFields []string
	orderBy     string
}

func newRunShape(schema suite.Schema) runShape {
	fields := schema.OrderFields()
	return runShape{fields, strings.Join(fields, ",")}
}

// append writes a run with its order, its fields and its free parameters side by side.
func (s runShape) append(b []byte, o *object, r runRow) ([]byte, error) {
	o.reset()
	o.number("id", uint64(r.ID))
	o.number("order_id", uint64(r.OrderID))
	o.text("order_by", s.orderBy)
	o.instant("start_time", r.Start)
	o.instant("end_time", r.End)
	if err := o.values(s.orderFields, r.OrderValues); err != nil {
		return nil, err
	}
	if err := o.object(r.Fields); err != nil {
		return nil, err
	}
	if err := o.object(r.Params); err != nil {
		return nil, err
	}
	return o.append(b), nil
}
