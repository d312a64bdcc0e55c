package web

import (
	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
)

type homeBody struct {
	Databases []databaseCard
	Findings  []finding
	Runs      []runRow
	// Several says that lists name the suite of each row.
	Several bool
	// Steps is set where there is nothing yet.
	Steps *steps
}

type databaseCard struct {
	Name   string
	Suites []suiteCountRow
}

// steps show how to send the first report.
type steps struct {
	Database, Suite string
	// Submit is the address to send to.
	Submit string
	// Sample is a report that is accepted.
	Sample string
}

const sampleReport = `{
  "format_version": "2",
  "machine": {"name": "my-machine"},
  "run": {"llvm_project_revision": "1"},
  "tests": [
    {"name": "suite/hello", "execution_time": [0.125, 0.127]},
    {"name": "suite/world", "execution_time": [0.250, 0.248]}
  ]
}`

// compileReport is the sample for the built-in suite that measures the compiler.
const compileReport = `{
  "format_version": "2",
  "machine": {"name": "my-machine"},
  "run": {"llvm_project_revision": "1"},
  "tests": [
    {"name": "compile/hello.c", "user_time": [0.125, 0.127]},
    {"name": "compile/world.c", "user_time": [0.250, 0.248]}
  ]
}`

func newSteps(l links, database, suiteName string) *steps {
	st := &steps{Database: database, Suite: suiteName, Submit: l.Submit(database, suiteName)}
	switch suiteName {
	case "nts":
		st.Sample = sampleReport
	case "compile":
		st.Sample = compileReport
	}
	return st
}

// home answers / and /db_<db>/.
func (s *Service) home(c *fiber.Ctx) error {
	ctx, database := c.UserContext(), c.Params("db")
	known, err := s.catalog(ctx)
	if err != nil {
		return err
	}
	v := s.view(c, lo.CoalesceOrEmpty(database, "Overview"))
	if database != "" {
		if err := s.findDatabase(known, v.L, database); err != nil {
			return err
		}
		v.Crumbs = []crumb{{Text: database}}
		v.Database = database
	}
	v.Menu = s.menu(known)
	body, err := s.homeBody(c, v, known, database)
	if err != nil {
		return err
	}
	v.Body = body
	return s.render(c, "home", v)
}

func (s *Service) homeBody(c *fiber.Ctx, v view, known catalog, database string) (homeBody, error) {
	ctx := c.UserContext()
	counted, err := list[suiteCountRow](ctx, s, "page_suite_counts", store.Params{"database": database, "suite": ""})
	if err != nil {
		return homeBody{}, err
	}
	body := homeBody{Several: len(counted) > 1}
	for _, entry := range v.Menu {
		if database == "" || entry.Database == database {
			body.Databases = append(body.Databases, databaseCard{entry.Database, countsOf(known, counted, entry.Database)})
		}
	}
	if len(counted) == 0 {
		body.Steps = newSteps(v.L, lo.CoalesceOrEmpty(database, s.firstDatabase()), "nts")
		return body, nil
	}
	body.Findings, err = s.findings(ctx, v.L, known.schemas(), findingQuery{Database: database, Limit: uint32(s.cfg.RecentRows)})
	if err != nil {
		return homeBody{}, err
	}
	body.Runs, err = s.newestRuns(c, database, "")
	return body, err
}

func (s *Service) firstDatabase() string {
	if len(s.cfg.Databases) > 0 {
		return s.cfg.Databases[0]
	}
	return defaultDatabase
}

// countsOf are the suites of a database that have been defined or reported to.
func countsOf(known catalog, counted []suiteCountRow, database string) []suiteCountRow {
	return lo.FilterMap(known, func(r suiteRow, _ int) (suiteCountRow, bool) {
		row, _ := lo.Find(counted, func(n suiteCountRow) bool { return n.Database == r.Database && n.Suite == r.Suite })
		row.Database, row.Suite = r.Database, r.Suite
		return row, r.Database == database
	})
}

func (s *Service) newestRuns(c *fiber.Ctx, database, suiteName string) ([]runRow, error) {
	ctx := c.UserContext()
	rows, err := list[runRow](ctx, s, "page_newest_runs", store.Params{
		"database": database, "suite": suiteName, "limit": uint32(s.cfg.RecentRows),
	})
	if err != nil {
		return nil, err
	}
	called := names{}
	for _, r := range rows {
		called.want(aMachine, r.Database, r.Suite, r.MachineID)
		called.want(anOrder, r.Database, r.Suite, r.OrderID)
	}
	if err := s.read(ctx, called); err != nil {
		return nil, err
	}
	return lo.FilterMap(rows, func(r runRow, _ int) (runRow, bool) {
		machine, order := nameKey{aMachine, r.Database, r.Suite, r.MachineID}, nameKey{anOrder, r.Database, r.Suite, r.OrderID}
		r.Machine, r.Order = called[machine], called[order]
		return r, called.all(machine, order)
	}), nil
}
