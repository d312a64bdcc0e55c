package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestTokens_MadeForAFile_OpenWhatTheirScopeSays(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	secret := func(name, scope string) string {
		made := run(t, nil, nil, "token", "new", "--name", name, "--scope", scope, "--database", "default", "--file", file)
		made.want(t, 0)
		return strings.TrimSpace(made.stdout)
	}
	bot, boss := secret("bot", "submit"), secret("boss", "manage")
	run(t, nil, nil, "token", "new", "--name", "bot", "--scope", "read", "--file", file).want(t, 1, "taken by another entry")
	run(t, nil, nil, "token", "new", "--name", "x", "--scope", "root").want(t, 2, "root")

	s := start(t, filepath.Join(t.TempDir(), "data"), "--tokens-file", file, "--intake-require-token", "--databases", "default,perf")
	address := s.submitURL()
	for _, c := range []struct {
		headers []string
		code    int
	}{
		{nil, http.StatusUnauthorized},
		{[]string{"AuthToken", "wrong"}, http.StatusUnauthorized},
		{[]string{"Authorization", "Bearer " + bot}, http.StatusOK},
	} {
		if a := mustAsk(t, http.MethodPost, address, reportOf("m", "1"), c.headers...); a.code != c.code {
			t.Errorf("submitting with %v: %d %s", c.headers, a.code, a.text)
		}
	}
	machine := s.url + "/api/db_default/v4/nts/machines/m"
	if a := mustAsk(t, http.MethodDelete, machine, nil, "AuthToken", bot); a.code != http.StatusForbidden || !strings.Contains(a.text, "Token 'bot' has the scope 'submit'; this needs 'manage'.") {
		t.Errorf("a bot deletes a machine: %d %s", a.code, a.text)
	}
	if a := mustAsk(t, http.MethodDelete, strings.Replace(machine, "default", "perf", 1), nil, "AuthToken", boss); a.code != http.StatusForbidden {
		t.Errorf("in another database: %d %s", a.code, a.text)
	}
	if a := mustAsk(t, http.MethodDelete, machine, nil, "AuthToken", boss); a.code != http.StatusOK || a.text != "Deleting runs 1 (1/1)\nDeleted machine m:1\n" {
		t.Errorf("the boss deletes it: %d %s", a.code, a.text)
	}
	// It is gone for everyone who reads from then on, and the receipts say who did it.
	if a := mustAsk(t, http.MethodGet, machine, nil); a.code != http.StatusNotFound {
		t.Errorf("it is still there: %d %s", a.code, a.text)
	}
	var did []string
	for _, row := range s.query(t, "SELECT event_type, actor, status FROM v_receipts ORDER BY offset") {
		did = append(did, strings.Join(row, " "))
	}
	if got, want := strings.Join(did, ", "), "run.submitted bot accepted, machine.deleted boss accepted"; got != want {
		t.Errorf("receipts: %s, want %s", got, want)
	}
	if strings.Contains(s.process.stderr.String(), "tmk_") {
		t.Error("a secret is in the log")
	}
}

func TestTokens_FileChanges_TakesEffectWithoutARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	secret := func(name string) string {
		made := run(t, nil, nil, "token", "new", "--name", name, "--scope", "submit", "--file", file)
		made.want(t, 0)
		return strings.TrimSpace(made.stdout)
	}
	first := secret("first")
	s := start(t, filepath.Join(t.TempDir(), "data"), "--tokens-file", file, "--intake-require-token")
	order := 0
	opens := func(secret string) bool {
		order++
		return mustAsk(t, http.MethodPost, s.submitURL(), reportOf("m", strconv.Itoa(order)), "AuthToken", secret).code == http.StatusOK
	}
	second := secret("second")
	eventually(t, "the second token is known", patience, func() bool { return opens(second) })
	if !opens(first) {
		t.Error("the first is not known any more")
	}
	write(t, file, "- {name: half")
	eventually(t, "the log says that the file is broken", patience, func() bool { return s.process.stderr.has("tokens file not read, the tokens before stay") })
	if !opens(first) || !opens(second) {
		t.Error("a broken file ended tokens")
	}
	write(t, file, "[]\n")
	eventually(t, "taken out, the tokens are not known", patience, func() bool { return !opens(first) && !opens(second) })
}

func TestTokens_BadFile_EndsTheStart(t *testing.T) {
	t.Parallel()
	files := folder(t, map[string][]byte{"tokens.yaml": []byte("- {name: a, scope: root, sha256: x}\n")})
	run(t, nil, nil, "check", "--tokens-file", files+"/tokens.yaml").want(t, 1, "tokens.yaml: token 1 (a): scope \"root\"")
	run(t, nil, nil, "check", "--tokens-file", files+"/none.yaml").want(t, 1, "none.yaml")
	run(t, nil, nil, "check", "--intake-require-token").want(t, 1, "require_token: needs a token")
}

// Without any token nobody could decide about what is found, so the product makes one for whoever owns its data.
func TestUp_WithoutTokens_MakesOneThatItsOwnerMayWriteWith(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, data)
	secret := func() string {
		info, err := os.Stat(filepath.Join(data, "token"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("token file: %v, %v", info, err)
		}
		text, err := os.ReadFile(filepath.Join(data, "token"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	mustAsk(t, http.MethodPost, s.submitURL(), reportOf("m", "1"))
	machine := s.url + "/api/db_default/v4/nts/machines/m"
	if a := mustAsk(t, http.MethodDelete, machine, nil); a.code != http.StatusUnauthorized {
		t.Errorf("without the token: %d %s", a.code, a.text)
	}
	first := secret()
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	s = start(t, data)
	if again := secret(); again != first {
		t.Errorf("another start made another token")
	}
	machine = s.url + "/api/db_default/v4/nts/machines/m"
	if a := mustAsk(t, http.MethodDelete, machine, nil, "AuthToken", first); a.code != http.StatusOK {
		t.Errorf("with the token: %d %s", a.code, a.text)
	}
}
