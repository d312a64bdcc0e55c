package eventlog

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// fetcher reads one partition ahead of its caller, into a buffer bounded by bytes. Fetches go through kafka.Client rather
// than kafka.Reader: the client checks the batches' checksums and reports a position out of range, the reader does neither.
type fetcher struct {
	l         *Log
	topic     string
	partition int

	end  atomic.Int64  // high watermark, as of the last fetch
	more chan struct{} // told when there is something to take
	room chan struct{} // told when something was taken

	mu    sync.Mutex
	queue []item
	bytes int
	fatal error // why there will be nothing more
}

type item struct {
	rec  Record
	size int
	err  error // ErrCorrupt: rec is not what was appended
}

func (l *Log) newFetcher(topic string, partition int) *fetcher {
	return &fetcher{l: l, topic: topic, partition: partition, more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

func tell(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

const (
	fetchSlack     = 5 * time.Second  // on top of the wait at the broker, before a fetch counts as failed
	badBatchLimit  = 5                // so many undecodable answers in a row are the data's fault, not the connection's
	complainPeriod = 30 * time.Second // between two warnings about brokers being away
)

// run fetches from offset next on, until ctx ends or the partition cannot be read on.
func (f *fetcher) run(ctx context.Context, next int64) {
	failures, undecodable := 0, 0
	var complained time.Time
	for f.waitForRoom(ctx) {
		items, end, err := f.fetch(ctx, next)
		if err == nil {
			failures, undecodable = 0, 0
			f.end.Store(end)
			if len(items) > 0 {
				next = items[len(items)-1].rec.Offset + 1
				f.put(items)
			}
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if undecodable++; !looksUndecodable(err) {
			undecodable = 0
		}
		if err := f.hopeless(err, next, undecodable); err != nil {
			f.stop(err)
			return
		}
		if time.Since(complained) > complainPeriod {
			complained = time.Now()
			f.l.log.Warn("fetch failed", "topic", f.topic, "partition", f.partition, "offset", next, "error", err)
		}
		f.l.reroute()
		if !pause(ctx, backoff(failures)) {
			return
		}
		failures++
	}
}

// hopeless turns an error that repeating cannot cure into the one the caller gets.
func (f *fetcher) hopeless(err error, next int64, undecodable int) error {
	switch {
	case errors.Is(err, kafka.OffsetOutOfRange):
		return fmt.Errorf("read %s/%d at %d: %w", f.topic, f.partition, next, ErrOffsetOutOfRange)
	case undecodable >= badBatchLimit:
		f.l.stats.corrupt.Add(1)
		return fmt.Errorf("read %s/%d at %d: %w: %w", f.topic, f.partition, next, ErrCorrupt, err)
	case lastingError(err):
		return fmt.Errorf("read %s/%d at %d: %w", f.topic, f.partition, next, err)
	}
	return nil
}

// looksUndecodable tells an answer that makes no sense from a connection that broke.
func looksUndecodable(err error) bool {
	var ke kafka.Error
	var network interface{ Timeout() bool }
	var cert *tls.CertificateVerificationError
	var alert tls.AlertError
	broken := errors.As(err, &network) || errors.As(err, &cert) || errors.As(err, &alert) || unsent(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled)
	return !errors.As(err, &ke) && !broken
}

func (f *fetcher) fetch(ctx context.Context, next int64) (items []item, end int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.l.cfg.FetchWait+fetchSlack)
	defer cancel()
	res, err := f.l.client(0).Fetch(ctx, &kafka.FetchRequest{
		Topic:     f.topic,
		Partition: f.partition,
		Offset:    next,
		MinBytes:  1,
		MaxBytes:  int64(f.l.cfg.FetchBytes),
		MaxWait:   f.l.cfg.FetchWait,
	})
	if err != nil {
		return nil, 0, err
	}
	if res.Error != nil {
		return nil, 0, res.Error
	}
	for {
		kr, err := res.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return items, res.HighWatermark, nil
		}
		if err != nil {
			return nil, 0, err
		}
		it, err := f.decode(kr)
		if err != nil {
			return nil, 0, err
		}
		if it.rec.Offset >= next { // a batch may begin before the position asked for
			items = append(items, it)
		}
	}
}

// decode copies a record out of the fetch's memory and checks it.
func (f *fetcher) decode(kr *kafka.Record) (item, error) {
	key, err1 := readAll(kr.Key)
	value, err2 := readAll(kr.Value)
	if err := errors.Join(err1, err2); err != nil {
		return item{}, err
	}
	rec := Record{Key: key, Value: value, Time: kr.Time, Topic: f.topic, Partition: f.partition, Offset: kr.Offset}
	var sum []byte
	for _, h := range kr.Headers {
		if h.Key == checksumHeader {
			sum = slices.Clone(h.Value)
			continue
		}
		rec.Headers = append(rec.Headers, Header{Key: h.Key, Value: slices.Clone(h.Value)})
	}
	it := item{rec: rec, size: rec.size()}
	if len(sum) != 4 || binary.BigEndian.Uint32(sum) != checksum(&rec) {
		f.l.stats.corrupt.Add(1)
		it.err = fmt.Errorf("read %s/%d at %d: %w: checksum", f.topic, f.partition, rec.Offset, ErrCorrupt)
	}
	return it, nil
}

func readAll(b kafka.Bytes) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	defer b.Close()
	return protocol.ReadAll(b)
}

func (f *fetcher) waitForRoom(ctx context.Context) bool {
	for ctx.Err() == nil {
		f.mu.Lock()
		full := f.bytes >= f.l.cfg.BufferBytes
		f.mu.Unlock()
		if !full {
			return true
		}
		select {
		case <-f.room:
		case <-ctx.Done():
		}
	}
	return false
}

func (f *fetcher) put(items []item) {
	f.mu.Lock()
	f.queue = append(f.queue, items...)
	for _, it := range items {
		f.bytes += it.size
	}
	f.mu.Unlock()
	tell(f.more)
}

func (f *fetcher) stop(err error) {
	f.mu.Lock()
	f.fatal = err
	f.mu.Unlock()
	tell(f.more)
}

// take waits for at least one record and returns what is there, within the bounds. A corrupt record comes alone, with the
// error that says so.
func (f *fetcher) take(ctx context.Context, maxRecords, maxBytes int) ([]Record, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		recs, err := f.takeNow(maxRecords, maxBytes)
		if recs != nil || err != nil {
			return recs, err
		}
		select {
		case <-f.more:
		case <-ctx.Done():
		}
	}
}

func (f *fetcher) takeNow(maxRecords, maxBytes int) ([]Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) == 0 {
		return nil, f.fatal
	}
	var recs []Record
	size := 0
	for i := range f.queue {
		it := &f.queue[i]
		if len(recs) > 0 && (it.err != nil || len(recs) >= maxRecords || size+it.size > maxBytes) {
			break
		}
		recs, size = append(recs, it.rec), size+it.size
		if it.err != nil {
			break
		}
	}
	err := f.queue[len(recs)-1].err
	clear(f.queue[:len(recs)])
	f.queue = f.queue[len(recs):]
	f.bytes -= size
	tell(f.room)
	return recs, err
}

func (f *fetcher) buffered() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.queue)
}
