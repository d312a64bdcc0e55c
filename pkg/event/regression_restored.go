package event

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// RegressionRow is the whole of one regression, as an event left it. As JSON it is a cell of the ledger.
type RegressionRow struct {
	ID    uint32 `json:"regression_id"`
	Title string `json:"title"`
	Bug   string `json:"bug,omitempty"`
	State uint8  `json:"state"` // LNT's number
	// ChangeIDs are its findings, in the order they were added.
	ChangeIDs []uint32 `json:"change_ids"`
	// Added says when each of them was added: a larger number is later, in all regressions of the suite.
	Added   []uint64 `json:"added"`
	Deleted bool     `json:"deleted,omitempty"`

	// UUID is [RegressionUUID] of the number.
	UUID uuid.UUID `json:"uuid,omitzero"`
	// Seq is the position of the event that changed it last, OpenedSeq of the one that made it.
	Seq       uint64 `json:"seq,omitempty"`
	OpenedSeq uint64 `json:"opened_seq,omitempty"`
	// Detector is that of its first finding. Kind says whether it is good, Cause whether it came with the code or with a machine.
	Detector string `json:"detector,omitempty"`
	Kind     Kind   `json:"kind,omitempty"`
	Cause    string `json:"cause,omitempty"`
	Owner    string `json:"owner,omitempty"`
	// Tags are sorted.
	Tags []string `json:"tags,omitempty"`
	// Note is what was said about the last step.
	Note string `json:"note,omitempty"`
	// StartOrderID and EndOrderID are the culprit range: after the first, up to and with the second. 0 when no finding was ever in it.
	StartOrderID uint32 `json:"start_order_id,omitempty"`
	EndOrderID   uint32 `json:"end_order_id,omitempty"`
	// MergedInto is the regression that it was made part of.
	MergedInto uint32 `json:"merged_into,omitempty"`
	// Touched says that a person did something with it, Titled that the title is a person's.
	Touched bool `json:"touched,omitempty"`
	Titled  bool `json:"titled,omitempty"`
	// Recovered says that it is to be verified because findings show that its own are over; FormerState is what it was before.
	Recovered   bool  `json:"recovered,omitempty"`
	FormerState uint8 `json:"former_state,omitempty"`
}

// The values of [RegressionRow.Cause].
const (
	RegressionOfCode    = "code"
	RegressionOfMachine = "machine"
)

// RegressionUUID is the identity of a regression among all suites.
func RegressionUUID(database, suite string, id uint32) uuid.UUID {
	return derive(namespaceRegression, func(h *hashed) { h.text(database).text(suite).number(id) })
}

// RegressionRestoration is the body of [RegressionRestored], version 1, as JSON: what the event at position Undoes did to regressions
// and to dismissals becomes what it was before.
type RegressionRestoration struct {
	Undoes uint64 `json:"undoes"`
	// Regressions are those that the event changed as they were before: deleted ones did not exist.
	Regressions []RegressionRow `json:"regressions"`
	// Dismissals are the changes that the event dismissed, or whose dismissal it took back.
	Dismissals []PriorDismissal `json:"dismissals,omitempty"`
	Reason     string           `json:"reason,omitempty"`
}

// PriorDismissal says whether a change was dismissed, and the effect that it had then.
type PriorDismissal struct {
	ChangeID  uint32  `json:"change_id"`
	Dismissed bool    `json:"dismissed"`
	Effect    float64 `json:"effect,omitempty"`
}

// Encode gives the body of a [RegressionRestored] event.
func (r RegressionRestoration) Encode() ([]byte, error) { return encodeChecked(RegressionRestored, r) }

// DecodeRegressionRestoration is the inverse of [RegressionRestoration.Encode].
func DecodeRegressionRestoration(body []byte) (RegressionRestoration, error) {
	return decodeChecked[RegressionRestoration](RegressionRestored, body)
}

func (r RegressionRestoration) validate() error {
	if r.Undoes == 0 {
		return errors.New("undoes: is missing")
	}
	if len(r.Regressions)+len(r.Dismissals) == 0 {
		return errors.New("regressions: is missing")
	}
	if len(r.Regressions) > 0 {
		ids := make([]uint32, len(r.Regressions))
		for i, row := range r.Regressions {
			ids[i] = row.ID
			if err := row.validate(); err != nil {
				return fmt.Errorf("regressions[%d].%w", i, err)
			}
		}
		if err := checkIDs("regressions", ids); err != nil {
			return err
		}
	}
	if len(r.Dismissals) > 0 {
		ids := make([]uint32, len(r.Dismissals))
		for i, d := range r.Dismissals {
			ids[i] = d.ChangeID
			if !finite(d.Effect) {
				return fmt.Errorf("dismissals[%d].effect: is not finite", i)
			}
		}
		if err := checkIDs("dismissals", ids); err != nil {
			return err
		}
	}
	return checkNote("reason", r.Reason)
}

// maxJoinedBugs bounds, in characters, the bug links of merged regressions.
const maxJoinedBugs = 1 << 20

func (r RegressionRow) validate() error {
	switch {
	case r.ID == 0 || r.ID > MaxKeptID:
		return fmt.Errorf("regression_id: %d is outside 1..%d", r.ID, MaxKeptID)
	case len(r.ChangeIDs) != len(r.Added):
		return fmt.Errorf("added: has %d places for %d changes", len(r.Added), len(r.ChangeIDs))
	case r.Kind != "" && r.Kind != Regression && r.Kind != Improvement:
		return fmt.Errorf("kind: %q is neither regression nor improvement", r.Kind)
	case r.Cause != "" && r.Cause != RegressionOfCode && r.Cause != RegressionOfMachine:
		return fmt.Errorf("cause: %q is neither code nor machine", r.Cause)
	}
	for i := 1; i < len(r.Added); i++ {
		if r.Added[i] <= r.Added[i-1] {
			return fmt.Errorf("added[%d]: is not after the one before", i)
		}
	}
	if len(r.ChangeIDs) > 0 {
		if err := checkIDs("change_ids", r.ChangeIDs); err != nil {
			return err
		}
	}
	return errors.Join(checkText("title", r.Title), checkLength("bug", r.Bug, maxJoinedBugs), checkState(r.State), checkText("owner", r.Owner),
		checkTags("tags", r.Tags), checkNote("note", r.Note))
}

// RegressionImport is the body of [RegressionImported], version 1, as JSON.
type RegressionImport struct {
	Regressions []ImportedRegression `json:"regressions"`
}

// ImportedRegression is a regression with the number it keeps. Its findings are those of [DetectorLNT].
type ImportedRegression struct {
	ID       uint32    `json:"id"`
	Title    string    `json:"title"`
	Bug      string    `json:"bug,omitempty"`
	State    uint8     `json:"state"`
	Findings []Finding `json:"findings"`
}

// Encode gives the body of a [RegressionImported] event.
func (r RegressionImport) Encode() ([]byte, error) { return encodeChecked(RegressionImported, r) }

// DecodeRegressionImport is the inverse of [RegressionImport.Encode].
func DecodeRegressionImport(body []byte) (RegressionImport, error) {
	return decodeChecked[RegressionImport](RegressionImported, body)
}

func (r RegressionImport) validate() error {
	if len(r.Regressions) == 0 {
		return errors.New("regressions: is missing")
	}
	ids, findings := make([]uint32, len(r.Regressions)), 0
	for i, one := range r.Regressions {
		ids[i] = one.ID
		if findings += len(one.Findings); findings > MaxFindings {
			return fmt.Errorf("regressions[%d].findings: there are more than %d", i, MaxFindings)
		}
		if err := one.validate(); err != nil {
			return fmt.Errorf("regressions[%d].%w", i, err)
		}
	}
	return checkIDs("regressions", ids)
}

func (r ImportedRegression) validate() error {
	if r.ID == 0 || r.ID > MaxKeptID {
		return fmt.Errorf("id: %d is outside 1..%d", r.ID, MaxKeptID)
	}
	for i, f := range r.Findings {
		if err := f.validate(); err != nil {
			return fmt.Errorf("findings[%d].%w", i, err)
		}
		if !f.Active {
			return fmt.Errorf("findings[%d].active: is false", i)
		}
	}
	return errors.Join(checkText("title", r.Title), checkText("bug", r.Bug), checkState(r.State))
}
