// Package registry decides: fed the events of one suite in log order, it says what becomes of each and which rows follow.
//
// The same events give the same decisions and the same ids, on every machine, for ever: there is no clock, no randomness and no I/O
// in it, and nothing depends on the iteration order of a map. A refused event changes nothing but the position and the memory that it was
// seen. Ids are dense serials per suite from 1; a refusal consumes none. [Prepare] does the part that needs no state and may run in
// parallel; [State.Decide] is ordered. A state is not safe for concurrent use.
package registry
