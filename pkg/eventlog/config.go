package eventlog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"
)

// Config says where the brokers are and how to speak to them.
type Config struct {
	Brokers  []string // host:port, one or more
	ClientID string   // shown in the brokers' logs and metrics

	// Dial opens connections; nil is plain TCP. The embedded broker offers its own.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	TLS  *tls.Config // nil: no TLS
	// User and Password switch SASL/PLAIN on. Use them with TLS only.
	User, Password string

	MaxRecordBytes int           // largest record, before compression; larger ones get ErrTooLarge
	AppendTimeout  time.Duration // an Append ends within this time, even if its context allows more
	BatchTimeout   time.Duration // how long a batch waits for company; zero: it goes when the one before is answered
	BatchBytes     int           // a batch takes no further record beyond this size
	BatchRecords   int           // nor beyond this number
	Compression    string        // zstd, lz4 or none. Records that already are zstd or gzip are sent as they are

	FetchBytes  int           // upper bound of one fetch; a larger record still comes through alone
	FetchWait   time.Duration // how long a fetch waits at the broker for something to come
	BufferBytes int           // per partition, read ahead of the caller; one fetch may go beyond

	SessionTimeout   time.Duration // a member silent for this long loses its partitions
	Heartbeat        time.Duration // also how soon a member notices that another one came
	RebalanceTimeout time.Duration // how long the group waits for its members to rejoin
	HandoverTimeout  time.Duration // how long a handler may go on after it lost its partition before the group moves on
	JoinBackoff      time.Duration // pause after a failed attempt to join

	MetadataTTL    time.Duration // how often the cluster's layout is read again
	RequestTimeout time.Duration // of a single question to a broker
}

// DefaultConfig returns the settings that suit one broker on the same machine and a cluster in the same region.
func DefaultConfig() Config {
	return Config{
		ClientID:         "tidemark",
		MaxRecordBytes:   80 << 20,
		AppendTimeout:    10 * time.Second,
		BatchTimeout:     0,
		BatchBytes:       4 << 20,
		BatchRecords:     2000,
		Compression:      "zstd",
		FetchBytes:       4 << 20,
		FetchWait:        time.Second,
		BufferBytes:      16 << 20,
		SessionTimeout:   8 * time.Second,
		Heartbeat:        time.Second,
		RebalanceTimeout: 12 * time.Second,
		HandoverTimeout:  5 * time.Second,
		JoinBackoff:      time.Second,
		MetadataTTL:      6 * time.Second,
		RequestTimeout:   5 * time.Second,
	}
}

// Validate returns everything that is wrong, joined.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Brokers) == 0 || slices.Contains(c.Brokers, "") {
		bad("brokers: at least one host:port is needed, and none may be empty")
	}
	if !slices.Contains([]string{"", "none", "lz4", "zstd"}, c.Compression) {
		bad("compression: %q is not one of zstd, lz4, none", c.Compression)
	}
	for _, n := range []struct {
		name  string
		value int
	}{
		{"max_record_bytes", c.MaxRecordBytes},
		{"batch_bytes", c.BatchBytes},
		{"batch_records", c.BatchRecords},
		{"fetch_bytes", c.FetchBytes},
		{"buffer_bytes", c.BufferBytes},
	} {
		if n.value <= 0 || n.value > 1<<30 {
			bad("%s: %d is not between 1 and %d", n.name, n.value, 1<<30)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"append_timeout", c.AppendTimeout},
		{"fetch_wait", c.FetchWait},
		{"session_timeout", c.SessionTimeout},
		{"heartbeat", c.Heartbeat},
		{"rebalance_timeout", c.RebalanceTimeout},
		{"handover_timeout", c.HandoverTimeout},
		{"join_backoff", c.JoinBackoff},
		{"metadata_ttl", c.MetadataTTL},
		{"request_timeout", c.RequestTimeout},
	} {
		if d.value < time.Millisecond {
			bad("%s: %s is shorter than a millisecond", d.name, d.value)
		}
	}
	if c.BatchTimeout < 0 {
		bad("batch_timeout: %s is negative", c.BatchTimeout)
	}
	if c.Heartbeat > c.SessionTimeout/3 {
		bad("heartbeat: %s is more than a third of session_timeout %s", c.Heartbeat, c.SessionTimeout)
	}
	if c.HandoverTimeout+c.Heartbeat >= c.RebalanceTimeout {
		bad("handover_timeout: %s and one heartbeat must fit into rebalance_timeout %s", c.HandoverTimeout, c.RebalanceTimeout)
	}
	return errors.Join(errs...)
}

// Deps are what a Log uses from its surroundings.
type Deps struct {
	Logger *slog.Logger // nil: silent
}

// TopicSpec is a topic as it should be.
type TopicSpec struct {
	Name       string
	Partitions int
	Replicas   int               // zero: the brokers' default
	Config     map[string]string // added to, and winning over, max.message.bytes and retention.ms=-1
}
