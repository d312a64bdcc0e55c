package intake

import (
	"errors"
	"net/http"

	"tidemark/pkg/auth"
)

// enter says whether the request may do what needs this scope, or why not. Where no token is required, one that is known lends its
// name all the same; one that is not known is passed over in LNT's header, as LNT does, but not where LNT has none.
func (a *attempt) enter(needs auth.Scope, required bool) *refusal {
	who, err := a.s.keys.Identify(a.secret)
	if err == nil {
		a.actor = who.Name
		err = who.Allow(needs, a.database)
	} else if !required && errors.Is(err, auth.ErrWrongToken) && a.bearer && a.s.keys.Any() {
		required = true
	}
	if err == nil || !required {
		return nil
	}
	if short := (*auth.ScopeError)(nil); errors.As(err, &short) {
		return &refusal{code: http.StatusForbidden, short: short.Error()}
	}
	return &refusal{code: http.StatusUnauthorized, short: textNoToken}
}
