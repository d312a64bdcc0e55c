package event

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"
)

// DetectorLNT is the name of the detector whose findings are LNT's field changes, and are grouped as LNT groups them.
const DetectorLNT = "lnt"

// The states of a regression, with LNT's numbers.
const (
	// StateDetected is a regression that nobody has looked at.
	StateDetected uint8 = 0
	// StateStaged is accepted, but may still go away by itself.
	StateStaged uint8 = 1
	// StateActive needs somebody's work.
	StateActive uint8 = 10
	// StateNotToBeFixed is real, and stays.
	StateNotToBeFixed uint8 = 20
	// StateIgnored is none.
	StateIgnored uint8 = 21
	// StateFixed was fixed, somebody says.
	StateFixed uint8 = 22
	// StateVerify is fixed by what the data says, and somebody should look.
	StateVerify uint8 = 23
)

// States are all states of a regression.
func States() []uint8 {
	return []uint8{StateDetected, StateStaged, StateActive, StateNotToBeFixed, StateIgnored, StateFixed, StateVerify}
}

// MaxRegressionText bounds, in characters, the title and the bug link that an event may set. LNT's columns hold 256.
const MaxRegressionText = 1024

// SpanID is the identity of a finding of [DetectorLNT]: LNT knows a change by both of its orders, and does not mind if it turns round.
func SpanID(database, suite string, machineID, testID uint32, metric string, previousOrderID, orderID uint32) uuid.UUID {
	return derive(namespaceFinding, func(h *hashed) {
		h.text(database).text(suite).number(machineID).number(testID).text(metric).number(previousOrderID).number(orderID).text(DetectorLNT)
	})
}

// IDOf is the identity of a detector's finding.
func (f Finding) IDOf(database, suite, detector string) uuid.UUID {
	if detector == DetectorLNT {
		return SpanID(database, suite, f.MachineID, f.TestID, f.Metric, f.PreviousOrderID, f.OrderID)
	}
	return FindingID(database, suite, f.MachineID, f.TestID, f.Metric, f.OrderID, f.Direction, detector)
}

// RegressionOpening is the body of [RegressionOpened], version 1, as JSON.
type RegressionOpening struct {
	ChangeIDs []uint32 `json:"change_ids"`
	// Title is made from the changes when it is empty.
	Title string `json:"title"`
	Bug   string `json:"bug"`
	State uint8  `json:"state"`
}

// RegressionExtension is the body of [RegressionExtended], version 1, as JSON.
type RegressionExtension struct {
	RegressionID uint32   `json:"regression_id"`
	ChangeIDs    []uint32 `json:"change_ids"`
}

// RegressionTriage is the body of [RegressionTriaged], version 1, as JSON. What is nil stays as it is.
type RegressionTriage struct {
	RegressionID uint32  `json:"regression_id"`
	Title        *string `json:"title"`
	Bug          *string `json:"bug"`
	State        *uint8  `json:"state"`
}

// RegressionMerge is the body of [RegressionMerged], version 1, as JSON.
type RegressionMerge struct {
	RegressionIDs []uint32 `json:"regression_ids"`
}

// RegressionSplitting is the body of [RegressionSplit], version 1, as JSON: the changes leave the regression for a new one.
type RegressionSplitting struct {
	RegressionID uint32   `json:"regression_id"`
	ChangeIDs    []uint32 `json:"change_ids"`
}

// RegressionDeletion is the body of [RegressionDeleted], version 1, as JSON. The changes stay, in no regression.
type RegressionDeletion struct {
	RegressionIDs []uint32 `json:"regression_ids"`
}

// ChangeDismissal is the body of [ChangeIgnored], version 1, as JSON.
type ChangeDismissal struct {
	ChangeIDs []uint32 `json:"change_ids"`
}

// Encode gives the body of a [RegressionOpened] event.
func (r RegressionOpening) Encode() ([]byte, error) { return encodeChecked(RegressionOpened, r) }

// Encode gives the body of a [RegressionExtended] event.
func (r RegressionExtension) Encode() ([]byte, error) { return encodeChecked(RegressionExtended, r) }

// Encode gives the body of a [RegressionTriaged] event.
func (r RegressionTriage) Encode() ([]byte, error) { return encodeChecked(RegressionTriaged, r) }

// Encode gives the body of a [RegressionMerged] event.
func (r RegressionMerge) Encode() ([]byte, error) { return encodeChecked(RegressionMerged, r) }

// Encode gives the body of a [RegressionSplit] event.
func (r RegressionSplitting) Encode() ([]byte, error) { return encodeChecked(RegressionSplit, r) }

// Encode gives the body of a [RegressionDeleted] event.
func (r RegressionDeletion) Encode() ([]byte, error) { return encodeChecked(RegressionDeleted, r) }

// Encode gives the body of a [ChangeIgnored] event.
func (c ChangeDismissal) Encode() ([]byte, error) { return encodeChecked(ChangeIgnored, c) }

// DecodeRegressionOpening is the inverse of [RegressionOpening.Encode].
func DecodeRegressionOpening(body []byte) (RegressionOpening, error) {
	return decodeChecked[RegressionOpening](RegressionOpened, body)
}

// DecodeRegressionExtension is the inverse of [RegressionExtension.Encode].
func DecodeRegressionExtension(body []byte) (RegressionExtension, error) {
	return decodeChecked[RegressionExtension](RegressionExtended, body)
}

// DecodeRegressionTriage is the inverse of [RegressionTriage.Encode].
func DecodeRegressionTriage(body []byte) (RegressionTriage, error) {
	return decodeChecked[RegressionTriage](RegressionTriaged, body)
}

// DecodeRegressionMerge is the inverse of [RegressionMerge.Encode].
func DecodeRegressionMerge(body []byte) (RegressionMerge, error) {
	return decodeChecked[RegressionMerge](RegressionMerged, body)
}

// DecodeRegressionSplitting is the inverse of [RegressionSplitting.Encode].
func DecodeRegressionSplitting(body []byte) (RegressionSplitting, error) {
	return decodeChecked[RegressionSplitting](RegressionSplit, body)
}

// DecodeRegressionDeletion is the inverse of [RegressionDeletion.Encode].
func DecodeRegressionDeletion(body []byte) (RegressionDeletion, error) {
	return decodeChecked[RegressionDeletion](RegressionDeleted, body)
}

// DecodeChangeDismissal is the inverse of [ChangeDismissal.Encode].
func DecodeChangeDismissal(body []byte) (ChangeDismissal, error) {
	return decodeChecked[ChangeDismissal](ChangeIgnored, body)
}

func (r RegressionOpening) validate() error {
	return errors.Join(checkIDs("change_ids", r.ChangeIDs), checkText("title", r.Title), checkText("bug", r.Bug), checkState(r.State))
}

func (r RegressionExtension) validate() error {
	return errors.Join(checkIDs("regression_id", []uint32{r.RegressionID}), checkIDs("change_ids", r.ChangeIDs))
}

func (r RegressionTriage) validate() error {
	problems := []error{checkIDs("regression_id", []uint32{r.RegressionID})}
	if r.Title != nil {
		problems = append(problems, checkText("title", *r.Title))
	}
	if r.Bug != nil {
		problems = append(problems, checkText("bug", *r.Bug))
	}
	if r.State != nil {
		problems = append(problems, checkState(*r.State))
	}
	return errors.Join(problems...)
}

func (r RegressionMerge) validate() error { return checkIDs("regression_ids", r.RegressionIDs) }

func (r RegressionSplitting) validate() error {
	return errors.Join(checkIDs("regression_id", []uint32{r.RegressionID}), checkIDs("change_ids", r.ChangeIDs))
}

func (r RegressionDeletion) validate() error { return checkIDs("regression_ids", r.RegressionIDs) }

func (c ChangeDismissal) validate() error { return checkIDs("change_ids", c.ChangeIDs) }

// checkIDs wants at least one id, none of them zero and none twice.
func checkIDs(field string, ids []uint32) error {
	switch {
	case len(ids) == 0:
		return fmt.Errorf("%s: is missing", field)
	case len(ids) > MaxFindings:
		return fmt.Errorf("%s: %d ids exceed %d", field, len(ids), MaxFindings)
	case slices.Contains(ids, 0):
		return fmt.Errorf("%s: no id is 0", field)
	}
	sorted := slices.Sorted(slices.Values(ids))
	if len(slices.Compact(sorted)) != len(ids) {
		return fmt.Errorf("%s: an id comes twice", field)
	}
	return nil
}

func checkText(field, text string) error {
	switch {
	case !utf8.ValidString(text):
		return fmt.Errorf("%s: is not text", field)
	case utf8.RuneCountInString(text) > MaxRegressionText:
		return fmt.Errorf("%s: has more than %d characters", field, MaxRegressionText)
	default:
		return nil
	}
}

func checkState(state uint8) error {
	if !slices.Contains(States(), state) {
		return fmt.Errorf("state: %d is none of %v", state, States())
	}
	return nil
}
