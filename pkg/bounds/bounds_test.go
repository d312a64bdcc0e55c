package bounds_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tidemark/pkg/bounds"
)

func TestOf_CodesOfBounds_AreNamedAndOthersAreNot(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{158: bounds.Rows, 159: bounds.Time, 241: bounds.Memory, 307: bounds.Bytes, 396: bounds.Answer, 62: "", 0: ""} {
		if got := bounds.Of(code); got != want {
			t.Errorf("%d is %q, want %q", code, got, want)
		}
	}
}

func TestError_OfTimeAlone_IsADeadline(t *testing.T) {
	t.Parallel()
	for what, deadline := range map[string]bool{bounds.Time: true, bounds.Memory: false, bounds.Rows: false} {
		err := fmt.Errorf("query q: %w", &bounds.Error{What: what})
		if errors.Is(err, context.DeadlineExceeded) != deadline {
			t.Errorf("%s: a deadline is %t", what, !deadline)
		}
		reached := (*bounds.Error)(nil)
		if !errors.As(err, &reached) || !strings.Contains(reached.Narrow(), "Ask for less") {
			t.Errorf("%s says nothing to do: %v", what, err)
		}
	}
}
