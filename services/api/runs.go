package api

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"
)

func (s *Service) getRun(c *fiber.Ctx, q v4Request) error {
	spec := c.Params("run")
	runs, err := s.findRuns(q, []uint32{id(spec)})
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		return refusal(fiber.StatusNotFound, "Did not find run "+spec)
	}
	samples, err := s.readSamples(q, runs)
	if err != nil {
		return err
	}
	shape := newSampleShape(q.schema, []string{"id", "name", "run_id"}, true)
	o := newObject()
	b := append(s.open(1024+len(samples.rows)*shape.size()), `,"machine":`...)
	if b, err = appendMachine(b, o, runs[0].machine); err != nil {
		return err
	}
	if b, err = newRunShape(q.schema).append(append(b, `,"run":`...), o, runs[0].run); err != nil {
		return err
	}
	b = append(b, `,"tests":[`...)
	var l list
	for _, r := range samples.rows {
		b = shape.append(l.next(b), samples, r)
	}
	return send(c, append(b, ']'))
}

func (s *Service) getSamples(c *fiber.Ctx, q v4Request) error {
	ids, err := s.runIDs(c)
	if err != nil {
		return err
	}
	runs, err := s.findRuns(q, ids)
	if err != nil {
		return err
	}
	rows := lo.SumBy(runs, func(r runDetail) int { return int(r.sampleRows) })
	if rows > s.cfg.MaxSampleRows {
		return refusal(fiber.StatusBadRequest, fmt.Sprintf("These runs have %d samples; ask for at most %d at once.", rows, s.cfg.MaxSampleRows))
	}
	samples, err := s.readSamples(q, runs)
	if err != nil {
		return err
	}
	shape := newSampleShape(q.schema, []string{"id", "name", "run_id", q.schema.OrderFields()[0]}, false)
	b := append(s.open(1024+rows*128), `,"samples":[`...)
	var l list
	for _, r := range samples.rows {
		b = shape.append(l.next(b), samples, r)
	}
	return send(c, append(b, ']'))
}

func (s *Service) getSample(c *fiber.Ctx, q v4Request) error {
	sampleID, err := strconv.ParseUint(c.Params("sample"), 10, 64)
	if err != nil {
		return notThere("Invalid order.") // LNT's own words for a sample, too
	}
	place, found, err := s.read.SampleRun(q.ctx, q.key, sampleID)
	if err != nil {
		return err
	}
	if !found {
		return notThere("Invalid order.")
	}
	samples, err := s.readSamples(q, []runDetail{{seq: place.Seq, sampleRows: place.Row + 1}})
	if err != nil {
		return err
	}
	shape := newSampleShape(q.schema, []string{"id", "test_id"}, false)
	b := append(s.open(512), `,"samples":[`...)
	for _, r := range samples.rows {
		if r.row == place.Row {
			b = shape.append(b, samples, r)
		}
	}
	return send(c, append(b, ']'))
}

// runIDs reads runid=1&runid=2.
func (s *Service) runIDs(c *fiber.Ctx) ([]uint32, error) {
	var ids []uint32
	var bad []string
	for _, raw := range c.Context().QueryArgs().PeekMulti("runid") {
		n, ok := integer(string(raw))
		switch {
		case !ok:
			bad = append(bad, string(raw))
		case n < 0 || n > math.MaxUint32:
			n = 0 // no run has it
		}
		ids = append(ids, uint32(n))
	}
	switch {
	case len(bad) > 0:
		return nil, refusal(fiber.StatusBadRequest, fmt.Sprintf("A runid is a whole number, not '%s'.", bad[0]))
	case len(ids) == 0:
		return nil, refusal(fiber.StatusBadRequest, `No runids found in args. Should be "samples?runid=1&runid=2" etc.`)
	case len(ids) > s.cfg.MaxRunIDs:
		return nil, refusal(fiber.StatusBadRequest, fmt.Sprintf("Ask for at most %d runs at once.", s.cfg.MaxRunIDs))
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// findRuns reads the runs that exist of ids.
func (s *Service) findRuns(q v4Request, ids []uint32) ([]runDetail, error) {
	ids = lo.Without(ids, 0)
	if len(ids) == 0 {
		return nil, nil
	}
	return s.read.Runs(q.ctx, q.key, ids)
}
