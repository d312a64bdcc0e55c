package intake

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/eventlog"
)

// scriptedTail follows when told, and loses the log when told.
type scriptedTail struct {
	begin, lose chan struct{}
	mu          sync.Mutex
	handle      func(eventlog.Record)
	tails       int
}

func (s *scriptedTail) Tail(ctx context.Context, topic string, ready func(), handle func(eventlog.Record)) error {
	if topic != event.TopicOutcomes {
		return errors.New("another topic")
	}
	s.mu.Lock()
	s.handle, s.tails = handle, s.tails+1
	s.mu.Unlock()
	select {
	case <-s.begin:
		ready()
	case <-s.lose:
		return eventlog.ErrUnavailable
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-s.lose:
		return eventlog.ErrUnavailable
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *scriptedTail) tell(t *testing.T, id uuid.UUID, offset int64, run uint32) {
	t.Helper()
	value, err := event.Outcome{EventID: id, Status: event.Accepted, Partition: 1, Offset: offset, RunID: run}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handle(eventlog.Record{Value: value})
}

// following runs f, inside a synctest bubble, with outcomes that follow their topic.
func following(t *testing.T, f func(t *testing.T, o *Outcomes, tail *scriptedTail)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tail := &scriptedTail{begin: make(chan struct{}), lose: make(chan struct{})}
		o := NewOutcomes(tail, 3, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- o.Run(ctx) }()
		tail.begin <- struct{}{}
		synctest.Wait()
		f(t, o, tail)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func register(t *testing.T, o *Outcomes, id uuid.UUID) *waiter {
	t.Helper()
	w, err := o.register(id)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var someID = uuid.MustParse("01890000-0000-7000-8000-000000000001")

func TestOutcomes_BeforeOrAfterThePositionIsKnown_AreHandedOver(t *testing.T) {
	t.Parallel()
	following(t, func(t *testing.T, o *Outcomes, tail *scriptedTail) {
		early := register(t, o, someID)
		tail.tell(t, someID, 7, 70)
		if out, err := early.wait(t.Context(), eventlog.Position{Partition: 1, Offset: 7}, time.Second); err != nil || out.RunID != 70 {
			t.Errorf("early: %v, %v", out.RunID, err)
		}
		early.forget()

		late := register(t, o, someID)
		got := make(chan uint32)
		go func() {
			out, _ := late.wait(t.Context(), eventlog.Position{Partition: 1, Offset: 8}, time.Second)
			got <- out.RunID
		}()
		synctest.Wait()
		tail.tell(t, someID, 8, 80)
		tail.tell(t, someID, 8, 80) // a repeat
		if run := <-got; run != 80 {
			t.Errorf("late: %d", run)
		}
		late.forget()
		if o.Waiters() != 0 || len(o.waiting) != 0 {
			t.Errorf("%d waiters left", o.Waiters())
		}
	})
}

// Two requests with one idempotency key and different bodies are different records: each gets its own answer.
func TestOutcomes_SameIDTwice_EachGetsTheAnswerOfItsRecord(t *testing.T) {
	t.Parallel()
	following(t, func(t *testing.T, o *Outcomes, tail *scriptedTail) {
		a, b := register(t, o, someID), register(t, o, someID)
		tail.tell(t, someID, 2, 20)
		tail.tell(t, someID, 1, 10)
		for w, at := range map[*waiter]int64{a: 1, b: 2} {
			out, err := w.wait(t.Context(), eventlog.Position{Partition: 1, Offset: at}, time.Second)
			if err != nil || int64(out.RunID) != 10*at {
				t.Errorf("offset %d: run %d, %v", at, out.RunID, err)
			}
			w.forget()
		}
	})
}

func TestOutcomes_NoneInTime_EndsTheWait(t *testing.T) {
	t.Parallel()
	following(t, func(t *testing.T, o *Outcomes, tail *scriptedTail) {
		w := register(t, o, someID)
		defer w.forget()
		from := time.Now()
		if _, err := w.wait(t.Context(), eventlog.Position{}, time.Minute); !errors.Is(err, errNoOutcome) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(from); took != time.Minute {
			t.Errorf("waited %s", took)
		}
	})
}

func TestOutcomes_Bound_RefusesMoreWaiters(t *testing.T) {
	t.Parallel()
	following(t, func(t *testing.T, o *Outcomes, _ *scriptedTail) {
		first := register(t, o, uuid.New())
		register(t, o, someID)
		register(t, o, someID)
		if _, err := o.register(uuid.New()); !errors.Is(err, errCrowded) {
			t.Errorf("got %v", err)
		}
		first.forget()
		first.forget()
		register(t, o, uuid.New())
		if o.Waiters() != 3 {
			t.Errorf("%d waiters", o.Waiters())
		}
	})
}

func TestOutcomes_LogLost_FollowsAgain(t *testing.T) {
	t.Parallel()
	following(t, func(t *testing.T, o *Outcomes, tail *scriptedTail) {
		if !o.Ready() {
			t.Fatal("not ready")
		}
		tail.lose <- struct{}{}
		synctest.Wait()
		if o.Ready() || o.waitReady(t.Context(), time.Millisecond) {
			t.Error("ready without a log")
		}
		tail.lose <- struct{}{} // and once more, before it was ready
		tail.begin <- struct{}{}
		if !o.waitReady(t.Context(), time.Minute) || !o.Ready() || tail.tails != 3 {
			t.Errorf("not ready again after %d tails", tail.tails)
		}
	})
}

func TestOutcomes_RunEnds_ReleasesWhoeverWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := NewOutcomes(&scriptedTail{}, 3, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		w := register(t, o, someID)
		ended := make(chan error, 2)
		go func() { _, err := w.wait(t.Context(), eventlog.Position{}, time.Hour); ended <- err }()
		synctest.Wait()
		cancel()
		if err := o.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
		if err := <-ended; !errors.Is(err, errNoOutcome) {
			t.Errorf("wait: %v", err)
		}
	})
}

func TestOutcomes_NotAnOutcome_IsPassedOver(t *testing.T) {
	t.Parallel()
	following(t, func(t *testing.T, o *Outcomes, tail *scriptedTail) {
		w := register(t, o, someID)
		tail.handle(eventlog.Record{Value: []byte("not JSON")})
		tail.tell(t, uuid.New(), 1, 1)
		tail.tell(t, someID, 1, 10)
		if out, err := w.wait(t.Context(), eventlog.Position{Partition: 1, Offset: 1}, time.Second); err != nil || out.RunID != 10 {
			t.Errorf("run %d, %v", out.RunID, err)
		}
	})
}
