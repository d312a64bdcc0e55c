package eventlog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
)

// Tail calls handle for every record appended to any partition of topic from now on, until ctx or the log ends; then it
// returns nil. There is no group: every Tail sees everything. Calls to handle do not overlap.
//
// ready is called once, when every record appended from then on will be seen; it may be nil. Brokers that are away are
// waited for. If the log was trimmed past the reader, or lost its end, reading goes on with what there is, and a warning. A
// corrupt record is logged and left out.
func (l *Log) Tail(ctx context.Context, topic string, ready func(), handle func(Record)) error {
	if err := l.enter(&l.readers); err != nil {
		return err
	}
	defer l.readers.Done()
	ctx, stop := l.join(ctx)
	defer stop()

	n, err := l.countOf(ctx, topic)
	var ends map[int]int64
	if err == nil {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		_, ends, err = l.offsets(ctx, topic, all...)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("tail %s: %w", topic, err)
	}
	if ready != nil {
		ready()
	}

	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var one sync.Mutex
	var wg sync.WaitGroup
	for id, at := range ends {
		wg.Go(func() {
			err := l.tailPartition(ctx, topic, id, at, func(r Record) {
				one.Lock()
				defer one.Unlock()
				handle(r)
			})
			if err != nil && ctx.Err() == nil {
				fail(&handlerError{err})
			}
		})
	}
	wg.Wait()
	var he *handlerError
	if errors.As(context.Cause(ctx), &he) {
		return fmt.Errorf("tail %s: %w", topic, he.err)
	}
	return nil
}

// tailPartition reads one partition from offset at, over and over again if the log moves under it. What it returns says nothing
// once ctx has ended.
func (l *Log) tailPartition(ctx context.Context, topic string, id int, at int64, handle func(Record)) error {
	for {
		next, err := l.follow(ctx, topic, id, at, handle)
		if ctx.Err() != nil || !errors.Is(err, ErrOffsetOutOfRange) {
			return err
		}
		firsts, ends, err := l.offsets(ctx, topic, id)
		if err != nil {
			return err
		}
		at = min(max(next, firsts[id]), ends[id])
		l.log.Warn("log moved under the reader", "topic", topic, "partition", id, "wanted", next, "offset", at)
	}
}

// follow reads until it cannot, and returns the position it reached.
func (l *Log) follow(ctx context.Context, topic string, id int, at int64, handle func(Record)) (next int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	f := l.newFetcher(topic, id)
	var wg sync.WaitGroup
	wg.Go(func() { f.run(ctx, at) })
	defer wg.Wait()
	defer cancel()
	for next = at; ; {
		recs, err := f.take(ctx, math.MaxInt, math.MaxInt)
		if len(recs) == 0 {
			return next, err
		}
		next = recs[len(recs)-1].Offset + 1
		if err != nil {
			l.log.Error("record left out", "topic", topic, "partition", id, "offset", next-1, "error", err)
			continue
		}
		for _, r := range recs {
			handle(r)
		}
	}
}
