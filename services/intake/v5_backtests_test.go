package intake

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"tidemark/pkg/backtest"
	"tidemark/pkg/event"
)

// askedBacktests remembers what is asked for.
type askedBacktests struct{ specs []backtest.Spec }

func (a *askedBacktests) Create(_ context.Context, _, _ string, spec backtest.Spec, _ string) (backtest.Backtest, error) {
	a.specs = append(a.specs, spec)
	return backtest.Backtest{State: backtest.Queued}, nil
}

func (*askedBacktests) Cancel(context.Context, string, string, uuid.UUID) (backtest.Backtest, error) {
	return backtest.Backtest{}, backtest.ErrUnknown
}

func (*askedBacktests) Promotion(context.Context, string, string, uuid.UUID, event.Mode, string) (event.DetectorRule, error) {
	return event.DetectorRule{}, backtest.ErrUnknown
}

// TestV5_BacktestParameters_MayBeNumbers, as those of a rule may be.
func TestV5_BacktestParameters_MayBeNumbers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := &askedBacktests{}
	b.service.backtests = asked
	body := `{"detector":"perfherder","params":{"t":5,"min_pct":"1.5"},"machine":"m*","test":"t","metric":"x","since":"1","until":"2","margin":3,"note":"n","preset":""}`
	if r := b.post(t, v5Base+"backtests", []byte(body), withToken, asJSON); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.text)
	}
	margin := 3
	want := []backtest.Spec{{
		Detector: "perfherder", Params: map[string]string{"t": "5", "min_pct": "1.5"}, Since: "1", Until: "2", Machine: "m*", Test: "t", Metric: "x",
		Margin: &margin, Note: "n",
	}}
	if diff := cmp.Diff(want, asked.specs); diff != "" {
		t.Error(diff)
	}
}
