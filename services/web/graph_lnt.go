package web

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// LNT's other addresses of charts lead to the chart.

type sampleRunRow struct {
	RunID uint32 `ch:"run_id"`
	Seq   uint64 `ch:"seq"`
	Row   uint32 `ch:"row"`
}

type sampleSeriesRow struct {
	TestID uint32 `ch:"test_id"`
}

// toSampleGraph answers LNT's /graph_for_sample/<sample>/<metric>: the chart of the series that the sample is of. Other parameters
// are passed on.
func (s *Service) toSampleGraph(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	back, backText := v.L.Suite(in.Database, in.Name), "Runs of "+in.Name
	sample, err := strconv.ParseUint(c.Params("sample"), 10, 64)
	if err != nil {
		return badParameter("sample", c.Params("sample"), "It must be the number of a sample, as LNT's API gives it.")
	}
	metric, err := url.PathUnescape(c.Params("metric"))
	if err != nil {
		metric = c.Params("metric")
	}
	field, m, ok := in.Metric(metric)
	if !ok || m.Type != suite.Real {
		names := make([]string, 0, len(in.Metrics))
		for _, known := range in.realMetrics() {
			names = append(names, known.Name)
		}
		return badParameter("metric", metric, fmt.Sprintf("Suite %s measures: %s.", in.Name, strings.Join(names, ", ")))
	}
	missing := notHere(fmt.Sprintf("Suite %s has no sample %d.", in.Name, sample), "Take the number from the API's answer.", back, backText)
	ctx := c.UserContext()
	at, found, err := one[sampleRunRow](ctx, s, "lnt_sample_run", with(ofSuite(in), store.Params{"sample_id": sample}))
	if err != nil {
		return err
	}
	if !found {
		return missing
	}
	run, err := s.chartRun(ctx, v.L, in, "sample", at.RunID)
	if err != nil {
		return err
	}
	test, found, err := one[sampleSeriesRow](ctx, s, "page_sample_test", with(ofSuite(in), store.Params{"seq": run.Seq, "row": at.Row}))
	if err != nil {
		return err
	}
	if !found {
		return missing
	}
	address := v.L.Graph(in.Database, in.Name, plot{run.MachineID, test.TestID, field}) + "&highlight_run=" + digitsOf(run.RunID)
	if rest := string(c.Context().QueryArgs().QueryString()); rest != "" {
		address += "&" + rest
	}
	return c.Redirect(address, fiber.StatusFound)
}

// toRunGraph answers LNT's old /<run>/graph?test.<test>=<field>: the chart of those tests on the run's machine.
func (s *Service) toRunGraph(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	id, err := pathID(c, "run", "run")
	if err != nil {
		return err
	}
	run, err := s.chartRun(c.UserContext(), v.L, in, "run", id)
	if err != nil {
		return err
	}
	var q graphQuery
	err = firstOf(c, "test.", func(name, value string) error {
		p, err := parsePlot(fmt.Sprintf("%d.%s.%s", run.MachineID, strings.TrimPrefix(name, "test."), value))
		if err != nil {
			return badParameter(clip(name, 60), value, "Write it as test.<test id>=<field index>, for example test.7=2.")
		}
		q.Plots = append(q.Plots, p)
		return nil
	})
	if err != nil {
		return err
	}
	q.Window = defaultWindow
	return c.Redirect(v.L.chart(in, q)+"&highlight_run="+digitsOf(id)+"&"+string(c.Context().QueryArgs().QueryString()), fiber.StatusFound)
}
