package event

import (
	"encoding/json"
	"errors"
	"fmt"
)

// MaxSpec bounds in bytes how a machine is named in an event, and a machine's new name: more than any name that fits.
const MaxSpec = 4096

// A machine is named as in LNT's URLs: all digits are its id, anything else is its exact name. Which machine that is is decided when
// the event's turn comes.

// MachineUpdate is the body of [MachineUpdated], version 1, as JSON.
type MachineUpdate struct {
	Machine string `json:"machine"`
	// Values is a JSON object: all fields and parameters that the machine has from now on.
	Values json.RawMessage `json:"values"`
}

// MachineRename is the body of [MachineRenamed], version 1, as JSON.
type MachineRename struct {
	Machine string `json:"machine"`
	// Name is the new name.
	Name string `json:"name"`
}

// MachineMerge is the body of [MachineMerged], version 1, as JSON.
type MachineMerge struct {
	Machine string `json:"machine"`
	// Into names the machine whose the runs are from now on.
	Into string `json:"into"`
}

// MachineDeletion is the body of [MachineDeleted], version 1, as JSON.
type MachineDeletion struct {
	Machine string `json:"machine"`
}

// Encode gives the body of a [MachineUpdated] event.
func (m MachineUpdate) Encode() ([]byte, error) {
	return encodeChecked(MachineUpdated, m)
}

// Encode gives the body of a [MachineRenamed] event.
func (m MachineRename) Encode() ([]byte, error) {
	return encodeChecked(MachineRenamed, m)
}

// Encode gives the body of a [MachineMerged] event.
func (m MachineMerge) Encode() ([]byte, error) { return encodeChecked(MachineMerged, m) }

// Encode gives the body of a [MachineDeleted] event.
func (m MachineDeletion) Encode() ([]byte, error) {
	return encodeChecked(MachineDeleted, m)
}

// DecodeMachineUpdate is the inverse of [MachineUpdate.Encode].
func DecodeMachineUpdate(body []byte) (MachineUpdate, error) {
	return decodeChecked[MachineUpdate](MachineUpdated, body)
}

// DecodeMachineRename is the inverse of [MachineRename.Encode].
func DecodeMachineRename(body []byte) (MachineRename, error) {
	return decodeChecked[MachineRename](MachineRenamed, body)
}

// DecodeMachineMerge is the inverse of [MachineMerge.Encode].
func DecodeMachineMerge(body []byte) (MachineMerge, error) {
	return decodeChecked[MachineMerge](MachineMerged, body)
}

// DecodeMachineDeletion is the inverse of [MachineDeletion.Encode].
func DecodeMachineDeletion(body []byte) (MachineDeletion, error) {
	return decodeChecked[MachineDeletion](MachineDeleted, body)
}

func (m MachineUpdate) validate() error {
	if !isObject(m.Values) {
		return errors.New("values: is not an object")
	}
	return checkSpec("machine", m.Machine)
}

func (m MachineRename) validate() error {
	return errors.Join(checkSpec("machine", m.Machine), checkSpec("name", m.Name))
}

func (m MachineMerge) validate() error {
	return errors.Join(checkSpec("machine", m.Machine), checkSpec("into", m.Into))
}

func (m MachineDeletion) validate() error { return checkSpec("machine", m.Machine) }

func checkSpec(field, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("%s: is missing", field)
	case len(text) > MaxSpec:
		return fmt.Errorf("%s: has %d bytes, at most %d are allowed", field, len(text), MaxSpec)
	default:
		return nil
	}
}
