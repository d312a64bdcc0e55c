package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// mover brings the runs of one suite over. Several are read at once, one is sent after the other, and while some are sent the
// outcomes of those before are waited for: the log has them in the order of their ids whatever the source's pace is.
type mover struct {
	i      *Importer
	j      *job
	done   *journal
	source string

	attempts                   map[uint32]int // how often a run was refused before; the journal itself is written to meanwhile
	gone                       map[uint32]bool
	before, runs, rows, values int
	refusals                   []string
	notes                      Notes
}

func (m *mover) move(ctx context.Context, heads []Head) error {
	m.attempts, m.gone = maps.Clone(m.done.refused), map[uint32]bool{}
	var todo []Head
	for _, h := range heads {
		if _, ok := m.done.stored[h.ID]; ok {
			m.before++
			continue
		}
		todo = append(todo, h)
	}
	m.i.bar.expect(len(todo))
	group, ctx := errgroup.WithContext(ctx)
	parcels := m.read(ctx, group, todo)
	batches := make(chan []sent)
	group.Go(func() error {
		defer close(batches)
		return m.sendAll(ctx, parcels, batches)
	})
	group.Go(func() error { return m.settle(ctx, batches) })
	return group.Wait()
}

// read starts reading runs, several at once, and gives them in order.
func (m *mover) read(ctx context.Context, group *errgroup.Group, todo []Head) <-chan chan parcel {
	places := make(chan chan parcel, m.i.cfg.Readers)
	group.Go(func() error {
		defer close(places)
		readers, ctx := errgroup.WithContext(ctx)
		readers.SetLimit(m.i.cfg.Readers)
		for _, h := range todo {
			place := make(chan parcel, 1)
			select {
			case places <- place:
			case <-ctx.Done():
				if err := readers.Wait(); err != nil {
					return err
				}
				return context.Cause(ctx)
			}
			readers.Go(func() error {
				p, err := m.pack(ctx, h, m.attempts[h.ID])
				if err != nil {
					return err
				}
				place <- p
				return nil
			})
		}
		return readers.Wait()
	})
	return places
}

// pack reads a run and makes a report of it.
func (m *mover) pack(ctx context.Context, h Head, attempt int) (parcel, error) {
	p := parcel{head: h, keep: m.i.cfg.KeepIDs, key: m.key(h.ID, attempt)}
	run, err := m.j.source.Run(ctx, h.ID)
	if errors.Is(err, errGone) {
		p.gone, p.notes.Gone = true, 1
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("read run %d: %w", h.ID, err)
	}
	schema := m.j.source.Schema()
	p.notes = tidy(run, schema)
	p.rows, p.values = len(run.Rows), run.values()
	p.body = m.i.zstd.EncodeAll(submission(run, schema), nil)
	return p, nil
}

// key is the same whenever this run of this source goes to this suite. A run that was refused is another attempt: the server would
// repeat its answer.
func (m *mover) key(run uint32, attempt int) string {
	parts := []string{"lnt import 1", m.source, m.j.route.from, m.j.name, strconv.FormatUint(uint64(run), 10), m.i.cfg.Salt, strconv.Itoa(attempt)}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "lnt-" + hex.EncodeToString(sum[:20])
}

// sendAll sends one run after the other and hands them on whenever there is a taker, so that batches are as large as the target is slow.
func (m *mover) sendAll(ctx context.Context, parcels <-chan chan parcel, batches chan<- []sent) error {
	var batch []sent
	for place := range parcels {
		var p parcel
		select {
		case p = <-place:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		s := sent{parcel: p}
		if !p.gone {
			var err error
			if s, err = m.j.target.send(ctx, p); err != nil {
				return err
			}
		}
		batch = append(batch, s)
		if len(batch) >= m.i.cfg.Window {
			if err := hand(ctx, batches, batch); err != nil {
				return err
			}
			batch = nil
			continue
		}
		select {
		case batches <- batch:
			batch = nil
		default:
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return hand(ctx, batches, batch)
}

func hand(ctx context.Context, batches chan<- []sent, batch []sent) error {
	select {
	case batches <- batch:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// settle waits for outcomes and writes them down.
func (m *mover) settle(ctx context.Context, batches <-chan []sent) error {
	for batch := range batches {
		var there []sent
		for _, s := range batch {
			m.notes.add(s.parcel.notes)
			if s.parcel.gone {
				m.gone[s.parcel.head.ID] = true
				continue
			}
			there = append(there, s)
		}
		if err := m.j.target.await(ctx, there); err != nil {
			return err
		}
		if err := m.done.write(there); err != nil {
			return err
		}
		values := 0
		for _, s := range there {
			if why := s.outcome.refusal; why != nil {
				m.refusals = append(m.refusals, m.j.String()+": "+why.Error())
				continue
			}
			m.runs++
			m.rows += s.parcel.rows
			m.values += s.parcel.values
			values += s.parcel.values
		}
		m.i.bar.add(len(batch), values)
	}
	return nil
}
