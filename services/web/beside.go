package web

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// readsBeside is how many statements of one page are asked at once: small reads take one thread each, and the readers of other
// pages want some too.
const readsBeside = 2

// beside reads several things of a page side by side; the first error ends the others.
func beside(ctx context.Context, reads ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readsBeside)
	for _, read := range reads {
		group.Go(func() error { return read(ctx) })
	}
	return group.Wait()
}
