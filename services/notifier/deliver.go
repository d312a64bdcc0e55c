package notifier

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
)

// claim is an event that asks to have a delivery.
type claim struct {
	event   uuid.UUID
	attempt uint16
	// after is a position that the event comes after.
	after uint64
	// at is when it was made.
	at time.Time
}

// gone is what is said of a delivery whose notifier ended before it said how it went.
const gone = "the notifier ended before it knew how sending went"

// deliver makes one attempt: claim, send, say how it went. The answer is empty when another notifier has the delivery.
func (v *visit) deliver(ctx context.Context, j job) (answer, error) {
	select {
	case v.slots <- struct{}{}:
		defer func() { <-v.slots }()
	case <-ctx.Done():
		return answer{}, errHeld
	}
	attempt, have, err := v.take(ctx, j)
	if err != nil || !have {
		return answer{}, err
	}
	began := v.deps.Clock()
	a := v.send(ctx, j.plan)
	took := v.deps.Clock().Sub(began)
	v.told(ctx, j.plan, attempt, a, took)
	now := v.deps.Clock()
	v.leave(j.plan.Sub.ID, a.wait, now)
	v.rereadBy(v.name(), now.Add(max(v.cfg.pause(j.plan.ID, attempt), a.wait)))
	return a, v.say(ctx, j.plan, attempt, a)
}

// take claims the attempt that is due and says which it is; false when there is nothing to send.
func (v *visit) take(ctx context.Context, j job) (attempt uint16, have bool, err error) {
	if j.before == nil {
		have, err = v.claim(ctx, j.plan, 1)
		return 1, have, err
	}
	attempt = j.before.Attempt
	if j.before.Status != string(Started) {
		have, err = v.claim(ctx, j.plan, attempt+1)
		return attempt + 1, have, err
	}
	if waiting, ok := v.waiting(j.plan.ID); ok && waiting.attempt == attempt {
		// Our own, answered late.
		have, err = v.await(ctx, j.plan, waiting)
		return attempt, have, err
	}
	if !repeatable(j.plan.Sub.Channel) {
		v.metrics.deliveries.WithLabelValues(j.plan.Sub.Channel, string(Uncertain)).Inc()
		return attempt, false, v.say(ctx, j.plan, attempt, answer{status: Uncertain, code: 0, reason: gone})
	}
	given, err := v.record(ctx, j.plan, Failed, attempt, answer{status: Failed, code: 0, reason: gone})
	if err != nil || !given || attempt >= v.cfg.Attempts {
		return attempt, false, err
	}
	have, err = v.claim(ctx, j.plan, attempt+1)
	return attempt + 1, have, err
}

// claim asks for an attempt; the registry gives it to one notifier.
func (v *visit) claim(ctx context.Context, p Plan, attempt uint16) (bool, error) {
	have, err := v.record(ctx, p, Started, attempt, answer{})
	if err == nil && !have {
		v.metrics.lost.Inc()
	}
	return have, err
}

// record appends an event and waits until it is decided.
func (v *visit) record(ctx context.Context, p Plan, status Status, attempt uint16, a answer) (bool, error) {
	env, err := v.envelope(p, status, attempt, a)
	if err != nil {
		return false, err
	}
	if status == Started {
		v.wait(p.ID, claim{env.ID, attempt, v.stored, env.ReceivedAt})
	}
	if err := v.deps.Log.Append(ctx, env); err != nil {
		return false, fmt.Errorf("append %s of delivery %s: %w", status, p.ID, err)
	}
	return v.await(ctx, p, claim{env.ID, attempt, v.stored, env.ReceivedAt})
}

// await says whether an event was accepted. Without an answer in good time the claim stays our own, for a later look.
func (v *visit) await(ctx context.Context, p Plan, c claim) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, v.cfg.ClaimFor/4)
	defer cancel()
	pauses := &backoff.ExponentialBackOff{InitialInterval: 10 * time.Millisecond, MaxInterval: 500 * time.Millisecond, Multiplier: 1.5}
	for {
		accepted, decided, err := v.deps.Store.Decided(ctx, v.database, v.suite, c.after, c.event)
		if err == nil && decided {
			v.forget(p.ID, c)
			return accepted, nil
		}
		pause := time.NewTimer(pauses.NextBackOff())
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			if err != nil {
				return false, fmt.Errorf("read what became of delivery %s: %w", p.ID, err)
			}
			return false, errHeld
		}
	}
}

// send sends, also when the process has been told to stop: the time for one message is short.
func (v *visit) send(ctx context.Context, p Plan) answer {
	if len(p.Steps) == 0 {
		return answer{status: Failed, code: lo.Ternary(p.Sub.Channel == email, 554, http.StatusGone), reason: "the subscription asks for nothing of it any more"}
	}
	s, ok := v.senders[p.Sub.Channel]
	if !ok {
		return answer{status: Failed, code: http.StatusNotImplemented, reason: "there is no channel " + p.Sub.Channel}
	}
	c, err := s.compose(p.Sub, v.compose.message(p), v.deps.Clock())
	if err != nil {
		return answer{status: Failed, code: 0, reason: err.Error()}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.cfg.Timeout)
	defer cancel()
	return s.send(ctx, c)
}

// say records how an attempt went, for as long as nobody else would take the delivery for abandoned.
func (v *visit) say(ctx context.Context, p Plan, attempt uint16, a answer) error {
	env, err := v.envelope(p, a.status, attempt, a)
	if err != nil {
		return err
	}
	ctx, cancel := outlive(ctx, v.cfg.ClaimFor/4, 5*time.Second)
	defer cancel()
	_, err = backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, v.deps.Log.Append(ctx, env) },
		backoff.WithBackOff(backoff.NewExponentialBackOff()), backoff.WithMaxElapsedTime(v.cfg.ClaimFor/4))
	if err != nil {
		return fmt.Errorf("append %s of delivery %s: %w", a.status, p.ID, err)
	}
	return nil
}

// outlive is a context that lasts so long, or a little longer than ctx.
func outlive(ctx context.Context, most, after time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithTimeout(context.WithoutCancel(ctx), most)
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(after, cancel)
		context.AfterFunc(out, func() { t.Stop() })
	})
	return out, func() { stop(); cancel() }
}

// told is the one line a delivery leaves in the log.
func (v *visit) told(ctx context.Context, p Plan, attempt uint16, a answer, took time.Duration) {
	v.metrics.deliveries.WithLabelValues(p.Sub.Channel, string(a.status)).Inc()
	v.metrics.seconds.WithLabelValues(p.Sub.Channel).Observe(took.Seconds())
	changes, regressions, signals := p.findings()
	attrs := []any{
		"database", v.database, "suite", v.suite, "subscription", p.Sub.ID, "delivery", p.ID, "channel", p.Sub.Channel,
		"status", string(a.status), "code", a.code, "attempt", attempt, "findings", len(changes), "regressions", len(regressions), "signals", len(signals), "took", took,
	}
	if a.status == Delivered {
		v.since(p)
		v.deps.Logger.InfoContext(ctx, "message delivered", attrs...)
		return
	}
	last := attempt >= v.cfg.Attempts || a.status == Uncertain || !again(p.Sub.Channel, a.code)
	v.deps.Logger.WarnContext(ctx, "message not delivered", append(attrs, "last_attempt", last, "err", a.reason)...)
}

// since measures how long after each thing happened it was told.
func (v *visit) since(p Plan) {
	now := v.deps.Clock()
	for _, step := range p.Steps {
		v.metrics.told.WithLabelValues(p.Sub.Channel, lo.CoalesceOrEmpty(p.Sub.Every, "at_once")).Observe(max(now.Sub(step.At), 0).Seconds())
	}
}

// envelope makes the event; every one is new, as two notifiers that say the same must not be taken for one.
func (v *visit) envelope(p Plan, status Status, attempt uint16, a answer) (event.Envelope, error) {
	d := event.Delivery{
		ID: p.ID, SubscriptionID: p.Sub.ID, Status: string(status), Attempt: attempt, Code: uint16(a.code), Error: excerpt([]byte(a.reason)), RetryAfter: uint32(math.Ceil(a.wait.Seconds())), ToSeq: p.ToSeq, //nolint:gosec // three digits
	}
	d.ChangeIDs, d.RegressionIDs, d.Signals = p.findings()
	body, err := event.Notifications{Deliveries: []event.Delivery{d}}.Encode()
	if err != nil {
		return event.Envelope{}, err
	}
	now := v.deps.Clock()
	return event.Envelope{
		ID: event.NewID(now, nil), Type: event.NotificationRecorded, Version: 1, Database: v.database, Suite: v.suite,
		ContentType: "application/json", ReceivedAt: now.UTC().Truncate(time.Millisecond), Actor: "notifier", Body: body,
	}, nil
}

func (n *Notifier) wait(id uuid.UUID, c claim) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mine[id] = c
}

func (n *Notifier) waiting(id uuid.UUID) (claim, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, ok := n.mine[id]
	return c, ok
}

func (n *Notifier) claimed(id uuid.UUID) bool {
	_, ok := n.waiting(id)
	return ok
}

func (n *Notifier) forget(id uuid.UUID, c claim) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mine[id] == c {
		delete(n.mine, id)
	}
}

// pause is how long a delivery waits after an attempt: threefold each time, a fifth more or less, which follows from the delivery.
func (c Config) pause(id uuid.UUID, attempt uint16) time.Duration {
	steps := &backoff.ExponentialBackOff{InitialInterval: c.RetryMin, MaxInterval: c.RetryMax, Multiplier: 3}
	pause := c.RetryMin
	for range max(attempt, 1) {
		pause = steps.NextBackOff()
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint16(id[:], attempt))
	share := float64(binary.BigEndian.Uint32(sum[:])) / (1 << 32)
	return time.Duration(float64(pause) * (0.8 + 0.4*share))
}
