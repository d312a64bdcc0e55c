package intake

import (
	"errors"
	"testing"
	"time"

	"tidemark/pkg/event"
	"tidemark/pkg/suite"
)

func library(t *testing.T) suite.Schema {
	t.Helper()
	schema, err := suite.ReadYAML([]byte(librarySchema), suite.YAMLOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestDefine_TheSameKey_IsOneEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 2 {
		if err := b.service.Define(t.Context(), "perf", library(t), "files", "a key"); err != nil {
			t.Fatal(err)
		}
	}
	all := b.log.all()
	if len(all) != 2 || all[0].ID != all[1].ID || all[0].Type != event.SuiteDefined || all[0].Actor != "files" || all[0].Key() != "perf/lib" {
		t.Errorf("events %+v", all)
	}
	less := library(t)
	less.Metrics = less.Metrics[1:]
	err := b.service.Define(t.Context(), "perf", less, "files", "another key")
	if want := "Cannot automatically migrate database: Metrics removed: size"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestDefine_WithoutAProjector_IsUndecided(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config, m *memoryLog) { c.WaitTimeout, m.silent = time.Millisecond, true })
	if err := b.service.Define(t.Context(), "perf", library(t), "files", "k"); !errors.Is(err, ErrUndecided) {
		t.Errorf("got %v", err)
	}
	b.log.set(func(m *memoryLog) { m.fail = errors.New("gone") })
	if err := b.service.Define(t.Context(), "perf", library(t), "files", "k"); err == nil || errors.Is(err, ErrUndecided) {
		t.Errorf("got %v", err)
	}
}
