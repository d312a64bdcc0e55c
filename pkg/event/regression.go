package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
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

// IDOf is the identity that a finding gets when it is found for the first time; detector is its [DetectorKey].
func (f Finding) IDOf(database, suite, detector string) uuid.UUID {
	switch {
	case detector == DetectorLNT:
		return SpanID(database, suite, f.MachineID, f.TestID, f.Metric, f.PreviousOrderID, f.OrderID)
	case f.Nth == 0:
		return FindingID(database, suite, f.MachineID, f.TestID, f.Metric, f.OrderID, f.Direction, detector)
	default:
		return derive(namespaceFinding, func(h *hashed) {
			h.text(database).text(suite).number(f.MachineID).number(f.TestID).text(f.Metric).number(f.OrderID).text(string(f.Direction)).text(detector).number(uint32(f.Nth))
		})
	}
}

// RegressionOpening is the body of [RegressionOpened], version 1, as JSON.
type RegressionOpening struct {
	ChangeIDs []uint32 `json:"change_ids"`
	// Title is made from the changes when it is empty.
	Title string `json:"title"`
	Bug   string `json:"bug"`
	State uint8  `json:"state"`
	Note  string `json:"note,omitempty"`
}

// RegressionExtension is the body of [RegressionExtended], version 1, as JSON.
type RegressionExtension struct {
	RegressionID uint32   `json:"regression_id"`
	ChangeIDs    []uint32 `json:"change_ids"`
	Note         string   `json:"note,omitempty"`
}

// RegressionTriage is the body of [RegressionTriaged], version 1, as JSON: of one regression, or of several at once. What is nil stays
// as it is.
type RegressionTriage struct {
	RegressionID  uint32   `json:"regression_id,omitempty"`
	RegressionIDs []uint32 `json:"regression_ids,omitempty"`
	Title         *string  `json:"title"`
	Bug           *string  `json:"bug"`
	State         *uint8   `json:"state"`
	Owner         *string  `json:"owner,omitempty"`
	AddTags       []string `json:"add_tags,omitempty"`
	RemoveTags    []string `json:"remove_tags,omitempty"`
	// Note says why. Filter is what the regressions were chosen by.
	Note   string `json:"note,omitempty"`
	Filter string `json:"filter,omitempty"`
}

// IDs are the regressions that it is about.
func (r RegressionTriage) IDs() []uint32 {
	if r.RegressionID != 0 {
		return []uint32{r.RegressionID}
	}
	return r.RegressionIDs
}

// RegressionMerge is the body of [RegressionMerged], version 1, as JSON.
type RegressionMerge struct {
	RegressionIDs []uint32 `json:"regression_ids"`
	Note          string   `json:"note,omitempty"`
}

// RegressionSplitting is the body of [RegressionSplit], version 1, as JSON: the changes leave the regression for a new one.
type RegressionSplitting struct {
	RegressionID uint32   `json:"regression_id"`
	ChangeIDs    []uint32 `json:"change_ids"`
	Note         string   `json:"note,omitempty"`
}

// RegressionDeletion is the body of [RegressionDeleted], version 1, as JSON. The changes stay, in no regression.
type RegressionDeletion struct {
	RegressionIDs []uint32 `json:"regression_ids"`
	Note          string   `json:"note,omitempty"`
}

// ChangeDismissal is the body of [ChangeIgnored], version 1, as JSON.
type ChangeDismissal struct {
	ChangeIDs []uint32 `json:"change_ids"`
	// Restore takes earlier dismissals back.
	Restore bool `json:"restore,omitempty"`
	// Standing refuses changes that were withdrawn. Events from before there was this field dismiss those, too.
	Standing bool `json:"standing,omitempty"`
	// Note says why. Filter is what the changes were chosen by.
	Note   string `json:"note,omitempty"`
	Filter string `json:"filter,omitempty"`
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
	return errors.Join(checkIDs("change_ids", r.ChangeIDs), checkText("title", r.Title), checkText("bug", r.Bug), checkState(r.State), checkNote("note", r.Note))
}

func (r RegressionExtension) validate() error {
	return errors.Join(checkIDs("regression_id", []uint32{r.RegressionID}), checkIDs("change_ids", r.ChangeIDs), checkNote("note", r.Note))
}

func (r RegressionTriage) validate() error {
	problems := []error{
		r.validateIDs(), checkTags("add_tags", r.AddTags), checkTags("remove_tags", r.RemoveTags),
		checkNote("note", r.Note), checkNote("filter", r.Filter),
	}
	if r.Owner != nil {
		problems = append(problems, checkText("owner", *r.Owner))
	}
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

func (r RegressionTriage) validateIDs() error {
	switch {
	case len(r.RegressionIDs) == 0:
		return checkIDs("regression_id", []uint32{r.RegressionID})
	case r.RegressionID != 0:
		return errors.New("regression_ids: there is a regression_id, too")
	default:
		return checkIDs("regression_ids", r.RegressionIDs)
	}
}

func (r RegressionMerge) validate() error {
	return errors.Join(checkIDs("regression_ids", r.RegressionIDs), checkNote("note", r.Note))
}

func (r RegressionSplitting) validate() error {
	return errors.Join(checkIDs("regression_id", []uint32{r.RegressionID}), checkIDs("change_ids", r.ChangeIDs), checkNote("note", r.Note))
}

func (r RegressionDeletion) validate() error {
	return errors.Join(checkIDs("regression_ids", r.RegressionIDs), checkNote("note", r.Note))
}

func (c ChangeDismissal) validate() error {
	return errors.Join(checkIDs("change_ids", c.ChangeIDs), checkNote("note", c.Note), checkNote("filter", c.Filter))
}

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

func checkText(field, text string) error { return checkLength(field, text, MaxRegressionText) }

func checkLength(field, text string, most int) error {
	switch {
	case !utf8.ValidString(text):
		return fmt.Errorf("%s: is not text", field)
	case utf8.RuneCountInString(text) > most:
		return fmt.Errorf("%s: has more than %d characters", field, most)
	default:
		return nil
	}
}

// Bounds, in characters, of what people write beside a decision, and of tags.
const (
	MaxNote = 4096
	MaxTag  = 64
	MaxTags = 32
)

func checkNote(field, text string) error { return checkLength(field, text, MaxNote) }

// checkTags wants words: what is listed with commas between has none in it.
func checkTags(field string, tags []string) error {
	if len(tags) > MaxTags {
		return fmt.Errorf("%s: %d tags exceed %d", field, len(tags), MaxTags)
	}
	for i, tag := range tags {
		if tag == "" || strings.ContainsFunc(tag, func(r rune) bool { return r == ',' || unicode.IsSpace(r) || unicode.IsControl(r) }) {
			return fmt.Errorf("%s[%d]: %q is empty, or holds a blank or a comma", field, i, tag)
		}
		if err := checkLength(fmt.Sprintf("%s[%d]", field, i), tag, MaxTag); err != nil {
			return err
		}
	}
	return nil
}

func checkState(state uint8) error {
	if !slices.Contains(States(), state) {
		return fmt.Errorf("state: %d is none of %v", state, States())
	}
	return nil
}
