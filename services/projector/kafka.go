package projector

import (
	"context"

	"tidemark/pkg/eventlog"
)

// Kafka hands out the partitions of a log.
func Kafka(log *eventlog.Log) Events { return kafka{log} }

type kafka struct{ log *eventlog.Log }

func (k kafka) Consume(ctx context.Context, group, topic string, handle func(context.Context, Partition) error) error {
	return k.log.Consume(ctx, group, topic, func(ctx context.Context, p *eventlog.Partition) error {
		return handle(ctx, p)
	})
}
