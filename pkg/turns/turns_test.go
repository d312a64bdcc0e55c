package turns_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/pkg/turns"
)

func enter(t *testing.T, s *turns.Share) func() {
	t.Helper()
	leave, err := s.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

// wait enters in the background and tells its name when it is in.
func wait(t *testing.T, s *turns.Share, name string, in chan<- string) {
	t.Helper()
	go func() {
		leave, err := s.Enter(t.Context())
		if err != nil {
			in <- name + ": " + err.Error()
			return
		}
		in <- name
		leave()
	}()
	synctest.Wait() // it stands in the queue
}

func TestEnter_CrowdOfOneShare_OthersComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := turns.NewPool(3)
		limits := turns.Limits{Most: 2, Queue: 100, Wait: time.Hour}
		crowd, quiet := pool.Share("crowd", limits), pool.Share("quiet", limits)
		first, second := enter(t, crowd), enter(t, crowd)
		in := make(chan string, 10)
		wait(t, crowd, "crowd", in)
		third := enter(t, quiet) // a place is left, which the crowd may not have
		wait(t, quiet, "quiet", in)
		second()
		if got := <-in; got != "quiet" {
			t.Errorf("first came %s, though it has as many and the crowd had its turn", got)
		}
		if got := <-in; got != "crowd" {
			t.Errorf("then came %s", got)
		}
		third()
		first()
		synctest.Wait()
		if l := crowd.Load(); l.Running != 0 || l.Waiting != 0 || l.Entered != 3 {
			t.Errorf("when all is over: %+v", l)
		}
	})
}

func TestEnter_WorkThatHadAPlace_GoesBeforeTheOthersAndIsNotRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := turns.New(turns.Limits{Most: 1, Queue: 1, Wait: time.Second})
		chart := turns.With(t.Context(), s)
		leave, err := s.Enter(chart)
		if err != nil {
			t.Fatal(err)
		}
		in := make(chan string, 10)
		newcomer := func() {
			if _, err := s.Enter(turns.With(t.Context(), s)); err != nil {
				in <- err.Error()
				return
			}
			in <- "newcomer"
		}
		go newcomer()
		synctest.Wait()
		go func() { // the queue is full
			leave, err := s.Enter(chart)
			if err != nil {
				in <- "chart: " + err.Error()
				return
			}
			in <- "chart"
			leave()
		}()
		synctest.Wait()
		if l := s.Load(); l.Waiting != 2 {
			t.Errorf("before: %+v", l)
		}
		leave()
		if got := <-in; got != "chart" {
			t.Errorf("first came %s", got)
		}
		if got := <-in; got != "newcomer" {
			t.Errorf("then came %s", got)
		}
		ended := make(chan error, 1)
		go func() { _, err := s.Enter(chart); ended <- err }()
		<-time.After(time.Hour) // patience ends, its own context does not
		ctx, cancel := context.WithCancel(chart)
		go func() { _, err := s.Enter(ctx); in <- err.Error() }()
		synctest.Wait()
		cancel()
		if got := <-in; got != context.Canceled.Error() {
			t.Errorf("a client that went: %s", got)
		}
		if len(ended) > 0 {
			t.Errorf("work that had a place was refused: %v", <-ended)
		}
	})
}

func TestFirst_WhileItGoesOn_AShareHasFewerPlacesAndOthersTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := turns.NewPool(4)
		limits := turns.Limits{Most: 3, Beside: 1, Queue: 100, Wait: time.Hour}
		crowd, quiet := pool.Share("crowd", limits), pool.Share("quiet", limits)
		leave, another := enter(t, crowd), enter(t, crowd)
		done, second := pool.First(), pool.First()
		in := make(chan string, 10)
		wait(t, crowd, "third", in)
		another()
		synctest.Wait()
		if l := crowd.Load(); l.Running != 1 || l.Waiting != 1 {
			t.Errorf("beside what comes first: %+v", l)
		}
		enter(t, quiet)() // at once, or this waits for ever
		done()
		done()
		synctest.Wait()
		if l := crowd.Load(); l.Waiting != 1 {
			t.Errorf("while one of two still goes on: %+v", l)
		}
		second()
		if got := <-in; got != "third" {
			t.Errorf("when all is over, %s", got)
		}
		leave()
	})
}

func TestWithout_WorkOfAShare_NeedsNoPlace(t *testing.T) {
	t.Parallel()
	s := turns.New(turns.Limits{Most: 1})
	leave, err := turns.Enter(turns.With(t.Context(), s))
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	if _, err := turns.Enter(turns.With(t.Context(), s)); !errors.Is(err, turns.ErrBusy) {
		t.Errorf("a second one has entered: %v", err)
	}
	if _, err := turns.Enter(turns.Without(turns.With(t.Context(), s))); err != nil {
		t.Error(err)
	}
}

func TestEnter_FullAndLate_AreRefusedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := turns.New(turns.Limits{Most: 1, Queue: 1, Wait: time.Second})
		leave := enter(t, s)
		ended := make(chan error, 2)
		go func() { _, err := s.Enter(t.Context()); ended <- err }()
		synctest.Wait()
		if _, err := s.Enter(t.Context()); !errors.Is(err, turns.ErrBusy) {
			t.Errorf("beyond the queue: %v", err)
		}
		if err := <-ended; !errors.Is(err, turns.ErrBusy) {
			t.Errorf("after the wait: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, err := s.Enter(ctx); ended <- err }()
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("one who left: %v", err)
		}
		want := turns.Load{Running: 1, Entered: 1, Full: 1, Late: 1, Left: 1, Waited: time.Second}
		if got := s.Load(); got != want {
			t.Errorf("load %+v, want %+v", got, want)
		}
		leave()
		leave() // twice is once
		if got := s.Load(); got.Running != 0 {
			t.Errorf("%d run when none do", got.Running)
		}
	})
}

func TestEnter_AnyMix_NeverMoreThanThePoolNorAShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const places = 4
		pool := turns.NewPool(places)
		var all atomic.Int64
		var work sync.WaitGroup
		r := rand.New(rand.NewPCG(20260105, 5))
		for _, most := range []int{1, 3, 4} {
			s := pool.Share("", turns.Limits{Most: most, Queue: 30, Wait: 40 * time.Millisecond})
			var mine atomic.Int64
			for range 50 {
				starts, patience, takes := time.Duration(r.IntN(200))*time.Millisecond, time.Duration(1+r.IntN(60))*time.Millisecond, time.Duration(r.IntN(20))*time.Millisecond
				work.Go(func() {
					time.Sleep(starts)
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					leave, err := s.Enter(ctx)
					if err != nil {
						return
					}
					defer leave()
					defer all.Add(-1)
					defer mine.Add(-1)
					if a, m := all.Add(1), mine.Add(1); a > places || m > int64(most) {
						t.Errorf("%d at once of %d places, %d of a share of %d", a, places, m, most)
					}
					time.Sleep(takes)
				})
			}
		}
		work.Wait()
		for _, s := range pool.Shares() {
			l := s.Load()
			if l.Running != 0 || l.Waiting != 0 || l.Entered == 0 || l.Entered+l.Full+l.Late+l.Left != 50 {
				t.Errorf("of 50: %+v", l)
			}
		}
	})
}
