package detect_test

import (
	"errors"
	"strings"
	"testing"

	"tidemark/pkg/detect"
)

func TestResolve_PresetThenOverrides_LaterOnesWin(t *testing.T) {
	t.Parallel()
	d, err := detect.Resolve("threshold", "budget", map[string]string{"upper": "5", "hold": "2"})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Settings(); got != "hold=2 lower=-1e308 percent=0 upper=5" {
		t.Errorf("got %s", got)
	}
	if d, err = detect.Resolve("threshold", "budget", map[string]string{"percent": "3"}); err != nil || d.Values["percent"] != "3" {
		t.Errorf("an override did not win over the preset: %v, %v", d.Values, err)
	}
}

func TestResolve_WhatCannotBe_IsNamedWithWhatCan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		detector, preset string
		overrides        map[string]string
		kind             error
		want             []string
	}{
		"detector":      {"nobody", "", nil, detect.ErrUnknown, []string{`"nobody"`, "threshold"}},
		"preset":        {"threshold", "none", nil, detect.ErrUnknown, []string{`"none"`, "budget"}},
		"parameter":     {"threshold", "", map[string]string{"uper": "1"}, detect.ErrUnknown, []string{`"uper"`, "upper, lower, percent, hold"}},
		"above range":   {"threshold", "", map[string]string{"hold": "1001"}, detect.ErrInvalid, []string{"hold=1001", "[1, 1000]"}},
		"below range":   {"threshold", "", map[string]string{"percent": "-0.1"}, detect.ErrInvalid, []string{"percent=-0.1", "[0, 1e+06]"}},
		"not a number":  {"threshold", "", map[string]string{"percent": "ten"}, detect.ErrInvalid, []string{"percent=ten", "not a number"}},
		"not whole":     {"threshold", "", map[string]string{"hold": "1.5"}, detect.ErrInvalid, []string{"hold=1.5", "whole"}},
		"empty":         {"threshold", "", map[string]string{"hold": ""}, detect.ErrInvalid, []string{"hold="}},
		"not together":  {"threshold", "", map[string]string{"lower": "2", "upper": "1"}, detect.ErrInvalid, []string{"lower=2", "upper=1"}},
		"several wrong": {"threshold", "", map[string]string{"hold": "0", "percent": "-1"}, detect.ErrInvalid, []string{"hold=0", "percent=-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := detect.Resolve(c.detector, c.preset, c.overrides)
			if !errors.Is(err, c.kind) {
				t.Fatalf("got %v, want a kind of %v", err, c.kind)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in %q", part, err)
				}
			}
		})
	}
}
