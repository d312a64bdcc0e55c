package main

import (
	"reflect"
	"testing"
	"time"

	"tidemark/pkg/client"
)

func TestSubmit_EveryFlag_ReachesTheClient(t *testing.T) {
	t.Parallel()
	var c cli
	parser, err := newParser(&c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse([]string{
		"submit", "--url", "https://host/perf", "--database", "d", "--suite", "s", "--token", "t", "--merge", "append", "--select-machine", "split",
		"--ignore-regressions", "--async", "--wait", "-j", "4", "--retry-for", "3s", "-n", "-q", "--json", "a.json", "-", "folder",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := client.DefaultOptions()
	want.URL, want.Database, want.Suite, want.Token = "https://host/perf", "d", "s", "t"
	want.Merge, want.SelectMachine, want.IgnoreRegressions = "append", "split", true
	want.Async, want.Wait, want.Concurrency, want.RetryFor = true, true, 4, 3*time.Second
	want.DryRun, want.Quiet, want.JSON = true, true, true
	if got := c.Submit.options(); !reflect.DeepEqual(got, want) {
		t.Errorf("options\n%+v, want\n%+v", got, want)
	}
	if got := c.Submit.Files; !reflect.DeepEqual(got, []string{"a.json", "-", "folder"}) {
		t.Errorf("files %q", got)
	}
}

func TestSubmit_NoFlags_DoesAsLNTsClientDoes(t *testing.T) {
	t.Parallel()
	var c cli
	parser, err := newParser(&c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"submit", "a.json"}); err != nil {
		t.Fatal(err)
	}
	want := client.DefaultOptions()
	want.URL = "http://127.0.0.1:8080"
	if got := c.Submit.options(); !reflect.DeepEqual(got, want) {
		t.Errorf("options\n%+v, want\n%+v", got, want)
	}
}
