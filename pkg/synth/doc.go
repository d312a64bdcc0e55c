// Package synth makes benchmark histories with known changes: reports as a bot
// would send them, and the truth beside them.
//
// The same seed gives the same bytes. A series depends on the seed and its own
// names alone, so asking for more tests or machines leaves the others as they
// were. Pure: no clock, no files.
package synth
