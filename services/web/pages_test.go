package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPages_OfAFilledSuite_AreAllThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 24, 14)
	w.steps("default", h)
	w.refuse("default", noon.Add(-time.Minute))
	w.flush()
	for _, path := range []string{
		"/", "/db_default/", "/db_default/v4/nts/", "/v4/nts", "/v4/compile/",
		"/db_default/v4/nts/machine/1", "/v4/nts/machine/3?page=1", "/db_default/v4/nts/1", "/v4/nts/72",
		"/db_default/v4/nts/72?test=Bench&metric=score&show=unchanged", "/v4/nts/70?compare_to=1",
		"/db_default/v4/nts/order/1", "/v4/nts/order/16", "/v4/nts/all_orders", "/v4/nts/findings", "/v4/nts/findings?kind=regression&sort=effect&machine_id=1&metric=execution_time&test=matrix",
		"/v4/nts/receipts", "/v4/nts/receipts?status=rejected", "/v4/nts/graph?plot.0=1.1.2", "/v4/nts/graph?plot.0=1.1.2&plot.1=2.1.2&view=table",
	} {
		p := w.get(path)
		if p.Status != http.StatusOK {
			t.Errorf("GET %s: %d", path, p.Status)
			keep(t, p.Body)
			continue
		}
		if !strings.Contains(p.Body, "</html>") {
			t.Errorf("GET %s ends early", path)
		}
	}
	fmt.Println(w.get("/v4/nts/graph/data?plot.0=1.1.2").Body[:800])
}
