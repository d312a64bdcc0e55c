package web

import (
	"context"
	"maps"
	"slices"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/suite"
)

// machineBook are the machines of a suite, and what they were made of. Statements that are given the machines that runs came from are
// plain reads; ones that look for what was merged cost the planner more than the data.
type machineBook struct {
	// list are the machines that there are, by name, and names the same by id.
	list  []machineNameRow
	names map[uint32]string
	// now is the machine that each one is now: itself, if nothing was merged.
	now map[uint32]uint32
	// made are the machines that each one was made of, itself among them.
	made map[uint32][]uint32
}

type suiteMachineRow struct {
	ID         uint32 `ch:"machine_id"`
	Name       string `ch:"machine"`
	Deleted    uint8  `ch:"deleted"`
	MergedInto uint32 `ch:"merged_into"`
}

func (s *Service) machines(ctx context.Context, in suiteView) (machineBook, error) {
	rows, err := list[suiteMachineRow](ctx, s, "page_suite_machines", ofSuite(in))
	book := machineBook{names: map[uint32]string{}, now: map[uint32]uint32{}, made: map[uint32][]uint32{}}
	for _, r := range rows {
		now := r.ID
		if r.MergedInto != 0 {
			now = r.MergedInto
		}
		book.now[r.ID] = now
		book.made[now] = append(book.made[now], r.ID)
		if r.Deleted == 0 && r.MergedInto == 0 {
			book.list = append(book.list, machineNameRow{r.ID, r.Name})
			book.names[r.ID] = r.Name
		}
	}
	return book, err
}

// of is the machine that runs of another one count for.
func (b machineBook) of(own uint32) uint32 {
	if now, ok := b.now[own]; ok {
		return now
	}
	return own
}

// madeOf are the machines that some were made of.
func (b machineBook) madeOf(ids ...uint32) []uint32 {
	own := map[uint32]struct{}{}
	for _, id := range ids {
		for _, of := range b.made[id] {
			own[of] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(own))
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
