// Package api answers reads over HTTP: LNT's v4 REST, shape for shape, and the
// newer endpoints for receipts, findings and series.
//
// It keeps no state. Every read goes through the store's bounded pool under a
// deadline; when the pool is full the answer is 503 with Retry-After, so that
// readers cannot take connections from submissions. Reading a run costs what the
// run holds, not what the history holds.
package api
