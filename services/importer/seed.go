package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"tidemark/pkg/event"
)

// seedChunk is how many ids go into one event.
const seedChunk = 2000

// orderKey joins the values of an order.
const orderKey = "\x00"

// seed gives machines, orders and tests the ids they have at the source, before any run needs them.
func (i *Importer) seed(ctx context.Context, j *job, machines []Machine, heads []Head) error {
	s := seeder{j: j}
	for _, m := range machines {
		values, err := json.Marshal(m.Attrs)
		if err != nil {
			return fmt.Errorf("machine %d: %w", m.ID, err)
		}
		if err := s.add(ctx, func(b *event.Seed) {
			b.Machines = append(b.Machines, event.SeededMachine{ID: m.ID, Name: m.Name, Values: values})
		}); err != nil {
			return err
		}
	}
	used := map[uint32]bool{}
	for _, h := range heads {
		used[h.OrderID] = true
	}
	everything := len(i.cfg.Machines) == 0 && i.cfg.Since.IsZero() && i.cfg.Limit == 0
	j.orders, j.same = map[string]uint32{}, map[uint32]uint32{}
	err := j.source.Orders(ctx, func(o Order) error {
		if !everything && !used[o.ID] {
			return nil
		}
		key := strings.Join(o.Values, orderKey)
		if id, again := j.orders[key]; again {
			j.same[o.ID] = id
			return nil
		}
		j.orders[key] = o.ID
		return s.add(ctx, func(b *event.Seed) { b.Orders = append(b.Orders, event.SeededOrder(o)) })
	})
	if err != nil {
		return fmt.Errorf("read orders: %w", err)
	}
	if len(j.same) > 0 {
		i.say("%s: %d orders have the values of another and become one with it", j, len(j.same))
	}
	err = j.source.Tests(ctx, func(t Test) error {
		return s.add(ctx, func(b *event.Seed) { b.Tests = append(b.Tests, event.SeededTest(t)) })
	})
	if err != nil {
		return fmt.Errorf("read tests: %w", err)
	}
	return s.flush(ctx)
}

// seeder fills one body after the other.
type seeder struct {
	j    *job
	body event.Seed
}

func (s *seeder) add(ctx context.Context, put func(*event.Seed)) error {
	put(&s.body)
	if s.size() < seedChunk {
		return nil
	}
	return s.flush(ctx)
}

func (s *seeder) flush(ctx context.Context) error {
	if s.size() == 0 {
		return nil
	}
	err := s.j.target.seed(ctx, s.body)
	s.body = event.Seed{}
	return err
}

func (s *seeder) size() int { return len(s.body.Machines) + len(s.body.Orders) + len(s.body.Tests) }
