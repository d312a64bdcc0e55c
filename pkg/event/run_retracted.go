package event

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Retraction is the body of [RunRetracted], version 1, as JSON. Whether there is such a run is decided later.
type Retraction struct {
	RunID uint32 `json:"run_id"`
}

// Encode gives the body of a [RunRetracted] event.
func (r Retraction) Encode() ([]byte, error) { return json.Marshal(r) }

// DecodeRetraction is the inverse of [Retraction.Encode].
func DecodeRetraction(body []byte) (Retraction, error) {
	var r struct {
		RunID *uint32 `json:"run_id"`
	}
	if err := decodeStrictly(body, &r); err != nil {
		return Retraction{}, fmt.Errorf("decode retraction: %w", err)
	}
	if r.RunID == nil {
		return Retraction{}, errors.New("decode retraction: run_id is missing")
	}
	return Retraction{RunID: *r.RunID}, nil
}
