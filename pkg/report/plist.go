package report

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Property lists are rewritten as the JSON text that says the same, so that there is one reader of
// reports. Both readers are our own: a binary list may share and nest objects such that a few hundred
// bytes stand for terabytes, and the libraries at hand follow them there, or recurse or allocate as told
// by the document.

// jsonWriter writes the JSON text of a property list within bounds. Every method but the last reports
// what was wrong as an *Error.
type jsonWriter struct {
	opts Options
	out  []byte
}

// crumb is one step of the way to the value being written, kept on the stack of its reader.
type crumb struct {
	parent *crumb
	name   string
	at     int // place in a list, -1 in a dictionary
}

func (c *crumb) path() string {
	if c == nil {
		return ""
	}
	if c.at >= 0 {
		return index(c.parent.path(), c.at)
	}
	return join(c.parent.path(), c.name)
}

// refuse says that the container is broken at a place.
func (w *jsonWriter) refuse(c *crumb, why string) error {
	at := c.path()
	if at != "" {
		why += ", in " + strconv.Quote(at)
	}
	return unreadable(w.opts, at, "plist: "+why)
}

// room checks the size of what was written so far.
func (w *jsonWriter) room() error {
	if len(w.out) > w.opts.MaxBytes {
		return tooLarge("the property list stands for more than %d bytes of JSON", w.opts.MaxBytes)
	}
	return nil
}

func (w *jsonWriter) str(c *crumb, s string) error {
	if !utf8.ValidString(s) {
		return w.refuse(c, "a string is not valid UTF-8")
	}
	w.out, _ = jsontext.AppendQuote(w.out, s)
	return w.room()
}

func (w *jsonWriter) real(c *crumb, f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return misfit(c.path(), "%v is not a finite number", f)
	}
	w.out = jsontext.AppendFloat(w.out, f, 64)
	return w.room()
}

func (w *jsonWriter) integer(n *big.Int) error {
	w.out = n.Append(w.out, 10)
	return w.room()
}

func (w *jsonWriter) bool(b bool) error {
	w.out = strconv.AppendBool(w.out, b)
	return w.room()
}

func (w *jsonWriter) date(c *crumb, t time.Time) error {
	return w.str(c, t.UTC().Format("2006-01-02T15:04:05.999999"))
}

// depth refuses to go deeper than the options allow. A report itself takes five levels.
func (w *jsonWriter) depth(c *crumb, depth int) error {
	if most := w.opts.MaxDepth + 5; depth > most {
		return malformed(c.path(), "nests deeper than %d", most)
	}
	return nil
}

// parseInteger reads the text of an <integer>; it bounds the digits because their cost is not linear.
func parseInteger(s string) (*big.Int, bool) {
	const most = 100
	s = strings.TrimSpace(s)
	if len(s) > most {
		return nil, false
	}
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	base := 10
	if hex, ok := strings.CutPrefix(strings.ToLower(digits), "0x"); ok {
		digits, base = hex, 16
	}
	if digits == "" || strings.ContainsAny(digits, "+-_") {
		return nil, false
	}
	n, ok := new(big.Int).SetString(digits, base)
	if ok && strings.HasPrefix(s, "-") {
		n.Neg(n)
	}
	return n, ok
}
