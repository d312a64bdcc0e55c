package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"tidemark/pkg/bounds"
	"tidemark/pkg/store"
	"tidemark/sql"
)

func TestSelect_BeyondEachBound_SaysWhich(t *testing.T) {
	t.Parallel()
	s := pool(t, 2, 2, time.Second)
	for text, want := range map[string]string{
		"SELECT toUInt8(length(groupArray(toString(number)))) AS n FROM numbers(10000000) SETTINGS max_memory_usage = 10000000":   bounds.Memory,
		"SELECT toUInt8(count()) AS n FROM numbers(1000000000000) WHERE cityHash64(number) = 0 SETTINGS max_execution_time = 0.1": bounds.Time,
		"SELECT toUInt8(count()) AS n FROM numbers(100000) WHERE number % 3 = 0 SETTINGS max_rows_to_read = 10":                   bounds.Rows,
		"SELECT toUInt8(1) AS n FROM numbers(100000) SETTINGS max_result_rows = 10":                                               bounds.Answer,
		"SELECT toUInt8(count()) AS n FROM numbers(100000) WHERE number % 3 = 0 SETTINGS max_bytes_to_read = 10":                  bounds.Bytes,
	} {
		_, err := store.Select[number](t.Context(), s, sql.File{Name: "greedy", Text: text}, nil)
		reached := (*bounds.Error)(nil)
		if !errors.As(err, &reached) || reached.What != want {
			t.Errorf("%s: %v, want a bound of %s", text, err, want)
		}
		if errors.Is(err, context.DeadlineExceeded) != (want == bounds.Time) {
			t.Errorf("%s: is a deadline: %t", want, want != bounds.Time)
		}
	}
}
