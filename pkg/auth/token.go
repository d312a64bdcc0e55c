package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Token is one entry of a tokens file: who holds it, what it may do and where, and the SHA-256 of its secret.
type Token struct {
	Name  string
	Scope Scope
	// Databases are the only ones it is good for; none means all.
	Databases []string
	Digest    [sha256.Size]byte
}

// ConfiguredName is the name of LNT's one token, in events and logs.
const ConfiguredName = "token"

// secretPrefix tells people, and programs that look for leaked secrets, what they found.
const secretPrefix = "tmk_"

// secretBytes is how much of a secret is random.
const secretBytes = 32

var (
	tokenName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)
	databaseName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)
)

// Issue makes a token with a new secret, which nobody can tell again; random is crypto/rand when nil.
func Issue(name string, scope Scope, databases []string, random io.Reader) (t Token, secret string, err error) {
	if random == nil {
		random = rand.Reader
	}
	raw := make([]byte, secretBytes)
	if _, err := io.ReadFull(random, raw); err != nil {
		return Token{}, "", fmt.Errorf("make a secret: %w", err)
	}
	secret = secretPrefix + base64.RawURLEncoding.EncodeToString(raw)
	t = Token{Name: name, Scope: scope, Databases: databases, Digest: sha256.Sum256([]byte(secret))}
	if err := t.Validate(); err != nil {
		return Token{}, "", err
	}
	return t, secret, nil
}

// Validate reports everything that is wrong, joined.
func (t Token) Validate() error {
	var problems []error
	switch {
	case !tokenName.MatchString(t.Name):
		problems = append(problems, fmt.Errorf("name: %q is not 1 to 64 letters, digits and ._@-", t.Name))
	case t.Name == ConfiguredName:
		problems = append(problems, fmt.Errorf("name: %q is that of the token given with --auth-token", t.Name))
	}
	if t.Scope < Read || t.Scope > Admin {
		problems = append(problems, errors.New("scope: is needed: read, submit, triage, manage or admin"))
	}
	for _, name := range t.Databases {
		if !databaseName.MatchString(name) {
			problems = append(problems, fmt.Errorf("databases: %q is not the name of a database", name))
		}
	}
	if t.Digest == ([sha256.Size]byte{}) {
		problems = append(problems, errors.New("sha256: is needed"))
	}
	return errors.Join(problems...)
}

// YAML is the token as an entry of a tokens file.
func (t Token) YAML() string {
	var b strings.Builder
	fmt.Fprintf(&b, "- name: %s\n  scope: %s\n", quoted(t.Name), t.Scope)
	if len(t.Databases) > 0 {
		b.WriteString("  databases: [")
		for i, name := range t.Databases {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quoted(name))
		}
		b.WriteString("]\n")
	}
	fmt.Fprintf(&b, "  sha256: %s\n", quoted(hex.EncodeToString(t.Digest[:])))
	return b.String()
}

// quoted keeps names of digits, or such as "null", texts. Names hold nothing that would need an escape.
func quoted(s string) string { return `"` + s + `"` }
