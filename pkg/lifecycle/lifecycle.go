// Package lifecycle starts components in order and stops them in reverse.
//
// A component is opened before the ones after it and closed after they have
// ended, so a part may lean on everything listed before it until its own end.
// When one fails, all stop the same way and the failure is returned.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Component is a part with a life of its own. Every function may be nil.
type Component struct {
	Name string
	// Open makes the part usable; it returns when it is.
	Open func(ctx context.Context) error
	// Run works until ctx ends, then finishes what is in hand and returns nil.
	Run func(ctx context.Context) error
	// Close gives back what Open took. It runs after Run has returned.
	Close func() error
}

// Run opens the components in order, calls ready once all are open, and stops
// them in reverse order when ctx ends or one of them fails. Each has grace to
// end; one that does not is named in the error and left behind.
func Run(ctx context.Context, log *slog.Logger, grace time.Duration, components []Component, ready func()) error {
	// Components outlive ctx: each is told to stop when its turn comes.
	base := context.WithoutCancel(ctx)
	failed := make(chan error, len(components))
	var started []*running
	var problem error
	for _, c := range components {
		r, err := start(ctx, base, c, failed)
		if r != nil {
			started = append(started, r)
		}
		if err != nil {
			problem = fmt.Errorf("start %s: %w", c.Name, err)
			break
		}
	}
	if problem == nil {
		ready()
		select {
		case <-ctx.Done():
			log.Info("stopping")
		case problem = <-failed:
		}
	}
	problems := []error{problem}
	for i := len(started) - 1; i >= 0; i-- {
		problems = append(problems, started[i].stop(grace))
	}
	return errors.Join(problems...)
}

type running struct {
	Component
	cancel context.CancelFunc
	ended  chan error
}

// start opens c and sets it going. The component is returned with an error,
// too, when it was opened in part and needs closing.
func start(ctx, base context.Context, c Component, failed chan<- error) (*running, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.Open != nil {
		if err := c.Open(ctx); err != nil {
			return nil, err
		}
	}
	own, cancel := context.WithCancel(base)
	r := &running{Component: c, cancel: cancel, ended: make(chan error, 1)}
	if c.Run == nil {
		r.ended <- nil
		return r, nil
	}
	go func() {
		err := c.Run(own)
		if own.Err() == nil {
			// It ended by itself: that is a failure even without an error.
			if err == nil {
				err = errors.New("ended unasked")
			}
			failed <- fmt.Errorf("%s: %w", c.Name, err)
			err = nil // reported there
		}
		r.ended <- err
	}()
	return r, nil
}

func (r *running) stop(grace time.Duration) error {
	r.cancel()
	patience := time.NewTimer(grace)
	defer patience.Stop()
	var problems []error
	select {
	case err := <-r.ended:
		if err != nil && !errors.Is(err, context.Canceled) {
			problems = append(problems, fmt.Errorf("stop %s: %w", r.Name, err))
		}
	case <-patience.C:
		return fmt.Errorf("stop %s: still busy after %s", r.Name, grace)
	}
	if r.Close != nil {
		if err := r.Close(); err != nil {
			problems = append(problems, fmt.Errorf("close %s: %w", r.Name, err))
		}
	}
	return errors.Join(problems...)
}
