package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/samber/lo"
)

// Config says where ClickHouse is and how much of it may be used.
type Config struct {
	// DSN is a ClickHouse address such as clickhouse://user:pass@host:9000/tidemark
	// or http://host:8123/tidemark. Not used when Dial is set.
	DSN string
	// Dial reaches the embedded engine, over HTTP, without a network.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Database holds Tidemark's tables.
	Database string
	// MaxReads bounds the reads under way at once, and so the connections they use.
	MaxReads int
	// MaxQueuedReads bounds the reads that wait for their turn, in each share of the pool.
	MaxQueuedReads int
	// MaxReadWait bounds how long a read waits for its turn.
	MaxReadWait time.Duration
	// ReadNice is by how much the threads of reads stand back behind those of writes, as of nice(2): 0 not at all, 19 the most.
	ReadNice int
	// ReadTimeout bounds a read when its context has no deadline of its own.
	ReadTimeout time.Duration
	// ReadMemoryBytes bounds the memory of one read.
	ReadMemoryBytes int64
	// MaxWrites bounds the connections of writers; 0 is a store that only reads.
	MaxWrites int
	// WriteTimeout bounds one insert or statement.
	WriteTimeout time.Duration
}

// DefaultConfig suits two cores.
func DefaultConfig() Config {
	return Config{
		Database:        "tidemark",
		MaxReads:        4,
		MaxQueuedReads:  256,
		MaxReadWait:     5 * time.Second,
		ReadTimeout:     30 * time.Second,
		ReadMemoryBytes: 2 << 30,
		MaxWrites:       4,
		WriteTimeout:    2 * time.Minute,
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var problems []error
	if c.DSN == "" && c.Dial == nil {
		problems = append(problems, errors.New("store.dsn: an address is needed"))
	}
	if c.Database == "" {
		problems = append(problems, errors.New("store.database: a name is needed"))
	}
	for name, n := range map[string]int64{
		"max_reads":    int64(c.MaxReads),
		"read_timeout": int64(c.ReadTimeout), "write_timeout": int64(c.WriteTimeout),
		"max_read_wait": int64(c.MaxReadWait), "read_memory_bytes": c.ReadMemoryBytes,
	} {
		if n <= 0 {
			problems = append(problems, fmt.Errorf("store.%s: must be above zero", name))
		}
	}
	if c.MaxWrites < 0 {
		problems = append(problems, errors.New("store.max_writes: must not be negative"))
	}
	if c.ReadNice < 0 || c.ReadNice > 19 {
		problems = append(problems, errors.New("store.read_nice: must be from 0 to 19"))
	}
	if c.MaxQueuedReads < 0 {
		problems = append(problems, errors.New("store.max_queued_reads: must not be negative"))
	}
	return errors.Join(problems...)
}

// fixedSettings hold for every statement. Expressions are not compiled, which the engine does once it has seen one a few times: it then has no
// cast for an OR beside LowCardinality columns (version 26.7), so that a statement fails that was answered before.
var fixedSettings = clickhouse.Settings{"compile_expressions": 0}

// readSettings bound a read in ClickHouse itself, should this process not be there to end it. One whose connection ends ends
// with it: over the native protocol by itself, over HTTP because it is read-only and says so.
func (c Config) readSettings() clickhouse.Settings {
	return lo.Assign(fixedSettings, clickhouse.Settings{
		"max_memory_usage":            c.ReadMemoryBytes,
		"max_execution_time":          max(1, int(c.ReadTimeout.Seconds()+0.5)),
		"os_threads_nice_value_query": c.ReadNice,
		"readonly":                    2,
		"cancel_http_readonly_queries_on_client_close": 1,
		// Joins as they are written: the planner would join two large tables on database and suite alone, and filter then.
		"query_plan_optimize_join_order_limit": 0,
	})
}
