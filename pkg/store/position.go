package store

import (
	"context"
	"sync/atomic"
	"time"

	"tidemark/sql"
)

// Position tells where all data of a store stand: a text that is another one after every write, whoever wrote. It does not change
// when ClickHouse merges what is there.
type Position struct {
	store  *Store
	age    time.Duration
	now    func() time.Time
	writes func() uint64 // nil unless every write can be counted; see Counting
	turn   chan struct{}
	moved  atomic.Uint64
	// told is guarded by turn: what was answered last.
	told struct {
		at            string
		asked         time.Time
		moved, writes uint64
	}
}

// NewPosition asks s, and takes an answer for good for as long as age, unless [Position.Moved] is called: what this process knows to
// be written shows at once. With an age of zero every question is asked after it came; those that come together share one.
func NewPosition(s *Store, age time.Duration, now func() time.Time) *Position {
	return &Position{store: s, age: age, now: now, turn: make(chan struct{}, 1)}
}

// quiet is how long an answer is taken for good while no write is counted: a mutation may end after the statement that asked for it.
const quiet = time.Second

// Counting spares questions while writes gives the same number: it counts the statements of everybody who can write, when they have ended.
// Call it before the first [Position.At].
func (p *Position) Counting(writes func() uint64) { p.writes = writes }

// Moved says that something was written, before anybody is told so.
func (p *Position) Moved() { p.moved.Add(1) }

// positionTimeout bounds the question. It waits for nobody: the store it goes to is not that of the readers.
const positionTimeout = 5 * time.Second

// Every insert makes a block with the next number, and every mutation a version, which is the fifth part of a part's name; what is
// gone is missing here, one that was exchanged has another uuid. job_runs is left out: it gets a row
// every few seconds, and answers that show it are not kept.
var queryPosition = sql.File{Name: "position", Text: `
SELECT hex(sipHash128(groupArray(p))) AS at
FROM
(
    SELECT (uuid, last, version, parts > 0) AS p
    FROM
    (
        SELECT name, uuid
        FROM system.tables
        WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree') AND name != 'job_runs'
    ) AS t
    LEFT JOIN
    (
        SELECT table, max(max_block_number) AS last, max(toUInt64OrZero(splitByChar('_', name)[5])) AS version, count() AS parts
        FROM system.parts
        WHERE database = currentDatabase() AND active
        GROUP BY table
    ) AS p ON p.table = t.name
    ORDER BY name
)`}

// At is the position, as it was at some time after the caller asked, or shortly before.
func (p *Position) At(ctx context.Context) (string, error) {
	came, moved, writes := p.now(), p.moved.Load(), p.counted()
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-p.turn }()
	if p.told.at != "" && p.stands(came, moved, writes) {
		return p.told.at, nil
	}
	ctx, cancel := context.WithTimeout(ctx, positionTimeout)
	defer cancel()
	asked, before, writes := p.now(), p.moved.Load(), p.counted()
	rows, err := Select[struct {
		At string `ch:"at"`
	}](ctx, p.store, queryPosition, nil)
	if err != nil {
		return "", err
	}
	p.told.at, p.told.asked, p.told.moved, p.told.writes = rows[0].At, asked, before, writes
	return p.told.at, nil
}

// stands reports whether the last answer is one for somebody who came at a time, when so many moves and writes were known.
func (p *Position) stands(came time.Time, moved, writes uint64) bool {
	if p.writes != nil {
		return p.told.writes >= writes && !p.told.asked.Before(came.Add(-quiet))
	}
	return p.told.moved >= moved && !p.told.asked.Before(came.Add(-p.age))
}

func (p *Position) counted() uint64 {
	if p.writes == nil {
		return 0
	}
	return p.writes()
}
