package readsql

import (
	"fmt"
	"sync"
	"time"
)

// QuotaError says that somebody has asked enough for this minute.
type QuotaError struct {
	Reason     string
	RetryAfter time.Duration
}

func (e *QuotaError) Error() string { return e.Reason }

// quota counts what each asks per minute.
type quota struct {
	statements int           // per minute
	busy       time.Duration // of running statements, per minute
	now        func() time.Time

	mu    sync.Mutex
	began time.Time
	used  map[string]*usage
}

type usage struct {
	statements int
	busy       time.Duration
}

func newQuota(statements int, busy time.Duration, now func() time.Time) *quota {
	return &quota{statements: statements, busy: busy, now: now, used: map[string]*usage{}}
}

// take counts a statement; done is told how long it ran.
func (q *quota) take(who string) (done func(took time.Duration), err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	if now.Sub(q.began) >= time.Minute || now.Before(q.began) {
		q.began = now
		clear(q.used)
	}
	u := q.used[who]
	if u == nil {
		u = &usage{}
		q.used[who] = u
	}
	left := max(time.Second, time.Minute-now.Sub(q.began))
	switch {
	case u.statements >= q.statements:
		return nil, &QuotaError{fmt.Sprintf("%d statements in a minute are all there are for one token", q.statements), left}
	case u.busy >= q.busy:
		return nil, &QuotaError{fmt.Sprintf("the statements of this minute ran for %s, which is all there is for one token", q.busy), left}
	}
	u.statements++
	return func(took time.Duration) {
		q.mu.Lock()
		defer q.mu.Unlock()
		u.busy += took // of a minute that is over, nobody looks at it any more
	}, nil
}
