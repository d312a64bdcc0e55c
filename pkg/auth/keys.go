package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

var (
	// ErrNoToken says that a request carries no secret, though it needs one.
	ErrNoToken = errors.New("no token was given")
	// ErrWrongToken says that nobody holds the secret that a request carries.
	ErrWrongToken = errors.New("the token is not known")
)

// ScopeError says that a known token may not do what was asked.
type ScopeError struct {
	Name       string
	Has, Needs Scope
	// Database is set when the token is for other databases only.
	Database string
}

// Error is for the token's holder.
func (e *ScopeError) Error() string {
	if e.Database != "" {
		return fmt.Sprintf("Token '%s' is not for database '%s'.", e.Name, e.Database)
	}
	return fmt.Sprintf("Token '%s' has the scope '%s'; this needs '%s'.", e.Name, e.Has, e.Needs)
}

// Keys knows every token. The zero value knows none. It is safe for concurrent use.
type Keys struct {
	configured string
	tokens     atomic.Pointer[[]Token]
}

// NewKeys knows LNT's configured token, unless it is empty, and those of a tokens file.
func NewKeys(configured string, tokens []Token) (*Keys, error) {
	k := &Keys{configured: configured}
	return k, k.Replace(tokens)
}

// Replace puts the tokens of the file in the place of those it had before. Those stay when the error is not nil.
func (k *Keys) Replace(tokens []Token) error {
	next := slices.Clone(tokens)
	if k.configured != "" {
		next = append(next, Token{Name: ConfiguredName, Scope: Admin, Digest: sha256.Sum256([]byte(k.configured))})
	}
	digests := map[[sha256.Size]byte]string{}
	for _, t := range next {
		if other, taken := digests[t.Digest]; taken {
			return fmt.Errorf("tokens %s and %s have the same secret", other, t.Name)
		}
		digests[t.Digest] = t.Name
	}
	k.tokens.Store(&next)
	return nil
}

func (k *Keys) all() []Token {
	if known := k.tokens.Load(); known != nil {
		return *known
	}
	return nil
}

// Tokens are all that are known. Their digests are no secrets, and no business of anybody's either.
func (k *Keys) Tokens() []Token { return slices.Clone(k.all()) }

// Any reports whether there is a token at all.
func (k *Keys) Any() bool { return len(k.all()) > 0 }

// Secret is what a request carries: LNT's AuthToken header, else a Bearer token (RFC 6750). Other kinds of Authorization belong
// to whatever stands in front of the server. header gives a request header by name, or "".
func Secret(header func(name string) string) (secret string, bearer bool) {
	if given := header("AuthToken"); given != "" {
		return given, false
	}
	kind, given, _ := strings.Cut(strings.TrimSpace(header("Authorization")), " ")
	if given = strings.TrimSpace(given); strings.EqualFold(kind, "Bearer") && given != "" {
		return given, true
	}
	return "", false
}

// Identify finds the holder of a secret: [ErrNoToken] for none, [ErrWrongToken] for one that nobody holds.
func (k *Keys) Identify(secret string) (Token, error) {
	if secret == "" {
		return Token{}, ErrNoToken
	}
	sum := sha256.Sum256([]byte(secret))
	found, tokens := -1, k.all()
	for i := range tokens {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], tokens[i].Digest[:]), i, found)
	}
	if found < 0 {
		return Token{}, ErrWrongToken
	}
	return tokens[found], nil
}

// Allow says whether the holder may do in database what needs this scope; a [*ScopeError] says why not.
func (t Token) Allow(needs Scope, database string) error {
	if t.Scope < needs {
		return &ScopeError{Name: t.Name, Has: t.Scope, Needs: needs}
	}
	if len(t.Databases) > 0 && !slices.Contains(t.Databases, database) {
		return &ScopeError{Name: t.Name, Has: t.Scope, Needs: needs, Database: database}
	}
	return nil
}
