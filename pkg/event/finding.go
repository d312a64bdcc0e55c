package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/google/uuid"
)

// Direction says where the values went.
type Direction string

// Kind says whether that is good.
type Kind string

// The directions and kinds.
const (
	Up   Direction = "up"
	Down Direction = "down"

	Regression  Kind = "regression"
	Improvement Kind = "improvement"
)

// MaxFindings is the largest number of findings in one event.
const MaxFindings = 100_000

// Changes is the body of [ChangeFound], version 1, as JSON.
type Changes struct {
	// Detector and Version name the query that found them, Params its parameters, so that it can be run again.
	Detector string          `json:"detector"`
	Version  uint16          `json:"version"`
	Params   json.RawMessage `json:"params,omitempty"`
	// DataSeq is the position in the suite up to which the detector had seen data.
	DataSeq  uint64    `json:"data_seq"`
	Findings []Finding `json:"findings"`
	// Shadow says that the findings are there to be looked at beside those that count.
	Shadow bool `json:"shadow,omitempty"`
}

// CauseMachine is the [Finding.Cause] of a change that came with the machine, not with the code.
const CauseMachine = "machine"

// DetectorKey is the detector's part in the identity of its findings: what runs in the shadow finds changes of its own.
func DetectorKey(detector string, shadow bool) string {
	if shadow {
		return "shadow/" + detector
	}
	return detector
}

// Finding is one change of the level of a series, at one order, on one machine.
type Finding struct {
	MachineID uint32 `json:"machine_id"`
	TestID    uint32 `json:"test_id"`
	Metric    string `json:"metric"`
	// OrderID is the first order with the new level, PreviousOrderID the last one with the old.
	OrderID         uint32    `json:"order_id"`
	PreviousOrderID uint32    `json:"previous_order_id"`
	Direction       Direction `json:"direction"`
	Kind            Kind      `json:"kind"`
	// Before and After are levels and Spread the noise, all in the metric's unit. Effect is (After-Before)/Before.
	Before    float64 `json:"before"`
	After     float64 `json:"after"`
	Spread    float64 `json:"spread"`
	Effect    float64 `json:"effect"`
	Statistic float64 `json:"statistic"`
	PValue    float64 `json:"p_value"`
	// EffectLow and EffectHigh are the ends of the interval in which Effect is, as sure as the detector says; both 0 when it says none.
	EffectLow  float64 `json:"effect_low,omitempty"`
	EffectHigh float64 `json:"effect_high,omitempty"`
	// Cause is empty for a change of the code, or [CauseMachine].
	Cause string `json:"cause,omitempty"`
	// Nth tells changes of one series at one order in one direction apart; 0 for the first.
	Nth uint8 `json:"nth,omitempty"`
	// Active is false when the detector takes the finding back: later data contradicted it.
	Active bool `json:"active"`
	// ID is the id that the finding had first: [Finding.IDOf] what it was then. A change that moved keeps it.
	ID uuid.UUID `json:"id"`
}

// Encode gives the body of a [ChangeFound] event.
func (c Changes) Encode() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("encode changes of %q: %w", c.Detector, err)
	}
	return json.Marshal(c)
}

// DecodeChanges is the inverse of [Changes.Encode]. It checks what can be checked without the suite's state.
func DecodeChanges(body []byte) (Changes, error) {
	var c Changes
	if err := decodeStrictly(body, &c); err != nil {
		return Changes{}, fmt.Errorf("decode changes: %w", err)
	}
	if err := c.Validate(); err != nil {
		return Changes{}, fmt.Errorf("decode changes: %w", err)
	}
	return c, nil
}

// Validate reports the first finding that is not well formed: a hundred thousand equal mistakes help nobody.
func (c Changes) Validate() error {
	if err := checkDetector(c.Detector); err != nil {
		return err
	}
	if len(c.Findings) > MaxFindings {
		return fmt.Errorf("%d findings exceed %d", len(c.Findings), MaxFindings)
	}
	for i, f := range c.Findings {
		if err := f.validate(); err != nil {
			return fmt.Errorf("findings[%d].%w", i, err)
		}
	}
	return nil
}

func (f Finding) validate() error {
	if f.Direction != Up && f.Direction != Down {
		return fmt.Errorf("direction: %q is neither up nor down", f.Direction)
	}
	if f.Kind != Regression && f.Kind != Improvement {
		return fmt.Errorf("kind: %q is neither regression nor improvement", f.Kind)
	}
	if f.Cause != "" && f.Cause != CauseMachine {
		return fmt.Errorf("cause: %q is neither empty nor %q", f.Cause, CauseMachine)
	}
	if f.Metric == "" {
		return errors.New("metric: is missing")
	}
	if f.ID == uuid.Nil {
		return errors.New("id: is missing")
	}
	for name, v := range f.numbers() {
		if !finite(v) {
			return fmt.Errorf("%s: is not finite", name)
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// numbers yields every measured number with its JSON name, in a fixed order.
func (f Finding) numbers() func(yield func(string, float64) bool) {
	return func(yield func(string, float64) bool) {
		_ = yield("before", f.Before) && yield("after", f.After) && yield("spread", f.Spread) &&
			yield("effect", f.Effect) && yield("statistic", f.Statistic) && yield("p_value", f.PValue) &&
			yield("effect_low", f.EffectLow) && yield("effect_high", f.EffectHigh)
	}
}
