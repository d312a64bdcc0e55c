package main

import (
	"context"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	composecli "github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/samber/lo"

	"tidemark/pkg/observe"
	"tidemark/pkg/readsql"
)

// root is the repository.
const root = "../.."

// secrets is what `make up` writes into .env, with values that need care in an address or in XML.
var secrets = []string{
	"TIDEMARK_AUTH_TOKEN=of-tests", "TIDEMARK_SESSION_KEY=0123456789abcdef", "TIDEMARK_CLICKHOUSE_PASSWORD=0123abcd", "TIDEMARK_GRAFANA_CLICKHOUSE_PASSWORD=4567",
	"TIDEMARK_GRAFANA_PASSWORD=89ab", "TIDEMARK_NOTIFIER_KEY=0123456789abcdef0123456789abcdef",
}

// project is docker-compose.yml, read and validated as `docker compose` does.
func project(t *testing.T) *types.Project {
	t.Helper()
	options, err := composecli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		composecli.WithEnv(secrets), composecli.WithWorkingDirectory(root))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func isRole(s types.ServiceConfig) bool { return s.Build != nil }

// ends says that others wait for the service's end, not for its health.
func ends(p *types.Project, name string) bool {
	return lo.SomeBy(lo.Values(p.Services), func(s types.ServiceConfig) bool {
		return s.DependsOn[name].Condition == types.ServiceConditionCompletedSuccessfully
	})
}

func TestDeployment_EveryService_IsPinnedHealthyBoundedAndClosed(t *testing.T) {
	t.Parallel()
	p := project(t)
	pinned := regexp.MustCompile(`^[^:]+(/[^:]+)*:[^:@]*\d+\.\d+[^:@]*@sha256:[0-9a-f]{64}$`)
	for name, s := range p.Services {
		if !isRole(s) && !pinned.MatchString(s.Image) {
			t.Errorf("%s: the image %s is not pinned by version and digest", name, s.Image)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open to %q", name, port.Published, port.HostIP)
			}
		}
		if !ends(p, name) && (s.HealthCheck == nil || s.HealthCheck.Disable || s.HealthCheck.Timeout == nil || s.HealthCheck.StartPeriod == nil) {
			t.Errorf("%s: no health check with timeout and start period", name)
		}
		if s.StopGracePeriod == nil {
			t.Errorf("%s: no stop grace", name)
		}
		if want := lo.Ternary(ends(p, name), "no", "unless-stopped"); s.Restart != want {
			t.Errorf("%s: restart is %q, want %q", name, s.Restart, want)
		}
		if s.Logging == nil || s.Logging.Options["max-size"] == "" {
			t.Errorf("%s: its log may fill the disk", name)
		}
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
				t.Errorf("%s: %s has to be there and read-only: %v", name, v.Source, err)
			}
		}
		for dependency, how := range s.DependsOn {
			if how.Condition == types.ServiceConditionStarted {
				t.Errorf("%s: waits for %s to be started, not to be healthy", name, dependency)
			}
		}
	}
}

func TestDeployment_EveryRole_HasAServiceWhoseCommandTheProgramTakes(t *testing.T) {
	p := project(t)
	var served []string
	for name, s := range p.Services {
		if !isRole(s) {
			continue
		}
		if !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") {
			t.Errorf("%s: may write to its image or keeps capabilities", name)
		}
		t.Run(name, func(t *testing.T) {
			k := parsedAs(t, s, s.Command)
			served = append(served, k.Command())
			settings, ok := settingsOf(k)
			if !ok {
				t.Fatalf("%s has no settings", k.Command())
			}
			log, err := observe.NewLogger(io.Discard, settings.LogLevel, settings.LogFormat)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := compose(settings, rolesOf(k.Command()), log); err != nil {
				t.Error(err)
			}
			if ends(p, name) {
				return
			}
			if grace := s.StopGracePeriod; float64(*grace) < 2*float64(settings.Grace) {
				t.Errorf("stop grace %v is too short for parts that may take %v each", *grace, settings.Grace)
			}
			if test := s.HealthCheck.Test; test[0] != "CMD" || test[1] != "/tidemark" {
				t.Errorf("health is asked with %q", test)
			} else if asked := parsedAs(t, s, []string(test[2:])); asked.Command() != "health <address>" {
				t.Errorf("health is asked with %q", asked.Command())
			}
		})
	}
	for _, role := range longRoles(t) {
		if !slices.Contains(served, role) {
			t.Errorf("no service runs %q", role)
		}
	}
}

// longRoles are the commands that are a role of their own and run until they are stopped.
func longRoles(t *testing.T) []string {
	t.Helper()
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	present := lo.Map(parser.Model.Children, func(n *kong.Node, _ int) string { return n.Name })
	return lo.Intersect(present, []string{"intake", "projector", "detector", "api", "notifier"})
}

// parsedAs is a command line under a service's environment, every variable of which has to be one that the program knows.
func parsedAs(t *testing.T, s types.ServiceConfig, args []string) *kong.Context {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "TIDEMARK_") {
			t.Setenv(name, "")
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, value := range s.Environment {
		t.Setenv(name, lo.FromPtr(value))
	}
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	k, err := parser.Parse(args)
	if err != nil {
		t.Fatalf("tidemark %v: %v", args, err)
	}
	known := lo.FlatMap(k.Flags(), func(f *kong.Flag, _ int) []string { return f.Envs })
	if k.Command() != "health <address>" {
		for name := range s.Environment {
			if !slices.Contains(known, name) {
				t.Errorf("tidemark %v does not know %s", args, name)
			}
		}
	}
	return k
}

// settingsOf are the settings that a parsed command will run with.
func settingsOf(k *kong.Context) (Settings, bool) {
	switch c := k.Selected().Target.Addr().Interface().(type) {
	case *intakeCmd:
		return c.Settings, true
	case *projectorCmd:
		return c.Settings, true
	case *detectorCmd:
		return c.Settings, true
	case *notifierCmd:
		return c.Settings, true
	case *apiCmd:
		return c.Settings, true
	case *migrateCmd:
		return c.Settings, true
	default:
		embedded := k.Selected().Target.FieldByName("Settings")
		if !embedded.IsValid() {
			return Settings{}, false
		}
		s, ok := embedded.Interface().(Settings)
		return s, ok
	}
}

func rolesOf(command string) roles {
	switch command {
	case "intake":
		return roles{Intake: true}
	case "projector":
		return roles{Projector: true}
	case "detector":
		return roles{Detector: true}
	case "notifier":
		return roles{Notifier: true}
	case "api":
		return roles{Reads: true}
	default:
		return roles{Intake: true, Migrate: true}
	}
}

// What has no default in docker-compose.yml is a secret, and `make up` makes it.
func TestDeployment_WithoutItsSecrets_IsRefusedAndMakeUpWritesThem(t *testing.T) {
	t.Parallel()
	compose, makefile := fileText(t, "docker-compose.yml"), fileText(t, "Makefile")
	line := regexp.MustCompile(`(?m)^SECRETS = (.*)$`).FindStringSubmatch(makefile)
	if line == nil {
		t.Fatal("the Makefile has no list SECRETS")
	}
	written := strings.Fields(line[1])
	var needed []string
	for _, m := range regexp.MustCompile(`\$\{(\w+):\?`).FindAllStringSubmatch(compose, -1) {
		needed = append(needed, m[1])
	}
	if left, right := lo.Difference(lo.Uniq(needed), written); len(left)+len(right) > 0 {
		t.Errorf("needed and not written: %v; written and not needed: %v", left, right)
	}
	for i := range secrets {
		options, err := composecli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
			composecli.WithEnv(slices.Delete(slices.Clone(secrets), i, i+1)), composecli.WithWorkingDirectory(root))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := options.LoadProject(context.Background()); err == nil {
			t.Errorf("without %s it is taken", secrets[i])
		}
	}
}

func TestDeployment_ClickHouseUsers_AreXMLWithPasswordsFromTheServicesEnvironment(t *testing.T) {
	t.Parallel()
	p := project(t)
	content := p.Configs["clickhouse_users"].Content
	environment := p.Services["clickhouse"].Environment
	var doc struct {
		Users struct {
			All []struct {
				XMLName  xml.Name
				Password struct {
					From string `xml:"from_env,attr"`
				} `xml:"password"`
				Profile string   `xml:"profile"`
				Grants  []string `xml:"grants>query"`
				Filters struct {
					All []struct {
						XMLName xml.Name
						Filter  string `xml:"filter"`
					} `xml:",any"`
				} `xml:"databases>tidemark"`
			} `xml:",any"`
		} `xml:"users"`
	}
	if err := xml.Unmarshal([]byte(content), &doc); err != nil {
		t.Fatalf("%v in\n%s", err, content)
	}
	secretTables, err := readsql.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	users := map[string]bool{}
	for _, u := range doc.Users.All {
		users[u.XMLName.Local] = true
		if _, ok := environment[u.Password.From]; !ok {
			t.Errorf("%s: the container has no variable %q", u.XMLName.Local, u.Password.From)
		}
		if u.XMLName.Local != "tidemark" && (u.Profile != "reader" || len(u.Grants) != 1) {
			t.Errorf("%s may do more than read one database", u.XMLName.Local)
		}
		filtered := map[string]bool{}
		for _, f := range u.Filters.All {
			filtered[f.XMLName.Local] = f.Filter != ""
		}
		for table := range secretTables {
			if isTable := !strings.HasPrefix(table, "v_"); isTable && filtered[table] == (u.XMLName.Local == "tidemark") {
				t.Errorf("%s: a filter of table %s: %v", u.XMLName.Local, table, filtered[table])
			}
		}
	}
	if name := lo.FromPtr(p.Services["grafana"].Environment["TIDEMARK_CLICKHOUSE_USER"]); !users[name] || name == "tidemark" {
		t.Errorf("Grafana reads as %q of %v", name, users)
	}
	// Without this word a filter of one user leaves the others no rows at all, the product among them.
	var server struct {
		Others string `xml:"access_control_improvements>users_without_row_policies_can_read_rows"`
	}
	if err := xml.Unmarshal([]byte(p.Configs["clickhouse_server"].Content), &server); err != nil || server.Others != "true" {
		t.Errorf("who has no filters reads no rows: %+v, %v", server, err)
	}
	mounted := lo.SliceToMap(p.Services["clickhouse"].Configs, func(c types.ServiceConfigObjConfig) (string, string) { return c.Source, c.Target })
	if mounted["clickhouse_server"] != "/etc/clickhouse-server/config.d/tidemark.xml" || mounted["clickhouse_users"] != "/etc/clickhouse-server/users.d/tidemark.xml" {
		t.Errorf("the server's configuration is at %v", mounted)
	}
}

func TestImage_StagesArePinnedAndTheLastRunsAsNobody(t *testing.T) {
	t.Parallel()
	text := fileText(t, "Dockerfile")
	stages := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(text, -1)
	if len(stages) < 2 {
		t.Fatalf("%d stages", len(stages))
	}
	for _, m := range stages {
		if !regexp.MustCompile(`:[\w.-]+@sha256:[0-9a-f]{64}$`).MatchString(m[1]) || strings.Contains(m[1], "latest") {
			t.Errorf("%s is not pinned", m[1])
		}
	}
	last := text[strings.LastIndex(text, "\nFROM "):]
	user := regexp.MustCompile(`(?m)^USER (\d+)`).FindStringSubmatch(last)
	if user == nil || user[1] == "0" {
		t.Error("the image runs as root")
	}
	wants := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(fileText(t, "go.mod"))
	if !strings.Contains(text, "FROM golang:"+wants[1]+".") {
		t.Errorf("the image is not built with Go %s", wants[1])
	}
	for _, m := range regexp.MustCompile(`(?m)^COPY ([^-\n].*) \S+$`).FindAllStringSubmatch(text, -1) {
		for _, source := range strings.Fields(m[1]) {
			if _, err := os.Stat(filepath.Join(root, source)); err != nil {
				t.Error(err)
			}
		}
	}
}

func fileText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
