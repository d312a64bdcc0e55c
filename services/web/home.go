package web

import (
	"context"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
)

type homeBody struct {
	Databases []databaseCard
	Open      openRegressions
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
	machines, err := s.fleet(ctx, database, "")
	if err != nil {
		return homeBody{}, err
	}
	var body homeBody
	var counted []suiteCountRow
	err = beside(ctx, func(ctx context.Context) (err error) {
		body.Open, err = s.openRegressions(ctx, v.L, known.schemas(), machines, database, "")
		return err
	}, func(ctx context.Context) (err error) {
		counted, err = s.suiteCounts(ctx, machines, database)
		return err
	}, func(ctx context.Context) (err error) {
		body.Runs, err = s.newestRuns(ctx, machines, database, "")
		return err
	})
	if err != nil {
		return homeBody{}, err
	}
	body.Several = len(counted) > 1
	for _, entry := range v.Menu {
		if database == "" || entry.Database == database {
			body.Databases = append(body.Databases, databaseCard{entry.Database, countsOf(known, counted, entry.Database)})
		}
	}
	if len(counted) == 0 {
		body.Steps = newSteps(v.L, lo.CoalesceOrEmpty(database, s.firstDatabase()), "nts")
	}
	return body, nil
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

// newestRuns are the runs that came in last, of all suites, of a database's or of one.
func (s *Service) newestRuns(ctx context.Context, machines fleet, database, suiteName string) ([]runRow, error) {
	rows, err := list[runRow](ctx, s, "page_newest_runs", store.Params{
		"database": database, "suite": suiteName, "limit": uint32(s.cfg.RecentRows),
	})
	if err != nil {
		return nil, err
	}
	called := names{}
	for _, r := range rows {
		called.want(anOrder, r.Database, r.Suite, r.OrderID)
	}
	if err := s.read(ctx, called); err != nil {
		return nil, err
	}
	return lo.FilterMap(rows, func(r runRow, _ int) (runRow, bool) {
		own, order := nameKey{aMachine, r.Database, r.Suite, r.OwnID}, nameKey{anOrder, r.Database, r.Suite, r.OrderID}
		name, known := machines.called(own)
		r.Machine, r.MachineID, r.Order = name, machines.now(own).id, called[order]
		return r, known && called.all(order)
	}), nil
}

// suiteCounts say how much each suite holds that has runs.
func (s *Service) suiteCounts(ctx context.Context, machines fleet, database string) ([]suiteCountRow, error) {
	rows, err := list[suiteCountRow](ctx, s, "page_suite_counts", store.Params{"database": database, "suite": ""})
	if err != nil {
		return nil, err
	}
	tests, err := s.testCounts(ctx, database, "")
	for i := range rows {
		r := &rows[i]
		r.Tests = tests[r.Database+"/"+r.Suite]
		r.Machines = uint64(len(lo.UniqBy(r.OwnMachines, func(id uint32) nameKey {
			return machines.now(nameKey{aMachine, r.Database, r.Suite, id})
		})))
	}
	return rows, err
}

// testCounts say how many tests each suite has, by database/suite.
func (s *Service) testCounts(ctx context.Context, database, suiteName string) (map[string]uint64, error) {
	rows, err := list[struct {
		Database string `ch:"database"`
		Suite    string `ch:"suite"`
		Tests    uint64 `ch:"test_count"`
	}](ctx, s, "page_test_counts", store.Params{"database": database, "suite": suiteName})
	counted := map[string]uint64{}
	for _, r := range rows {
		counted[r.Database+"/"+r.Suite] = r.Tests
	}
	return counted, err
}

// newestRunsOf is newestRuns of a suite whose machines were not read.
func (s *Service) newestRunsOf(ctx context.Context, in suiteView) ([]runRow, error) {
	machines, err := s.fleet(ctx, in.Database, in.Name)
	if err != nil {
		return nil, err
	}
	return s.newestRuns(ctx, machines, in.Database, in.Name)
}
