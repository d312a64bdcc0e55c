package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Size returns how many bytes of records the log holds; zero when the broker is not open.
func (b *Broker) Size() int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.cluster == nil {
		return 0
	}
	return b.size()
}

func (b *Broker) size() int64 {
	var n int64
	for _, topic := range b.topicNames() {
		for _, info := range b.cluster.PartitionInfos(topic) {
			n += info.NumBytes
		}
	}
	return n
}

// Trim drops the records of a partition before an offset. The newest record always stays: an empty partition would begin
// again at offset zero after a restart. Files go when all of their records are dropped; after a crash, dropped records of a
// file that stayed are back.
func (b *Broker) Trim(_ context.Context, topic string, partition int, before int64) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.cluster == nil {
		return ErrNotOpen
	}
	info := b.cluster.PartitionInfo(topic, int32(partition))
	if info == nil {
		return fmt.Errorf("trim %s/%d: no such partition", topic, partition)
	}
	return b.trimPartition(topic, info, before)
}

func (b *Broker) trimPartition(topic string, info *kfake.PartitionInfo, before int64) error {
	before = min(before, info.HighWatermark-1)
	if before <= info.LogStartOffset {
		return nil
	}
	if err := b.cluster.DeleteRecords(topic, info.Partition, before); err != nil {
		return fmt.Errorf("trim %s/%d before %d: %w", topic, info.Partition, before, err)
	}
	b.log.Info("log trimmed", "topic", topic, "partition", info.Partition, "before", before)
	return nil
}

// trim brings the log back to its bound: topics without consumers are held at their share, and of the others everything
// that all of their consumers have committed goes once the log as a whole is too large.
func (b *Broker) trim() {
	over := b.size() > b.cfg.MaxLogBytes
	for _, t := range b.cfg.Topics {
		for _, info := range b.cluster.PartitionInfos(t.Name) {
			var before int64
			switch {
			case len(t.Consumers) == 0:
				before = keepNewest(info, b.share())
			case over:
				before = b.committed(t, info.Partition)
			}
			if err := b.trimPartition(t.Name, info, before); err != nil {
				b.log.Error("log not trimmed", "error", err)
			}
		}
	}
	if size := b.size(); size > b.cfg.MaxLogBytes {
		b.log.Warn("log is larger than its bound, consumers are behind", "bytes", size, "bound_bytes", b.cfg.MaxLogBytes)
	}
}

// share is what one partition of a topic without consumers may take: all of them together a quarter of the log.
func (b *Broker) share() int64 {
	n := 0
	for _, t := range b.cfg.Topics {
		if len(t.Consumers) == 0 {
			n += t.Partitions
		}
	}
	return b.cfg.MaxLogBytes / 4 / int64(max(n, 1))
}

// keepNewest estimates the offset from which half of the share is left, taking records for equally large; zero while the
// partition is within its share.
func keepNewest(info *kfake.PartitionInfo, share int64) int64 {
	if info.NumBytes <= share {
		return 0
	}
	held := info.HighWatermark - info.LogStartOffset
	return info.HighWatermark - int64(float64(held)*float64(share/2)/float64(info.NumBytes))
}

// committed is the offset before which every consumer is done; zero if one of them has not begun.
func (b *Broker) committed(t Topic, partition int32) int64 {
	least := int64(-1)
	for _, group := range t.Consumers {
		g := b.cluster.GroupInfo(group)
		if g == nil {
			return 0
		}
		c, ok := g.Commits[t.Name][partition]
		if !ok {
			return 0
		}
		if least < 0 || c.Offset < least {
			least = c.Offset
		}
	}
	return max(least, 0)
}

// topicNames are all topics of the folder, also those clients have created.
func (b *Broker) topicNames() []string {
	topics, err := readTopics(b.cfg.Dir)
	if err != nil {
		b.log.Warn("list of topics not read", "error", err)
	}
	names := []string{}
	for name := range topics {
		names = append(names, name)
	}
	return names
}
