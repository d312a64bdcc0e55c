package backtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
	"tidemark/sql"
)

// MostWaiting bounds the backtests of a suite that wait or run.
const MostWaiting = 20

// Queue keeps backtests: those that wait for their turn, and what came of the others.
type Queue struct {
	store *store.Store
	now   func() time.Time
}

// NewQueue keeps them in a store.
func NewQueue(s *store.Store, now func() time.Time) *Queue { return &Queue{s, now} }

// parts of a backtest; each has one writer.
const (
	partAsked     = "asked"
	partProgress  = "progress"
	partCancelled = "cancelled"
)

// Create checks what is asked for and queues it. Nothing is queued when it is wrong: the
// error wraps [ErrInvalid] and names everything that is.
func (q *Queue) Create(ctx context.Context, database, suiteName string, spec Spec, actor string) (Backtest, error) {
	d, wrong := spec.detector()
	spec.Detector = d.Name
	asked := Asked{Spec: spec, Version: d.Version, Values: d.Values, Actor: actor}
	scope, err := readScope(ctx, q.store, database, suiteName)
	if err != nil {
		return Backtest{}, err
	}
	asked.DataSeq = scope.dataSeq
	if err := errors.Join(wrong, scope.check(&asked)); err != nil {
		return Backtest{}, &refusal{ErrInvalid, err}
	}
	waiting, err := q.List(ctx, Filter{Database: database, Suite: suiteName, States: []State{Queued, Running}, Limit: MostWaiting})
	if err != nil {
		return Backtest{}, err
	}
	if len(waiting) >= MostWaiting {
		return Backtest{}, &refusal{ErrState, fmt.Errorf("%d backtests of the suite wait or run already", len(waiting))}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Backtest{}, fmt.Errorf("make an id: %w", err)
	}
	b := Backtest{Database: database, Suite: suiteName, ID: id, AskedAt: q.now().UTC().Truncate(time.Millisecond), State: Queued, Asked: asked}
	return b, q.record(ctx, b, partAsked, asked)
}

// Cancel has a backtest end. One that is at its end already stays as it is: [ErrState].
func (q *Queue) Cancel(ctx context.Context, database, suiteName string, id uuid.UUID) (Backtest, error) {
	b, err := q.Get(ctx, database, suiteName, id)
	if err != nil {
		return b, err
	}
	if b.State.Final() {
		return b, &refusal{ErrState, fmt.Errorf("the backtest is %s", b.State)}
	}
	if err := q.record(ctx, b, partCancelled, struct{}{}); err != nil {
		return b, err
	}
	return q.Get(ctx, database, suiteName, id)
}

// Promotion is the rule that a backtest argues for. Only one that is done does: [ErrState].
func (q *Queue) Promotion(ctx context.Context, database, suiteName string, id uuid.UUID, mode event.Mode, reason string) (event.DetectorRule, error) {
	b, err := q.Get(ctx, database, suiteName, id)
	if err != nil {
		return event.DetectorRule{}, err
	}
	if b.State != Done {
		return event.DetectorRule{}, &refusal{ErrState, fmt.Errorf("the backtest is %s; one that is done can be promoted", b.State)}
	}
	return b.Promotion(mode, reason), nil
}

// SetProgress tells how a backtest goes. A later call takes the place of an earlier one.
func (q *Queue) SetProgress(ctx context.Context, b Backtest) error {
	return q.record(ctx, b, partProgress, b.Progress)
}

func (q *Queue) record(ctx context.Context, b Backtest, part string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode %s of backtest %s: %w", part, b.ID, err)
	}
	err = q.store.Exec(ctx, sql.MustQuery("backtest_record").Text, store.Params{
		"database": b.Database, "suite": b.Suite, "backtest_id": b.ID.String(), "part": part,
		"version": uint64(q.now().UnixNano()), "created_at": b.AskedAt, "body": string(text), //nolint:gosec // after 1970
	})
	if err != nil {
		return fmt.Errorf("record %s of backtest %s: %w", part, b.ID, err)
	}
	return nil
}

// Filter says which backtests. Empty fields are all.
type Filter struct {
	Database, Suite string
	ID              uuid.UUID
	States          []State
	// Before continues a list after the backtest with this time and id.
	BeforeAt time.Time
	BeforeID uuid.UUID
	Limit    int
}

// farAhead is later than any backtest.
var farAhead = time.Date(2299, 12, 31, 0, 0, 0, 0, time.UTC)

// List gives backtests, newest first.
func (q *Queue) List(ctx context.Context, f Filter) ([]Backtest, error) {
	type row struct {
		Database string    `ch:"database"`
		Suite    string    `ch:"suite"`
		ID       uuid.UUID `ch:"backtest_id"`
		AskedAt  time.Time `ch:"asked_at"`
		Asked    string    `ch:"asked"`
		Progress string    `ch:"progress"`
		State    string    `ch:"state"`
	}
	if f.BeforeAt.IsZero() {
		f.BeforeAt = farAhead
	}
	id := ""
	if f.ID != uuid.Nil {
		id = f.ID.String()
	}
	rows, err := store.Select[row](ctx, q.store, sql.MustQuery("backtest_list"), store.Params{
		"database": f.Database, "suite": f.Suite, "backtest_id": id,
		"states":    lo.Map(f.States, func(s State, _ int) string { return string(s) }),
		"before_at": f.BeforeAt, "before_id": f.BeforeID.String(), "max_items": uint64(f.Limit), //nolint:gosec // a count
	})
	if err != nil {
		return nil, err
	}
	out := make([]Backtest, len(rows))
	for i, r := range rows {
		b := Backtest{Database: r.Database, Suite: r.Suite, ID: r.ID, AskedAt: r.AskedAt.UTC(), State: State(r.State)}
		if err := json.Unmarshal([]byte(r.Asked), &b.Asked); err != nil {
			return nil, fmt.Errorf("read backtest %s: %w", r.ID, err)
		}
		if r.Progress != "" {
			if err := json.Unmarshal([]byte(r.Progress), &b.Progress); err != nil {
				return nil, fmt.Errorf("read backtest %s: %w", r.ID, err)
			}
		}
		out[i] = b
	}
	return out, nil
}

// Get gives one; [ErrUnknown] when there is none.
func (q *Queue) Get(ctx context.Context, database, suiteName string, id uuid.UUID) (Backtest, error) {
	if id == uuid.Nil {
		return Backtest{}, &refusal{ErrUnknown, fmt.Errorf("there is no backtest %s", id)}
	}
	list, err := q.List(ctx, Filter{Database: database, Suite: suiteName, ID: id, Limit: 1})
	if err != nil {
		return Backtest{}, err
	}
	if len(list) == 0 {
		return Backtest{}, &refusal{ErrUnknown, fmt.Errorf("there is no backtest %s", id)}
	}
	return list[0], nil
}

// NamedRow is a row of a backtest with names, as it is shown.
type NamedRow struct {
	Number          uint64    `ch:"number" json:"number"`
	Diff            string    `ch:"diff" json:"diff" enum:"new,lost,moved,same"`
	Label           int8      `ch:"label" json:"label" doc:"1 when people call the change real, -1 when they call it none, else 0"`
	MachineID       uint32    `ch:"machine_id" json:"machine_id"`
	Machine         string    `ch:"machine" json:"machine"`
	TestID          uint32    `ch:"test_id" json:"test_id"`
	Test            string    `ch:"test" json:"test"`
	Metric          string    `ch:"metric" json:"metric"`
	OrderID         uint32    `ch:"order_id" json:"order_id"`
	Order           string    `ch:"order_name" json:"order"`
	PreviousOrderID uint32    `ch:"previous_order_id" json:"previous_order_id"`
	PreviousOrder   string    `ch:"previous_order_name" json:"previous_order"`
	Direction       string    `ch:"direction" json:"direction" enum:"up,down"`
	Kind            string    `ch:"kind" json:"kind" enum:"regression,improvement"`
	Before          float64   `ch:"before" json:"before"`
	After           float64   `ch:"after" json:"after"`
	Spread          float64   `ch:"spread" json:"spread"`
	Effect          float64   `ch:"effect" json:"effect"`
	EffectLow       float64   `ch:"effect_low" json:"effect_low"`
	EffectHigh      float64   `ch:"effect_high" json:"effect_high"`
	Statistic       float64   `ch:"statistic" json:"statistic"`
	PValue          float64   `ch:"p_value" json:"p_value"`
	FindingID       uuid.UUID `ch:"finding_id" json:"finding_id" doc:"what stands there or was dismissed; all zeros for none"`
	StandingOrder   string    `ch:"finding_order_name" json:"standing_order" doc:"its order; empty for none"`
	MovedOrders     int32     `ch:"moved_orders" json:"moved_orders" doc:"how many orders of the machine later it was found than it stands"`
}

// Findings gives rows of the attempt that counts, after the one with number above. diff "" is all.
func (q *Queue) Findings(ctx context.Context, b Backtest, diff Diff, above uint64, limit int) ([]NamedRow, error) {
	return store.Select[NamedRow](ctx, q.store, sql.MustQuery("backtest_findings"), store.Params{
		"database": b.Database, "suite": b.Suite, "backtest_id": b.ID.String(), "attempt": b.Progress.Attempt,
		"diff": string(diff), "above_number": above, "max_items": uint64(limit), //nolint:gosec // a count
	})
}

// scope is the suite that a backtest is about.
type scope struct {
	dataSeq  uint64
	metrics  []string // Real ones
	machines []named
	tests    []named
	orders   []orderRow // in order
}

type named struct {
	What string `ch:"what"`
	ID   uint32 `ch:"id"`
	Name string `ch:"name"`
}

type orderRow struct {
	ID    uint32    `ch:"order_id"`
	Name  string    `ch:"name"`
	First time.Time `ch:"first_at"`
}

// readScope reads what patterns and bounds are held against; a suite without data is [ErrInvalid].
func readScope(ctx context.Context, s *store.Store, database, suiteName string) (scope, error) {
	var out scope
	p := store.Params{"database": database, "suite": suiteName}
	heads, err := store.Select[struct {
		DataSeq uint64 `ch:"data_seq"`
		Metrics string `ch:"metrics"`
	}](ctx, s, sql.MustQuery("backtest_position"), p)
	if err != nil {
		return out, err
	}
	if len(heads) == 0 {
		return out, &refusal{ErrInvalid, fmt.Errorf("suite %s has no data to try a detector on", suiteName)}
	}
	out.dataSeq = heads[0].DataSeq
	var metrics []suite.Metric
	if err := json.Unmarshal([]byte(heads[0].Metrics), &metrics); err != nil {
		return out, fmt.Errorf("metrics of suite %s: %w", suiteName, err)
	}
	for _, m := range metrics {
		if m.Type == suite.Real {
			out.metrics = append(out.metrics, m.Name)
		}
	}
	names, err := store.Select[named](ctx, s, sql.MustQuery("backtest_names"), p)
	if err != nil {
		return out, err
	}
	for _, n := range names {
		if n.What == "machine" {
			out.machines = append(out.machines, n)
		} else {
			out.tests = append(out.tests, n)
		}
	}
	out.orders, err = readOrders(ctx, s, database, suiteName, 0)
	return out, err
}

func readOrders(ctx context.Context, s *store.Store, database, suiteName string, machineID uint32) ([]orderRow, error) {
	return store.Select[orderRow](ctx, s, sql.MustQuery("backtest_orders"), store.Params{"database": database, "suite": suiteName, "machine_id": machineID})
}

// matching are those of names that a pattern fits; all is true for a pattern that fits any name.
func matching(names []named, pattern string) (ids []uint32, all bool) {
	if strings.Trim(pattern, "*") == "" {
		return nil, true
	}
	for _, n := range names {
		if event.Glob(pattern, n.Name) {
			ids = append(ids, n.ID)
		}
	}
	return ids, false
}

func (s scope) matchingMetrics(pattern string) []string {
	return lo.Filter(s.metrics, func(name string, _ int) bool { return pattern == "" || event.Glob(pattern, name) })
}

// check says which patterns fit nothing and which bounds are none, and settles the bounds.
func (s scope) check(a *Asked) error {
	var problems []error
	for _, p := range []struct {
		field, pattern string
		names          []named
	}{{"machine", a.Machine, s.machines}, {"test", a.Test, s.tests}} {
		if ids, all := matching(p.names, p.pattern); !all && len(ids) == 0 {
			problems = append(problems, fmt.Errorf("%s: no %s of the suite matches %q", p.field, p.field, p.pattern))
		}
	}
	if len(s.matchingMetrics(a.Metric)) == 0 {
		problems = append(problems, fmt.Errorf("metric: no Real metric of the suite matches %q; it has %s", a.Metric, strings.Join(s.metrics, ", ")))
	}
	since, err := s.since(a.Since)
	if err != nil {
		problems = append(problems, err)
	}
	until, err := s.until(a.Until)
	if err != nil {
		problems = append(problems, err)
	}
	if len(problems) == 0 && since > until {
		problems = append(problems, errors.New("since: lies after until"))
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	if a.Since != "" {
		a.SinceOrder = s.orders[since].ID
	}
	if a.Until != "" {
		a.UntilOrder = s.orders[until].ID
	}
	return nil
}

// since is the index of the first order that counts: the one of that name, or the one after the last that was measured
// before a day or an instant.
func (s scope) since(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	if i, ok := s.order(text); ok {
		return i, nil
	}
	at, _, err := instant("since", text)
	if err != nil {
		return 0, err
	}
	first := 0
	for i, o := range s.orders {
		if o.First.Before(at) {
			first = i + 1
		}
	}
	if first >= len(s.orders) {
		return 0, fmt.Errorf("since: nothing was measured from %s on", text)
	}
	return first, nil
}

// until is the index of the last order that counts: the one of that name, or the last that was measured until the end of
// a day, or an instant.
func (s scope) until(text string) (int, error) {
	if text == "" {
		return math.MaxInt, nil
	}
	if i, ok := s.order(text); ok {
		return i, nil
	}
	at, isDay, err := instant("until", text)
	if err != nil {
		return 0, err
	}
	if isDay {
		at = at.AddDate(0, 0, 1).Add(-time.Nanosecond)
	}
	last := -1
	for i, o := range s.orders {
		if !o.First.After(at) {
			last = i
		}
	}
	if last < 0 {
		return 0, fmt.Errorf("until: nothing was measured until %s", text)
	}
	return last, nil
}

func (s scope) order(name string) (int, bool) {
	_, i, ok := lo.FindIndexOf(s.orders, func(o orderRow) bool { return o.Name == name })
	return i, ok
}

func instant(field, text string) (at time.Time, isDay bool, err error) {
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at, true, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, false, nil
	}
	return time.Time{}, false, fmt.Errorf("%s: %q is neither an order of the suite nor a day (2026-01-31) nor an instant (2026-01-31T08:00:00Z)", field, text)
}
