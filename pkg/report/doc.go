// Package report turns what a bot sends into one Submission value, whatever the container (JSON, XML or
// binary property list) and whatever the format version (0, 1 or 2), and resolves it against a suite's
// schema into exactly what is to be stored.
//
// It is pure: the same bytes, schema and time of arrival give the same Resolved for ever, which is what
// lets the log be decided again. Hostile input costs memory and time in proportion to Options and gets one
// *Error naming the place. Nothing that is returned shares memory with the body.
package report
