package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"tidemark/pkg/synth"
)

type synthCmd struct {
	Out         string  `arg:"" help:"Folder for the reports, made when missing; the truth goes beside it, into FOLDER.truth.json." type:"path"`
	Seed        uint64  `help:"Same seed, same bytes." default:"1"`
	Machines    int     `help:"Number of machines." default:"3"`
	Tests       int     `help:"Number of tests." default:"40"`
	Orders      int     `help:"Number of orders." default:"120"`
	Samples     int     `help:"Most samples of a test at one order." default:"3"`
	ChangeRate  float64 `help:"Share of series with changes of their own." default:"0.15"`
	MissingRate float64 `help:"Share of runs left out." default:"0.04"`
	FailureRate float64 `help:"Share of tests that fail." default:"0.003"`
	LateRate    float64 `help:"Share of runs that arrive late." default:"0.02"`
	DriftRate   float64 `help:"Share of noisy series that drift." default:"0.1"`
	RampRate    float64 `help:"Share of noisy series with a ramp." default:"0"`
	SpikeRate   float64 `help:"Share of noisy series with single orders far off." default:"0.2"`
	Swaps       int     `help:"Number of machines replaced once." default:"1"`
}

// Run writes one file per report, named in the order of arrival, and the truth
// beside their folder, so that the folder can be submitted as it is.
func (c *synthCmd) Run() error {
	cfg := synth.DefaultConfig()
	cfg.Seed, cfg.Machines, cfg.Tests, cfg.Orders, cfg.Samples = c.Seed, c.Machines, c.Tests, c.Orders, c.Samples
	cfg.ChangeRate, cfg.MissingRate, cfg.FailureRate, cfg.LateRate = c.ChangeRate, c.MissingRate, c.FailureRate, c.LateRate
	cfg.DriftRate, cfg.RampRate, cfg.SpikeRate = c.DriftRate, c.RampRate, c.SpikeRate
	cfg.MachineSwaps = c.Swaps
	g, err := synth.New(cfg)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o750); err != nil {
		return fmt.Errorf("make %s: %w", c.Out, err)
	}
	bar := progress(g.Count(), "writing reports")
	defer bar.Finish() //nolint:errcheck // a progress bar
	n := 0
	for run := range g.Runs() {
		n++
		name := fmt.Sprintf("%06d_%s_%s.json", n, run.Machine, run.Order)
		if err := os.WriteFile(filepath.Join(c.Out, name), run.Body, 0o600); err != nil {
			return err
		}
		_ = bar.Add(1)
	}
	truth, err := json.MarshalIndent(g.Truth(), "", " ")
	if err != nil {
		return err
	}
	beside := filepath.Clean(c.Out) + ".truth.json"
	if err := os.WriteFile(beside, truth, 0o600); err != nil {
		return err
	}
	fmt.Printf("%d reports in %s, the truth in %s (seed %d)\n", n, c.Out, beside, c.Seed)
	return nil
}
