package web

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/store"
)

// What a report shows of how much.
const (
	reportMachines = 8
	reportRows     = 15
	dailyMaxRuns   = 5000
)

type dailyBody struct {
	// Days are the newest first; a day is named for the date on which it ends.
	Days           []dailyDay
	Machines       []dailyMachine
	Newer, Older   string
	Quiet          int
	Pager          pager
	NumDays, Start string
	Filter         string
	Cut            bool
}

type dailyDay struct {
	Date  string
	From  time.Time
	Until time.Time
}

// dailyMachine is what a machine reported: for each day its newest order, and what moved on the newest day.
type dailyMachine struct {
	Name, Link string
	Orders     []dailyOrder
	// Against are the days whose runs the newest one is compared with.
	Against     string
	Compare     string
	Rows        []compareRow
	Interesting int
	Counts      [outcomes]int

	machine       uint32
	before, after []setRunRow
}

// Of is the number of results with an outcome, by its key.
func (m dailyMachine) Of(key string) int { return metricSummary{Counts: m.Counts}.Of(key) }

type dailyOrder struct {
	Order, Link string
	Runs        int
}

// dailyOptions are the parameters of a report.
type dailyOptions struct {
	days, start int
	machines    *regexp.Regexp
}

func readDaily(c *fiber.Ctx) (o dailyOptions, err error) {
	if o.days, err = within(c, "num_days", 3, 1, 14); err != nil {
		return o, err
	}
	if o.start, err = within(c, "day_start", 16, 0, 23); err != nil {
		return o, err
	}
	wanted, err := text(c, "filter-machine-regex")
	if err != nil {
		return o, err
	}
	if o.machines, err = regexp.Compile(wanted); err != nil {
		return o, badParameter("filter-machine-regex", wanted, "It must be a regular expression: "+strings.TrimPrefix(err.Error(), "error parsing regexp: ")+".")
	}
	return o, nil
}

// within reads a whole number between two others.
func within(c *fiber.Ctx, name string, normal, least, most int) (int, error) {
	typed := c.Query(name)
	if typed == "" {
		return normal, nil
	}
	n, err := strconv.Atoi(typed)
	if err != nil || n < least || n > most {
		return 0, badParameter(name, typed, fmt.Sprintf("%s must be a whole number from %d to %d.", name, least, most))
	}
	return n, nil
}

// newestDay answers /daily_report: it leads to the day of the newest run.
func (s *Service) newestDay(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	o, err := readDaily(c)
	if err != nil {
		return err
	}
	runs, err := s.newestRunsOf(c.UserContext(), in)
	if err != nil {
		return err
	}
	day := s.now()
	if len(runs) > 0 {
		day = lo.MaxBy(runs, func(a, b runRow) bool { return a.StartAt.After(b.StartAt) }).StartAt
	}
	day = day.UTC()
	// What begins after the hour at which days end belongs to the next date.
	if end := time.Date(day.Year(), day.Month(), day.Day(), o.start, 0, 0, 0, time.UTC); day.After(end) {
		day = day.AddDate(0, 0, 1)
	}
	query := strings.TrimRight(addressWithout(c, "year", "month", "day"), "?&")
	return c.Redirect(v.L.Daily(in.Database, in.Name, day)+query, fiber.StatusFound)
}

// dailyReport answers /daily_report/<year>/<month>/<day>.
func (s *Service) dailyReport(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "daily")
	if err != nil {
		return err
	}
	day, err := pathDay(c)
	if err != nil {
		return err
	}
	o, err := readDaily(c)
	if err != nil {
		return err
	}
	v.Title = "Daily report of " + day.Format(time.DateOnly)
	v.crumb("Daily report")
	query := strings.TrimRight(addressWithout(c, "page"), "?&")
	body := dailyBody{
		Newer: v.L.Daily(in.Database, in.Name, day.AddDate(0, 0, 1)) + query, Older: v.L.Daily(in.Database, in.Name, day.AddDate(0, 0, -1)) + query,
		NumDays: strconv.Itoa(o.days), Start: strconv.Itoa(o.start), Filter: o.machines.String(),
	}
	for n := range o.days {
		until := time.Date(day.Year(), day.Month(), day.Day()-n, o.start, 0, 0, 0, time.UTC)
		body.Days = append(body.Days, dailyDay{Date: until.Format(time.DateOnly), From: until.AddDate(0, 0, -1), Until: until})
	}
	if body.Pager, err = readPager(c, reportMachines); err != nil {
		return err
	}
	if err := s.fillDaily(c.UserContext(), v.L, in, o, &body); err != nil {
		return err
	}
	v.Body = body
	return s.render(c, "daily", v)
}

// pathDay reads the date from the address.
func pathDay(c *fiber.Ctx) (time.Time, error) {
	typed := c.Params("year") + "/" + c.Params("month") + "/" + c.Params("day")
	day, err := time.Parse("2006/1/2", typed)
	if err != nil {
		return day, badParameter("daily_report", typed, "The address must end in a date that exists, as year, month and day: daily_report/2026/3/14.")
	}
	return day, nil
}

func (s *Service) fillDaily(ctx context.Context, l links, in suiteView, o dailyOptions, body *dailyBody) error {
	names, err := list[machineNameRow](ctx, s, "page_machine_names", ofSuite(in))
	if err != nil {
		return err
	}
	runs, err := list[setRunRow](ctx, s, "daily_runs", with(ofSuite(in), store.Params{
		"after": body.Days[len(body.Days)-1].From, "until": body.Days[0].Until, "limit": uint32(dailyMaxRuns),
	}))
	if err != nil {
		return err
	}
	body.Cut = len(runs) == dailyMaxRuns
	byMachine := lo.GroupBy(runs, func(r setRunRow) uint32 { return r.MachineID })
	var shown []dailyMachine
	for _, machine := range names {
		if found := byMachine[machine.ID]; len(found) > 0 && o.machines.MatchString(machine.Name) {
			m := newDailyMachine(l, in, machine, body.Days, found)
			body.Quiet += which(len(m.after) == 0)
			shown = append(shown, m)
		}
	}
	// Machines that reported on the day itself come first.
	slices.SortStableFunc(shown, func(a, b dailyMachine) int { return which(len(a.after) == 0) - which(len(b.after) == 0) })
	body.Pager.Total = len(shown)
	first := min(len(shown), (body.Pager.Page-1)*reportMachines)
	body.Machines = shown[first:min(len(shown), first+reportMachines)]
	group, both := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for i := range body.Machines {
		group.Go(func() error { return s.fillDailyMachine(both, l, in, &body.Machines[i]) })
	}
	return group.Wait()
}

// newDailyMachine sorts a machine's runs, newest order first, into the days.
func newDailyMachine(l links, in suiteView, machine machineNameRow, days []dailyDay, runs []setRunRow) dailyMachine {
	m := dailyMachine{Name: machine.Name, Link: l.Machine(in.Database, in.Name, machine.ID), machine: machine.ID}
	for n, day := range days {
		of := lo.Filter(runs, func(r setRunRow, _ int) bool { return r.StartAt.After(day.From) && !r.StartAt.After(day.Until) })
		if len(of) == 0 {
			m.Orders = append(m.Orders, dailyOrder{})
			continue
		}
		newest := lo.Filter(of, func(r setRunRow, _ int) bool { return r.OrderID == of[0].OrderID })
		m.Orders = append(m.Orders, dailyOrder{Order: of[0].Order, Link: l.Run(in.Database, in.Name, newest[0].RunID), Runs: len(of)})
		switch {
		case n == 0:
			m.after = fewRuns(newest)
		case len(m.before) == 0:
			m.before, m.Against = fewRuns(of), day.Date
		}
	}
	// The table has the oldest day on the left.
	slices.Reverse(m.Orders)
	return m
}

// fewRuns are as many runs as one machine of a report may read.
func fewRuns(runs []setRunRow) []setRunRow {
	total := 0
	for i, r := range runs {
		if total += int(r.Samples); i > 0 && (total > maxSetValues/4 || i == maxSetRuns) {
			return runs[:i]
		}
	}
	return runs
}

// fillDailyMachine compares the newest day's runs with those of the nearest day before.
func (s *Service) fillDailyMachine(ctx context.Context, l links, in suiteView, m *dailyMachine) error {
	if len(m.after) == 0 || len(m.before) == 0 {
		return nil
	}
	const significance = 0.05
	body := compareBody{Before: runSet{Name: "before", Found: m.before}, After: runSet{Name: "after", Found: m.after}}
	body.filter.level = significance
	all, _, err := s.compareSets(ctx, in, &body)
	if err != nil {
		return err
	}
	m.Compare = l.Compare(in.Database, in.Name) + "?" + body.Before.pinned() + "&" + body.After.pinned()
	var kept []*judgement
	for i := range all {
		m.Counts[all[i].Outcome]++
		if interesting(all[i].Outcome) {
			kept = append(kept, &all[i])
		}
	}
	m.Interesting = len(kept)
	sortJudgements(kept, byBucket, nil)
	kept = kept[:min(len(kept), reportRows)]
	names, err := s.testNames(ctx, in, lo.Map(kept, func(j *judgement, _ int) uint32 { return j.test }))
	if err != nil {
		return err
	}
	m.Rows = lo.Map(kept, func(j *judgement, _ int) compareRow {
		return s.compareRowOf(l, in, j, names, significance, m.machine, nil, m.after[0].OrderID)
	})
	return nil
}

// interesting is what a report tells without being asked.
func interesting(o outcome) bool {
	return o == newFailure || o == regressed || o == improved || o == newPass
}

// Daily is the report of a day.
func (l links) Daily(database, suite string, day time.Time) string {
	return l.Suite(database, suite) + "daily_report/" + day.Format("2006/1/2")
}
