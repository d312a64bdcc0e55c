// Package replayer rebuilds every table from the ledger in a database beside the live one, compares the two, and puts the
// rebuilt tables in the place of the live ones.
//
// The ledger is only read. Each event is decided anew from the bytes as they came, suite by suite in the order of seq, and
// stored as the projector stores it, so that the views fill the tables. A replay may be stopped at any point and goes on
// where it was: what it had stored in part is completed first. Memory is bounded by a few chunks per suite under way.
package replayer
