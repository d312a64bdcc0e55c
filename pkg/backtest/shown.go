package backtest

import (
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"
)

// Shown is a backtest as clients see it.
type Shown struct {
	ID       uuid.UUID         `json:"id"`
	State    State             `json:"state" enum:"queued,running,done,failed,cancelled"`
	AskedAt  time.Time         `json:"asked_at"`
	Actor    string            `json:"actor"`
	Detector string            `json:"detector"`
	Version  int               `json:"version" doc:"of the detector"`
	Preset   string            `json:"preset"`
	Params   map[string]string `json:"params" doc:"the values of all parameters"`
	Since    string            `json:"since"`
	Until    string            `json:"until"`
	Machine  string            `json:"machine"`
	Test     string            `json:"test"`
	Metric   string            `json:"metric"`
	Margin   int               `json:"margin" doc:"orders of its machine that a finding may lie from one that stands to be the same change"`
	Note     string            `json:"note"`
	DataSeq  uint64            `json:"data_seq" doc:"the position of the data it looks at"`

	StartedAt       *time.Time `json:"started_at"`
	FinishedAt      *time.Time `json:"finished_at"`
	Attempt         uint32     `json:"attempt"`
	SeriesDone      uint64     `json:"series_done"`
	SeriesAll       uint64     `json:"series_all"`
	Seconds         float64    `json:"seconds"`
	SeriesPerSecond float64    `json:"series_per_second"`
	MemoryBytes     uint64     `json:"memory_bytes" doc:"the most that the database used meanwhile, whatever for"`
	Error           string     `json:"error"`
	Report          *Report    `json:"report"`
}

// Shown is the backtest as of now.
func (b Backtest) Shown(now time.Time) Shown {
	instant := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	all := func(pattern string) string { return lo.CoalesceOrEmpty(pattern, "*") }
	s := Shown{
		ID: b.ID, State: b.State, AskedAt: b.AskedAt, Actor: b.Asked.Actor, Detector: b.Asked.Detector, Version: b.Asked.Version,
		Preset: b.Asked.Preset, Params: b.Asked.Values, Since: b.Asked.Since, Until: b.Asked.Until, Machine: all(b.Asked.Machine),
		Test: all(b.Asked.Test), Metric: all(b.Asked.Metric), Margin: b.Asked.margin(), Note: b.Asked.Note, DataSeq: b.Asked.DataSeq,
		StartedAt: instant(b.Progress.StartedAt), FinishedAt: instant(b.Progress.FinishedAt), Attempt: b.Progress.Attempt,
		SeriesDone: b.Progress.SeriesDone, SeriesAll: b.Progress.SeriesAll, Seconds: b.Seconds(now), MemoryBytes: b.Progress.MemoryBytes,
		Error: b.Progress.Error, Report: b.Progress.Report,
	}
	if s.Seconds > 0 {
		s.SeriesPerSecond = float64(s.SeriesDone) / s.Seconds
	}
	return s
}
