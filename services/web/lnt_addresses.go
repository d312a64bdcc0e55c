package web

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"
)

// LNT's addresses that are no pages here lead to the page that shows what they showed. docs/pages.md lists them.

// newestRun is the run of a machine's newest order; 0 when it has none.
func (s *Service) newestRun(ctx context.Context, in suiteView, of machineDetailRow) (uint32, error) {
	runs, err := s.machineRuns(ctx, in, of, 1, 0)
	if err != nil || len(runs) == 0 {
		return 0, err
	}
	return runs[0].RunID, nil
}

// toMachines answers LNT's /machine/<a>/compare?compare_to_id=<b>: the newest run of the one against that of the other.
func (s *Service) toMachines(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	found, err := s.findMachine(c, v.L, in)
	if err != nil {
		return err
	}
	other, err := number(c, "compare_to_id", 1<<32-1)
	if err != nil {
		return err
	}
	if other == 0 {
		return badParameter("compare_to_id", c.Query("compare_to_id"), "Name the machine to compare with by its number, or choose both on the page Compare.")
	}
	var runs [2]uint32
	for i, machine := range []uint32{found.ID, uint32(other)} {
		of, _, err := s.machineByID(c.UserContext(), in, machine)
		if err != nil {
			return err
		}
		if runs[i], err = s.newestRun(c.UserContext(), in, of); err != nil {
			return err
		}
		if runs[i] == 0 {
			return notHere("Machine "+digitsOf(machine)+" has no runs.", "Choose another.", v.L.Compare(in.Database, in.Name), "Compare")
		}
	}
	if runs[0] == runs[1] {
		return badParameter("compare_to_id", digitsOf(uint32(other)), "It is the machine itself: name another.")
	}
	return c.Redirect(v.L.Run(in.Database, in.Name, runs[0])+"?compare_to="+digitsOf(runs[1]), fiber.StatusFound)
}

// toThing leads to the page of a run or an order, by its number in the address: reports under LNT's other addresses, and its choice of a
// baseline for the session, of which there are none; an order's page says what can be done with it.
func (s *Service) toThing(what string, page func(l links, database, suite string, id uint32) string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		v, in, err := s.suitePage(c, "", "")
		if err != nil {
			return err
		}
		id, err := pathID(c, what, what)
		if err != nil {
			return err
		}
		return c.Redirect(page(v.L, in.Database, in.Name, id)+queryOf(c), fiber.StatusFound)
	}
}

// toDatabase answers what LNT has once for a database: the page with its suites.
func (s *Service) toDatabase(c *fiber.Ctx) error {
	known, err := s.catalog(c.UserContext())
	if err != nil {
		return err
	}
	l := s.view(c, "").L
	if err := s.findDatabase(known, l, databaseOf(c)); err != nil {
		return err
	}
	return c.Redirect(l.Database(databaseOf(c)), fiber.StatusFound)
}

// toRules answers LNT's list of rule files: the detectors of the first suite.
func (s *Service) toRules(c *fiber.Ctx) error {
	known, err := s.catalog(c.UserContext())
	if err != nil {
		return err
	}
	return c.Redirect(s.view(c, "").L.Suite(defaultDatabase, known.suites(defaultDatabase)[0])+"detectors", fiber.StatusFound)
}

// toAdmin answers LNT's page of the profiles' sizes: all sizes are with the administration.
func (s *Service) toAdmin(c *fiber.Ctx) error {
	return c.Redirect(s.view(c, "").L.Home()+"admin", fiber.StatusFound)
}

// inDatabase is the beginning of an address that names a database.
var inDatabase = regexp.MustCompile(`^/db_[^/]*(/|$)`)

// toOtherDatabase answers LNT's /select_db?path=…&db=…: the same page of another database.
func (s *Service) toOtherDatabase(c *fiber.Ctx) error {
	l := s.view(c, "").L
	path := c.Query("path")
	if path == "" || !strings.HasPrefix(local(l, path), l.prefix) || local(l, path) == l.Home() && path != "/" {
		return badParameter("path", path, "path must be the address of a page of this site, from its first slash on.")
	}
	known, err := s.catalog(c.UserContext())
	if err != nil {
		return err
	}
	if err := s.findDatabase(known, l, c.Query("db")); err != nil {
		return err
	}
	rest := inDatabase.ReplaceAllString("/"+strings.TrimPrefix(local(l, path), l.prefix), "/")
	return c.Redirect(l.Database(c.Query("db"))+strings.TrimPrefix(rest, "/"), fiber.StatusFound)
}

func queryOf(c *fiber.Ctx) string {
	if query := string(c.Context().QueryArgs().QueryString()); query != "" {
		return "?" + query
	}
	return ""
}

// pattern reads a regular expression from the query; nil without one.
func pattern(c *fiber.Ctx, name string) (*regexp.Regexp, error) {
	wanted, err := text(c, name)
	if err != nil || wanted == "" {
		return nil, err
	}
	found, err := regexp.Compile(wanted)
	if err != nil {
		return nil, badParameter(name, wanted, "It must be a regular expression: "+strings.TrimPrefix(err.Error(), "error parsing regexp: ")+".")
	}
	return found, nil
}

// lntNotes say which of LNT's parameters of a run's page mean nothing here, and where what they did is done.
func lntNotes(c *fiber.Ctx) []string {
	var notes []string
	for _, p := range []struct{ name, quiet, says string }{
		{"num_comparison_runs", "0", "each run is compared with those of one order; “With effect and significance” takes any set of runs"},
		{"aggregation_function", "min", "the best value of the run counts; “With effect and significance” compares medians"},
		{"MW_confidence_lv", "", "the rank test is on “With effect and significance”, with the level to choose there"},
		{"test_min_value_filter", "", "nothing is left out for being small"},
	} {
		if value := c.Query(p.name); value != "" && value != p.quiet {
			notes = append(notes, fmt.Sprintf("%s=%s is not used here: %s.", p.name, clip(visible(value), 40), p.says))
		}
	}
	return notes
}

// mostReported is how many results of one kind a text report names.
const mostReported = 200

// textReport answers LNT's /<run>/text_report: what the run's page says, for mail.
func (s *Service) textReport(c *fiber.Ctx) error {
	v, in, body, all, err := s.comparedRun(c, "")
	if err != nil {
		return err
	}
	all = lo.Filter(all, func(r pairResult, _ int) bool { return r.Outcome != unchanged && r.Outcome != stillFailing })
	slices.SortFunc(all, comparePairs)
	kinds := map[outcome]int{}
	var left int
	shown := lo.Filter(all, func(r pairResult, _ int) bool {
		kinds[r.Outcome]++
		left += lo.Ternary(kinds[r.Outcome] > mostReported, 1, 0)
		return kinds[r.Outcome] <= mostReported
	})
	if err := s.fillResults(c.UserContext(), v.L, in, &body, shown); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	return c.Send(body.report(strings.TrimSuffix(v.L.address, v.L.prefix)+v.L.Run(in.Database, in.Name, body.Run.RunID), left))
}

// report is the run's results as text.
func (b *runBody) report(address string, left int) []byte {
	var out bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) } //nolint:errcheck // a buffer takes everything
	plain := func(text string) string { return clip(visible(text), 300) }
	line("Run %d of %s at %s", b.Run.RunID, plain(b.Run.Machine), plain(b.Run.Order))
	line("Started %s UTC, took %s", instant(b.Run.StartAt), took(b.Run.EndAt.Sub(b.Run.StartAt)))
	if len(b.Against) > 0 {
		ids := lo.Map(b.Against, func(r neighbourRow, _ int) string { return digitsOf(r.RunID) })
		line("Compared with run %s at %s", strings.Join(ids, ", "), plain(b.Against[0].Order))
	}
	line("%s\n", address)
	for _, m := range b.Summary {
		line("%s: %d regressed, %d improved, %d new failures, %d unchanged, %d in all", plain(m.Metric.Title()), m.Of("regressed"), m.Of("improved"), m.Of("new_failure"), m.Of("unchanged"), m.Total)
	}
	if len(b.Results) == 0 {
		line("\nNothing moved.")
	}
	for o := range outcomes {
		of := lo.Filter(b.Results, func(r result, _ int) bool { return r.Outcome == o })
		if len(of) == 0 {
			continue
		}
		line("\n%s", o.Title())
		for _, r := range of {
			line("  %8s  %s -> %s  %s (%s)", lo.CoalesceOrEmpty(r.Change, "-"), lo.CoalesceOrEmpty(r.PreviousText, "-"), lo.CoalesceOrEmpty(r.CurrentText, "-"), plain(r.Test), plain(r.Metric.Title()))
		}
	}
	if left > 0 {
		line("\nand %d more on the page", left)
	}
	return out.Bytes()
}
