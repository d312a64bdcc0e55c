package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSettings_Wrong_AreNamedBeforeAnythingIsOpened(t *testing.T) {
	t.Parallel()
	files := folder(t, map[string][]byte{
		"typo.yaml":   []byte("lisen: 127.0.0.1:0\n"),
		"deep.yaml":   []byte("store:\n  max_raeds: 2\n"),
		"value.yaml":  []byte("intake:\n  body_limit: plenty\n"),
		"broken.yaml": []byte("listen: [\n"),
		"two.yaml":    []byte("one: 1\ntwo: 2\n"),
	})
	for name, c := range map[string]struct {
		args        []string
		environment []string
		code        int
		says        []string
	}{
		"unknown key":          {args: []string{"up", "--config", files + "/typo.yaml"}, code: 2, says: []string{`unknown key "lisen"`, `did you mean "listen"?`}},
		"unknown nested key":   {args: []string{"up", "--config", files + "/deep.yaml"}, code: 2, says: []string{`unknown key "store-max-raeds"`, `"store-max-reads"`}},
		"all unknown keys":     {args: []string{"up", "--config", files + "/two.yaml"}, code: 2, says: []string{`unknown key "one"`, `unknown key "two"`}},
		"value in file":        {args: []string{"check", "--config", files + "/value.yaml"}, code: 2, says: []string{"--intake-body-limit", `"plenty" is not a size such as 64MiB`}},
		"no YAML":              {args: []string{"check", "--config", files + "/broken.yaml"}, code: 2, says: []string{"read YAML"}},
		"no such file":         {args: []string{"check", "--config", files + "/missing.yaml"}, code: 2, says: []string{"missing.yaml"}},
		"value of a flag":      {args: []string{"up", "--intake-wait", "soon"}, code: 2, says: []string{"--intake-wait", "soon"}},
		"value of a variable":  {args: []string{"check"}, environment: []string{"TIDEMARK_PARTITIONS=many"}, code: 2, says: []string{"partitions", "many"}},
		"unknown flag":         {args: []string{"up", "--lisen", "x"}, code: 2, says: []string{"--lisen", "--listen"}},
		"unknown command":      {args: []string{"upp"}, code: 2, says: []string{"upp", `"up"`}},
		"out of range":         {args: []string{"check", "--partitions", "0"}, code: 2, says: []string{"partitions: must be at least 1"}},
		"at odds":              {args: []string{"check", "--kafka", "host:9092", "--kafka-listen", "127.0.0.1:9092"}, code: 2, says: []string{"kafka_listen: belongs to the embedded broker"}},
		"in a service":         {args: []string{"check", "--detector-interval", "1ms"}, code: 1, says: []string{"detector.interval: must be at least 1s"}},
		"intake alone":         {args: []string{"intake"}, code: 1, says: []string{"--kafka and --clickhouse", "tidemark up"}},
		"projector alone":      {args: []string{"projector", "--kafka", "host:9092"}, code: 1, says: []string{"--kafka and --clickhouse"}},
		"api without a server": {args: []string{"api"}, code: 1, says: []string{"--clickhouse", "tidemark up"}},
		"no engine":            {args: []string{"up", "--libchdb", files + "/libchdb.so"}, code: 1, says: []string{"libchdb.so"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := filepath.Join(t.TempDir(), "data")
			environment := append([]string{"TIDEMARK_LISTEN=127.0.0.1:0", "TIDEMARK_SQL_LISTEN=127.0.0.1:0", "TIDEMARK_ADMIN_LISTEN=127.0.0.1:0", "TIDEMARK_DATA=" + data}, c.environment...)
			run(t, nil, environment, c.args...).want(t, c.code, append(c.says, "tidemark: error: ")...)
		})
	}
}

func TestSettings_FlagsWinOverVariablesOverTheFile(t *testing.T) {
	t.Parallel()
	file := folder(t, map[string][]byte{"tidemark.yaml": []byte("partitions: 2\nstore:\n  max_reads: 7\n  max_queued: 8\nintake:\n  wait: 3s\nauth_token: of-the-file\n")}) + "/tidemark.yaml"
	got := run(t, nil, []string{"TIDEMARK_STORE_MAX_READS=9", "TIDEMARK_INTAKE_WAIT=4s"}, "config", "--diff", "--config", file, "--intake-wait", "5s")
	got.want(t, 0)
	var lines []string
	for line := range strings.Lines(got.stdout) {
		if strings.HasPrefix(line, "libchdb ") {
			continue // where the engine is belongs to the machine
		}
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"partitions 2 (default 1)", "auth-token *** (default none)", "intake-wait 5s (default 10s)",
		"store-max-reads 9 (default 4)", "store-max-queued 8 (default 256)",
	}
	if d := strings.Join(lines, "\n"); d != strings.Join(want, "\n") {
		t.Errorf("config --diff:\n%s\nwant\n%s", d, strings.Join(want, "\n"))
	}
}

func TestSettings_Fitting_AreCheckedWithoutOpeningAnything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	got := run(t, nil, []string{"TIDEMARK_DATA=" + dir + "/data"}, "check")
	got.want(t, 0)
	for _, part := range []string{"ok engine\n", "ok broker\n", "ok projector\n", "ok intake\n", "ok http\n"} {
		if !strings.Contains(got.stdout, part) {
			t.Errorf("check does not say %q:\n%s", part, got.stdout)
		}
	}
	if left, _ := filepath.Glob(dir + "/*"); len(left) > 0 {
		t.Errorf("check left %v", left)
	}
}

func TestCommands_AboutTheProgram_AnswerAndExitWith0(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, says string }{
		{"version", "tidemark " + builtVersion + "\n"},
		{"completion -c bash", "complete -o "},
		{"--help", "Keeps benchmark results"},
		{"up --help", "--admin-listen"},
		{"config --format json", `"listen": "127.0.0.1:8080"`},
		{"config --format markdown", "| `--intake-body-limit` | `TIDEMARK_INTAKE_BODY_LIMIT` | `64MiB` |"},
	} {
		got := run(t, nil, nil, strings.Fields(c.args)...)
		got.want(t, 0)
		if !strings.Contains(got.stdout, c.says) {
			t.Errorf("%s does not say %q:\n%s", c.args, c.says, got.stdout)
		}
	}
	run(t, nil, nil).want(t, 2, "expected one of")
}

func TestSynth_SameSeed_GivesReportsThatAreTaken(t *testing.T) {
	t.Parallel()
	s := shared(t)
	out := filepath.Join(t.TempDir(), "reports")
	run(t, nil, nil, "synth", out, "--seed", "7", "--orders", "4", "--machines", "2", "--tests", "3", "--missing-rate", "0").want(t, 0)
	if _, err := os.Stat(out + ".truth.json"); err != nil {
		t.Error(err)
	}
	run(t, nil, nil, "submit", "--url", s.submitURL(), out).want(t, 0)
	if n := s.runs(t); n != "8" {
		t.Errorf("%s runs, want 8", n)
	}
}
