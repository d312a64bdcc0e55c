package registry_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
)

// A report with the two smallest profiles, c=1 and c=2.
const profiled = `{"format_version":"2","machine":{"name":"m"},"run":{"llvm_project_revision":"1"},"tests":[
	{"name":"other","score":1},
	{"name":"a","score":[1,2]},
	{"name":"a.test:x","score":3,"profile":"AgAEBAMHAwoACgAKAAoACgoBcmF3CgFjCgEAAgA="},
	{"name":"a","profile":"AgAEBAMHAwoACgAKAAoACgoBcmF3CgFjCgEAAQA="},
	{"name":"nobody","profile":"AgAEBAMHAwoACgAKAAoACgoBcmF3CgFjCgEAAQA="}]}`

// TestSubmit_Profiles_AreKeptByRow says which rows have a profile; one that no test wants is counted, not refused.
func TestSubmit_Profiles_AreKeptByRow(t *testing.T) {
	t.Parallel()
	d := setup(t).decide(event.Envelope{
		Type: event.RunSubmitted, Version: 1, Database: "default", Suite: "nts", ContentType: "application/json",
		ReceivedAt: time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC), Body: []byte(profiled),
	})
	if d.Status != event.Accepted {
		t.Fatalf("%s: %s", d.Status, d.Error)
	}
	want := registry.Profiles{Row: []uint32{3, 1, 2}, TestID: []uint32{3, 2, 2}, Counters: []string{"c=2", "c=1", "c=1"}, Unmatched: 1}
	if diff := cmp.Diff(d.Rows.Run.Profiles, want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}
