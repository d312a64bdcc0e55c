package clickhouse

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
)

// ServeOwner answers ClickHouse's HTTP interface on ln with every right, until ctx ends, for other
// processes of the product: to whoever knows the password, under a Host name of this machine. It
// returns nil on a clean stop and closes ln.
func (e *Engine) ServeOwner(ctx context.Context, ln net.Listener, password string) error {
	if !e.open.Load() {
		return ErrClosed
	}
	if password == "" {
		return errors.New("serve sql with every right: a password is needed")
	}
	want := sha256.Sum256([]byte(password))
	local := e.Reader(Limits{})
	owned := e.handler(nil)
	return serveUntil(ctx, ln, e.newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := local.admits(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		// Digests are compared, so that neither the password nor its length shows in the time taken.
		if got := sha256.Sum256([]byte(passwordOf(r))); subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			writeException(w, &Exception{Code: codeAuthenticationFailed, Message: "the password is not the one this engine was started with"})
			return
		}
		owned.ServeHTTP(w, r)
	})))
}

// passwordOf finds the password in the places where ClickHouse's clients put it.
func passwordOf(r *http.Request) string {
	if key := r.Header.Get("X-ClickHouse-Key"); key != "" {
		return key
	}
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	return r.URL.Query().Get("password")
}
