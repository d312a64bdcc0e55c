package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// Topic is a topic the broker keeps.
type Topic struct {
	Name       string
	Partitions int
	// Consumers are the groups that must have committed a record before it may be trimmed away. Without any, the topic is
	// trimmed by size alone.
	Consumers []string
}

// Config says where the log lives and how large it may grow.
type Config struct {
	Dir             string // data folder; created with mode 0700
	Topics          []Topic
	MaxMessageBytes int           // largest batch accepted, as sent, that is after compression
	SegmentBytes    int64         // size of one file of the log; trimming frees whole files
	MaxLogBytes     int64         // the log is trimmed to about this size, as far as its consumers allow
	TrimInterval    time.Duration // how often it is looked at
	Listen          string        // host:port of a TCP listener without authentication; empty: none
	Logger          *slog.Logger  // nil: silent
}

// DefaultConfig returns the settings of `tidemark up`, without a folder and topics. A start reads the whole log into
// memory, which is why MaxLogBytes is small.
func DefaultConfig() Config {
	return Config{
		MaxMessageBytes: 81 << 20,
		SegmentBytes:    16 << 20,
		MaxLogBytes:     256 << 20,
		TrimInterval:    5 * time.Second,
	}
}

// Validate returns everything that is wrong, joined.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Dir == "" {
		bad("dir: a data folder is needed")
	}
	seen := map[string]bool{}
	for i, t := range c.Topics {
		if t.Name == "" || seen[t.Name] {
			bad("topics[%d]: name %q is empty or used twice", i, t.Name)
		}
		if t.Partitions < 1 {
			bad("topics[%d]: %d partitions", i, t.Partitions)
		}
		seen[t.Name] = true
	}
	if c.MaxMessageBytes < 1<<10 || c.MaxMessageBytes > 1<<30 {
		bad("max_message_bytes: %d is not between %d and %d", c.MaxMessageBytes, 1<<10, 1<<30)
	}
	if c.SegmentBytes < 1<<10 || c.SegmentBytes > 1<<30 {
		bad("segment_bytes: %d is not between %d and %d", c.SegmentBytes, 1<<10, 1<<30)
	}
	if c.MaxLogBytes < c.SegmentBytes {
		bad("max_log_bytes: %d is less than segment_bytes %d", c.MaxLogBytes, c.SegmentBytes)
	}
	if c.TrimInterval < time.Millisecond {
		bad("trim_interval: %s is shorter than a millisecond", c.TrimInterval)
	}
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			bad("listen: %w", err)
		}
	}
	return errors.Join(errs...)
}
