package notifier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/samber/lo"

	"tidemark/pkg/event"
)

// Log takes what became of deliveries.
type Log interface {
	// Append returns when the events are in the log for good.
	Append(ctx context.Context, events ...event.Envelope) error
}

// Store says what is new and what was told; [ClickHouse] is one.
type Store interface {
	// Subscriptions are those of all suites.
	Subscriptions(ctx context.Context) ([]Subscription, error)
	// Position is how far a suite's log is stored, and how far it was told.
	Position(ctx context.Context, database, suite string) (stored, told uint64, err error)
	// Told moves the second of these.
	Told(ctx context.Context, at time.Time, database, suite string, from, to uint64, took time.Duration) error
	// History is a stretch of a suite's log.
	History(ctx context.Context, database, suite string, from, to uint64) (History, error)
	// Fields are the positions of a suite's metrics in its schema.
	Fields(ctx context.Context, database, suite string) (map[string]int, error)
	// Known says which of these deliveries were claimed before.
	Known(ctx context.Context, database, suite string, ids []uuid.UUID) ([]uuid.UUID, error)
	// Unfinished are deliveries that are under way, or failed and may be tried again, the oldest first.
	Unfinished(ctx context.Context, database, suite string, attempts uint16) ([]Delivery, error)
	// Newest is the newest delivery of each subscription of a suite.
	Newest(ctx context.Context, database, suite string) (map[uuid.UUID]Newest, error)
	// Decided is what became of an event that was appended after a position; false while that is not known.
	Decided(ctx context.Context, database, suite string, after uint64, id uuid.UUID) (accepted, decided bool, err error)
}

// Delivery is one as it was left.
type Delivery struct {
	ID           uuid.UUID `ch:"id"`
	Subscription uuid.UUID `ch:"subscription_id"`
	Status       string    `ch:"status"`
	Attempt      uint16    `ch:"attempt"`
	Code         uint16    `ch:"code"`
	// RetryAfter is for how long, in seconds, the receiver asked to be left alone.
	RetryAfter uint32 `ch:"retry_after_s"`
	// FromSeq is the ToSeq of the delivery before this one of the same subscription.
	FromSeq   uint64    `ch:"from_seq"`
	ToSeq     uint64    `ch:"to_seq"`
	ChangedAt time.Time `ch:"changed_at"`
}

// Newest is how far a subscription has heard, and when its newest delivery was first claimed.
type Newest struct {
	Subscription uuid.UUID `ch:"subscription_id"`
	ToSeq        uint64    `ch:"to_seq"`
	At           time.Time `ch:"first_at"`
}

// Deps are what a Notifier uses from its surroundings.
type Deps struct {
	Store      Store
	Log        Log
	Clock      func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Notifier tells what is new.
type Notifier struct {
	cfg     Config
	deps    Deps
	metrics *metrics
	senders map[string]sender
	// slots are places for messages under way.
	slots chan struct{}

	mu sync.Mutex
	// busy suites are being looked at. stored is how far each suite's log was stored at the look before this one.
	busy   map[string]bool
	stored map[string]uint64
	// mine are claims that nobody has answered yet.
	mine map[uuid.UUID]claim
	// reread is when each suite's unfinished deliveries are read again.
	reread map[string]time.Time
	// behind is how many events of each suite were not looked at.
	behind map[string]uint64
	// told is how far each suite was told, saved when that was last written down.
	told  map[string]uint64
	saved map[string]time.Time
	// looked is the newest time for which a subscription's digest was made or was found to be empty.
	looked map[uuid.UUID]time.Time
	// quiet is until when the receivers of subscriptions asked to be left alone.
	quiet map[uuid.UUID]time.Time
}

// New checks the configuration and opens nothing.
func New(cfg Config, deps Deps) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Notifier{
		cfg: cfg, deps: deps, metrics: newMetrics(deps.Registerer), slots: make(chan struct{}, cfg.Concurrency),
		busy: map[string]bool{}, stored: map[string]uint64{}, mine: map[uuid.UUID]claim{}, looked: map[uuid.UUID]time.Time{},
		quiet:  map[uuid.UUID]time.Time{},
		reread: map[string]time.Time{}, behind: map[string]uint64{}, told: map[string]uint64{}, saved: map[string]time.Time{},
	}, nil
}

// Open reads the notifier's key, or makes it.
func (n *Notifier) Open(context.Context) error {
	key, err := n.cfg.OwnKey(true)
	if err != nil {
		return err
	}
	n.senders = channels(n.cfg, n.deps.Clock, key)
	return nil
}

// channels are all ways to send.
func channels(cfg Config, clock func() time.Time, key Key) map[string]sender {
	return map[string]sender{
		webhook: newPoster(cfg, clock, webhook, func(s *Subscription) string { return key.For(s.ID) }, encodeJSON),
		slack:   newPoster(cfg, clock, slack, nil, encodeSlack),
		email:   newPost(cfg),
	}
}

// Run looks for news until ctx ends; what is being sent then is sent. A suite whose receivers are slow does not hold up others.
func (n *Notifier) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	tick := time.NewTicker(n.cfg.Interval)
	defer tick.Stop()
	for {
		if err := n.look(ctx, &wg); err != nil && ctx.Err() == nil {
			n.metrics.failed.Inc()
			n.deps.Logger.ErrorContext(ctx, "subscriptions not read", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Pass looks once at every suite and returns when all is sent that was due.
func (n *Notifier) Pass(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	return n.look(ctx, &wg)
}

// look begins to work on every suite that has subscriptions and is not being worked on.
func (n *Notifier) look(ctx context.Context, wg *sync.WaitGroup) error {
	subs, err := n.deps.Store.Subscriptions(ctx)
	if err != nil {
		return fmt.Errorf("read subscriptions: %w", err)
	}
	n.forgetOthers(subs)
	for name, mine := range lo.GroupBy(subs, func(s Subscription) string { return s.Database + "/" + s.Suite }) {
		if !n.begin(name) {
			continue
		}
		wg.Go(func() {
			defer n.end(name)
			v := &visit{Notifier: n, database: mine[0].Database, suite: mine[0].Suite, subs: mine}
			if err := v.run(ctx); err != nil && ctx.Err() == nil {
				n.metrics.failed.Inc()
				n.deps.Logger.ErrorContext(ctx, "suite not told", "database", v.database, "suite", v.suite, "err", err)
			}
		})
	}
	return nil
}

func (n *Notifier) begin(suite string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.busy[suite] {
		return false
	}
	n.busy[suite] = true
	return true
}

func (n *Notifier) end(suite string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.busy, suite)
}

// settled is how far everything a suite's events brought can be read for sure: as far as the ledger was at the look before. The
// tables behind it follow within the same insert.
func (n *Notifier) settled(suite string, stored uint64) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := n.stored[suite]
	n.stored[suite] = stored
	return before
}

// errHeld says that something could not be claimed now; it is left for the next look.
var errHeld = errors.New("not claimed")
