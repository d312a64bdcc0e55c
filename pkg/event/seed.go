package event

import (
	"encoding/json"
	"errors"
	"fmt"
)

// MaxSeeded is the largest number of machines, orders and tests together in one event.
const MaxSeeded = 1_000_000

// MaxKeptID is the largest id that an event may ask for: LNT's ids are signed. The serials above it stay free for what comes later.
const MaxKeptID = 1<<31 - 1

// Seed is the body of [SuiteSeeded], version 1, as JSON: what exists in a suite under ids that are kept.
type Seed struct {
	Machines []SeededMachine `json:"machines,omitempty"`
	Orders   []SeededOrder   `json:"orders,omitempty"`
	Tests    []SeededTest    `json:"tests,omitempty"`
}

// SeededMachine is a machine with the id it keeps.
type SeededMachine struct {
	ID   uint32 `json:"id"`
	Name string `json:"name"`
	// Values is a JSON object of its fields and parameters; absent when it has none.
	Values json.RawMessage `json:"values,omitempty"`
}

// SeededOrder is an order with the id it keeps.
type SeededOrder struct {
	ID uint32 `json:"id"`
	// Values are the order fields, in the schema's order.
	Values []string `json:"values"`
}

// SeededTest is a test with the id it keeps.
type SeededTest struct {
	ID   uint32 `json:"id"`
	Name string `json:"name"`
}

// Encode gives the body of a [SuiteSeeded] event.
func (s Seed) Encode() ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("encode seed: %w", err)
	}
	body, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode seed: %w", err)
	}
	return body, nil
}

// DecodeSeed is the inverse of [Seed.Encode]. It checks what can be checked without the suite's state.
func DecodeSeed(body []byte) (Seed, error) {
	var s Seed
	if err := decodeStrictly(body, &s); err != nil {
		return Seed{}, fmt.Errorf("decode seed: %w", err)
	}
	if err := s.Validate(); err != nil {
		return Seed{}, fmt.Errorf("decode seed: %w", err)
	}
	return s, nil
}

// Validate reports the first entry that is not well formed.
func (s Seed) Validate() error {
	if n := len(s.Machines) + len(s.Orders) + len(s.Tests); n > MaxSeeded {
		return fmt.Errorf("%d entries exceed %d", n, MaxSeeded)
	}
	for i, m := range s.Machines {
		if err := checkSeeded(m.ID, m.Name == ""); err != nil {
			return fmt.Errorf("machines[%d].%w", i, err)
		}
		if len(m.Values) > 0 && !isObject(m.Values) {
			return fmt.Errorf("machines[%d].values: is not an object", i)
		}
	}
	for i, o := range s.Orders {
		if err := checkSeeded(o.ID, false); err != nil {
			return fmt.Errorf("orders[%d].%w", i, err)
		}
		if len(o.Values) == 0 {
			return fmt.Errorf("orders[%d].values: is missing", i)
		}
	}
	for i, t := range s.Tests {
		if err := checkSeeded(t.ID, t.Name == ""); err != nil {
			return fmt.Errorf("tests[%d].%w", i, err)
		}
	}
	return nil
}

func checkSeeded(id uint32, nameless bool) error {
	if id < 1 || id > MaxKeptID {
		return fmt.Errorf("id: %d is outside 1..%d", id, MaxKeptID)
	}
	if nameless {
		return errors.New("name: is missing")
	}
	return nil
}
