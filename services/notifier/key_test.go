package notifier_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"tidemark/services/notifier"
)

func TestKey_FirstStart_MakesOneThatOnlyItsOwnerReads(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "notifier.key")
	keys := make([]notifier.Key, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := notifier.LoadKey(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	for _, key := range keys {
		if key != keys[0] || key == (notifier.Key{}) {
			t.Fatal("two notifiers that start at once have different keys")
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "mode", info.Mode().Perm(), 0o600)
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the key there is %v: %v", left, err)
	}
}

func TestKey_DamagedFile_IsAnErrorAndStays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notifier.key")
	if err := os.WriteFile(path, []byte("0011"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := notifier.LoadKey(path); err == nil {
		t.Error("four digits were taken for a key")
	}
	if text, _ := os.ReadFile(path); string(text) != "0011" {
		t.Errorf("the file now holds %q", text)
	}
}

// The figures were made with openssl, as docs/notifications.md does it.
func TestSign_KnownMessage_HasItsSignature(t *testing.T) {
	t.Parallel()
	want(t, "signature", notifier.Sign("6b6579", time.Unix(1770120000, 0), []byte(`{"version":1}`)),
		"v1=6184efd06e6e3fca2160fc779aac3eb80ac04a2c0ec515357066a514ac56b3bd")
	key := notifier.Key{1}
	if key.For(uuid.UUID{1}) == key.For(uuid.UUID{2}) || key.String() != "***" {
		t.Error("subscriptions share a secret, or a key shows itself")
	}
}
