package notifier

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Key is the notifier's own secret. Those of subscriptions are derived from it and never stored.
type Key [32]byte

// String keeps the key out of logs.
func (Key) String() string { return "***" }

// OwnKey is the notifier's key as the settings have it. Where it is in a file that is not there, it is made or missed.
func (c Config) OwnKey(create bool) (Key, error) {
	switch {
	case c.Key != "":
		return sha256.Sum256([]byte(c.Key)), nil
	case create:
		return LoadKey(c.KeyFile)
	default:
		return ReadKey(c.KeyFile)
	}
}

// LoadKey reads the key of a file and makes both when there is none. Only its owner may read the file.
func LoadKey(path string) (Key, error) {
	key, err := ReadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Key{}, fmt.Errorf("make the folder of the notifier's key: %w", err)
	}
	_, _ = rand.Read(key[:]) // never fails
	if err := writeOnce(path, []byte(hex.EncodeToString(key[:])+"\n")); err != nil && !errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("write the notifier's key: %w", err)
	}
	return ReadKey(path) // another notifier may have been faster
}

// writeOnce makes a file whole or not at all, and never over one that is there.
func writeOnce(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // linked to its name by then
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

// ReadKey reads the key of a file that is there.
func ReadKey(path string) (Key, error) {
	var key Key
	text, err := os.ReadFile(path)
	if err != nil {
		return key, fmt.Errorf("read the notifier's key: %w", err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != len(key) {
		return key, fmt.Errorf("read the notifier's key: %s does not hold %d bytes as hexadecimal digits", path, len(key))
	}
	copy(key[:], raw)
	return key, nil
}

// For is the secret of one subscription, as its receiver keeps it.
func (k Key) For(subscription uuid.UUID) string {
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte("tidemark subscription " + subscription.String()))
	return hex.EncodeToString(mac.Sum(nil))
}

// Sign is the value of the header Tidemark-Signature: over the time in whole seconds, a dot and the body, with the text of the
// subscription's secret as key.
func Sign(secret string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.", at.Unix())
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}
