package kafka

import (
	"context"
	"net"
)

// Broker is the embedded broker.
type Broker struct{}

func New(cfg Config) (*Broker, error) { panic("being written") }

// Open locks and checks the folder and starts serving.
func (b *Broker) Open(ctx context.Context) error { panic("being written") }

// Close stops serving and releases the folder. Clients should have left before.
func (b *Broker) Close() error { panic("being written") }

// Dial connects to the broker, whatever the address; it fits eventlog.Config.Dial.
func (b *Broker) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	panic("being written")
}

// Brokers fits eventlog.Config.Brokers.
func (b *Broker) Brokers() []string { panic("being written") }

// Size is the size of the log in bytes.
func (b *Broker) Size() int64 { panic("being written") }

// Trim drops records before an offset; the newest record always stays.
func (b *Broker) Trim(ctx context.Context, topic string, partition int, before int64) error {
	panic("being written")
}
