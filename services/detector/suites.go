package detector

import (
	"fmt"
	"path"
	"strings"
)

// Suites says which suites something is done for: patterns of database and suite such as "default/nts", "*/libcxx" or "*", which
// stands for all. The marks are those of [path.Match].
type Suites []string

// Has says whether one of the patterns matches.
func (s Suites) Has(database, suite string) bool {
	for _, pattern := range s {
		if pattern == "*" {
			return true
		}
		if ok, err := path.Match(pattern, database+"/"+suite); ok && err == nil {
			return true
		}
	}
	return false
}

// problem is what is wrong with the first pattern that cannot match; empty for none.
func (s Suites) problem() string {
	for _, pattern := range s {
		if _, err := path.Match(pattern, ""); err != nil || pattern != "*" && strings.Count(pattern, "/") != 1 {
			return fmt.Sprintf("%q is no pattern of database/suite", pattern)
		}
	}
	return ""
}
