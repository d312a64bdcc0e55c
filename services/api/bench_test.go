package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

// BenchmarkRun_Of30000Samples reads one large run, with 200 runs of 1000 samples around it.
func BenchmarkRun_Of30000Samples(b *testing.B) {
	data := testkit.Store(b)
	events := newFeed(data)
	for i := range 200 {
		events.add(b, input{Body: report("m", fmt.Sprint(i), manyTests(1000)...)})
	}
	large := events.add(b, input{Body: report("m", "500", manyTests(30_000)...)})
	for i := range 20 {
		events.add(b, input{Body: report("m", fmt.Sprint(1000+i), manyTests(1000)...)})
	}
	app := newServer(b, data)
	measure(b, app, fmt.Sprintf("/api/db_default/v4/nts/runs/%d", large.RunID), 1_000_000)
}

// measure reports the quickest request too: on a busy machine it says more than the mean.
func measure(b *testing.B, app *fiber.App, path string, least int) {
	quickest := time.Hour
	for b.Loop() {
		began := time.Now()
		res, body := ask(b, app, http.MethodGet, path)
		quickest = min(quickest, time.Since(began))
		if res.StatusCode != http.StatusOK || len(body) < least {
			b.Fatalf("%d, %d bytes", res.StatusCode, len(body))
		}
		b.SetBytes(int64(len(body)))
	}
	b.ReportMetric(float64(quickest.Microseconds())/1000, "quickest-ms")
}

func manyTests(n int) []map[string]any {
	tests := make([]map[string]any, n)
	for i := range tests {
		tests[i] = map[string]any{
			"name":           fmt.Sprintf("SingleSource/Benchmarks/Some/Path/test-%d", i),
			"execution_time": 1 + float64(i)/997, "compile_time": 0.25 + float64(i)/9973, "hash": fmt.Sprintf("%032x", i),
		}
	}
	return tests
}

// BenchmarkMachine_Of20000Runs reads a machine with all its runs.
func BenchmarkMachine_Of20000Runs(b *testing.B) {
	data := testkit.Store(b)
	decider := testkit.NewDecider()
	var rows []store.LedgerRow
	for i := range 20_000 {
		body, err := json.Marshal(map[string]any{
			"format_version": "2", "machine": map[string]any{"name": "m"}, "tests": []any{},
			"run": map[string]any{
				"llvm_project_revision": fmt.Sprint(i), "start_time": "2026-02-03T04:05:06", "ARCH": "x86_64", "cc_name": "clang",
				"cc_version": "clang version 21.0.0 (https://example.org/llvm-project 0123456789abcdef)", "git_sha": fmt.Sprintf("%040x", i),
				"inferred_run_order": fmt.Sprint(i), "no_errors": "True", "OPTFLAGS": "-O3", "bot": "https://ci.example.org/builders/x/builds/7",
			},
		})
		if err != nil {
			b.Fatal(err)
		}
		e := event.Envelope{
			ID: event.IDFromKey("default", "nts", fmt.Sprint(i)), Type: event.RunSubmitted, Version: 1,
			Database: "default", Suite: "nts", ReceivedAt: start, Body: body,
		}
		row, _ := decider.Decide(b, store.LogPosition{Topic: event.TopicEvents, Offset: int64(i)}, start, e)
		rows = append(rows, row)
	}
	if err := data.InsertLedger(b.Context(), rows); err != nil {
		b.Fatal(err)
	}
	app := newServer(b, data)
	measure(b, app, "/api/db_default/v4/nts/machines/m", 5_000_000)
}
