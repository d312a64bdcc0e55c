package main

import (
	"context"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/httpx"
	"tidemark/pkg/store"
	"tidemark/pkg/turns"
	"tidemark/services/projector"
)

// queues give the requests of people their places among the reads: pages, graphs and REST each have a queue and may take all
// places but one. Hundreds of readers of one kind wait for one another, and not before the others; what the services read
// themselves has connections of its own.
type queues struct {
	pages, graphs, rest *turns.Share
	timeout             time.Duration
}

func (p *process) queues() queues {
	most := p.settings.Store.MaxReads - 1
	return queues{
		pages: p.store.Share("pages", most), graphs: p.store.Share("graphs", most), rest: p.store.Share("rest", most),
		timeout: p.settings.Store.ReadTimeout,
	}
}

// Routes come before those that read, and after those that take submissions.
func (q queues) Routes(r fiber.Router) { r.Use(httpx.Reads(q.timeout, q.of)) }

// of is the queue that the address of a request belongs to.
func (q queues) of(path string) *turns.Share {
	path = strings.ToLower(path)
	switch {
	case strings.Contains(path, "/graph"):
		return q.graphs
	case strings.HasPrefix(path, "/api/"):
		return q.rest
	}
	return q.pages
}

// positionAge is how long the data's position is taken for good. A process that decides itself what submissions are answered knows
// of all it must not be behind of; another has nobody to tell it, and asks each time.
func positionAge(r roles) time.Duration {
	if r.Intake && r.Projector {
		return 100 * time.Millisecond
	}
	return 0
}

// keeper keeps answers, unless the settings give it no memory.
func (p *process) keeper() *httpx.Keeper {
	if p.settings.Store.KeptAnswers == 0 {
		return nil
	}
	keep := httpx.NewKeeper(int(p.settings.Store.KeptAnswers), p.position.At)
	p.reg.MustRegister(keep)
	return keep
}

// written moves the position before a write is answered, whatever it wrote.
func (p *process) written(c *fiber.Ctx) error {
	err := c.Next()
	if m := c.Method(); m != fiber.MethodGet && m != fiber.MethodHead && m != fiber.MethodOptions {
		p.position.Moved()
	}
	return err
}

// moving stores before people read, and moves the position before anybody is told of what was stored.
type moving struct {
	projector.Store
	position *store.Position
	reads    *turns.Pool
}

// Insert stores a batch.
func (m moving) Insert(ctx context.Context, rows []store.LedgerRow) error {
	defer m.reads.First()()
	err := m.Store.Insert(ctx, rows)
	m.position.Moved() // an error does not tell that nothing was stored
	return err         //nolint:wrapcheck // it is the store's
}
