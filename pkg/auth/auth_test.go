package auth

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func issue(t *testing.T, name string, scope Scope, databases ...string) (Token, string) {
	t.Helper()
	token, secret, err := Issue(name, scope, databases, nil)
	if err != nil {
		t.Fatal(err)
	}
	return token, secret
}

func keysOf(t *testing.T, configured string, tokens ...Token) *Keys {
	t.Helper()
	k, err := NewKeys(configured, tokens)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeys_EachSecret_IsItsHolders(t *testing.T) {
	t.Parallel()
	ci, ciSecret := issue(t, "ci", Submit)
	ops, opsSecret := issue(t, "ops", Admin, "default")
	keys := keysOf(t, "lnt", ci, ops)
	for secret, want := range map[string]string{ciSecret: "ci", opsSecret: "ops", "lnt": ConfiguredName} {
		got, err := keys.Identify(secret)
		if err != nil || got.Name != want {
			t.Errorf("%q: got %q, %v, want %q", secret, got.Name, err, want)
		}
	}
	for secret, want := range map[string]error{
		"": ErrNoToken, "lnt2": ErrWrongToken, "LNT": ErrWrongToken, ciSecret + "x": ErrWrongToken, ciSecret[:len(ciSecret)-1]: ErrWrongToken,
		// What the file holds is not what opens.
		hex.EncodeToString(ci.Digest[:]): ErrWrongToken,
	} {
		if _, err := keys.Identify(secret); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", secret, err, want)
		}
	}
}

func TestKeys_WithoutTokens_KnowNobody(t *testing.T) {
	t.Parallel()
	keys := keysOf(t, "")
	if keys.Any() {
		t.Error("keys without tokens have one")
	}
	if _, err := keys.Identify(""); !errors.Is(err, ErrNoToken) {
		t.Errorf("empty secret: %v", err)
	}
	if _, err := keys.Identify("x"); !errors.Is(err, ErrWrongToken) {
		t.Errorf("any secret: %v", err)
	}
}

func TestKeys_TheSameSecretTwice_IsRefused(t *testing.T) {
	t.Parallel()
	ci, secret := issue(t, "ci", Submit)
	if _, err := NewKeys(secret, []Token{ci}); err == nil || !strings.Contains(err.Error(), "ci and token") {
		t.Errorf("got %v", err)
	}
}

func TestAllow_EveryScope_ContainsThoseBelow(t *testing.T) {
	t.Parallel()
	for has := Read; has <= Admin; has++ {
		for needs := Read; needs <= Admin; needs++ {
			err := Token{Name: "x", Scope: has}.Allow(needs, "default")
			if (err == nil) != (has >= needs) {
				t.Errorf("%s for %s: %v", has, needs, err)
			}
		}
	}
}

func TestAllow_AnotherDatabase_IsRefusedByName(t *testing.T) {
	t.Parallel()
	token := Token{Name: "ci", Scope: Admin, Databases: []string{"perf", "other"}}
	if err := token.Allow(Submit, "perf"); err != nil {
		t.Errorf("its own database: %v", err)
	}
	err := token.Allow(Submit, "default")
	if want := "Token 'ci' is not for database 'default'."; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	err = Token{Name: "ci", Scope: Read}.Allow(Manage, "default")
	if want := "Token 'ci' has the scope 'read'; this needs 'manage'."; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSecret_HeadersOfARequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		authToken, authorization, secret string
		bearer                           bool
	}{
		{"", "", "", false},
		{"a", "", "a", false},
		{"", "Bearer b", "b", true},
		{"", "bearer  b ", "b", true},
		{"a", "Bearer b", "a", false},
		{"", "Basic dXNlcjpwdw==", "", false},
		{"", "Bearer", "", false},
		{"", "Bearerb", "", false},
	} {
		secret, bearer := Secret(func(name string) string {
			return map[string]string{"AuthToken": c.authToken, "Authorization": c.authorization}[name]
		})
		if secret != c.secret || bearer != c.bearer {
			t.Errorf("%q, %q: got %q, %v", c.authToken, c.authorization, secret, bearer)
		}
	}
}

func TestIssue_NewSecrets_DifferAndAreNotKept(t *testing.T) {
	t.Parallel()
	one, first := issue(t, "a", Submit)
	_, second := issue(t, "a", Submit)
	if first == second || !strings.HasPrefix(first, "tmk_") || len(first) < 40 {
		t.Errorf("secrets %q and %q", first, second)
	}
	if strings.Contains(one.YAML(), first) || one.Digest != sha256.Sum256([]byte(first)) {
		t.Error("the entry holds the secret, or not its digest")
	}
	if _, _, err := Issue("a", Submit, nil, bytes.NewReader(nil)); err == nil {
		t.Error("a secret without randomness was issued")
	}
}

func TestFile_WhatIsAdded_IsLoaded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	ci, _ := issue(t, "ci", Submit, "default", "perf-2")
	ops, _ := issue(t, "ops@example.org", Admin)
	digits, _ := issue(t, "007", Read, "12")
	for _, token := range []Token{ci, ops, digits} {
		if err := Add(path, token); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Token{ci, ops, digits}, got); diff != "" {
		t.Errorf("want, got: %s", diff)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := Add(path, ci); err == nil || !strings.Contains(err.Error(), "taken by another entry") {
		t.Errorf("adding a name twice: %v", err)
	}
	if again, err := Load(path); err != nil || len(again) != 3 {
		t.Errorf("a refused entry changed the file: %d, %v", len(again), err)
	}
}

func TestParse_BadFiles_AreRefusedByEntry(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("ab", 32)
	entry := func(name, scope, digest string) string {
		return fmt.Sprintf("- {name: %s, scope: %s, sha256: \"%s\"}\n", name, scope, digest)
	}
	for name, c := range map[string]struct{ text, want string }{
		"not YAML":          {"- [", "read YAML"},
		"an object":         {"name: x", "read YAML"},
		"unknown key":       {"- {name: a, scope: read, sha256: \"" + sum + "\", note: x}", "note"},
		"the secret itself": {"- {name: a, scope: read, secret: x}", "secret"},
		"no scope":          {"- {name: a, sha256: \"" + sum + "\"}", "token 1 (a): scope"},
		"unknown scope":     {entry("a", "root", sum), `scope "root"`},
		"short digest":      {entry("a", "read", sum[2:]), "64 hexadecimal"},
		"digest of zeros":   {entry("a", "read", strings.Repeat("0", 64)), "sha256: is needed"},
		"no name":           {entry(`""`, "read", sum), "token 1 (): name"},
		"reserved name":     {entry("token", "read", sum), "--auth-token"},
		"name twice":        {entry("a", "read", sum) + entry("a", "read", strings.Repeat("cd", 32)), "token 2 (a): name"},
		"digest twice":      {entry("a", "read", sum) + entry("b", "read", sum), "token 2 (b): sha256"},
		"bad database":      {"- {name: a, scope: read, databases: [\"a/b\"], sha256: \"" + sum + "\"}", `"a/b"`},
		"too large":         {strings.Repeat("#", MaxFile+1), "more than"},
	} {
		tokens, err := Parse([]byte(c.text))
		if err == nil || tokens != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v, want an error with %q", name, tokens, err, c.want)
		}
	}
	if tokens, err := Parse([]byte("# nobody yet\n")); err != nil || len(tokens) != 0 {
		t.Errorf("an empty file: %v, %v", tokens, err)
	}
}

func TestLoad_MissingFile_IsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none.yaml")
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestKeys_Replaced_OldOnesAreUnknownAndTheConfiguredStays(t *testing.T) {
	t.Parallel()
	old, oldSecret := issue(t, "old", Submit)
	next, nextSecret := issue(t, "new", Submit)
	keys := keysOf(t, "lnt", old)
	if err := keys.Replace([]Token{next}); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Identify(oldSecret); !errors.Is(err, ErrWrongToken) {
		t.Errorf("the old one: %v", err)
	}
	for secret, want := range map[string]string{nextSecret: "new", "lnt": ConfiguredName} {
		if who, err := keys.Identify(secret); err != nil || who.Name != want {
			t.Errorf("%q, %v, want %s", who.Name, err, want)
		}
	}
	taken := Token{Name: "copy", Scope: Read, Digest: sha256.Sum256([]byte("lnt"))}
	if err := keys.Replace([]Token{taken}); err == nil {
		t.Error("the configured token's secret was taken a second time")
	}
	if who, err := keys.Identify(nextSecret); err != nil || who.Name != "new" {
		t.Errorf("after a refused replacement: %q, %v", who.Name, err)
	}
}

func TestFollower_FileChanges_TellsOnceAndOnlyWhatCanBeRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	f, refused := Follow(path), false
	next := func(what string, changed bool, count int, wrong string) {
		t.Helper()
		var tokens []Token
		is, err := f.Next(func(given []Token) error {
			if refused {
				return errors.New("not these")
			}
			tokens = given
			return nil
		})
		if is != changed || len(tokens) != count || (err != nil) != (wrong != "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %d tokens, changed %v, %v; want %d, %v, %q", what, len(tokens), is, err, count, changed, wrong)
		}
	}
	next("no file", false, 0, "tokens.yaml")
	a, _ := issue(t, "a", Submit)
	if err := Add(path, a); err != nil {
		t.Fatal(err)
	}
	next("the first time", true, 1, "")
	next("again", false, 0, "")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write([]byte("- {name: b"))
	next("half written", false, 0, "read YAML")
	write(good)
	next("as it was", false, 0, "")
	write(nil)
	refused = true
	next("empty, but not taken", false, 0, "tokens.yaml: not these")
	refused = false
	next("empty", true, 0, "")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	next("gone", false, 0, "tokens.yaml")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("- {name: a, scope: read, sha256: \"" + strings.Repeat("ab", 32) + "\"}"))
	f.Add([]byte("- name: a\n  scope: submit\n  databases: [x]\n  sha256: \"" + strings.Repeat("0a", 32) + "\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tokens, err := Parse(data)
		if err != nil {
			return
		}
		var text strings.Builder
		for _, token := range tokens {
			if err := token.Validate(); err != nil {
				t.Fatalf("accepted an invalid token: %v", err)
			}
			text.WriteString(token.YAML())
		}
		again, err := Parse([]byte(text.String()))
		if err != nil || cmp.Diff(tokens, again) != "" && len(tokens) > 0 {
			t.Fatalf("what was read cannot be written and read again: %v\n%s", err, cmp.Diff(tokens, again))
		}
	})
}
