package intake

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/openapi"
)

// Lookup answers what a write has to know of what is stored: whom a name means, and what a filter chooses. Errors that the client
// is told are [openapi.Error]. What is looked up may be gone when the event's turn comes; then it is refused.
type Lookup interface {
	// RegressionNumbers are the numbers of regressions that are named by uuid or by number.
	RegressionNumbers(ctx context.Context, database, suite string, refs []openapi.Ref) ([]uint32, error)
	// RegressionsOf are all that the list of regressions gives with these parameters.
	RegressionsOf(ctx context.Context, database, suite string, filter map[string]string) ([]uint32, error)
	// ChangeNumbers are the numbers of findings that are named by uuid or by number.
	ChangeNumbers(ctx context.Context, database, suite string, refs []openapi.Ref) ([]uint32, error)
	// ChangesOf are all that the list of findings gives with these parameters.
	ChangesOf(ctx context.Context, database, suite string, filter map[string]string) ([]uint32, error)
	// Undoing is what undoes the event at a position.
	Undoing(ctx context.Context, database, suite string, seq uint64) (event.RegressionRestoration, error)
	// Order is the id of an order that is named by its name, or by its id.
	Order(ctx context.Context, database, suite, spec string) (uint32, error)
	// Subscription is an error when there is none of that id.
	Subscription(ctx context.Context, database, suite string, id uuid.UUID) error
}

// noLookup takes numbers as they are and finds nothing: whether what they name exists is decided in the log's order.
type noLookup struct{}

func (noLookup) numbers(refs []openapi.Ref) ([]uint32, error) {
	var ids []uint32
	for _, ref := range refs {
		n, err := strconv.ParseUint(string(ref), 10, 32)
		if err != nil || n == 0 {
			return nil, openapi.Missing("there is no '%s'", ref)
		}
		ids = append(ids, uint32(n))
	}
	return ids, nil
}

func (l noLookup) RegressionNumbers(_ context.Context, _, _ string, refs []openapi.Ref) ([]uint32, error) {
	return l.numbers(refs)
}

func (l noLookup) ChangeNumbers(_ context.Context, _, _ string, refs []openapi.Ref) ([]uint32, error) {
	return l.numbers(refs)
}

func (noLookup) RegressionsOf(context.Context, string, string, map[string]string) ([]uint32, error) {
	return nil, nil
}

func (noLookup) ChangesOf(context.Context, string, string, map[string]string) ([]uint32, error) {
	return nil, nil
}

func (noLookup) Undoing(_ context.Context, _, _ string, seq uint64) (event.RegressionRestoration, error) {
	return event.RegressionRestoration{}, openapi.Missing("there is no event at position %d", seq)
}

func (noLookup) Order(_ context.Context, _, _, spec string) (uint32, error) {
	return 0, openapi.Missing("there is no order '%s'", spec)
}

func (noLookup) Subscription(_ context.Context, _, _ string, id uuid.UUID) error {
	return openapi.Missing("there is no subscription '%s'", id)
}

// maxChosen bounds what one request may change.
const maxChosen = 10_000

func (w *v5Request) regression() (uint32, error) {
	ids, err := w.a.s.lookup.RegressionNumbers(w.ctx, w.a.database, w.a.suite, []openapi.Ref{openapi.Ref(w.path("id"))})
	if err != nil {
		return 0, err
	}
	return ids[0], nil
}

func (w *v5Request) changes(field string, refs []openapi.Ref) ([]uint32, error) {
	if len(refs) == 0 {
		return nil, openapi.Invalid(field, "%s: is missing", field)
	}
	ids, err := w.a.s.lookup.ChangeNumbers(w.ctx, w.a.database, w.a.suite, refs)
	return lo.Uniq(ids), err
}

// choice is how a request names many: one by one, or by what the list's parameters choose.
type choice struct {
	IDs    []openapi.Ref           `json:"ids,omitempty" doc:"the ones that are meant"`
	Filter map[string]openapi.Text `json:"filter,omitempty" doc:"or: parameters of the list, which give them"`
	DryRun bool                    `json:"dry_run,omitempty" doc:"tell what would change, and change nothing"`
}

type (
	chooseRefs   func(ctx context.Context, database, suite string, refs []openapi.Ref) ([]uint32, error)
	chooseFilter func(ctx context.Context, database, suite string, filter map[string]string) ([]uint32, error)
)

// chosen are the numbers of what is meant, at least one.
func (w *v5Request) chosen(c choice, refs chooseRefs, filter chooseFilter) ([]uint32, error) {
	switch {
	case (len(c.IDs) == 0) == (len(c.Filter) == 0):
		return nil, openapi.Invalid("ids", "either ids or a filter has to say what is meant")
	case len(c.IDs) > maxChosen:
		return nil, openapi.Invalid("ids", "ids: %d exceed %d", len(c.IDs), maxChosen)
	}
	if len(c.IDs) > 0 {
		ids, err := refs(w.ctx, w.a.database, w.a.suite, c.IDs)
		return lo.Uniq(ids), err
	}
	ids, err := filter(w.ctx, w.a.database, w.a.suite, texts(c.Filter))
	switch {
	case err != nil:
		return nil, err
	case len(ids) == 0:
		return nil, openapi.Missing("the filter chooses nothing")
	case len(ids) > maxChosen:
		return nil, openapi.Invalid("filter", "filter: chooses more than %d", maxChosen)
	}
	return ids, nil
}

func texts(from map[string]openapi.Text) map[string]string {
	return lo.MapValues(from, func(t openapi.Text, _ string) string { return string(t) })
}

// words are the filter as an event keeps it.
func (c choice) words() string {
	text := ""
	for _, name := range sortedNames(c.Filter) {
		if text != "" {
			text += "&"
		}
		text += name + "=" + string(c.Filter[name])
	}
	return text
}
