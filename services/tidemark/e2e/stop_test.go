package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStart_FolderInUse_RefusesAndNamesIt(t *testing.T) {
	t.Parallel()
	s := shared(t)
	got := run(t, nil, nil, "up", "--data", s.data, "--listen", "127.0.0.1:0", "--sql-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	got.want(t, 1, s.data, "is in use by another tidemark")
	s.submit(t, reportOf("m", "1")) // the first is none the worse for it
}

func TestStart_PortInUse_SaysWhichAndWritesNothing(t *testing.T) {
	t.Parallel()
	s := shared(t)
	for flag, what := range map[string][2]string{
		"--listen": {"http: ", s.url}, "--sql-listen": {"sql: ", s.sql}, "--admin-listen": {"admin: ", s.admin},
	} {
		data := filepath.Join(t.TempDir(), "data")
		address := strings.TrimPrefix(what[1], "http://")
		environment := []string{"TIDEMARK_LISTEN=127.0.0.1:0", "TIDEMARK_SQL_LISTEN=127.0.0.1:0", "TIDEMARK_ADMIN_LISTEN=127.0.0.1:0"}
		got := run(t, nil, environment, "up", "--data", data, flag, address)
		got.want(t, 1, what[0]+"listen tcp "+address, "address already in use")
		if _, err := os.Stat(data); !os.IsNotExist(err) {
			t.Errorf("%s: the data folder was made: %v", flag, err)
		}
	}
}

func TestStop_SIGTERM_AnswersWhatIsUnderWayAndExitsWith0(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	report := reportOf("m", "1")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "POST /db_default/v4/nts/submitRun HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(report))
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("%q %v", line, err)
	}
	if _, err := in.ReadString('\n'); err != nil { // the empty line after it
		t.Fatal(err)
	}
	if _, err := conn.Write(report[:20]); err != nil {
		t.Fatal(err)
	}
	if err := s.terminate(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no new connections", time.Minute, func() bool {
		other, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			return true
		}
		_ = other.Close()
		return false
	})
	if _, err := conn.Write(report[20:]); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("the submission under way was not answered: %v", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the submission under way: %s", res.Status)
	}
	asked := time.Now()
	if err := s.wait(); err != nil {
		t.Fatal(err)
	}
	// 20s is the default of --grace.
	if took := time.Since(asked); took > 20*time.Second {
		t.Errorf("took %s to stop", took)
	}
	again := start(t, s.data)
	if n := again.runs(t); n != "1" {
		t.Errorf("%s runs after the restart, want 1", n)
	}
}
