package auth

import "fmt"

// Scope is what a token may do. Each contains those before it.
type Scope uint8

// The scopes, from least to most.
const (
	// Read reads.
	Read Scope = iota + 1
	// Submit adds runs.
	Submit
	// Triage decides about changes and regressions.
	Triage
	// Manage changes and deletes machines, runs and suites.
	Manage
	// Admin does everything, such as choosing ids when history is imported.
	Admin
)

var scopeNames = [...]string{Read: "read", Submit: "submit", Triage: "triage", Manage: "manage", Admin: "admin"}

// String is the scope's word.
func (s Scope) String() string {
	if s < Read || s > Admin {
		return fmt.Sprintf("scope %d", uint8(s))
	}
	return scopeNames[s]
}

// ParseScope is the inverse of [Scope.String].
func ParseScope(word string) (Scope, error) {
	for s := Read; s <= Admin; s++ {
		if scopeNames[s] == word {
			return s, nil
		}
	}
	return 0, fmt.Errorf("scope %q is none of read, submit, triage, manage, admin", word)
}
