package store

import (
	"context"
	"fmt"
	"time"

	"tidemark/sql"
)

// healSamples is about how many samples are put in again at once.
const healSamples = 500_000

var queryStoredSince = sql.MustQuery("state_stored_since")

// storedEvent is one event of the ledger and how much it brought.
type storedEvent struct {
	Topic     string `ch:"topic"`
	Partition uint32 `ch:"partition"`
	Offset    uint64 `ch:"offset"`
	Values    uint64 `ch:"values"`
}

// Heal puts the ledger's events stored since then in again, as they are, so that the tables behind the ledger have them even
// if their part of the insert was lost. It returns how many there were. Nobody may write meanwhile.
func (s *Store) Heal(ctx context.Context, since time.Time) (int, error) {
	events, err := Select[storedEvent](ctx, s, queryStoredSince, Params{"since": since})
	if err != nil {
		return 0, fmt.Errorf("list the events stored since %s: %w", since, err)
	}
	for _, chunk := range healChunks(events) {
		first, last := chunk[0], chunk[len(chunk)-1]
		if err := s.ReinsertLedger(ctx, first.Topic, first.Partition, first.Offset, last.Offset+1); err != nil {
			return 0, err
		}
	}
	return len(events), nil
}

// healChunks cuts events, sorted by place, where a partition ends or a chunk has enough.
func healChunks(events []storedEvent) [][]storedEvent {
	var chunks [][]storedEvent
	from, values := 0, uint64(0)
	for i, e := range events {
		if i > from && (e.Topic != events[from].Topic || e.Partition != events[from].Partition || values+e.Values > healSamples) {
			chunks = append(chunks, events[from:i])
			from, values = i, 0
		}
		values += e.Values
	}
	if from < len(events) {
		chunks = append(chunks, events[from:])
	}
	return chunks
}
