package profile

import (
	"errors"
	"fmt"
)

// What can be wrong with a profile as a whole. Anything else that is wrong is an [ErrDamaged] saying where.
var (
	// ErrPickled is the first version of the format, which runs code when it is read.
	ErrPickled = errors.New("is a pickled profile (version 1), which cannot be read safely; run `lnt profile upgrade` on it and submit the result")
	// ErrPerf is a file of Linux' perf, which says nothing without the program it measured.
	ErrPerf = errors.New("is a perf.data file; run `lnt profile upgrade` on it where the program was measured and submit the result")
	// ErrUnknown is anything else.
	ErrUnknown = errors.New("is not an LNT profile")
	// ErrDamaged begins like a profile of version 2 and does not go on like one.
	ErrDamaged = errors.New("is a damaged LNT profile")
	// ErrNoFunction is an unknown function.
	ErrNoFunction = errors.New("the profile has no such function")
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}
