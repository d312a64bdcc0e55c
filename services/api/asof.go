package api

import (
	"context"
	"strconv"
	"time"

	"tidemark/pkg/openapi"
)

var asOfParam = openapi.Param{Name: "as_of", Help: "As it was at a time (RFC 3339) or at a position in the suite."}

// asOf is the position that a request looks back to; false when it looks at what is now. Position 0 is before everything.
func (s *Service) asOf(ctx context.Context, k key, text string) (uint64, bool, error) {
	if text == "" {
		return 0, false, nil
	}
	if seq, err := strconv.ParseUint(text, 10, 63); err == nil {
		return seq, true, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, false, wrong("as_of", "'%s' is neither a position nor a time like 2026-02-03T04:05:06Z", text)
	}
	seq, err := s.read.PositionAt(ctx, k, at.UTC())
	return seq, true, err
}
