package eventlog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/segmentio/kafka-go"
)

// Partition is one partition in the hands of one Consume handler, for as long as the handler's context lives. Its methods
// are for that handler's goroutine, except Lag and Buffered.
type Partition struct {
	l         *Log
	topic     string
	id        int
	ctx       context.Context // the handler's
	committed int64
	startAt   int64 // asked for by StartAt; -1: not
	commit    func(next int64) error

	fetcher *fetcher
	started bool
	next    atomic.Int64 // position of the caller
	lost    atomic.Bool  // the group has moved on without us
}

// Topic returns the partition's topic.
func (p *Partition) Topic() string { return p.topic }

// ID returns the partition's number.
func (p *Partition) ID() int { return p.id }

// Committed returns the group's position as the partition was taken over: the offset of the next record. -1 means that
// there is none; reading then begins at the first record held.
func (p *Partition) Committed() int64 { return p.committed }

// StartAt makes reading begin at offset instead of the committed position. It must come before the first Next.
func (p *Partition) StartAt(offset int64) error {
	if p.started {
		return fmt.Errorf("start %s/%d at %d: reading has begun", p.topic, p.id, offset)
	}
	if offset < 0 {
		return fmt.Errorf("start %s/%d at %d: %w", p.topic, p.id, offset, ErrOffsetOutOfRange)
	}
	p.startAt = offset
	return nil
}

// Next returns the next record, waiting for it. With ErrCorrupt comes the record as it was read, and Next may be called
// again; any other error is final: the context's, ErrOffsetOutOfRange, or ErrCorrupt without a record, when not even its
// offset can be read.
func (p *Partition) Next(ctx context.Context) (Record, error) {
	recs, err := p.NextBatch(ctx, 1, math.MaxInt)
	if len(recs) == 0 {
		return Record{}, err
	}
	return recs[0], err
}

// NextBatch waits for a record and returns it with those that are there already, up to maxRecords and maxBytes; a single
// record may be larger. Errors are those of Next; a corrupt record comes alone.
func (p *Partition) NextBatch(ctx context.Context, maxRecords, maxBytes int) ([]Record, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	if err := p.start(ctx); err != nil {
		return nil, err
	}
	recs, err := p.fetcher.take(ctx, maxRecords, maxBytes)
	if len(recs) > 0 {
		p.next.Store(recs[len(recs)-1].Offset + 1)
	}
	return recs, err
}

// start settles where to begin, refuses a position outside the log, and begins to read ahead.
func (p *Partition) start(ctx context.Context) error {
	if p.started {
		return nil
	}
	firsts, ends, err := p.l.offsets(ctx, p.topic, p.id)
	if err != nil {
		return err
	}
	first, end := firsts[p.id], ends[p.id]
	at := first
	if p.committed >= 0 {
		at = p.committed
	}
	if p.startAt >= 0 {
		at = p.startAt
	}
	if at < first || at > end {
		return fmt.Errorf("read %s/%d at %d, the log holds [%d,%d): %w", p.topic, p.id, at, first, end, ErrOffsetOutOfRange)
	}
	p.started = true
	p.next.Store(at)
	p.fetcher.end.Store(end)
	p.l.readers.Add(1) // Consume holds one, so this does not race with Close's wait
	go func() {
		defer p.l.readers.Done()
		p.fetcher.run(p.ctx, at)
	}()
	return nil
}

// Buffered returns how many records Next would return without waiting.
func (p *Partition) Buffered() int { return p.fetcher.buffered() }

// Lag returns how many records there are beyond the last one returned, as far as the broker has told. Zero before the
// first Next.
func (p *Partition) Lag() int64 { return max(0, p.fetcher.end.Load()-p.next.Load()) }

// HighWatermark asks the broker for the offset after the last record.
func (p *Partition) HighWatermark(ctx context.Context) (int64, error) {
	_, end, err := p.l.offsets(ctx, p.topic, p.id)
	return end[p.id], err
}

// Commit stores the group's position: next is the offset of the first record that is not done. It works until the handler
// has overstayed its context by Config.HandoverTimeout, so the last one of a handler wants a context that outlives the
// handler's (context.WithoutCancel). Then, or if the group has moved on, the error is ErrNotOwner, and another owner repeats
// what was not committed. Any other error is ErrUnavailable; a later Commit covers it. It takes Config.RequestTimeout at most.
func (p *Partition) Commit(ctx context.Context, next int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := errors.New("the group has moved on")
	if !p.lost.Load() {
		err = p.commit(next)
	}
	switch {
	case err == nil:
		return nil
	case p.lost.Load(), errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId),
		errors.Is(err, kafka.RebalanceInProgress), errors.Is(err, kafka.FencedInstanceID):
		return fmt.Errorf("commit %s/%d at %d: %w: %w", p.topic, p.id, next, ErrNotOwner, err)
	default:
		return fmt.Errorf("commit %s/%d at %d: %w", p.topic, p.id, next, unavailable(err))
	}
}
