package event

import (
	"errors"
	"strings"
	"unicode"
)

// The bounds of a [Baseline]'s texts in characters, which are LNT's.
const (
	MaxBaselineName    = 32
	MaxBaselineComment = 256
)

// Baseline is the body of [BaselineSet], version 1, as JSON: a name for an order that others are compared with, such as a release. It takes
// the place of the one with the same name.
type Baseline struct {
	Name    string `json:"name"`
	OrderID uint32 `json:"order_id"`
	Comment string `json:"comment,omitempty"`
}

// BaselineRemoval is the body of [BaselineRemoved], version 1, as JSON.
type BaselineRemoval struct {
	Name string `json:"name"`
}

// Encode gives the body of a [BaselineSet] event.
func (b Baseline) Encode() ([]byte, error) { return encodeChecked(BaselineSet, b) }

// Encode gives the body of a [BaselineRemoved] event.
func (b BaselineRemoval) Encode() ([]byte, error) { return encodeChecked(BaselineRemoved, b) }

// DecodeBaseline is the inverse of [Baseline.Encode].
func DecodeBaseline(body []byte) (Baseline, error) { return decodeChecked[Baseline](BaselineSet, body) }

// DecodeBaselineRemoval is the inverse of [BaselineRemoval.Encode].
func DecodeBaselineRemoval(body []byte) (BaselineRemoval, error) {
	return decodeChecked[BaselineRemoval](BaselineRemoved, body)
}

func (b Baseline) validate() error {
	problems := []error{checkBaselineName(b.Name), checkLength("comment", b.Comment, MaxBaselineComment)}
	if b.OrderID == 0 {
		problems = append(problems, errors.New("order_id: is missing"))
	}
	return errors.Join(problems...)
}

func (b BaselineRemoval) validate() error { return checkBaselineName(b.Name) }

// checkBaselineName keeps a name fit for an address.
func checkBaselineName(name string) error {
	switch {
	case name == "":
		return errors.New("name: is missing")
	case strings.TrimSpace(name) != name:
		return errors.New("name: begins or ends with a space")
	case strings.ContainsAny(name, "/%?#") || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("name: has one of / % ? # or a control character")
	default:
		return checkLength("name", name, MaxBaselineName)
	}
}
