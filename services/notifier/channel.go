package notifier

import (
	"context"
	"fmt"
	"time"

	"tidemark/pkg/event"
)

// Status is what became of an attempt.
type Status string

// The statuses of a delivery.
const (
	Started   Status = event.DeliveryStarted
	Delivered Status = event.DeliveryDelivered
	Failed    Status = event.DeliveryFailed
	// Uncertain: it may have arrived, and is not sent again, as the receiver could not tell a repetition.
	Uncertain Status = event.DeliveryUncertain
)

// answer is how sending went.
type answer struct {
	status Status
	// code is the receiver's: of HTTP or SMTP; 0 when it gave none.
	code int
	// reason says what went wrong, without secrets.
	reason string
	// wait is for how long the receiver asks to be left alone; 0 when it does not.
	wait time.Duration
}

// sender is a channel.
type sender interface {
	// compose gives exactly what would be sent.
	compose(to *Subscription, m Message, at time.Time) (composed, error)
	send(ctx context.Context, c composed) answer
}

// composed is a message in its channel's form.
type composed struct {
	sub      *Subscription
	delivery string
	headers  [][2]string
	body     []byte
	mail     func() (mailer, error)
}

// String shows a message to people, as `notify test --dry-run` does.
func (c composed) String() string {
	var text []byte
	for _, h := range c.headers {
		text = fmt.Appendf(text, "%s: %s\n", h[0], h[1])
	}
	return string(text) + "\n" + string(c.body) + "\n"
}

// again says whether an attempt that failed is worth repeating.
func again(channel string, code int) bool {
	switch {
	case code == 0:
		return true
	case channel == email:
		return code < 500 // RFC 5321, 4.2.1: 5yz is permanent
	case code == 408 || code == 429:
		return true
	default:
		return code >= 500
	}
}

// repeatable channels have receivers that know a repetition by its id.
func repeatable(channel string) bool { return channel == webhook }
