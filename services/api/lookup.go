package api

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/openapi"
)

// Lookup answers what those who write have to know of what is stored. Errors that a client is told are [openapi.Error].
type Lookup struct{ s *Service }

// Lookup is the service's, for whoever writes.
func (s *Service) Lookup() Lookup { return Lookup{s} }

const (
	kindRegression = "regression"
	kindChange     = "change"
	// maxMatches bounds what a filter gives; one more says that there is more.
	maxMatches = 10_001
)

// ask runs a question under the deadline of a read, and says in v5's words why it has no answer.
func (l Lookup) ask(ctx context.Context, database, suite string, question func(q v5Request) error) error {
	ctx, cancel := context.WithTimeout(ctx, l.s.cfg.QueryTimeout)
	defer cancel()
	k := key{database, suite}
	if _, err := l.s.schema(ctx, k); err != nil {
		return l.s.described5(k, err)
	}
	return l.s.described5(k, question(v5Request{ctx: ctx, key: k}))
}

// described5 is an error in v5's words where it has any for it.
func (s *Service) described5(k key, err error) error {
	if err == nil {
		return nil
	}
	if known, ok := s.known5(k, err); ok {
		return known
	}
	return err
}

// RegressionNumbers are the numbers of regressions that are named by uuid or by number.
func (l Lookup) RegressionNumbers(ctx context.Context, database, suite string, refs []openapi.Ref) ([]uint32, error) {
	return l.numbers(ctx, database, suite, kindRegression, refs)
}

// ChangeNumbers are the numbers of findings that are named by uuid or by number.
func (l Lookup) ChangeNumbers(ctx context.Context, database, suite string, refs []openapi.Ref) ([]uint32, error) {
	return l.numbers(ctx, database, suite, kindChange, refs)
}

func (l Lookup) numbers(ctx context.Context, database, suite, kind string, refs []openapi.Ref) ([]uint32, error) {
	word := lo.Ternary(kind == kindChange, "finding", kind)
	var ids []uuid.UUID
	var numbers []uint32
	for _, ref := range refs {
		id, number, ok := reference(string(ref))
		switch {
		case !ok:
			return nil, missing("there is no %s '%s'", word, ref)
		case number > 0:
			numbers = append(numbers, number)
		default:
			ids = append(ids, id)
		}
	}
	out := make([]uint32, len(refs))
	err := l.ask(ctx, database, suite, func(q v5Request) error {
		rows, err := l.s.read.Names(q.ctx, q.key, ids, numbers)
		if err != nil {
			return err
		}
		byID, known := map[uuid.UUID]uint32{}, map[uint32]bool{}
		for _, r := range rows {
			if r.Kind == kind {
				byID[r.ID], known[r.Number] = r.Number, true
			}
		}
		for i, ref := range refs {
			id, number, _ := reference(string(ref))
			if number == 0 {
				number = byID[id]
			}
			if !known[number] {
				return missing("there is no %s '%s'", word, ref)
			}
			out[i] = number
		}
		return nil
	})
	return out, err
}

// chosen reads a filter as the list reads its parameters.
func chosen(filter map[string]string, params []openapi.Param) (query, error) {
	values, err := openapi.Operation{Query: params}.ReadQuery(func(each func(name, value string)) {
		for _, name := range slices.Sorted(maps.Keys(filter)) {
			each(name, filter[name])
		}
	})
	if err != nil {
		return nil, openapi.Invalid("filter", "filter: %s", strings.ReplaceAll(err.Error(), "query parameter", "field"))
	}
	return query(values), nil
}

// RegressionsOf are all that the list of regressions gives with these parameters.
func (l Lookup) RegressionsOf(ctx context.Context, database, suite string, filter map[string]string) ([]uint32, error) {
	params, err := chosen(filter, withoutPast(regressionFilter()))
	if err != nil {
		return nil, err
	}
	var out []uint32
	err = l.ask(ctx, database, suite, func(q v5Request) error {
		q.params = params
		want, err := l.s.regressionsWanted(q)
		if err != nil {
			return err
		}
		want.limit = maxMatches
		rows, err := l.s.read.Regressions(q.ctx, q.key, want)
		out = lo.Map(rows, func(r triagedRow, _ int) uint32 { return r.Number })
		return err
	})
	slices.Sort(out)
	return out, err
}

// ChangesOf are all that the list of findings gives with these parameters.
func (l Lookup) ChangesOf(ctx context.Context, database, suite string, filter map[string]string) ([]uint32, error) {
	params, err := chosen(filter, withoutPast(findingFilter()))
	if err != nil {
		return nil, err
	}
	var out []uint32
	err = l.ask(ctx, database, suite, func(q v5Request) error {
		q.params = params
		want, err := l.s.findings(q)
		if err != nil {
			return err
		}
		want.limit = maxMatches
		rows, err := l.s.read.Findings(q.ctx, q.key, want)
		out = lo.Map(rows, func(r findingRow, _ int) uint32 { return r.Number })
		return err
	})
	slices.Sort(out)
	return out, err
}

// withoutPast leaves out what looks back: only what is now can be changed.
func withoutPast(params []openapi.Param) []openapi.Param {
	return lo.Filter(params, func(p openapi.Param, _ int) bool { return p.Name != asOfParam.Name })
}

// Subscription is an error when there is none of that id.
func (l Lookup) Subscription(ctx context.Context, database, suite string, id uuid.UUID) error {
	return l.ask(ctx, database, suite, func(q v5Request) error {
		rows, err := l.s.read.Subscriptions(q.ctx, q.key, []uuid.UUID{id}, false)
		if err == nil && len(rows) == 0 {
			err = missing("there is no subscription '%s'", id)
		}
		return err
	})
}

// Undoing is what undoes the event at a position: what people decided about regressions and findings, and nothing else.
func (l Lookup) Undoing(ctx context.Context, database, suite string, seq uint64) (event.RegressionRestoration, error) {
	out := event.RegressionRestoration{Undoes: seq}
	err := l.ask(ctx, database, suite, func(q v5Request) error {
		found, ok, err := l.s.read.Event(q.ctx, q.key, seq)
		switch {
		case err != nil:
			return err
		case !ok:
			return missing("there is no event at position %d", seq)
		case found.Status != string(event.Accepted):
			return wrong("seq", "the event at position %d was %s", seq, found.Status)
		case !strings.HasPrefix(found.Type, "regression.") && found.Type != string(event.ChangeIgnored):
			return wrong("seq", "a %s cannot be undone: only what people decide about regressions and findings", found.Type)
		}
		before, err := l.s.read.RegressionsBefore(q.ctx, q.key, seq)
		if err != nil {
			return err
		}
		out.Regressions = lo.Map(before, toPrior)
		dismissed, err := l.s.read.DismissalsBefore(q.ctx, q.key, seq)
		out.Dismissals = lo.Map(dismissed, func(d priorDismissal, _ int) event.PriorDismissal {
			return event.PriorDismissal{ChangeID: d.Number, Dismissed: d.Dismissed == 1, Effect: d.Effect}
		})
		if err == nil && len(out.Regressions)+len(out.Dismissals) == 0 {
			err = wrong("seq", "the event at position %d changed nothing", seq)
		}
		return err
	})
	return out, err
}

func toPrior(r priorRegression, _ int) event.RegressionRow {
	if r.Seq == 0 || r.Deleted == 1 {
		return event.RegressionRow{ID: r.Number, Deleted: true}
	}
	return event.RegressionRow{
		ID: r.Number, Title: r.Title, Bug: r.Bug, State: r.State, ChangeIDs: append([]uint32{}, r.ChangeIDs...), Added: append([]uint64{}, r.Added...),
		UUID: r.ID, Seq: r.Seq, OpenedSeq: r.OpenedSeq, Detector: r.Detector, Kind: event.Kind(r.Kind), Cause: r.Cause, Owner: r.Owner, Tags: r.Tags,
		Note: r.Note, StartOrderID: r.StartOrderID, EndOrderID: r.EndOrderID, MergedInto: r.MergedInto, Touched: r.Touched == 1, Titled: r.Titled == 1,
		Recovered: r.Recovered == 1, FormerState: r.FormerState,
	}
}
