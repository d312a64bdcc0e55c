package web

import (
	"cmp"
	"context"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/samber/lo"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/auth"
	"tidemark/pkg/store"
)

// Bounds of a search over everything.
const (
	// foundRows is how many things of one kind are found at most; suggestedRows how many are suggested in all.
	foundRows     = 20
	suggestedRows = 10
	// searchParts is how many words are looked for in names.
	searchParts = 4
)

// thing is something that was found.
type thing struct {
	// Kind is what it is: suite, machine, order, regression, run, test, finding or submission.
	Kind string `json:"kind"`
	Text string `json:"text"`
	// Place is the database and the suite that it is in.
	Place   string `json:"place"`
	Detail  string `json:"detail,omitempty"`
	Address string `json:"address"`
	// exact says that it has just the name, number or id that was asked for.
	exact           bool
	database, suite string
	id              uint32
}

// sought is a text to look for, taken apart.
type sought struct {
	// Text is what was typed, Kind the one kind that it asks for, "" for all.
	Text, Kind string
	// whole is the text without its kind, in small letters as the engine makes them, words its words.
	whole string
	words []string
	// id is set where the text is a number, event where it is a UUID.
	id    uint32
	event uuid.UUID
}

// kinds are the kinds of things in the order in which they are listed.
var kinds = []string{"suite", "machine", "regression", "run", "order", "test", "finding", "submission"}

// kindWord begins a text that asks for one kind.
var kindWord = regexp.MustCompile(`^(?i)(suite|machine|regression|run|order|test|finding|submission)s?[:# ]\s*(\S.*)$`)

// numbered is a number, which may have a # or an r before it.
var numbered = regexp.MustCompile(`^[#r]?([0-9]{1,10})$`)

func readSought(text string) sought {
	q := sought{Text: text, words: []string{}}
	if m := kindWord.FindStringSubmatch(text); m != nil {
		q.Kind, text = strings.ToLower(m[1]), m[2]
	}
	q.whole = asciiLower(text)
	q.words = append(q.words, strings.Fields(q.whole)...)
	if m := numbered.FindStringSubmatch(q.whole); m != nil {
		if id, err := strconv.ParseUint(m[1], 10, 32); err == nil {
			q.id = uint32(id)
		}
	}
	if len(text) == 36 {
		if id, err := uuid.Parse(text); err == nil {
			q.event = id
		}
	}
	return q
}

// asciiLower is the engine's lower: other letters stay as they are.
func asciiLower(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// likely is a text as a part of a LIKE pattern.
func likely(text string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)
}

func (q sought) wants(kind string) bool { return q.Kind == "" || q.Kind == kind }

// in reports whether a name has every word.
func (q sought) in(name string) bool {
	name = asciiLower(name)
	return lo.EveryBy(q.words, func(w string) bool { return strings.Contains(name, w) })
}

// numbers reports whether the text is the number of a regression.
func (q sought) numbers(r thingRow) bool { return q.id != 0 && r.Kind == "regression" && r.ID == q.id }

// parts adds the words to what is asked for, as patterns of LIKE: with the parameters written out the engine passes over most of a
// million names, which it does not with a list.
func (q sought) parts(to store.Params) store.Params {
	for i := range searchParts {
		part := "%"
		if i < len(q.words) {
			part = "%" + likely(q.words[i]) + "%"
		}
		to["part"+strconv.Itoa(i+1)] = part
	}
	return to
}

type thingRow struct {
	Kind     string `ch:"kind"`
	Database string `ch:"database"`
	Suite    string `ch:"suite"`
	ID       uint32 `ch:"id"`
	Text     string `ch:"text"`
	Detail   string `ch:"detail"`
	Exact    uint8  `ch:"exact"`
}

type namedTestRow struct {
	Database string `ch:"database"`
	Suite    string `ch:"suite"`
	ID       uint32 `ch:"test_id"`
	Name     string `ch:"name"`
}

// seeker looks for things on behalf of a reader.
type seeker struct {
	s     *Service
	links links
	// known is there once something was looked for.
	known catalog
	// databases are the only ones that the reader may see; none are all.
	databases []string
}

func (s *Service) seeker(c *fiber.Ctx, l links) *seeker {
	k := &seeker{s: s, links: l, databases: []string{}}
	if s.door != nil && !s.door.AnonymousReads() {
		k.databases = append(k.databases, auth.VisitorOf(c).Token.Databases...)
	}
	return k
}

// every is 1 where all databases are searched: a list of them costs each row.
func (k *seeker) every() uint8 { return lo.Ternary[uint8](len(k.databases) == 0, 1, 0) }

func (k *seeker) may(database string) bool {
	return len(k.databases) == 0 || slices.Contains(k.databases, database)
}

// find looks for everything at once. What is in the named suite comes first among equals.
func (k *seeker) find(ctx context.Context, q sought, database, suite string) ([]thing, error) {
	var (
		rows     []thingRow
		tests    []thing
		question errgroup.Group
	)
	question.Go(func() (err error) {
		k.known, err = k.s.catalog(ctx)
		return err
	})
	if len(q.words) == 0 {
		return nil, question.Wait()
	}
	question.Go(func() (err error) {
		rows, err = k.rows(ctx, q)
		return err
	})
	question.Go(func() (err error) {
		if q.wants("test") && q.event == uuid.Nil {
			tests, err = k.tests(ctx, q)
		}
		return err
	})
	if err := question.Wait(); err != nil {
		return nil, err
	}
	found := k.suites(q)
	for _, r := range rows {
		if q.wants(r.Kind) {
			found = append(found, k.thing(r))
		}
	}
	found = append(found, tests...)
	near := func(t thing) int {
		return lo.Ternary(t.exact, 0, 2) + lo.Ternary(t.database == database && t.suite == suite, 0, 1)
	}
	slices.SortStableFunc(found, func(a, b thing) int {
		if n := near(a) - near(b); n != 0 {
			return n
		}
		return slices.Index(kinds, a.Kind) - slices.Index(kinds, b.Kind)
	})
	return found, nil
}

// rows asks for everything but suites and tests, as far as the text can mean it.
func (k *seeker) rows(ctx context.Context, q sought) ([]thingRow, error) {
	if q.event != uuid.Nil {
		return list[thingRow](ctx, k.s, "page_search_id", store.Params{"databases": k.databases, "event_id": q.event})
	}
	rows, err := list[thingRow](ctx, k.s, "page_search", q.parts(store.Params{
		"every": k.every(), "databases": k.databases, "whole": q.whole, "id": q.id, "limit": uint32(foundRows),
	}))
	rows = lo.Filter(lo.Uniq(rows), func(r thingRow, _ int) bool { return q.numbers(r) || q.in(r.Text) })
	for i, r := range rows {
		rows[i].Exact = lo.Ternary[uint8](q.numbers(r) || asciiLower(r.Text) == q.whole, 1, 0)
	}
	if err != nil || q.id == 0 {
		return rows, err
	}
	runs, err := list[thingRow](ctx, k.s, "page_search_number", store.Params{"every": k.every(), "databases": k.databases, "id": q.id, "limit": uint32(foundRows)})
	return append(rows, runs...), err
}

func (k *seeker) suites(q sought) []thing {
	var found []thing
	for _, r := range k.known {
		if !q.wants("suite") || !k.may(r.Database) || !q.in(r.Suite) {
			continue
		}
		found = append(found, thing{
			Kind: "suite", Text: r.Suite, Place: r.Database, Address: k.links.Suite(r.Database, r.Suite), exact: asciiLower(r.Suite) == q.whole,
			database: r.Database, suite: r.Suite,
		})
	}
	return found
}

func (k *seeker) thing(r thingRow) thing {
	t := thing{
		Kind: r.Kind, Text: visible(r.Text), Place: r.Database + "/" + r.Suite, Detail: r.Detail, exact: r.Exact == 1,
		database: r.Database, suite: r.Suite, id: r.ID,
	}
	l := k.links
	switch r.Kind {
	case "machine":
		t.Address = l.Machine(r.Database, r.Suite, r.ID)
	case "order":
		t.Address = l.Order(r.Database, r.Suite, r.ID)
	case "run":
		t.Address = l.Run(r.Database, r.Suite, r.ID)
	case "regression":
		t.Text, t.Address = "#"+digitsOf(r.ID)+" "+t.Text, l.Regression(r.Database, r.Suite, r.ID)
	case "submission":
		t.Address, t.Detail = l.Receipts(r.Database, r.Suite)+"/"+r.Text, happened(r.Detail)
	case "finding":
		t.Address, t.Detail = k.change(r), ""
	}
	return t
}

// change is the chart of a change point, whose place is in its row.
func (k *seeker) change(r thingRow) string {
	parts := strings.Split(r.Detail, ".")
	in, known := k.known.schemas()[r.Database+"/"+r.Suite]
	if !known || len(parts) < 4 {
		return k.links.Findings(r.Database, r.Suite)
	}
	last := len(parts) - 1
	for _, m := range in.realMetrics() {
		if m.Name == strings.Join(parts[2:last], ".") {
			return k.links.GraphAt(r.Database, r.Suite, plot{Machine: machineOf(parts[0]), Test: machineOf(parts[1]), Field: m.Index}, machineOf(parts[last]))
		}
	}
	return k.links.Findings(r.Database, r.Suite)
}

// tests are those that have every word in their name: first those whose name is the text, or ends in it as its last part, then the
// shortest names.
func (k *seeker) tests(ctx context.Context, q sought) ([]thing, error) {
	rows, err := list[namedTestRow](ctx, k.s, "page_search_tests", q.parts(store.Params{"every": k.every(), "databases": k.databases, "limit": uint32(foundRows)}))
	if err != nil {
		return nil, err
	}
	if len(rows) == foundRows { // there may be better ones
		ending, err := list[namedTestRow](ctx, k.s, "page_search_tests_ending", store.Params{
			"every": k.every(), "databases": k.databases, "limit": uint32(foundRows), "whole": q.whole, "tail": "/" + q.whole,
		})
		if err != nil {
			return nil, err
		}
		rows = append(ending, rows...)
	}
	rows = lo.Filter(lo.Uniq(rows), func(r namedTestRow, _ int) bool { return q.in(r.Name) }) // a test may have several rows
	place := func(r namedTestRow) int {
		name := asciiLower(r.Name)
		return lo.Ternary(name == q.whole || strings.HasSuffix(name, "/"+q.whole), 0, 1)
	}
	slices.SortFunc(rows, func(a, b namedTestRow) int {
		return cmp.Or(
			cmp.Compare(place(a), place(b)), cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Database, b.Database), cmp.Compare(a.Suite, b.Suite), cmp.Compare(a.ID, b.ID),
		)
	})
	return lo.Map(lo.Slice(rows, 0, foundRows), func(r namedTestRow, _ int) thing {
		return thing{
			Kind: "test", Text: visible(r.Name), Place: r.Database + "/" + r.Suite, Address: k.links.Test(r.Database, r.Suite, r.ID),
			exact: asciiLower(r.Name) == q.whole, database: r.Database, suite: r.Suite, id: r.ID,
		}
	}), nil
}

type searchBody struct {
	Query string
	// Groups are the things by kind.
	Groups []thingGroup
	// Database and Suite are where the reader came from.
	Database, Suite string
}

type thingGroup struct {
	Title string
	Rows  []thing
	// More says that there may be others.
	More bool
}

// searchAll answers /search: everything that a text may mean, or the only thing that it means exactly.
func (s *Service) searchAll(c *fiber.Ctx) error {
	v := s.view(c, "Search")
	v.crumb("Search")
	q, err := text(c, "q")
	if err != nil {
		return err
	}
	k := s.seeker(c, v.L)
	body := searchBody{Query: q, Database: clip(c.Query("db"), 100), Suite: clip(c.Query("suite"), 100)}
	found, err := k.find(c.UserContext(), readSought(q), body.Database, body.Suite)
	if err != nil {
		return err
	}
	v.Menu, v.Query = s.menu(k.known), q
	exact := lo.Filter(found, func(t thing, _ int) bool { return t.exact })
	if len(exact) == 1 && c.Query("list") == "" {
		return c.Redirect(exact[0].Address, fiber.StatusFound)
	}
	counted, err := k.findings(c.UserContext(), found)
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		rows := lo.Filter(slices.Concat(found, counted), func(t thing, _ int) bool { return t.Kind == kind })
		if len(rows) > 0 {
			title := strings.ToUpper(kind[:1]) + kind[1:] + "s"
			body.Groups = append(body.Groups, thingGroup{Title: title, Rows: rows, More: len(rows) >= foundRows})
		}
	}
	v.Body = body
	return s.render(c, "search", v)
}

type testFindingsRow struct {
	TestID uint32 `ch:"test_id"`
	Count  uint64 `ch:"finding_count"`
}

// findings lead to the change points of the tests that were found, suite by suite.
func (k *seeker) findings(ctx context.Context, found []thing) ([]thing, error) {
	tests := lo.Filter(found, func(t thing, _ int) bool { return t.Kind == "test" })
	var out []thing
	for _, group := range lo.PartitionBy(tests, func(t thing) string { return t.Place }) {
		rows, err := list[testFindingsRow](ctx, k.s, "page_search_findings", store.Params{
			"database": group[0].database, "suite": group[0].suite, "test_ids": lo.Map(group, func(t thing, _ int) uint32 { return t.id }),
		})
		if err != nil {
			return nil, err
		}
		byTest := lo.KeyBy(group, func(t thing) uint32 { return t.id })
		for _, r := range rows {
			t := byTest[r.TestID]
			out = append(out, thing{
				Kind: "finding", Text: t.Text, Place: t.Place, Detail: uintText(r.Count) + lo.Ternary(r.Count == 1, " change", " changes"),
				Address: k.links.Findings(t.database, t.suite) + "?test=" + url.QueryEscape(t.Text),
			})
		}
	}
	return out, nil
}

// suggest answers /search/suggest: the first things that a text may mean, for the box in the head of every page.
func (s *Service) suggest(c *fiber.Ctx) error {
	q, err := text(c, "q")
	if err != nil {
		return err
	}
	k := s.seeker(c, s.view(c, "").L)
	found, err := k.find(c.UserContext(), readSought(q), c.Query("db"), c.Query("suite"))
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"things": append([]thing{}, found[:min(len(found), suggestedRows)]...)})
}

type testBody struct {
	Name    string
	Metrics []metricChoice
	Rows    []testMachine
	// All is the chart of the first metric on every machine, "" for none.
	All, Findings string
}

// testMachine is a machine with the chart of each metric, "" where it has none.
type testMachine struct {
	machineNameRow
	Charts []string
}

type testSeriesRow struct {
	MachineID uint32 `ch:"machine_id"`
	Metric    string `ch:"metric"`
}

// test answers /test/<id>: where a test is measured.
func (s *Service) test(c *fiber.Ctx) error {
	ctx := c.UserContext()
	v, in, err := s.suitePage(c, "Test", "")
	if err != nil {
		return err
	}
	id, err := pathID(c, "test", "test")
	if err != nil {
		return err
	}
	names, err := list[testRow](ctx, s, "page_tests", with(ofSuite(in), store.Params{"test_ids": []uint32{id}}))
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return notHere("Suite "+in.Name+" has no test "+digitsOf(id)+".", "Look for it by a part of its name.", v.L.Search()+"?q=test+", "Search")
	}
	machines, err := list[machineNameRow](ctx, s, "page_machine_names", ofSuite(in))
	if err != nil {
		return err
	}
	body := testBody{Name: names[0].Name, Metrics: in.realMetrics(), Findings: v.L.Findings(in.Database, in.Name) + "?test=" + url.QueryEscape(names[0].Name)}
	series, err := list[testSeriesRow](ctx, s, "page_test_series", with(ofSuite(in), store.Params{
		"test_id": id, "machine_ids": lo.Map(machines, func(m machineNameRow, _ int) uint32 { return m.ID }),
		"metrics": lo.Map(body.Metrics, func(m metricChoice, _ int) string { return m.Name }),
	}))
	if err != nil {
		return err
	}
	measured := lo.SliceToMap(series, func(r testSeriesRow) (testSeriesRow, bool) { return r, true })
	body.Metrics = lo.Filter(body.Metrics, func(m metricChoice, _ int) bool {
		return lo.SomeBy(series, func(r testSeriesRow) bool { return r.Metric == m.Name })
	})
	var first []plot
	for _, m := range machines {
		row := testMachine{machineNameRow: m}
		for i, metric := range body.Metrics {
			chart := ""
			if measured[testSeriesRow{m.ID, metric.Name}] {
				p := plot{Machine: m.ID, Test: id, Field: metric.Index}
				chart = v.L.Graph(in.Database, in.Name, p)
				if i == 0 && len(first) < s.cfg.MaxPlots {
					first = append(first, p)
				}
			}
			row.Charts = append(row.Charts, chart)
		}
		if lo.SomeBy(row.Charts, func(chart string) bool { return chart != "" }) {
			body.Rows = append(body.Rows, row)
		}
	}
	if len(first) > 1 {
		body.All = v.L.Graph(in.Database, in.Name, first...)
	}
	v.Title = clip(body.Name, 100)
	v.crumb(body.Name)
	v.Body = body
	return s.render(c, "test", v)
}
