package notifier

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"
)

// visit is one look at a suite.
type visit struct {
	*Notifier
	database, suite string
	subs            []Subscription
	// stored is how far the suite's log is stored, for sure.
	stored  uint64
	compose composer
}

// job is a plan and which attempt it is.
type job struct {
	plan    Plan
	attempt uint16
	// before is the delivery that is taken up again; nil for a new one.
	before *Delivery
}

// run sends what is due, then moves the position: a crash before that finds the same plans again, and which of them are claimed.
func (v *visit) run(ctx context.Context) error {
	started := v.deps.Clock()
	stored, told, err := v.deps.Store.Position(ctx, v.database, v.suite)
	if err != nil {
		return fmt.Errorf("read position: %w", err)
	}
	to := v.settled(v.name(), stored)
	v.stored, told = to, v.come(v.name(), told)
	v.metrics.behind.Set(v.lag(v.name(), stored-min(stored, told)))
	queues := map[uuid.UUID][]job{}
	if err := errors.Join(v.unfinished(ctx, queues), v.fresh(ctx, told, to, queues), v.digests(ctx, to, queues)); err != nil {
		return err
	}
	if len(queues) > 0 {
		fields, err := v.deps.Store.Fields(ctx, v.database, v.suite)
		if err != nil {
			return fmt.Errorf("read schema: %w", err)
		}
		v.compose = composer{v.cfg.PublicURL, fields}
	}
	if whole, err := v.work(ctx, queues); err != nil || !whole || to <= told {
		return err
	}
	if !v.save(v.name(), to, started) && len(queues) == 0 {
		return nil
	}
	return v.deps.Store.Told(ctx, started, v.database, v.suite, told, to, v.deps.Clock().Sub(started))
}

func (v *visit) name() string { return v.database + "/" + v.suite }

// come is how far a suite was told, which may not be written down yet.
func (n *Notifier) come(suite string, told uint64) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return max(told, n.told[suite])
}

// lag is how many events all suites have that were not looked at.
func (n *Notifier) lag(suite string, events uint64) float64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.behind[suite] = events
	return float64(lo.Sum(lo.Values(n.behind)))
}

// saveEvery is how often the position is written down when there was nothing to tell. To look at a stretch again costs little.
const saveEvery = 30 * time.Second

// save keeps the position and says whether it is time to write it down.
func (n *Notifier) save(suite string, to uint64, at time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told[suite] = to
	due := at.Sub(n.saved[suite]) >= saveEvery
	if due {
		n.saved[suite] = at
	}
	return due
}

// rereadEvery is how often the deliveries of other notifiers are looked at.
const rereadEvery = 15 * time.Second

// rereading says whether it is time to read a suite's unfinished deliveries; if so, the next time is set.
func (n *Notifier) rereading(suite string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.Before(n.reread[suite]) && len(n.mine) == 0 {
		return false
	}
	n.reread[suite] = now.Add(rereadEvery)
	return true
}

// rereadBy brings the next time forward.
func (n *Notifier) rereadBy(suite string, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at.Before(n.reread[suite]) {
		n.reread[suite] = at
	}
}

// unfinished are deliveries whose next attempt is due, and those whose notifier has gone.
func (v *visit) unfinished(ctx context.Context, queues map[uuid.UUID][]job) error {
	now := v.deps.Clock()
	if !v.rereading(v.name(), now) {
		return nil
	}
	list, err := v.deps.Store.Unfinished(ctx, v.database, v.suite, v.cfg.Attempts)
	if err != nil {
		return fmt.Errorf("read deliveries: %w", err)
	}
	for _, d := range list {
		sub, ok := lo.Find(v.subs, func(s Subscription) bool { return s.ID == d.Subscription })
		if !ok {
			continue
		}
		if at := v.due(d); now.Before(at) {
			v.rereadBy(v.name(), at)
			continue
		}
		plan, err := v.again(ctx, &sub, d)
		if err != nil {
			return err
		}
		queues[sub.ID] = append(queues[sub.ID], job{plan, d.Attempt, &d})
	}
	return nil
}

// due is when a delivery is taken up again.
func (v *visit) due(d Delivery) time.Time {
	switch {
	case d.Status != string(Started):
		return d.ChangedAt.Add(max(v.cfg.pause(d.ID, d.Attempt), time.Duration(d.RetryAfter)*time.Second))
	case v.claimed(d.ID):
		return d.ChangedAt
	default:
		return d.ChangedAt.Add(v.cfg.ClaimFor)
	}
}

// again is the plan of a delivery, made from the same stretch of history. It has no steps when the subscription wants none of it
// any more.
func (v *visit) again(ctx context.Context, sub *Subscription, d Delivery) (Plan, error) {
	none := Plan{ID: d.ID, Sub: sub, ToSeq: d.ToSeq}
	from := max(d.FromSeq, sub.FirstSeq)
	if sub.digest() == 0 {
		from = d.ToSeq - min(d.ToSeq, 1)
	}
	h, err := v.deps.Store.History(ctx, v.database, v.suite, from, d.ToSeq)
	if err != nil {
		return none, fmt.Errorf("read history: %w", err)
	}
	made := plans(sub, h.steps())
	if sub.digest() > 0 {
		whole, _ := digest(sub, from, h.steps(), time.Unix(math.MaxInt32, 0))
		made = []Plan{whole}
	}
	if p, ok := lo.Find(made, func(p Plan) bool { return p.ID == d.ID && len(p.Steps) > 0 }); ok {
		return p, nil
	}
	return none, nil
}

// fresh are the plans of subscriptions that hear at once.
func (v *visit) fresh(ctx context.Context, told, to uint64, queues map[uuid.UUID][]job) error {
	now := lo.Filter(v.subs, func(s Subscription, _ int) bool { return s.digest() == 0 })
	if len(now) == 0 {
		return nil
	}
	from := max(told, slices.Min(lo.Map(now, func(s Subscription, _ int) uint64 { return s.FirstSeq })))
	if from >= to {
		return nil
	}
	h, err := v.deps.Store.History(ctx, v.database, v.suite, from, to)
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	steps := h.steps()
	var made []Plan
	for i := range now {
		made = append(made, plans(&now[i], steps)...)
	}
	return v.unclaimed(ctx, made, queues)
}

// unclaimed queues the plans that no notifier has claimed.
func (v *visit) unclaimed(ctx context.Context, made []Plan, queues map[uuid.UUID][]job) error {
	if len(made) == 0 {
		return nil
	}
	known, err := v.deps.Store.Known(ctx, v.database, v.suite, lo.Map(made, func(p Plan, _ int) uuid.UUID { return p.ID }))
	if err != nil {
		return fmt.Errorf("read deliveries: %w", err)
	}
	for _, p := range made {
		if !slices.Contains(known, p.ID) {
			queues[p.Sub.ID] = append(queues[p.Sub.ID], job{plan: p, attempt: 1})
		}
	}
	return nil
}

// digests are the plans of subscriptions that hear every so often: what happened until the hour or day (UTC) ended.
func (v *visit) digests(ctx context.Context, to uint64, queues map[uuid.UUID][]job) error {
	now := v.deps.Clock().UTC()
	due := lo.Filter(v.subs, func(s Subscription, _ int) bool {
		return s.digest() > 0 && v.unseen(s.ID, now.Truncate(s.digest()))
	})
	if len(due) == 0 || to == 0 {
		return nil
	}
	newest, err := v.deps.Store.Newest(ctx, v.database, v.suite)
	if err != nil {
		return fmt.Errorf("read newest deliveries: %w", err)
	}
	for i := range due {
		sub := &due[i]
		ended := now.Truncate(sub.digest())
		last := newest[sub.ID]
		if !ended.After(sub.ChangedAt) || !ended.After(last.At) {
			continue
		}
		from := max(last.ToSeq, sub.FirstSeq)
		h, err := v.deps.Store.History(ctx, v.database, v.suite, from, max(from, to))
		if err != nil {
			return fmt.Errorf("read history: %w", err)
		}
		plan, some := digest(sub, from, h.steps(), ended)
		if !some {
			v.see(sub.ID, ended)
			continue
		}
		if err := v.unclaimed(ctx, []Plan{plan}, queues); err != nil {
			return err
		}
	}
	return nil
}

func (n *Notifier) unseen(sub uuid.UUID, ended time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return ended.After(n.looked[sub])
}

func (n *Notifier) see(sub uuid.UUID, ended time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.looked[sub] = ended
}

// work goes through the queues side by side, each in order. It is not whole when some plan was left unclaimed, and comes again.
func (v *visit) work(ctx context.Context, queues map[uuid.UUID][]job) (whole bool, err error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var problems []error
	whole = true
	for _, id := range slices.SortedFunc(maps.Keys(queues), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }) {
		wg.Go(func() {
			err := v.queue(ctx, queues[id])
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, errHeld) {
				whole, err = false, nil
			}
			problems = append(problems, err)
		})
	}
	wg.Wait()
	return whole && ctx.Err() == nil, errors.Join(problems...)
}

// leave notes that a receiver asked to be left alone for so long.
func (n *Notifier) leave(sub uuid.UUID, wait time.Duration, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if wait > 0 {
		n.quiet[sub] = now.Add(wait)
	} else {
		delete(n.quiet, sub)
	}
}

// left says whether a receiver is to be left alone.
func (n *Notifier) left(sub uuid.UUID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.deps.Clock().Before(n.quiet[sub])
}

// forgetOthers drops what is remembered of subscriptions that are no more, and of claims that are nobody's: after the time for which a
// claim holds another notifier has taken them up, and the tables say what became of them.
func (n *Notifier) forgetOthers(subs []Subscription) {
	now := n.deps.Clock()
	n.mu.Lock()
	defer n.mu.Unlock()
	there := lo.SliceToMap(subs, func(s Subscription) (uuid.UUID, bool) { return s.ID, true })
	maps.DeleteFunc(n.looked, func(id uuid.UUID, _ time.Time) bool { return !there[id] })
	maps.DeleteFunc(n.quiet, func(id uuid.UUID, _ time.Time) bool { return !there[id] })
	maps.DeleteFunc(n.mine, func(_ uuid.UUID, c claim) bool { return now.Sub(c.at) > 2*n.cfg.ClaimFor })
}

// patience is how many times in a row a receiver may fail before what is left for it waits for the next look.
const patience = 2

func (v *visit) queue(ctx context.Context, jobs []job) error {
	failures := 0
	for i, j := range jobs {
		if failures >= patience || ctx.Err() != nil || v.left(j.plan.Sub.ID) {
			if slices.ContainsFunc(jobs[i:], func(j job) bool { return j.before == nil }) {
				return errHeld
			}
			return nil
		}
		a, err := v.deliver(ctx, j)
		if err != nil {
			return err
		}
		failures = lo.Ternary(a.status == Failed && again(j.plan.Sub.Channel, a.code), failures+1, 0)
	}
	return nil
}
