package config_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/config"
)

// settings are of every kind that a service has.
type settings struct {
	Config kong.ConfigFlag `help:"File." type:"path"`
	Run    struct {
		Listen string            `help:"Address." default:"here:1"`
		Token  config.Secret     `help:"Token."`
		Limit  config.Bytes      `help:"Size." default:"64MiB"`
		Wait   time.Duration     `help:"Wait." default:"10s"`
		Floor  float64           `help:"Floor." default:"0.5"`
		Names  []string          `help:"Names." default:"default"`
		Strict bool              `help:"Strict."`
		Param  map[string]string `help:"Parameters."`
		Store  struct {
			MaxReads int `help:"Reads." default:"4"`
		} `embed:"" prefix:"store-"`
	} `cmd:""`
}

// parse reads a file's text and arguments. Not parallel when variables are set.
func parse(t *testing.T, yaml string, args ...string) (*settings, *kong.Context, error) {
	t.Helper()
	var s settings
	parser, err := kong.New(&s, kong.Name("test"), kong.DefaultEnvars("CONFIGTEST"), kong.Configuration(config.YAML), kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := parser.Parse(append([]string{"--config", path, "run"}, args...))
	return &s, k, err
}

func TestYAML_KnownKeys_SetTheirFlags(t *testing.T) {
	t.Parallel()
	s, _, err := parse(t, `
# a comment
listen: "there:2"
limit: 1.5GiB
wait: 1m30s
floor: 0.00001
names: [a, b]
strict: true
store:
  max_reads: 7
`)
	if err != nil {
		t.Fatal(err)
	}
	r := s.Run
	got := []any{r.Listen, r.Limit, r.Wait, r.Floor, r.Names, r.Strict, r.Store.MaxReads}
	want := []any{"there:2", config.Bytes(3 << 29), 90 * time.Second, 0.00001, []string{"a", "b"}, true, 7}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestYAML_EveryWayToWriteANestedKey_IsTheSame(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"store: {max_reads: 7}", "store: {max-reads: 7}", "store_max_reads: 7", "store-max-reads: '7'"} {
		if s, _, err := parse(t, text); err != nil || s.Run.Store.MaxReads != 7 {
			t.Errorf("%s: %d, %v", text, s.Run.Store.MaxReads, err)
		}
	}
}

func TestYAML_NothingSet_LeavesDefaults(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# nothing\n", "listen:\n", "store:\n", "store:\n  max_reads:\n", "{}"} {
		s, _, err := parse(t, text)
		if err != nil || s.Run.Listen != "here:1" || s.Run.Store.MaxReads != 4 || s.Run.Token != "" {
			t.Errorf("%q: %+v, %v", text, s.Run, err)
		}
	}
}

func TestYAML_BadFiles_SayWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"lisen: x":                            {`unknown key "lisen"; did you mean "listen"?`},
		"store: {max_read: 1}\nstrickt: true": {`unknown key "store-max-read"; did you mean "store-max-reads"?`, `unknown key "strickt"; did you mean "strict"?`},
		"shop:":                               {`unknown key "shop"`},
		"store_max_reads: 1\nstore: {max_reads: 2}": {`key "store-max-reads" is set twice`},
		"listen: x\nlisten: y":                      {"listen"},
		"limit: much":                               {`"much" is not a size such as 64MiB`},
		"limit: -1":                                 {`"-1" is not a size`},
		"store: {max_reads: many}":                  {"store-max-reads"},
		"wait: 10":                                  {"wait"},
		"[1, 2]":                                    {"read YAML"},
		"listen: [":                                 {"read YAML"},
	} {
		_, _, err := parse(t, text)
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %v, want %s", text, err, part)
			}
		}
	}
}

func TestPrecedence_FlagOverVariableOverFileOverDefault(t *testing.T) {
	t.Setenv("CONFIGTEST_LISTEN", "variable")
	t.Setenv("CONFIGTEST_FLOOR", "0.25")
	const file = "listen: file\nfloor: 0.125\nstore: {max_reads: 9}"
	s, _, err := parse(t, file, "--listen=flag")
	if err != nil {
		t.Fatal(err)
	}
	got := []any{s.Run.Listen, s.Run.Floor, s.Run.Store.MaxReads, s.Run.Wait}
	if diff := cmp.Diff([]any{"flag", 0.25, 9, 10 * time.Second}, got); diff != "" {
		t.Error(diff)
	}
}

func TestBytes_Text_ReadsBackAsTheSameSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Bytes{
		"0": 0, "1": 1, "64MiB": 64 << 20, "64 MiB": 64 << 20, "64mib": 64 << 20, "1.5GiB": 3 << 29, "1KB": 1000, "1kib": 1024,
		"1500000": 1_500_000, "2TiB": 2 << 40, "1025": 1025,
	} {
		var b, again config.Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%s is %d, %v; want %d", text, b, err, want)
		}
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("%d is written %s, which is %d, %v", b, b, again, err)
		}
	}
	for text, b := range map[string]config.Bytes{"64MiB": 64 << 20, "1536MiB": 3 << 29, "1500000B": 1_500_000, "0B": 0, "1KiB": 1024} {
		if b.String() != text {
			t.Errorf("%d is written %s, want %s", int64(b), b, text)
		}
	}
	for _, text := range []string{"", "x", "-1", "1XiB", "MiB", "16EiB", "1e3", "0x10"} {
		var b config.Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken as %d", text, b)
		}
	}
}

func TestSettings_AreListedWithTheirChanges_SecretsHidden(t *testing.T) {
	t.Parallel()
	_, untouched, err := parse(t, "")
	if err != nil {
		t.Fatal(err)
	}
	_, k, err := parse(t, "token: hunter2\nlimit: 67108864", "--store-max-reads=5", "--param=b=2;a=1")
	if err != nil {
		t.Fatal(err)
	}
	list := config.Settings(k.Selected().Flags, untouched.Selected().Flags)
	var changed, all []string
	for _, s := range list {
		all = append(all, s.Name+"="+s.Value)
		if s.Changed() {
			changed = append(changed, s.Name+" was "+s.Default)
		}
		if strings.Contains(s.Value+s.Default+s.Declared, "hunter2") {
			t.Errorf("%s shows the secret", s.Name)
		}
		if s.Env != "CONFIGTEST_"+strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_")) {
			t.Errorf("%s is read from %s", s.Name, s.Env)
		}
	}
	if diff := cmp.Diff([]string{"listen=here:1", "token=***", "limit=64MiB", "wait=10s", "floor=0.5", "names=default", "strict=false", "param=a=1;b=2", "store-max-reads=5"}, all); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"token was ", "param was ", "store-max-reads was 4"}, changed); diff != "" {
		t.Error(diff)
	}
}

func FuzzYAML(f *testing.F) {
	for _, seed := range []string{"listen: x", "store: {max_reads: 2}", "a: [1, {b: c}]", "? [1]\n: 2", "&a [*a]", "\x00", "x: !!binary aGk="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		resolver, err := config.YAML(strings.NewReader(text))
		if (err == nil) == (resolver == nil) {
			t.Errorf("%v and %v", resolver, err)
		}
	})
}

func FuzzBytes(f *testing.F) {
	for _, seed := range []string{"64MiB", "1e3", "-1", "9999999999999999999999", "1.5 GB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b, again config.Bytes
		if b.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(b.String())); b < 0 || err != nil || again != b && b < 1<<53 {
			t.Errorf("%q is %d, written %s, read %d, %v", text, b, b, again, err)
		}
	})
}
