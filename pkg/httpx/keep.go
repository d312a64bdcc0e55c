package httpx

import (
	"bytes"
	"container/list"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/turns"
)

// Keeper keeps answers that depend on nothing but the request and where the data stand, until they move: one that is asked for again
// is given again, one that the client has (If-None-Match) is left out, and of equal requests at one time one does the work.
//
// A tag has two parts: the question with the position, for which nothing needs to be read, and the answer itself, which
// spares its bytes when the data have moved and it has not.
type Keeper struct {
	most     int
	position func(context.Context) (string, error)
	// epoch tells processes apart: answers depend on their settings and version, too.
	epoch string

	mu      sync.Mutex
	bytes   int
	kept    map[string]*list.Element
	order   *list.List // of *kept, the one used last in front
	working map[string]*working

	outcomes *prometheus.CounterVec
}

// kept is an answer.
type kept struct {
	key     string
	tag     string
	headers [][2]string
	body    []byte
}

func (k *kept) size() int {
	n := len(k.key) + len(k.body) + 256
	for _, h := range k.headers {
		n += len(h[0]) + len(h[1]) + 32
	}
	return n
}

// working is a request under way that equal ones wait for; answer is nil when it gave none that may be shared.
type working struct {
	done   chan struct{}
	answer *kept
}

// NewKeeper keeps at most that many bytes. position tells where the data stand: it has to move with every write that an answer may
// show, and what it says must not be older than what its process has told anybody.
func NewKeeper(most int, position func(context.Context) (string, error)) *Keeper {
	return &Keeper{
		most: most, position: position, epoch: rand.Text(), kept: map[string]*list.Element{}, order: list.New(), working: map[string]*working{},
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidemark_answers_total", Help: "Answers to GET that may be kept: made anew (made), shared with an equal request (shared), kept from before (kept), known to the client (known).",
		}, []string{"how"}),
	}
}

// Describe and Collect make a keeper a prometheus collector.
func (k *Keeper) Describe(to chan<- *prometheus.Desc) { k.outcomes.Describe(to) }

// Collect sends the counters.
func (k *Keeper) Collect(to chan<- prometheus.Metric) { k.outcomes.Collect(to) }

// Answer is h's answer, made now or kept. reader is whatever the answer depends on beside the address and the data: who reads with which
// rights, and the time that a page shows. A nil keeper keeps nothing.
func (k *Keeper) Answer(c *fiber.Ctx, reader string, h func() error) error {
	if k == nil || c.Method() != fiber.MethodGet {
		return h()
	}
	at, busy, err := k.stand(c.UserContext())
	if busy != nil {
		return busy
	}
	if err != nil {
		return h() // which says what is wrong
	}
	key := k.key(c, reader, at)
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	c.Vary(fiber.HeaderAccept, fiber.HeaderAuthorization, "AuthToken", fiber.HeaderCookie)
	asked := c.Get(fiber.HeaderIfNoneMatch)
	if tag, has := tagWith(asked, key+"-", ""); has {
		return k.leaveOut(c, tag)
	}
	if strings.Contains(c.Get(fiber.HeaderCacheControl), "no-cache") { // a reader who wants to see for himself
		_, err := k.make(c, key, h)
		return err
	}
	found, mine := k.look(key)
	if found != nil {
		return k.give(c, found, "kept")
	}
	if mine == nil {
		return k.lead(c, key, h)
	}
	select {
	case <-mine.done:
	case <-c.UserContext().Done():
		return c.UserContext().Err()
	}
	if mine.answer != nil {
		return k.give(c, mine.answer, "shared")
	}
	_, err = k.make(c, key, h)
	return err
}

// stand is where the data stand. Who asks has a place among the reads by then, which he gives back: of a crowd those that there is
// no place for are refused before anything is asked for them. The question itself takes no place, for it may be shared by all that
// have one.
func (k *Keeper) stand(ctx context.Context) (at string, busy, err error) {
	leave, busy := turns.Enter(ctx)
	if busy != nil {
		return "", busy, nil
	}
	defer leave()
	at, err = k.position(turns.Without(ctx))
	return at, nil, err
}

// look finds a kept answer, or an equal request under way; without either the caller is the one that works.
func (k *Keeper) look(key string) (*kept, *working) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e, ok := k.kept[key]; ok {
		k.order.MoveToFront(e)
		return e.Value.(*kept), nil
	}
	if w, ok := k.working[key]; ok {
		return nil, w
	}
	k.working[key] = &working{done: make(chan struct{})}
	return nil, nil
}

// lead does the work that others may wait for.
func (k *Keeper) lead(c *fiber.Ctx, key string, h func() error) error {
	var made *kept
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		w := k.working[key]
		delete(k.working, key)
		w.answer = made
		k.keep(made)
		close(w.done)
	}()
	var err error
	made, err = k.make(c, key, h)
	return err
}

// make answers with h; what it gives may be shared, or is nil.
func (k *Keeper) make(c *fiber.Ctx, key string, h func() error) (*kept, error) {
	asked := c.Get(fiber.HeaderIfNoneMatch)
	err := h()
	k.outcomes.WithLabelValues("made").Inc()
	res := c.Response()
	if err != nil || res.StatusCode() != fiber.StatusOK || res.IsBodyStream() || setsCookie(c) ||
		bytes.Contains(res.Header.Peek(fiber.HeaderCacheControl), []byte("no-store")) {
		return nil, err
	}
	made := &kept{key: key, tag: string(res.Header.Peek(fiber.HeaderETag)), body: bytes.Clone(res.Body())}
	if made.tag == "" {
		made.tag = fmt.Sprintf(`W/"%s-%016x"`, key, xxhash.Sum64(made.body))
		c.Set(fiber.HeaderETag, made.tag)
	}
	res.Header.VisitAll(func(name, value []byte) {
		switch string(name) {
		case fiber.HeaderXRequestID, fiber.HeaderDate, fiber.HeaderServer, fiber.HeaderContentLength, fiber.HeaderConnection:
		default:
			made.headers = append(made.headers, [2]string{string(name), string(value)})
		}
	})
	if tag, has := tagWith(asked, "", made.sum()); (has && tag != "") || anyTag(asked) {
		return made, k.leaveOut(c, made.tag)
	}
	return made, nil
}

func setsCookie(c *fiber.Ctx) (sets bool) {
	c.Response().Header.VisitAllCookie(func(_, _ []byte) { sets = true })
	return sets
}

// sum is the end of a tag of ours: what is in the answer. Empty for tags of others.
func (k *kept) sum() string {
	if _, sum, ours := strings.Cut(k.tag, k.key+"-"); ours {
		return "-" + sum
	}
	return ""
}

// keep makes room and puts an answer in; k is locked.
func (k *Keeper) keep(made *kept) {
	if made == nil || made.size() > k.most/4 {
		return
	}
	if old, ok := k.kept[made.key]; ok {
		k.drop(old)
	}
	k.kept[made.key] = k.order.PushFront(made)
	k.bytes += made.size()
	for k.bytes > k.most {
		k.drop(k.order.Back())
	}
}

func (k *Keeper) drop(e *list.Element) {
	gone := k.order.Remove(e).(*kept)
	delete(k.kept, gone.key)
	k.bytes -= gone.size()
}

// give sends a kept answer, or that the client has it.
func (k *Keeper) give(c *fiber.Ctx, answer *kept, how string) error {
	asked := c.Get(fiber.HeaderIfNoneMatch)
	if tag, has := tagWith(asked, "", answer.sum()); (has && tag != "") || anyTag(asked) {
		return k.leaveOut(c, answer.tag)
	}
	if _, has := tagWith(asked, answer.tag, ""); has {
		return k.leaveOut(c, answer.tag)
	}
	for _, h := range answer.headers {
		c.Set(h[0], h[1])
	}
	k.outcomes.WithLabelValues(how).Inc()
	return c.Send(answer.body)
}

func (k *Keeper) leaveOut(c *fiber.Ctx, tag string) error {
	k.outcomes.WithLabelValues("known").Inc()
	c.Response().ResetBody()
	c.Set(fiber.HeaderETag, tag)
	return c.SendStatus(fiber.StatusNotModified)
}

// key is a digest of all that the answer depends on.
func (k *Keeper) key(c *fiber.Ctx, reader, at string) string {
	h := sha256.New()
	for _, part := range []string{k.epoch, at, reader, RootURL(c), c.OriginalURL(), fmt.Sprint(AcceptsHTML(c)), c.Get(fiber.HeaderAccept)} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// anyTag says whether an If-None-Match header means whatever there is (RFC 9110, 13.1.2).
func anyTag(header string) bool { return strings.TrimSpace(header) == "*" }

// tagWith finds, in an If-None-Match header, the tag that begins and ends so; tags are compared weakly. A whole tag as the beginning
// is that tag.
func tagWith(header, begin, end string) (string, bool) {
	if begin == "" && end == "" {
		return "", false
	}
	begin = strings.Trim(strings.TrimPrefix(begin, "W/"), `"`)
	end = strings.Trim(end, `"`)
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		opaque := strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)
		if strings.HasPrefix(opaque, begin) && strings.HasSuffix(opaque, end) {
			return tag, true
		}
	}
	return "", false
}
