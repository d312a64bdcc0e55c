package notifier_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/event"
	"tidemark/pkg/testkit"
	"tidemark/services/notifier"
)

func TestMain(m *testing.M) {
	if err := trustOwnCertificate(); err != nil {
		panic(err)
	}
	testkit.Main(m)
}

var noon = time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)

// suite is what a registry and a store know of one suite: enough to try notifiers at every point at which they may end.
type suite struct {
	t  testing.TB
	mu sync.Mutex

	subs     []notifier.Subscription
	rows     []notifier.Regression
	findings []notifier.Finding
	signals  []notifier.Signal
	seq      uint64
	told     uint64
	now      time.Time

	deliveries map[uuid.UUID]delivery
	decided    map[uuid.UUID]bool
	events     []delivery // all that were accepted, in order
	// before is asked before an event is taken; an error keeps it out. mute keeps what was decided back.
	before func(d delivery) error
	mute   bool
	// registry is that of the newest notifier.
	registry *prometheus.Registry
}

type delivery struct {
	ID            uuid.UUID `json:"id"`
	Subscription  uuid.UUID `json:"subscription_id"`
	Status        string    `json:"status"`
	Attempt       uint16    `json:"attempt"`
	Code          uint16    `json:"code"`
	Error         string    `json:"error"`
	RetryAfter    uint32    `json:"retry_after_s"`
	ToSeq         uint64    `json:"to_seq"`
	ChangeIDs     []uint32  `json:"change_ids"`
	RegressionIDs []uint32  `json:"regression_ids"`
	Signals       []string  `json:"signals"`
	at, first     time.Time
	seq           uint64
}

func newSuite(t testing.TB) *suite {
	t.Helper()
	return &suite{t: t, now: noon, deliveries: map[uuid.UUID]delivery{}, decided: map[uuid.UUID]bool{}}
}

func (s *suite) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *suite) wait(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// subscribe adds a subscription to what comes from now on.
func (s *suite) subscribe(channel, target string, change ...func(*notifier.Subscription)) notifier.Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	sub := notifier.Subscription{
		Database: "default", Suite: "nts", ID: uuid.NewSHA1(uuid.Nil, []byte{byte(len(s.subs))}), Name: "people", Channel: channel, Target: target,
		FirstSeq: s.seq, ChangedAt: s.now,
	}
	for _, c := range change {
		c(&sub)
	}
	s.subs = append(s.subs, sub)
	return sub
}

// find is an event that finds changes of the given effects and puts them into a regression.
func (s *suite) find(regression uint32, tests map[string]float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	r := s.newest(regression)
	names := make([]string, 0, len(tests))
	for name := range tests {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f := s.finding(name)
		f.Effect, f.After, f.Seq = tests[name], 100*(1+tests[name]), s.seq
		s.findings = append(s.findings, f)
		if !slices.Contains(r.ChangeIDs, f.ChangeID) {
			r.ChangeIDs = append(slices.Clone(r.ChangeIDs), f.ChangeID)
		}
	}
	r.Seq, r.At, r.EventType, r.Actor = s.seq, s.now, "change.found", "detector"
	s.rows = append(s.rows, r)
}

// state is an event that leaves a regression in a state.
func (s *suite) state(regression uint32, state uint8, eventType, actor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	r := s.newest(regression)
	r.Seq, r.At, r.EventType, r.Actor, r.State = s.seq, s.now, eventType, actor, state
	s.rows = append(s.rows, r)
}

// withdrawn takes all findings out of what was said last of a regression.
func (s *suite) withdrawn(regression uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, row := range slices.Backward(s.rows) {
		if row.ID == regression {
			s.rows[i].ChangeIDs = nil
			return
		}
	}
}

func (s *suite) newest(regression uint32) notifier.Regression {
	for _, row := range slices.Backward(s.rows) {
		if row.ID == regression {
			return row
		}
	}
	return notifier.Regression{ID: regression, Title: "execution_time +5 % at r12", Kind: "regression", Detector: "steps", StartOrder: "r11", EndOrder: "r12"}
}

func (s *suite) finding(test string) notifier.Finding {
	largest := uint32(0)
	for _, f := range slices.Backward(s.findings) {
		if f.Test == test {
			return f
		}
		largest = max(largest, f.ChangeID)
	}
	return notifier.Finding{
		ChangeID: largest + 1, ID: uuid.NewSHA1(uuid.Nil, []byte(test)), MachineID: 1, Machine: "m1", TestID: largest + 1, Test: test, Metric: "execution_time",
		OrderID: 12, Order: "r12", Previous: "r11", Direction: "up", Kind: "regression", Before: 100, Detector: "steps", Active: 1,
	}
}

// Append decides as the registry does.
func (s *suite) Append(_ context.Context, events ...event.Envelope) error {
	for _, e := range events {
		var body struct {
			Deliveries []delivery `json:"deliveries"`
		}
		if err := json.Unmarshal(e.Body, &body); err != nil {
			return err
		}
		d := body.Deliveries[0]
		if s.before != nil {
			if err := s.before(d); err != nil {
				return err
			}
		}
		s.decide(e.ID, d)
	}
	return nil
}

func (s *suite) decide(id uuid.UUID, d delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, there := s.deliveries[d.ID]
	ok := known.Status == "started" && known.Attempt == d.Attempt
	if d.Status == "started" {
		ok = (!there || known.Status == "failed") && d.Attempt == known.Attempt+1
	}
	s.decided[id] = ok
	if !ok {
		return
	}
	s.seq++
	d.at, d.first, d.seq = s.now, s.now, s.seq
	if there {
		d.first = known.first
	}
	s.deliveries[d.ID] = d
	s.events = append(s.events, d)
}

func (s *suite) Subscriptions(context.Context) ([]notifier.Subscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.subs), nil
}

func (s *suite) Position(context.Context, string, string) (stored, told uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq, s.told, nil
}

func (s *suite) Told(_ context.Context, _ time.Time, _, _ string, _, to uint64, _ time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = max(s.told, to)
	return nil
}

func (s *suite) History(_ context.Context, _, _ string, from, to uint64) (notifier.History, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := notifier.History{From: from, To: to, Before: map[uint32]notifier.Regression{}, Members: map[uint32]uint64{}}
	for _, r := range s.rows {
		for _, id := range r.ChangeIDs {
			if _, ok := h.Members[id]; !ok {
				h.Members[id] = r.Seq
			}
		}
		switch {
		case r.Seq <= from:
			h.Before[r.ID] = r
		case r.Seq <= to:
			h.Rows = append(h.Rows, r)
		}
	}
	for _, f := range s.findings {
		if f.Seq <= to {
			h.Findings = append(h.Findings, f)
		}
	}
	for _, sig := range s.signals {
		if sig.Seq > from && sig.Seq <= to {
			h.Signals = append(h.Signals, sig)
		}
	}
	return h, nil
}

func (s *suite) Fields(context.Context, string, string) (map[string]int, error) {
	return map[string]int{"compile_time": 0, "execution_time": 2}, nil
}

func (s *suite) Known(_ context.Context, _, _ string, ids []uuid.UUID) ([]uuid.UUID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { _, ok := s.deliveries[id]; return !ok }), nil
}

func (s *suite) Unfinished(_ context.Context, _, _ string, attempts uint16) ([]notifier.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []notifier.Delivery
	for _, d := range s.deliveries {
		permanent := d.Code >= 300 && d.Code < 500 && d.Code != 408 && d.Code != 429
		if i := slices.IndexFunc(s.subs, func(sub notifier.Subscription) bool { return sub.ID == d.Subscription }); s.subs[i].Channel == "email" {
			permanent = d.Code >= 500
		}
		if d.Status == "started" || d.Status == "failed" && d.Attempt < attempts && !permanent {
			from := uint64(0)
			for _, other := range s.deliveries {
				if other.Subscription == d.Subscription && other.ToSeq < d.ToSeq {
					from = max(from, other.ToSeq)
				}
			}
			out = append(out, notifier.Delivery{
				ID: d.ID, Subscription: d.Subscription, Status: d.Status, Attempt: d.Attempt, Code: d.Code, RetryAfter: d.RetryAfter, FromSeq: from, ToSeq: d.ToSeq, ChangedAt: d.at,
			})
		}
	}
	slices.SortFunc(out, func(a, b notifier.Delivery) int { return int(a.ToSeq) - int(b.ToSeq) })
	return out, nil
}

func (s *suite) Newest(context.Context, string, string) (map[uuid.UUID]notifier.Newest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[uuid.UUID]notifier.Newest{}
	for _, d := range s.deliveries {
		n := out[d.Subscription]
		n.Subscription, n.ToSeq = d.Subscription, max(n.ToSeq, d.ToSeq)
		if d.first.After(n.At) {
			n.At = d.first
		}
		out[d.Subscription] = n
	}
	return out, nil
}

func (s *suite) Decided(_ context.Context, _, _ string, _ uint64, id uuid.UUID) (accepted, decided bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mute {
		return false, false, nil
	}
	accepted, decided = s.decided[id]
	return accepted, decided, nil
}

// statuses are what became of deliveries, in the order in which it was recorded.
func (s *suite) statuses() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, d := range s.events {
		out = append(out, d.Status)
	}
	return out
}

// notifier is a new one, as after a start.
func (s *suite) notifier(change ...func(*notifier.Config)) *notifier.Notifier {
	s.t.Helper()
	cfg := notifier.DefaultConfig()
	cfg.KeyFile = filepath.Join(s.t.TempDir(), "notifier.key")
	cfg.PublicURL = "https://perf.example/tidemark/"
	cfg.Timeout, cfg.ClaimFor = 500*time.Millisecond, 2*time.Second
	for _, c := range change {
		c(&cfg)
	}
	s.registry = prometheus.NewRegistry()
	n, err := notifier.New(cfg, notifier.Deps{
		Store: s, Log: s, Clock: s.clock, Logger: testkit.Logger(), Registerer: s.registry,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := n.Open(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// pass looks often enough for everything that is there to be told.
func (s *suite) pass(n *notifier.Notifier) {
	s.t.Helper()
	for range 3 {
		if err := n.Pass(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
}

var errKilled = errors.New("killed")
