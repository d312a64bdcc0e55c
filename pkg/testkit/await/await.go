// Package await bounds how long a test waits: for a call by [Context] and [Within], for a condition by [True].
package await

import (
	"context"
	"testing"
	"time"
)

// Patience is how long a test waits for what must happen soon; a real broker holds a new group back for three seconds.
const Patience = 30 * time.Second

const interval = 5 * time.Millisecond

// Context ends after [Patience], or with the test.
func Context(t testing.TB) context.Context {
	t.Helper()
	return Within(t, Patience)
}

// Within is a context that ends after d, or with the test.
func Within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// True polls until cond holds, and ends the test when it does not within [Patience].
func True(t testing.TB, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for deadline := time.Now().Add(Patience); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, Patience)
		}
	}
}
