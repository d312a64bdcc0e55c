package notifier

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/pkg/suite"
	"tidemark/sql"
)

// jobName is under which the position is kept among the jobs'.
const jobName = "notify"

// ClickHouse is the [Store] of the product.
func ClickHouse(s *store.Store) Store { return clickHouse{s} }

type clickHouse struct{ store *store.Store }

func of(database, suite string, more store.Params) store.Params {
	return lo.Assign(store.Params{"database": database, "suite": suite}, more)
}

func list[T any](ctx context.Context, c clickHouse, query string, p store.Params) ([]T, error) {
	return store.Select[T](ctx, c.store, sql.MustQuery(query), p)
}

func (c clickHouse) Subscriptions(ctx context.Context) ([]Subscription, error) {
	return list[Subscription](ctx, c, "notify_subscriptions", nil)
}

func (c clickHouse) Position(ctx context.Context, database, suite string) (stored, told uint64, err error) {
	type row struct {
		Stored uint64 `ch:"stored"`
		Told   uint64 `ch:"told"`
	}
	rows, err := list[row](ctx, c, "notify_position", of(database, suite, nil))
	if err != nil || len(rows) == 0 {
		return 0, 0, err
	}
	return rows[0].Stored, rows[0].Told, nil
}

func (c clickHouse) Told(ctx context.Context, at time.Time, database, suite string, from, to uint64, took time.Duration) error {
	err := c.store.Exec(ctx, sql.MustQuery("record_job_run").Text, of(database, suite, store.Params{
		"job": jobName, "slot_at": at.UTC(), "started_at": at.UTC(), "took_ms": float64(took.Microseconds()) / 1000,
		"from_seq": from, "to_seq": to, "rows": uint64(0), "missed_slots": uint32(0), "error": "",
	}))
	if err != nil {
		return fmt.Errorf("move the position: %w", err)
	}
	return nil
}

func (c clickHouse) Fields(ctx context.Context, database, name string) (map[string]int, error) {
	type row struct {
		Schema string `ch:"schema"`
	}
	rows, err := list[row](ctx, c, "state_schema", of(database, name, nil))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var schema suite.Schema
	if err := json.Unmarshal([]byte(rows[0].Schema), &schema); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", name, err)
	}
	fields := map[string]int{}
	for i, m := range schema.Metrics {
		fields[m.Name] = i
	}
	return fields, nil
}

func (c clickHouse) Known(ctx context.Context, database, suite string, ids []uuid.UUID) ([]uuid.UUID, error) {
	type row struct {
		ID uuid.UUID `ch:"id"`
	}
	rows, err := list[row](ctx, c, "notify_known", of(database, suite, store.Params{
		"ids": lo.Map(ids, func(id uuid.UUID, _ int) string { return id.String() }),
	}))
	return lo.Map(rows, func(r row, _ int) uuid.UUID { return r.ID }), err
}

func (c clickHouse) Unfinished(ctx context.Context, database, suite string, attempts uint16) ([]Delivery, error) {
	return list[Delivery](ctx, c, "notify_unfinished", of(database, suite, store.Params{"attempts": attempts}))
}

func (c clickHouse) Newest(ctx context.Context, database, suite string) (map[uuid.UUID]Newest, error) {
	rows, err := list[Newest](ctx, c, "notify_newest", of(database, suite, nil))
	return lo.KeyBy(rows, func(n Newest) uuid.UUID { return n.Subscription }), err
}

func (c clickHouse) Decided(ctx context.Context, database, suite string, after uint64, id uuid.UUID) (accepted, decided bool, err error) {
	type row struct {
		Status string `ch:"status"`
	}
	rows, err := list[row](ctx, c, "notify_decided", of(database, suite, store.Params{"after_seq": after, "event_id": id.String()}))
	if err != nil || len(rows) == 0 {
		return false, false, err
	}
	return rows[0].Status == "accepted", true, nil
}

func (c clickHouse) History(ctx context.Context, database, suite string, from, to uint64) (History, error) {
	h := History{From: from, To: to, Before: map[uint32]Regression{}, Members: map[uint32]uint64{}}
	stretch := of(database, suite, store.Params{"from_seq": from, "to_seq": to})
	var err error
	if h.Rows, err = list[Regression](ctx, c, "notify_regressions", stretch); err != nil {
		return h, err
	}
	if h.Signals, err = list[Signal](ctx, c, "notify_signals", stretch); err != nil {
		return h, err
	}
	type changed struct {
		ID    uint32 `ch:"change_id"`
		First uint64 `ch:"first_seq"`
	}
	moved, err := list[changed](ctx, c, "notify_changed", stretch)
	if err != nil || len(moved) == 0 && len(h.Rows) == 0 {
		return h, err
	}
	changes := lo.Map(moved, func(m changed, _ int) uint32 { return m.ID })
	before, err := list[Regression](ctx, c, "notify_regressions_before", of(database, suite, store.Params{
		"from_seq": from, "changes": changes,
		"regressions": lo.Uniq(lo.Map(h.Rows, func(r Regression, _ int) uint32 { return r.ID })),
	}))
	if err != nil {
		return h, err
	}
	h.Before = lo.KeyBy(before, func(r Regression) uint32 { return r.ID })
	for _, r := range append(before, h.Rows...) {
		changes = append(changes, r.ChangeIDs...)
	}
	upTo := of(database, suite, store.Params{"to_seq": to, "changes": lo.Uniq(changes)})
	members, err := list[changed](ctx, c, "notify_memberships", upTo)
	if err != nil || len(members) == 0 {
		return h, err
	}
	for _, m := range members {
		h.Members[m.ID] = m.First
	}
	upTo["changes"] = lo.Keys(h.Members)
	h.Findings, err = list[Finding](ctx, c, "notify_findings", upTo)
	return h, err
}
