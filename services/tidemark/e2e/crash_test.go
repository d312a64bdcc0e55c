package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// attempt is a submission somebody made, and what they were told.
type attempt struct {
	order   string
	key     string // Idempotency-Key; without one it is never tried again
	run     string // told by a 200
	receipt string // told by a 202
}

func (a attempt) promised() bool { return a.run != "" || a.receipt != "" }

// submitters send reports of orders nobody sent before, until the server is gone.
type submitters struct {
	mu       sync.Mutex
	attempts []attempt
	orders   atomic.Int64
	answered atomic.Int64
	enough   int64         // answers, after which the server dies
	reached  chan struct{} // closed then
}

func (l *submitters) note(a attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempts = append(l.attempts, a)
}

// take removes the attempts that nobody heard of and that can be made again.
func (l *submitters) take() []attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	var again []attempt
	l.attempts = slices.DeleteFunc(l.attempts, func(a attempt) bool {
		if a.promised() || a.key == "" {
			return false
		}
		again = append(again, a)
		return true
	})
	return again
}

// submit makes one attempt. Reports are appended, so one that counts twice shows.
func (l *submitters) submit(ctx context.Context, s *server, a attempt, async bool) (alive bool, err error) {
	var headers []string
	if a.key != "" {
		headers = append(headers, "Idempotency-Key", a.key)
	}
	if async {
		headers = append(headers, "Prefer", "respond-async")
	}
	defer func() { l.note(a) }()
	got, err := ask(ctx, http.MethodPost, s.submitURL("merge=append"), reportOf("m", a.order), headers...)
	if err != nil {
		return false, nil //nolint:nilerr // the server was killed: what it did is not known
	}
	var said struct {
		RunID   int    `json:"run_id"`
		Receipt string `json:"receipt_url"`
	}
	if err := decode(got, &said); err != nil {
		return true, err
	}
	switch got.code {
	case http.StatusOK:
		a.run = strconv.Itoa(said.RunID)
	case http.StatusAccepted:
		a.receipt = said.Receipt[strings.LastIndex(said.Receipt, "/")+1:]
	default:
		return true, fmt.Errorf("order %s: %d %s", a.order, got.code, got.text)
	}
	if l.answered.Add(1) == l.enough {
		close(l.reached)
	}
	return true, nil
}

// load runs n submitters until the server is gone.
func (l *submitters) load(ctx context.Context, s *server, n int, again []attempt) error {
	errs := make(chan error, n)
	for i := range n {
		mine := make([]attempt, 0, len(again))
		for j := i; j < len(again); j += n {
			mine = append(mine, again[j])
		}
		go func() { errs <- l.one(ctx, s, mine) }()
	}
	for range n {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func (l *submitters) one(ctx context.Context, s *server, again []attempt) error {
	for i := 0; ; i++ {
		var a attempt
		if i < len(again) {
			a = again[i]
		} else {
			n := l.orders.Add(1)
			a.order = strconv.FormatInt(n, 10)
			if n%2 == 0 {
				a.key = "crash " + a.order
			}
		}
		alive, err := l.submit(ctx, s, a, i%3 == 2)
		if err != nil || !alive {
			return err
		}
	}
}

func number(t *testing.T, variable string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

func TestCrash_KilledUnderLoad_KeepsEveryPromiseExactlyOnce(t *testing.T) {
	t.Parallel()
	kills, seed := number(t, "TIDEMARK_KILLS", 3), number(t, "TIDEMARK_SEED", time.Now().UnixNano())
	t.Logf("TIDEMARK_KILLS=%d TIDEMARK_SEED=%d", kills, seed)
	chance := rand.New(rand.NewPCG(uint64(seed), 0)) //nolint:gosec // repeatable
	data := t.TempDir()
	var l submitters
	for round := range kills {
		s := start(t, data)
		l.enough, l.reached = l.answered.Load()+1+chance.Int64N(60), make(chan struct{})
		moment := time.Duration(chance.Int64N(int64(100 * time.Millisecond)))
		go func() {
			select {
			case <-l.reached:
			case <-t.Context().Done():
				return
			}
			<-time.After(moment) // anywhere between two answers
			s.process.kill()
		}()
		if err := l.load(t.Context(), s, 4, l.take()); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if chance.IntN(2) == 0 {
			killWhileStarting(t, data, time.Duration(chance.Int64N(int64(1500*time.Millisecond))))
		}
	}
	s := start(t, data)
	for _, a := range l.take() {
		if _, err := l.submit(t.Context(), s, a, false); err != nil {
			t.Fatal(err)
		}
	}
	// The log is in order: once this one is stored, so is everything before it.
	_, last := s.submit(t, reportOf("m", "0"))
	l.note(attempt{order: "0", run: strconv.Itoa(last.number(t, "run_id"))})
	l.check(t, s)
}

// killWhileStarting kills a server that takes up what another left.
func killWhileStarting(t *testing.T, data string, after time.Duration) {
	t.Helper()
	p, _, err := spawn(data)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-time.After(after): // anywhere in its start
	case <-p.ended:
		t.Errorf("ended by itself:\n%s", p.stderr)
	}
	p.kill()
}

// check compares what was promised with what is there.
func (l *submitters) check(t *testing.T, s *server) {
	t.Helper()
	there := map[string][]string{} // by order: runs
	for _, row := range s.query(t, `SELECT o.name, r.run_id FROM v_runs AS r
		INNER JOIN v_orders AS o ON o.database = r.database AND o.suite = r.suite AND o.order_id = r.order_id`) {
		there[row[0]] = append(there[row[0]], row[1])
	}
	accepted := map[string]string{} // by event: the run
	for _, row := range s.query(t, "SELECT event_id, run_id FROM v_receipts WHERE status = 'accepted' AND event_type = 'run.submitted'") {
		accepted[row[0]] = row[1]
	}
	values := map[string]string{}
	for _, row := range s.query(t, "SELECT run_id, count() FROM v_results GROUP BY run_id") {
		values[row[0]] = row[1]
	}
	counted := map[string]int{}
	for _, a := range l.attempts {
		runs := there[a.order]
		switch {
		case len(runs) > 1:
			t.Errorf("order %s counts %d times: runs %v", a.order, len(runs), runs)
		case len(runs) == 0 && a.promised():
			t.Errorf("order %s was promised (run %q, receipt %q) and is gone", a.order, a.run, a.receipt)
		case a.run != "" && runs[0] != a.run:
			t.Errorf("order %s is run %s and was answered as %s", a.order, runs[0], a.run)
		case a.receipt != "" && accepted[a.receipt] != runs[0]:
			t.Errorf("order %s is run %s, its receipt %s says %q", a.order, runs[0], a.receipt, accepted[a.receipt])
		}
		if len(runs) > 0 {
			counted["there"]++
			if values[runs[0]] != "3" {
				t.Errorf("run %s has %s values, want 3", runs[0], values[runs[0]])
			}
		}
		switch {
		case a.run != "":
			counted["200"]++
		case a.receipt != "":
			counted["202"]++
		default:
			counted["unanswered"]++
		}
		delete(there, a.order)
	}
	if len(there) > 0 {
		t.Errorf("runs that nobody submitted: %v", there)
	}
	for _, a := range l.attempts[max(0, len(l.attempts)-20):] {
		if a.run != "" {
			s.v4(t, "runs/"+a.run)
		}
	}
	if counted["200"] == 0 || counted["202"] == 0 {
		t.Errorf("nothing was put to the test: %v", counted)
	}
	t.Logf("%d attempts: %v", len(l.attempts), counted)
}
