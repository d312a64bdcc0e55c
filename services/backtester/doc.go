// Package backtester runs the backtests that people ask for, one at a time, oldest
// first.
//
// A backtest belongs to the process that beats for it. One whose owner fell silent, as
// after a restart, is begun again from the start by whoever sees it first; what the
// earlier attempt stored is of no account. Whoever finds that another took a backtest
// over, or that people cancelled it, lets go of it.
package backtester
