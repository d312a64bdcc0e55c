package dashboards_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/dashboards"
	"tidemark/pkg/event"
	"tidemark/pkg/readsql"
)

var update = flag.Bool("update", false, "write json/ and pictures anew")

func readInto(b *strings.Builder, r *http.Response) (int64, error) {
	return io.Copy(b, io.LimitReader(r.Body, 1<<16))
}

// loaded is a dashboard as Grafana reads it.
type loaded struct {
	UID, Title, Description string
	Tags                    []string
	Templating              struct {
		List []struct {
			Name, Type        string
			Query             string
			Multi, IncludeAll bool
		}
	}
	Annotations struct {
		List []struct {
			Name       string
			Datasource map[string]string
			Target     target
		}
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               map[string]string
	GridPos                  struct{ X, Y, W, H int }
	Links                    []struct{ URL string }
	Targets                  []target
	FieldConfig              struct {
		Defaults struct {
			Unit   string
			Custom struct {
				DrawStyle         string
				ScaleDistribution struct{ Type string }
			}
		}
		Overrides []struct {
			Matcher    struct{ ID, Options string }
			Properties []struct {
				ID    string
				Value any
			}
		}
	}
}

type target struct {
	RefID, RawSQL, QueryType, EditorType string
	Format                               int
	Datasource                           map[string]string
}

// load reads the files, not the definitions: they are what people get.
func load(t *testing.T) map[string]loaded {
	t.Helper()
	files, err := filepath.Glob("json/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	out := map[string]loaded{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d loaded
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if file != "json/"+d.UID+".json" {
			t.Errorf("%s holds %s", file, d.UID)
		}
		out[d.UID] = d
	}
	return out
}

func TestDashboards_Files_AreWhatIsDefined(t *testing.T) { // before the parallel ones, which read what -update writes
	var names []string
	for _, d := range dashboards.All() {
		want, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		file := "json/" + d.UID + ".json"
		names = append(names, file)
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil { //nolint:gosec // for everyone
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what is defined (%v); go test ./dashboards -update writes it", file, err)
		}
	}
	files, _ := filepath.Glob("json/*")
	if left, right := lo.Difference(files, names); len(left)+len(right) > 0 {
		t.Errorf("files that nothing defines: %v, definitions without file: %v", left, right)
	}
}

// noUnit are Grafana's units that say nothing; a table may have them where its columns have units of their own.
const noUnit = "none"

func TestDashboards_EveryPanel_HasAUnitASentenceALinkAndAPlaceOfItsOwn(t *testing.T) {
	t.Parallel()
	for uid, d := range load(t) {
		if d.Title == "" || len(d.Description) < 20 || !slices.Contains(d.Tags, "tidemark") {
			t.Errorf("%s: title, description and tag are needed", uid)
		}
		taken := map[[2]int]string{}
		ids := map[int]bool{}
		for _, p := range d.Panels {
			name := uid + "/" + p.Title
			if p.FieldConfig.Defaults.Unit == "" || (p.FieldConfig.Defaults.Unit == noUnit && p.Type != "table") {
				t.Errorf("%s: no unit", name)
			}
			if len(p.Description) < 20 || !strings.HasSuffix(p.Description, ".") {
				t.Errorf("%s: no sentence that says what it shows", name)
			}
			if len(p.Links) == 0 || !strings.HasPrefix(p.Links[0].URL, "${root}/") {
				t.Errorf("%s: no link to a page", name)
			}
			if ids[p.ID] {
				t.Errorf("%s: id %d is taken", name, p.ID)
			}
			ids[p.ID] = true
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					if taken[at] != "" || at[0] >= 24 {
						t.Fatalf("%s lies on %s, or beside the page", name, taken[at])
					}
					taken[at] = p.Title
				}
			}
		}
	}
}

// views are what a query reads; what its WITH names is not one.
func tablesOf(sql string) []string {
	named := map[string]bool{}
	for _, m := range regexp.MustCompile(`(\w+) AS \(\s`).FindAllStringSubmatch(sql, -1) {
		named[m[1]] = true
	}
	var out []string
	for _, m := range regexp.MustCompile(`(?i)\b(?:from|join)\s+([a-z_.]+)`).FindAllStringSubmatch(sql, -1) {
		if !named[m[1]] {
			out = append(out, m[1])
		}
	}
	return out
}

func (d loaded) queries() map[string]string {
	out := map[string]string{}
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			out["variable "+v.Name] = v.Query
		}
	}
	for _, a := range d.Annotations.List {
		out["annotation "+a.Name] = a.Target.RawSQL
	}
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			out["panel "+p.Title] = q.RawSQL
		}
	}
	return out
}

func TestDashboards_EveryQuery_ReadsViewsOfTheOneDataSource(t *testing.T) {
	t.Parallel()
	for uid, d := range load(t) {
		for name, q := range d.queries() {
			read := tablesOf(q)
			if len(read) == 0 {
				t.Errorf("%s, %s reads nothing", uid, name)
			}
			for _, table := range read {
				if !strings.HasPrefix(table, "v_") {
					t.Errorf("%s, %s reads %s, not a view", uid, name, table)
				}
			}
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				wants := lo.Ternary(p.Type == "timeseries", "timeseries", "table")
				if q.Datasource["uid"] != "tidemark" || q.QueryType != wants || q.EditorType != "sql" || q.Format != lo.Ternary(wants == "table", 1, 0) {
					t.Errorf("%s/%s: asks %v as %s %d", uid, p.Title, q.Datasource, q.QueryType, q.Format)
				}
			}
		}
	}
}

// choose answers a dashboard's variables one after the other, as Grafana does when it opens: those of which many may be chosen are
// all, others the first value; with one, the first of each.
func (w *world) choose(t *testing.T, d loaded, a asked, one bool) asked {
	t.Helper()
	a.chosen, a.all = map[string][]string{}, nil
	for _, v := range d.Templating.List {
		if v.Type == "textbox" {
			a.chosen[v.Name] = []string{v.Query}
			continue
		}
		got := w.ask(a.expand(t, v.Query))
		if len(got.Data) == 0 || len(got.Meta) > 2 {
			t.Fatalf("variable %s has %d values in %d columns", v.Name, len(got.Data), len(got.Meta))
		}
		values := lo.Map(got.Data, func(row []any, _ int) string { return fmt.Sprint(row[0]) })
		if v.Multi && !one {
			a.all = append(a.all, v.Name)
		} else {
			values = values[:1]
		}
		a.chosen[v.Name] = values
	}
	return a
}

var (
	isTime   = regexp.MustCompile(`^(Nullable\()?Date(Time)?(64)?\b`)
	isNumber = regexp.MustCompile(`^(Nullable\()?(U?Int|Float|Decimal)\d*`)
	isText   = regexp.MustCompile(`^(LowCardinality\()?(Nullable\()?(String|Enum)`)
)

// fits says why Grafana could not draw an answer in a panel.
func fits(p panel, a answer) error {
	var times, numbers, texts []int
	for i, c := range a.Meta {
		switch {
		case isTime.MatchString(c.Type):
			times = append(times, i)
		case isNumber.MatchString(c.Type):
			numbers = append(numbers, i)
		case isText.MatchString(c.Type):
			texts = append(texts, i)
		default:
			return fmt.Errorf("column %s is a %s, which has no field in Grafana", c.Name, c.Type)
		}
	}
	names := lo.Map(a.Meta, func(c struct{ Name, Type string }, _ int) string { return c.Name })
	for _, o := range p.FieldConfig.Overrides {
		if !slices.Contains(names, o.Matcher.Options) {
			return fmt.Errorf("an override is for column %q, of %v", o.Matcher.Options, names)
		}
		for _, property := range o.Properties {
			for _, m := range regexp.MustCompile(`__data\.fields\["(\w+)"\]`).FindAllStringSubmatch(fmt.Sprint(property.Value), -1) {
				if !slices.Contains(names, m[1]) {
					return fmt.Errorf("a link names column %q, of %v", m[1], names)
				}
			}
		}
	}
	switch p.Type {
	case "timeseries":
		if len(times) != 1 || names[times[0]] != "time" || len(numbers) == 0 {
			return fmt.Errorf("a time series has one column time and numbers, not %v", a.Meta)
		}
		seen := map[string]bool{}
		for i, row := range a.Data {
			if i > 0 && fmt.Sprint(row[times[0]]) < fmt.Sprint(a.Data[i-1][times[0]]) {
				return fmt.Errorf("row %d goes back in time", i)
			}
			key := fmt.Sprint(row[times[0]], lo.Map(texts, func(c, _ int) any { return row[c] }))
			if seen[key] {
				return fmt.Errorf("two values of one series at one time: %s", key)
			}
			seen[key] = true
		}
	case "stat":
		if len(a.Data) != 1 || len(numbers) != 1 || len(a.Meta) != 1 {
			return fmt.Errorf("a stat has one number, not %v in %d rows", a.Meta, len(a.Data))
		}
		if a.Data[0][0] == nil {
			return fmt.Errorf("the number is missing")
		}
	case "barchart":
		if len(texts) != 1 || len(numbers) == 0 || len(times) != 0 {
			return fmt.Errorf("bars have one text and numbers, not %v", a.Meta)
		}
	}
	if len(a.Data) == 0 {
		return fmt.Errorf("no rows")
	}
	return nil
}

func TestDashboards_EveryQuery_AnswersWithColumnsThatFit(t *testing.T) {
	w := demo(t)
	a := asked{from: w.first.Add(-time.Hour), to: w.last.Add(time.Hour), interval: 6 * time.Hour}
	for uid, d := range load(t) {
		for _, one := range []bool{false, true} {
			t.Run(uid+lo.Ternary(one, " one of each", ""), func(t *testing.T) {
				a := w.choose(t, d, a, one)
				for _, p := range d.Panels {
					for _, q := range p.Targets {
						got, err := w.try(a.expand(t, q.RawSQL))
						if err == nil {
							err = fits(p, got)
						}
						// One test on one machine need not have changed, nor do five tests make a common step of one.
						if err != nil && (!one || err.Error() != "no rows") {
							t.Errorf("%s: %v\n%s", p.Title, err, a.expand(t, q.RawSQL))
						}
					}
				}
				if uid == "series-explorer" && one {
					w.readsByKey(t, a.expand(t, d.Panels[0].Targets[0].RawSQL))
				}
				for _, m := range d.Annotations.List {
					got, err := w.try(a.expand(t, m.Target.RawSQL))
					if err != nil {
						t.Errorf("%s: %v", m.Name, err)
						continue
					}
					if names := fmt.Sprint(lo.Map(got.Meta, func(c struct{ Name, Type string }, _ int) string { return c.Name })); names != "[time text tags]" ||
						!isTime.MatchString(got.Meta[0].Type) || (len(got.Data) == 0 && !one) {
						t.Errorf("annotation %s: %v, %d rows", m.Name, got.Meta, len(got.Data))
					}
				}
			})
		}
	}
}

// readsByKey holds that the samples of one series are found by the whole of their key, whatever else is stored.
func (w *world) readsByKey(t *testing.T, query string) {
	t.Helper()
	var plan strings.Builder
	for _, row := range w.ask("EXPLAIN indexes = 1 " + query).Data {
		fmt.Fprintln(&plan, strings.TrimLeft(fmt.Sprint(row[0]), " │└─"))
	}
	_, reading, ok := strings.Cut(plan.String(), ".samples)\n")
	if !ok || !strings.Contains(reading, "Keys:\ndatabase\nsuite\nmachine_id\nmetric\ntest_id\n") {
		t.Errorf("one series is not read by its key:\n%s", plan.String())
	}
}

// A dashboard of a suite that does not answer is worse than none: nothing may fail on a server that has seen nothing.
func TestDashboards_OfValuesThatNeedQuotes_AskNothingElse(t *testing.T) {
	w := demoEmpty(t)
	hostile := "x' OR 1=1 --"
	a := asked{from: time.Now().Add(-time.Hour), to: time.Now(), interval: time.Minute, chosen: map[string][]string{
		"root": {"http://x"}, "database": {hostile}, "suite": {hostile}, "metric": {hostile}, "find": {hostile}, "machine": {"1"}, "test": {"1"},
	}}
	for uid, d := range load(t) {
		for name, q := range d.queries() {
			if _, err := w.try(a.expand(t, q)); err != nil {
				t.Errorf("%s, %s: %v", uid, name, err)
			}
		}
	}
}

// composeFilters are the filters that docker-compose.yml gives the user of Grafana, by table.
func composeFilters(t *testing.T) map[string]string {
	t.Helper()
	var compose struct {
		Configs map[string]struct{ Content string }
	}
	readYAML(t, "../docker-compose.yml", &compose)
	var users struct {
		Tables struct {
			All []struct {
				XMLName xml.Name
				Filter  string `xml:"filter"`
			} `xml:",any"`
		} `xml:"users>reader>databases>tidemark"`
	}
	if err := xml.Unmarshal([]byte(compose.Configs["clickhouse_users"].Content), &users); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, table := range users.Tables.All {
		out[table.XMLName.Local] = table.Filter
	}
	return out
}

// What the filters of the users' file hide from Grafana, no panel needs, and no table shows.
func TestDashboards_WithTheFiltersOfCompose_FindTheirDataAndNoAddressOfASubscription(t *testing.T) {
	w := demo(t)
	const secret = "hooks.example.org/very-secret"
	id := uuid.NewString()
	for _, name := range []string{id, uuid.NewString()} {
		w.accepted(event.SubscriptionSet, w.last, "manager", fmt.Appendf(nil, `{"id":%q,"name":%q,"channel":"webhook","target":"https://%s"}`, name, name, secret))
	}
	w.accepted(event.SubscriptionRemoved, w.last, "manager", fmt.Appendf(nil, `{"id":%q}`, id))
	w.decide(event.SubscriptionSet, w.last, "manager", fmt.Appendf(nil, `{"id":"no uuid","channel":"webhook","target":"https://%s"}`, secret))
	w.flush()
	secrets, err := readsql.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	shown := func(name string) bool {
		a, err := w.try("SELECT * FROM " + name + " WHERE database = '" + w.database + "'")
		return err == nil && strings.Contains(fmt.Sprint(a.Data), secret)
	}
	for _, name := range []string{"ledger", "records", "v_raw_ledger", "v_raw_subscriptions"} {
		if !shown(name) {
			t.Errorf("%s shows no address without filters either", name)
		}
	}
	filters := composeFilters(t)
	w.filters = lo.MapToSlice(filters, func(table, filter string) string {
		return fmt.Sprintf("'%s.%s': '%s'", w.store.Database(), table, strings.ReplaceAll(filter, "'", `\'`))
	})
	for name := range secrets {
		if shown(name) {
			t.Errorf("%s shows where a subscription leads", name)
		}
		if _, filtered := filters[name]; !filtered && !strings.HasPrefix(name, "v_") {
			t.Errorf("table %s has no filter", name)
		}
	}
	a := asked{from: w.first.Add(-time.Hour), to: w.last.Add(time.Hour), interval: 6 * time.Hour}
	for uid, d := range load(t) {
		chosen := w.choose(t, d, a, false)
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				got, err := w.try(chosen.expand(t, q.RawSQL))
				if err == nil {
					err = fits(p, got)
				}
				if err != nil {
					t.Errorf("%s, %s: %v", uid, p.Title, err)
				}
			}
		}
	}
}
