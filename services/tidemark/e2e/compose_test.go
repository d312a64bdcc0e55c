package e2e

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/samber/lo"
)

// What docker-compose.yml runs in containers, with its commands and its variables, on the embedded servers: only addresses differ.
func TestCompose_ItsCommandsAndVariables_AreTheProductWithoutContainersToo(t *testing.T) {
	t.Parallel()
	const secret = "a-password-of-tests-that-is-long-enough"
	text, err := os.ReadFile("../../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	secrets := lo.Map(regexp.MustCompile(`\$\{(\w+):\?`).FindAllSubmatch(text, -1), func(m [][]byte, _ int) string { return string(m[1]) + "=" + secret })
	options, err := cli.NewProjectOptions([]string{"../../../docker-compose.yml"}, cli.WithWorkingDirectory("../../.."), cli.WithEnv(secrets))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, servers := role(t, "servers", "--data", t.TempDir(), "--sql-listen", "", "--admin-listen", "", "--partitions", "4",
		"--kafka-listen", "127.0.0.1:0", "--clickhouse-listen", "127.0.0.1:0", "--clickhouse-password", secret)
	elsewhere := map[string]string{
		"TIDEMARK_KAFKA":        servers["broker"],
		"TIDEMARK_CLICKHOUSE":   strings.Replace(servers["engine"], "://", "://default:"+secret+"@", 1),
		"TIDEMARK_LISTEN":       "127.0.0.1:0",
		"TIDEMARK_ADMIN_LISTEN": "127.0.0.1:0",
	}
	environment := func(name string) []string {
		return lo.MapToSlice(project.Services[name].Environment, func(key string, value *string) string {
			return key + "=" + lo.CoalesceOrEmpty(elsewhere[key], lo.FromPtr(value))
		})
	}
	run(t, nil, environment("migrate"), project.Services["migrate"].Command...).want(t, 0)
	at := map[string]map[string]string{}
	for name, service := range project.Services {
		if service.Build != nil && name != "migrate" {
			_, at[name] = roleWith(t, environment(name), service.Command...)
		}
	}
	for name := range at {
		said := run(t, nil, nil, "health", strings.TrimPrefix(at[name]["admin"], "http://"))
		if said.want(t, 0); strings.TrimSpace(said.stdout) != "ready" {
			t.Errorf("%s says %q", name, said.stdout)
		}
	}
	intake := &server{url: at["intake"]["pages and REST"], database: "default"}
	api := &server{url: at["api"]["pages and REST"], database: "default"}
	if run, _ := intake.submit(t, reportOf("m", "1")); run != 1 {
		t.Errorf("the first run is %d", run)
	}
	if runs := api.v4(t, "machines/m").list(t, "runs"); len(runs) != 1 {
		t.Errorf("%d runs are read", len(runs))
	}
	remove := intake.url + "/api/db_default/v4/nts/runs/1"
	if said := mustAsk(t, http.MethodDelete, remove, nil, "AuthToken", "wrong"); said.code != http.StatusUnauthorized && said.code != http.StatusForbidden {
		t.Errorf("another token may write: %d", said.code)
	}
}

func TestHealth_OfNobody_SaysSo(t *testing.T) {
	t.Parallel()
	run(t, nil, nil, "health", "127.0.0.1:1").want(t, 1, "ask for health")
}
