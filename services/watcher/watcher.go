package watcher

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// Log takes the signals.
type Log interface {
	// Append returns when the events are in the log for good.
	Append(ctx context.Context, events ...event.Envelope) error
}

// Deps are what a Watcher uses from its surroundings.
type Deps struct {
	Store      *store.Store
	Log        Log
	Clock      func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Watcher looks for what is missing.
type Watcher struct {
	cfg     Config
	deps    Deps
	metrics *metrics
	// began is the time of the first slot.
	began time.Time
	// told are the changes appended, by signal, with the position that each came after: they are not appended again
	// while they are on their way.
	told map[signal]change
	// looked are runs whose series were counted.
	looked map[signal]verdict
}

// signal is what may be missing from a machine.
type signal struct {
	database, suite string
	machineID       uint32
	kind            string
}

// change opens or closes a signal that an event at a position left otherwise; 0 for none.
type change struct {
	open     bool
	afterSeq uint64
}

// verdict is what the series of a run said.
type verdict struct {
	runID   uint32
	partial bool
	body    event.Signal
}

// New checks the configuration and opens nothing.
func New(cfg Config, deps Deps) (*Watcher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Watcher{cfg: cfg, deps: deps, metrics: newMetrics(deps.Registerer), told: map[signal]change{}, looked: map[signal]verdict{}}, nil
}

// Run works slot by slot until ctx ends. What fails in a slot is logged and looked at again in the next.
func (w *Watcher) Run(ctx context.Context) error {
	for {
		now := w.deps.Clock()
		next := now.Truncate(w.cfg.Interval).Add(w.cfg.Interval)
		if w.began.IsZero() {
			w.began = now
		}
		wait := time.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
			wait.Stop()
			return nil
		case <-wait.C:
		}
		if err := w.Slot(ctx, next); err != nil && ctx.Err() == nil {
			w.metrics.slots.WithLabelValues("failed").Inc()
			w.deps.Logger.ErrorContext(ctx, "slot not finished", "slot_at", next, "err", err)
			continue
		}
		w.metrics.slots.WithLabelValues("ok").Inc()
	}
}

// machine is one from which something seems to be missing.
type machine struct {
	Database     string    `ch:"database"`
	Suite        string    `ch:"suite"`
	MachineID    uint32    `ch:"machine_id"`
	Machine      string    `ch:"machine"`
	RunID        uint32    `ch:"run_id"`
	LastAt       time.Time `ch:"last_at"`
	SeenSeconds  float64   `ch:"seen_seconds"`
	UsualSeconds float64   `ch:"usual_seconds"`
	HighSeconds  float64   `ch:"high_seconds"`
	LimitSeconds float64   `ch:"limit_seconds"`
	IsSilent     uint8     `ch:"is_silent"`
	IsSmall      uint8     `ch:"is_small"`
	Seqs         []uint64  `ch:"seqs"`
}

// state is a signal as an event left it.
type state struct {
	Database  string    `ch:"database"`
	Suite     string    `ch:"suite"`
	MachineID uint32    `ch:"machine_id"`
	Signal    string    `ch:"signal"`
	IsOpen    uint8     `ch:"is_open"`
	Since     time.Time `ch:"since"`
	Expected  float64   `ch:"expected"`
	Unit      string    `ch:"unit"`
	Seq       uint64    `ch:"seq"`
}

// Slot looks at everything that came up to at.
func (w *Watcher) Slot(ctx context.Context, at time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	if w.began.IsZero() {
		w.began = at
	}
	// States before machines: a signal that changes in between is looked at again.
	states, err := store.Select[state](ctx, w.deps.Store, sql.MustQuery("signal_states"), nil)
	if err != nil {
		return fmt.Errorf("read signals: %w", err)
	}
	machines, err := store.Select[machine](ctx, w.deps.Store, sql.MustQuery("signal_machines"), store.Params{
		"at": at.UTC(), "floor_seconds": w.cfg.Floor.Seconds(), "retired_seconds": w.cfg.Retired.Seconds(), "share": w.cfg.Share,
	})
	if err != nil {
		return fmt.Errorf("look for missing runs: %w", err)
	}
	missing, err := w.missing(ctx, machines)
	if err != nil {
		return err
	}
	known := lo.KeyBy(states, func(s state) signal { return signal{s.Database, s.Suite, s.MachineID, s.Signal} })
	w.metrics.open.Set(float64(len(missing)))
	var events []event.Envelope
	for key, body := range missing {
		if known[key].IsOpen == 1 || key.kind == event.SignalSilence && at.Sub(w.began) < w.cfg.Floor {
			continue
		}
		if events, err = w.tell(events, key, change{true, known[key].Seq}, body, at); err != nil {
			return err
		}
	}
	for key, was := range known {
		if _, still := missing[key]; still || was.IsOpen == 0 {
			continue
		}
		body := event.Signal{Since: was.Since.UTC(), Expected: was.Expected, Unit: was.Unit, Detail: "it is as usual again, or so for long that it is usual"}
		if events, err = w.tell(events, key, change{false, was.Seq}, body, at); err != nil {
			return err
		}
	}
	if len(events) == 0 {
		return nil
	}
	slices.SortFunc(events, func(a, b event.Envelope) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	if err := w.deps.Log.Append(ctx, events...); err != nil {
		clear(w.told) // whatever was appended is known by its id
		return fmt.Errorf("append signals: %w", err)
	}
	w.metrics.changes.Add(float64(len(events)))
	return nil
}

// missing are the signals that should be open.
func (w *Watcher) missing(ctx context.Context, machines []machine) (map[signal]event.Signal, error) {
	out := map[signal]event.Signal{}
	looked := map[signal]verdict{}
	for _, m := range machines {
		if m.IsSilent == 1 {
			out[m.key(event.SignalSilence)] = m.silence()
		}
		if m.IsSmall == 0 {
			continue
		}
		key := m.key(event.SignalPartial)
		v, again := w.looked[key]
		if !again || v.runID != m.RunID {
			var err error
			if v, err = w.series(ctx, m); err != nil {
				return nil, fmt.Errorf("count the series of machine %d of %s/%s: %w", m.MachineID, m.Database, m.Suite, err)
			}
		}
		looked[key] = v
		if v.partial {
			out[key] = v.body
		}
	}
	w.looked = looked
	return out, nil
}

func (m machine) key(kind string) signal { return signal{m.Database, m.Suite, m.MachineID, kind} }

func (m machine) silence() event.Signal {
	return event.Signal{
		Since: m.LastAt.UTC(), Expected: m.LimitSeconds, Seen: m.SeenSeconds, Unit: "seconds",
		Detail: fmt.Sprintf("no run since %s; one comes every %s, nine of ten within %s, and %s is too long",
			m.LastAt.UTC().Format(time.RFC3339), span(m.UsualSeconds), span(m.HighSeconds), span(m.LimitSeconds)),
	}
}

func span(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

// smallShare is the share of earlier runs from which on small ones are usual.
const smallShare = 0.1

// namedTests bounds the tests that are named.
const namedTests = 5

// series counts the series of the newest run of a machine, and of those before it.
func (w *Watcher) series(ctx context.Context, m machine) (verdict, error) {
	type row struct {
		Newest     uint64   `ch:"newest"`
		Usual      float64  `ch:"usual"`
		SmallShare float64  `ch:"small_share"`
		Tests      []string `ch:"tests"`
		Metrics    []string `ch:"metrics"`
	}
	rows, err := store.Select[row](ctx, w.deps.Store, sql.MustQuery("signal_series"), store.Params{
		"database": m.Database, "suite": m.Suite, "machine_id": m.MachineID, "seqs": m.Seqs, "share": w.cfg.Share,
	})
	if err != nil || len(rows) == 0 {
		return verdict{runID: m.RunID}, err
	}
	r := rows[0]
	detail := fmt.Sprintf("run %d brings %d series, %.0f are usual", m.RunID, r.Newest, r.Usual)
	if len(r.Metrics) > 0 {
		detail += "; nothing of " + strings.Join(r.Metrics, ", ")
	}
	if len(r.Tests) > 0 {
		detail += "; less of " + strings.Join(r.Tests[:min(namedTests, len(r.Tests))], ", ")
		if more := len(r.Tests) - namedTests; more > 0 {
			detail += fmt.Sprintf(" and %d tests more", more)
		}
	}
	if len(detail) > event.MaxDetail {
		detail = strings.ToValidUTF8(detail[:event.MaxDetail], "")
	}
	return verdict{
		runID: m.RunID, partial: float64(r.Newest) < w.cfg.Share*r.Usual && r.SmallShare < smallShare,
		body: event.Signal{Since: m.LastAt.UTC(), Expected: r.Usual, Seen: float64(r.Newest), Unit: "series", Detail: detail},
	}, nil
}

// tell adds the event of a change, unless it is on its way already.
func (w *Watcher) tell(events []event.Envelope, key signal, c change, body event.Signal, at time.Time) ([]event.Envelope, error) {
	if told, ok := w.told[key]; ok && told == c {
		return events, nil
	}
	w.told[key] = c
	body.MachineID, body.Signal, body.Open = key.machineID, key.kind, c.open
	encoded, err := event.Signals{Signals: []event.Signal{body}}.Encode()
	if err != nil {
		return nil, err
	}
	w.deps.Logger.Info("signal changed", "database", key.database, "suite", key.suite, "machine_id", key.machineID, "signal", key.kind, "open", c.open, "slot_at", at)
	return append(events, event.Envelope{
		// What it says beside that differs by the slot: the id does not.
		ID:   event.IDFromKey(key.database, key.suite, fmt.Sprintf("signal %s of machine %d after %d: %t", key.kind, key.machineID, c.afterSeq, c.open)),
		Type: event.SignalChanged, Version: 1, Database: key.database, Suite: key.suite, ContentType: "application/json",
		ReceivedAt: w.deps.Clock().UTC().Truncate(time.Millisecond), Actor: "watcher", Body: encoded,
	}), nil
}
