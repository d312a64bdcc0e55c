// Package httpx is the thin edge every HTTP service shares: one app, a request
// id, one structured log line per request, panics answered with the id alone,
// the public address as the client sees it, and the answer when nothing matches.
package httpx
