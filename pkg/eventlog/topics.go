package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
)

// ensureTimeout bounds Ensure and Offsets when the caller's context does not.
const ensureTimeout = 30 * time.Second

// Ensure creates the topics that are missing, with max.message.bytes to fit MaxRecordBytes and without retention by time,
// and checks the number of partitions of those that exist: a key's place depends on it, so another number is refused with
// ErrPartitionCount. It waits for the brokers as long as ctx allows, 30 s if that is without end.
func (l *Log) Ensure(ctx context.Context, topics ...TopicSpec) error {
	if err := l.enter(&l.work); err != nil {
		return err
	}
	defer l.work.Done()
	ctx, cancel := bounded(ctx)
	defer cancel()
	err := l.ask(ctx, func(ctx context.Context, c *kafka.Client) error {
		if err := l.create(ctx, c, topics); err != nil {
			return err
		}
		for _, t := range topics {
			n, err := countPartitions(ctx, c, t.Name)
			if err != nil {
				return err
			}
			if n != t.Partitions {
				return fmt.Errorf("topic %q: %w: it has %d, %d are configured", t.Name, ErrPartitionCount, n, t.Partitions)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ensure topics: %w", err)
	}
	return nil
}

func (l *Log) create(ctx context.Context, c *kafka.Client, topics []TopicSpec) error {
	req := kafka.CreateTopicsRequest{}
	for _, t := range topics {
		replicas := t.Replicas
		if replicas == 0 {
			replicas = -1
		}
		config := map[string]string{
			"max.message.bytes": strconv.Itoa(l.maxBatchBytes()),
			"retention.ms":      "-1",
		}
		for k, v := range t.Config {
			config[k] = v
		}
		tc := kafka.TopicConfig{Topic: t.Name, NumPartitions: t.Partitions, ReplicationFactor: replicas}
		for k, v := range config {
			tc.ConfigEntries = append(tc.ConfigEntries, kafka.ConfigEntry{ConfigName: k, ConfigValue: v})
		}
		req.Topics = append(req.Topics, tc)
	}
	res, err := c.CreateTopics(ctx, &req)
	if err != nil {
		return err
	}
	for topic, err := range res.Errors {
		if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
			return fmt.Errorf("create topic %q: %w", topic, err)
		}
	}
	return nil
}

// maxBatchBytes is the largest batch ever sent, if compression makes it no smaller.
func (l *Log) maxBatchBytes() int { return max(l.cfg.MaxRecordBytes, l.cfg.BatchBytes) + 64<<10 }

func countPartitions(ctx context.Context, c *kafka.Client, topic string) (int, error) {
	res, err := c.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return 0, err
	}
	for _, t := range res.Topics {
		if t.Name == topic && t.Error != nil {
			return 0, t.Error
		}
		if t.Name == topic && len(t.Partitions) > 0 {
			return len(t.Partitions), nil
		}
	}
	return 0, kafka.UnknownTopicOrPartition
}

// unknownAfter is how often a topic must be missing, with the layout read anew in between, to count as unknown.
const unknownAfter = 3

// countOf returns the number of partitions of a topic, which is asked for once.
func (l *Log) countOf(ctx context.Context, topic string) (int, error) {
	l.mu.Lock()
	n := l.partitions[topic]
	l.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	missing := 0
	err := l.ask(ctx, func(ctx context.Context, c *kafka.Client) (err error) {
		n, err = countPartitions(ctx, c, topic)
		if errors.Is(err, kafka.UnknownTopicOrPartition) {
			if missing++; missing >= unknownAfter {
				return fmt.Errorf("%w: %q", ErrUnknownTopic, topic)
			}
			pause(ctx, rerouteInterval)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	l.partitions[topic] = n
	l.mu.Unlock()
	return n, nil
}

// Offsets returns, per partition, the first offset the log holds and the next one it will give.
func (l *Log) Offsets(ctx context.Context, topic string) (first, end map[int]int64, err error) {
	if err := l.enter(&l.work); err != nil {
		return nil, nil, err
	}
	defer l.work.Done()
	ctx, cancel := bounded(ctx)
	defer cancel()
	n, err := l.countOf(ctx, topic)
	if err != nil {
		return nil, nil, fmt.Errorf("offsets of %s: %w", topic, err)
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return l.offsets(ctx, topic, all...)
}

func (l *Log) offsets(ctx context.Context, topic string, partitions ...int) (first, end map[int]int64, err error) {
	err = l.ask(ctx, func(ctx context.Context, c *kafka.Client) error {
		var reqs []kafka.OffsetRequest
		for _, p := range partitions {
			reqs = append(reqs, kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p))
		}
		res, err := c.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: reqs}})
		if err != nil {
			return err
		}
		first, end = map[int]int64{}, map[int]int64{}
		for _, p := range res.Topics[topic] {
			if p.Error != nil {
				return p.Error
			}
			first[p.Partition], end[p.Partition] = p.FirstOffset, p.LastOffset
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("offsets of %s: %w", topic, err)
	}
	return first, end, nil
}

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, ensureTimeout)
}
