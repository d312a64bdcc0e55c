package clickhouse_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"tidemark/pkg/embedded/clickhouse"
)

// childVariable makes the test binary open an engine on the folder it names and tell how it went.
const childVariable = "TIDEMARK_TEST_ENGINE_CHILD"

// diesVariable makes the child count the rows of a table, add three, and kill itself.
const diesVariable = "TIDEMARK_TEST_ENGINE_DIES"

func dies(engine *clickhouse.Engine) int {
	client := &http.Client{Transport: &http.Transport{DialContext: engine.Dial}}
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS t (a UInt32) ENGINE = MergeTree ORDER BY a",
		"SELECT count() FROM t",
		"INSERT INTO t VALUES (1), (2), (3)",
	} {
		response, err := client.Post("http://embedded/", "", strings.NewReader(statement))
		if err != nil {
			return 1
		}
		_, _ = io.Copy(os.Stdout, response.Body)
		_ = response.Body.Close()
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	return 1
}

// insertAndDie runs a child that dies on dir and returns the rows it found.
func insertAndDie(t *testing.T, dir string) string {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childVariable+"="+dir, diesVariable+"=1")
	out, _ := command.Output()
	if status, ok := command.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("the child was to kill itself: %v %s", command.ProcessState, out)
	}
	return strings.TrimSpace(string(out))
}

// child is what the test binary does when childVariable is set.
func child(dir string) int {
	cfg := clickhouse.DefaultConfig()
	cfg.Path = dir
	engine, err := clickhouse.New(cfg)
	if err == nil {
		err = engine.Open(context.Background())
	}
	if err != nil {
		_, _ = os.Stdout.WriteString(err.Error() + "\n")
		return 1
	}
	if os.Getenv(diesVariable) != "" {
		return dies(engine)
	}
	_, _ = os.Stdout.WriteString("open\n")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	if err := engine.Close(); err != nil {
		return 1
	}
	return 0
}

// holdFolder opens an engine on dir in another process until the returned func is called.
func holdFolder(t *testing.T, dir string) (release func()) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childVariable+"="+dir)
	stdin, _ := command.StdinPipe()
	stdout, _ := command.StdoutPipe()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	if line != "open\n" {
		t.Fatalf("the other process: %s", line)
	}
	return func() {
		_ = stdin.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("the other process: %v", err)
		}
	}
}

// openElsewhere tries to open dir in yet another process and returns what it said.
func openElsewhere(dir string) error {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childVariable+"="+dir)
	out, err := command.Output()
	if err != nil {
		return errors.New(strings.TrimSpace(string(out)))
	}
	return nil
}
