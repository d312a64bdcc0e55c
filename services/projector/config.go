package projector

import (
	"errors"
	"fmt"
	"time"

	"tidemark/pkg/event"
)

// Config bounds batches and says how patient the projector is.
type Config struct {
	// Group is the consumer group.
	Group string
	// Events and Outcomes are topics.
	Events, Outcomes string

	// FetchRecords and FetchBytes bound what is taken from the log at once, as it is on the wire.
	FetchRecords, FetchBytes int
	// BatchRecords, BatchBytes (of decompressed bodies) and BatchSamples close a batch. One event may exceed them alone.
	BatchRecords, BatchBytes, BatchSamples int

	// InsertTimeout bounds one attempt to store a batch; it limits the server, too.
	InsertTimeout time.Duration
	// LoadTimeout bounds one attempt to load the state of a suite.
	LoadTimeout time.Duration
	// RetryMin and RetryMax bound the pause between attempts; it doubles from one to the other, give or take a fifth.
	RetryMin, RetryMax time.Duration
	// PublishTimeout bounds publishing the outcomes of a batch, retries included. Receipts tell those who were not reached.
	PublishTimeout time.Duration
	// CommitTimeout bounds moving the position; when it fails, the next batch moves it.
	CommitTimeout time.Duration
	// Grace is how long an insert under way may go on after the partition is lost or the service stops. Below the log's
	// handover timeout, or the next owner starts beside it.
	Grace time.Duration
	// StuckAfter is how long attempts may fail before the projector says that it is not ready.
	StuckAfter time.Duration
}

// DefaultConfig suits two cores and reports of some thousand samples.
func DefaultConfig() Config {
	return Config{
		Group:          "projector",
		Events:         event.TopicEvents,
		Outcomes:       event.TopicOutcomes,
		FetchRecords:   1000,
		FetchBytes:     8 << 20,
		BatchRecords:   500,
		BatchBytes:     16 << 20,
		BatchSamples:   200_000,
		InsertTimeout:  2 * time.Minute,
		LoadTimeout:    time.Minute,
		RetryMin:       100 * time.Millisecond,
		RetryMax:       10 * time.Second,
		PublishTimeout: 10 * time.Second,
		CommitTimeout:  5 * time.Second,
		Grace:          4 * time.Second,
		StuckAfter:     30 * time.Second,
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var problems []error
	problem := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("projector."+format, args...))
	}
	for name, text := range map[string]string{"group": c.Group, "events": c.Events, "outcomes": c.Outcomes} {
		if text == "" {
			problem("%s: a name is needed", name)
		}
	}
	for name, n := range map[string]int64{
		"fetch_records": int64(c.FetchRecords), "fetch_bytes": int64(c.FetchBytes),
		"batch_records": int64(c.BatchRecords), "batch_bytes": int64(c.BatchBytes), "batch_samples": int64(c.BatchSamples),
		"insert_timeout": int64(c.InsertTimeout), "load_timeout": int64(c.LoadTimeout),
		"retry_min": int64(c.RetryMin), "publish_timeout": int64(c.PublishTimeout),
		"commit_timeout": int64(c.CommitTimeout), "grace": int64(c.Grace), "stuck_after": int64(c.StuckAfter),
	} {
		if n <= 0 {
			problem("%s: must be above zero", name)
		}
	}
	if c.RetryMax < c.RetryMin {
		problem("retry_max: %s is below retry_min %s", c.RetryMax, c.RetryMin)
	}
	return errors.Join(problems...)
}
