// Package backtest tries a detector on history: what would it find that is not found
// now, what would it miss, and what do people say of that?
//
// A backtest is asked for through a [Queue], run by a [Runner], and read as a diff of
// findings with a [Report]. It changes nothing that counts: neither findings nor the
// log. What people decided (dismissals, states of regressions) are its labels.
package backtest
