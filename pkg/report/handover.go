package report

import (
	"bytes"
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

// Handover spares a process that reads the same report twice, to answer for it and to decide it, the second reading. Reading a report
// is pure, so nothing but the time depends on who did it.
type Handover struct {
	most int
	now  func() time.Time
	seed maphash.Seed

	mu    sync.Mutex
	kept  []*handed // oldest first
	bytes int
}

// handed is a report that is being read, or was: the bytes, and what they say once done is closed.
type handed struct {
	body       []byte
	sum        uint64
	at         time.Time
	done       chan struct{}
	submission *Submission
	err        error
}

// stale is how long a report is kept that nobody takes: its event went to another process, or never into the log.
const stale = 10 * time.Second

// NewHandover keeps reports of at most so many bytes together.
func NewHandover(most int, now func() time.Time) *Handover {
	return &Handover{most: most, now: now, seed: maphash.MakeSeed()}
}

// Offer announces a report whose reading is about to begin, and gives the reading, which has to be called: [Handover.Take] may be
// waiting for it. Its error is that of [Parse]. The body must not be changed any more.
func (h *Handover) Offer(body []byte) (read func() error) {
	mine := h.put(body)
	if mine == nil {
		return func() error { return check(body) }
	}
	return func() error {
		defer close(mine.done)
		mine.submission, mine.err = Parse(body, Options{})
		return mine.err
	}
}

func check(body []byte) error {
	_, err := Parse(body, Options{})
	return err
}

// Take is [Parse] with what was read for an offer of the same bytes, if there is one: it is waited for, and given once.
func (h *Handover) Take(body []byte) (*Submission, error) {
	if theirs := h.pull(body); theirs != nil {
		<-theirs.done
		if theirs.submission != nil || theirs.err != nil {
			return theirs.submission, theirs.err
		}
	}
	return Parse(body, Options{})
}

func (h *Handover) put(body []byte) *handed {
	mine := &handed{body: body, sum: maphash.Bytes(h.seed, body), at: h.now(), done: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.kept) > 0 && mine.at.Sub(h.kept[0].at) > stale {
		h.drop(0)
	}
	if h.bytes+len(body) > h.most {
		return nil // what came first is taken first: the newest waits longest
	}
	h.kept = append(h.kept, mine)
	h.bytes += len(body)
	return mine
}

func (h *Handover) pull(body []byte) *handed {
	sum := maphash.Bytes(h.seed, body)
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.kept, func(k *handed) bool { return k.sum == sum && bytes.Equal(k.body, body) })
	if i < 0 {
		return nil
	}
	theirs := h.kept[i]
	h.drop(i)
	return theirs
}

func (h *Handover) drop(i int) {
	h.bytes -= len(h.kept[i].body)
	h.kept = slices.Delete(h.kept, i, i+1)
}
