package projector

import (
	"context"

	"tidemark/pkg/eventlog"
)

// Kafka hands out the partitions of a log.
func Kafka(log *eventlog.Log) Events { return partitions{log} }

type partitions struct{ log *eventlog.Log }

func (p partitions) Consume(ctx context.Context, group, topic string, handle func(context.Context, Partition) error) error {
	return p.log.Consume(ctx, group, topic, func(ctx context.Context, part *eventlog.Partition) error {
		return handle(ctx, part)
	})
}
