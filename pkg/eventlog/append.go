package eventlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/samber/lo"
	"github.com/segmentio/kafka-go"
)

// Append returns when all in-sync replicas have the records, with their positions in the order of recs. Records with equal
// keys keep their order; the key's murmur2 hash, as in Kafka's own client, picks the partition, and Topic, Partition and
// Offset of recs are not looked at. It ends within Config.AppendTimeout.
//
// On failure the error is an *AppendError, unless nothing was tried, and errors.Is knows ErrTooLarge, ErrUnavailable,
// ErrOutcomeUnknown, ErrUnknownTopic and ErrClosed. Records that did get through have their position nevertheless.
//
// A request whose answer is lost is repeated, so a record may be in the log twice. The bytes of recs must not be changed
// afterwards, not even when Append returned early.
func (l *Log) Append(ctx context.Context, topic string, recs ...Record) ([]Position, error) {
	if err := l.enter(&l.work); err != nil {
		return nil, err
	}
	defer l.work.Done()
	for i := range recs {
		if n := recs[i].size(); n > l.cfg.MaxRecordBytes {
			return nil, fmt.Errorf("append to %s: %w: record %d is %d bytes, the limit is %d", topic, ErrTooLarge, i, n,
				l.cfg.MaxRecordBytes)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.AppendTimeout)
	defer cancel()
	n, err := l.countOf(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("append to %s: %w", topic, err)
	}

	c := newCall(len(recs))
	for i := range recs {
		l.senderOf(topic, partitionOf(recs[i].Key, n)).add(&entry{call: c, index: i, rec: &recs[i], size: recs[i].size()})
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		c.abandon(context.Cause(ctx))
	}
	return c.result(topic)
}

// partitionOf is Kafka's default partitioner for records with a key; a record without one counts as having an empty one.
func partitionOf(key []byte, partitions int) int {
	all := make([]int, partitions)
	for i := range all {
		all[i] = i
	}
	return kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: key}, all...)
}

// call is one Append waiting for its records.
type call struct {
	mu        sync.Mutex
	pos       []Position
	errs      []error
	sent      []bool // a request with the record has gone out
	settled   []bool
	left      int
	failed    bool
	abandoned bool
	done      chan struct{}
}

func newCall(n int) *call {
	c := &call{
		pos:     slices.Repeat([]Position{{-1, -1}}, n),
		errs:    make([]error, n),
		sent:    make([]bool, n),
		settled: make([]bool, n),
		left:    n,
		done:    make(chan struct{}),
	}
	if n == 0 {
		close(c.done)
	}
	return c
}

// entry is one record of a call in a sender's queue.
type entry struct {
	call  *call
	index int
	rec   *Record
	size  int
}

// claim marks the record as going out; false: nobody waits for it any more.
func (e *entry) claim() bool {
	e.call.mu.Lock()
	defer e.call.mu.Unlock()
	e.call.sent[e.index] = !e.call.abandoned
	return !e.call.abandoned
}

// unclaim takes claim back when the request surely did not go out.
func (e *entry) unclaim() {
	e.call.mu.Lock()
	defer e.call.mu.Unlock()
	e.call.sent[e.index] = false
}

// settle says what became of the record; the first word counts.
func (e *entry) settle(pos Position, err error) {
	c := e.call
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settled[e.index] {
		return
	}
	c.settled[e.index], c.pos[e.index], c.errs[e.index] = true, pos, err
	c.failed = c.failed || err != nil
	if c.left--; c.left == 0 && !c.abandoned {
		close(c.done)
	}
}

// abandon settles what is open when the caller leaves.
func (c *call) abandon(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abandoned = true
	for i := range c.settled {
		if c.settled[i] {
			continue
		}
		err := fmt.Errorf("%w: %w", ErrUnavailable, cause)
		if c.sent[i] {
			err = fmt.Errorf("%w: %w: %w", ErrUnavailable, ErrOutcomeUnknown, cause)
		}
		c.settled[i], c.errs[i], c.failed = true, err, true
	}
}

func (c *call) result(topic string) ([]Position, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed {
		return c.pos, fmt.Errorf("append to %s: %w", topic, &AppendError{Errs: c.errs})
	}
	return c.pos, nil
}

func appendErrorText(errs []error) string {
	failed := 0
	var first error
	for _, err := range errs {
		if err != nil {
			failed++
			if first == nil {
				first = err
			}
		}
	}
	if failed == 1 && len(errs) == 1 {
		return first.Error()
	}
	return fmt.Sprintf("%d of %d records failed, the first with: %v", failed, len(errs), first)
}

type sendKey struct {
	topic     string
	partition int
}

// sender sends what is queued for one partition, one request at a time, which keeps the order; what arrives meanwhile
// makes up the next request. That is the group commit: the broker pays its fsync once per request.
type sender struct {
	l         *Log
	topic     string
	partition int

	mu      sync.Mutex
	queue   []*entry
	running bool
	full    chan struct{} // told when a waiting batch need not wait longer
}

func (l *Log) senderOf(topic string, partition int) *sender {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := sendKey{topic, partition}
	s := l.senders[key]
	if s == nil {
		s = &sender{l: l, topic: topic, partition: partition, full: make(chan struct{}, 1)}
		l.senders[key] = s
	}
	return s
}

func (s *sender) add(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, e)
	if len(s.queue) >= s.l.cfg.BatchRecords {
		select {
		case s.full <- struct{}{}:
		default:
		}
	}
	if !s.running {
		s.running = true
		s.l.work.Add(1) // the caller holds one, so this does not race with Close's wait
		go s.run()
	}
}

func (s *sender) run() {
	defer s.l.work.Done()
	for {
		if t := s.l.cfg.BatchTimeout; t > 0 {
			s.gather(t)
		}
		batch := s.next()
		if batch == nil {
			return
		}
		s.send(batch)
	}
}

// gather waits for company, if the batch is not full already.
func (s *sender) gather(d time.Duration) {
	s.mu.Lock()
	idle := len(s.queue) == 0
	s.mu.Unlock()
	if idle {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.full:
	}
}

// next takes a batch off the queue; nil, and no longer running, when there is nothing to send.
func (s *sender) next() []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	var batch []*entry
	size, i := 0, 0
	for ; i < len(s.queue) && len(batch) < s.l.cfg.BatchRecords; i++ {
		e := s.queue[i]
		if len(batch) > 0 && size+e.size > s.l.cfg.BatchBytes {
			break
		}
		batch = append(batch, e)
		size += e.size
	}
	s.queue = slices.Delete(s.queue, 0, i)
	if len(batch) == 0 {
		s.running = false
		return nil
	}
	return batch
}

// send delivers a batch or settles it with the reason why not.
func (s *sender) send(batch []*entry) {
	ctx, cancel := context.WithTimeout(s.l.life, s.l.cfg.AppendTimeout)
	defer cancel()
	client := s.l.client(s.l.cfg.AppendTimeout)
	unknown := false
	for attempt := 0; ; attempt++ {
		batch = slices.DeleteFunc(batch, func(e *entry) bool { return !e.claim() })
		if len(batch) == 0 {
			return
		}
		base, err := s.produce(ctx, client, batch)
		switch {
		case err == nil:
			s.succeed(batch, base)
			return
		case errors.Is(err, kafka.MessageSizeTooLarge) && len(batch) > 1:
			// The topic takes less than we were told. Halves keep the order.
			s.send(batch[:len(batch)/2])
			s.send(batch[len(batch)/2:])
			return
		case errors.Is(err, kafka.MessageSizeTooLarge):
			s.fail(batch, fmt.Errorf("%w: the topic takes less than %d bytes: %w", ErrTooLarge, batch[0].size, err))
			return
		case lastingError(err):
			s.fail(batch, unavailable(err))
			return
		}
		if unknown = unknown || !unsent(err); unknown {
			err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
		} else {
			lo.ForEach(batch, func(e *entry, _ int) { e.unclaim() })
		}
		s.l.reroute()
		if !pause(ctx, backoff(attempt)) {
			s.fail(batch, unavailable(err))
			return
		}
		s.l.stats.retries.Add(1)
		if attempt == 0 {
			s.l.log.Warn("append is being repeated", "topic", s.topic, "partition", s.partition, "records", len(batch),
				"error", err)
		}
	}
}

func (s *sender) produce(ctx context.Context, c *kafka.Client, batch []*entry) (base int64, err error) {
	recs := make([]kafka.Record, len(batch))
	for i, e := range batch {
		recs[i] = encode(e.rec)
	}
	res, err := c.Produce(ctx, &kafka.ProduceRequest{
		Topic:        s.topic,
		Partition:    s.partition,
		RequiredAcks: kafka.RequireAll,
		Records:      kafka.NewRecordReader(recs...),
		Compression:  s.codec(batch),
	})
	if err != nil {
		return 0, err
	}
	if res.Error != nil {
		return 0, res.Error
	}
	return res.BaseOffset, nil
}

// encode adds the checksum, so that a reader can tell that it reads what was appended.
func encode(r *Record) kafka.Record {
	out := kafka.Record{
		Key:     kafka.NewBytes(r.Key),
		Value:   kafka.NewBytes(r.Value),
		Time:    r.Time,
		Headers: make([]kafka.Header, 0, len(r.Headers)+1),
	}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, kafka.Header{Key: h.Key, Value: h.Value})
	}
	sum := binary.BigEndian.AppendUint32(nil, checksum(r))
	out.Headers = append(out.Headers, kafka.Header{Key: checksumHeader, Value: sum})
	return out
}

var packed = [][]byte{{0x28, 0xb5, 0x2f, 0xfd}, {0x1f, 0x8b}} // magic numbers of zstd and gzip

// codec leaves a batch alone when most of its bytes are compressed already.
func (s *sender) codec(batch []*entry) kafka.Compression {
	total, done := 0, 0
	for _, e := range batch {
		total += e.size
		for _, magic := range packed {
			if bytes.HasPrefix(e.rec.Value, magic) {
				done += len(e.rec.Value)
			}
		}
	}
	if 2*done > total || total < 512 {
		return 0
	}
	return s.l.codec
}

func (s *sender) succeed(batch []*entry, base int64) {
	size := 0
	for i, e := range batch {
		size += e.size
		e.settle(Position{s.partition, base + int64(i)}, nil)
	}
	s.l.stats.batches.Add(1)
	s.l.stats.records.Add(int64(len(batch)))
	s.l.stats.bytes.Add(int64(size))
}

func (s *sender) fail(batch []*entry, err error) {
	for _, e := range batch {
		e.settle(Position{-1, -1}, err)
	}
	s.l.stats.failures.Add(int64(len(batch)))
	s.l.log.Warn("append failed", "topic", s.topic, "partition", s.partition, "records", len(batch), "error", err)
}
