package detect_test

import (
	"fmt"
	"strings"
	"testing"

	"tidemark/pkg/detect"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func rows(t *testing.T, s *store.Store, name string, params map[string]string, explain bool, series ...[]float64) []detect.Row {
	t.Helper()
	d, err := detect.Resolve(name, "", params)
	if err != nil {
		t.Fatal(err)
	}
	run := detect.Findings
	if explain {
		run = detect.Explain
	}
	out, err := run(t.Context(), s, d, detect.Source{SQL: pointsOf(series...)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// pointsOf are series numbered from 1, one value per place.
func pointsOf(series ...[]float64) string {
	var b strings.Builder
	b.WriteString("SELECT (arrayJoin([")
	first := true
	for s, values := range series {
		for place, v := range values {
			if !first {
				b.WriteByte(',')
			}
			first = false
			fmt.Fprintf(&b, "(%d,%d,%v)", s+1, place, v)
		}
	}
	b.WriteString("]) AS row).1::UInt64 AS series, row.2::UInt32 AS place, row.3::Float64 AS level, [level] AS values, 0::UInt8 AS bigger")
	return b.String()
}

func TestThreshold_MoreThanTenPercent_IsFoundOnce(t *testing.T) {
	t.Parallel()
	got := rows(t, testkit.Store(t), "threshold", nil, false, []float64{100, 100, 111, 111, 111}, []float64{100, 109, 100})
	if len(got) != 1 || got[0].Series != 1 || got[0].Place != 2 || got[0].Direction != "up" || got[0].Kind != "regression" {
		t.Fatalf("got %+v", got)
	}
	if len(got[0].Checks) != 2 || !got[0].Checks[1].Passed || got[0].Checks[1].Name != "beyond" {
		t.Errorf("checks %+v", got[0].Checks)
	}
}

func TestExplain_EveryPlace_SaysWhatStoppedIt(t *testing.T) {
	t.Parallel()
	got := rows(t, testkit.Store(t), "threshold", map[string]string{"hold": "2"}, true, []float64{100, 100, 100, 120})
	if len(got) != 4 {
		t.Fatalf("%d places of 4", len(got))
	}
	if got[3].StoppedBy != "held" || got[1].StoppedBy != "beyond" {
		t.Errorf("stopped by %q and %q", got[3].StoppedBy, got[1].StoppedBy)
	}
}
