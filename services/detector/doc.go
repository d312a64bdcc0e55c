// Package detector runs the SQL in sql/jobs on a schedule of aligned slots.
//
// A slot looks at what came since the last one: the machines whose runs changed,
// and on each the orders around the change. What a job finds, no longer finds or
// finds changed is appended to the log as an event. The job's position is moved
// only after that, so a crash repeats a slot and loses none; a repeat finds
// nothing new. Statements get their position as parameters and never ask the
// clock, so any slot can be run again.
//
// The detector "lnt" judges run by run instead, each as of its own position and
// after what was found in the one before can be read; docs/detection.md says what
// it shares with LNT.
package detector
