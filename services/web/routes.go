package web

import (
	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/auth"
	"tidemark/pkg/httpx"
)

// Routes mounts the pages; those that show the data alone are kept until they move. LNT's addresses without a database mean "default".
func (s *Service) Routes(r fiber.Router) {
	r.Get("/static/*", s.page(s.assets.serve))
	r.Get("/favicon.ico", s.page(s.icon))
	r.Get("/"+auth.SignInPath, s.page(s.signInForm))
	r.Post("/"+auth.SignInPath, s.page(s.signIn))
	r.Post("/"+auth.SignOutPath, s.page(s.signOut))
	r.Get("/admin", s.page(s.admin))
	r.Get("/admin/audit", s.page(s.auditEverywhere))
	r.Get("/admin/audit.csv", s.page(s.auditEverywhereCSV))
	r.Get("/profile/admin", s.page(s.toAdmin))
	r.Get("/rules", s.page(s.toRules))
	r.Get("/select_db", s.page(s.toOtherDatabase))
	r.Get("/simple/:suite/:run<int>", s.page(s.toThing("run", links.Run)))
	for _, prefix := range []string{"/db_:db/summary_report", "/summary_report"} {
		r.Get(prefix, s.page(s.toDatabase))
		r.Get(prefix+"/edit", s.page(s.toDatabase))
	}
	profiles := &profiles{Service: s, turn: make(chan struct{}, 1)}
	r.Get("/sql", s.page(s.sqlPage))
	r.Get("/db_:db/sql", s.page(s.sqlPage))
	for _, prefix := range []string{"/db_:db/search", "/search"} {
		r.Get(prefix, s.page(s.searchAll))
		r.Get(prefix+"/suggest", s.page(asData(s.suggest)))
	}
	r.Get("/", s.page(s.kept(s.home)))
	r.Get("/db_:db", s.page(s.kept(s.home)))
	for _, prefix := range []string{"/db_:db/v4/:suite", "/v4/:suite"} {
		r.Get(prefix, s.page(s.kept(s.overview)))
		r.Get(prefix+"/recent_activity", s.page(s.toOverview))
		r.Get(prefix+"/machine", s.page(s.toOverview))
		r.Get(prefix+"/machine/:machine", s.page(s.kept(orJSON(s.machine, s.machineJSON, "json"))))
		r.Get(prefix+"/machine/:machine/latest", s.page(s.latest))
		r.Get(prefix+"/machine/:machine/compare", s.page(s.toMachines))
		r.Get(prefix+"/order/:order", s.page(s.kept(s.order)))
		r.Get(prefix+"/all_orders", s.page(s.kept(s.orders)))
		r.Get(prefix+"/compare", s.page(s.kept(s.compare)))
		r.Get(prefix+"/heatmap", s.page(s.kept(s.heatMap)))
		r.Get(prefix+"/matrix", s.page(s.kept(s.matrix)))
		r.Post(prefix+"/matrix", s.page(s.matrixForm))
		r.Get(prefix+"/daily_report", s.page(s.newestDay))
		r.Get(prefix+"/daily_report/:year/:month/:day", s.page(s.dailyReport))
		r.Get(prefix+"/latest_runs_report", s.page(s.latestRuns))
		r.Get(prefix+"/global_status", s.page(s.globalStatus))
		r.Get(prefix+"/graph", s.page(s.kept(orJSON(s.graph, s.graphJSON, "json", "download_json"))))
		r.Get(prefix+"/graph/data", s.page(s.kept(s.graphData)))
		r.Get(prefix+"/graph_for_sample/:sample/:metric", s.page(s.toSampleGraph))
		r.Get(prefix+"/:run<int>/graph", s.page(s.toRunGraph))
		r.Get(prefix+"/:run<int>/report", s.page(s.toThing("run", links.Run)))
		r.Get(prefix+"/:run<int>/text_report", s.page(s.textReport))
		r.Get(prefix+"/set_baseline/:order<int>", s.page(s.toThing("order", links.Order)))
		r.Get(prefix+"/why", s.page(s.kept(s.why)))
		r.Get(prefix+"/search", s.page(s.kept(asData(s.search))))
		r.Get(prefix+"/findings", s.page(s.kept(s.findingsPage)))
		r.Get(prefix+"/receipts", s.page(s.kept(s.receipts)))
		r.Get(prefix+"/receipts/:event", s.page(s.receipt))
		r.Get(prefix+"/receipts/:event/body", s.page(s.receiptBytes))
		r.Get(prefix+"/test/:test", s.page(s.test))
		r.Get(prefix+"/audit", s.page(s.audit))
		r.Get(prefix+"/audit.csv", s.page(s.auditCSV))
		r.Get(prefix+"/detectors", s.page(s.detectors))
		r.Get(prefix+"/backtests", s.page(s.backtests))
		r.Get(prefix+"/backtests/:backtest", s.page(s.backtest))
		r.Get(prefix+"/subscriptions", s.page(s.kept(s.subscriptions)))
		r.Get(prefix+"/job_runs", s.page(s.jobRuns))
		r.Get(prefix+"/noise", s.page(s.noise))
		r.Get(prefix+"/regressions", s.page(s.kept(s.regressions)))
		r.Get(prefix+"/regressions/new", s.page(s.toNewFindings))
		r.Get(prefix+"/regressions/new_from_graph/:machine<int>/:test<int>/:field<int>/:run<int>", s.page(s.toMarkedGraph))
		r.Get(prefix+"/regressions/:regression<int>", s.page(s.kept(orJSON(s.regression, s.regressionJSON, "json"))))
		r.Get(prefix+"/profile/ajax/:what", s.page(profiles.ajax()))
		r.Get(prefix+"/profile/:test<int>/:run<int>/:other<int>?", s.page(profiles.show))
		r.Get(prefix+"/:run<int>", s.page(s.kept(orJSON(s.run, s.runJSON, "json"))))
		r.Get(prefix+"/*", s.page(s.unknown))
	}
}

// unknown answers people who ask for a page of a suite that does not exist;
// programs get the application's own answer.
func (s *Service) unknown(c *fiber.Ctx) error {
	if !httpx.AcceptsHTML(c) {
		return c.Next()
	}
	v, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	return notHere("Suite "+in.Name+" has no page called "+clip(c.Params("*"), 100)+".",
		"A suite has an overview, findings, orders, submissions, machines and runs.",
		v.L.Suite(in.Database, in.Name), "Overview of "+in.Name)
}

// icon answers browsers that ask for the old name.
func (s *Service) icon(c *fiber.Ctx) error {
	address, err := s.assets.path("icon.svg")
	if err != nil {
		return err
	}
	return c.Redirect(newLinks(httpx.RootURL(c)).prefix+address, fiber.StatusFound)
}
