package report

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"
)

func handedBody(n int) []byte {
	return fmt.Appendf(nil, `{"format_version": "2", "machine": {"name": "m"}, "run": {"llvm_project_revision": "%d"}, "tests": [{"name": "t", "execution_time": [%d.5, 2]}]}`, n, n)
}

func TestHandover_OfferedReport_IsGivenOnceAndIsWhatParseSays(t *testing.T) {
	t.Parallel()
	h := NewHandover(1<<20, time.Now)
	for _, body := range [][]byte{handedBody(1), []byte(`{"format_version": "3"}`), []byte("{")} {
		want, wantErr := Parse(body, Options{})
		if err := h.Offer(body)(); !reflect.DeepEqual(err, wantErr) {
			t.Fatalf("%s: %v, want %v", body, err, wantErr)
		}
		first, firstErr := h.Take(bytes.Clone(body))
		second, secondErr := h.Take(body)
		if !reflect.DeepEqual(first, want) || !reflect.DeepEqual(second, want) {
			t.Errorf("%s: %+v, then %+v, want %+v", body, first, second, want)
		}
		if !reflect.DeepEqual(firstErr, wantErr) || !reflect.DeepEqual(secondErr, wantErr) {
			t.Errorf("%s: %v, then %v, want %v", body, firstErr, secondErr, wantErr)
		}
		if first != nil && first == second {
			t.Errorf("%s: two were given the same report to change", body)
		}
	}
}

func TestHandover_TakenBeforeItIsRead_WaitsForTheReading(t *testing.T) {
	t.Parallel()
	h := NewHandover(1<<20, time.Now)
	read := h.Offer(handedBody(1))
	var taken *Submission
	var other sync.WaitGroup
	other.Go(func() { taken, _ = h.Take(handedBody(1)) })
	if err := read(); err != nil {
		t.Fatal(err)
	}
	other.Wait()
	if taken == nil || taken.Tests[0].Name != "t" {
		t.Errorf("taken %+v", taken)
	}
}

func TestHandover_NoRoom_KeepsTheFirstUntilNobodyWantsIt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	h := NewHandover(len(handedBody(1)), func() time.Time { return now })
	keeps := func(n int) bool {
		if err := h.Offer(handedBody(n))(); err != nil {
			t.Fatal(err)
		}
		return len(h.kept) == 1 && bytes.Equal(h.kept[0].body, handedBody(n))
	}
	if !keeps(1) {
		t.Error("the first is not kept")
	}
	if keeps(2) {
		t.Error("the second drove the first out")
	}
	now = now.Add(time.Minute)
	if !keeps(3) {
		t.Error("the first still takes the room")
	}
}

// What is offered and taken by many at once is never another's report.
func TestHandover_ManyAtOnce_EachGetsItsOwn(t *testing.T) {
	t.Parallel()
	h := NewHandover(10_000, time.Now)
	var all sync.WaitGroup
	for n := range 64 {
		body := handedBody(n % 8)
		all.Go(func() {
			if err := h.Offer(body)(); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			want, _ := Parse(body, Options{})
			if got, err := h.Take(bytes.Clone(body)); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%d: %+v, %v", n, got, err)
			}
		})
	}
	all.Wait()
}

// The log has reports by the time they are read: one that its reader cannot bear must not stop it.
func TestParse_ReaderThatFails_RefusesTheReport(t *testing.T) {
	t.Parallel()
	s, err := guarded(func() (*Submission, error) { panic("index out of range") })
	if refused := (*Error)(nil); s != nil || !errors.As(err, &refused) || refused.Status != 400 {
		t.Errorf("%+v, %v", s, err)
	}
}
