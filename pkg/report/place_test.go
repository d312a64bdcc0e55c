package report_test

import (
	"errors"
	"strings"
	"testing"

	"tidemark/pkg/report"
)

func TestParse_NestedWithoutEnd_IsRefusedInFewWords(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"lists":   strings.Repeat("[", 10_000),
		"objects": strings.Repeat(`{"a":`, 10_000),
		"inside":  `{"format_version":"2","machine":{"name":"m","x":` + strings.Repeat("[", 10_000),
	} {
		var refused *report.Error
		if _, err := report.Parse([]byte(body), report.Options{}); !errors.As(err, &refused) {
			t.Errorf("%s: got %v", name, err)
		} else if n := len(refused.Text) + len(refused.Detail) + len(refused.Field); n > 4000 {
			t.Errorf("%s: the refusal takes %d bytes", name, n)
		}
	}
}
