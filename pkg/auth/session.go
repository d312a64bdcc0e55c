package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// ErrSessionEnded says that a cookie is no session of this server, or no longer.
var ErrSessionEnded = errors.New("the session has ended")

// maxSecret bounds a secret that is kept in a cookie, in bytes.
const maxSecret = 1024

// Sealer makes sessions: the secret that somebody signed in with and the end of the session, encrypted and authenticated (AES-256-GCM)
// with a key that only the server has. Nothing is kept on the server, so every process with the same key knows every session, and a
// token that is taken away ends its sessions at once.
type Sealer struct {
	seal cipher.AEAD
	csrf []byte
}

// NewSealer derives its keys from key; none makes one that no other process has, and sessions end with this process.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) == 0 {
		key = make([]byte, sha256.Size)
		_, _ = rand.Read(key) // never fails
	}
	if len(key) < 16 {
		return nil, fmt.Errorf("session key: %d bytes are less than 16", len(key))
	}
	block, err := aes.NewCipher(derived(key, "tidemark session seal"))
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Sealer{seal: seal, csrf: derived(key, "tidemark session csrf")}, nil
}

func derived(key []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// Seal is the text of a session that ends at a time.
func (s *Sealer) Seal(secret string, until time.Time) (string, error) {
	if secret == "" || len(secret) > maxSecret {
		return "", fmt.Errorf("a secret of %d bytes is not kept", len(secret))
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(until.Unix())) //nolint:gosec // the same bits come back
	nonce := make([]byte, s.seal.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return base64.RawURLEncoding.EncodeToString(s.seal.Seal(nonce, nonce, append(plain, secret...), nil)), nil
}

// Open gives the secret of a session: [ErrSessionEnded] for what this key has not sealed, and for what has ended.
func (s *Sealer) Open(session string, now time.Time) (secret string, err error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(session)
	if err != nil || len(sealed) < s.seal.NonceSize() {
		return "", ErrSessionEnded
	}
	plain, err := s.seal.Open(nil, sealed[:s.seal.NonceSize()], sealed[s.seal.NonceSize():], nil)
	if err != nil || len(plain) < 8 {
		return "", ErrSessionEnded
	}
	if until := int64(binary.BigEndian.Uint64(plain)); now.Unix() >= until { //nolint:gosec // as it was sealed
		return "", ErrSessionEnded
	}
	return string(plain[8:]), nil
}

// CSRF is what a page of this session has to send along with a write: another site can make the browser send the cookie, but can
// read neither that nor this.
func (s *Sealer) CSRF(session string) string {
	mac := hmac.New(sha256.New, s.csrf)
	mac.Write([]byte(session))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Matches compares what a page sent with [Sealer.CSRF], in the same time whatever it is.
func (s *Sealer) Matches(session, sent string) bool {
	return subtle.ConstantTimeCompare([]byte(s.CSRF(session)), []byte(sent)) == 1
}
