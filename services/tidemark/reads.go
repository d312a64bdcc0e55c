package main

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/httpx"
	"tidemark/pkg/turns"
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
