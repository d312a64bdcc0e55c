package web_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"tidemark/pkg/event"
)

var update = flag.Bool("update", false, "write what is answered into the golden file")

// TestJSON_GoldenRequests_AsWritten asks what the sections of the file are named by.
func TestJSON_GoldenRequests_AsWritten(t *testing.T) {
	t.Parallel()
	const file = "testdata/json.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for i, value := range []float64{10, 12, 11, 20} {
		w.submit("default", "nts", "bench-07", fmt.Sprint(100+i), at.AddDate(0, 0, i),
			test{"name": "group/alpha", "execution_time": []float64{value, value + 0.5, value - 0.25}, "execution_status": []int{0, i % 2, 0}, "hash": "a1"},
			test{"name": "beta", "execution_time": value * 2, "score": []float64{value, value * 2}})
	}
	w.submit("default", "nts", "bench-09", "103", at)
	w.flush()
	w.found("default", "nts", at, event.Finding{
		MachineID: 1, Metric: "execution_time", TestID: 1, OrderID: 4, PreviousOrderID: 3, Direction: "up", Kind: "regression", Before: 11, After: 20,
	})
	w.flush()
	w.decide("default", "nts", event.RegressionOpened, at, regression(t), nil)
	w.flush()
	for i, f := range archive.Files {
		got := data(t, w, f.Name)
		if *update {
			archive.Files[i].Data = got
		} else if !bytes.Equal(got, f.Data) {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", f.Name, got, f.Data)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil { //nolint:gosec // test data is for everyone
			t.Fatal(err)
		}
	}
}

func regression(t *testing.T) []byte {
	t.Helper()
	body, err := event.RegressionOpening{ChangeIDs: []uint32{1}, Title: "Regression of 1 benchmarks: alpha", State: 10}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func data(t *testing.T, w *world, path string) []byte {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	res, err := w.app.Test(req, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%d\n%s\n%s\n\n", res.StatusCode, res.Header.Get("Content-Type"), res.Header.Get("Content-Disposition"))
	if err := json.Indent(&out, bytes.TrimSpace(body), "", " "); err != nil {
		t.Fatalf("%s: %v in %s", path, err, body)
	}
	out.WriteByte('\n')
	return out.Bytes()
}
