// Package store is the way to ClickHouse, and the only importer of its driver.
//
// Reads go through one small pool in which each kind of reader has a share with a
// bounded queue: when that is full, a read is refused with [ErrBusy] at once
// instead of piling up, so that readers can never hold more connections than
// configured, nor one kind of them keep out the others. Writes have connections of their
// own, which no reader can take. Every call has a deadline. Values reach the
// server as typed parameters only.
package store
