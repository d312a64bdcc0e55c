// Package watcher tells which machines are missing: those that stopped reporting, and
// those whose newest run brings less than their runs usually do.
//
// What is usual is learnt from each machine's own runs. An event says when a signal
// opens and when it closes, once each: its id follows from the signal and from the event
// before it, so that a repeated slot, or two watchers, change nothing. All judging is in SQL,
// which takes the time as a parameter.
package watcher
