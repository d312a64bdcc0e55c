package web

import (
	"context"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/suite"
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

// suitePageBeside is suitePage with reads beside it that need no more of the suite than its database and name. When there is no such
// suite they have read nothing.
func (s *Service) suitePageBeside(c *fiber.Ctx, title, section string, reads ...func(context.Context, suiteView) error) (view, suiteView, error) {
	asked := suiteView{Database: databaseOf(c), Schema: suite.Schema{Name: c.Params("suite")}}
	group, ctx := errgroup.WithContext(c.UserContext())
	for _, read := range reads {
		group.Go(func() error { return read(ctx, asked) })
	}
	v, in, err := s.suitePage(c, title, section)
	if beside := group.Wait(); err == nil {
		err = beside
	}
	return v, in, err
}

// readTo puts what f reads where the page finds it.
func readTo[T any](to *T, f func(context.Context, suiteView) (T, error)) func(context.Context, suiteView) error {
	return func(ctx context.Context, in suiteView) (err error) {
		*to, err = f(ctx, in)
		return err
	}
}
