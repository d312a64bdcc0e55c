package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// Consume joins group and runs handle for every partition of topic the group gives to this member, each in a goroutine of
// its own, until ctx or the log ends. Then it returns nil.
//
// A handler's context ends when the partition goes to somebody else, when the brokers are away for longer than the group
// waits, and when ctx ends. The handler must then return; what it has in hand it may finish and commit within
// Config.HandoverTimeout. The same partition is never with two handlers of this Consume at a time. If a handler returns nil
// early, its partition rests until the group is reshuffled. If it returns an error while its context is alive, Consume ends
// with that error.
//
// The order is that of the partition. Between owners, records after the committed position come again.
func (l *Log) Consume(ctx context.Context, group, topic string, handle func(ctx context.Context, p *Partition) error) error {
	if err := l.enter(&l.readers); err != nil {
		return err
	}
	defer l.readers.Done()
	ctx, stop := l.join(ctx)
	defer stop()
	if _, err := l.countOf(ctx, topic); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("consume %s: %w", topic, err)
	}

	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	m := &member{l: l, group: group, topic: topic, handle: handle, fail: fail, running: map[int]chan struct{}{}}
	if err := m.run(ctx); err != nil {
		return fmt.Errorf("consume %s as %s: %w", topic, group, err)
	}
	return nil
}

// member is this process in a consumer group.
type member struct {
	l            *Log
	group, topic string
	handle       func(ctx context.Context, p *Partition) error
	fail         context.CancelCauseFunc

	handlers sync.WaitGroup
	mu       sync.Mutex
	running  map[int]chan struct{} // by partition: closed when its handler has returned
}

// handlerError carries a handler's error through a context's cause.
type handlerError struct{ err error }

func (e *handlerError) Error() string { return e.err.Error() }

func (m *member) run(ctx context.Context) error {
	conns := newConns(m.l.conns.DialContext)
	defer conns.cut()
	cg, err := kafka.NewConsumerGroup(m.config(conns))
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		gen, err := cg.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				m.l.log.Warn("joining the group failed", "group", m.group, "topic", m.topic, "error", err)
			}
			continue
		}
		m.assign(ctx, gen)
	}
	m.leave(cg, conns)
	m.handlers.Wait()
	var he *handlerError
	if errors.As(context.Cause(ctx), &he) {
		return he.err
	}
	return nil
}

func (m *member) config(conns *conns) kafka.ConsumerGroupConfig {
	c := m.l.cfg
	report := func(msg string, args ...any) {
		m.l.log.Debug("consumer group", "group", m.group, "topic", m.topic, "detail", fmt.Sprintf(msg, args...))
	}
	return kafka.ConsumerGroupConfig{
		ID:      m.group,
		Brokers: c.Brokers,
		Topics:  []string{m.topic},
		Dialer: &kafka.Dialer{
			ClientID:      c.ClientID,
			DialFunc:      conns.DialContext,
			Timeout:       c.RequestTimeout,
			TLS:           c.TLS,
			SASLMechanism: m.l.sasl(),
		},
		HeartbeatInterval: c.Heartbeat,
		SessionTimeout:    c.SessionTimeout,
		RebalanceTimeout:  c.RebalanceTimeout,
		JoinGroupBackoff:  c.JoinBackoff,
		StartOffset:       kafka.FirstOffset,
		Timeout:           c.RequestTimeout,
		ErrorLogger:       kafka.LoggerFunc(report),
	}
}

// leaveTimeout is how long leaving may take on top of the handover. A join that waits for the other members would hold it
// up for the whole rebalance; then the connections are cut, and the session's end tells the group.
const leaveTimeout = 2 * time.Second

func (m *member) leave(cg *kafka.ConsumerGroup, conns *conns) {
	left := make(chan struct{})
	go func() {
		defer close(left)
		cg.Close()
	}()
	t := time.NewTimer(m.l.cfg.HandoverTimeout + leaveTimeout)
	defer t.Stop()
	select {
	case <-left:
	case <-t.C:
		conns.cut()
		<-left
	}
}

func (m *member) assign(ctx context.Context, gen *kafka.Generation) {
	ids := []int{}
	for _, a := range gen.Assignments[m.topic] {
		ids = append(ids, a.ID)
		committed := max(a.Offset, -1) // kafka.FirstOffset stands for none
		gen.Start(func(genCtx context.Context) { m.hold(ctx, genCtx, gen, a.ID, committed) })
	}
	m.l.log.Info("partitions assigned", "group", m.group, "topic", m.topic, "generation", gen.ID, "partitions", ids)
}

// hold runs the handler of one partition for one generation, and returns in time for the group to move on.
func (m *member) hold(ctx, genCtx context.Context, gen *kafka.Generation, id int, committed int64) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(genCtx, cancel)()
	m.mu.Lock()
	before := m.running[id]
	done := make(chan struct{})
	m.mu.Unlock()
	if before != nil {
		select {
		case <-before:
		case <-ctx.Done():
			return
		}
	}
	p := &Partition{
		l: m.l, topic: m.topic, id: id, ctx: ctx, committed: committed, startAt: -1,
		fetcher: m.l.newFetcher(m.topic, id),
		commit: func(next int64) error {
			return gen.CommitOffsets(map[string]map[int]int64{m.topic: {id: next}})
		},
	}
	m.mu.Lock()
	m.running[id] = done
	m.mu.Unlock()
	m.handlers.Add(1) // before run waits: it first waits for the generation, which waits for us
	go func() {
		defer m.handlers.Done()
		defer close(done)
		if err := m.handle(ctx, p); err != nil && ctx.Err() == nil {
			m.fail(&handlerError{err})
		}
	}()
	<-ctx.Done()
	t := time.NewTimer(m.l.cfg.HandoverTimeout)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
		m.l.log.Warn("handler overstays its partition", "group", m.group, "topic", m.topic, "partition", id)
	}
	p.lost.Store(true)
}
