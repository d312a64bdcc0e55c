package suite

import "unicode/utf8"

// Limits on what a suite, a submission and a schema may hold. Lengths count characters, as LNT's
// VARCHAR columns do.
const (
	// MaxName bounds machine, test, metric, field and suite names, and the values of declared
	// fields, order values and hashes.
	MaxName = 256
	// MaxMetrics bounds the metrics of one schema; a metric's index fits a uint16 with room to spare.
	MaxMetrics = 1000
	// MaxFields bounds the machine fields, and separately the run fields, of one schema.
	MaxFields = 250
	// MaxOrderDigits bounds the significant digits of one integer in an order value that take part
	// in comparing; all longer integers compare as one value greater than every shorter one.
	MaxOrderDigits = 600
)

// FitsName reports whether s has at most MaxName characters.
func FitsName(s string) bool {
	return len(s) <= MaxName || utf8.RuneCountInString(s) <= MaxName
}
