package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Broker is the embedded broker. Its methods are safe for use by many goroutines.
type Broker struct {
	cfg Config
	log *slog.Logger

	mu       sync.RWMutex
	cluster  *kfake.Cluster // nil: not open
	lock     *lock
	listener *listener
	acked    *ackedFile
	stop     context.CancelFunc
	loop     sync.WaitGroup
}

// ErrNotOpen says that the broker is not running.
var ErrNotOpen = errors.New("embedded broker is not running")

// New checks the configuration and remembers it; it opens nothing.
func New(cfg Config) (*Broker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Broker{cfg: cfg, log: log}, nil
}

// Open locks the folder, checks what is in it, and starts serving. It fails with ErrInUse when another process has the
// folder, and with ErrDamaged when acknowledged records are missing or unreadable; nothing is changed then.
//
// Members of consumer groups that an earlier process left behind are forgotten: that process is gone, as the folder was
// free, and waiting for their sessions to end would hold up every consumer.
func (b *Broker) Open(ctx context.Context) (err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cluster != nil {
		return fmt.Errorf("open embedded broker: %s is open already", b.cfg.Dir)
	}
	var undo []func()
	defer func() {
		if err != nil {
			for i := len(undo) - 1; i >= 0; i-- {
				undo[i]()
			}
			err = fmt.Errorf("open embedded broker: %w", err)
		}
	}()

	started := time.Now()
	if b.lock, err = lockFolder(b.cfg.Dir); err != nil {
		return err
	}
	undo = append(undo, func() { err = errors.Join(err, b.lock.release()) })
	if b.acked, err = readAcked(b.cfg.Dir); err != nil {
		return err
	}
	found, err := checkFolder(ctx, b.cfg.Dir, b.acked.ends, b.log)
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(b.cfg.Dir, "session_state.json")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if b.listener, err = listen(ctx, b.cfg, b.log); err != nil {
		return err
	}
	undo = append(undo, func() { b.listener.Close() })
	if err := b.lock.note(b.listener.dir); err != nil {
		return err
	}
	if b.cluster, err = b.start(); err != nil {
		return err
	}
	undo = append(undo, func() { b.cluster.Close(); b.cluster = nil })
	if err := errors.Join(b.createTopics(), b.compare(found)); err != nil {
		return err
	}

	var loopCtx context.Context
	loopCtx, b.stop = context.WithCancel(context.Background())
	b.loop.Go(func() { b.run(loopCtx) })
	b.log.Info("embedded broker open", "dir", b.cfg.Dir, "bytes", b.size(), "took", time.Since(started))
	return nil
}

// neverExpire keeps a group's position however long nobody consumes; the value is the largest the broker takes.
const neverExpire = 1<<31 - 1

func (b *Broker) start() (*kfake.Cluster, error) {
	return kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.ClusterID("tidemark"),
		kfake.DataDir(b.cfg.Dir),
		kfake.SyncWrites(),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return b.listener, nil }),
		kfake.WithLogger(&logger{b.log}),
		kfake.GroupMinSessionTimeout(time.Second),
		kfake.BrokerConfigs(map[string]string{
			"message.max.bytes":         strconv.Itoa(b.cfg.MaxMessageBytes),
			"log.segment.bytes":         strconv.FormatInt(b.cfg.SegmentBytes, 10),
			"log.retention.ms":          "-1",
			"offsets.retention.minutes": strconv.Itoa(neverExpire),
		}),
	)
}

func (b *Broker) createTopics() error {
	for _, t := range b.cfg.Topics {
		infos := b.cluster.PartitionInfos(t.Name)
		if len(infos) == 0 {
			config := map[string]string{"retention.ms": "-1", "max.message.bytes": strconv.Itoa(b.cfg.MaxMessageBytes)}
			if err := b.cluster.CreateTopic(t.Name, int32(t.Partitions), config); err != nil {
				return fmt.Errorf("create topic %s: %w", t.Name, err)
			}
			continue
		}
		if len(infos) != t.Partitions {
			return fmt.Errorf("topic %s has %d partitions in %s, %d are configured", t.Name, len(infos), b.cfg.Dir, t.Partitions)
		}
	}
	return nil
}

// compare makes sure that the broker loaded what the check found.
func (b *Broker) compare(found map[string]map[int]int64) error {
	for topic, ends := range found {
		for _, info := range b.cluster.PartitionInfos(topic) {
			if want := ends[int(info.Partition)]; info.HighWatermark != want {
				return fmt.Errorf("%w: %s/%d was loaded up to offset %d, its files reach %d", ErrDamaged, topic,
					info.Partition, info.HighWatermark, want)
			}
		}
	}
	return nil
}

// Close stops serving and releases the folder. Clients should have left before; what they wait for fails.
func (b *Broker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cluster == nil {
		return nil
	}
	b.stop()
	b.loop.Wait()
	err := b.recordAcked()
	b.listener.Close()
	b.cluster.Close()
	b.cluster = nil
	return errors.Join(err, b.lock.release())
}

// Dial connects to the broker, whatever the address says; it fits eventlog.Config.Dial.
func (b *Broker) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	b.mu.RLock()
	l := b.listener
	open := b.cluster != nil
	b.mu.RUnlock()
	if !open {
		return nil, ErrNotOpen
	}
	return l.dial(ctx)
}

// Brokers returns the broker's address, which fits eventlog.Config.Brokers: the TCP address if there is one, else a name
// that only Dial understands.
func (b *Broker) Brokers() []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.listener != nil {
		return []string{b.listener.Addr().String()}
	}
	if b.cfg.Listen != "" {
		return []string{b.cfg.Listen}
	}
	return []string{privateAddr}
}

// run keeps the record of acknowledged offsets and the size of the log, until ctx ends.
func (b *Broker) run(ctx context.Context) {
	record := time.NewTicker(ackedInterval)
	defer record.Stop()
	trim := time.NewTicker(b.cfg.TrimInterval)
	defer trim.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-record.C:
			if err := b.recordAcked(); err != nil {
				b.log.Error("acknowledged offsets not recorded", "error", err)
			}
		case <-trim.C:
			b.trim()
		}
	}
}

// logger hands the broker's own words to slog.
type logger struct{ log *slog.Logger }

func (l *logger) Logf(level kfake.LogLevel, format string, args ...any) {
	to := map[kfake.LogLevel]slog.Level{
		kfake.LogLevelError: slog.LevelError, kfake.LogLevelWarn: slog.LevelWarn,
	}
	lv, ok := to[level]
	if !ok {
		lv = slog.LevelDebug - 4 // every request: louder than debug
	}
	if l.log.Enabled(context.Background(), lv) {
		l.log.Log(context.Background(), lv, "embedded broker", "detail", fmt.Sprintf(format, args...))
	}
}
