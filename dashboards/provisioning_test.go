package dashboards_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"tidemark/dashboards"
)

// alerts is provisioning/alerting/*.yaml.
type alerts struct {
	APIVersion int `yaml:"apiVersion"`
	Groups     []struct {
		Name, Folder, Interval string
		Rules                  []alertRule
	}
}

type alertRule struct {
	UID, Title, Condition string
	For                   string
	NoDataState           string `yaml:"noDataState"`
	ExecErrState          string `yaml:"execErrState"`
	DashboardUID          string `yaml:"dashboardUid"`
	PanelID               int    `yaml:"panelId"`
	Labels, Annotations   map[string]string
	Data                  []struct {
		RefID         string `yaml:"refId"`
		DatasourceUID string `yaml:"datasourceUid"`
		Model         struct {
			RefID      string `yaml:"refId"`
			RawSQL     string `yaml:"rawSql"`
			Type       string
			Expression string
			Format     int
			Conditions []struct {
				Evaluator struct {
					Type   string
					Params []float64
				}
			}
		}
	}
}

func readYAML(t *testing.T, file string, into any) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return string(text)
}

func rules(t *testing.T) []alertRule {
	t.Helper()
	var doc alerts
	readYAML(t, "provisioning/alerting/tidemark.yaml", &doc)
	var out []alertRule
	for _, g := range doc.Groups {
		out = append(out, g.Rules...)
	}
	if len(out) == 0 {
		t.Fatal("no rules")
	}
	return out
}

// anchors are the headings of a page, as links name them.
func anchors(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
		out = append(out, strings.ReplaceAll(regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return out
}

func TestAlerts_LeadToAPanelAndToARunbookThatIsThere(t *testing.T) {
	t.Parallel()
	all, headings := load(t), anchors(t, "../docs/operating.md")
	seen := map[string]bool{}
	for _, r := range rules(t) {
		if seen[r.UID] || len(r.UID) > 40 {
			t.Errorf("%s: the uid is taken or too long", r.UID)
		}
		seen[r.UID] = true
		page, anchor, _ := strings.Cut(r.Annotations["runbook_url"], "#")
		if page != "$TIDEMARK_DOCS/operating.md" || !slices.Contains(headings, anchor) {
			t.Errorf("%s: no heading for %s", r.UID, r.Annotations["runbook_url"])
		}
		if len(r.Annotations["description"]) < 20 || r.Labels["severity"] == "" || r.For == "" || r.ExecErrState == "" || r.NoDataState == "" {
			t.Errorf("%s: says too little: %+v", r.UID, r)
		}
		if !slices.ContainsFunc(all[r.DashboardUID].Panels, func(p panel) bool { return p.ID == r.PanelID }) {
			t.Errorf("%s: %s has no panel %d", r.UID, r.DashboardUID, r.PanelID)
		}
		if len(r.Data) != 3 || r.Data[0].DatasourceUID != "tidemark" || r.Data[1].Model.Expression != "A" || r.Data[2].Model.Expression != "B" || r.Condition != r.Data[2].RefID {
			t.Errorf("%s: is not a query, its last value and a threshold: %+v", r.UID, r.Data)
		}
	}
}

// quiet are the rules that do not fire on a server as it should be; what the history of demo brings about is fires.
func TestAlerts_EveryQuery_GivesTheNumberThatDecides(t *testing.T) {
	w, empty := demo(t), demoEmpty(t)
	fires := map[string]bool{"tidemark-machine-silent": false, "tidemark-many-refused": false, "tidemark-nothing-stored": false, "tidemark-events-late": false}
	for _, r := range rules(t) {
		query, limit := r.Data[0].Model.RawSQL, r.Data[2].Model.Conditions[0].Evaluator
		if strings.Contains(query, "$") {
			t.Errorf("%s: Grafana takes what follows the dollar for a variable of the environment", r.UID)
		}
		for _, table := range tablesOf(query) {
			if !strings.HasPrefix(table, "v_") {
				t.Errorf("%s reads %s", r.UID, table)
			}
		}
		for _, server := range []*world{w, empty} {
			got := server.ask(query)
			if len(got.Data) != 1 || len(got.Meta) != 1 || !isNumber.MatchString(got.Meta[0].Type) {
				t.Errorf("%s: %v in %d rows is no number", r.UID, got.Meta, len(got.Data))
				continue
			}
			if limit.Type != "gt" || len(limit.Params) != 1 {
				t.Fatalf("%s: threshold %+v", r.UID, limit)
			}
			value, _ := numberOf(got.Data[0][0])
			if want, known := fires[r.UID]; (known || server == empty) && (value > limit.Params[0]) != want {
				t.Errorf("%s: fires is %v at %v", r.UID, !want, value)
			}
		}
	}
}

func TestAlerts_OfWhatWentWrong_Fire(t *testing.T) {
	w := demoEmpty(t)
	wrong := map[string]func(){
		"tidemark-job-fails": func() {
			w.job("detect_steps", w.last.Add(1), "memory limit exceeded", 0)
		},
		"tidemark-slots-missed": func() { w.job("detect_lnt", w.last, "", 11) },
		"tidemark-machine-silent": func() {
			for i := range 5 {
				w.accepted("run.submitted", w.last.Add(-3*24*hour+at(i)), "bot", report("gone", i))
			}
			w.flush()
		},
		"tidemark-events-late": func() {
			w.wait = 2 * hour / 60
			w.accepted("run.submitted", w.last.Add(-3*hour/60), "bot", report("late", 1))
			w.flush()
		},
		"tidemark-many-refused": func() {
			w.wait = 0
			for i := range 60 {
				w.decide("run.submitted", w.last.Add(-10*hour/60+at(i)/100), "bot", []byte("{}"))
			}
			w.flush()
		},
	}
	for _, r := range rules(t) {
		do, ok := wrong[r.UID]
		if !ok {
			continue
		}
		do()
		got := w.ask(r.Data[0].Model.RawSQL)
		if value, ok := numberOf(got.Data[0][0]); !ok || value <= r.Data[2].Model.Conditions[0].Evaluator.Params[0] {
			t.Errorf("%s is silent at %v", r.UID, got.Data)
		}
	}
}

func TestProvisioning_DataSourceAndFolder_AreThoseThatDashboardsAndComposeName(t *testing.T) {
	t.Parallel()
	var sources struct {
		Datasources []struct {
			UID, Type string
			Editable  bool
			JSONData  map[string]any `yaml:"jsonData"`
		}
	}
	text := readYAML(t, "provisioning/datasources/tidemark.yaml", &sources)
	if s := sources.Datasources; len(s) != 1 || s[0].UID != "tidemark" || s[0].Type != "grafana-clickhouse-datasource" || s[0].JSONData["protocol"] != "http" || s[0].Editable {
		t.Errorf("data source %+v", s)
	}
	compose, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	alerting, err := os.ReadFile("provisioning/alerting/tidemark.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, grafana, _ := strings.Cut(string(compose), "\n  grafana:\n")
	for _, m := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(text+string(alerting), -1) {
		if !strings.Contains(grafana, "\n      "+m[1]+":") {
			t.Errorf("the container of Grafana has no variable %s", m[1])
		}
	}
	if !strings.Contains(grafana, "grafana-clickhouse-datasource@"+dashboards.PluginVersion+"\n") {
		t.Errorf("docker-compose.yml installs another plugin than %s", dashboards.PluginVersion)
	}
	var providers struct {
		Providers []struct {
			Folder, Type string
			Options      struct{ Path string }
		}
	}
	readYAML(t, "provisioning/dashboards/tidemark.yaml", &providers)
	if p := providers.Providers; len(p) != 1 || !strings.Contains(grafana, "target: "+p[0].Options.Path+",") || !strings.Contains(grafana, p[0].Options.Path+"/suite-overview.json") {
		t.Errorf("dashboards are looked for at %+v", p)
	}
	if files, _ := filepath.Glob("provisioning/*/*"); len(files) != 3 {
		t.Errorf("other files are provisioned: %v", files)
	}
}
