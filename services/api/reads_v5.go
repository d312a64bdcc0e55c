package api

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/sql"
)

var (
	qRestFindings          = sql.MustQuery("rest_findings")
	qRestFindingsAsOf      = sql.MustQuery("rest_findings_as_of")
	qRestFindingHistory    = sql.MustQuery("rest_finding_history")
	qRestRegressions       = sql.MustQuery("rest_regressions")
	qRestRegressionsAsOf   = sql.MustQuery("rest_regressions_as_of")
	qRestRegressionHistory = sql.MustQuery("rest_regression_history")
	qRestOrders            = sql.MustQuery("rest_orders")
	qRestPositionAt        = sql.MustQuery("rest_position_at")
	qRestNames             = sql.MustQuery("rest_names")
	qRestEvent             = sql.MustQuery("rest_event")
	qRestUndoRegressions   = sql.MustQuery("rest_undo_regressions")
	qRestUndoDismissals    = sql.MustQuery("rest_undo_dismissals")
	qRestRules             = sql.MustQuery("rest_rules")
	qRestSubscriptions     = sql.MustQuery("rest_subscriptions")
	qRestDeliveries        = sql.MustQuery("rest_deliveries")
	qRestFailing           = sql.MustQuery("rest_failing")
)

func bit(b bool) uint8 { return lo.Ternary[uint8](b, 1, 0) }

func uuids(ids []uuid.UUID) []string {
	return lo.Map(ids, func(id uuid.UUID, _ int) string { return id.String() })
}

func (r storeReads) Findings(ctx context.Context, k key, q findingQuery) ([]findingRow, error) {
	p := k.params(
		"machine_ids", q.machineIDs, "test_ids", q.testIDs, "metric", q.metric, "kind", q.kind, "cause", q.cause, "detector", q.detector,
		"change_ids", q.changeIDs, "shadow", bit(q.shadow), "below_seq", q.belowSeq, "below_id", q.belowID.String(), "max_items", q.limit)
	if !q.past {
		return store.Select[findingRow](ctx, r.Store, qRestFindings, p)
	}
	p["as_of"] = q.asOf
	return store.Select[findingRow](ctx, r.Store, qRestFindingsAsOf, p)
}

func (r storeReads) FindingHistory(ctx context.Context, k key, id uuid.UUID, number uint32) ([]findingVersion, error) {
	return store.Select[findingVersion](ctx, r.Store, qRestFindingHistory, k.params("finding_id", id.String(), "change_id", number))
}

func (r storeReads) Orders(ctx context.Context, k key, ids []uint32, name string) ([]orderPlace, error) {
	return store.Select[orderPlace](ctx, r.Store, qRestOrders, k.params("order_ids", ids, "name", name))
}

func (r storeReads) PositionAt(ctx context.Context, k key, at time.Time) (uint64, error) {
	row, _, err := one[struct {
		Seq uint64 `ch:"seq"`
	}](ctx, r.Store, qRestPositionAt, k.params("at", at))
	return row.Seq, err
}

func (r storeReads) Regressions(ctx context.Context, k key, q regressionQuery) ([]triagedRow, error) {
	ofMembers := len(q.machineIDs) > 0 || len(q.testIDs) > 0 || q.metric != ""
	p := k.params(
		"regression_ids", q.ids, "uuids", uuids(q.uuids), "states", q.states, "kind", q.kind, "cause", q.cause, "owner", q.owner, "tag", q.tag,
		"detector", q.detector, "has_commit", q.hasCommit, "commit_key", q.commitKey, "of_members", bit(ofMembers),
		"machine_ids", q.machineIDs, "test_ids", q.testIDs, "metric", q.metric, "by_effect", bit(q.byEffect),
		"below_score", q.belowScore, "below_id", q.belowID, "max_items", q.limit)
	if !q.past {
		return store.Select[triagedRow](ctx, r.Store, qRestRegressions, p)
	}
	p["as_of"] = q.asOf
	return store.Select[triagedRow](ctx, r.Store, qRestRegressionsAsOf, p)
}

func (r storeReads) RegressionHistory(ctx context.Context, k key, number uint32, limit uint64) ([]regressionVersion, error) {
	return store.Select[regressionVersion](ctx, r.Store, qRestRegressionHistory, k.params("regression_id", number, "max_items", limit))
}

func (r storeReads) Failing(ctx context.Context, k key) ([]failingJob, error) {
	return store.Select[failingJob](ctx, r.Store, qRestFailing, k.params())
}

func (r storeReads) Rules(ctx context.Context, k key, detector string, history bool) ([]ruleRow, error) {
	return store.Select[ruleRow](ctx, r.Store, qRestRules, k.params("detector", detector, "history", bit(history)))
}

func (r storeReads) Subscriptions(ctx context.Context, k key, ids []uuid.UUID, whole bool) ([]subscriptionItem, error) {
	return store.Select[subscriptionItem](ctx, r.Store, qRestSubscriptions, k.params("ids", uuids(ids), "whole", lo.Ternary[uint8](whole, 1, 0)))
}

func (r storeReads) Deliveries(ctx context.Context, k key, subscription uuid.UUID, belowSeq uint64, belowID uuid.UUID, limit uint64) ([]delivery, error) {
	return store.Select[delivery](ctx, r.Store, qRestDeliveries, k.params(
		"subscription_id", subscription.String(), "below_seq", belowSeq, "below_id", belowID.String(), "max_items", limit))
}

// namedRow is a regression or a change point with both its names.
type namedRow struct {
	Kind   string    `ch:"kind"`
	Number uint32    `ch:"number"`
	ID     uuid.UUID `ch:"uuid"`
}

// eventRow is what a position holds.
type eventRow struct {
	Type   string `ch:"event_type"`
	Status string `ch:"status"`
}

// priorRegression is a regression before an event; Seq is 0 for one that the event made.
type priorRegression struct {
	Number       uint32    `ch:"regression_id"`
	Seq          uint64    `ch:"seq"`
	Title        string    `ch:"title"`
	Bug          string    `ch:"bug"`
	State        uint8     `ch:"state"`
	ChangeIDs    []uint32  `ch:"change_ids"`
	Added        []uint64  `ch:"added"`
	Deleted      uint8     `ch:"deleted"`
	ID           uuid.UUID `ch:"uuid"`
	OpenedSeq    uint64    `ch:"opened_seq"`
	Detector     string    `ch:"detector"`
	Kind         string    `ch:"kind"`
	Cause        string    `ch:"cause"`
	Owner        string    `ch:"owner"`
	Tags         []string  `ch:"tags"`
	Note         string    `ch:"note"`
	StartOrderID uint32    `ch:"start_order_id"`
	EndOrderID   uint32    `ch:"end_order_id"`
	MergedInto   uint32    `ch:"merged_into"`
	Touched      uint8     `ch:"touched"`
	Titled       uint8     `ch:"titled"`
	Recovered    uint8     `ch:"recovered"`
	FormerState  uint8     `ch:"former_state"`
}

// priorDismissal is whether a change point was dismissed before an event.
type priorDismissal struct {
	Number    uint32  `ch:"change_id"`
	Dismissed uint8   `ch:"dismissed"`
	Effect    float64 `ch:"dismissed_effect"`
}

// lookupReads are the questions of those who write.
type lookupReads interface {
	Names(ctx context.Context, k key, ids []uuid.UUID, numbers []uint32) ([]namedRow, error)
	Event(ctx context.Context, k key, seq uint64) (eventRow, bool, error)
	RegressionsBefore(ctx context.Context, k key, seq uint64) ([]priorRegression, error)
	DismissalsBefore(ctx context.Context, k key, seq uint64) ([]priorDismissal, error)
}

func (r storeReads) Names(ctx context.Context, k key, ids []uuid.UUID, numbers []uint32) ([]namedRow, error) {
	return store.Select[namedRow](ctx, r.Store, qRestNames, k.params("uuids", uuids(ids), "numbers", numbers))
}

func (r storeReads) Event(ctx context.Context, k key, seq uint64) (eventRow, bool, error) {
	return one[eventRow](ctx, r.Store, qRestEvent, k.params("seq", seq))
}

func (r storeReads) RegressionsBefore(ctx context.Context, k key, seq uint64) ([]priorRegression, error) {
	return store.Select[priorRegression](ctx, r.Store, qRestUndoRegressions, k.params("seq", seq))
}

func (r storeReads) DismissalsBefore(ctx context.Context, k key, seq uint64) ([]priorDismissal, error) {
	return store.Select[priorDismissal](ctx, r.Store, qRestUndoDismissals, k.params("seq", seq))
}
