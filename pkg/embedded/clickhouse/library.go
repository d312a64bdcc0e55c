package clickhouse

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// packageLock pins the engine's packages; its hash names the cache folder, so a
// new lock never finds an old library. engine/fetch.sh computes the same hash.
//
//go:embed engine/package-lock.json
var packageLock []byte

// LibraryVariable names the environment variable that points at a libchdb on this machine.
const LibraryVariable = "TIDEMARK_LIBCHDB"

// ErrNoLibrary is returned by FindLibrary when there is no engine on this machine.
var ErrNoLibrary = errors.New("the ClickHouse engine (libchdb) is not on this machine: run `make engine`, or set " +
	LibraryVariable + " to a libchdb.so")

// FindLibrary returns the path of libchdb: the one named by TIDEMARK_LIBCHDB, else the
// one `make engine` has put into the cache. It errors with ErrNoLibrary when neither is there.
func FindLibrary() (string, error) {
	if path := os.Getenv(LibraryVariable); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s=%s: %w", LibraryVariable, path, err)
		}
		return path, nil
	}
	cache, err := cacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	path := filepath.Join(cache, "engine", lockHash(), "node_modules", "@chdb", platformPackage(), "libchdb.so")
	switch _, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w (looked for %s)", ErrNoLibrary, path)
	case err != nil:
		return "", fmt.Errorf("find libchdb: %w", err)
	}
	return path, nil
}

// cacheDir is ${TIDEMARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tidemark}.
func cacheDir() (string, error) {
	if dir := os.Getenv("TIDEMARK_CACHE"); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "tidemark"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".cache", "tidemark"), nil
}

func lockHash() string {
	sum := sha256.Sum256(packageLock)
	return hex.EncodeToString(sum[:])[:16]
}

func platformPackage() string {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	if runtime.GOOS == "darwin" {
		return "lib-darwin-" + arch
	}
	return "lib-" + runtime.GOOS + "-" + arch + "-gnu"
}
