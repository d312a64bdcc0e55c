package intake

import (
	"context"
	"errors"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/event"
	"tidemark/pkg/suite"
)

// ErrUndecided says that an event is in the log but was not decided in time.
var ErrUndecided = errors.New("in the log, but not decided yet")

// Define appends a schema for a suite of a database and waits for what becomes of it. The same key makes the same event. The error
// is [ErrUndecided] when that is not known in time, and the suite's own words when it is refused.
func (s *Service) Define(ctx context.Context, database string, schema suite.Schema, actor, key string) error {
	a := &attempt{
		s: s, rest: true, change: true, database: database, suite: schema.Name, actor: actor, key: key, started: s.now(), receivedAt: s.now(),
	}
	lease, err := s.budget.open(ctx)
	if err != nil {
		return err
	}
	a.lease = lease
	defer lease.close()
	params := map[string]string{}
	if refused := a.identify(params); refused != nil {
		return refused
	}
	out, early := a.await(ctx, a.event(event.SuiteDefined, fiber.MIMEApplicationJSON, params, schema.Encode()))
	switch {
	case early != nil && early.result == resultPending:
		return ErrUndecided
	case early != nil:
		return fmt.Errorf("define suite %s: not stored", schema.Name)
	case out.Code >= 400:
		return errors.New(out.Error)
	}
	return nil
}
