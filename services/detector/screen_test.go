package detector_test

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// TestScreen_StepsOfThreeSigmasAndMore_PassByTheirThirdOrder: what the detector itself finds at the newest orders the screen lets pass, and
// few of the series without a step. The steps are of 3 to 6 sigmas and three orders old.
func TestScreen_StepsOfThreeSigmasAndMore_PassByTheirThirdOrder(t *testing.T) {
	t.Parallel()
	const tests, orders, window = 400, 60, 25
	w := newWorld(t)
	r := rand.New(rand.NewPCG(8, 9)) //nolint:gosec // reproducible by design
	for order := 1; order <= orders; order++ {
		w.log.submit("nts", nil, report("m", strconv.Itoa(order), lo.SliceToMap(lo.Range(tests), func(i int) (string, map[string]any) {
			v := 100 + r.NormFloat64()
			if i%2 == 0 && order > orders-3 {
				v += 3 + float64(i%8)/2
			}
			return "t" + strconv.Itoa(i), map[string]any{"execution_time": v}
		})))
	}
	line, err := detect.LineOf(t.Context(), w.log.store, detect.Selection{Database: "default", Suite: "nts"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	last := line[orders-window:]
	ids := lo.Map(last, func(o detect.LineOrder, _ int) uint32 { return o.OrderID })
	type row struct {
		Metric string `ch:"metric"`
		TestID uint32 `ch:"test_id"`
		Of     uint64 `ch:"of"`
	}
	rows, err := store.Select[row](t.Context(), w.log.store, sql.MustJob("detect_screen"), store.Params{
		"database": "default", "suite": "nts", "machine_id": uint32(1), "seqs": lo.FlatMap(last, func(o detect.LineOrder, _ int) []uint64 { return o.Seqs }),
		"orders": ids, "touched": ids[window-1:], "near": ids[window-17:], "is_all": uint8(0),
		"least": 2.7, "min_effect": 0.001, "min_before": uint64(5), "min_after": uint64(3),
	})
	if err != nil {
		t.Fatal(err)
	}
	passed := lo.SliceToMap(rows, func(r row) (uint32, bool) { return r.TestID, true })
	found, missed := 0, 0
	stepped := map[uint32]bool{}
	err = detect.Stored(t.Context(), w.log.store, detect.Selection{Database: "default", Suite: "nts"}, lo.Must(detect.Resolve("steps", "", nil)), false, nil,
		func(r detect.StoredRow) error {
			if r.OrderID == line[orders-3].OrderID {
				stepped[r.TestID] = true
				found++
				missed += lo.Ternary(passed[r.TestID], 0, 1)
			}
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d series pass; the detector finds %d steps, of which %d did not", len(rows), tests, found, missed)
	if found < tests/8 || missed > 0 {
		t.Errorf("%d of the %d steps that the detector finds do not pass the screen", missed, found)
	}
	if flat := len(rows) - tests/2; flat > tests/2/8 {
		t.Errorf("%d of %d series without a step pass", flat, tests/2)
	}
}
