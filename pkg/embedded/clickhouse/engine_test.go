package clickhouse_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tidemark/pkg/embedded/clickhouse"
)

func TestConfig_Validate_NamesEveryProblem(t *testing.T) {
	t.Parallel()
	err := clickhouse.Config{MaxConnections: -1, MemoryLimit: -1}.Validate()
	for _, want := range []string{"path", "max_connections", "memory_limit"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestEngine_Signals_StayWithGo(t *testing.T) {
	t.Parallel()
	func() {
		defer func() {
			var fault runtime.Error
			if err, ok := recover().(error); !ok || !errors.As(err, &fault) {
				t.Errorf("a nil pointer gave %v", err)
			}
		}()
		var nothing *struct{ field int }
		_ = nothing.field
	}()
	// Pre-emption: a loop without calls must not keep the collector waiting for ever.
	stop := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	runtime.GC()
	close(stop)
}

func TestEngine_NotOpen_DialSaysSo(t *testing.T) {
	t.Parallel()
	cfg := clickhouse.DefaultConfig()
	cfg.Path = t.TempDir()
	closed, err := clickhouse.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := closed.Dial(t.Context(), "", ""); !errors.Is(err, clickhouse.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := closed.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "this process has one open") {
		t.Errorf("a second engine: %v", err)
	}
	if err := closed.Close(); err != nil {
		t.Errorf("close of a closed engine: %v", err)
	}
}

func TestEngine_AfterKill_DataIsThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, want := range []string{"0", "3", "6"} {
		if got := insertAndDie(t, dir); got != want {
			t.Errorf("found %s rows, want %s", got, want)
		}
	}
}

func TestFindLibrary_Variable_ComesFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libchdb.so")
	t.Setenv(clickhouse.LibraryVariable, path)
	if _, err := clickhouse.FindLibrary(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := clickhouse.FindLibrary(); got != path || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	if out, err := exec.Command("engine/fetch.sh").Output(); string(out) != path+"\n" || err != nil {
		t.Errorf("fetch.sh: %q %v", out, err)
	}
}

func TestFindLibrary_NothingThere_SaysWhatToDo(t *testing.T) {
	t.Setenv(clickhouse.LibraryVariable, "")
	t.Setenv("TIDEMARK_CACHE", t.TempDir())
	_, err := clickhouse.FindLibrary()
	if !errors.Is(err, clickhouse.ErrNoLibrary) || !strings.Contains(err.Error(), "make engine") {
		t.Errorf("got %v", err)
	}
}

func TestFetchScript_WithoutNPM_SaysWhatToDo(t *testing.T) {
	tools := t.TempDir()
	for _, name := range []string{"sh", "dirname", "sha256sum", "shasum", "cut", "uname", "cat"} {
		if path, err := exec.LookPath(name); err == nil {
			if err := os.Symlink(path, filepath.Join(tools, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	command := exec.Command("engine/fetch.sh")
	command.Env = []string{"PATH=" + tools, "TIDEMARK_CACHE=" + t.TempDir()}
	var said strings.Builder
	command.Stderr = &said
	out, err := command.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || len(out) != 0 || !strings.Contains(said.String(), "TIDEMARK_LIBCHDB") || !strings.Contains(said.String(), "npm") {
		t.Errorf("exit %v, out %q, said %q", err, out, said.String())
	}
}

// The script and FindLibrary have to mean the same folder.
func TestFetchScript_Cached_NamesWhatFindLibraryFinds(t *testing.T) {
	t.Parallel()
	want, err := clickhouse.FindLibrary()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("engine/fetch.sh").Output(); string(out) != want+"\n" || err != nil {
		t.Errorf("got %q, %v; want %s", out, err, want)
	}
}
